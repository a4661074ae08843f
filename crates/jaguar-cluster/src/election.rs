//! Who founds a world, and which pod is recorded as its coordinator. Sans-I/O: what was seen in the register, and the time, go in; what to do next comes out.
//!
//! The register holds one [`Record`] and offers reads and compare-and-swap (a Lease of Kubernetes: its resourceVersion). Two machines work on it. A pod that is not
//! a member of a world yet is a [`Candidate`]; the pod that coordinates a world is the [`Keeper`] of its record.
//!
//! # Rules
//! 1. A candidate founds only after its own write has won, over exactly what it saw. So of all candidates that saw the same, one founds.
//! 2. It writes only over no record, a released one, or one that it has seen unchanged for the record's own duration **by its own monotonic clock**, as client-go
//!    does: the clocks of two machines are never compared. Its write wins only if nothing has changed until then, so the holder really did not renew for so long.
//! 3. It writes only if, after that look, no peer said that it is a member of a world. A world that could not reach the register for a while (its records are old,
//!    but it lives) is joined, not replaced.
//! 4. The coordinator's role moves inside the world, by succession; the record follows. So a keeper that coordinates overwrites a record of its own world at once,
//!    whoever holds it.
//! 5. A keeper that finds another world in the record has been replaced while it could not be reached. It is fenced: its world must stop.
//! 6. An unreachable register disturbs no world: the keeper tries again, and the world goes on.

use std::fmt;
use std::time::Duration;

use jaguar_migration::id::WorldId;
use jaguar_migration::time::Time;

use crate::limits::{ELECTION_WAIT, RECORD_RETRY};

/// Renewals in the duration of a record: one may fail, and another be late, before anybody notices.
const RENEWALS: u32 = 3;

/// What the register says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The process that coordinates the world, never two the same; empty when the last one has released the record.
    pub holder: String,
    /// Where peers dial it, `host:port`.
    pub address: String,
    /// The world that it coordinates; none in a record that is not one of ours.
    pub world: Option<WorldId>,
    /// How long the record counts without having changed.
    pub duration: Duration,
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { holder, address, .. } = self;
        match self.world {
            _ if holder.is_empty() => f.write_str("nobody"),
            Some(world) => write!(f, "{holder} ({address}) of world {world}"),
            None => write!(f, "{holder}, of no world"),
        }
    }
}

/// Names a state of the register; a write says over which one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version(pub String);

/// What a read found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// There is no record.
    Absent,
    /// This one.
    Present {
        /// Its version.
        version: Version,
        /// Its content.
        record: Record,
    },
}

impl Seen {
    fn version(&self) -> Option<Version> {
        match self {
            Self::Absent => None,
            Self::Present { version, .. } => Some(version.clone()),
        }
    }
}

/// What became of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// It is in the register, as this version.
    Won(Version),
    /// The register had changed; nothing was written.
    Lost,
    /// No answer: it may be in the register or not.
    Unknown,
}

/// What a candidate does next.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Step {
    /// Read the register, then [`Candidate::seen`] or [`Candidate::unreadable`].
    Read,
    /// Ask all known peers whether they are members, this one first. When one lets this pod in it is no candidate any more; else [`Candidate::somebody`] or [`Candidate::nobody`].
    Ask {
        /// The holder's address, if the record names one.
        holder: Option<String>,
    },
    /// Write the own record over this version (none: create it), then [`Candidate::written`].
    Write {
        /// What was seen last.
        over: Option<Version>,
    },
    /// Do nothing until then.
    Rest {
        /// When to ask for the next step.
        until: Time,
    },
    /// Found the world. The own record is in the register, as this version.
    Found {
        /// The version.
        version: Version,
    },
}

#[derive(Clone, Debug)]
enum State {
    Look,
    /// Whether the register could be read in this round.
    Ask {
        looked: bool,
    },
    Claim,
    Rest {
        until: Time,
    },
    Elected(Version),
}

/// A pod that is not a member of a world yet and may have to found one.
#[derive(Clone, Debug)]
pub struct Candidate {
    own: Record,
    /// What was seen last, and since when it has been seen so.
    observed: Option<(Seen, Time)>,
    state: State,
}

impl Candidate {
    /// `own` is what it writes if it founds: the holder must be this process alone, the world must never have been one before.
    pub fn new(own: Record) -> Self {
        Self {
            own,
            observed: None,
            state: State::Look,
        }
    }

    /// The record that this candidate writes.
    pub fn own(&self) -> &Record {
        &self.own
    }

    /// What to do now.
    pub fn step(&mut self, now: Time) -> Step {
        if let State::Rest { until } = self.state {
            if now < until {
                return Step::Rest { until };
            }
            self.state = State::Look;
        }
        match &self.state {
            State::Look | State::Rest { .. } => Step::Read,
            State::Ask { .. } => Step::Ask {
                holder: self.holder().map(|record| record.address.clone()),
            },
            State::Claim => Step::Write {
                over: self.observed.as_ref().and_then(|(seen, _)| seen.version()),
            },
            State::Elected(version) => Step::Found {
                version: version.clone(),
            },
        }
    }

    /// The answer to [`Step::Read`].
    pub fn seen(&mut self, now: Time, seen: Seen) {
        if let Seen::Present { version, record } = &seen
            && record.holder == self.own.holder
        {
            // A write of this process has won, and its answer was lost.
            self.state = State::Elected(version.clone());
            return;
        }
        match &mut self.observed {
            Some((before, _)) if before.version() == seen.version() => {}
            observed => *observed = Some((seen, now)),
        }
        self.state = State::Ask { looked: true };
    }

    /// [`Step::Read`] had no answer. Peers are asked all the same: one of them may be a member.
    pub fn unreadable(&mut self) {
        self.state = State::Ask { looked: false };
    }

    /// No peer that answered [`Step::Ask`] is a member of a world.
    pub fn nobody(&mut self, now: Time) {
        let looked = matches!(self.state, State::Ask { looked: true });
        self.state = if looked && self.is_free(now) {
            State::Claim
        } else {
            State::Rest {
                until: now + ELECTION_WAIT,
            }
        };
    }

    /// A peer is, or may be, a member of a world, and this pod is not let in yet.
    pub fn somebody(&mut self, now: Time) {
        self.state = State::Rest {
            until: now + ELECTION_WAIT,
        };
    }

    /// The answer to [`Step::Write`].
    pub fn written(&mut self, now: Time, written: Written) {
        self.state = match written {
            Written::Won(version) => State::Elected(version),
            // Somebody else founds; it will serve soon. Or this process did, and the next look says so.
            Written::Lost | Written::Unknown => State::Rest {
                until: now + RECORD_RETRY,
            },
        };
    }

    /// Whether the record may be written over.
    fn is_free(&self, now: Time) -> bool {
        match &self.observed {
            None => false,
            Some((Seen::Absent, _)) => true,
            Some((Seen::Present { record, .. }, since)) => {
                record.holder.is_empty() || now.since(*since) >= record.duration
            }
        }
    }

    /// The record that was seen last, if somebody holds it.
    pub fn holder(&self) -> Option<&Record> {
        match &self.observed {
            Some((Seen::Present { record, .. }, _)) if !record.holder.is_empty() => Some(record),
            _ => None,
        }
    }
}

/// What the keeper of a record does next.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Care {
    /// Read the register, then [`Keeper::seen`] or [`Keeper::unreadable`].
    Read,
    /// Write the own record over this version (none: create it), then [`Keeper::written`].
    Write {
        /// What was seen last.
        over: Option<Version>,
    },
    /// Do nothing until then, or until the role comes or goes.
    Rest {
        /// When to ask again; none while this pod does not coordinate.
        until: Option<Time>,
    },
    /// Stop the world: the register belongs to another one, and this pod will never write to it again.
    Stop {
        /// Who holds it.
        other: Record,
    },
}

#[derive(Clone, Debug)]
enum Known {
    /// The register must be read.
    Nothing,
    /// The own record is in it.
    Own(Version),
    /// A record of this world by another holder, or none: to be written over.
    Replace(Option<Version>),
    /// Another world's.
    Fenced(Record),
}

/// Keeps the record of a world true while this pod coordinates it.
#[derive(Clone, Debug)]
pub struct Keeper {
    own: Record,
    known: Known,
    coordinates: bool,
    due: Time,
    /// Tries in a row that did not succeed.
    failures: u32,
}

impl Keeper {
    /// For a pod that has joined: it holds no record.
    pub fn of_a_member(own: Record) -> Self {
        Self {
            own,
            known: Known::Nothing,
            coordinates: false,
            due: Time::ZERO,
            failures: 0,
        }
    }

    /// For the pod that was elected, and founds.
    pub fn of_the_founder(own: Record, version: Version, now: Time) -> Self {
        let due = now + own.duration / RENEWALS;
        Self {
            own,
            known: Known::Own(version),
            coordinates: true,
            due,
            failures: 0,
        }
    }

    /// The record that this keeper writes.
    pub fn own(&self) -> &Record {
        &self.own
    }

    /// This pod has, or has not, the coordinator's role.
    pub fn coordinates(&mut self, now: Time, coordinates: bool) {
        if coordinates && !self.coordinates {
            self.due = now;
        }
        if !coordinates && matches!(self.known, Known::Own(_) | Known::Replace(_)) {
            // The successor writes next.
            self.known = Known::Nothing;
        }
        self.coordinates = coordinates;
    }

    /// What to do now.
    pub fn step(&self, now: Time) -> Care {
        match &self.known {
            Known::Fenced(other) => Care::Stop { other: other.clone() },
            _ if !self.coordinates => Care::Rest { until: None },
            _ if now < self.due => Care::Rest { until: Some(self.due) },
            Known::Nothing => Care::Read,
            Known::Own(version) => Care::Write {
                over: Some(version.clone()),
            },
            Known::Replace(version) => Care::Write { over: version.clone() },
        }
    }

    /// The answer to [`Care::Read`].
    pub fn seen(&mut self, seen: Seen) {
        self.known = match seen {
            Seen::Absent => Known::Replace(None),
            Seen::Present { version, record } if record.world == self.own.world => Known::Replace(Some(version)),
            Seen::Present { record, .. } => Known::Fenced(record),
        };
    }

    /// [`Care::Read`] had no answer.
    pub fn unreadable(&mut self, now: Time) {
        self.retry(now);
    }

    /// The answer to [`Care::Write`].
    pub fn written(&mut self, now: Time, written: Written) {
        match written {
            Written::Won(version) => {
                self.known = Known::Own(version);
                self.failures = 0;
                self.due = now + self.own.duration / RENEWALS;
            }
            Written::Lost | Written::Unknown => self.retry(now),
        }
    }

    /// Tries in a row that did not succeed.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// The version to release, when the world has ended here and the register is known to say so of this pod.
    pub fn releases(&self) -> Option<Version> {
        match &self.known {
            Known::Own(version) if self.coordinates => Some(version.clone()),
            _ => None,
        }
    }

    /// Looks again after a wait that grows up to the time between two renewals.
    fn retry(&mut self, now: Time) {
        self.known = Known::Nothing;
        let longest = self.own.duration / RENEWALS;
        let wait = RECORD_RETRY.saturating_mul(1 << self.failures.min(16)).min(longest);
        self.failures += 1;
        self.due = now + wait;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DURATION: Duration = Duration::from_secs(15);

    fn at(seconds: f64) -> Time {
        Time(Duration::from_secs_f64(seconds))
    }

    fn record(holder: &str, world: u64) -> Record {
        Record {
            holder: holder.to_owned(),
            address: format!("{holder}:50051"),
            world: Some(WorldId(world)),
            duration: DURATION,
        }
    }

    fn version(number: u32) -> Version {
        Version(number.to_string())
    }

    fn present(number: u32, record: Record) -> Seen {
        Seen::Present {
            version: version(number),
            record,
        }
    }

    /// A round in which nobody was a member; returns the step after it.
    fn round(candidate: &mut Candidate, now: Time, seen: Seen) -> Step {
        assert_eq!(candidate.step(now), Step::Read);
        candidate.seen(now, seen);
        assert!(matches!(candidate.step(now), Step::Ask { .. }));
        candidate.nobody(now);
        candidate.step(now)
    }

    #[test]
    fn a_candidate_claims_what_nobody_holds_at_once() {
        let released = Record {
            holder: String::new(),
            ..record("", 1)
        };
        for (seen, over) in [(Seen::Absent, None), (present(3, released), Some(version(3)))] {
            let mut candidate = Candidate::new(record("a", 7));
            assert_eq!(round(&mut candidate, at(0.0), seen), Step::Write { over });
            candidate.written(at(0.1), Written::Won(version(4)));
            assert_eq!(candidate.step(at(0.1)), Step::Found { version: version(4) });
        }
    }

    #[test]
    fn a_record_counts_until_it_was_seen_unchanged_for_its_whole_duration() {
        let mut candidate = Candidate::new(record("a", 7));
        let rests = |step: Step| matches!(step, Step::Rest { .. });
        assert!(rests(round(&mut candidate, at(100.0), present(1, record("b", 1)))));
        assert!(rests(round(&mut candidate, at(114.9), present(1, record("b", 1)))));
        // Renewed: the time begins anew, whatever the renewal says of clocks.
        assert!(rests(round(&mut candidate, at(116.0), present(2, record("b", 1)))));
        assert!(rests(round(&mut candidate, at(130.9), present(2, record("b", 1)))));
        let over = Some(version(2));
        assert_eq!(
            round(&mut candidate, at(132.0), present(2, record("b", 1))),
            Step::Write { over }
        );
        // It was renewed at the last moment.
        candidate.written(at(132.1), Written::Lost);
        assert!(rests(candidate.step(at(132.1))));
        assert!(rests(round(&mut candidate, at(133.0), present(3, record("b", 1)))));
    }

    #[test]
    fn a_register_that_cannot_be_read_makes_no_founder() {
        let mut candidate = Candidate::new(record("a", 7));
        assert!(matches!(
            round(&mut candidate, at(0.0), present(1, record("b", 1))),
            Step::Rest { .. }
        ));
        assert_eq!(candidate.step(at(100.0)), Step::Read);
        candidate.unreadable();
        let holder = Some("b:50051".to_owned());
        assert_eq!(candidate.step(at(100.0)), Step::Ask { holder });
        candidate.nobody(at(100.0));
        assert!(matches!(candidate.step(at(100.0)), Step::Rest { .. }));
    }

    #[test]
    fn a_write_whose_answer_was_lost_is_found_again() {
        let mut candidate = Candidate::new(record("a", 7));
        assert_eq!(round(&mut candidate, at(0.0), Seen::Absent), Step::Write { over: None });
        candidate.written(at(5.0), Written::Unknown);
        assert_eq!(candidate.step(at(6.0)), Step::Read);
        candidate.seen(at(6.0), present(1, record("a", 7)));
        assert_eq!(candidate.step(at(6.0)), Step::Found { version: version(1) });
    }

    #[test]
    fn the_founder_renews_three_times_in_the_duration() {
        let mut keeper = Keeper::of_the_founder(record("a", 7), version(1), at(0.0));
        assert_eq!(keeper.step(at(4.9)), Care::Rest { until: Some(at(5.0)) });
        let over = Some(version(1));
        assert_eq!(keeper.step(at(5.0)), Care::Write { over });
        keeper.written(at(5.1), Written::Won(version(2)));
        assert_eq!(keeper.step(at(5.1)), Care::Rest { until: Some(at(10.1)) });
        assert_eq!(keeper.releases(), Some(version(2)));
    }

    #[test]
    fn a_successor_takes_the_record_of_its_own_world_over_at_once_and_its_predecessor_lets_it() {
        let mut old = Keeper::of_the_founder(record("a", 7), version(1), at(0.0));
        old.coordinates(at(6.0), false);
        assert_eq!(old.step(at(6.0)), Care::Rest { until: None });
        assert_eq!(old.releases(), None);

        let mut new = Keeper::of_a_member(record("b", 7));
        assert_eq!(new.step(at(6.0)), Care::Rest { until: None });
        new.coordinates(at(6.0), true);
        assert_eq!(new.step(at(6.0)), Care::Read);
        new.seen(present(1, record("a", 7)));
        let over = Some(version(1));
        assert_eq!(new.step(at(6.0)), Care::Write { over });
        // The last renewal of the predecessor came between.
        new.written(at(6.1), Written::Lost);
        assert_eq!(new.step(at(6.1) + RECORD_RETRY), Care::Read);
    }

    #[test]
    fn a_keeper_that_finds_another_world_stops_its_own_for_good() {
        let mut keeper = Keeper::of_the_founder(record("a", 7), version(1), at(0.0));
        keeper.written(at(5.0), Written::Lost);
        keeper.seen(present(9, record("z", 8)));
        let stop = Care::Stop { other: record("z", 8) };
        assert_eq!(keeper.step(at(5.0)), stop);
        keeper.coordinates(at(6.0), false);
        assert_eq!(keeper.step(at(6.0)), stop);
        assert_eq!(keeper.releases(), None);
    }

    #[test]
    fn an_unreachable_register_is_tried_again_with_growing_waits_and_a_deleted_record_is_written_anew() {
        let mut keeper = Keeper::of_the_founder(record("a", 7), version(1), at(0.0));
        let mut now = at(5.0);
        let mut waits = Vec::new();
        for _ in 0..10 {
            keeper.written(now, Written::Unknown);
            let Care::Rest { until: Some(until) } = keeper.step(now) else {
                panic!("it rests: {:?}", keeper.step(now))
            };
            waits.push(until.since(now));
            now = until;
        }
        assert!(waits.is_sorted(), "{waits:?}");
        assert_eq!((waits[0], waits[9]), (RECORD_RETRY, DURATION / RENEWALS));
        assert_eq!(keeper.failures(), 10);
        assert_eq!(keeper.step(now), Care::Read);
        keeper.seen(Seen::Absent);
        assert_eq!(keeper.step(now), Care::Write { over: None });
        keeper.written(now, Written::Won(version(12)));
        assert_eq!(keeper.failures(), 0);
    }
}
