//! Placeholder: see docs/architecture.md.

pub mod http;
