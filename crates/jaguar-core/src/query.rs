//! Questions about a world between ticks: what is in a region, what does a ray hit.
//!
//! They look at every held body once; a pod is asked rarely compared with what a tick does to every body.

use glam::DVec3;
use rayon::prelude::*;

use crate::body::{Body, BodyId};
use crate::world::World;

/// The first thing that a ray hits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RayHit {
    /// What was hit.
    pub target: RayTarget,
    /// Distance from the ray's origin, m; 0 if it starts inside.
    pub distance: f64,
    /// Where, m.
    pub point: DVec3,
    /// Unit normal of the surface there; against the ray if it starts inside.
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

impl World {
    /// The held bodies whose centre is in a box (bounds included, m), ascending by id.
    pub fn query_box(&self, low: DVec3, high: DVec3) -> Vec<Body> {
        self.select(|body| body.position.cmpge(low).all() && body.position.cmple(high).all())
    }

    /// The held bodies whose centre is at most `radius` (m) from a point (m), ascending by id.
    pub fn query_sphere(&self, centre: DVec3, radius: f64) -> Vec<Body> {
        self.select(|body| body.position.distance_squared(centre) <= radius * radius)
    }

    /// The first held body or static shape on a ray, at most `max_distance` (m) away. The direction need not be of unit length; `None` also if it is zero or not finite.
    pub fn cast_ray(&self, origin: DVec3, direction: DVec3, max_distance: f64) -> Option<RayHit> {
        let direction = direction.try_normalize().filter(|_| origin.is_finite())?;
        let nearest_body = (0..self.len())
            .into_par_iter()
            .with_min_len(4096)
            .filter_map(|index| {
                let body = self.body_at(index);
                let distance = distance_to_ball(&body, origin, direction)?;
                (distance <= max_distance).then_some((distance, body.id))
            })
            // Distance, then id: the minimum does not depend on the order in which it is taken.
            .min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let limit = nearest_body.map_or(max_distance, |(distance, _)| distance);
        if let Some(hit) = self.statics.cast_ray(origin, direction, limit)
            && nearest_body.is_none_or(|(distance, _)| hit.distance < distance)
        {
            return Some(RayHit {
                target: RayTarget::Static(hit.shape),
                distance: hit.distance,
                point: origin + direction * hit.distance,
                normal: hit.normal,
            });
        }
        let (distance, id) = nearest_body?;
        let point = origin + direction * distance;
        let centre = self.body(id)?.position;
        let normal = if distance > 0.0 {
            (point - centre).normalize()
        } else {
            -direction
        };
        Some(RayHit {
            target: RayTarget::Body(id),
            distance,
            point,
            normal,
        })
    }

    fn select(&self, wanted: impl Fn(&Body) -> bool + Sync) -> Vec<Body> {
        let mut bodies: Vec<Body> = (0..self.len())
            .into_par_iter()
            .with_min_len(4096)
            .map(|index| self.body_at(index))
            .filter(|body| wanted(body))
            .collect();
        bodies.sort_unstable_by_key(|body| body.id);
        bodies
    }
}

/// Where a ray enters a ball, if it does; 0 if it starts inside.
fn distance_to_ball(body: &Body, origin: DVec3, direction: DVec3) -> Option<f64> {
    let to_centre = body.position - origin;
    let radius = f64::from(body.radius);
    if to_centre.length_squared() <= radius * radius {
        return Some(0.0);
    }
    let along = to_centre.dot(direction);
    let aside = (to_centre - direction * along).length_squared();
    let square = radius * radius - aside;
    (along > 0.0 && square >= 0.0).then(|| along - square.sqrt())
}
