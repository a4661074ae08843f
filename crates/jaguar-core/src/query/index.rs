//! Which bodies are where: a tree over the boxes around them, built for the questions between two ticks.

use glam::DVec3;

use super::SCAN_PORTION;
use super::solid::Solid;
use crate::bvh::{Aabb, Bvh};
use crate::parallel::*;
use crate::world::World;

/// The bodies of a world by the boxes around them. It finds candidates and decides nothing.
#[derive(Debug)]
pub(super) struct BodyIndex {
    /// What the boxes are relative to, m: the middle of the bodies, near which f32 is precise. Boxes are rounded outwards, so far from it they are only larger.
    origin: DVec3,
    /// None without bodies.
    bvh: Option<Bvh>,
}

impl BodyIndex {
    pub(super) fn new(world: &World) -> Self {
        let bodies = || (0..world.len()).into_par_iter().with_min_len(SCAN_PORTION);
        let range = bodies()
            .map(|index| world.body_at(index).position)
            .map(|position| (position, position))
            .reduce_with(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        let origin = range.map_or(DVec3::ZERO, |(low, high)| 0.5 * low + 0.5 * high);
        let boxes: Vec<Aabb> = bodies()
            .map(|index| {
                let body = world.body_at(index);
                let middle = body.position - origin;
                let extent = Solid::of(&body, world.hulls()).extent();
                Aabb::holding(middle - extent, middle + extent)
            })
            .collect();
        Self {
            origin,
            bvh: Bvh::new(&boxes),
        }
    }

    /// Calls `visit` with the bodies that a moving ball may touch, near ones first as a rule; it returns the greatest distance (m) that is still of interest.
    pub(super) fn along(
        &self,
        start: DVec3,
        direction: DVec3,
        radius: f64,
        limit: f64,
        mut visit: impl FnMut(usize, f64) -> f64,
    ) {
        if let Some(bvh) = &self.bvh {
            bvh.along(start - self.origin, direction, radius, limit, |body, limit| {
                visit(body as usize, limit)
            });
        }
    }

    /// Calls `visit` with the bodies that may meet a box.
    pub(super) fn in_box(&self, low: DVec3, high: DVec3, mut visit: impl FnMut(usize)) {
        if let Some(bvh) = &self.bvh {
            let (low, high) = (low - self.origin, high - self.origin);
            // More than the rounding of any distance, as in the tree.
            let slack = |bound: DVec3| DVec3::splat(1e-12) * (bound.abs() + 1.0);
            bvh.near_box(low - slack(low), high + slack(high), |body| visit(body as usize));
        }
    }

    /// Calls `visit` with the bodies that may be near a point, near ones first as a rule; it returns the greatest distance (m) that is still of interest.
    pub(super) fn around(&self, point: DVec3, limit: f64, mut visit: impl FnMut(usize, f64) -> f64) {
        if let Some(bvh) = &self.bvh {
            bvh.around(point - self.origin, limit, |body, limit| visit(body as usize, limit));
        }
    }
}
