//! Narrow phase: where bodies touch, or will touch within the tick.

pub(crate) mod prepare;
pub(crate) mod static_geometry;
