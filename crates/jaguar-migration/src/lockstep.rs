//! Executing entries in step with the neighbours: may the next stage run, and what is sent after it?
//!
//! Both ends of every exchange compute from the maps who talks to whom (`jaguar_partition::reachable`), so a pod waits for exactly the messages that are sent.

use std::collections::BTreeMap;
use std::sync::Arc;

use jaguar_core::{Boundary, BoundaryVelocity, TileIndex, World};
use jaguar_partition::{CurveKey, Neighbours, OwnershipMap, key_of, reachable};

use crate::apply::apply;
use crate::definition::WorldDefinition;
use crate::id::{LogIndex, PodId};
use crate::limits::{ENTRIES_AHEAD, LOADS_EVERY_ENTRIES};
use crate::message::{Message, Report};
use crate::record::{Entry, Record};
use crate::sequencer::id_mark;
use crate::trace::EntryTrace;

/// How far ghosts and bodies of one tick reach from a territory, in tiles: a body enters the next tile at most, and touches what is one further.
const BOUNDARY_REACH: u32 = 2;
/// How far contacts reach from a territory, in tiles.
const CONTACT_REACH: u32 = 1;

/// The execution of entries on one pod.
#[derive(Debug)]
pub(crate) struct Lockstep {
    me: PodId,
    /// The last entry executed.
    executed: LogIndex,
    map: Arc<OwnershipMap>,
    /// Who exchanges with whom while the map stays.
    steady: Circle,
    stage: Stage,
    /// Arrived and not used yet. A neighbour can be ahead by an entry or more.
    boundaries: BTreeMap<(LogIndex, PodId), Boundary>,
    velocities: BTreeMap<(LogIndex, u32, PodId), Vec<BoundaryVelocity>>,
}

#[derive(Debug)]
enum Stage {
    /// Between entries.
    Idle,
    /// Boundaries are sent; waits for the neighbours'.
    Boundary(UnderWay),
    /// The velocities of a substep are sent; waits for the neighbours'.
    Velocities(UnderWay, u32),
}

/// An entry that is being executed.
#[derive(Debug)]
struct UnderWay {
    entry: Arc<Entry>,
    partners: Partners,
    report: Report,
    trace: EntryTrace,
}

/// The partners of one pod in the exchanges of an entry.
#[derive(Clone, Debug, Default)]
struct Partners {
    boundary_to: Vec<PodId>,
    boundary_from: Vec<PodId>,
    velocities: Vec<PodId>,
}

/// The neighbours under one map.
#[derive(Debug)]
struct Circle {
    boundary: Neighbours,
    contact: Neighbours,
}

impl Circle {
    fn new(old: &OwnershipMap, new: &OwnershipMap) -> Self {
        Self {
            boundary: reachable(old, new, BOUNDARY_REACH),
            contact: reachable(new, new, CONTACT_REACH),
        }
    }

    fn partners(&self, me: PodId) -> Partners {
        Partners {
            boundary_to: self.boundary.sends_to(me).to_vec(),
            boundary_from: self.boundary.receives_from(me).to_vec(),
            velocities: self.contact.sends_to(me).to_vec(),
        }
    }
}

/// What came of a call of [`Lockstep::advance`].
#[derive(Debug)]
pub(crate) enum Progress {
    /// Nothing can be done with what has arrived.
    Waiting,
    /// A stage is done; these messages must go out before the next.
    Sent(Vec<(PodId, Message)>),
    /// The entry is executed.
    Executed { entry: Arc<Entry>, report: Report },
    /// A broken invariant.
    Broken(String),
}

impl Lockstep {
    pub(crate) fn new(me: PodId, executed: LogIndex, map: OwnershipMap) -> Self {
        Self {
            me,
            executed,
            steady: Circle::new(&map, &map),
            map: Arc::new(map),
            stage: Stage::Idle,
            boundaries: BTreeMap::new(),
            velocities: BTreeMap::new(),
        }
    }

    /// The last entry executed.
    pub(crate) fn executed(&self) -> LogIndex {
        self.executed
    }

    /// The map after the last entry that began.
    pub(crate) fn map(&self) -> &OwnershipMap {
        &self.map
    }

    /// Bodies handed over in the entry that is being executed.
    pub(crate) fn handing_over(&self) -> u32 {
        match &self.stage {
            Stage::Idle => 0,
            Stage::Boundary(under_way) | Stage::Velocities(under_way, _) => under_way.report.handed_over,
        }
    }

    /// Whether no entry is being executed: the world is as it was after the last one.
    pub(crate) fn is_idle(&self) -> bool {
        matches!(self.stage, Stage::Idle)
    }

    /// Whom this pod waits for, for people who ask why nothing moves.
    pub(crate) fn waits_for(&self) -> Vec<PodId> {
        match &self.stage {
            Stage::Idle => Vec::new(),
            Stage::Boundary(under_way) => self.missing_boundaries(under_way).collect(),
            Stage::Velocities(under_way, substep) => self.missing_velocities(under_way, *substep).collect(),
        }
    }

    pub(crate) fn receive_boundary(&mut self, from: PodId, index: LogIndex, boundary: Boundary) {
        if self.is_near(index) {
            self.boundaries.insert((index, from), boundary);
        }
    }

    pub(crate) fn receive_velocities(
        &mut self,
        from: PodId,
        index: LogIndex,
        substep: u32,
        velocities: Vec<BoundaryVelocity>,
    ) {
        if self.is_near(index) {
            self.velocities.insert((index, substep, from), velocities);
        }
    }

    /// Whether an entry is one that a correct neighbour can be at: bounds what is kept.
    fn is_near(&self, index: LogIndex) -> bool {
        index > self.executed && index.0 <= self.executed.0 + ENTRIES_AHEAD + 1
    }

    fn missing_boundaries<'a>(&'a self, under_way: &'a UnderWay) -> impl Iterator<Item = PodId> + 'a {
        let index = under_way.entry.index;
        let arrived = move |pod| self.boundaries.contains_key(&(index, pod));
        let partners = under_way.partners.boundary_from.iter().copied();
        partners.filter(move |&pod| !arrived(pod))
    }

    fn missing_velocities<'a>(&'a self, under_way: &'a UnderWay, substep: u32) -> impl Iterator<Item = PodId> + 'a {
        let index = under_way.entry.index;
        let arrived = move |pod| self.velocities.contains_key(&(index, substep, pod));
        let partners = under_way.partners.velocities.iter().copied();
        partners.filter(move |&pod| !arrived(pod))
    }

    /// Runs the next stage if all it needs has arrived. `next` is the entry after the last one executed, if it is sealed.
    pub(crate) fn advance(
        &mut self,
        world: &mut World,
        definition: &WorldDefinition,
        next: Option<&Arc<Entry>>,
        load: f32,
        traced_share: f64,
    ) -> Progress {
        match std::mem::replace(&mut self.stage, Stage::Idle) {
            Stage::Idle => match next {
                Some(entry) => {
                    let trace = EntryTrace::begin(entry, world, traced_share);
                    self.begin(world, definition, entry, load, trace)
                }
                None => Progress::Waiting,
            },
            Stage::Boundary(under_way) => {
                if self.missing_boundaries(&under_way).next().is_some() {
                    self.stage = Stage::Boundary(under_way);
                    return Progress::Waiting;
                }
                self.exchange_in(world, under_way)
            }
            Stage::Velocities(under_way, substep) => {
                if self.missing_velocities(&under_way, substep).next().is_some() {
                    self.stage = Stage::Velocities(under_way, substep);
                    return Progress::Waiting;
                }
                self.substep(world, under_way, substep)
            }
        }
    }

    /// Applies the records and sends exchange 0.
    fn begin(
        &mut self,
        world: &mut World,
        definition: &WorldDefinition,
        entry: &Arc<Entry>,
        load: f32,
        mut trace: EntryTrace,
    ) -> Progress {
        let new_map = entry.records.iter().rev().find_map(|record| match record {
            Record::Map(map) => Some(map),
            _ => None,
        });
        let records = trace.computes("records");
        let me = self.me;
        let old_map = Arc::clone(&self.map);
        let partners = match new_map {
            Some(new) => {
                let partners = Circle::new(&old_map, new).partners(me);
                self.map = Arc::new(new.clone());
                self.steady = Circle::new(new, new);
                partners
            }
            None => self.steady.partners(me),
        };
        // Bodies are spawned by the owner under the old map and handed over like any other, so that all that a pod holds is near its old territory, as the partners assume.
        let owns = |tile: TileIndex| old_map.owner_of_tile(tile.to_array()) == me;
        let mut report = Report {
            index: entry.index,
            load,
            ..Report::empty()
        };
        for (position, record) in (0_u32..).zip(&entry.records) {
            let Record::Physics { change, .. } = record else {
                continue;
            };
            let effect = match apply(world, definition, entry.tick, change, &owns) {
                Ok(effect) => effect,
                Err(error) => {
                    return Progress::Broken(format!("a sealed change of {} cannot be applied: {error}", entry.index));
                }
            };
            report.spawned += effect.spawned.len() as u64;
            report.despawned += effect.despawned.len() as u64;
            let marks = effect.despawned.iter().map(|&id| id_mark(id));
            report.despawned_ids = marks.fold(report.despawned_ids, u64::wrapping_add);
            report.found.extend(effect.found.then_some(position));
            report.ends.extend(effect.ends.into_iter().map(|end| (position, end)));
        }
        let mut outgoing: BTreeMap<PodId, Boundary> = partners
            .boundary_to
            .iter()
            .map(|&pod| (pod, Boundary::default()))
            .collect();
        let map = Arc::clone(&self.map);
        let owner = |tile: TileIndex| map.owner_of_tile(tile.to_array()).0;
        let boundaries = if entry.advance {
            world.exchange_out(me.0, owner)
        } else {
            world.hand_over_out(me.0, owner)
        };
        for (peer, boundary) in boundaries {
            report.handed_over += boundary.handed_over.len() as u32;
            trace.hands_over(PodId(peer), boundary.handed_over.len());
            if outgoing.insert(PodId(peer), boundary).is_none() {
                return Progress::Broken(format!(
                    "pod {peer} is out of reach of {me} in {}, but bodies go there",
                    entry.index
                ));
            }
        }
        drop(records);
        trace.waits("boundary", partners.boundary_from.len());
        let index = entry.index;
        self.stage = Stage::Boundary(UnderWay {
            entry: Arc::clone(entry),
            partners,
            report,
            trace,
        });
        let message = |(pod, boundary)| (pod, Message::Boundary { index, boundary });
        Progress::Sent(outgoing.into_iter().map(message).collect())
    }

    /// Takes in exchange 0 and, if the entry advances the world, finds the contacts and sends the velocities of the first substep.
    fn exchange_in(&mut self, world: &mut World, mut under_way: UnderWay) -> Progress {
        let physics = under_way.trace.computes("collide");
        let index = under_way.entry.index;
        for &pod in &under_way.partners.boundary_from {
            let boundary = self.boundaries.remove(&(index, pod)).unwrap_or_default();
            if let Err(error) = world.exchange_in(&boundary) {
                return Progress::Broken(format!("the boundary of {pod} for {index} does not fit: {error}"));
            }
        }
        if !under_way.entry.advance {
            return self.finish(world, under_way);
        }
        let map = Arc::clone(&self.map);
        if let Err(error) = world.collide(|tile| map.owner_of_tile(tile.to_array()).0) {
            return Progress::Broken(format!("the bodies and ghosts of {index} do not fit together: {error}"));
        }
        drop(physics);
        self.send_velocities(world, under_way, 0)
    }

    fn send_velocities(&mut self, world: &mut World, mut under_way: UnderWay, substep: u32) -> Progress {
        let index = under_way.entry.index;
        let partners = &under_way.partners.velocities;
        let mut outgoing: BTreeMap<PodId, Vec<BoundaryVelocity>> =
            partners.iter().map(|&pod| (pod, Vec::new())).collect();
        for (peer, velocities) in world.velocities_out() {
            if outgoing.insert(PodId(peer), velocities).is_none() {
                return Progress::Broken(format!(
                    "pod {peer} is out of reach of {} in {index}, but bodies touch",
                    self.me
                ));
            }
        }
        under_way
            .trace
            .waits(format_args!("velocities {substep}"), partners.len());
        self.stage = Stage::Velocities(under_way, substep);
        let message = |(pod, velocities)| {
            let message = Message::Velocities {
                index,
                substep,
                velocities,
            };
            (pod, message)
        };
        Progress::Sent(outgoing.into_iter().map(message).collect())
    }

    /// Takes in the neighbours' velocities and solves a substep.
    fn substep(&mut self, world: &mut World, mut under_way: UnderWay, substep: u32) -> Progress {
        let physics = under_way.trace.computes(format_args!("substep {substep}"));
        let index = under_way.entry.index;
        for &pod in &under_way.partners.velocities {
            let velocities = self.velocities.remove(&(index, substep, pod)).unwrap_or_default();
            if let Err(error) = world.velocities_in(pod.0, &velocities) {
                return Progress::Broken(format!(
                    "the velocities of {pod} for {index}, substep {substep}, do not fit: {error}"
                ));
            }
        }
        world.substep();
        if substep + 1 < world.params().substeps {
            drop(physics);
            return self.send_velocities(world, under_way, substep + 1);
        }
        world.finish();
        self.finish(world, under_way)
    }

    fn finish(&mut self, world: &World, under_way: UnderWay) -> Progress {
        let UnderWay { entry, mut report, .. } = under_way;
        self.executed = entry.index;
        report.entities = world.len() as u64;
        report.ids = world.ids().map(id_mark).fold(0, u64::wrapping_add);
        report.hash = world.hash().0;
        report.joints = world.counted_joints().count() as u64;
        let counts = world.tile_counts();
        report.tiles = counts.len() as u32;
        let changes_map = entry.records.iter().any(|record| matches!(record, Record::Map(_)));
        if changes_map || entry.index.0.is_multiple_of(LOADS_EVERY_ENTRIES) {
            let mut loads: Vec<(CurveKey, u32)> = counts
                .into_iter()
                .map(|(tile, count)| (key_of(tile.to_array()), count))
                .collect();
            loads.sort_unstable();
            report.loads = Some(loads);
        }
        Progress::Executed { entry, report }
    }
}

impl Report {
    fn empty() -> Self {
        Self {
            index: LogIndex(0),
            entities: 0,
            ids: 0,
            hash: 0,
            spawned: 0,
            despawned: 0,
            despawned_ids: 0,
            handed_over: 0,
            tiles: 0,
            found: Vec::new(),
            ends: Vec::new(),
            joints: 0,
            load: 0.0,
            loads: None,
        }
    }
}
