//! The world: what it is made of, how bodies come and go between ticks, and how they are read.

use std::sync::Arc;

use glam::{Quat, Vec3, Vec4};
use rustc_hash::FxHashSet;

use crate::body::{Body, BodyDesc, BodyId, BodyKind, BodyRecord, check_thrust};
use crate::cache::{CacheSet, ContactCache};
use crate::collide::{Collision, Located};
use crate::config::{WorldConfig, WorldParams};
use crate::constants::{MASS_RANGE, MAX_ANGULAR_SPEED, MAX_DRAG_AREA, MIN_RADIUS_IN_TILES, UNIT_TOLERANCE};
use crate::contact::{ContactSet, STATIC_BIT};
use crate::environment::Environment;
use crate::error::{FieldError, HaloError, SpawnError, WorldError};
use crate::event::{Journal, SensorOverlap};
use crate::exchange::Exchange;
use crate::force::{Force, Forces};
use crate::halo::{CachedContact, CachedManifold, Ghost};
use crate::joint::list::Joints;
use crate::manifold::Manifolds;
use crate::narrow_phase::static_geometry::StaticGeometry;
use crate::portions::Tasks;
use crate::shape::{ConvexHull, HullId, MAX_HULLS, Shape, StaticShape};
use crate::solver::{StepConstants, integrate};
use crate::storage::Bodies;
use crate::tile::{self, TileIndex};

/// A physical world, or the part of one that a pod holds.
///
/// Alone, it is stepped with [`World::step`]. As a part, with the phases of [`crate::exchange`] and [`crate::step`]; the result is the same bit for bit.
///
/// ```
/// use glam::DVec3;
/// use jaguar_core::{BodyDesc, World, WorldConfig};
///
/// let mut world = World::new(WorldConfig::default())?;
/// let ball = world.spawn(&BodyDesc::sphere(0.5).at(DVec3::new(0.0, 10.0, 0.0)))?;
/// for _ in 0..60 {
///     world.step();
/// }
/// let fallen = 10.0 - world.body(ball).expect("it was not despawned").position.y;
/// assert!((fallen - 4.9).abs() < 0.1, "half g t² after a second");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct World {
    params: WorldParams,
    pub(crate) constants: StepConstants,
    pub(crate) statics: Arc<StaticGeometry>,
    pub(crate) forces: Forces,
    pub(crate) tick: u64,
    next_id: BodyId,
    max_radius: f32,
    pub(crate) bodies: Bodies,
    /// The contacts of the last tick.
    pub(crate) contacts: ContactSet,
    /// The impulses of the last tick's contacts, until a tick is finished.
    pub(crate) cached: CacheSet,
    /// Contacts of several points, with their cache.
    pub(crate) manifolds: Manifolds,
    /// Cached contacts without a home; see [`ContactCache::extra`].
    pub(crate) extra: Vec<CachedContact>,
    /// What is in held sensors, ascending.
    pub(crate) overlaps: Vec<SensorOverlap>,
    pub(crate) joints: Joints,
    pub(crate) ghosts: Vec<Ghost>,
    pub(crate) journal: Journal,
    pub(crate) collision: Collision,
    pub(crate) exchange: Exchange,
    pub(crate) tasks: Tasks,
    pub(crate) phase: Phase,
    pub(crate) stats: StepStats,
}

/// Where in a tick the world is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Between ticks.
    Rest,
    /// Ghosts were collected; the tick will go on with `collide`.
    Exchanged,
    /// Contacts are prepared, this many substeps are done.
    Solving { done: u32 },
}

/// Counts of the last tick, and of all ticks where said. They describe the work done here, not the world: over pods they add up to more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StepStats {
    /// Contacts between bodies of one tile.
    pub inside: usize,
    /// Contacts between bodies of different tiles.
    pub across: usize,
    /// Contacts with static geometry.
    pub statics: usize,
    /// Occupied tiles.
    pub tiles: usize,
    /// Those of them that were dormant.
    pub dormant_tiles: usize,
    /// Bodies in dormant tiles.
    pub dormant_bodies: usize,
    /// Ghosts of other pods' bodies.
    pub ghosts: usize,
    /// Times, since the world was made or restored, that a body's state was no longer finite and the body was stopped.
    pub quarantined: u64,
}

/// A contact of the last tick.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ContactView {
    /// The body of the lower id, or the only one.
    pub low: BodyId,
    /// The partner.
    pub high: ContactPartner,
    /// Distance of the surfaces at the start of the tick, m; negative when they overlapped. The least of the points of a manifold.
    pub separation: f32,
    /// Unit normal from `low` to the partner.
    pub normal: Vec3,
    /// Normal impulse of a substep at the end of the tick, kg m/s; of all points of a manifold.
    pub normal_impulse: f32,
    /// Friction impulse of a substep on the partner at the end of the tick, kg m/s.
    pub friction_impulse: Vec3,
}

/// What a body touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContactPartner {
    /// Another body.
    Body(BodyId),
    /// A feature of static geometry, by its key.
    Static(u64),
}

impl World {
    /// An empty world at tick 0. Fails if a parameter, shape or the environment is out of range.
    pub fn new(config: WorldConfig) -> Result<Self, WorldError> {
        let WorldConfig {
            params,
            statics,
            hulls,
            environment,
        } = config;
        params.validate()?;
        environment.validate()?;
        check_hulls(&hulls, &params)?;
        let statics = Arc::new(StaticGeometry::new(statics, params.tile_size)?);
        Ok(Self {
            constants: StepConstants::new(&params),
            params,
            statics,
            forces: Forces::new(environment),
            tick: 0,
            next_id: BodyId(0),
            max_radius: largest_radius(&hulls),
            bodies: Bodies::new(hulls),
            contacts: ContactSet::default(),
            cached: CacheSet::default(),
            manifolds: Manifolds::default(),
            extra: Vec::new(),
            overlaps: Vec::new(),
            joints: Joints::default(),
            ghosts: Vec::new(),
            journal: Journal::default(),
            collision: Collision::default(),
            exchange: Exchange::default(),
            tasks: Tasks::default(),
            phase: Phase::Rest,
            stats: StepStats::default(),
        })
    }

    /// What the world was made of; another world made of it is empty and otherwise the same, but for added forces.
    pub fn config(&self) -> WorldConfig {
        WorldConfig {
            params: self.params.clone(),
            statics: self.statics().to_vec(),
            hulls: self.hulls().to_vec(),
            environment: self.environment().clone(),
        }
    }

    /// The parameters.
    pub fn params(&self) -> &WorldParams {
        &self.params
    }

    /// The static shapes, unit vectors normalised.
    pub fn statics(&self) -> &[StaticShape] {
        self.statics.shapes()
    }

    /// The hulls that bodies can have as shapes, by their [`crate::HullId`].
    pub fn hulls(&self) -> &[ConvexHull] {
        self.bodies.kinds().hulls()
    }

    /// What acts on bodies besides contacts.
    pub fn environment(&self) -> &Environment {
        self.forces.environment()
    }

    /// Adds a force to all bodies, from the next tick on; nothing sleeps in a world with added forces, which may change at any time. Forces act in the order in which they were added, after those of the environment but buoyancy and drag.
    ///
    /// They are neither in [`World::config`] nor in snapshots: see [`Force`].
    pub fn add_force(&mut self, force: Box<dyn Force>) {
        self.assert_at_rest();
        self.forces.add(force);
        self.bodies.columns_mut().rest.fill(0);
    }

    /// Ticks simulated since the world began.
    pub fn tick(&self) -> u64 {
        self.tick
    }

    /// Number of bodies held.
    pub fn len(&self) -> usize {
        self.bodies.held()
    }

    /// Whether no body is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The id that the next body or joint gets.
    pub fn next_id(&self) -> BodyId {
        self.next_id
    }

    /// The largest radius of any body that was ever in the world, on whatever pod, and of any hull of its definition, m. It bounds how far ghosts are collected.
    pub fn max_radius(&self) -> f32 {
        self.max_radius
    }

    /// Counts of the last tick.
    pub fn stats(&self) -> StepStats {
        self.stats
    }

    /// Sets the counters of a pod that joins a running world; only while it is empty.
    pub fn start_at(&mut self, tick: u64, next_id: BodyId, max_radius: f32) {
        self.assert_at_rest();
        assert!(self.is_empty(), "counters are set before the first body arrives");
        self.tick = tick;
        self.next_id = next_id;
        self.note_radius(max_radius);
    }

    /// Checks that a body could be spawned, and says in which tile.
    pub fn check(&self, desc: &BodyDesc) -> Result<TileIndex, SpawnError> {
        Ok(self.record_of(desc, BodyId(0))?.tile)
    }

    /// Makes room for so many more bodies, and no more. Nobody needs to call it; a world that does knows beforehand how many come and takes less memory.
    pub fn reserve(&mut self, bodies: usize) {
        self.bodies.reserve(bodies);
    }

    /// Adds a body with the next id.
    pub fn spawn(&mut self, desc: &BodyDesc) -> Result<BodyId, SpawnError> {
        let id = self.next_id;
        self.spawn_with_id(id, desc)?;
        Ok(id)
    }

    /// Adds a body with a given id, which must never have been used. Later bodies get higher ids.
    pub fn spawn_with_id(&mut self, id: BodyId, desc: &BodyDesc) -> Result<(), SpawnError> {
        self.assert_at_rest();
        if id.0 & STATIC_BIT != 0 {
            return Err(SpawnError::Id(id));
        }
        if self.bodies.index_of(id).is_some() {
            return Err(SpawnError::Duplicate(id));
        }
        let record = self.record_of(desc, id)?;
        self.bodies.push(&record);
        self.note_id(id);
        self.note_radius(record.kind.shape.bounding_radius());
        Ok(())
    }

    /// Takes `count` ids out of the counter and returns the first: for bodies that another pod spawns.
    pub fn reserve_ids(&mut self, count: u64) -> BodyId {
        let first = self.next_id;
        self.next_id = BodyId(first.0.saturating_add(count));
        first
    }

    /// Takes notice of the bounding radius (m) of a body that another pod spawned.
    pub fn note_radius(&mut self, radius: f32) {
        self.max_radius = self.max_radius.max(radius);
    }

    /// Removes a body. False if it is not held; contacts and joints with it are forgotten in any case, so a despawn goes to all pods.
    pub fn despawn(&mut self, id: BodyId) -> bool {
        self.despawn_all(&[id]) == 1
    }

    /// Removes these bodies in one pass and returns how many were held. Contacts and joints with any of them are forgotten.
    pub fn despawn_all(&mut self, ids: &[BodyId]) -> usize {
        self.assert_at_rest();
        let mut indices: Vec<u32> = ids
            .iter()
            .filter_map(|&id| self.bodies.index_of(id))
            .map(|index| index as u32)
            .collect();
        indices.sort_unstable();
        indices.dedup();
        self.forget_contacts(&ids.iter().copied().collect());
        self.remove_bodies(&indices);
        indices.len()
    }

    /// Removes the held bodies that a predicate selects; returns their ids, ascending.
    ///
    /// Other pods do not learn of them. In a world of several pods the entry that removes by predicate must also advance the world: the next tick forgets
    /// contacts and joints with bodies that are not there.
    pub fn despawn_where(&mut self, mut selects: impl FnMut(&Body) -> bool) -> Vec<BodyId> {
        let mut ids: Vec<BodyId> = self.bodies().filter(|body| selects(body)).map(|body| body.id).collect();
        ids.sort_unstable();
        self.despawn_all(&ids);
        ids
    }

    /// Changes a body's velocity by an impulse (kg m/s) at its centre. False if the body is not held or the impulse is not finite.
    pub fn apply_impulse(&mut self, id: BodyId, impulse: Vec3) -> bool {
        self.change_motion(id, impulse.is_finite(), |motion| {
            motion.set_velocity(motion.velocity() + impulse * motion.inverse_mass());
        })
    }

    /// Sets a body's velocity (m/s) and angular velocity (rad/s). False if the body is not held or a number is not finite.
    pub fn set_velocity(&mut self, id: BodyId, velocity: Vec3, angular_velocity: Vec3) -> bool {
        let is_finite = velocity.is_finite() && angular_velocity.is_finite();
        self.change_motion(id, is_finite, |motion| {
            motion.set_velocity(velocity);
            motion.set_angular_velocity(angular_velocity);
        })
    }

    /// Sets the force (N) that a body exerts on itself in its own frame, until it is set again. False if the body is not held or a component is beyond ±10^12 N.
    pub fn set_thrust(&mut self, id: BodyId, thrust: Vec3) -> bool {
        self.assert_at_rest();
        let is_valid = check_thrust(thrust).is_ok();
        let Some(index) = self.bodies.index_of(id).filter(|_| is_valid) else {
            return false;
        };
        // One zero only.
        self.bodies.set_thrust(index, thrust + Vec3::ZERO);
        self.wake(index);
        true
    }

    /// A body, if it is held.
    pub fn body(&self, id: BodyId) -> Option<Body> {
        self.bodies.index_of(id).map(|index| self.body_at(index))
    }

    /// The full state of a body, if it is held.
    pub fn record(&self, id: BodyId) -> Option<BodyRecord> {
        self.bodies.index_of(id).map(|index| self.bodies.record(index))
    }

    /// All held bodies, neighbours in space mostly one after the other. The order differs between pods; sort by id to compare.
    pub fn bodies(&self) -> impl Iterator<Item = Body> + '_ {
        (0..self.len()).map(|index| self.body_at(index))
    }

    /// The ids of the held bodies, in storage order.
    pub fn ids(&self) -> impl Iterator<Item = BodyId> + '_ {
        self.bodies.columns().id[..self.len()].iter().copied()
    }

    /// The full states of all held bodies, in the order of [`World::bodies`].
    pub fn records(&self) -> impl Iterator<Item = BodyRecord> + '_ {
        (0..self.len()).map(|index| self.bodies.record(index))
    }

    /// How many bodies each occupied tile has; tiles ascend by their index.
    pub fn tile_counts(&self) -> Vec<(TileIndex, u32)> {
        let mut tiles: Vec<TileIndex> = self.bodies.columns().place[..self.len()]
            .iter()
            .map(|p| p.tile)
            .collect();
        tiles.sort_unstable();
        tiles
            .chunk_by(|a, b| a == b)
            .map(|equal| (equal[0], equal.len() as u32))
            .collect()
    }

    /// The cached contacts that a held body takes part in: what warm starts the next tick. In no particular order.
    pub fn cached_contacts(&self) -> impl Iterator<Item = CachedContact> + '_ {
        self.cache().entries(self.bodies.homes())
    }

    /// The cached manifolds that a held body takes part in. In no particular order.
    pub fn cached_manifolds(&self) -> impl Iterator<Item = CachedManifold> + '_ {
        self.manifolds.cache().entries(self.bodies.manifold_homes())
    }

    /// The cached manifolds that count here: those of which the body of the lower id is held.
    pub fn counted_manifolds(&self) -> impl Iterator<Item = CachedManifold> + '_ {
        self.cached_manifolds().filter(|entry| self.is_held(entry.low))
    }

    /// The contacts of the last tick, each once, also those without force. In no particular order. None after a body was removed, until the next tick.
    pub fn contacts(&self) -> impl Iterator<Item = ContactView> + '_ {
        // Bodies that were spawned since lie behind those that the contacts know.
        let known = self.collision.portions.last().map_or(0, |portion| portion.bodies.end);
        let held = self.bodies.columns().id.get(..known).unwrap_or_default();
        let contacts = self.collision.contacts(&self.contacts, &self.cached);
        let points = contacts.map(move |located| {
            let Located {
                geometry,
                impulses,
                lane,
                pair,
                other,
                ..
            } = located;
            let id = |index: u32| held.get(index as usize).map_or(other, |id| id.0);
            let low = BodyId(id(pair[0]));
            let high = match id(pair[1]) {
                key if key & STATIC_BIT != 0 => ContactPartner::Static(key ^ STATIC_BIT),
                id => ContactPartner::Body(BodyId(id)),
            };
            let (normal, separation) = geometry.get(lane);
            let (friction_impulse, normal_impulse) = impulses.get(lane);
            ContactView {
                low,
                high,
                separation,
                normal: Vec3::from_array(normal),
                normal_impulse,
                friction_impulse: Vec3::from_array(friction_impulse),
            }
        });
        points.chain(self.manifolds.contacts(held))
    }

    /// The cached contacts that count here: those of which the body of the lower id is held. Over the parts of a world, each contact once. In no particular order.
    pub fn counted_contacts(&self) -> impl Iterator<Item = CachedContact> + '_ {
        self.cached_contacts().filter(|entry| self.is_held(entry.low))
    }

    pub(crate) fn is_held(&self, id: BodyId) -> bool {
        self.bodies.index_of(id).is_some()
    }

    pub(crate) fn cache(&self) -> ContactCache<'_> {
        ContactCache {
            set: &self.cached,
            extra: &self.extra,
        }
    }

    pub(crate) fn assert_at_rest(&self) {
        assert_eq!(self.phase, Phase::Rest, "bodies come, go and change between ticks only");
    }

    /// Keeps the counter above every id in use.
    pub(crate) fn note_id(&mut self, id: BodyId) {
        self.next_id = self.next_id.max(BodyId(id.0 + 1));
    }

    /// Checks a record that came from a peer or a file, all but whether its id is held already.
    pub(crate) fn check_record(&self, record: &BodyRecord) -> Result<(), HaloError> {
        let size = self.params.tile_size;
        let radius = match record.kind.shape {
            Shape::Hull(HullId(number)) => self.hulls().get(number as usize).map(ConvexHull::bounding_radius),
            shape => Some(shape.bounding_radius()),
        };
        let farthest = 0.5 * size + radius.map_or(0.0, |radius| tile::linger(radius, size));
        let check = || {
            FieldError::check("id", record.id.0, 0, STATIC_BIT - 1, "")?;
            for index in record.tile.to_array() {
                FieldError::check("tile", index, -tile::MAX_TILE, tile::MAX_TILE, "")?;
            }
            for offset in record.offset {
                FieldError::check("offset", offset, -farthest, farthest.next_down(), "m")?;
            }
            if let Some(datum) = &record.datum {
                datum.validate(farthest)?;
            }
            self.check_fields(
                Quat::from_array(record.orientation),
                Vec3::from_array(record.velocity),
                Vec3::from_array(record.angular_velocity),
                Vec3::from_array(record.thrust),
                &record.kind,
            )
        };
        check().map_err(|reason| HaloError::Record { id: record.id, reason })
    }

    /// Forgets all cached contacts and joints with bodies of these ids, and rouses what they touched.
    fn forget_contacts(&mut self, ids: &FxHashSet<BodyId>) {
        self.note_ends(|id| ids.contains(&id));
        if self.constants.rest.is_on() {
            self.rouse_partners(ids);
        }
        self.joints
            .retain(|joint| !joint.bodies().any(|body| ids.contains(&body)));
        self.overlaps
            .retain(|pair| !ids.contains(&pair.sensor) && !ids.contains(&pair.body));
        self.cached.forget(self.bodies.homes(), ids);
        self.manifolds.cached.forget(self.bodies.manifold_homes(), ids);
        self.manifolds
            .extra
            .retain(|entry| !ids.contains(&entry.low) && !ids.contains(&BodyId(entry.high)));
        self.extra
            .retain(|entry| !ids.contains(&entry.low) && !ids.contains(&BodyId(entry.high)));
    }

    /// Removes the bodies at these indices, which ascend.
    pub(crate) fn remove_bodies(&mut self, indices: &[u32]) {
        if !indices.is_empty() {
            self.bodies.remove(indices);
            // Their indices are no longer those of the contacts; the cache goes by ids.
            self.contacts.clear();
            self.manifolds.clear();
        }
    }

    fn change_motion(&mut self, id: BodyId, is_finite: bool, change: impl FnOnce(&mut crate::storage::Motion)) -> bool {
        self.assert_at_rest();
        let Some(index) = self.bodies.index_of(id).filter(|_| is_finite) else {
            return false;
        };
        self.bodies.stale.reaches = true;
        let motion = &mut self.bodies.columns_mut().motion[index];
        change(motion);
        // Peers and files accept nothing faster.
        if integrate::is_too_fast(motion, self.constants.max_speed) {
            integrate::limit(motion, self.constants.max_speed);
        }
        // One zero only.
        motion.twist.linear += Vec4::ZERO;
        motion.twist.angular += Vec4::ZERO;
        self.wake(index);
        true
    }

    pub(crate) fn body_at(&self, index: usize) -> Body {
        let columns = self.bodies.columns();
        let place = &columns.place[index];
        let kind = self.bodies.kind(index);
        Body {
            id: columns.id[index],
            position: tile::join(place.tile, place.offset, self.params.tile_size),
            orientation: Quat::from_array(columns.orientation[index]),
            velocity: columns.motion[index].velocity(),
            angular_velocity: columns.motion[index].angular_velocity(),
            shape: kind.given.shape,
            radius: kind.radius,
            mass: kind.given.mass,
            material: kind.given.material,
            filter: kind.given.filter,
            sensor: kind.given.sensor,
            domain: kind.given.domain,
            drag_area: kind.given.drag_area,
            thrust: columns.thrust(index),
        }
    }

    fn record_of(&self, desc: &BodyDesc, id: BodyId) -> Result<BodyRecord, FieldError> {
        let size = self.params.tile_size;
        let (tile, offset) = tile::split(desc.position, size).ok_or_else(|| {
            let limit = (f64::from(tile::MAX_TILE) + 0.5) * f64::from(size);
            FieldError::new(
                "position",
                desc.position,
                format!("three coordinates within ±{limit} m"),
            )
        })?;
        self.check_fields(
            desc.orientation,
            desc.velocity,
            desc.angular_velocity,
            desc.thrust,
            &desc.kind(),
        )?;
        let [x, y, z, w] = desc.orientation.to_array();
        let length = (x * x + y * y + z * z + w * w).sqrt();
        Ok(BodyRecord {
            id,
            tile,
            offset: (offset + Vec3::ZERO).to_array(),
            orientation: [x, y, z, w].map(|c| c / length + 0.0),
            velocity: (desc.velocity + Vec3::ZERO).to_array(),
            angular_velocity: (desc.angular_velocity + Vec3::ZERO).to_array(),
            thrust: (desc.thrust + Vec3::ZERO).to_array(),
            rest: 0,
            kind: desc.kind(),
            datum: None,
        })
    }

    fn check_fields(
        &self,
        orientation: Quat,
        velocity: Vec3,
        angular_velocity: Vec3,
        thrust: Vec3,
        kind: &BodyKind,
    ) -> Result<(), FieldError> {
        let [x, y, z, w] = orientation.to_array();
        let length = (x * x + y * y + z * z + w * w).sqrt();
        let (low, high) = (1.0 - UNIT_TOLERANCE, 1.0 + UNIT_TOLERANCE);
        FieldError::check("orientation (its length)", length, low, high, "")?;
        let max_speed = self.params.max_speed();
        FieldError::check("velocity (its length)", velocity.length(), 0.0, max_speed, "m/s")?;
        let spin = angular_velocity.length();
        FieldError::check("angular_velocity (its length)", spin, 0.0, MAX_ANGULAR_SPEED, "rad/s")?;
        check_thrust(thrust)?;
        self.check_shape(&kind.shape)?;
        FieldError::check("mass", kind.mass, MASS_RANGE.0, MASS_RANGE.1, "kg")?;
        kind.material.validate()?;
        FieldError::check("drag_area", kind.drag_area, 0.0, MAX_DRAG_AREA, "m²")
    }

    /// Checks that a shape's lengths are neither below the precision of positions nor above what the tiles around a tile can hold.
    fn check_shape(&self, shape: &Shape) -> Result<(), FieldError> {
        let (smallest, largest) = radii(&self.params);
        match *shape {
            Shape::Sphere { radius } => FieldError::check("radius", radius, smallest, largest, "m"),
            Shape::Capsule { half_height, radius } => {
                FieldError::check("radius", radius, smallest, largest, "m")?;
                FieldError::check("half_height", half_height, 0.0, largest, "m")?;
                let bounding = shape.bounding_radius();
                FieldError::check("radius + half_height", bounding, smallest, largest, "m")
            }
            Shape::Cuboid { half_extents } => {
                for half in half_extents.to_array() {
                    FieldError::check("half_extents", half, smallest, largest, "m")?;
                }
                let bounding = shape.bounding_radius();
                FieldError::check("half_extents (their length)", bounding, smallest, largest, "m")
            }
            Shape::Hull(HullId(number)) if (number as usize) < self.hulls().len() => Ok(()),
            Shape::Hull(HullId(number)) => {
                let allowed = format!(
                    "a number below {}, the hulls of the world's definition",
                    self.hulls().len()
                );
                Err(FieldError::new("hull", number, allowed))
            }
        }
    }
}

/// Checks that bodies can have these hulls.
fn check_hulls(hulls: &[ConvexHull], params: &WorldParams) -> Result<(), WorldError> {
    FieldError::check("hulls (their number)", hulls.len(), 0, MAX_HULLS, "")?;
    let (smallest, largest) = radii(params);
    for (hull, shape) in hulls.iter().enumerate() {
        FieldError::check("inner radius", shape.inner_radius(), smallest, largest, "m")
            .and_then(|()| FieldError::check("bounding radius", shape.bounding_radius(), smallest, largest, "m"))
            .map_err(|reason| WorldError::Hull { hull, reason })?;
    }
    Ok(())
}

fn largest_radius(hulls: &[ConvexHull]) -> f32 {
    hulls.iter().map(ConvexHull::bounding_radius).fold(0.0, f32::max)
}

/// The least and the largest lengths of a body: not below the precision of positions, and its bounding diameter smaller than a tile.
fn radii(params: &WorldParams) -> (f32, f32) {
    let size = params.tile_size;
    (size * MIN_RADIUS_IN_TILES, (0.5 * size).next_down())
}
