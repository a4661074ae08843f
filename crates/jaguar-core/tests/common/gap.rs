//! How far joints are apart.

use glam::Vec3;
use jaguar_core::{BodyId, Joint, World};

/// Largest distance of two anchors that belong together, m.
pub(crate) fn widest_gap(world: &World) -> f64 {
    let end = |id: BodyId, anchor: [f32; 3]| {
        let body = world.body(id).unwrap();
        body.position + (body.orientation * Vec3::from_array(anchor)).as_dvec3()
    };
    let gap = |joint: &Joint| {
        let [first, second] = joint.anchors;
        let other = joint.second.map(|id| end(id, second));
        other.map_or(0.0, |other| (end(joint.first, first) - other).length())
    };
    world.joints().iter().map(gap).fold(0.0, f64::max)
}
