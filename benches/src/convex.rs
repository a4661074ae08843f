//! Convex bodies in f64, and how deep two of them overlap: by separating axes, without any engine's collision detection.
//!
//! A body is a core (a point, a segment or a polytope) and a radius around it. Along any unit vector the gap between the shadows of two cores is at most their distance, and where they overlap at most the negative depth.
//! One of finitely many vectors attains it: a face normal, the cross product of two edges or, for cores apart, the line between their nearest points. So the largest gap over all of those is exact, and a vector too many does no harm.

use glam::{DMat3, DQuat, DVec3};
use jaguar_core::shape::{ConvexHull, HullId, Shape};

/// Corners nearer to a face's plane than this belong to the face, m.
const COPLANAR: f64 = 1e-6;

/// A body around its centre of mass, not turned.
#[derive(Clone, Debug, PartialEq)]
pub struct Convex {
    /// Corners of the core.
    corners: Vec<DVec3>,
    /// The core's edges, as pairs of corners.
    edges: Vec<[usize; 2]>,
    /// Unit vectors along the edges, no two of them parallel.
    directions: Vec<DVec3>,
    /// Unit normals of the faces, no two of them parallel.
    normals: Vec<DVec3>,
    /// Radius around the core, m.
    radius: f64,
    /// Distance of the farthest corner from the centre, m.
    reach: f64,
    /// Half the least distance of two parallel planes with the body between them, one of them on a face, m.
    half_width: f64,
    /// Inertia tensor of 1 kg, m².
    inertia: DMat3,
}

/// A polytope given by its corners and its faces, each a list of corners around the outward normal.
struct Polytope {
    corners: Vec<DVec3>,
    faces: Vec<Face>,
}

struct Face {
    normal: DVec3,
    around: Vec<usize>,
}

impl Convex {
    /// A body of a scene with these hulls.
    pub fn of(shape: Shape, hulls: &[ConvexHull]) -> Self {
        match shape {
            Shape::Sphere { radius } => Self::sphere(radius.into()),
            Shape::Capsule { half_height, radius } => Self::capsule(half_height.into(), radius.into()),
            Shape::Cuboid { half_extents } => Self::cuboid(half_extents.as_dvec3()),
            Shape::Hull(HullId(number)) => {
                let vertices = hulls[number as usize].vertices().iter();
                Self::hull(&vertices.map(|vertex| vertex.as_dvec3()).collect::<Vec<_>>())
            }
        }
    }

    /// A ball.
    pub fn sphere(radius: f64) -> Self {
        let inertia = DMat3::from_diagonal(DVec3::splat(0.4 * radius * radius));
        Self::new(vec![DVec3::ZERO], vec![], vec![], radius, inertia)
    }

    /// A capsule along y: a cylinder of twice this height with half balls on its ends.
    pub fn capsule(half_height: f64, radius: f64) -> Self {
        let (h, r) = (half_height, radius);
        let (cylinder, caps) = (2.0 * h * r * r, 4.0 / 3.0 * r * r * r);
        let (cylinder, caps) = (cylinder / (cylinder + caps), caps / (cylinder + caps));
        let along = cylinder * 0.5 * r * r + caps * 0.4 * r * r;
        // Half balls have their centre of mass 3/8 r beyond the end of the axis (parallel axes).
        let across = cylinder * (0.25 * r * r + h * h / 3.0) + caps * (0.4 * r * r + h * h + 0.75 * h * r);
        let corners = vec![DVec3::NEG_Y * h, DVec3::Y * h];
        let inertia = DMat3::from_diagonal(DVec3::new(across, along, across));
        Self::new(corners, vec![[0, 1]], vec![], radius, inertia)
    }

    /// A box.
    pub fn cuboid(half_extents: DVec3) -> Self {
        let sign = |corner: usize, axis: usize| if corner >> axis & 1 == 0 { -1.0 } else { 1.0 };
        let corners = (0..8).map(|corner| half_extents * DVec3::new(sign(corner, 0), sign(corner, 1), sign(corner, 2)));
        Self::hull(&corners.collect::<Vec<_>>())
    }

    /// The convex hull of points around their centre of mass. Takes n⁴ steps for n points, so it is for tens of them.
    pub fn hull(points: &[DVec3]) -> Self {
        let polytope = Polytope::around(points);
        let edges = polytope.faces.iter().flat_map(Face::edges).filter(|[a, b]| a < b);
        let edges = edges.collect();
        let normals = polytope.faces.iter().map(|face| face.normal).collect();
        let inertia = polytope.inertia();
        Self::new(polytope.corners, edges, normals, 0.0, inertia)
    }

    fn new(corners: Vec<DVec3>, edges: Vec<[usize; 2]>, normals: Vec<DVec3>, radius: f64, inertia: DMat3) -> Self {
        let reach = corners.iter().map(|corner| corner.length()).fold(0.0, f64::max);
        let along = edges.iter().map(|&[a, b]| (corners[b] - corners[a]).normalize());
        let height = |normal: DVec3| {
            let heights = corners.iter().map(|corner| corner.dot(normal));
            heights.fold(f64::NEG_INFINITY, f64::max)
        };
        let half_width = |&normal: &DVec3| 0.5 * (height(normal) + height(-normal));
        let half_widths = normals.iter().map(half_width);
        let least = half_widths.reduce(f64::min).unwrap_or_default();
        Self {
            half_width: least + radius,
            directions: without_parallels(along),
            normals: without_parallels(normals),
            reach: reach + radius,
            corners,
            edges,
            radius,
            inertia,
        }
    }

    /// Radius of the ball around the centre of mass that holds the body, m.
    pub fn bounding_radius(&self) -> f64 {
        self.reach
    }

    /// Half of how thick the body is where it is thinnest, m: the radius of a ball or capsule, the least half extent of a box, of a hull half its least width at right angles to a face.
    pub fn half_width(&self) -> f64 {
        self.half_width
    }

    /// Energy of rotation, J.
    pub fn rotational_energy(&self, mass: f64, orientation: DQuat, angular_velocity: DVec3) -> f64 {
        let own = orientation.inverse() * angular_velocity;
        0.5 * mass * own.dot(self.inertia * own)
    }

    /// The body in the world.
    pub fn placed(&self, position: DVec3, orientation: DQuat) -> Placed<'_> {
        let turned = |vectors: &[DVec3]| vectors.iter().map(|&vector| orientation * vector).collect();
        let corners = self.corners.iter().map(|&corner| position + orientation * corner);
        Placed {
            convex: self,
            position,
            corners: corners.collect(),
            directions: turned(&self.directions),
            normals: turned(&self.normals),
        }
    }
}

/// Unit vectors without those that are parallel to an earlier one.
fn without_parallels(vectors: impl IntoIterator<Item = DVec3>) -> Vec<DVec3> {
    let mut kept: Vec<DVec3> = Vec::new();
    for vector in vectors {
        if kept.iter().all(|other| other.cross(vector).length() > 1e-9) {
            kept.push(vector);
        }
    }
    kept
}

impl Polytope {
    /// Tries the plane through every three points: it holds a face if all others are on one side.
    fn around(points: &[DVec3]) -> Self {
        let mut faces: Vec<Face> = Vec::new();
        for (i, &a) in points.iter().enumerate() {
            for (j, &b) in points.iter().enumerate().skip(i + 1) {
                for &c in &points[j + 1..] {
                    let Some(normal) = (b - a).cross(c - a).try_normalize() else {
                        continue;
                    };
                    let heights = points.iter().map(|&point| normal.dot(point - a));
                    let (low, high) = heights.fold((0.0_f64, 0.0_f64), |(low, high), h| (low.min(h), high.max(h)));
                    let outward = match (low > -COPLANAR, high < COPLANAR) {
                        (false, true) => normal,
                        (true, false) => -normal,
                        _ => continue,
                    };
                    if faces.iter().all(|face| face.normal.distance(outward) > COPLANAR) {
                        faces.push(Face::new(points, a, outward));
                    }
                }
            }
        }
        Self {
            corners: points.to_vec(),
            faces,
        }
    }

    /// Inertia tensor of 1 kg about the origin: the sum over the tetrahedra between the origin and the triangles of the faces.
    fn inertia(&self) -> DMat3 {
        let (mut volume, mut moments) = (0.0, DMat3::ZERO);
        let outer = |v: DVec3| DMat3::from_cols(v * v.x, v * v.y, v * v.z);
        for face in &self.faces {
            let a = self.corners[face.around[0]];
            for pair in face.around[1..].windows(2) {
                let (b, c) = (self.corners[pair[0]], self.corners[pair[1]]);
                let six_volumes = a.dot(b.cross(c));
                volume += six_volumes / 6.0;
                moments += (outer(a) + outer(b) + outer(c) + outer(a + b + c)) * (six_volumes / 120.0);
            }
        }
        let moments = moments * volume.recip();
        let trace = moments.x_axis.x + moments.y_axis.y + moments.z_axis.z;
        DMat3::from_diagonal(DVec3::splat(trace)) - moments
    }
}

impl Face {
    /// The face of `points` through `origin` with this outward normal.
    fn new(points: &[DVec3], origin: DVec3, normal: DVec3) -> Self {
        let mut around: Vec<usize> = (0..points.len())
            .filter(|&index| normal.dot(points[index] - origin).abs() < COPLANAR)
            .collect();
        let centre = around.iter().map(|&index| points[index]).sum::<DVec3>() / around.len() as f64;
        let right = (points[around[0]] - centre).normalize();
        let up = normal.cross(right);
        let angle = |&index: &usize| {
            let arm = points[index] - centre;
            arm.dot(up).atan2(arm.dot(right))
        };
        around.sort_by(|a, b| angle(a).total_cmp(&angle(b)));
        Self { normal, around }
    }

    fn edges(&self) -> impl Iterator<Item = [usize; 2]> + '_ {
        let next = self.around.iter().cycle().skip(1);
        self.around.iter().zip(next).map(|(&a, &b)| [a, b])
    }
}

/// A body in the world.
#[derive(Clone, Debug)]
pub struct Placed<'a> {
    convex: &'a Convex,
    position: DVec3,
    corners: Vec<DVec3>,
    directions: Vec<DVec3>,
    normals: Vec<DVec3>,
}

impl Placed<'_> {
    /// Centre of mass, m.
    pub fn position(&self) -> DVec3 {
        self.position
    }

    /// Corners of the core, m.
    pub fn corners(&self) -> &[DVec3] {
        &self.corners
    }

    /// Radius around the core, m.
    pub fn radius(&self) -> f64 {
        self.convex.radius
    }

    /// Radius of the ball around the centre of mass that holds the body, m.
    pub fn bounding_radius(&self) -> f64 {
        self.convex.reach
    }

    /// Half of how thick the body is where it is thinnest, m.
    pub fn half_width(&self) -> f64 {
        self.convex.half_width
    }

    /// How deep this body and another overlap, m; not positive when they do not.
    pub fn overlap(&self, other: &Self) -> f64 {
        let between = other.position - self.position;
        let reach = self.convex.reach + other.convex.reach;
        if between.length_squared() >= reach * reach {
            return 0.0;
        }
        let radii = self.radius() + other.radius();
        // Cores of one point in the same place have no separating axis and no depth.
        let mut gap = radii - reach;
        let normals = self.normals.iter().chain(&other.normals).copied();
        let crossed = self
            .directions
            .iter()
            .flat_map(|&first| other.directions.iter().map(move |&second| first.cross(second)));
        let mut is_apart = |axis: DVec3| {
            gap = gap.max(axis.try_normalize().map_or(gap, |axis| self.gap_along(other, axis)));
            gap >= radii
        };
        let apart = is_apart(between)
            || normals.into_iter().any(&mut is_apart)
            || crossed.into_iter().any(&mut is_apart)
            // Only cores apart have nearest points, and bodies whose cores are apart overlap only if one is round.
            || (radii > 0.0 && (self.lines_to_corners(other).any(&mut is_apart) || other.lines_to_corners(self).any(&mut is_apart)));
        if apart { 0.0 } else { radii - gap }
    }

    /// The gap between the shadows of the cores on an axis, m; negative when they overlap.
    fn gap_along(&self, other: &Self, axis: DVec3) -> f64 {
        let ((low, high), (other_low, other_high)) = (self.shadow(axis), other.shadow(axis));
        (other_low - high).max(low - other_high)
    }

    fn shadow(&self, axis: DVec3) -> (f64, f64) {
        let places = self.corners.iter().map(|corner| corner.dot(axis));
        places.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), place| {
            (low.min(place), high.max(place))
        })
    }

    /// From the points of this core's edges (and its corners) that are nearest to each corner of the other.
    fn lines_to_corners<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = DVec3> + 'a {
        other.corners.iter().flat_map(move |&corner| {
            let to_edges = self.convex.edges.iter().map(move |&[a, b]| {
                let (start, along) = (self.corners[a], self.corners[b] - self.corners[a]);
                let part = ((corner - start).dot(along) / along.length_squared()).clamp(0.0, 1.0);
                corner - (start + along * part)
            });
            to_edges.chain(self.corners.iter().map(move |&own| corner - own))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::{FRAC_PI_4, SQRT_2};

    use super::*;

    #[track_caller]
    fn check(first: &Placed<'_>, second: &Placed<'_>, expected: f64) {
        for found in [first.overlap(second), second.overlap(first)] {
            assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
        }
    }

    fn at<'a>(convex: &'a Convex, x: f64, y: f64, z: f64) -> Placed<'a> {
        convex.placed(DVec3::new(x, y, z), DQuat::IDENTITY)
    }

    #[test]
    fn balls_overlap_by_their_radii_less_their_distance() {
        let (small, large) = (Convex::sphere(0.5), Convex::sphere(1.0));
        check(&at(&small, 0.0, 0.0, 0.0), &at(&large, 0.0, 1.2, 0.0), 0.3);
        check(&at(&small, 0.0, 0.0, 0.0), &at(&large, 0.0, 1.6, 0.0), 0.0);
        check(&at(&small, 0.0, 0.0, 0.0), &at(&large, 0.0, 0.0, 0.0), 1.5);
    }

    /// Ends against ends, an end beside a flank, and two that cross at a right angle.
    #[test]
    fn capsules_overlap_by_the_distance_of_their_segments() {
        let capsule = Convex::capsule(0.5, 0.25);
        let upright = at(&capsule, 0.0, 0.0, 0.0);
        check(&upright, &at(&capsule, 0.0, 1.4, 0.0), 0.1);
        check(&upright, &at(&capsule, 0.4, 0.3, 0.0), 0.1);
        let lying = capsule.placed(DVec3::new(0.1, 0.2, 0.4), DQuat::from_rotation_z(2.0 * FRAC_PI_4));
        check(&upright, &lying, 0.1);
        check(&upright, &at(&capsule, 0.3, 1.0 + 0.4, 0.0), 0.0);
    }

    /// Face on face, and an edge of a box turned by 45 degrees on a face.
    #[test]
    fn boxes_overlap_by_their_least_shift() {
        let cube = Convex::cuboid(DVec3::splat(0.5));
        let fixed = at(&cube, 0.0, 0.0, 0.0);
        check(&fixed, &at(&cube, 0.3, 0.9, -0.2), 0.1);
        check(&fixed, &at(&cube, 0.3, 1.1, -0.2), 0.0);
        let turned = |y| cube.placed(DVec3::new(0.0, y, 0.0), DQuat::from_rotation_x(FRAC_PI_4));
        check(&fixed, &turned(0.5 + 0.5 * SQRT_2 - 0.05), 0.05);
        check(&fixed, &turned(0.5 + 0.5 * SQRT_2 + 0.05), 0.0);
    }

    /// Two edges at right angles to each other, diagonally above each other: only the cross product of the edges separates them.
    #[test]
    fn crossed_edges_overlap_along_their_cross_product() {
        let cube = Convex::cuboid(DVec3::splat(0.5));
        let first = cube.placed(DVec3::ZERO, DQuat::from_rotation_x(FRAC_PI_4));
        let second = |y| cube.placed(DVec3::new(0.0, y, 0.0), DQuat::from_rotation_z(FRAC_PI_4));
        check(&first, &second(SQRT_2 - 0.03), 0.03);
        check(&first, &second(SQRT_2 + 0.01), 0.0);
    }

    /// A ball over a face, an edge and a corner of a box, and with its centre inside.
    #[test]
    fn a_ball_finds_the_nearest_point_of_a_box() {
        let (ball, cube) = (Convex::sphere(0.5), Convex::cuboid(DVec3::splat(0.5)));
        let fixed = at(&cube, 0.0, 0.0, 0.0);
        check(&fixed, &at(&ball, 0.1, 0.9, 0.2), 0.1);
        check(&fixed, &at(&ball, 0.8, 0.9, 0.2), 0.0);
        check(&fixed, &at(&ball, 0.74, 0.82, 0.2), 0.5 - 0.4);
        check(&fixed, &at(&ball, 0.7, 0.7, 0.6), 0.5 - 0.3);
        check(&fixed, &at(&ball, 0.1, 0.3, 0.0), 0.5 + 0.2);
    }

    /// A hull of the corners of a box and points inside is that box.
    #[test]
    fn a_hull_of_a_boxs_corners_is_the_box() {
        let cube = Convex::cuboid(DVec3::new(0.5, 0.4, 0.3));
        let mut points = cube.corners.clone();
        points.extend([DVec3::ZERO, DVec3::new(0.1, -0.2, 0.25)]);
        let hull = Convex::hull(&points);
        assert_eq!(
            (hull.normals.len(), hull.directions.len(), hull.edges.len()),
            (3, 3, 12)
        );
        assert!((hull.inertia - cube.inertia).abs_diff_eq(DMat3::ZERO, 1e-12));
        let ball = Convex::sphere(0.25);
        check(&at(&hull, 0.0, 0.0, 0.0), &at(&ball, 0.1, 0.6, 0.1), 0.05);
    }

    /// Against m/3 (b² + c²) for a box and, for a capsule, the sum over thin discs of radius s: s²/2 along the axis, s²/4 + y² across.
    #[test]
    fn bodies_are_as_thick_as_at_their_thinnest() {
        assert_eq!(Convex::sphere(0.3).half_width(), 0.3);
        assert_eq!(Convex::capsule(0.7, 0.2).half_width(), 0.2);
        assert_eq!(Convex::cuboid(DVec3::new(0.5, 0.2, 0.4)).half_width(), 0.2);
        // A pyramid 0.9 m high over a square of 4 m, around its centre of mass.
        let base = [(2.0, 2.0), (-2.0, 2.0), (2.0, -2.0), (-2.0, -2.0)].map(|(x, z)| DVec3::new(x, -0.225, z));
        let points = [base.as_slice(), &[DVec3::Y * 0.675]].concat();
        assert!((Convex::hull(&points).half_width() - 0.45).abs() < 1e-12);
    }

    #[test]
    fn inertia_is_that_of_closed_forms_and_sums() {
        let close = |found: DMat3, expected: DVec3| {
            let expected = DMat3::from_diagonal(expected);
            assert!(found.abs_diff_eq(expected, 1e-6), "{found} is not {expected}");
        };
        let squares = DVec3::new(0.25, 0.16, 0.09);
        let sums = DVec3::new(squares.y + squares.z, squares.x + squares.z, squares.x + squares.y);
        close(Convex::cuboid(DVec3::new(0.5, 0.4, 0.3)).inertia, sums / 3.0);

        let (half_height, radius, discs) = (0.4, 0.3, 20_000);
        let (mut mass, mut along, mut across) = (0.0, 0.0, 0.0);
        for disc in 0..discs {
            let y = (half_height + radius) * (2.0 * (f64::from(disc) + 0.5) / f64::from(discs) - 1.0);
            let square = radius * radius - (y.abs() - half_height).max(0.0).powi(2);
            mass += square;
            along += square * 0.5 * square;
            across += square * (0.25 * square + y * y);
        }
        let expected = DVec3::new(across, along, across) / mass;
        close(Convex::capsule(half_height, radius).inertia, expected);
    }
}
