//! What passes between the pods of a world in a tick: hand-over, ghosts, boundary velocities. Messages come and go as plain values; who carries them is not known here.

use std::collections::BTreeMap;

use glam::Vec3;
use rustc_hash::FxHashMap;

use crate::body::BodyId;
use crate::constants::{CONTACT_SLOP, GHOST_MARGIN};
use crate::contact::{Block, CachedRanges, STATIC_BIT};
use crate::error::{FieldError, HaloError};
use crate::halo::{Boundary, BoundaryVelocity, CachedContact, Ghost};
use crate::storage::{Columns, Motion};
use crate::tile::TileIndex;
use crate::tile_table::TileTable;
use crate::world::{Phase, World};

/// The contacts with other pods' bodies in this tick, pod by pod.
#[derive(Debug, Default)]
pub(crate) struct Exchange {
    /// Ascending by pod.
    peers: Vec<Peer>,
}

/// The bodies on both sides of the contacts with one pod. The pod finds the same two sets, so velocities travel without ids.
#[derive(Debug)]
struct Peer {
    pod: u32,
    /// Held bodies that touch the pod's bodies: indices, ascending by id.
    own: Vec<u32>,
    /// Ghosts of the pod's bodies that touch held ones: indices, ascending by id.
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
        sort_entries(&mut self.extra);
        self.ghosts.extend_from_slice(&boundary.ghosts);
        Ok(())
    }

    /// The velocities that other pods need for the present substep: one message for each pod that has bodies in contact with held ones, ascending by pod.
    pub fn velocities_out(&self) -> Vec<(u32, Vec<BoundaryVelocity>)> {
        assert!(
            matches!(self.phase, Phase::Solving { .. }),
            "velocities are exchanged within a tick"
        );
        let motion = &self.bodies.columns().motion;
        let message = |peer: &Peer| {
            peer.own
                .iter()
                .map(|&i| boundary_velocity(&motion[i as usize]))
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
        let motion = &mut self.bodies.columns_mut().motion;
        for (&ghost, velocity) in peer.ghosts.iter().zip(velocities) {
            let motion = &mut motion[ghost as usize];
            motion.set_velocity(Vec3::from_array(velocity.velocity));
            motion.set_angular_velocity(Vec3::from_array(velocity.angular_velocity));
            motion.displacement = Vec3::from_array(velocity.displacement).extend(motion.radius());
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
        let slack = self.max_radius() + self.constants.speculative_cap;
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
                let far = (reach_at_most(&columns.motion[i], self) + slack) * GHOST_MARGIN;
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
            self.remove_bodies(&leaving);
        }
        for boundary in outgoing.values_mut() {
            boundary.handed_over.sort_unstable_by_key(|record| record.id);
            boundary.ghosts.sort_unstable_by_key(|ghost| ghost.id);
            sort_entries(&mut boundary.contacts);
        }
        outgoing.into_iter().collect()
    }

    /// Gives every cached contact of a leaving body to its destination, and keeps those of which a partner stays.
    fn take_contacts(&mut self, destinations: &FxHashMap<BodyId, u32>, outgoing: &mut BTreeMap<u32, Boundary>) {
        let destination = |id: u64| destinations.get(&BodyId(id)).copied();
        let stays = |id: u64| destination(id).is_none() && self.bodies.index_of(BodyId(id)).is_some();
        let mut kept = Vec::new();
        let mut pass_on = |entry: CachedContact| {
            let partners = [destination(entry.low.0), destination(entry.high)];
            for pod in partners.into_iter().flatten() {
                outgoing.entry(pod).or_default().contacts.push(entry);
            }
            stays(entry.low.0) || stays(entry.high)
        };
        let columns = self.bodies.columns();
        for i in 0..self.bodies.held() {
            let home = columns.id[i];
            let home_leaves = destination(home.0).is_some();
            for entry in self.cache().of_home(home, &columns.cached[i]) {
                if pass_on(entry) && home_leaves {
                    kept.push(entry);
                }
            }
        }
        for &entry in &self.extra {
            if pass_on(entry) {
                kept.push(entry);
            }
        }
        self.extra = kept;
        sort_entries(&mut self.extra);
    }

    /// Whether the cache has the entry already, because the partner of an arriving body is held here.
    fn is_cached(&self, entry: &CachedContact) -> bool {
        let nothing = CachedRanges::default();
        let ranges = |id: u64| {
            let index = self.bodies.index_of(BodyId(id));
            index.map_or(&nothing, |index| &self.bodies.columns().cached[index])
        };
        if entry.high & STATIC_BIT != 0 {
            let key = entry.high ^ STATIC_BIT;
            return self.cache().fixed((entry.low, ranges(entry.low.0)), key).is_some();
        }
        let (low, high) = (
            (entry.low, ranges(entry.low.0)),
            (BodyId(entry.high), ranges(entry.high)),
        );
        self.cache().pair(low, high).is_some_and(|found| found.normal > 0.0)
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
        for ghost in &boundary.ghosts {
            self.check_ghost(ghost)?;
        }
        Ok(())
    }

    fn check_ghost(&self, ghost: &Ghost) -> Result<(), HaloError> {
        if self.bodies.index_of(ghost.id).is_some() {
            return Err(HaloError::GhostIsHeld(ghost.id));
        }
        self.check_record(&crate::storage::record_of_ghost(ghost))
    }
}

impl Exchange {
    /// Sorts the contacts with ghosts by the pod that owns the ghost's tile.
    pub(crate) fn match_peers(
        &mut self,
        columns: &Columns,
        held: usize,
        table: &TileTable,
        across: &[Block],
        mut owner: impl FnMut(TileIndex) -> u32,
    ) {
        self.peers.clear();
        if columns.id.len() == held {
            return;
        }
        let ghost_tiles = &table.tiles[table.owned_tiles..];
        let owners: Vec<u32> = ghost_tiles.iter().map(|tile| owner(tile.index)).collect();
        let mut pods: BTreeMap<u32, (Vec<u32>, Vec<u32>)> = BTreeMap::new();
        let lanes = across.iter().flat_map(Block::lanes);
        for (low, high) in lanes.map(|(block, lane)| (block.low[lane], block.high[lane])) {
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

    /// The pods, other than the tile's own, that own a tile around within a distance (m) of a point in it; ascending, each once.
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
            let gaps = Vec3::new(gap(0), gap(1), gap(2));
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
    let margin = motion.velocity().length() * t + (fall + CONTACT_SLOP);
    motion.radius() + margin.min(world.constants.speculative_cap)
}

fn boundary_velocity(motion: &Motion) -> BoundaryVelocity {
    BoundaryVelocity {
        velocity: motion.velocity().to_array(),
        angular_velocity: motion.angular_velocity().to_array(),
        displacement: motion.displacement.truncate().to_array(),
    }
}

/// Ascending by (low, high), each once.
pub(crate) fn sort_entries(entries: &mut Vec<CachedContact>) {
    entries.sort_unstable_by_key(|entry| (entry.low, entry.high));
    entries.dedup_by_key(|entry| (entry.low, entry.high));
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
