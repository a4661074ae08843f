//! What the benchmarks share: the courses (scenes with the ticks that are timed), the engines that run them, and how good their results are.
//!
//! Other engines are compiled with the feature `peers` only.

pub mod course;
pub mod engine;
pub mod jaguar;
pub mod quality;
#[cfg(feature = "peers")]
pub mod rapier;
