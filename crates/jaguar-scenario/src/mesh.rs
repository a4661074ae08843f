//! Meshes from files, by the ending of their names, and how they are put into the world.

use std::path::Path;

use glam::{DMat3, DQuat, DVec3};
use jaguar_core::shape::TriangleMesh;

use crate::error::ScenarioError;
use crate::{obj, stl};

/// Triangles in a file's own unit and axes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Surface {
    /// Finite numbers.
    pub(crate) vertices: Vec<DVec3>,
    /// Indices in range.
    pub(crate) triangles: Vec<[u32; 3]>,
}

/// Where a file's coordinates are in the world: scaled, then turned, then moved.
pub(crate) struct Placement {
    pub(crate) scale: f64,
    pub(crate) rotation: DQuat,
    /// Of the file's origin, m.
    pub(crate) position: DVec3,
}

/// Reads a mesh; `None` if the name has no ending that says how.
pub(crate) fn read(path: &Path) -> Result<Option<Surface>, ScenarioError> {
    let ending = path.extension().unwrap_or_default();
    if ending.eq_ignore_ascii_case("obj") {
        return obj::read(path).map(Some);
    }
    if ending.eq_ignore_ascii_case("stl") {
        return stl::read(path).map(Some);
    }
    Ok(None)
}

impl Surface {
    /// The mesh in the world. Its vertices are relative to the middle of them all, which keeps their precision wherever the file has its origin; vertices that no triangle has stay.
    pub(crate) fn placed(&self, placement: &Placement) -> TriangleMesh {
        let rotation = DMat3::from_quat(placement.rotation);
        let turned = |vertex: &DVec3| rotation * (*vertex * placement.scale);
        let first = self.vertices.first().map(turned).unwrap_or_default();
        let (mut low, mut high) = (first, first);
        for vertex in self.vertices.iter().map(turned) {
            low = low.min(vertex);
            high = high.max(vertex);
        }
        // Whole metres, so that a mesh on a grid stays on it.
        let middle = (0.5 * (low + high)).map(libm::floor);
        TriangleMesh {
            origin: placement.position + middle,
            vertices: self
                .vertices
                .iter()
                .map(|vertex| (turned(vertex) - middle).as_vec3())
                .collect(),
            triangles: self.triangles.clone(),
            friction: 0.0,
            restitution: 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use glam::Vec3;

    use super::*;

    #[test]
    fn a_mesh_is_scaled_turned_and_moved_and_keeps_its_precision_far_from_its_origin() {
        let far = DVec3::new(500_000.0, 6_000_000.0, 12.0);
        let surface = Surface {
            vertices: [DVec3::ZERO, DVec3::X, DVec3::new(0.0, 0.125, 0.0)]
                .map(|vertex| far + vertex)
                .to_vec(),
            triangles: vec![[0, 1, 2]],
        };
        let quarter = std::f64::consts::FRAC_1_SQRT_2;
        let mesh = surface.placed(&Placement {
            scale: 2.0,
            // What is up in the file, z, becomes y.
            rotation: DQuat::from_xyzw(-quarter, 0.0, 0.0, quarter),
            position: DVec3::new(-1_000_000.0, 0.0, 12_000_000.0),
        });
        let corners: Vec<DVec3> = mesh
            .vertices
            .iter()
            .map(|vertex| mesh.origin + vertex.as_dvec3())
            .collect();
        let expected = [
            DVec3::new(0.0, 24.0, 0.0),
            DVec3::new(2.0, 24.0, 0.0),
            DVec3::new(0.0, 24.0, -0.25),
        ];
        for (corner, expected) in corners.iter().zip(expected) {
            assert!(corner.distance(expected) < 1e-6, "{corner}");
        }
        assert!(mesh.vertices[1].distance(mesh.vertices[0] + Vec3::X * 2.0) < 1e-6);
    }
}
