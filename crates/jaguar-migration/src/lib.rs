//! The protocol of a distributed world, sans-I/O: state machines that take messages and time and return messages.
//!
//! Knows nothing of sockets, clocks, threads or files. A [`pod::Pod`] holds its part of the [`jaguar_core::World`] and executes the entries of the log in step with its neighbours; one of
//! the pods, the coordinator, seals the entries. A [`replay::Replay`] executes the same log on one world.
//!
//! # Invariants
//! 1. Between entries every body is held by exactly one pod. The coordinator checks it after every entry, by count and by a sum over the ids.
//! 2. An entry is sealed once, by one pod, and its records are valid; executing it cannot fail.
//! 3. A message is delivered once and in order, or the world stops ([`action::Action::Halt`]); it is never wrong instead.
//! 4. A command is answered after every pod has executed its entry, so every pod holds it.
//! 5. A pod leaves only when every pod has executed the map that took its last tile.
//! 6. Time decides when an entry is sealed, never what it does.

pub mod action;
mod apply;
pub mod command;
pub mod definition;
pub mod envelope;
pub mod error;
pub mod id;
pub mod input;
pub mod limits;
mod link;
mod lockstep;
mod log;
mod message;
pub mod pod;
pub mod program;
pub mod random;
pub mod record;
pub mod replay;
pub mod saved;
mod sequencer;
pub mod source;
pub mod time;
pub mod trace;
pub mod tuning;
