//! Convex solids of bodies, and the manifold in which two of them touch.

use glam::Vec3;

use crate::shape::{ConvexHull, HullId, Shape};

/// Most points of a manifold: four carry any flat contact.
pub(crate) const MAX_POINTS: usize = 4;

/// A convex solid around its centre of mass, in its own frame, m.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Solid<'a> {
    /// A ball.
    Sphere { radius: f32 },
    /// A cylinder along y between two half balls.
    Capsule { half_height: f32, radius: f32 },
    /// A box.
    Cuboid { half_extents: Vec3 },
    /// A convex polyhedron.
    Hull(&'a ConvexHull),
}

impl<'a> Solid<'a> {
    /// Of a shape that was checked: a hull's number is that of one of these.
    pub(crate) fn of(shape: &Shape, hulls: &'a [ConvexHull]) -> Self {
        match *shape {
            Shape::Sphere { radius } => Self::Sphere { radius },
            Shape::Capsule { half_height, radius } => Self::Capsule { half_height, radius },
            Shape::Cuboid { half_extents } => Self::Cuboid { half_extents },
            Shape::Hull(HullId(number)) => Self::Hull(&hulls[number as usize]),
        }
    }
}

/// A point of a manifold.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct ManifoldPoint {
    /// Midway between the two surfaces, from the first body's centre in world axes, m.
    pub(crate) position: Vec3,
    /// Gap between the surfaces, m; negative when they overlap.
    pub(crate) separation: f32,
    /// The same from tick to tick while the same features touch; distinct in a manifold.
    pub(crate) feature: u32,
}

/// Where two convex shapes touch.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Manifold {
    /// Unit, from the first to the second.
    pub(crate) normal: Vec3,
    /// The first `count` hold.
    pub(crate) points: [ManifoldPoint; MAX_POINTS],
    /// How many points there are.
    pub(crate) count: u8,
}

impl Manifold {
    /// Keeps the points that a predicate selects, in their order.
    pub(crate) fn retain(&mut self, mut selects: impl FnMut(&ManifoldPoint) -> bool) {
        let mut kept = 0;
        for k in 0..self.count as usize {
            if selects(&self.points[k]) {
                self.points[kept] = self.points[k];
                kept += 1;
            }
        }
        self.count = kept as u8;
    }
}
