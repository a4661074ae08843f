//! What queries ask of a turned hull, in f64. Positions are relative to its centre, m.

use glam::{DMat3, DVec3, Quat};

use super::ConvexHull;
use crate::shape::{RayHit, sweep};

/// A hull as it is turned.
#[derive(Debug)]
pub(crate) struct TurnedHull<'a> {
    hull: &'a ConvexHull,
    rotation: DMat3,
}

impl<'a> TurnedHull<'a> {
    pub(crate) fn new(hull: &'a ConvexHull, orientation: Quat) -> Self {
        let rotation = DMat3::from_quat(orientation.as_dquat().normalize());
        Self { hull, rotation }
    }

    /// Half edges of the axis-aligned box around its centre and it, m.
    pub(crate) fn extent(&self) -> DVec3 {
        self.vertices().fold(DVec3::ZERO, |most, vertex| most.max(vertex.abs()))
    }

    /// How far a point is from it, m; 0 inside.
    pub(crate) fn distance(&self, point: DVec3) -> f64 {
        let local = self.to_local(point);
        if self.holds(local) {
            return 0.0;
        }
        let to = |corners| local.distance_squared(sweep::nearest_on_triangle(corners, local));
        let least = self.triangles().map(to).fold(f64::INFINITY, f64::min);
        least.sqrt()
    }

    /// Where a ball that moves along a unit direction first touches it, at most `limit` m away or a little more; a ray is a ball of radius 0.
    pub(crate) fn cast_ball(&self, start: DVec3, direction: DVec3, radius: f64, limit: f64) -> Option<RayHit> {
        let reach = f64::from(self.hull.bounding_radius) + radius;
        let aside = start - direction * start.dot(direction);
        if aside.length_squared() > reach * reach || -start.dot(direction) - reach > limit {
            return None;
        }
        let (from, along) = (self.to_local(start), self.to_local(direction));
        if self.holds(from) {
            return Some(RayHit::inside(direction));
        }
        let hit = if radius > 0.0 {
            let hits = self.triangles();
            let hits = hits.filter_map(|corners| sweep::to_triangle(from, along, corners, radius));
            hits.reduce(|first, hit| if hit.distance < first.distance { hit } else { first })?
        } else {
            self.cast_ray(from, along)?
        };
        if hit.distance == 0.0 {
            return Some(RayHit::inside(direction));
        }
        Some(RayHit {
            distance: hit.distance,
            // Faces have theirs in f32.
            normal: (self.rotation * hit.normal).normalize(),
        })
    }

    /// Where a line from outside enters (Cyrus and Beck 1978).
    fn cast_ray(&self, from: DVec3, along: DVec3) -> Option<RayHit> {
        let (mut enter, mut leave) = (RayHit::inside(along), f64::INFINITY);
        for face in &self.hull.faces {
            let normal = face.normal.as_dvec3();
            let (height, rate) = (normal.dot(from) - f64::from(face.offset), normal.dot(along));
            if rate == 0.0 {
                if height > 0.0 {
                    return None;
                }
                continue;
            }
            let distance = -height / rate;
            if rate > 0.0 {
                leave = if distance < leave { distance } else { leave };
            } else if distance > enter.distance {
                enter = RayHit { distance, normal };
            }
        }
        (enter.distance <= leave && enter.distance > 0.0).then_some(enter)
    }

    /// Whether it meets an axis-aligned box: separating axes.
    pub(crate) fn meets_box(&self, low: DVec3, high: DVec3) -> bool {
        let (middle, half) = (0.5 * (low + high), 0.5 * (high - low));
        // From here on the box is around the origin.
        let vertices: Vec<DVec3> = self.vertices().map(|vertex| vertex - middle).collect();
        let is_apart = |axis: DVec3| {
            let reach = half.dot(axis.abs());
            let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
            for vertex in &vertices {
                let height = vertex.dot(axis);
                least = if height < least { height } else { least };
                most = if height > most { height } else { most };
            }
            least > reach || most < -reach
        };
        let axes = [DVec3::X, DVec3::Y, DVec3::Z];
        let faces = self.hull.faces.iter();
        let edges = self.hull.edges.iter();
        let normals = faces.map(|face| self.rotation * face.normal.as_dvec3());
        let directions = edges.map(|edge| self.rotation * edge.direction.as_dvec3());
        let across = directions.flat_map(|direction| axes.map(|axis| axis.cross(direction)));
        !axes.into_iter().chain(normals).chain(across).any(is_apart)
    }

    fn to_local(&self, vector: DVec3) -> DVec3 {
        self.rotation.transpose() * vector
    }

    fn vertices(&self) -> impl Iterator<Item = DVec3> + '_ {
        let vertices = self.hull.vertices.iter();
        vertices.map(|vertex| self.rotation * vertex.as_dvec3())
    }

    fn holds(&self, local: DVec3) -> bool {
        let faces = self.hull.faces.iter();
        let mut heights = faces.map(|face| local.dot(face.normal.as_dvec3()) - f64::from(face.offset));
        heights.all(|height| height <= 0.0)
    }

    /// The faces, not turned, cut into triangles.
    fn triangles(&self) -> impl Iterator<Item = [DVec3; 3]> {
        self.hull.faces.iter().flat_map(|face| {
            let around = self.hull.polyhedron().around(face);
            let vertex = |k: usize| self.hull.vertices[usize::from(around[k].vertex)].as_dvec3();
            (2..around.len()).map(move |k| [vertex(0), vertex(k - 1), vertex(k)])
        })
    }
}
