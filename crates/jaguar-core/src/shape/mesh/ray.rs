//! Where a ray meets a mesh, and where a moving ball touches it.
//!
//! The ray is made the z axis by permuting and shearing the coordinates; then it meets a triangle when the origin is on the same side of its three edges. Neighbours compute the same numbers for the
//! edge they share, so no ray slips between them. S. Woop, C. Benthin and I. Wald, "Watertight ray/triangle intersection", JCGT 2013.

use glam::DVec3;

use super::Surface;
use crate::shape::{RayHit, sweep};

impl Surface<'_> {
    /// Where a ray with unit direction meets a triangle from either side, at most `max_distance` m away. The normal is against the ray; `max_distance` is finite.
    pub(crate) fn cast_ray(&self, origin: DVec3, direction: DVec3, max_distance: f64) -> Option<RayHit> {
        let start = origin - self.mesh.origin;
        let frame = Frame::along(direction);
        let mut first: Option<(f64, u32)> = None;
        self.topology
            .bvh
            .along(start, direction, 0.0, max_distance, |triangle, limit| {
                match frame.distance(self.corners(triangle).map(|corner| corner - start)) {
                    Some(distance)
                        if distance <= limit && first.is_none_or(|nearest| (distance, triangle) < nearest) =>
                    {
                        first = Some((distance, triangle));
                        distance
                    }
                    _ => limit,
                }
            });
        first.map(|(distance, triangle)| {
            let normal = self.normal(triangle);
            RayHit {
                distance,
                normal: if normal.dot(direction) > 0.0 { -normal } else { normal },
            }
        })
    }

    /// Where a ball that moves along a unit direction first touches a triangle from either side, at most `max_distance` m away; at once if it overlaps one. `max_distance` is finite.
    pub(crate) fn cast_ball(&self, origin: DVec3, direction: DVec3, radius: f64, max_distance: f64) -> Option<RayHit> {
        if radius == 0.0 {
            return self.cast_ray(origin, direction, max_distance);
        }
        let start = origin - self.mesh.origin;
        let mut first: Option<(RayHit, u32)> = None;
        self.topology.bvh.along(
            start,
            direction,
            radius,
            max_distance,
            |triangle, limit| match sweep::to_triangle(start, direction, self.corners(triangle), radius) {
                Some(hit)
                    if hit.distance <= limit
                        && first.is_none_or(|(first, number)| (hit.distance, triangle) < (first.distance, number)) =>
                {
                    first = Some((hit, triangle));
                    hit.distance
                }
                _ => limit,
            },
        );
        first.map(|(hit, _)| hit)
    }
}

/// Coordinates in which a ray is the z axis.
struct Frame {
    axes: [usize; 3],
    shear: DVec3,
}

impl Frame {
    fn along(direction: DVec3) -> Self {
        let size = direction.abs();
        let mut z = 0;
        for axis in 1..3 {
            if size[axis] > size[z] {
                z = axis;
            }
        }
        let axes = [(z + 1) % 3, (z + 2) % 3, z];
        let depth = direction[z];
        Self {
            axes,
            shear: DVec3::new(direction[axes[0]] / depth, direction[axes[1]] / depth, 1.0 / depth),
        }
    }

    /// How far along the ray a triangle is met; its corners are relative to the ray's origin.
    fn distance(&self, corners: [DVec3; 3]) -> Option<f64> {
        let [a, b, c] = corners.map(|corner| {
            let [x, y, z] = self.axes.map(|axis| corner[axis]);
            DVec3::new(x - self.shear.x * z, y - self.shear.y * z, self.shear.z * z)
        });
        let side = |from: DVec3, to: DVec3| from.x * to.y - from.y * to.x;
        let (u, v, w) = (side(b, c), side(c, a), side(a, b));
        if (u < 0.0 || v < 0.0 || w < 0.0) && (u > 0.0 || v > 0.0 || w > 0.0) {
            return None;
        }
        let sum = u + v + w;
        let distance = (u * a.z + v * b.z + w * c.z) / sum;
        // Not a number when the ray runs in the triangle's plane: it is met where its neighbours are.
        (distance >= 0.0).then_some(distance)
    }
}
