//! The shape of a body in its own axes, in f64: a polyhedron, or for a capsule the segment inside it, which is a polyhedron of one edge with a radius.

use glam::DVec3;

use crate::narrow_phase::solid::Solid;
use crate::shape::{FaceLanes, Lanes, Polyhedron};
use crate::simd::LANES;

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
            let mut farthest = (0, f64::NEG_INFINITY);
            for (group, vertices) in hull.polyhedron().lanes.iter().enumerate() {
                for (lane, &height) in along(vertices, direction).iter().enumerate() {
                    if height > farthest.1 {
                        farthest = (group * LANES + lane, height);
                    }
                }
            }
            let number = farthest.0 as u32;
            return (number, self.vertex(number));
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

    /// The face of a polyhedron above which a triangle is farthest with its lowest corner, of several the first: its number, that corner, and how far it is above, m. Nothing if it is `margin` (m) above
    /// one of them or more.
    pub(super) fn face_below(&self, corners: &[DVec3; 3], margin: f64) -> Option<(u32, usize, f64)> {
        let mut highest = (0, f64::NEG_INFINITY);
        let mut see = |number: usize, height: f64| {
            if height > highest.1 {
                highest = (number, height);
            }
        };
        if let Solid::Hull(hull) = self.solid {
            let polyhedron = hull.polyhedron();
            for (group, faces) in polyhedron.face_lanes.iter().enumerate() {
                let heights = lowest_above(faces, corners);
                // Lanes without a face repeat the last.
                for (lane, &height) in heights.iter().enumerate() {
                    see(group * LANES + lane, height);
                }
            }
        } else {
            let [low, high] = [
                corners[0].min(corners[1]).min(corners[2]),
                corners[0].max(corners[1]).max(corners[2]),
            ];
            for axis in 0..3 {
                see(2 * axis, -high[axis] - self.reach[axis]);
                see(2 * axis + 1, low[axis] - self.reach[axis]);
            }
        }
        let (number, height) = highest;
        if height >= margin {
            return None;
        }
        let face = self.face(number as u32);
        let depths = corners.map(|corner| corner.dot(face.normal));
        let mut lowest = 0;
        for corner in 1..3 {
            if depths[corner] < depths[lowest] {
                lowest = corner;
            }
        }
        Some((number as u32, lowest, height))
    }

    /// The face of a polyhedron that looks most against a direction, of several the first.
    pub(super) fn face_against(&self, direction: DVec3) -> u32 {
        let mut least = (0, f64::INFINITY);
        let mut see = |number: usize, slope: f64| {
            if slope < least.1 {
                least = (number as u32, slope);
            }
        };
        if let Solid::Hull(hull) = self.solid {
            for (group, faces) in hull.polyhedron().face_lanes.iter().enumerate() {
                for (lane, &slope) in along(&faces.normals, direction).iter().enumerate() {
                    see(group * LANES + lane, slope);
                }
            }
        } else {
            for axis in 0..3 {
                see(2 * axis, -direction[axis]);
                see(2 * axis + 1, direction[axis]);
            }
        }
        least.0
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

/// How far eight vectors reach along a direction.
fn along(vectors: &Lanes, direction: DVec3) -> [f64; LANES] {
    let [x, y, z] = vectors;
    std::array::from_fn(|lane| {
        f64::from(x[lane]) * direction.x + f64::from(y[lane]) * direction.y + f64::from(z[lane]) * direction.z
    })
}

/// How far the lowest of three points is above each of eight faces, m.
fn lowest_above(faces: &FaceLanes, points: &[DVec3; 3]) -> [f64; LANES] {
    let [a, b, c] = points.map(|point| along(&faces.normals, point));
    std::array::from_fn(|lane| {
        let offset = f64::from(faces.offsets[lane]);
        let [a, b, c] = [a, b, c].map(|heights: [f64; LANES]| heights[lane] - offset);
        let least = if b < a { b } else { a };
        if c < least { c } else { least }
    })
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
