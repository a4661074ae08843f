//! Which static shapes are where: a world may have thousands of them, and every body asks in every tick.

use glam::DVec3;

use super::static_geometry::Bounds;
use crate::bvh::{Aabb, Bvh};

/// The static shapes by their bounds.
#[derive(Clone, Debug)]
pub(crate) struct ShapeIndex {
    /// Shapes that are everywhere.
    unbounded: Vec<u32>,
    /// The others.
    bounded: Option<Tree>,
}

#[derive(Clone, Debug)]
struct Tree {
    /// What the boxes are relative to, m: f32 is precise enough near it.
    origin: DVec3,
    bvh: Bvh,
    /// The shapes by their numbers in the tree.
    shapes: Vec<u32>,
}

impl ShapeIndex {
    /// Of shapes given by their bounds.
    pub(super) fn new<'a>(bounds: impl Iterator<Item = &'a Bounds>) -> Self {
        let (mut unbounded, mut shapes, mut bounded) = (Vec::new(), Vec::new(), Vec::new());
        for (shape, bounds) in (0..).zip(bounds) {
            if bounds.high.is_finite() {
                shapes.push(shape);
                bounded.push(bounds);
            } else {
                unbounded.push(shape);
            }
        }
        // The low corner of a height field is at no depth, so the middle is that of the high ones.
        let corner = |pick: fn(DVec3, DVec3) -> DVec3| bounded.iter().map(|bounds| bounds.high).reduce(pick);
        let middle = |low: DVec3, high: DVec3| 0.5 * low + 0.5 * high;
        let origin = corner(DVec3::min).zip(corner(DVec3::max));
        let origin = origin.map_or(DVec3::ZERO, |(low, high)| middle(low, high));
        let boxes: Vec<Aabb> = bounded
            .iter()
            .map(|bounds| Aabb::holding(bounds.low - origin, bounds.high - origin))
            .collect();
        let bounded = Bvh::new(&boxes).map(|bvh| Tree { origin, bvh, shapes });
        Self { unbounded, bounded }
    }

    /// Calls `visit` with every shape whose bounds come nearer to a point than `reach` (m) on each axis, and with some more; in no order that means anything.
    pub(crate) fn near(&self, point: DVec3, reach: f64, mut visit: impl FnMut(usize)) {
        for &shape in &self.unbounded {
            visit(shape as usize);
        }
        if let Some(tree) = &self.bounded {
            let point = point - tree.origin;
            tree.bvh.near_box(point - reach, point + reach, |thing| {
                visit(tree.shapes[thing as usize] as usize);
            });
        }
    }

    /// Calls `visit` with every shape that a ball, which moves along a unit direction, may touch before `limit` (m); it returns the greatest distance that is still of interest.
    pub(crate) fn along(
        &self,
        origin: DVec3,
        direction: DVec3,
        radius: f64,
        mut limit: f64,
        mut visit: impl FnMut(usize, f64) -> f64,
    ) {
        for &shape in &self.unbounded {
            limit = visit(shape as usize, limit);
        }
        if let Some(tree) = &self.bounded {
            tree.bvh
                .along(origin - tree.origin, direction, radius, limit, |thing, limit| {
                    visit(tree.shapes[thing as usize] as usize, limit)
                });
        }
    }
}
