//! What convex collision detection takes and gives.

use glam::Vec3;

/// Most points of a manifold: four carry any flat contact.
pub(crate) const MAX_POINTS: usize = 4;

/// The shape of a body around its centre, m.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Solid<'a> {
    /// A ball.
    Sphere { radius: f32 },
    /// A cylinder along y between two half balls.
    Capsule { half_height: f32, radius: f32 },
    /// A box.
    Cuboid { half_extents: Vec3 },
    #[expect(dead_code)]
    Nothing(&'a ()),
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
