//! What the benchmarks share: the courses (scenes with the ticks that are timed), the seam to an engine that runs them, how good its result is, and the experiments that validate Jaguar.
//!
//! Other engines are in `peers/`, the program that compares, and compiled with the feature `peers` only.

pub mod convex;
pub mod course;
pub mod engine;
pub mod ground;
pub mod quality;
pub mod validation;
