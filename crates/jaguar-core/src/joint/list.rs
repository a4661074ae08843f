//! The joints that a world holds, and which bodies they are on in a tick.

use rustc_hash::{FxHashMap, FxHashSet};

use super::across::{Doing, Side};
use super::prepare::JointPortion;
use super::solve::Work;
use super::{Joint, JointId, JointKind};
use crate::body::BodyId;
use crate::constants::GHOST_MARGIN;
use crate::contact::NO_BODY;
use crate::storage::Bodies;
use crate::tile::difference;

/// All that a world has for joints. Empty in a world without.
#[derive(Debug, Default)]
pub(crate) struct Joints {
    /// Those of which a body is held, ascending by id.
    pub(super) list: Vec<Joint>,
    /// Within a tick, the bodies of each by index; [`NO_BODY`] is the world.
    pub(super) ends: Vec<[u32; 2]>,
    /// Those that broke at the start of the tick.
    broken: Vec<Joint>,
    pub(crate) apart: Apart,
    /// Within a tick, those of one tile, by portion, then by id.
    pub(crate) inside: Vec<Work>,
    /// Within a tick, those between tiles, by id.
    pub(crate) across: Vec<Work>,
    /// The held bodies' parts in those, by body, then by joint.
    pub(crate) sides: Vec<Side>,
    /// One for each between tiles.
    pub(crate) doings: Vec<Doing>,
    /// One for each portion of the solver's work; none without joints.
    pub(crate) portions: Vec<JointPortion>,
}

/// Which bodies do not touch because they are joined.
#[derive(Debug, Default)]
pub(crate) struct Apart {
    /// Whether a body, by index, is one of such a pair; empty if there are none.
    bodies: Vec<bool>,
    /// Never iterated.
    pairs: FxHashSet<(BodyId, BodyId)>,
}

impl Apart {
    /// Whether two bodies, by index and id, are kept from touching.
    pub(crate) fn has(&self, a: (u32, BodyId), b: (u32, BodyId)) -> bool {
        !self.bodies.is_empty()
            && self.bodies[a.0 as usize]
            && self.bodies[b.0 as usize]
            && self.pairs.contains(&(a.1.min(b.1), a.1.max(b.1)))
    }
}

impl Joints {
    pub(crate) fn list(&self) -> &[Joint] {
        &self.list
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(crate) fn get(&self, id: JointId) -> Option<&Joint> {
        let found = self.list.binary_search_by_key(&id, |joint| joint.id).ok()?;
        Some(&self.list[found])
    }

    /// Adds a joint unless it is there: it may have arrived with one of its bodies before.
    pub(crate) fn insert(&mut self, joint: &Joint) {
        if let Err(place) = self.list.binary_search_by_key(&joint.id, |joint| joint.id) {
            self.list.insert(place, *joint);
        }
    }

    /// Adds many.
    pub(crate) fn extend(&mut self, joints: &[Joint]) {
        if !joints.is_empty() {
            self.list.extend_from_slice(joints);
            self.list.sort_by_key(|joint| joint.id);
            self.list.dedup_by_key(|joint| joint.id);
        }
    }

    pub(crate) fn remove(&mut self, id: JointId) -> bool {
        let found = self.list.binary_search_by_key(&id, |joint| joint.id);
        if let Ok(place) = found {
            self.list.remove(place);
        }
        found.is_ok()
    }

    pub(crate) fn retain(&mut self, keeps: impl FnMut(&Joint) -> bool) {
        self.list.retain(keeps);
    }

    /// How far the partners of each jointed body may be, m: at most so far are the pods that need its ghost. Never iterated.
    pub(crate) fn reaches(&self, tile_size: f32) -> FxHashMap<BodyId, f32> {
        let mut reaches = FxHashMap::default();
        for joint in self.list.iter().filter(|joint| joint.second.is_some()) {
            let reach = joint.reach(tile_size) * GHOST_MARGIN;
            for body in joint.bodies() {
                let farthest = reaches.entry(body).or_insert(reach);
                *farthest = reach.max(*farthest);
            }
        }
        reaches
    }

    /// Finds the bodies of all joints, and breaks those that are overstretched or have lost one. Ghosts are there; a partner that is neither held nor a ghost is gone or out of reach.
    pub(crate) fn begin_tick(&mut self, bodies: &Bodies, tile_size: f32) {
        self.ends.clear();
        self.broken.clear();
        self.apart.bodies.clear();
        self.apart.pairs.clear();
        if self.list.is_empty() {
            return;
        }
        let columns = bodies.columns();
        let held = bodies.held();
        let ghosts = (held..columns.id.len()).map(|index| (columns.id[index], index));
        let ghosts: FxHashMap<BodyId, usize> = ghosts.collect();
        let index_of = |id: BodyId| bodies.index_of(id).or_else(|| ghosts.get(&id).copied());
        let Self {
            list,
            ends,
            broken,
            apart,
            ..
        } = self;
        let find = |joint: &Joint| {
            let first = index_of(joint.first)?;
            let (to, second) = match joint.second.map(index_of) {
                Some(None) => return None,
                Some(Some(second)) => {
                    let place = &columns.place[second];
                    ((place.tile, place.offset), second as u32)
                }
                None => ((joint.tile, joint.anchors[1].into()), NO_BODY),
            };
            let from = &columns.place[first];
            let distance = difference((from.tile, from.offset), to, tile_size).length();
            (distance <= joint.reach(tile_size)).then_some([first as u32, second])
        };
        list.retain(|joint| {
            let found = find(joint);
            match found {
                Some(pair) => ends.push(pair),
                None => broken.push(*joint),
            }
            found.is_some()
        });
        for (joint, ends) in list.iter().zip(ends) {
            if let Some(pair) = joint.pair().filter(|_| !joint.collide) {
                apart.bodies.resize(columns.id.len(), false);
                ends.iter().for_each(|&body| apart.bodies[body as usize] = true);
                apart.pairs.insert(pair);
            }
        }
    }

    /// The bodies of all joints in this tick, by index; [`NO_BODY`] is the world.
    pub(crate) fn ends(&self) -> &[[u32; 2]] {
        &self.ends
    }

    /// The bodies that a motor drives, by index, ghosts too: they do not rest, however slowly they turn.
    pub(crate) fn driven(&self) -> impl Iterator<Item = u32> + '_ {
        let is_driven =
            |joint: &Joint| matches!(joint.kind, JointKind::Hinge { motor: Some(motor), .. } if motor.speed != 0.0);
        let driven = self
            .list
            .iter()
            .zip(&self.ends)
            .filter(move |&(joint, _)| is_driven(joint));
        driven.flat_map(|(_, &ends)| ends).filter(|&body| body != NO_BODY)
    }

    /// The joints that broke at the start of the tick.
    pub(crate) fn broken(&self) -> &[Joint] {
        &self.broken
    }

    /// The bodies, by index, of the joints between tiles.
    pub(crate) fn across_pairs(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.across.iter().map(|work| (work.ends[0], work.ends[1]))
    }
}
