//! A plane of a scene for engines that do better with boxes.

use glam::DVec3;
use jaguar_core::StaticShape;
use jaguar_core::scenes::Scene;

/// Thickness of the slabs that stand for planes, m: no body gets through one in a tick.
const THICKNESS: f64 = 10.0;

/// A box under a plane along an axis, as large as the scene.
pub(crate) struct Slab {
    /// Centre, m.
    pub(crate) centre: DVec3,
    /// Half edges, m.
    pub(crate) half_extents: DVec3,
}

impl Slab {
    /// The slab of a plane along an axis.
    pub(crate) fn of(plane: &StaticShape, scene: &Scene) -> Self {
        let StaticShape::Plane { point, normal, .. } = plane else {
            panic!("a slab stands for a plane, not for {plane:?}");
        };
        let farthest = scene.bodies.iter().map(|body| body.position.abs().max_element());
        let farthest = farthest.fold(0.0, f64::max);
        let normal = normal.as_dvec3();
        let along = normal.abs();
        Self {
            centre: *point - 0.5 * THICKNESS * normal,
            half_extents: (farthest + THICKNESS) * (DVec3::ONE - along) + 0.5 * THICKNESS * along,
        }
    }
}
