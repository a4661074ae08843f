//! The shape of a body in its own axes, in f64: a polyhedron, or for a capsule the segment inside it, which is a polyhedron of one edge with a radius.

use glam::{DVec3, Vec3};

use crate::narrow_phase::solid::Solid;
use crate::shape::Polyhedron;

/// A body's shape. Spheres have none; they touch at points.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outline<'a> {
    solid: Solid<'a>,
    /// Half edges of a box in the body's axes around all of it, m.
    pub(super) reach: DVec3,
    /// Radius of a ball around the centre and all of it, m.
    pub(super) bounding_radius: f64,
    /// How far the surface is from the polyhedron, m.
    pub(super) radius: f64,
}

/// A face's plane: `normal · x = offset`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Face {
    /// Unit, outwards.
    pub(super) normal: DVec3,
    /// m.
    pub(super) offset: f64,
}

/// An edge between two faces.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edge {
    pub(super) ends: [DVec3; 2],
    /// From the edge into each face, of unit length.
    pub(super) inward: [DVec3; 2],
}

impl<'a> Outline<'a> {
    pub(super) fn new(solid: Solid<'a>) -> Self {
        let (reach, bounding_radius, radius) = match solid {
            Solid::Sphere { radius } => {
                let radius = f64::from(radius);
                (DVec3::splat(radius), radius, radius)
            }
            Solid::Capsule { half_height, radius } => {
                let (half_height, radius) = (f64::from(half_height), f64::from(radius));
                (
                    DVec3::new(radius, half_height + radius, radius),
                    half_height + radius,
                    radius,
                )
            }
            Solid::Cuboid { half_extents } => {
                let half_extents = half_extents.as_dvec3();
                (half_extents, half_extents.length(), 0.0)
            }
            Solid::Hull(hull) => (hull.reach().as_dvec3(), hull.bounding_radius().into(), 0.0),
        };
        Self {
            solid,
            reach,
            bounding_radius,
            radius,
        }
    }

    /// How many vertices there are; the first is number 0.
    pub(super) fn vertices(&self) -> u32 {
        match self.solid {
            Solid::Sphere { .. } => 1,
            Solid::Capsule { .. } => 2,
            Solid::Cuboid { .. } => 8,
            Solid::Hull(hull) => hull.vertices().len() as u32,
        }
    }

    pub(super) fn vertex(&self, number: u32) -> DVec3 {
        match self.solid {
            Solid::Sphere { .. } => DVec3::ZERO,
            Solid::Capsule { half_height, .. } => {
                let half_height = f64::from(half_height);
                DVec3::new(0.0, if number == 0 { -half_height } else { half_height }, 0.0)
            }
            Solid::Cuboid { half_extents } => {
                let along = |axis: usize| {
                    let half = f64::from(half_extents[axis]);
                    if number >> axis & 1 == 0 { -half } else { half }
                };
                DVec3::new(along(0), along(1), along(2))
            }
            Solid::Hull(hull) => hull.vertices()[number as usize].as_dvec3(),
        }
    }

    /// The vertex farthest along a direction; of several the lowest number.
    pub(super) fn support(&self, direction: DVec3) -> (u32, DVec3) {
        if let Solid::Hull(hull) = self.solid {
            return farthest_of(hull.vertices(), direction);
        }
        let mut farthest = (0, self.vertex(0));
        let mut height = farthest.1.dot(direction);
        for number in 1..self.vertices() {
            let vertex = self.vertex(number);
            if vertex.dot(direction) > height {
                farthest = (number, vertex);
                height = vertex.dot(direction);
            }
        }
        farthest
    }

    pub(super) fn faces(&self) -> u32 {
        match self.solid {
            Solid::Cuboid { .. } => 6,
            Solid::Hull(hull) => hull.polyhedron().faces.len() as u32,
            Solid::Sphere { .. } | Solid::Capsule { .. } => 0,
        }
    }

    pub(super) fn face(&self, number: u32) -> Face {
        if let Solid::Hull(hull) = self.solid {
            let face = hull.polyhedron().faces[number as usize];
            return Face {
                normal: face.normal.as_dvec3(),
                offset: face.offset.into(),
            };
        }
        let axis = (number / 2) as usize;
        let mut normal = DVec3::ZERO;
        normal[axis] = if number.is_multiple_of(2) { -1.0 } else { 1.0 };
        Face {
            normal,
            offset: self.reach[axis],
        }
    }

    /// The vertices of a face, counter-clockwise seen from outside.
    pub(super) fn face_vertices(&self, number: u32) -> impl Iterator<Item = u32> + Clone {
        let around = match self.solid {
            Solid::Hull(hull) => {
                let polyhedron = hull.polyhedron();
                polyhedron.around(&polyhedron.faces[number as usize])
            }
            _ => &[],
        };
        // Of a box's face at +x: y and z, then with signs -- +- ++ -+.
        let axis = number / 2;
        let (second, third) = ((axis + 1) % 3, (axis + 2) % 3);
        let is_positive = number % 2;
        let count = if around.is_empty() { 4 } else { around.len() as u32 };
        (0..count).map(move |k| {
            if let Some(corner) = around.get(k as usize) {
                return u32::from(corner.vertex);
            }
            // Backwards on the negative side.
            let k = if is_positive == 1 { k } else { 3 - k };
            is_positive << axis | u32::from(k == 1 || k == 2) << second | u32::from(k >= 2) << third
        })
    }

    pub(super) fn edges(&self) -> u32 {
        match self.solid {
            Solid::Cuboid { .. } => 12,
            Solid::Hull(hull) => hull.polyhedron().edges.len() as u32,
            Solid::Sphere { .. } | Solid::Capsule { .. } => 0,
        }
    }

    #[inline]
    pub(super) fn edge(&self, number: u32) -> Edge {
        if let Solid::Hull(hull) = self.solid {
            return edge_of(&hull.polyhedron(), number as usize);
        }
        let axis = number / 4;
        let (second, third) = ((axis + 1) % 3, (axis + 2) % 3);
        let signs = (number & 1, number >> 1 & 1);
        let start = signs.0 << second | signs.1 << third;
        let inward = |axis: u32, sign: u32| {
            let mut direction = DVec3::ZERO;
            direction[axis as usize] = if sign == 0 { 1.0 } else { -1.0 };
            direction
        };
        Edge {
            ends: [self.vertex(start), self.vertex(start | 1 << axis)],
            inward: [inward(second, signs.0), inward(third, signs.1)],
        }
    }
}

fn farthest_of(vertices: &[Vec3], direction: DVec3) -> (u32, DVec3) {
    let mut farthest = (0, DVec3::ZERO, f64::NEG_INFINITY);
    for (number, vertex) in (0..).zip(vertices) {
        let vertex = vertex.as_dvec3();
        let height = vertex.dot(direction);
        if height > farthest.2 {
            farthest = (number, vertex, height);
        }
    }
    (farthest.0, farthest.1)
}

fn edge_of(polyhedron: &Polyhedron<'_>, number: usize) -> Edge {
    let edge = &polyhedron.edges[number];
    let direction = edge.direction.as_dvec3();
    let [left, right] = edge.faces.map(|face| polyhedron.face(face).normal.as_dvec3());
    Edge {
        ends: edge.ends.map(|end| polyhedron.vertex(end).as_dvec3()),
        inward: [left.cross(direction), direction.cross(right)],
    }
}
