//! Which points of a mesh a sphere touches.
//!
//! They are the **local minima of the distance** from the sphere's centre to the surface, as for a height field: a face has one where the centre projects into it, a point of an edge is one when no
//! triangle beside it comes nearer, a vertex when no edge that leaves it does. In front of the surface only convex edges and vertices have any, so a sphere that rolls over a flat or hollow seam
//! feels no bump. On which side the centre is, the nearest of them says.

use glam::DVec3;

use super::Surface;
use crate::shape::SurfacePoint;

/// Slack of the comparisons below relative to the lengths compared, far above the rounding of f64 and far below anything visible: the regions of faces, edges and vertices overlap by it, so that
/// no centre falls between two of them.
const SLACK: f64 = 1e-9;

/// Features are numbered by triangle: its face, three edges and three vertices.
const FEATURES_PER_TRIANGLE: u64 = 8;

/// A part of a triangle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Face,
    Edge(usize),
    Vertex(usize),
}

pub(super) fn feature(triangle: u32, part: Part) -> u64 {
    let part = match part {
        Part::Face => 0,
        Part::Edge(edge) => 1 + edge,
        Part::Vertex(corner) => 4 + corner,
    };
    u64::from(triangle) * FEATURES_PER_TRIANGLE + part as u64
}

/// What the centre has found so far.
struct Nearest {
    /// Distance of the nearest point that the centre is not behind, m.
    in_front: f64,
    /// The nearest point that the centre is behind.
    behind: Option<SurfacePoint>,
}

impl Nearest {
    fn behind(&mut self, point: SurfacePoint) {
        let nearer = |other: &SurfacePoint| {
            (-point.distance)
                .total_cmp(&-other.distance)
                .then(point.feature.cmp(&other.feature))
                .is_lt()
        };
        if self.behind.as_ref().is_none_or(nearer) {
            self.behind = Some(point);
        }
    }
}

impl Surface<'_> {
    /// Calls `touch` with every surface point that a sphere's centre at `position` (m, world) sees from the front nearer than `reach` (m).
    ///
    /// Returns the nearest point if the centre is behind it. Then that is the only contact, so that it is pushed out the shortest way, and what was touched does not count.
    pub(crate) fn surface_near(
        &self,
        position: DVec3,
        reach: f64,
        touch: &mut impl FnMut(SurfacePoint),
    ) -> Option<SurfacePoint> {
        let view = View {
            surface: *self,
            centre: position - self.mesh.origin,
            reach,
        };
        let mut nearest = Nearest {
            in_front: f64::INFINITY,
            behind: None,
        };
        self.topology.bvh.near_point(view.centre, reach, |triangle| {
            view.face(triangle, &mut nearest, touch);
            let features = self.topology.features(triangle);
            for side in 0..3 {
                if features.owns_edge(side) {
                    view.edge(triangle, side, &mut nearest, touch);
                }
                if features.owns_vertex(side) {
                    view.vertex(triangle, side, &mut nearest, touch);
                }
            }
        });
        nearest.behind.filter(|point| -point.distance < nearest.in_front)
    }
}

/// A mesh as one sphere's centre (relative to the mesh's origin) sees it.
struct View<'a> {
    surface: Surface<'a>,
    centre: DVec3,
    reach: f64,
}

/// Which side of a point the centre is on.
#[derive(Clone, Copy)]
enum Side {
    Front,
    Behind,
    /// Behind a border: beside the surface and below it, where there is nothing.
    Beside,
}

impl View<'_> {
    fn face(&self, triangle: u32, nearest: &mut Nearest, touch: &mut impl FnMut(SurfacePoint)) {
        let [a, b, c] = self.surface.corners(triangle);
        let (one, two) = (b - a, c - a);
        // Distances below are in units of the forward vector's length, which saves the root where nothing touches.
        let forward = one.cross(two);
        let length_squared = forward.length_squared();
        let from = self.centre - a;
        let height = from.dot(forward);
        if height * height >= self.reach * self.reach * length_squared {
            return;
        }
        // Coordinates of the centre's projection in the triangle, but for the factor `length_squared`.
        let (along_one, along_two) = (from.cross(two).dot(forward), one.cross(from).dot(forward));
        let slack = SLACK * length_squared;
        if along_one < -slack || along_two < -slack || along_one + along_two > length_squared + slack {
            return;
        }
        let length = length_squared.sqrt();
        let point = SurfacePoint {
            feature: feature(triangle, Part::Face),
            normal: forward / length,
            distance: height / length,
        };
        let side = if height >= 0.0 { Side::Front } else { Side::Behind };
        self.found(point, side, nearest, touch);
    }

    /// An edge touches where the centre projects onto it, unless a triangle beside it comes nearer.
    fn edge(&self, triangle: u32, side: usize, nearest: &mut Nearest, touch: &mut impl FnMut(SurfacePoint)) {
        let topology = self.surface.topology;
        let corners = topology.corners(triangle);
        let ends = [corners[side], corners[(side + 1) % 3]];
        let [start, end] = ends.map(|vertex| self.surface.vertex(vertex));
        let along = end - start;
        // How far along the edge, 0 to 1 but for the factor `length_squared`.
        let length_squared = along.length_squared();
        let progress = (self.centre - start).dot(along);
        if !(-SLACK * length_squared <= progress && progress <= (1.0 + SLACK) * length_squared) {
            return;
        }
        let point = start + along * (progress / length_squared);
        let thirds = topology.beside(ends).map(|(_, third)| self.surface.vertex(third));
        let Some(gap) = self.gap_of_minimum(point, thirds) else {
            return;
        };
        let normals = topology.beside(ends).map(|(beside, _)| self.surface.normal(beside));
        let (sum, count) = normals.fold((DVec3::ZERO, 0), |(sum, count), normal| (sum + normal, count + 1));
        let place = if gap.dot(sum) >= 0.0 {
            Side::Front
        } else if count == 2 {
            Side::Behind
        } else {
            Side::Beside
        };
        self.found(
            self.point(triangle, Part::Edge(side), gap, sum, place),
            place,
            nearest,
            touch,
        );
    }

    fn vertex(&self, triangle: u32, corner: usize, nearest: &mut Nearest, touch: &mut impl FnMut(SurfacePoint)) {
        let topology = self.surface.topology;
        let vertex = topology.corners(triangle)[corner];
        let point = self.surface.vertex(vertex);
        if (self.centre - point).length_squared() >= self.reach * self.reach {
            return;
        }
        let around = topology
            .around(vertex)
            .iter()
            .flat_map(|&triangle| topology.corners(triangle))
            .filter(|&other| other != vertex)
            .map(|other| self.surface.vertex(other));
        let Some(gap) = self.gap_of_minimum(point, around) else {
            return;
        };
        let normal = topology.vertex_normal(vertex);
        let place = if gap.dot(normal) >= 0.0 {
            Side::Front
        } else if topology.features(triangle).is_border_vertex(corner) {
            Side::Beside
        } else {
            Side::Behind
        };
        self.found(
            self.point(triangle, Part::Vertex(corner), gap, normal, place),
            place,
            nearest,
            touch,
        );
    }

    /// From a point of the surface to the centre, if it is within reach and no way from the point towards one of `around` comes nearer.
    fn gap_of_minimum(&self, point: DVec3, mut around: impl Iterator<Item = DVec3>) -> Option<DVec3> {
        let gap = self.centre - point;
        let distance_squared = gap.length_squared();
        if distance_squared >= self.reach * self.reach {
            return None;
        }
        // The cosine of the angle between the gap and the way, against SLACK, without its roots.
        let comes_nearer = |other: DVec3| {
            let way = other - point;
            let along = gap.dot(way);
            along > 0.0 && along * along > SLACK * SLACK * distance_squared * way.length_squared()
        };
        (!around.any(comes_nearer)).then_some(gap)
    }

    /// The contact at the end of a gap; `forward` is its normal when there is no gap.
    fn point(&self, triangle: u32, part: Part, gap: DVec3, forward: DVec3, place: Side) -> SurfacePoint {
        let distance = gap.length();
        let outward = if distance > 0.0 {
            gap / distance
        } else {
            forward.normalize_or(DVec3::Y)
        };
        let (normal, distance) = match place {
            Side::Front => (outward, distance),
            Side::Behind | Side::Beside => (-outward, -distance),
        };
        SurfacePoint {
            feature: feature(triangle, part),
            normal,
            distance,
        }
    }

    fn found(&self, point: SurfacePoint, side: Side, nearest: &mut Nearest, touch: &mut impl FnMut(SurfacePoint)) {
        match side {
            Side::Behind => nearest.behind(point),
            Side::Front | Side::Beside => {
                let distance = point.distance.abs();
                if distance < nearest.in_front {
                    nearest.in_front = distance;
                }
                if matches!(side, Side::Front) {
                    touch(point);
                }
            }
        }
    }
}
