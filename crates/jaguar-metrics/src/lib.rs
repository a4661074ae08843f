//! What a pod shows to those who watch it: metrics by fixed names, and whether it is alive, ready and started.
//!
//! Knows nothing of HTTP, of async runtimes or of where its numbers come from. Reads no clock: whoever reports a tick or asks for a verdict says when.
//!
//! Invariants:
//! 1. Every metric stands in one table ([`names::ALL`]) with kind, unit and help, from which the registration and docs/metrics.md follow.
//! 2. All metrics that are recorded exist from the start, counters at 0, so that a rate sees the first event. What is read of the system is exposed where it is
//!    known, for a memory request of 0 would be a wrong one.
//! 3. Recording is lock-free and allocates nothing, so the simulation thread may do it every tick.
//! 4. Nothing is global: two pods in one process have two [`Recorder`]s.

pub mod health;
pub mod names;

mod load;
mod reading;
mod recorder;
mod reference;
mod tick_rate;

pub use health::{Health, Phase, Verdict};
pub use load::LoadMeter;
pub use reading::Reading;
pub use recorder::{
    CommandKind, DrainResult, FileReload, Metrics, Outcome, Readings, Recorder, Refusal, ReloadResult, ScaleDirection,
    ScaledMetric, SnapshotResult,
};
pub use reference::reference;
pub use tick_rate::TickRateMeter;
