//! How a pod leaves: its clients are answered, its bodies are with others, what it sent has arrived; the last pod saves the world.

use super::Pod;
use crate::action::Action;
use crate::input::Farewell;
use crate::message::Message;
use crate::record::Origin;
use crate::time::Time;

/// How a pod leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaving {
    No,
    /// It wants to leave when its clients are answered.
    Waiting,
    /// It asked to leave.
    Draining,
    /// It is no member any more; when all it sent has arrived, or at this time, it is gone.
    Flushing(Time),
    Gone,
}

impl Pod {
    pub(super) fn drain(&mut self, farewell: Option<Farewell>) {
        if self.leaving != Leaving::No {
            return;
        }
        // A pod that has not seen its own join yet is not alone, though it knows only the others.
        let is_alone = self.members.keys().all(|&pod| pod == self.me);
        if self.halted.is_some() || is_alone && farewell.is_none() {
            self.leaving = Leaving::Gone;
            self.actions.push_back(Action::Left);
            return;
        }
        self.farewell = farewell;
        self.leaving = Leaving::Waiting;
        self.ask_to_leave();
    }

    /// Asks to leave as soon as every client has its answer.
    pub(super) fn ask_to_leave(&mut self) {
        if self.leaving == Leaving::Waiting && self.unanswered.is_empty() {
            self.leaving = Leaving::Draining;
            let coordinator = self.coordinator();
            self.send_or_keep(coordinator, Message::Drain(self.me));
        }
    }

    pub(super) fn leave(&mut self, now: Time) {
        if !matches!(self.leaving, Leaving::Flushing(_) | Leaving::Gone) {
            self.leaving = Leaving::Flushing(now + self.tuning.peer_timeout);
        }
    }

    /// Ends the world when nobody stays, after its last snapshot.
    pub(super) fn end_if_all_drain(&mut self, now: Time) {
        let Some(sequencer) = self.sequencer.as_mut().filter(|sequencer| sequencer.all_drain()) else {
            return;
        };
        if !sequencer.is_taking_snapshot()
            && let Some(Farewell { request, name }) = self.farewell.take()
        {
            let origin = Origin { pod: self.me, request };
            let verdicts = sequencer.farewell(origin, name);
            self.carry_out(verdicts);
            self.more_work = true;
            return;
        }
        if !sequencer.is_taking_snapshot() {
            self.broadcast(&Message::End);
            self.leave(now);
        }
    }

    pub(super) fn finish_leaving(&mut self, now: Time) {
        let Leaving::Flushing(until) = self.leaving else {
            return;
        };
        // A pod that has left has executed all that concerned it; what was sent to it since is of no use and is never acknowledged.
        let mut to_members = self.links.iter().filter(|(pod, _)| self.members.contains_key(pod));
        if until <= now || to_members.all(|(_, link)| link.is_flushed()) {
            self.leaving = Leaving::Gone;
            self.actions.push_back(Action::Left);
        }
    }
}
