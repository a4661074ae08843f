//! A simulated network and clock for the protocol: many pods in one process, everything drawn from one seed.
//!
//! After TigerBeetle's simulator: first safety under all faults, then liveness after the network has healed; the checkers stand outside of the code under test. A run is a function of its
//! seed and [`Options`], so a failure is replayed by `cargo run --release -p jaguar-sim -- --seed N`.

pub mod cluster;
pub mod network;
pub mod options;
pub mod scenes;
pub mod settings;
mod snapshots;

pub use cluster::{Failure, Outcome, run};
pub use options::Options;
