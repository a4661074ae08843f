//! Scenes shared by the benchmarks.
