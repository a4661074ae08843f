//! Boxes as polyhedra, and vertices eight at a time.

use glam::{Mat3, Vec3};

use crate::shape::{Corner, Edge, EdgeLanes, Face, FaceLanes, Lanes, MAX_VERTICES, Polyhedron};
use crate::simd::{F32x8, LANES, Octet, Vec3x8};

/// Vectors of eight vertices that a polyhedron has at most.
const MOST_LANES: usize = MAX_VERTICES.div_ceil(LANES);

/// A box with the numbers and lists of a hull.
pub(super) struct CuboidHull {
    vertices: [Vec3; 8],
    lanes: [Lanes; 1],
    faces: [Face; 6],
    face_lanes: [FaceLanes; 1],
    inner_radius: f32,
}

impl CuboidHull {
    pub(super) fn new(half_extents: Vec3) -> Self {
        let side = |number: usize, axis: usize| {
            let half = half_extents[axis];
            if number >> axis & 1 == 0 { -half } else { half }
        };
        let vertices: [Vec3; 8] =
            std::array::from_fn(|number| Vec3::new(side(number, 0), side(number, 1), side(number, 2)));
        let lanes = [[0, 1, 2].map(|axis| Octet(std::array::from_fn(|lane| side(lane, axis))))];
        let faces: [Face; 6] = std::array::from_fn(|number| {
            let axis = number / 2;
            let mut normal = Vec3::ZERO;
            normal[axis] = if number % 2 == 0 { -1.0 } else { 1.0 };
            Face {
                normal,
                offset: half_extents[axis],
                first: 4 * number as u16,
                count: 4,
            }
        });
        let least = |a: f32, b: f32| if b < a { b } else { a };
        Self {
            vertices,
            lanes,
            face_lanes: [FaceLanes::of(&faces)],
            faces,
            inner_radius: least(least(half_extents.x, half_extents.y), half_extents.z),
        }
    }

    pub(super) fn polyhedron(&self) -> Polyhedron<'_> {
        Polyhedron {
            vertices: &self.vertices,
            lanes: &self.lanes,
            faces: &self.faces,
            face_lanes: &self.face_lanes,
            corners: &CORNERS,
            edges: &EDGES,
            edge_lanes: &EDGE_LANES,
            inner_radius: self.inner_radius,
        }
    }
}

/// The vertices around the face of number 2 axis + side. Bit k of a vertex's number says that it is at the positive end of axis k.
const fn around_face(number: usize, k: usize) -> usize {
    let (axis, is_positive) = (number / 2, number % 2);
    let (second, third) = ((axis + 1) % 3, (axis + 2) % 3);
    // Counter-clockwise from outside on the positive side: -- +- ++ -+; on the other backwards.
    let k = if is_positive == 1 { k } else { 3 - k };
    let (on_second, on_third) = ((k == 1 || k == 2) as usize, (k >= 2) as usize);
    is_positive << axis | on_second << second | on_third << third
}

/// The edge of number 4 axis + the ends of the next two axes, from its negative end.
const fn edge_start(number: usize) -> usize {
    let axis = number / 4;
    (number & 1) << ((axis + 1) % 3) | (number >> 1 & 1) << ((axis + 2) % 3)
}

const CORNERS: [Corner; 24] = {
    let mut corners = [Corner { vertex: 0, edge: 0 }; 24];
    let mut at = 0;
    while at < 24 {
        let (from, to) = (around_face(at / 4, at % 4), around_face(at / 4, (at + 1) % 4));
        let axis = (from ^ to).trailing_zeros() as usize;
        let start = from & to;
        let edge = 4 * axis + (start >> ((axis + 1) % 3) & 1) + 2 * (start >> ((axis + 2) % 3) & 1);
        corners[at] = Corner {
            vertex: from as u8,
            edge: edge as u8,
        };
        at += 1;
    }
    corners
};

const EDGES: [Edge; 12] = {
    let directions = [Vec3::X, Vec3::Y, Vec3::Z];
    let mut edges = [Edge {
        ends: [0; 2],
        faces: [0; 2],
        direction: Vec3::ZERO,
        cosine: 0.0,
    }; 12];
    let mut corner = 0;
    while corner < 24 {
        let Corner { vertex, edge } = CORNERS[corner];
        let number = edge as usize;
        let start = edge_start(number);
        edges[number].ends = [start as u8, (start | 1 << (number / 4)) as u8];
        edges[number].direction = directions[number / 4];
        // The face whose corner the start is has the edge's direction around it: it is to the left.
        edges[number].faces[(vertex as usize != start) as usize] = (corner / 4) as u8;
        corner += 1;
    }
    edges
};

const EDGE_LANES: [EdgeLanes; 2] = {
    let none = EdgeLanes {
        faces: [[0; LANES]; 2],
        cosines: Octet::ZERO,
    };
    let mut lanes = [none; 2];
    let mut at = 0;
    while at < 2 * LANES {
        let edge = if at < 12 { at } else { 11 };
        lanes[at / LANES].faces[0][at % LANES] = EDGES[edge].faces[0];
        lanes[at / LANES].faces[1][at % LANES] = EDGES[edge].faces[1];
        at += 1;
    }
    lanes
};

/// Vertices in the axes of another body.
pub(super) struct Moved {
    lanes: [Lanes; MOST_LANES],
    count: usize,
}

impl Moved {
    /// Turned, then shifted.
    #[inline(always)]
    pub(super) fn new<F: F32x8>(polyhedron: &Polyhedron<'_>, rotation: &Mat3, shift: Vec3) -> Self {
        let mut moved = Self {
            lanes: [[Octet::ZERO; 3]; MOST_LANES],
            count: polyhedron.lanes.len(),
        };
        for (to, from) in moved.lanes.iter_mut().zip(polyhedron.lanes) {
            turned(rotation, Vec3x8::<F>::load(from), shift).store(to);
        }
        moved
    }

    #[inline(always)]
    pub(super) fn lanes(&self) -> &[Lanes] {
        &self.lanes[..self.count]
    }
}

/// Eight places, turned, then shifted.
#[inline(always)]
fn turned<F: F32x8>(rotation: &Mat3, place: Vec3x8<F>, shift: Vec3) -> Vec3x8<F> {
    let Mat3 { x_axis, y_axis, z_axis } = *rotation;
    let (x, y, z) = (
        everywhere::<F>(x_axis),
        everywhere::<F>(y_axis),
        everywhere::<F>(z_axis),
    );
    x * place.x + y * place.y + z * place.z + everywhere(shift)
}

/// A vector in every lane.
#[inline(always)]
pub(super) fn everywhere<F: F32x8>(vector: Vec3) -> Vec3x8<F> {
    Vec3x8::new(F::splat(vector.x), F::splat(vector.y), F::splat(vector.z))
}

/// How far the lowest of some vertices is along a direction.
#[inline(always)]
pub(super) fn lowest<F: F32x8>(lanes: &[Lanes], direction: Vec3) -> f32 {
    let direction = everywhere::<F>(direction);
    let mut low = F::splat(f32::MAX);
    for lanes in lanes {
        let height = Vec3x8::load(lanes).dot(direction);
        low = F::select(height.lt(low), height, low);
    }
    let mut least = Octet::ZERO;
    low.store(&mut least);
    let lesser = |a: f32, b: f32| if b < a { b } else { a };
    let [a, b, c, d, e, f, g, h] = least.0;
    lesser(lesser(lesser(a, b), lesser(c, d)), lesser(lesser(e, f), lesser(g, h)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{Kernel, Level};

    struct LowestOfMoved<'a>(&'a Polyhedron<'a>, &'a Mat3);

    impl Kernel for LowestOfMoved<'_> {
        type Output = f32;

        #[inline(always)]
        fn run<F: F32x8>(self) -> f32 {
            lowest::<F>(Moved::new::<F>(self.0, self.1, Vec3::Z).lanes(), Vec3::X)
        }
    }

    #[test]
    fn the_lists_of_a_box_fit_together() {
        let cuboid = CuboidHull::new(Vec3::new(0.5, 1.0, 2.0));
        let polyhedron = cuboid.polyhedron();
        assert_eq!(polyhedron.inner_radius, 0.5);
        for (number, face) in polyhedron.faces.iter().enumerate() {
            let around = polyhedron.around(face);
            for (k, corner) in around.iter().enumerate() {
                let next = around[(k + 1) % 4];
                let edge = &polyhedron.edges[usize::from(corner.edge)];
                assert_eq!(polyhedron.vertex(corner.vertex).dot(face.normal), face.offset);
                let is_left = edge.ends == [corner.vertex, next.vertex];
                assert!(is_left || edge.ends == [next.vertex, corner.vertex]);
                assert_eq!(usize::from(edge.faces[usize::from(!is_left)]), number);
            }
        }
        for edge in polyhedron.edges {
            let [from, to] = edge.ends.map(|end| polyhedron.vertex(end));
            assert_eq!((to - from).normalize(), edge.direction);
            let [left, right] = edge.faces.map(|face| polyhedron.face(face).normal);
            assert_eq!(left.cross(right), edge.direction);
            assert_eq!(left.dot(right), edge.cosine);
        }
        for (lanes, edges) in polyhedron.edge_lanes.iter().zip(polyhedron.edges.chunks(LANES)) {
            assert_eq!(*lanes, EdgeLanes::of(edges));
        }
    }

    #[test]
    fn the_lowest_vertex_is_found_wherever_it_is_moved() {
        let cuboid = CuboidHull::new(Vec3::new(0.5, 1.0, 2.0));
        let rotation = Mat3::from_rotation_y(0.3);
        let found = Level::BASELINE.run(LowestOfMoved(&cuboid.polyhedron(), &rotation));
        let expected = -(rotation.row(0).abs().dot(Vec3::new(0.5, 1.0, 2.0)));
        assert!((found - expected).abs() < 1e-6);
    }
}
