//! How the triangles of a mesh hang together, found once when the world is made.

use glam::{DVec3, Vec3};

use super::{Surface, TriangleMesh};
use crate::bvh::{Aabb, Bvh};
use crate::shape::facet::{NEARLY_FLAT, rise};

/// A neighbour's corner this near to a triangle's plane, in lengths of the way to it, makes the edge between them flat: it can touch nothing that a face does not.
const FLAT: f64 = 1e-10;

/// The tree over a mesh's triangles and who is whose neighbour.
#[derive(Clone, Debug)]
pub(crate) struct Topology {
    pub(super) bvh: Bvh,
    /// Corners of each triangle, vertices at one place by the lowest of their numbers.
    corners: Vec<[u32; 3]>,
    /// Of each triangle.
    features: Vec<Features>,
    /// Where the triangles around a vertex begin in `around`, and one more number for the end of the last.
    first_around: Vec<u32>,
    /// Triangles around the vertices, ascending for each.
    around: Vec<u32>,
    /// Normal of each vertex: the normals of the triangles around it, each weighted with its angle there, whose side decides between front and behind.
    /// J. A. Bærentzen and H. Aanæs, "Signed distance computation using the angle weighted pseudonormal", 2005.
    vertex_normals: Vec<Vec3>,
}

/// What the edges and corners of a triangle are; edge number i goes from corner i to the next. Each edge and vertex is *owned* by the lowest triangle that has it, unless it is flat, so that a
/// walk over triangles meets it once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Features(u16);

impl Features {
    fn set(&mut self, shift: usize, which: usize) {
        self.0 |= 1 << (shift + which);
    }

    const fn has(self, shift: usize, which: usize) -> bool {
        self.0 >> (shift + which) & 1 == 1
    }

    pub(super) const fn owns_edge(self, edge: usize) -> bool {
        self.has(0, edge)
    }

    pub(super) const fn owns_vertex(self, corner: usize) -> bool {
        self.has(3, corner)
    }

    /// Whether the surface ends at a vertex.
    pub(super) const fn is_border_vertex(self, corner: usize) -> bool {
        self.has(6, corner)
    }

    /// Whether the surface ends at an edge or bends away from the front there, more than a little.
    pub(super) const fn is_convex_edge(self, edge: usize) -> bool {
        self.has(9, edge)
    }
}

impl Topology {
    /// Of a mesh that has been checked.
    pub(crate) fn of(mesh: &TriangleMesh) -> Self {
        let canonical = welded(&mesh.vertices);
        let corners: Vec<[u32; 3]> = mesh
            .triangles
            .iter()
            .map(|corners| corners.map(|vertex| canonical[vertex as usize]))
            .collect();
        let boxes: Vec<Aabb> = corners
            .iter()
            .map(|corners| Aabb::around(corners.map(|vertex| mesh.vertices[vertex as usize])))
            .collect();
        let bvh = Bvh::new(&boxes).expect("a mesh has triangles");
        let (first_around, around) = triangles_around(mesh.vertices.len(), &corners);
        let mut topology = Self {
            bvh,
            features: vec![Features::default(); corners.len()],
            corners,
            first_around,
            around,
            vertex_normals: Vec::new(),
        };
        let surface = Surface {
            mesh,
            topology: &topology,
        };
        let triangles = 0..mesh.triangles.len() as u32;
        let bends: Vec<_> = triangles.clone().map(|triangle| bends_of(&surface, triangle)).collect();
        let features = triangles
            .map(|triangle| features_of(&topology, &bends, triangle))
            .collect();
        let vertex_normals = (0..mesh.vertices.len() as u32).map(|vertex| vertex_normal(&surface, vertex));
        let vertex_normals = vertex_normals.collect();
        topology.features = features;
        topology.vertex_normals = vertex_normals;
        topology
    }

    pub(super) fn corners(&self, triangle: u32) -> [u32; 3] {
        self.corners[triangle as usize]
    }

    pub(super) fn features(&self, triangle: u32) -> Features {
        self.features[triangle as usize]
    }

    pub(super) fn vertex_normal(&self, vertex: u32) -> DVec3 {
        self.vertex_normals[vertex as usize].as_dvec3()
    }

    /// The triangles around a vertex, ascending.
    pub(super) fn around(&self, vertex: u32) -> &[u32] {
        let [first, end] = [0, 1].map(|next| self.first_around[vertex as usize + next] as usize);
        &self.around[first..end]
    }

    /// The triangles beside an edge, ascending, each with its corner that is not on the edge.
    pub(super) fn beside(&self, edge: [u32; 2]) -> impl Iterator<Item = (u32, u32)> {
        self.around(edge[0]).iter().filter_map(move |&triangle| {
            let corners = self.corners(triangle);
            let third = corners.into_iter().find(|corner| !edge.contains(corner))?;
            corners.contains(&edge[1]).then_some((triangle, third))
        })
    }

    /// The box around the mesh, m from its origin.
    pub(crate) fn bounds(&self) -> (DVec3, DVec3) {
        let (low, high) = self.bvh.bounds();
        (low.as_dvec3(), high.as_dvec3())
    }
}

/// For each vertex the lowest one at the same place.
fn welded(vertices: &[Vec3]) -> Vec<u32> {
    // Adding zero makes -0 and 0 the same bits.
    let bits = |vertex: u32| (vertices[vertex as usize] + Vec3::ZERO).to_array().map(f32::to_bits);
    let mut order: Vec<u32> = (0..vertices.len() as u32).collect();
    order.sort_unstable_by_key(|&vertex| (bits(vertex), vertex));
    let mut canonical = vec![0; vertices.len()];
    for same in order.chunk_by(|&a, &b| bits(a) == bits(b)) {
        for &vertex in same {
            canonical[vertex as usize] = same[0];
        }
    }
    canonical
}

fn triangles_around(vertices: usize, corners: &[[u32; 3]]) -> (Vec<u32>, Vec<u32>) {
    let mut first = vec![0_u32; vertices + 1];
    for &vertex in corners.iter().flatten() {
        first[vertex as usize + 1] += 1;
    }
    for vertex in 0..vertices {
        first[vertex + 1] += first[vertex];
    }
    let mut next = first.clone();
    let mut around = vec![0; 3 * corners.len()];
    for (triangle, corners) in corners.iter().enumerate() {
        for &vertex in corners {
            around[next[vertex as usize] as usize] = triangle as u32;
            next[vertex as usize] += 1;
        }
    }
    (first, around)
}

/// How an edge bends, seen from the front of one of its triangles.
#[derive(Clone, Copy, PartialEq)]
enum Bend {
    Border,
    Flat,
    /// The sine of the angle by which the neighbour rises above the plane, negative for a convex edge.
    By(f64),
}

fn bend(surface: &Surface<'_>, triangle: u32, edge: [u32; 2]) -> Bend {
    let mut others = surface.topology.beside(edge).filter(|&(other, _)| other != triangle);
    let Some((other, third)) = others.next() else {
        return Bend::Border;
    };
    if others.next().is_some() {
        // Three triangles or more at one edge: no side is the surface's inside.
        return Bend::Border;
    }
    let (normal, other_normal) = (surface.normal(triangle), surface.normal(other));
    let sine = rise(normal, edge.map(|vertex| surface.vertex(vertex)), surface.vertex(third));
    if normal.dot(other_normal) > 0.0 && sine.abs() <= FLAT {
        return Bend::Flat;
    }
    if normal.dot(other_normal) < 0.0 && sine.abs() <= FLAT {
        // Folded back onto itself, or a neighbour of the other winding.
        return Bend::Border;
    }
    Bend::By(sine)
}

/// How the three edges of a triangle bend.
fn bends_of(surface: &Surface<'_>, triangle: u32) -> [Bend; 3] {
    let corners = surface.topology.corners(triangle);
    [0, 1, 2].map(|side| bend(surface, triangle, [corners[side], corners[(side + 1) % 3]]))
}

fn features_of(topology: &Topology, bends: &[[Bend; 3]], triangle: u32) -> Features {
    let corners = topology.corners(triangle);
    let mut features = Features::default();
    for (side, &bend) in bends[triangle as usize].iter().enumerate() {
        let lowest = topology.beside([corners[side], corners[(side + 1) % 3]]).next();
        if bend != Bend::Flat && lowest.is_some_and(|(lowest, _)| lowest == triangle) {
            features.set(0, side);
        }
        let is_convex = match bend {
            Bend::Border => true,
            Bend::Flat => false,
            Bend::By(sine) => sine < -NEARLY_FLAT,
        };
        if is_convex {
            features.set(9, side);
        }
        let vertex = corners[side];
        let around = topology.around(vertex);
        // The edges that leave the vertex are those of the triangles around it, but for the ones opposite.
        let mut leaving = around.iter().flat_map(|&other| {
            let corners = topology.corners(other);
            let touches = move |side: usize| corners[side] == vertex || corners[(side + 1) % 3] == vertex;
            (0..3)
                .filter(move |&side| touches(side))
                .map(move |side| bends[other as usize][side])
        });
        if leaving.clone().any(|bend| bend == Bend::Border) {
            features.set(6, side);
        }
        if around.first() == Some(&triangle) && !leaving.all(|bend| bend == Bend::Flat) {
            features.set(3, side);
        }
    }
    features
}

fn vertex_normal(surface: &Surface<'_>, vertex: u32) -> Vec3 {
    let mut sum = DVec3::ZERO;
    let position = surface.vertex(vertex);
    for &triangle in surface.topology.around(vertex) {
        let ways = surface
            .topology
            .corners(triangle)
            .map(|corner| surface.vertex(corner) - position);
        // The way to the vertex itself is zero; the other two span the angle.
        let mut others = ways.into_iter().filter(|way| *way != DVec3::ZERO);
        if let (Some(one), Some(two)) = (others.next(), others.next()) {
            let angle = libm::atan2(one.cross(two).length(), one.dot(two));
            sum += surface.normal(triangle) * angle;
        }
    }
    sum.normalize_or_zero().as_vec3()
}
