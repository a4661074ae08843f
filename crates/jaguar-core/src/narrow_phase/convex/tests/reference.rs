//! The gap between two convex bodies in f64, by trying every direction that can be the best.
//!
//! Along any unit vector the gap between the shadows of two cores is at most their distance, and at most minus their depth where they overlap. A normal of a face, a direction across two edges or, for
//! cores apart, a direction between two corners, a corner and an edge attains it, so the largest of all is exact.

use glam::{DMat3, DVec3, Mat3};

use crate::narrow_phase::solid::Solid;

/// A body in the world.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed<'a> {
    pub(super) solid: Solid<'a>,
    pub(super) centre: DVec3,
    pub(super) rotation: Mat3,
}

/// The core of a body around its centre, turned, and the radius around it.
struct Core {
    corners: Vec<DVec3>,
    edges: Vec<[DVec3; 2]>,
    normals: Vec<DVec3>,
    radius: f64,
}

impl Core {
    fn new(body: &Placed<'_>) -> Self {
        let mut core = match body.solid {
            Solid::Sphere { radius } => Self {
                corners: vec![DVec3::ZERO],
                edges: vec![],
                normals: vec![],
                radius: radius.into(),
            },
            Solid::Capsule { half_height, radius } => {
                let ends = [DVec3::Y, DVec3::NEG_Y].map(|end| end * f64::from(half_height));
                Self {
                    corners: ends.to_vec(),
                    edges: vec![ends],
                    normals: vec![],
                    radius: radius.into(),
                }
            }
            Solid::Cuboid { half_extents } => Self::cuboid(half_extents.as_dvec3()),
            Solid::Hull(hull) => Self {
                corners: hull.vertices().iter().map(|vertex| vertex.as_dvec3()).collect(),
                edges: hull
                    .edges()
                    .map(|ends| ends.map(|end| hull.vertices()[end].as_dvec3()))
                    .collect(),
                normals: hull.faces().map(|(normal, _)| normal.as_dvec3()).collect(),
                radius: 0.0,
            },
        };
        let rotation: DMat3 = body.rotation.as_dmat3();
        let turn = |vector: &mut DVec3| *vector = rotation * *vector;
        core.corners.iter_mut().for_each(turn);
        core.edges.iter_mut().flatten().for_each(turn);
        core.normals.iter_mut().for_each(turn);
        core
    }

    fn cuboid(half: DVec3) -> Self {
        let corner = |number: usize| {
            let side = |axis: usize| {
                if number >> axis & 1 == 0 {
                    -half[axis]
                } else {
                    half[axis]
                }
            };
            DVec3::new(side(0), side(1), side(2))
        };
        let edges = (0..8).flat_map(|number| {
            let upper = move |axis: usize| (number >> axis & 1 == 0).then_some([number, number | 1 << axis]);
            (0..3).filter_map(upper)
        });
        Self {
            corners: (0..8).map(corner).collect(),
            edges: edges.map(|ends| ends.map(corner)).collect(),
            normals: [DVec3::X, DVec3::Y, DVec3::Z]
                .into_iter()
                .flat_map(|axis| [axis, -axis])
                .collect(),
            radius: 0.0,
        }
    }

    fn farthest(&self, direction: DVec3) -> f64 {
        let heights = self.corners.iter().map(|corner| corner.dot(direction));
        heights.fold(f64::NEG_INFINITY, f64::max)
    }
}

/// The gap between the shadows of two bodies on a line along a unit vector.
pub(super) fn gap_along(first: &Placed<'_>, second: &Placed<'_>, normal: DVec3) -> f64 {
    let (a, b) = (Core::new(first), Core::new(second));
    shadow_gap(&a, &b, second.centre - first.centre, normal) - a.radius - b.radius
}

fn shadow_gap(a: &Core, b: &Core, between: DVec3, normal: DVec3) -> f64 {
    between.dot(normal) - b.farthest(-normal) - a.farthest(normal)
}

/// The distance of two bodies, or minus the least way that parts them.
pub(super) fn true_gap(first: &Placed<'_>, second: &Placed<'_>) -> f64 {
    let (a, b) = (Core::new(first), Core::new(second));
    let between = second.centre - first.centre;
    let mut best = f64::NEG_INFINITY;
    let mut attempt = |direction: DVec3| {
        // Shorter than rounding: no direction.
        if direction.length_squared() > 1e-18 {
            let normal = direction.normalize();
            best = best.max(shadow_gap(&a, &b, between, normal));
            best = best.max(shadow_gap(&a, &b, between, -normal));
        }
    };
    a.normals.iter().chain(&b.normals).for_each(|&normal| attempt(normal));
    for edge in &a.edges {
        for other in &b.edges {
            attempt((edge[1] - edge[0]).cross(other[1] - other[0]));
        }
    }
    for &corner in &a.corners {
        for &other in &b.corners {
            attempt(between + other - corner);
        }
        for edge in &b.edges {
            attempt(between + on_segment(*edge, corner - between) - corner);
        }
    }
    for &corner in &b.corners {
        for edge in &a.edges {
            attempt(between + corner - on_segment(*edge, between + corner));
        }
    }
    if best == f64::NEG_INFINITY {
        // Two balls around one centre.
        best = 0.0;
    }
    best - a.radius - b.radius
}

fn on_segment([start, end]: [DVec3; 2], point: DVec3) -> DVec3 {
    let way = end - start;
    let share = ((point - start).dot(way) / way.length_squared()).clamp(0.0, 1.0);
    start + way * share
}

/// How far a point is outside a body, or minus how deep it is inside.
pub(super) fn signed_distance(body: &Placed<'_>, point: DVec3) -> f64 {
    let mark = Placed {
        solid: Solid::Sphere { radius: 0.0 },
        centre: point,
        rotation: Mat3::IDENTITY,
    };
    true_gap(body, &mark)
}
