//! Static boxes, and the planes of a scene for engines that do better with boxes.

use glam::{DQuat, DVec3};
use jaguar_core::StaticShape;
use jaguar_core::scenes::Scene;

/// Thickness of the blocks that stand for planes, m: no body gets through one in a tick.
const THICKNESS: f64 = 10.0;

/// How far bodies may slide along a plane that is not level, m.
const SLIDE: f64 = 500.0;

/// A static box, or one that stands for a plane: right under it and as large as the scene.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Block {
    /// Centre, m.
    pub(crate) centre: DVec3,
    /// Half edges along its own axes, m.
    pub(crate) half_extents: DVec3,
    pub(crate) orientation: DQuat,
}

impl Block {
    /// What stands for a static shape of this scene, if it is a plane or a box.
    pub(crate) fn of(shape: &StaticShape, scene: &Scene) -> Option<Self> {
        match *shape {
            StaticShape::Plane { point, normal, .. } => Some(Self::under_plane(point, normal.as_dvec3(), scene)),
            StaticShape::Cuboid {
                centre,
                half_extents,
                orientation,
                ..
            } => Some(Self {
                centre,
                half_extents: half_extents.as_dvec3(),
                orientation: orientation.as_dquat(),
            }),
            StaticShape::HeightField(_) | StaticShape::Mesh(_) => None,
        }
    }

    fn under_plane(point: DVec3, normal: DVec3, scene: &Scene) -> Self {
        let farthest = scene.bodies.iter().map(|body| body.position.abs().max_element());
        let aside = (point - normal * point.dot(normal)).length();
        let farthest = farthest.fold(0.0, f64::max);
        let along = normal.abs();
        // Not turned if that is not needed: turned boxes cost the engines more. What lies in a cube around the origin is within half its diagonal in every direction; on a slope it slides away.
        let (along, orientation, farthest) = if along.max_element() == 1.0 {
            (along, DQuat::IDENTITY, farthest)
        } else {
            (
                DVec3::Y,
                DQuat::from_rotation_arc(DVec3::Y, normal),
                3.0_f64.sqrt() * farthest + SLIDE,
            )
        };
        let width = farthest + aside + THICKNESS;
        Self {
            centre: point - 0.5 * THICKNESS * normal,
            half_extents: width * (DVec3::ONE - along) + 0.5 * THICKNESS * along,
            orientation,
        }
    }
}

#[cfg(test)]
mod tests {
    use glam::Vec3;
    use jaguar_core::Material;
    use jaguar_core::scenes::{ball, free_flight, wall};

    use super::*;

    /// The block's upper face is the plane, for one along an axis and for one askew, and it reaches under every body.
    #[test]
    fn a_block_ends_at_its_plane_and_is_as_large_as_the_scene() {
        let mut scene = free_flight(1);
        scene.bodies = vec![ball(DVec3::new(30.0, 2.0, -40.0), Vec3::ZERO, Material::default())];
        for normal in [
            DVec3::NEG_Z,
            DVec3::new(0.6, 0.0, 0.8),
            DVec3::new(2.0, 3.0, -6.0) / 7.0,
        ] {
            let point = DVec3::new(3.0, -5.0, 7.0);
            let block = Block::of(&wall(point, normal, Material::default()), &scene).unwrap();
            let into_block = |place: DVec3| block.orientation.inverse() * (place - block.centre);
            let outward = block.orientation.inverse() * normal;
            assert!((into_block(point).dot(outward) - 5.0).abs() < 1e-5, "{block:?}");
            assert!((block.half_extents.dot(outward.abs()) - 5.0).abs() < 1e-4, "{block:?}");
            let body = scene.bodies[0].position;
            let foot = body - normal * (body - point).dot(normal);
            assert!(
                into_block(foot).abs().cmple(block.half_extents + 1e-4).all(),
                "{block:?}"
            );
        }
    }
}
