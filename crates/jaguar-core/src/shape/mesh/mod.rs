//! A surface of triangles.

mod contact;
mod facets;
mod ray;
#[cfg(test)]
mod tests;
mod topology;

pub(crate) use topology::Topology;

use glam::{DMat3, DVec3, Quat, Vec3};

/// A triangle whose height is below this share of its longest edge has no normal worth the name: with f32 corners the last bit would turn it.
const THINNEST: f64 = 1e-7;

/// A surface of triangles that bodies touch from one side.
///
/// The **front** of a triangle is the side from which its corners go counter-clockwise. Bodies are kept in front: one whose centre has come behind the nearest triangle, by less than
/// its own reach, is pushed back through it. A closed surface whose fronts are outside is therefore a solid, one with its fronts inside a cave, and an open one a terrain that may overhang.
/// Rays meet both sides.
///
/// Triangles are neighbours when they share both ends of an edge; vertices at the same place are one vertex. Bodies slide over the edge between neighbours without a bump unless it stands
/// out (is convex), so a mesh should have no T-junctions.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TriangleMesh {
    /// What the vertices are relative to, m.
    pub origin: DVec3,
    /// Corners of triangles, m from the origin.
    pub vertices: Vec<Vec3>,
    /// Three indices into the vertices each, counter-clockwise seen from the front.
    pub triangles: Vec<[u32; 3]>,
    /// Coulomb friction coefficient, 0 to 10.
    pub friction: f32,
    /// Coefficient of restitution, 0 to 1.
    pub restitution: f32,
}

impl TriangleMesh {
    /// Removes the triangles without area, which a world refuses, and says how many there were. They are no part of the surface, but files have them.
    ///
    /// Triangles with an index out of range are left alone.
    pub fn drop_degenerate(&mut self) -> usize {
        let before = self.triangles.len();
        let vertices = &self.vertices;
        self.triangles.retain(|corners| !is_degenerate(vertices, corners));
        before - self.triangles.len()
    }

    /// The surface of a box; its friction and restitution are 0.
    pub(crate) fn cuboid(centre: DVec3, half_extents: Vec3, orientation: Quat) -> Self {
        let rotation = DMat3::from_quat(orientation.as_dquat());
        let corner = |number: u32| {
            let sign = |axis: u32| if number >> axis & 1 == 1 { 1.0 } else { -1.0 };
            (rotation * (half_extents.as_dvec3() * DVec3::new(sign(0), sign(1), sign(2)))).as_vec3()
        };
        let faces = [
            [0, 4, 6, 2],
            [1, 3, 7, 5],
            [0, 1, 5, 4],
            [2, 6, 7, 3],
            [0, 2, 3, 1],
            [4, 5, 7, 6],
        ];
        Self {
            origin: centre,
            vertices: (0..8).map(corner).collect(),
            triangles: faces.iter().flat_map(|&[a, b, c, d]| [[a, b, c], [a, c, d]]).collect(),
            friction: 0.0,
            restitution: 0.0,
        }
    }

    /// How many triangles have no area, and the first of them. The indices must be in range.
    pub(crate) fn degenerate(&self) -> Option<(usize, usize)> {
        let mut degenerate = (0..self.triangles.len()).filter(|&t| is_degenerate(&self.vertices, &self.triangles[t]));
        let first = degenerate.next()?;
        Some((1 + degenerate.count(), first))
    }
}

/// Whether the corners lie on a line, or so near that the triangle has no direction. No if there are no such corners.
fn is_degenerate(vertices: &[Vec3], corners: &[u32; 3]) -> bool {
    let at = |corner: usize| vertices.get(corners[corner] as usize).map(|vertex| vertex.as_dvec3());
    let (Some(a), Some(b), Some(c)) = (at(0), at(1), at(2)) else {
        return false;
    };
    let mut longest_squared = (b - a).length_squared();
    for edge in [c - b, a - c] {
        if edge.length_squared() > longest_squared {
            longest_squared = edge.length_squared();
        }
    }
    let doubled_area = (b - a).cross(c - a).length();
    doubled_area <= THINNEST * longest_squared
}

/// A mesh and what is known of how its triangles hang together. Positions are relative to the mesh's origin, m.
#[derive(Clone, Copy)]
pub(crate) struct Surface<'a> {
    pub(crate) mesh: &'a TriangleMesh,
    pub(crate) topology: &'a Topology,
}

impl Surface<'_> {
    /// A vertex by its number after welding.
    pub(crate) fn vertex(&self, vertex: u32) -> DVec3 {
        self.mesh.vertices[vertex as usize].as_dvec3()
    }

    /// The corners of a triangle.
    pub(crate) fn corners(&self, triangle: u32) -> [DVec3; 3] {
        self.topology.corners(triangle).map(|vertex| self.vertex(vertex))
    }

    /// Towards the front of a triangle; as long as twice its area.
    pub(crate) fn forward(&self, triangle: u32) -> DVec3 {
        let [a, b, c] = self.corners(triangle);
        (b - a).cross(c - a)
    }

    /// Unit normal of a triangle, towards its front.
    pub(crate) fn normal(&self, triangle: u32) -> DVec3 {
        let forward = self.forward(triangle);
        forward / forward.length()
    }
}
