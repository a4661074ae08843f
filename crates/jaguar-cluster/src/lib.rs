//! Moves bytes, waits and retries: drives the protocol of `jaguar-migration` over gRPC.
//!
//! Decides nothing about the world. Knows nothing of flags or HTTP, and of files only that `jaguar-snapshot` has a store for parts.
//!
//! Invariants:
//! 1. One thread owns the pod ([`simulation_thread`]); everything else asks it through a channel and watches its progress.
//! 2. The simulation thread never waits for the async side: it drops what does not fit, and the protocol repeats it.
//! 3. Only [`convert`] knows both the gRPC types and the protocol's, and nothing of a client's input passes it unchecked.
//! 4. No call reaches a service but through [`security`]'s guard.
//! 5. A read answers for the whole world between two entries of its log, or fails ([`reader`]).

pub mod convert;
pub mod discovery;
pub mod election;
pub mod entrance;
pub mod join;
pub mod kubernetes;
pub mod limits;
pub mod peer;
pub mod query;
pub mod reader;
pub mod security;
pub mod server;
pub mod service;
pub mod simulation;
pub mod simulation_thread;
pub mod snapshots;
pub mod tuning;

mod channel;
mod history;
mod lowest;
mod meter;
