//! A reliable, ordered link to one peer over a network that may drop, delay, double and reorder packets.
//!
//! Cumulative acknowledgements and go-back-N retransmission with a receive buffer, as in any transport (RFC 9293 section 3.8 gives the vocabulary). A message is kept until it is
//! acknowledged: this is what keeps a handed-over body in the world when the packet that carries it is lost.

use std::collections::{BTreeMap, VecDeque};

use crate::envelope::Packet;
use crate::id::{Epoch, PodId, WorldId};
use crate::limits::{ACKNOWLEDGE_WAIT, MESSAGES_AHEAD, RETRANSMIT_BYTES, RETRANSMIT_WAIT, RETRANSMIT_WAIT_LONGEST};
use crate::time::Time;

/// What both ends of a link agree on: packets of another world or epoch are not for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Era {
    pub(crate) world: WorldId,
    pub(crate) epoch: Epoch,
}

#[derive(Debug)]
pub(crate) struct Link {
    era: Era,
    own: PodId,
    peer: PodId,
    /// Sent or about to be, not yet acknowledged, oldest first. Invariant: `outbox[0]` has sequence number `acknowledged_by_peer`.
    outbox: VecDeque<Vec<u8>>,
    acknowledged_by_peer: u64,
    /// Messages of the outbox that were sent at least once.
    sent: usize,
    /// When the oldest unacknowledged message is sent again.
    retransmit_at: Option<Time>,
    retransmit_wait: std::time::Duration,
    /// The next sequence number to deliver.
    next_to_deliver: u64,
    /// Received ahead of a gap.
    ahead: BTreeMap<u64, Vec<u8>>,
    /// When an acknowledgement goes out on its own.
    acknowledge_at: Option<Time>,
    /// When anything came from the peer.
    pub(crate) last_heard: Time,
    /// When anything went to the peer.
    pub(crate) last_sent: Time,
}

impl Link {
    pub(crate) fn new(era: Era, own: PodId, peer: PodId, now: Time) -> Self {
        Self {
            era,
            own,
            peer,
            outbox: VecDeque::new(),
            acknowledged_by_peer: 0,
            sent: 0,
            retransmit_at: None,
            retransmit_wait: RETRANSMIT_WAIT,
            next_to_deliver: 0,
            ahead: BTreeMap::new(),
            acknowledge_at: None,
            last_heard: now,
            last_sent: now,
        }
    }

    /// Queues a message; [`Link::flush`] sends it.
    pub(crate) fn push(&mut self, message: Vec<u8>) {
        self.outbox.push_back(message);
    }

    /// Whether the peer has acknowledged everything.
    pub(crate) fn is_flushed(&self) -> bool {
        self.outbox.is_empty()
    }

    /// Takes in a packet from the peer and returns the messages whose turn has come.
    pub(crate) fn receive(&mut self, packet: &Packet<'_>, now: Time) -> Vec<Vec<u8>> {
        self.last_heard = now;
        let acknowledged = packet.acknowledged.min(self.acknowledged_by_peer + self.sent as u64);
        if acknowledged > self.acknowledged_by_peer {
            let count = (acknowledged - self.acknowledged_by_peer) as usize;
            self.outbox.drain(..count);
            self.sent -= count;
            self.acknowledged_by_peer = acknowledged;
            self.retransmit_wait = RETRANSMIT_WAIT;
            self.retransmit_at = (self.sent > 0).then(|| now + self.retransmit_wait);
        }
        if !packet.messages.is_empty() {
            self.acknowledge_at.get_or_insert(now + ACKNOWLEDGE_WAIT);
        }
        let mut delivered = Vec::new();
        for (sequence, message) in (packet.first..).zip(&packet.messages) {
            if sequence == self.next_to_deliver {
                delivered.push(message.to_vec());
                self.next_to_deliver += 1;
                while let Some(message) = self.ahead.remove(&self.next_to_deliver) {
                    delivered.push(message);
                    self.next_to_deliver += 1;
                }
            } else if sequence > self.next_to_deliver && sequence < self.next_to_deliver + MESSAGES_AHEAD {
                self.ahead.entry(sequence).or_insert_with(|| message.to_vec());
            }
        }
        delivered
    }

    /// The packet with everything not sent yet; none when there is nothing new.
    pub(crate) fn flush(&mut self, now: Time) -> Option<Vec<u8>> {
        (self.sent < self.outbox.len()).then(|| {
            let range = self.sent..self.outbox.len();
            self.sent = self.outbox.len();
            self.retransmit_at.get_or_insert(now + self.retransmit_wait);
            self.packet(range, now)
        })
    }

    /// What is due at `now`: a retransmission, an acknowledgement or, after silence of `heartbeat`, an empty packet.
    pub(crate) fn poll(&mut self, now: Time, heartbeat: std::time::Duration) -> Option<Vec<u8>> {
        if self.retransmit_at.is_some_and(|at| at <= now) {
            self.retransmit_wait = (self.retransmit_wait * 2).min(RETRANSMIT_WAIT_LONGEST);
            self.retransmit_at = Some(now + self.retransmit_wait);
            let mut bytes = 0;
            let count = self.outbox.iter().take(self.sent).take_while(|message| {
                let fits = bytes == 0 || bytes + message.len() <= RETRANSMIT_BYTES;
                bytes += message.len().max(1);
                fits
            });
            let range = 0..count.count();
            return Some(self.packet(range, now));
        }
        let acknowledgement_due = self.acknowledge_at.is_some_and(|at| at <= now);
        let silent = now.since(self.last_sent) >= heartbeat;
        (acknowledgement_due || silent).then(|| self.packet(0..0, now))
    }

    /// When [`Link::poll`] has something to do.
    pub(crate) fn next_timeout(&self, heartbeat: std::time::Duration) -> Time {
        let heartbeat = self.last_sent + heartbeat;
        [self.retransmit_at, self.acknowledge_at]
            .into_iter()
            .flatten()
            .fold(heartbeat, Time::min)
    }

    fn packet(&mut self, range: std::ops::Range<usize>, now: Time) -> Vec<u8> {
        self.last_sent = now;
        self.acknowledge_at = None;
        let first = self.acknowledged_by_peer + range.start as u64;
        let packet = Packet {
            world: self.era.world.0,
            epoch: self.era.epoch.0,
            from: self.own.0,
            to: self.peer.0,
            acknowledged: self.next_to_deliver,
            first,
            messages: self.outbox.range(range).map(Vec::as_slice).collect(),
        };
        packet.encode()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    const HEARTBEAT: Duration = Duration::from_secs(1);

    /// Sends `count` numbered messages from a to b over a network that drops, doubles and reorders as `fates` says, then heals.
    fn check(count: u8, fates: &[u8]) {
        let mut fate = fates.iter().copied().chain(std::iter::repeat(0));
        let era = Era {
            world: WorldId(7),
            epoch: Epoch(1),
        };
        let mut a = Link::new(era, PodId(1), PodId(2), Time::ZERO);
        let mut b = Link::new(era, PodId(2), PodId(1), Time::ZERO);
        let mut network: Vec<Vec<u8>> = Vec::new();
        let mut received = Vec::new();
        let mut now = Time::ZERO;
        for step in 0..2_000 {
            if step < usize::from(count) {
                a.push(vec![step as u8]);
            }
            let packets: Vec<_> = [
                a.flush(now),
                a.poll(now, HEARTBEAT),
                b.flush(now),
                b.poll(now, HEARTBEAT),
            ]
            .into();
            for packet in packets.into_iter().flatten() {
                match fate.next().unwrap_or(0) % 4 {
                    0 => network.push(packet),
                    1 => {}
                    2 => network.extend([packet.clone(), packet]),
                    _ => network.insert(0, packet),
                }
            }
            while let Some(bytes) = network.pop() {
                let packet = Packet::decode(&bytes).expect("intact");
                if packet.to == 2 {
                    received.extend(b.receive(&packet, now));
                } else {
                    assert!(a.receive(&packet, now).is_empty());
                }
                if fate.next().unwrap_or(0) % 3 == 1 {
                    break;
                }
            }
            now = now + Duration::from_millis(20);
        }
        assert_eq!(received, (0..count).map(|number| vec![number]).collect::<Vec<_>>());
        assert!(a.is_flushed());
    }

    proptest! {
        #[test]
        fn everything_arrives_once_and_in_order(count in 0_u8..50, fates in prop::collection::vec(any::<u8>(), 0..400)) {
            check(count, &fates);
        }
    }
}
