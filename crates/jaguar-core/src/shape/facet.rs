//! Surfaces of triangles, height fields and meshes alike, as bodies other than spheres see them: one triangle at a time, and what is around it.

use glam::DVec3;

/// A convex edge bends by more than this sine. Below (a degree or so) the triangles' own normals are as good, and the seams of nearly flat ground stay without a bump even where its vertices are
/// rounded.
pub(crate) const NEARLY_FLAT: f64 = 0.02;

/// One triangle. Positions are relative to the surface's origin, m.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facet {
    /// Counter-clockwise seen from the front; side number i goes from corner i to the next.
    pub(crate) corners: [DVec3; 3],
    /// The surface's numbers of the corners.
    pub(crate) vertices: [u64; 3],
    /// Unit, towards the front.
    pub(crate) normal: DVec3,
    /// The surface's number of the triangle.
    pub(crate) number: u64,
}

/// A surface of triangles.
pub(crate) trait Facets {
    /// Calls `visit` with every triangle that may meet a box, in an order that depends on the surface alone.
    fn near_box(&self, low: DVec3, high: DVec3, visit: &mut impl FnMut(Facet));

    /// At which sides the surface bends away from the front, or ends.
    fn convex_sides(&self, facet: &Facet) -> [bool; 3];

    /// Calls `visit` with the other end of every edge that leaves a vertex; some twice.
    fn around_vertex(&self, vertex: u64, visit: &mut impl FnMut(DVec3));

    /// Calls `visit` with the unit normal of every triangle around a vertex.
    fn normals_around(&self, vertex: u64, visit: &mut impl FnMut(DVec3));

    /// Calls `visit` with the third corner and the unit normal of every other triangle beside a side.
    fn across_side(&self, facet: &Facet, side: usize, visit: &mut impl FnMut(DVec3, DVec3));

    /// The number of a side among the surface's features, below 2^39.
    fn side_feature(&self, facet: &Facet, side: usize) -> u64;

    /// The number of a vertex among the surface's features, below 2^39.
    fn vertex_feature(&self, vertex: u64) -> u64;
}

/// The sine of the angle by which a triangle beyond an edge rises above the plane of the one before it, whose unit normal is given; negative for a convex edge.
pub(crate) fn rise(normal: DVec3, ends: [DVec3; 2], third: DVec3) -> f64 {
    let along = ends[1] - ends[0];
    let way = third - ends[0];
    // Across the edge into the neighbour, so that the sine is the bend's whatever the neighbour's shape.
    let across = way - along * (way.dot(along) / along.length_squared());
    across.dot(normal) / across.length()
}
