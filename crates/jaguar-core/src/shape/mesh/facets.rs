//! A mesh as bodies other than spheres see it.

use glam::DVec3;

use super::Surface;
use super::contact::{Part, feature};
use crate::shape::facet::{Facet, Facets};

impl Facets for Surface<'_> {
    fn near_box(&self, low: DVec3, high: DVec3, visit: &mut impl FnMut(Facet)) {
        self.topology.bvh.near_box(low, high, |triangle| {
            let corners = self.corners(triangle);
            let (least, most) = (
                corners[0].min(corners[1]).min(corners[2]),
                corners[0].max(corners[1]).max(corners[2]),
            );
            if least.cmpgt(high).any() || most.cmplt(low).any() {
                return;
            }
            visit(Facet {
                corners,
                vertices: self.topology.corners(triangle).map(u64::from),
                normal: self.normal(triangle),
                number: u64::from(triangle),
            });
        });
    }

    fn convex_sides(&self, facet: &Facet) -> [bool; 3] {
        let features = self.topology.features(facet.number as u32);
        [0, 1, 2].map(|side| features.is_convex_edge(side))
    }

    fn around_vertex(&self, vertex: u64, visit: &mut impl FnMut(DVec3)) {
        let vertex = vertex as u32;
        for &triangle in self.topology.around(vertex) {
            for other in self.topology.corners(triangle) {
                if other != vertex {
                    visit(self.vertex(other));
                }
            }
        }
    }

    fn normals_around(&self, vertex: u64, visit: &mut impl FnMut(DVec3)) {
        for &triangle in self.topology.around(vertex as u32) {
            visit(self.normal(triangle));
        }
    }

    fn across_side(&self, facet: &Facet, side: usize, visit: &mut impl FnMut(DVec3, DVec3)) {
        for (triangle, third) in self.topology.beside(ends(facet, side)) {
            if u64::from(triangle) != facet.number {
                visit(self.vertex(third), self.normal(triangle));
            }
        }
    }

    fn side_feature(&self, facet: &Facet, side: usize) -> u64 {
        let ends = ends(facet, side);
        let owner = self.topology.beside(ends).next().map_or(0, |(triangle, _)| triangle);
        let corners = self.topology.corners(owner);
        // Its side between the two ends: the one whose corner opposite is neither.
        let opposite = corners.iter().position(|corner| !ends.contains(corner)).unwrap_or(0);
        feature(owner, Part::Edge((opposite + 1) % 3))
    }

    fn vertex_feature(&self, vertex: u64) -> u64 {
        let owner = self.topology.around(vertex as u32).first().copied().unwrap_or(0);
        let corners = self.topology.corners(owner);
        let corner = corners
            .iter()
            .position(|&corner| u64::from(corner) == vertex)
            .unwrap_or(0);
        feature(owner, Part::Vertex(corner))
    }
}

/// The ends of a side, as the mesh numbers vertices.
fn ends(facet: &Facet, side: usize) -> [u32; 2] {
    [facet.vertices[side] as u32, facet.vertices[(side + 1) % 3] as u32]
}
