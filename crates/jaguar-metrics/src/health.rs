//! Is the pod alive, ready, started? What Kubernetes asks, answered from what the pod is doing.
//!
//! - **Startup**: the world is loaded and this pod has been a member of it once.
//! - **Ready**: it is a member of the current epoch and has the map, and neither drains nor stands still. An open port is not enough.
//! - **Live**: its simulation thread shows life. Waiting for a slow peer is life, since the thread wakes up from it; so is a world that a lost pod has halted,
//!   which no restart of this pod would bring back.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use serde_json::json;

/// Silence of the simulation thread after which a pod is dead. The thread wakes up many times a second even when it waits; what takes longest is loading
/// or handing over a large world, some seconds.
pub const STALL_LIMIT: Duration = Duration::from_secs(30);

/// What a pod is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// Reads its configuration and the world it founds.
    Loading,
    /// Has found the world and waits to become a member.
    Joining,
    /// Is a member of the current epoch and has the map.
    Member,
    /// Hands over what it owns. Peers are still served.
    Draining,
    /// Owns nothing, and is about to exit.
    Left,
}

impl Phase {
    const ALL: [Self; 5] = [Self::Loading, Self::Joining, Self::Member, Self::Draining, Self::Left];

    fn describe(self) -> &'static str {
        match self {
            Self::Loading => "loading the world",
            Self::Joining => "waiting to become a member of the world",
            Self::Member => "member of the world",
            Self::Draining => "handing over its entities before it leaves",
            Self::Left => "has left the world",
        }
    }
}

/// The health of one pod. Clones share everything; reporting takes no lock.
#[derive(Clone)]
pub struct Health(Arc<State>);

struct State {
    /// Beats are kept as ms since this moment.
    origin: Instant,
    stall_limit: Duration,
    phase: AtomicU8,
    was_member: AtomicBool,
    halted: OnceLock<String>,
    /// Whether the simulation thread is running, and so should show life.
    simulates: AtomicBool,
    last_beat_ms: AtomicU64,
}

impl Health {
    /// A pod that is [`Phase::Loading`] and has no simulation thread yet. `stall_limit` is usually [`STALL_LIMIT`].
    #[must_use]
    pub fn new(now: Instant, stall_limit: Duration) -> Self {
        Self(Arc::new(State {
            origin: now,
            stall_limit,
            phase: AtomicU8::new(Phase::Loading as u8),
            was_member: AtomicBool::new(false),
            halted: OnceLock::new(),
            simulates: AtomicBool::new(false),
            last_beat_ms: AtomicU64::new(0),
        }))
    }

    /// The pod is in `phase` from now on.
    pub fn enter(&self, phase: Phase) {
        if phase == Phase::Member {
            self.0.was_member.store(true, Relaxed);
        }
        self.0.phase.store(phase as u8, Relaxed);
    }

    /// The world stands still and this pod cannot change that. `reason` says what was lost; the first one stays.
    pub fn halt(&self, reason: impl Into<String>) {
        // A second reason is a consequence of the first.
        let _ = self.0.halted.set(reason.into());
    }

    /// The simulation thread shows life. Called at least once in each of its rounds, also while it waits or the world is paused.
    pub fn beat(&self, now: Instant) {
        self.0.last_beat_ms.store(self.since_origin_ms(now), Relaxed);
        self.0.simulates.store(true, Relaxed);
    }

    /// The simulation thread has ended as it should, and shows no more life.
    pub fn simulation_ended(&self) {
        self.0.simulates.store(false, Relaxed);
    }

    /// What the pod is doing.
    #[must_use]
    pub fn phase(&self) -> Phase {
        Phase::ALL[usize::from(self.0.phase.load(Relaxed))]
    }

    /// Why the world stands still, if it does.
    #[must_use]
    pub fn halted(&self) -> Option<&str> {
        self.0.halted.get().map(String::as_str)
    }

    /// Should the pod be left running?
    #[must_use]
    pub fn live(&self, now: Instant) -> Verdict {
        if !self.0.simulates.load(Relaxed) {
            return Verdict::pass("live", "the simulation thread is not running, as it should");
        }
        let silence_ms = self
            .since_origin_ms(now)
            .saturating_sub(self.0.last_beat_ms.load(Relaxed));
        let silence = Duration::from_millis(silence_ms);
        if silence > self.0.stall_limit {
            let limit = self.0.stall_limit;
            return Verdict::fail(
                "live",
                format!("the simulation thread has shown no life for {silence:?}, longer than {limit:?}"),
            );
        }
        Verdict::pass("live", "the simulation thread shows life")
    }

    /// Should clients be sent here?
    #[must_use]
    pub fn ready(&self) -> Verdict {
        self.member_verdict("ready", self.phase() == Phase::Member)
    }

    /// Has the pod started?
    #[must_use]
    pub fn startup(&self) -> Verdict {
        self.member_verdict("startup", self.0.was_member.load(Relaxed))
    }

    fn member_verdict(&self, probe: &'static str, holds: bool) -> Verdict {
        let started = self.0.was_member.load(Relaxed);
        match self.halted() {
            // Having started is not taken back.
            Some(reason) if probe == "ready" || !started => {
                Verdict::fail(probe, format!("the world stands still: {reason}"))
            }
            _ if holds => Verdict::pass(probe, self.phase().describe()),
            _ => Verdict::fail(probe, self.phase().describe().to_owned()),
        }
    }

    fn since_origin_ms(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.0.origin).as_millis()).unwrap_or(u64::MAX)
    }
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Health")
            .field("phase", &self.phase())
            .field("halted", &self.halted())
            .finish_non_exhaustive()
    }
}

/// The answer to a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// `live`, `ready` or `startup`.
    pub probe: &'static str,
    /// Whether the probe passes.
    pub passes: bool,
    /// Why, in words.
    pub reason: String,
}

impl Verdict {
    fn pass(probe: &'static str, reason: &str) -> Self {
        Self {
            probe,
            passes: true,
            reason: reason.to_owned(),
        }
    }

    fn fail(probe: &'static str, reason: String) -> Self {
        Self {
            probe,
            passes: false,
            reason,
        }
    }

    /// The HTTP status: 200 or 503.
    #[must_use]
    pub fn status(&self) -> u16 {
        if self.passes { 200 } else { 503 }
    }

    /// The verdict as one line of JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        let status = if self.passes { "pass" } else { "fail" };
        let mut line = json!({ "probe": self.probe, "status": status, "reason": self.reason }).to_string();
        line.push('\n');
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    /// What live (at `now`), ready and startup say, as one letter each: p for pass, f for fail.
    fn verdicts(health: &Health, now: Instant) -> String {
        let verdicts = [health.live(now), health.ready(), health.startup()];
        verdicts
            .map(|verdict| if verdict.passes { 'p' } else { 'f' })
            .iter()
            .collect()
    }

    #[test]
    fn a_pod_is_started_once_it_was_a_member_and_ready_while_it_is_one() {
        let now = Instant::now();
        let health = Health::new(now, LIMIT);
        let phases = [
            (Phase::Loading, "pff"),
            (Phase::Joining, "pff"),
            (Phase::Member, "ppp"),
            (Phase::Draining, "pfp"),
            (Phase::Left, "pfp"),
        ];
        for (phase, expected) in phases {
            health.enter(phase);
            assert_eq!(health.phase(), phase);
            assert_eq!(verdicts(&health, now), expected, "{phase:?}");
        }
    }

    #[test]
    fn silence_of_a_running_simulation_thread_is_death_after_the_limit() {
        let start = Instant::now();
        let health = Health::new(start, LIMIT);
        health.enter(Phase::Member);
        assert!(health.live(start + LIMIT * 9).passes, "no thread yet, no life expected");

        health.beat(start + LIMIT);
        assert!(health.live(start + LIMIT * 2).passes);
        let dead = health.live(start + LIMIT * 2 + Duration::from_millis(1));
        assert_eq!((dead.passes, dead.status()), (false, 503));
        assert!(dead.reason.contains("10.001s, longer than 10s"), "{}", dead.reason);

        health.beat(start + LIMIT * 3);
        assert!(health.live(start + LIMIT * 3).passes, "life returns");
        assert!(health.live(start).passes, "a question from before the beat");
        health.simulation_ended();
        assert!(health.live(start + LIMIT * 9).passes);
    }

    #[test]
    fn a_world_that_stands_still_is_not_ready_but_alive() {
        let now = Instant::now();
        let health = Health::new(now, LIMIT);
        health.enter(Phase::Member);
        health.beat(now);
        health.halt("pod jaguar-2 is lost with 512 entities");
        health.halt("a consequence");
        health.enter(Phase::Member);
        assert_eq!(verdicts(&health, now), "pfp");
        assert_eq!(
            health.ready().reason,
            "the world stands still: pod jaguar-2 is lost with 512 entities"
        );
    }

    #[test]
    fn a_verdict_is_a_line_of_json() {
        let verdict = Verdict::fail("ready", "a \"quoted\" reason".to_owned());
        let line: serde_json::Value = serde_json::from_str(&verdict.to_json()).unwrap();
        assert_eq!(
            line,
            json!({ "probe": "ready", "status": "fail", "reason": "a \"quoted\" reason" })
        );
    }
}
