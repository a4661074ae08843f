//! What passes between the pods of a world in a tick: hand-over, ghosts, boundary velocities. Messages come and go as plain values; who carries them is not known here.

use std::collections::BTreeMap;

use glam::Vec3;
use rustc_hash::FxHashMap;

use crate::body::BodyId;
use crate::cache::{CachedRanges, ContactCache, Kept};
use crate::constants::{CONTACT_SLOP, GHOST_MARGIN, LINGER_IN_TILES};
use crate::contact::{Impulses, NO_BODY, STATIC_BIT};
use crate::ends::Ends;
use crate::error::{FieldError, HaloError};
use crate::event::SensorOverlap;
use crate::halo::{Boundary, BoundaryVelocity, CachedContact, CachedManifold, Ghost};
use crate::joint::{Joint, check_joint};
use crate::manifold::KeptManifold;
use crate::manifold::attitude::{Attitude, has_turned_far};
use crate::manifold::block::ManifoldBlock;
use crate::storage::{Bodies, Columns, Motion};
use crate::tile::TileIndex;
use crate::tile_table::TileTable;
use crate::world::{Phase, World};

/// The contacts and joints with other pods' bodies in this tick, pod by pod.
#[derive(Debug, Default)]
pub(crate) struct Exchange {
    /// Ascending by pod.
    peers: Vec<Peer>,
}

/// The bodies on both sides of the contacts and joints with one pod. The pod finds the same two sets, so velocities travel without ids.
#[derive(Debug)]
struct Peer {
    pod: u32,
    /// Held bodies that touch the pod's bodies or are joined to them: indices, ascending by id.
    own: Vec<u32>,
    /// Ghosts of the pod's bodies that touch held ones or are joined to them: indices, ascending by id.
    ghosts: Vec<u32>,
    /// Whether the ghosts have the velocities of the present substep.
    is_complete: bool,
}

impl World {
    /// Takes out the bodies whose tile belongs to another pod than `me`, and collects the ghosts that other pods need for the coming tick. Returns one message
    /// for each pod concerned, ascending by pod.
    ///
    /// A body is a ghost for every pod but its owner that owns a tile which a partner of the body could be in. Of a body that is handed over, the sender sends the
    /// ghosts too, and keeps one if it needs it.
    pub fn exchange_out(&mut self, me: u32, owner: impl FnMut(TileIndex) -> u32) -> Vec<(u32, Boundary)> {
        let outgoing = self.take_boundary::<true>(me, owner);
        self.phase = Phase::Exchanged;
        outgoing
    }

    /// Takes out the bodies whose tile belongs to another pod than `me`, without ghosts: for changes of ownership while the world stands still.
    pub fn hand_over_out(&mut self, me: u32, owner: impl FnMut(TileIndex) -> u32) -> Vec<(u32, Boundary)> {
        self.take_boundary::<false>(me, owner)
    }

    /// Takes in what another pod sent: its handed-over bodies, and before a tick its ghosts. On failure nothing is taken.
    pub fn exchange_in(&mut self, boundary: &Boundary) -> Result<(), HaloError> {
        self.check_boundary(boundary)?;
        for record in &boundary.handed_over {
            self.bodies.push(record);
            self.note_id(record.id);
        }
        for entry in &boundary.contacts {
            if !self.is_cached(entry) {
                self.extra.push(*entry);
            }
        }
        sort_entries::<Impulses>(&mut self.extra);
        for entry in &boundary.manifolds {
            if !self.is_manifold_cached(entry) {
                self.manifolds.extra.push(*entry);
            }
        }
        sort_entries::<KeptManifold>(&mut self.manifolds.extra);
        self.take_overlaps(&boundary.overlaps);
        self.take_joints(&boundary.joints);
        self.ghosts.extend_from_slice(&boundary.ghosts);
        Ok(())
    }

    /// The velocities that other pods need for the present substep: one message for each pod that has bodies in contact with held ones, ascending by pod.
    pub fn velocities_out(&self) -> Vec<(u32, Vec<BoundaryVelocity>)> {
        assert!(
            matches!(self.phase, Phase::Solving { .. }),
            "velocities are exchanged within a tick"
        );
        let (columns, kinds) = (self.bodies.columns(), self.bodies.kinds());
        let motion = &columns.motion;
        // Empty in a world of plain spheres.
        let crowd = |body: usize| self.manifolds.crowds.get(body).copied().unwrap_or(0);
        let orientation = |body: usize| {
            let attitude = self.manifolds.attitudes.get(body)?;
            let turned = motion[body].rotation.truncate();
            has_turned_far(kinds.get(columns.kind[body]), turned).then_some(attitude.orientation)
        };
        let message = |peer: &Peer| {
            let bodies = peer.own.iter().map(|&body| body as usize);
            bodies
                .map(|body| BoundaryVelocity {
                    orientation: orientation(body),
                    asleep: self.collision.sleep.is_asleep(body as u32),
                    bounces_off: self.collision.across.bounces.choice(body as u32),
                    ..boundary_velocity(&motion[body], crowd(body))
                })
                .collect()
        };
        self.exchange
            .peers
            .iter()
            .map(|peer| (peer.pod, message(peer)))
            .collect()
    }

    /// Takes in the velocities that another pod sent for the present substep.
    pub fn velocities_in(&mut self, pod: u32, velocities: &[BoundaryVelocity]) -> Result<(), HaloError> {
        assert!(
            matches!(self.phase, Phase::Solving { .. }),
            "velocities are exchanged within a tick"
        );
        let wrong_count = |expected| HaloError::VelocityCount {
            peer: pod,
            got: velocities.len(),
            expected,
        };
        let Some(peer) = self.exchange.peers.iter_mut().find(|peer| peer.pod == pod) else {
            return if velocities.is_empty() {
                Ok(())
            } else {
                Err(wrong_count(0))
            };
        };
        if velocities.len() != peer.ghosts.len() {
            return Err(wrong_count(peer.ghosts.len()));
        }
        let (columns, kinds) = self.bodies.columns_and_kinds();
        for (&ghost, velocity) in peer.ghosts.iter().zip(velocities) {
            self.collision.sleep.note_ghost(ghost, velocity.asleep);
            if let Some(crowd) = self.manifolds.crowds.get_mut(ghost as usize) {
                *crowd = velocity.crowd;
            }
            self.collision.across.bounces.note_ghost(ghost, velocity.bounces_off);
            if let (Some(attitude), Some(orientation)) =
                (self.manifolds.attitudes.get_mut(ghost as usize), velocity.orientation)
            {
                *attitude = Attitude::new(kinds.get(columns.kind[ghost as usize]), orientation);
            }
            let motion = &mut columns.motion[ghost as usize];
            motion.set_velocity(Vec3::from_array(velocity.velocity));
            motion.set_angular_velocity(Vec3::from_array(velocity.angular_velocity));
            motion.displacement = Vec3::from_array(velocity.displacement).extend(motion.radius());
            motion.rotation = Vec3::from_array(velocity.rotation).extend(motion.reach());
        }
        peer.is_complete = true;
        Ok(())
    }

    fn take_boundary<const GHOSTS: bool>(
        &mut self,
        me: u32,
        owner: impl FnMut(TileIndex) -> u32,
    ) -> Vec<(u32, Boundary)> {
        self.assert_at_rest();
        let mut outgoing: BTreeMap<u32, Boundary> = BTreeMap::new();
        let mut territory = Territory::new(owner);
        let mut leaving: Vec<u32> = Vec::new();
        let mut destinations: FxHashMap<BodyId, u32> = FxHashMap::default();
        // Partners may linger beyond the faces of their tiles.
        let linger = LINGER_IN_TILES * self.constants.tile_size;
        let slack = self.max_radius() + self.constants.speculative_cap + linger;
        let joint_reaches = self.joints.reaches(self.constants.tile_size);
        let mut around = Around::default();
        for i in 0..self.len() {
            let columns = self.bodies.columns();
            let place = columns.place[i];
            if i == 0 || place.tile != around.tile {
                around = territory.around(place.tile);
            }
            if around.is_all(me) {
                continue;
            }
            let home = around.home();
            if home != me {
                leaving.push(i as u32);
                destinations.insert(columns.id[i], home);
                outgoing
                    .entry(home)
                    .or_default()
                    .handed_over
                    .push(self.bodies.record(i));
            }
            if GHOSTS {
                let mut far = (reach_at_most(&columns.motion[i], self) + slack) * GHOST_MARGIN;
                if let Some(&reach) = joint_reaches.get(&columns.id[i]) {
                    far = far.max(reach + linger);
                }
                for pod in around.others_within(place.offset, far, self.constants.tile_size) {
                    let ghost = self.bodies.ghost(i);
                    if pod == me {
                        self.ghosts.push(ghost);
                    } else {
                        outgoing.entry(pod).or_default().ghosts.push(ghost);
                    }
                }
            }
        }
        if !leaving.is_empty() {
            self.take_contacts(&destinations, &mut outgoing);
            self.overlaps.retain(|pair| match destinations.get(&pair.sensor) {
                Some(&pod) => {
                    outgoing.entry(pod).or_default().overlaps.push(*pair);
                    false
                }
                None => true,
            });
            self.remove_bodies(&leaving);
            self.give_joints(&destinations, &mut outgoing);
        }
        for boundary in outgoing.values_mut() {
            boundary.handed_over.sort_unstable_by_key(|record| record.id);
            boundary.ghosts.sort_unstable_by_key(|ghost| ghost.id);
            sort_entries::<Impulses>(&mut boundary.contacts);
            sort_entries::<KeptManifold>(&mut boundary.manifolds);
        }
        outgoing.into_iter().collect()
    }

    /// Gives every cached contact of a leaving body to its destination, and keeps those of which a partner stays.
    fn take_contacts(&mut self, destinations: &FxHashMap<BodyId, u32>, outgoing: &mut BTreeMap<u32, Boundary>) {
        let move_out = MoveOut {
            destinations,
            bodies: &self.bodies,
        };
        let homes = self.bodies.homes();
        self.extra = move_out.pass_on(self.cache(), homes, |pod, entry| {
            outgoing.entry(pod).or_default().contacts.push(entry);
        });
        let homes = self.bodies.manifold_homes();
        self.manifolds.extra = move_out.pass_on(self.manifolds.cache(), homes, |pod, entry| {
            outgoing.entry(pod).or_default().manifolds.push(entry);
        });
    }

    /// Gives every joint of a body that left to its destination, and keeps those of which a body stayed.
    fn give_joints(&mut self, destinations: &FxHashMap<BodyId, u32>, outgoing: &mut BTreeMap<u32, Boundary>) {
        let bodies = &self.bodies;
        self.joints.retain(|joint| {
            let mut last = None;
            for &pod in joint.bodies().filter_map(|body| destinations.get(&body)) {
                if last != Some(pod) {
                    outgoing.entry(pod).or_default().joints.push(*joint);
                    last = Some(pod);
                }
            }
            joint.bodies().any(|body| bodies.index_of(body).is_some())
        });
    }

    /// Adds joints of arriving bodies.
    pub(crate) fn take_joints(&mut self, joints: &[Joint]) {
        for joint in joints {
            self.note_id(BodyId(joint.id.0));
        }
        let bodies = &self.bodies;
        self.joints.extend(joints);
        if !joints.is_empty() {
            self.joints
                .retain(|joint| joint.bodies().any(|body| bodies.index_of(body).is_some()));
        }
    }

    /// Checks joints that came from a peer or a file.
    pub(crate) fn check_joints(&self, joints: &[Joint]) -> Result<(), HaloError> {
        let size = self.constants.tile_size;
        joints.iter().try_for_each(|joint| check_joint(joint, size))
    }

    /// Whether the cache has the entry already, because the partner of an arriving body is held here.
    fn is_cached(&self, entry: &CachedContact) -> bool {
        let ranges = |index: usize| &self.bodies.columns().cached[index];
        is_cached(self.cache(), &self.bodies, ranges, (entry.low, entry.high))
    }

    fn is_manifold_cached(&self, entry: &CachedManifold) -> bool {
        let nothing = &CachedRanges::default();
        let ranges = |index: usize| self.bodies.columns().cached_manifolds.get(index).unwrap_or(nothing);
        is_cached(self.manifolds.cache(), &self.bodies, ranges, (entry.low, entry.high))
    }

    fn check_boundary(&self, boundary: &Boundary) -> Result<(), HaloError> {
        match self.phase {
            Phase::Exchanged => {}
            Phase::Rest if boundary.ghosts.is_empty() => {}
            Phase::Rest => {
                return Err(HaloError::UnexpectedGhosts {
                    count: boundary.ghosts.len(),
                });
            }
            Phase::Solving { .. } => panic!("bodies and ghosts arrive before a tick, not within"),
        }
        let mut last = None;
        for record in &boundary.handed_over {
            self.check_record(record)?;
            if self.bodies.index_of(record.id).is_some() || last >= Some(record.id) {
                return Err(HaloError::Duplicate(record.id));
            }
            last = Some(record.id);
        }
        for entry in &boundary.contacts {
            check_entry(entry)?;
        }
        for entry in &boundary.manifolds {
            check_manifold(entry)?;
        }
        for pair in &boundary.overlaps {
            check_overlap(pair)?;
        }
        self.check_joints(&boundary.joints)?;
        for ghost in &boundary.ghosts {
            self.check_ghost(ghost)?;
        }
        Ok(())
    }

    /// Adds what is in arriving sensors.
    pub(crate) fn take_overlaps(&mut self, overlaps: &[SensorOverlap]) {
        if !overlaps.is_empty() {
            self.overlaps.extend_from_slice(overlaps);
            self.overlaps.sort_unstable();
            self.overlaps.dedup();
        }
    }

    fn check_ghost(&self, ghost: &Ghost) -> Result<(), HaloError> {
        if self.bodies.index_of(ghost.id).is_some() {
            return Err(HaloError::GhostIsHeld(ghost.id));
        }
        self.check_record(&crate::storage::record_of_ghost(ghost))
    }
}

impl Exchange {
    /// Sorts the contacts and joints with ghosts by the pod that owns the ghost's tile.
    pub(crate) fn match_peers(
        &mut self,
        columns: &Columns,
        held: usize,
        table: &TileTable,
        (across, manifolds): (&[Ends], &[ManifoldBlock]),
        joints: impl Iterator<Item = (u32, u32)>,
        mut owner: impl FnMut(TileIndex) -> u32,
    ) {
        self.peers.clear();
        if columns.id.len() == held {
            return;
        }
        let ghost_tiles = &table.tiles[table.owned_tiles..];
        let owners: Vec<u32> = ghost_tiles.iter().map(|tile| owner(tile.index)).collect();
        let mut pods: BTreeMap<u32, (Vec<u32>, Vec<u32>)> = BTreeMap::new();
        let points = across.iter().flat_map(Ends::lanes).map(|(_, [low, high])| (low, high));
        let lanes = |block: &'_ ManifoldBlock| {
            let (low, high) = (block.low, block.high);
            low.into_iter().zip(high).filter(|&(low, _)| low != NO_BODY)
        };
        for (low, high) in points.chain(manifolds.iter().flat_map(lanes)).chain(joints) {
            let (own, ghost) = if low as usize >= held {
                (high, low)
            } else if high as usize >= held {
                (low, high)
            } else {
                continue;
            };
            let tile = ghost_tiles.partition_point(|tile| tile.bodies.end <= ghost as usize);
            let (owns, ghosts) = pods.entry(owners[tile]).or_default();
            owns.push(own);
            ghosts.push(ghost);
        }
        let by_id = |mut indices: Vec<u32>| {
            indices.sort_unstable_by_key(|&i| columns.id[i as usize]);
            indices.dedup();
            indices
        };
        self.peers.extend(pods.into_iter().map(|(pod, (own, ghosts))| Peer {
            pod,
            own: by_id(own),
            ghosts: by_id(ghosts),
            is_complete: false,
        }));
    }

    pub(crate) fn assert_complete(&self) {
        for peer in &self.peers {
            assert!(
                peer.is_complete,
                "a substep needs the velocities of pod {}, which have not come in",
                peer.pod
            );
        }
    }

    /// The next substep needs new velocities.
    pub(crate) fn await_velocities(&mut self) {
        for peer in &mut self.peers {
            peer.is_complete = false;
        }
    }
}

/// Bodies that leave, and those that stay.
struct MoveOut<'a> {
    destinations: &'a FxHashMap<BodyId, u32>,
    bodies: &'a Bodies,
}

impl MoveOut<'_> {
    fn destination(&self, id: u64) -> Option<u32> {
        self.destinations.get(&BodyId(id)).copied()
    }

    fn stays(&self, id: u64) -> bool {
        self.destination(id).is_none() && self.bodies.index_of(BodyId(id)).is_some()
    }

    /// Sends every entry of a leaving body, and returns those without a home here that stay.
    fn pass_on<'a, K: Kept>(
        &self,
        cache: ContactCache<'_, K>,
        homes: impl Iterator<Item = (BodyId, &'a CachedRanges)>,
        mut send: impl FnMut(u32, K::Listed),
    ) -> Vec<K::Listed> {
        let mut kept = Vec::new();
        let mut pass_on = |entry: K::Listed| {
            let (low, high) = K::partners(&entry);
            for pod in [low.0, high].into_iter().filter_map(|id| self.destination(id)) {
                send(pod, entry);
            }
            self.stays(low.0) || self.stays(high)
        };
        for (home, ranges) in homes {
            let home_leaves = self.destination(home.0).is_some();
            for entry in cache.of_home(home, ranges) {
                if pass_on(entry) && home_leaves {
                    kept.push(entry);
                }
            }
        }
        for &entry in cache.extra {
            if pass_on(entry) {
                kept.push(entry);
            }
        }
        sort_entries::<K>(&mut kept);
        kept
    }
}

fn is_cached<'a, K: Kept>(
    cache: ContactCache<'_, K>,
    bodies: &Bodies,
    ranges: impl Fn(usize) -> &'a CachedRanges,
    (low, high): (BodyId, u64),
) -> bool {
    let nothing = CachedRanges::default();
    let of = |id: u64| bodies.index_of(BodyId(id)).map_or(&nothing, |index| ranges(index));
    let found = if high & STATIC_BIT != 0 {
        cache.fixed((low, of(low.0)), high ^ STATIC_BIT)
    } else {
        cache.pair((low, of(low.0)), (BodyId(high), of(high)))
    };
    found.is_some_and(|found| found.carries())
}

/// Who owns the tiles around a tile.
#[derive(Clone, Copy, Debug, Default)]
struct Around {
    tile: TileIndex,
    /// The tile at [`step_of`] k; outside the world, the owner of the tile itself.
    owners: [u32; 27],
}

const CENTRE: usize = 13;

fn step_of(k: usize) -> [i32; 3] {
    let k = k as i32;
    [k % 3 - 1, k / 3 % 3 - 1, k / 9 - 1]
}

impl Around {
    fn home(&self) -> u32 {
        self.owners[CENTRE]
    }

    fn is_all(&self, pod: u32) -> bool {
        self.owners.iter().all(|&owner| owner == pod)
    }

    /// The pods, other than the tile's own, that own a tile around within a distance (m) of the centre of a body in it; ascending, each once.
    fn others_within(&self, offset: Vec3, far: f32, tile_size: f32) -> Vec<u32> {
        let half = 0.5 * tile_size;
        let mut pods = Vec::new();
        for (k, &pod) in self.owners.iter().enumerate() {
            if pod == self.home() || pods.contains(&pod) {
                continue;
            }
            let step = step_of(k);
            let gap = |axis: usize| match step[axis] {
                -1 => offset[axis] + half,
                1 => half - offset[axis],
                _ => 0.0,
            };
            // A lingering body may be beyond the face itself.
            let gaps = Vec3::new(gap(0), gap(1), gap(2)).max(Vec3::ZERO);
            if gaps.length_squared() <= far * far {
                pods.push(pod);
            }
        }
        pods.sort_unstable();
        pods
    }
}

/// Remembers who owns which tile while messages are collected.
struct Territory<F> {
    owner: F,
    known: FxHashMap<TileIndex, u32>,
}

impl<F: FnMut(TileIndex) -> u32> Territory<F> {
    fn new(owner: F) -> Self {
        Self {
            owner,
            known: FxHashMap::default(),
        }
    }

    fn around(&mut self, tile: TileIndex) -> Around {
        let home = self.owner_of(tile);
        let mut owners = [home; 27];
        for (k, owner) in owners.iter_mut().enumerate() {
            let tile = tile.stepped(step_of(k));
            if tile.is_inside_world() {
                *owner = self.owner_of(tile);
            }
        }
        Around { tile, owners }
    }

    fn owner_of(&mut self, tile: TileIndex) -> u32 {
        *self.known.entry(tile).or_insert_with(|| (self.owner)(tile))
    }
}

/// Upper bound of the reach that the collision stages will compute.
fn reach_at_most(motion: &Motion, world: &World) -> f32 {
    let t = world.constants.tick_seconds;
    let fall = 0.5 * world.constants.gravity.length() * t * t;
    let turning = motion.angular_velocity().length() * motion.radius() * t;
    let margin = motion.velocity().length() * t + (fall + CONTACT_SLOP) + turning;
    motion.radius() + margin.min(world.constants.speculative_cap)
}

fn boundary_velocity(motion: &Motion, crowd: u32) -> BoundaryVelocity {
    BoundaryVelocity {
        velocity: motion.velocity().to_array(),
        angular_velocity: motion.angular_velocity().to_array(),
        displacement: motion.displacement.truncate().to_array(),
        rotation: motion.rotation.truncate().to_array(),
        orientation: None,
        crowd,
        bounces_off: None,
        asleep: false,
    }
}

/// Ascending by (low, high), each once.
pub(crate) fn sort_entries<K: Kept>(entries: &mut Vec<K::Listed>) {
    entries.sort_unstable_by_key(K::partners);
    entries.dedup_by_key(|entry| K::partners(entry));
}

/// Checks a sensor overlap that came from a peer or a file.
pub(crate) fn check_overlap(pair: &SensorOverlap) -> Result<(), HaloError> {
    let check = FieldError::check("overlap.body", pair.body.0, 0, STATIC_BIT - 1, "");
    check.map_err(|reason| HaloError::Record {
        id: pair.sensor,
        reason,
    })
}

/// Checks a manifold that came from a peer or a file.
pub(crate) fn check_manifold(entry: &CachedManifold) -> Result<(), HaloError> {
    let check = || {
        FieldError::check("manifold.high", entry.high, entry.low.0.saturating_add(1), u64::MAX, "")?;
        for impulse in entry.normal_impulses {
            FieldError::check("manifold.normal_impulse", impulse, 0.0, f32::MAX, "kg m/s")?;
        }
        for impulse in entry.friction_impulse {
            FieldError::check("manifold.friction_impulse", impulse, f32::MIN, f32::MAX, "kg m/s")?;
        }
        for impulse in entry.torque_impulse {
            FieldError::check("manifold.torque_impulse", impulse, f32::MIN, f32::MAX, "kg m²/s")?;
        }
        Ok(())
    };
    check().map_err(|reason| HaloError::Record { id: entry.low, reason })
}

/// Checks an entry that came from a peer or a file.
pub(crate) fn check_entry(entry: &CachedContact) -> Result<(), HaloError> {
    let check = || {
        FieldError::check("contact.high", entry.high, entry.low.0.saturating_add(1), u64::MAX, "")?;
        FieldError::check("contact.normal_impulse", entry.normal_impulse, 0.0, f32::MAX, "kg m/s")?;
        for impulse in entry.friction_impulse {
            FieldError::check("contact.friction_impulse", impulse, f32::MIN, f32::MAX, "kg m/s")?;
        }
        Ok(())
    };
    check().map_err(|reason| HaloError::Record { id: entry.low, reason })
}
