//! Sealing: what the next entry carries, and when its time has come.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jaguar_core::{BodyDesc, BodyId, JointDesc, JointId};
use jaguar_partition::balance::{BalanceLimits, plan, shuffle};
use jaguar_partition::{CurveKey, OwnershipMap};

use super::complete::{joins, spawns};
use super::snapshot::Snapshot;
use super::{Circumstances, JoinRequest, Joined, OpenEntry, Sequencer, Standing, Succession, Verdict};
use crate::command::{Command, Reply};
use crate::id::{LogIndex, PodId, Tick};
use crate::input::Rate;
use crate::limits::{ENTRIES_AHEAD, JOINTS_PER_ENTITY, SPAWNS_PER_ENTRY, TICKS_CAUGHT_UP, TICKS_SEALED_EARLY};
use crate::random::mix;
use crate::record::{Change, Entry, Member, Origin, Record};
use crate::time::Time;
use crate::tuning::TuningChange;

impl Sequencer {
    /// When [`Sequencer::seal`] has something to do that only time brings.
    pub(crate) fn next_timeout(&self) -> Option<Time> {
        let waits_for_time = !self.stands() && self.open.len() < ENTRIES_AHEAD as usize;
        match self.tuning.rate {
            Rate::Hz(hz) if waits_for_time => Some(self.next_due - period(hz) * TICKS_SEALED_EARLY),
            _ => None,
        }
    }

    /// Seals the next entry if its time has come. New members are named beside it; they execute it too. Commands that cannot go in are answered.
    pub(crate) fn seal(&mut self, about: &Circumstances<'_>) -> Option<(Arc<Entry>, Vec<Joined>, Vec<Verdict>)> {
        if matches!(self.succession, Succession::Sealed(_)) || self.open.len() >= ENTRIES_AHEAD as usize {
            return None;
        }
        self.ending &= self.all_drain();
        let advance = !self.stands() && self.is_due(about);
        if !advance && (!self.stands() || !self.has_work(about)) {
            return None;
        }
        let (index, tick) = (self.next, self.tick);
        let mut verdicts = Vec::new();
        let mut records = Vec::new();
        let joined = self.seal_membership(about, &mut records);
        let expected: BTreeSet<PodId> = self.members.keys().copied().collect();
        self.seal_departures(about.me, &mut records);
        self.seal_map(about, &mut records);
        self.seal_changes(about, advance, &mut records, &mut verdicts);
        self.seal_succession(about.me, &mut records);
        self.seal_snapshot(&expected, &mut records);
        let entry = Arc::new(Entry {
            index,
            tick,
            advance,
            records,
        });
        self.next = index.next();
        self.tick = Tick(tick.0 + u64::from(advance));
        if self.stop_at == Some(self.tick) {
            self.paused = true;
        }
        self.open.push_back(OpenEntry {
            entry: Arc::clone(&entry),
            expected,
            reports: BTreeMap::new(),
        });
        Some((entry, joined, verdicts))
    }

    /// Whether the next tick's time has come; if so, sets the time of the one after.
    fn is_due(&mut self, about: &Circumstances<'_>) -> bool {
        let Rate::Hz(hz) = self.tuning.rate else {
            return true;
        };
        let period = period(hz);
        if about.now + period * TICKS_SEALED_EARLY < self.next_due {
            return false;
        }
        let earliest = about.now - period * TICKS_CAUGHT_UP;
        self.next_due = self.next_due.max(earliest) + period;
        true
    }

    /// Whether a paused world has something to do.
    fn has_work(&self, about: &Circumstances<'_>) -> bool {
        self.next == LogIndex(1)
            || !self.commands.is_empty()
            || !self.joins.is_empty()
            || self.rebalance_now
            || matches!(self.snapshot, Snapshot::Wanted { .. })
            || self.succession == Succession::Wanted && self.heir(about.me).is_some()
            || self.open.is_empty() && self.draining().next().is_some() && !self.all_drain()
    }

    /// Whether every pod has executed the entry and said so.
    fn is_complete(&self, index: LogIndex) -> bool {
        index < self.open.front().map_or(self.next, |open| open.entry.index)
    }

    /// Whether all pods have executed the last map and said what they hold since.
    fn is_settled(&self) -> bool {
        self.is_complete(self.map_index)
            && self
                .members
                .values()
                .all(|standing| standing.loads_index >= self.map_index)
    }

    fn seal_membership(&mut self, about: &Circumstances<'_>, records: &mut Vec<Record>) -> Vec<Joined> {
        let mut joined = Vec::new();
        for JoinRequest { request, name, address } in self.joins.drain(..) {
            let pod = PodId(self.next_pod);
            self.next_pod += 1;
            joined.push(Joined {
                request,
                address: address.clone(),
                pod,
                last: LogIndex(self.next.0 - 1),
                tick: self.tick,
                members: self.members.values().map(|standing| standing.member.clone()).collect(),
                map: self.map.clone(),
                max_radius: self.max_radius.max(about.world.max_radius()),
                paused: self.paused,
                tuning: self.tuning,
            });
            let member = Member { pod, name, address };
            records.push(Record::Join(member.clone()));
            self.members.insert(pod, Standing::new(member));
        }
        if !joined.is_empty() && !self.map.is_scattered() {
            for Joined { pod, .. } in &joined {
                let stays = |standing: &&Standing| !standing.draining && self.map.contains(standing.member.pod);
                let heaviest = self
                    .members
                    .values()
                    .filter(stays)
                    .max_by_key(|standing| standing.entities);
                let neighbour = heaviest
                    .map(|standing| standing.member.pod)
                    .or_else(|| self.map.pods().next());
                if let Some(neighbour) = neighbour {
                    self.map
                        .insert_after(neighbour, *pod)
                        .expect("the neighbour is in the map, the new pod is not");
                }
            }
            self.map_index = self.next;
            records.push(Record::Map(self.map.clone()));
        }
        joined
    }

    /// Lets the draining pods go that own nothing, once all pods have executed the map that emptied them: then whatever they held has arrived elsewhere.
    fn seal_departures(&mut self, me: PodId, records: &mut Vec<Record>) {
        for standing in self.members.values_mut() {
            let is_empty = standing.draining && self.map.is_empty_territory(standing.member.pod);
            standing.emptied_at = is_empty.then(|| standing.emptied_at.unwrap_or(LogIndex(self.next.0 - 1)));
        }
        // The coordinator stays until another has its role.
        let has_gone = |standing: &&Standing| {
            let pod = standing.member.pod;
            let is_empty = standing.emptied_at.is_some_and(|index| self.is_complete(index));
            pod != me && is_empty && !self.snapshot.needs(pod)
        };
        let leaving: Vec<PodId> = self
            .members
            .values()
            .filter(has_gone)
            .map(|standing| standing.member.pod)
            .collect();
        for &pod in &leaving {
            self.members.remove(&pod);
            if self.map.contains(pod) {
                self.map.remove(pod).expect("the territory is empty");
                self.map_index = self.next;
            }
        }
        if self.map_index == self.next && !leaving.is_empty() {
            records.push(Record::Map(self.map.clone()));
        }
        records.extend(leaving.into_iter().map(Record::Leave));
    }

    /// Moves load: at random for `shuffle`, else step by step towards balance.
    fn seal_map(&mut self, about: &Circumstances<'_>, records: &mut Vec<Record>) {
        let draining: Vec<PodId> = self.draining().collect();
        if let Some(seed) = about.shuffle {
            self.rebalance_now = false;
            let stays = self
                .members
                .keys()
                .filter(|pod| !draining.contains(pod))
                .copied()
                .collect();
            if let Ok(map) = shuffle(stays, mix(seed ^ self.next.0)) {
                self.adopt(map, records);
            }
            return;
        }
        // What a plan needs is known: not while a map is on its way, nor for pods that have just joined.
        if self.map_index == self.next || !self.is_settled() {
            return;
        }
        let tuning = &self.tuning;
        let limits = if self.rebalance_now {
            BalanceLimits {
                max_entities_per_stream: u32::MAX,
                max_streams: u32::MAX,
                tolerance: 0.0,
            }
        } else if tuning.rebalance || !draining.is_empty() {
            BalanceLimits {
                max_entities_per_stream: tuning.batch,
                max_streams: tuning.streams,
                tolerance: 0.1,
            }
        } else {
            return;
        };
        self.rebalance_now = false;
        let mut loads: Vec<(CurveKey, u32)> = self
            .members
            .values()
            .flat_map(|standing| standing.loads.iter().copied())
            .collect();
        loads.sort_unstable();
        // A tile is reported twice when its owner changed between two reports.
        loads.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            earlier.1 += if same { later.1 } else { 0 };
            same
        });
        if let Some(map) = plan(&self.map, &loads, &draining, &limits) {
            self.adopt(map, records);
        }
    }

    fn adopt(&mut self, map: OwnershipMap, records: &mut Vec<Record>) {
        records.push(Record::Map(map.clone()));
        self.map = map;
        self.map_index = self.next;
    }

    fn draining(&self) -> impl Iterator<Item = PodId> + '_ {
        self.members
            .values()
            .filter(|standing| standing.draining)
            .map(|standing| standing.member.pod)
    }

    fn seal_changes(
        &mut self,
        about: &Circumstances<'_>,
        advance: bool,
        records: &mut Vec<Record>,
        verdicts: &mut Vec<Verdict>,
    ) {
        if self.next == LogIndex(1) {
            records.push(Record::Physics {
                origin: None,
                change: Change::Begin,
            });
        }
        let sealed: u64 = self.open.iter().map(|open| spawns(&open.entry, about.definition)).sum();
        let mut count = self.tally.entities + sealed;
        let sealed: u64 = self.open.iter().map(|open| joins(&open.entry, about.definition)).sum();
        let mut joints = self.tally.joints + sealed;
        let mut spawned = 0;
        while spawned < SPAWNS_PER_ENTRY
            && let Some((origin, command)) = self.commands.pop_front()
        {
            let limit = self.tuning.entity_limit;
            let change = match command {
                Command::Tune(change) => {
                    records.extend(self.tune(origin, change));
                    continue;
                }
                Command::Spawn(bodies) if count.saturating_add(bodies.len() as u64) > limit => {
                    let asked = bodies.len() as u64;
                    verdicts.push(Verdict::Reply(origin, Reply::LimitReached { limit, count, asked }));
                    continue;
                }
                Command::Spawn(bodies) => {
                    spawned += bodies.len();
                    count += bodies.len() as u64;
                    self.spawn(bodies)
                }
                Command::Despawn(id) => Change::Despawn(id),
                Command::ApplyImpulse { id, impulse } => Change::ApplyImpulse { id, impulse },
                Command::SetVelocity {
                    id,
                    velocity,
                    angular_velocity,
                } => Change::SetVelocity {
                    id,
                    velocity,
                    angular_velocity,
                },
                Command::SetThrust { id, thrust } => Change::SetThrust { id, thrust },
                Command::Join(joint) => match self.join_bodies(joint, joints) {
                    Ok(change) => {
                        joints += 1;
                        change
                    }
                    Err(reply) => {
                        verdicts.push(Verdict::Reply(origin, reply));
                        continue;
                    }
                },
                Command::Unjoin(id) => Change::Unjoin(id),
                // `Sequencer::command` does not queue the others.
                _ => continue,
            };
            records.push(Record::Physics {
                origin: Some(origin),
                change,
            });
        }
        if advance {
            let room = self.tuning.entity_limit.saturating_sub(count);
            for change in about.definition.changes(about.world, self.tick, self.next_id, room) {
                let change = match change {
                    Change::Spawn { bodies, .. } => self.spawn(bodies),
                    other => other,
                };
                records.push(Record::Physics { origin: None, change });
            }
        }
    }

    /// The record of a change of the settings; none when they are so already, which is answered with the entry like a change.
    fn tune(&mut self, origin: Origin, change: TuningChange) -> Option<Record> {
        let tuning = change.applied_to(self.tuning);
        if tuning == self.tuning {
            self.awaits_entry.push((self.next, origin));
            return None;
        }
        self.tuning = tuning;
        Some(Record::Tune { origin, tuning })
    }

    fn spawn(&mut self, bodies: Vec<BodyDesc>) -> Change {
        let first = BodyId(self.next_id);
        self.next_id += bodies.len() as u64;
        let radii = bodies.iter().map(|body| body.shape.bounding_radius());
        self.max_radius = radii.fold(self.max_radius, f32::max);
        Change::Spawn { first, bodies }
    }

    /// A joint with the next id, in a world that has so many.
    fn join_bodies(&mut self, joint: JointDesc, joints: u64) -> Result<Change, Reply> {
        let limit = self.tuning.entity_limit.saturating_mul(JOINTS_PER_ENTITY);
        if joints >= limit {
            return Err(Reply::JointLimitReached { limit });
        }
        // A body of an id that was not given yet must not be joined: the pod that spawns it later would know nothing of the joint, which others keep while the world stands still.
        if let Some(id) = joint.bodies().find(|id| id.0 >= self.next_id) {
            return Err(Reply::NotFound { id });
        }
        let id = JointId(self.next_id);
        self.next_id += 1;
        Ok(Change::Join { id, joint })
    }

    /// The pod that takes over: the lowest that stays.
    fn heir(&self, me: PodId) -> Option<PodId> {
        self.members
            .values()
            .find(|standing| !standing.draining && standing.member.pod != me)
            .map(|s| s.member.pod)
    }

    fn seal_succession(&mut self, me: PodId, records: &mut Vec<Record>) {
        if self.succession == Succession::Wanted
            && let Some(heir) = self.heir(me)
        {
            records.push(Record::Coordinator(heir));
            self.succession = Succession::Sealed(heir);
        }
    }
}

/// The period of a rate that the configuration keeps positive.
fn period(hz: f64) -> Duration {
    Duration::from_secs_f64(1.0 / hz.clamp(0.001, 1e6))
}
