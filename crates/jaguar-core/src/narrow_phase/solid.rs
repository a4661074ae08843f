//! Convex solids of bodies, and the manifold in which two of them touch.

use glam::Vec3;

use crate::datum::Drift;
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
    /// How far the normal turns with the first body, as a share of its turn; with the second by the rest. 1 if it is that of a face of the first.
    pub(crate) turns_with_first: f32,
    /// The first `count` hold.
    pub(crate) points: [ManifoldPoint; MAX_POINTS],
    /// How many points there are.
    pub(crate) count: u8,
}

impl Manifold {
    /// The same manifold after two bodies, whose centres were at this vector from one to the other (m), drifted.
    pub(crate) fn drifted(&self, between: Vec3, [first, second]: [&Drift; 2]) -> Self {
        let share = self.turns_with_first;
        let turn = first.turn * share + second.turn * (1.0 - share);
        let shift = second.shift - first.shift;
        let mut now = *self;
        // The length stays but for the square of what is drifted.
        now.normal = self.normal + turn.cross(self.normal);
        for point in &mut now.points[..usize::from(self.count)] {
            let half = self.normal * (0.5 * point.separation);
            let of_first = first.turn.cross(point.position - half);
            let of_second = shift + second.turn.cross(point.position + half - between);
            point.separation += (of_second - of_first).dot(now.normal);
            point.position += (of_first + of_second) * 0.5;
        }
        now
    }

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
