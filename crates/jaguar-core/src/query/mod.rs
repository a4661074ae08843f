//! Questions about a world between ticks: what does a ray hit, what does a moving ball touch, what is in a region, what is near.
//!
//! [`World::queries`] builds an index over the bodies and answers any number of questions, in batches on all cores; [`World::queries_by_scan`] looks at every body for each question instead, which
//! is faster for one or a few. Both give the same answers, bit for bit: an index only finds candidates, and among them the least distance decides, then the id. A pod answers for the bodies it holds.
//!
//! Shapes are met exactly (to the rounding of f64, relative to the body), not their bounding balls. Lengths in m.

mod index;
mod solid;

use glam::DVec3;

use crate::body::{Body, BodyId, Filter};
use crate::parallel::*;
use crate::world::World;
use index::BodyIndex;
use solid::Solid;

/// Questions in a portion of parallel work, at least.
const PORTION: usize = 16;

/// Bodies in a portion of a scan, at least.
const SCAN_PORTION: usize = 4096;

/// A ray from a point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ray {
    /// Where it starts, m.
    pub origin: DVec3,
    /// Where it goes; of any length but 0.
    pub direction: DVec3,
    /// How far it goes, m; may be infinite.
    pub max_distance: f64,
}

/// A ball that moves along a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sweep {
    /// Where its centre starts, m.
    pub centre: DVec3,
    /// Its radius, m; a ball of radius 0 is a ray.
    pub radius: f64,
    /// Where it goes; of any length but 0.
    pub direction: DVec3,
    /// How far it goes, m; may be infinite.
    pub max_distance: f64,
}

/// A part of space, with its surface.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Region {
    /// The points at most `radius` from a centre, m.
    Ball {
        /// m.
        centre: DVec3,
        /// m.
        radius: f64,
    },
    /// The points between two corners, m.
    Box {
        /// The lesser coordinates, m.
        low: DVec3,
        /// The larger coordinates, m.
        high: DVec3,
    },
}

/// Which bodies are near a point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Nearby {
    /// The point, m.
    pub point: DVec3,
    /// How many of the nearest.
    pub count: usize,
    /// How far away at most, m; may be infinite.
    pub max_distance: f64,
}

/// What a question is about. By default everything.
///
/// ```
/// use jaguar_core::query::QueryFilter;
/// use jaguar_core::{BodyId, Filter};
///
/// let sight = QueryFilter::default().without(BodyId(7)).without_sensors();
/// let doors = Filter { groups: 1, mask: 0b100 };
/// assert_eq!(sight.touching(doors).filter.mask, 0b100);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryFilter {
    /// Bodies that a body of this filter can touch. Static shapes have no groups.
    pub filter: Filter,
    /// A body that is left out: as a rule the one that asks.
    pub except: Option<BodyId>,
    /// Whether sensors count.
    pub sensors: bool,
    /// Whether static shapes count, for rays and moving balls.
    pub statics: bool,
}

impl Default for QueryFilter {
    /// Everything.
    fn default() -> Self {
        Self {
            filter: Filter::default(),
            except: None,
            sensors: true,
            statics: true,
        }
    }
}

impl QueryFilter {
    /// Only bodies that a body of this filter can touch.
    #[must_use]
    pub fn touching(self, filter: Filter) -> Self {
        Self { filter, ..self }
    }

    /// Not this body.
    #[must_use]
    pub fn without(self, body: BodyId) -> Self {
        Self {
            except: Some(body),
            ..self
        }
    }

    /// No sensors.
    #[must_use]
    pub fn without_sensors(self) -> Self {
        Self { sensors: false, ..self }
    }

    /// No static shapes.
    #[must_use]
    pub fn without_statics(self) -> Self {
        Self { statics: false, ..self }
    }

    fn admits(&self, body: &Body) -> bool {
        self.filter.admits(body.filter) && self.except != Some(body.id) && (self.sensors || !body.sensor)
    }
}

/// The first thing that a ray hits or a moving ball touches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RayHit {
    /// What was hit.
    pub target: RayTarget,
    /// How far the ray or the ball's centre came, m; 0 if it starts inside. Over the speed it is the time of the touch.
    pub distance: f64,
    /// Where on the surface, m; the start if that is inside.
    pub point: DVec3,
    /// Unit normal of the surface there, out of it; against the way if it starts inside.
    pub normal: DVec3,
}

/// What a ray can hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RayTarget {
    /// A body.
    Body(BodyId),
    /// A static shape, by its index in [`World::statics`].
    Static(usize),
}

/// A body near a point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbour {
    /// The body.
    pub id: BodyId,
    /// From the point to its surface, m; 0 if the point is inside.
    pub distance: f64,
}

/// A world to be asked. It borrows the world, so nothing moves meanwhile; make it anew after a tick.
///
/// ```
/// use glam::DVec3;
/// use jaguar_core::query::{Nearby, QueryFilter, Ray, RayTarget, Region, Sweep};
/// use jaguar_core::{BodyDesc, World, WorldConfig};
///
/// let mut world = World::new(WorldConfig::default())?;
/// let near = world.spawn(&BodyDesc::cuboid(glam::Vec3::ONE).at(DVec3::X * 5.0))?;
/// let far = world.spawn(&BodyDesc::sphere(0.5).at(DVec3::X * 9.0))?;
///
/// let queries = world.queries();
/// let all = QueryFilter::default();
/// let ray = Ray { origin: DVec3::ZERO, direction: DVec3::X, max_distance: 100.0 };
/// let hits = queries.cast_rays(&[ray], &all);
/// assert_eq!(hits[0].map(|hit| (hit.target, hit.distance)), Some((RayTarget::Body(near), 4.0)));
/// let beyond = queries.cast_ray(&ray, &all.without(near)).expect("the ball is behind the box");
/// assert_eq!((beyond.target, beyond.distance), (RayTarget::Body(far), 8.5));
///
/// let ball = Sweep { centre: DVec3::ZERO, radius: 0.25, direction: DVec3::X, max_distance: 100.0 };
/// let touch = queries.cast_ball(&ball, &all).expect("the box is in its way");
/// assert_eq!((touch.distance, touch.point), (3.75, DVec3::X * 4.0));
///
/// let region = Region::Ball { centre: DVec3::X * 7.0, radius: 1.0 };
/// assert_eq!(queries.bodies_in(&region, &all), [near]);
///
/// let nearest = queries.nearest(&Nearby { point: DVec3::X * 8.0, count: 1, max_distance: 10.0 }, &all);
/// assert_eq!((nearest[0].id, nearest[0].distance), (far, 0.5));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Queries<'a> {
    world: &'a World,
    /// None to look at every body.
    index: Option<BodyIndex>,
}

impl World {
    /// Answers questions with an index over the bodies. Building it takes O(n log n) over the cores, about as long as ten or twenty questions with [`World::queries_by_scan`]; a question then takes
    /// O(log n), and a little for each of its answers.
    ///
    /// ```
    /// use glam::DVec3;
    /// use jaguar_core::query::{QueryFilter, Ray};
    /// use jaguar_core::scenes;
    ///
    /// let world = scenes::pile(100, 1).world()?;
    /// let down = |x: i32| Ray { origin: DVec3::new(f64::from(x), 99.0, 0.0), direction: DVec3::NEG_Y, max_distance: 200.0 };
    /// let rays: Vec<Ray> = (-5..5).map(down).collect();
    /// let hits = world.queries().cast_rays(&rays, &QueryFilter::default());
    /// assert!(hits.iter().all(|hit| hit.is_some_and(|hit| hit.normal.y > 0.0)));
    /// # Ok::<(), jaguar_core::error::WorldError>(())
    /// ```
    pub fn queries(&self) -> Queries<'_> {
        Queries {
            world: self,
            index: Some(BodyIndex::new(self)),
        }
    }

    /// Answers questions by looking at every body, O(n) over the cores: for a few questions in a tick.
    ///
    /// ```
    /// use glam::DVec3;
    /// use jaguar_core::query::{Nearby, QueryFilter};
    /// use jaguar_core::scenes;
    ///
    /// let world = scenes::pile(100, 1).world()?;
    /// let nearby = Nearby { point: DVec3::Y, count: 3, max_distance: f64::INFINITY };
    /// let nearest = world.queries_by_scan().nearest(&nearby, &QueryFilter::default());
    /// assert_eq!(nearest, world.queries().nearest(&nearby, &QueryFilter::default()));
    /// # Ok::<(), jaguar_core::error::WorldError>(())
    /// ```
    pub fn queries_by_scan(&self) -> Queries<'_> {
        Queries {
            world: self,
            index: None,
        }
    }

    /// The held bodies whose centre is in a box (bounds included, m), ascending by id.
    pub fn query_box(&self, low: DVec3, high: DVec3) -> Vec<Body> {
        self.select(|body| body.position.cmpge(low).all() && body.position.cmple(high).all())
    }

    /// The held bodies whose centre is at most `radius` (m) from a point (m), ascending by id.
    pub fn query_sphere(&self, centre: DVec3, radius: f64) -> Vec<Body> {
        self.select(|body| radius >= 0.0 && body.position.distance_squared(centre) <= radius * radius)
    }

    /// The first held body or static shape on a ray, at most `max_distance` (m) away. The direction need not be of unit length; `None` also if it is zero or not finite.
    ///
    /// It looks at every body; for many rays or a choice of bodies see [`World::queries`].
    ///
    /// ```
    /// use glam::DVec3;
    /// use jaguar_core::{BodyDesc, World, WorldConfig};
    ///
    /// let mut world = World::new(WorldConfig::default())?;
    /// world.spawn(&BodyDesc::capsule(1.0, 0.5).at(DVec3::X * 10.0))?;
    /// let hit = world.cast_ray(DVec3::ZERO, DVec3::X, 100.0).expect("the capsule is there");
    /// assert_eq!((hit.distance, hit.normal), (9.5, DVec3::NEG_X));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cast_ray(&self, origin: DVec3, direction: DVec3, max_distance: f64) -> Option<RayHit> {
        let ray = Ray {
            origin,
            direction,
            max_distance,
        };
        self.queries_by_scan().cast_ray(&ray, &QueryFilter::default())
    }

    fn select(&self, wanted: impl Fn(&Body) -> bool + Sync) -> Vec<Body> {
        let mut bodies: Vec<Body> = (0..self.len())
            .into_par_iter()
            .with_min_len(SCAN_PORTION)
            .map(|index| self.body_at(index))
            .filter(|body| wanted(body))
            .collect();
        bodies.sort_unstable_by_key(|body| body.id);
        bodies
    }
}

/// A body at the end of a way so far.
#[derive(Clone, Copy)]
struct Touched {
    distance: f64,
    id: BodyId,
    normal: DVec3,
}

impl Touched {
    /// The nearer of two, the one of lower id of two as near: whatever the order in which all are compared, the same one is left.
    fn nearer(self, other: Self) -> Self {
        if (other.distance, other.id) < (self.distance, self.id) {
            other
        } else {
            self
        }
    }
}

impl Queries<'_> {
    /// The first thing on a ray. A body comes before a static shape at the same distance, a lower id or index before a higher.
    ///
    /// `None` also if the direction is zero, its length below 10^-150 or above 10^150, or a number but `max_distance` is not finite. So for all questions: what makes no sense has no answer.
    pub fn cast_ray(&self, ray: &Ray, filter: &QueryFilter) -> Option<RayHit> {
        let ball = Sweep {
            centre: ray.origin,
            radius: 0.0,
            direction: ray.direction,
            max_distance: ray.max_distance,
        };
        self.cast_ball(&ball, filter)
    }

    /// [`Self::cast_ray`] for each ray, over the cores.
    pub fn cast_rays(&self, rays: &[Ray], filter: &QueryFilter) -> Vec<Option<RayHit>> {
        each(rays, |ray| self.cast_ray(ray, filter))
    }

    /// The first thing that a moving ball touches, in the order of [`Self::cast_ray`]; exactly, with round edges and corners around boxes. What it overlaps at its start is touched at distance 0.
    pub fn cast_ball(&self, ball: &Sweep, filter: &QueryFilter) -> Option<RayHit> {
        let &Sweep {
            centre,
            radius,
            direction,
            max_distance,
        } = ball;
        let direction = direction.try_normalize()?;
        let makes_sense = centre.is_finite() && radius.is_finite() && radius >= 0.0 && max_distance >= 0.0;
        if !makes_sense {
            return None;
        }
        let touch = |body: &Body, limit: f64| {
            if !filter.admits(body) {
                return None;
            }
            let solid = Solid::of(body, self.world.hulls());
            let hit = solid.cast_ball(centre - body.position, direction, radius, limit)?;
            let touched = Touched {
                distance: hit.distance,
                id: body.id,
                normal: hit.normal,
            };
            (hit.distance <= limit).then_some(touched)
        };
        let body = match &self.index {
            Some(index) => {
                let mut first: Option<Touched> = None;
                index.along(centre, direction, radius, max_distance, |index, limit| {
                    let Some(touched) = touch(&self.world.body_at(index), limit) else {
                        return limit;
                    };
                    let nearest = first.map_or(touched, |first| first.nearer(touched));
                    first = Some(nearest);
                    nearest.distance
                });
                first
            }
            None => (0..self.world.len())
                .into_par_iter()
                .with_min_len(SCAN_PORTION)
                .filter_map(|index| touch(&self.world.body_at(index), max_distance))
                .reduce_with(Touched::nearer),
        };
        let limit = body.map_or(max_distance, |body| body.distance);
        let fixed = filter
            .statics
            .then(|| self.world.statics.cast_ball(centre, direction, radius, limit));
        let (target, distance, normal) = match (body, fixed.flatten()) {
            (Some(body), Some(fixed)) if body.distance <= fixed.distance => {
                (RayTarget::Body(body.id), body.distance, body.normal)
            }
            (_, Some(fixed)) => (RayTarget::Static(fixed.shape), fixed.distance, fixed.normal),
            (Some(body), None) => (RayTarget::Body(body.id), body.distance, body.normal),
            (None, None) => return None,
        };
        let point = if distance > 0.0 {
            centre + direction * distance - normal * radius
        } else {
            centre
        };
        Some(RayHit {
            target,
            distance,
            point,
            normal,
        })
    }

    /// [`Self::cast_ball`] for each ball, over the cores.
    pub fn cast_balls(&self, balls: &[Sweep], filter: &QueryFilter) -> Vec<Option<RayHit>> {
        each(balls, |ball| self.cast_ball(ball, filter))
    }

    /// The bodies that a region touches, ascending by id: those whose shape overlaps it or meets its surface, exactly.
    pub fn bodies_in(&self, region: &Region, filter: &QueryFilter) -> Vec<BodyId> {
        let (low, high) = match *region {
            Region::Ball { centre, radius } => (centre - radius, centre + radius),
            Region::Box { low, high } => (low, high),
        };
        // Not a number, negative, or the wrong way round.
        if !low.cmple(high).all() {
            return Vec::new();
        }
        let is_in = |body: &Body| {
            let meets = |solid: Solid<'_>| match *region {
                Region::Ball { centre, radius } => solid.distance(centre - body.position) <= radius,
                Region::Box { low, high } => solid.meets_box(low - body.position, high - body.position),
            };
            filter.admits(body) && meets(Solid::of(body, self.world.hulls()))
        };
        match &self.index {
            Some(index) => {
                let mut ids = Vec::new();
                index.in_box(low, high, |index| {
                    let body = self.world.body_at(index);
                    if is_in(&body) {
                        ids.push(body.id);
                    }
                });
                ids.sort_unstable();
                ids
            }
            None => self.world.select(is_in).iter().map(|body| body.id).collect(),
        }
    }

    /// [`Self::bodies_in`] for each region, over the cores.
    pub fn bodies_in_each(&self, regions: &[Region], filter: &QueryFilter) -> Vec<Vec<BodyId>> {
        each(regions, |region| self.bodies_in(region, filter))
    }

    /// The bodies nearest to a point, ascending by distance, those at one distance by id. The distance is that of the surface, 0 inside; static shapes do not count.
    pub fn nearest(&self, nearby: &Nearby, filter: &QueryFilter) -> Vec<Neighbour> {
        let &Nearby {
            point,
            count,
            max_distance,
        } = nearby;
        let makes_sense = point.is_finite() && max_distance >= 0.0 && count > 0;
        if !makes_sense {
            return Vec::new();
        }
        let neighbour = |body: &Body| {
            if !filter.admits(body) {
                return None;
            }
            let solid = Solid::of(body, self.world.hulls());
            let distance = solid.distance(point - body.position);
            let neighbour = Neighbour { id: body.id, distance };
            (distance <= max_distance).then_some(neighbour)
        };
        let mut nearest: Vec<Neighbour>;
        match &self.index {
            Some(index) => {
                let mut heap = std::collections::BinaryHeap::new();
                index.around(point, max_distance, |index, limit| {
                    if let Some(neighbour) = neighbour(&self.world.body_at(index)) {
                        heap.push(ByDistance(neighbour));
                        if heap.len() > count {
                            heap.pop();
                        }
                    }
                    match heap.peek() {
                        Some(farthest) if heap.len() == count => farthest.0.distance,
                        _ => limit,
                    }
                });
                nearest = heap.into_iter().map(|ByDistance(neighbour)| neighbour).collect();
            }
            None => {
                nearest = (0..self.world.len())
                    .into_par_iter()
                    .with_min_len(SCAN_PORTION)
                    .filter_map(|index| neighbour(&self.world.body_at(index)))
                    .collect();
            }
        }
        nearest.sort_unstable_by_key(|&neighbour| ByDistance(neighbour));
        nearest.truncate(count);
        nearest
    }

    /// [`Self::nearest`] for each point, over the cores.
    pub fn nearest_to_each(&self, nearby: &[Nearby], filter: &QueryFilter) -> Vec<Vec<Neighbour>> {
        each(nearby, |nearby| self.nearest(nearby, filter))
    }
}

/// The answers to questions, in their order.
fn each<Q: Sync, A: Send>(questions: &[Q], answer: impl Fn(&Q) -> A + Sync + Send) -> Vec<A> {
    questions.par_iter().with_min_len(PORTION).map(answer).collect()
}

/// Neighbours by distance, then id.
struct ByDistance(Neighbour);

impl Ord for ByDistance {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let by_distance = self.0.distance.total_cmp(&other.0.distance);
        by_distance.then(self.0.id.cmp(&other.0.id))
    }
}

impl PartialOrd for ByDistance {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for ByDistance {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for ByDistance {}
