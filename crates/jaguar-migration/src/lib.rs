//! The protocol of a distributed world, sans-I/O: state machines that take messages and time and return messages.
//!
//! Knows nothing of sockets, clocks, threads or files.

pub mod action;
pub mod command;
pub mod definition;
pub mod id;
pub mod input;
pub mod record;
pub mod time;
