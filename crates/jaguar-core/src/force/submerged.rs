//! How much of a shape is below a horizontal plane, and where. After Erin Catto, "Exact Buoyancy for Polyhedra", Game Programming Gems 6 (2006).
//!
//! Exact but for rounding for spheres and polyhedra. A capsule is cut into slices across its axis; the submerged part of each is approximated, to within 2 % of the capsule's
//! volume.

use glam::{Mat3, Vec3};

use crate::narrow_phase::solid::Solid;
use crate::shape::{ConvexHull, MAX_AROUND_FACE, MAX_VERTICES, Shape};

/// The part of a shape below a plane.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Submerged {
    /// m³.
    pub volume: f32,
    /// Its volume times its centroid from the shape's centre, in world axes, m⁴.
    pub moment: Vec3,
    /// Area of the section with the plane, m²: what the volume grows by when the plane rises, per m.
    pub section: f32,
}

/// Slices of a capsule.
const SLICES: usize = 12;

/// The part of a solid of this rotation below the plane at `depth` (m) above its centre.
pub(crate) fn below(solid: Solid<'_>, rotation: &Mat3, depth: f32) -> Submerged {
    match solid {
        Solid::Sphere { radius } => below_in_sphere(radius, depth),
        Solid::Capsule { half_height, radius } => below_in_capsule(half_height, radius, rotation.y_axis, depth),
        Solid::Cuboid { half_extents } => below_in_cuboid(half_extents, rotation, depth),
        Solid::Hull(hull) => below_in_hull(hull, rotation, depth),
    }
}

/// A cap of height h: V = π h² (3 r - h) / 3, with its centroid at 3 (2 r - h)² / (4 (3 r - h)) below the centre.
fn below_in_sphere(radius: f32, depth: f32) -> Submerged {
    let height = (radius + depth).clamp(0.0, 2.0 * radius);
    let rest = 2.0 * radius - height;
    let third = std::f32::consts::PI / 3.0 * height * height;
    Submerged {
        volume: third * (3.0 * radius - height),
        moment: Vec3::NEG_Y * (0.75 * third * rest * rest),
        section: std::f32::consts::PI * height * rest,
    }
}

/// A capsule as discs of equal thickness along its axis.
fn below_in_capsule(half_height: f32, radius: f32, axis: Vec3, depth: f32) -> Submerged {
    let volume = Shape::Capsule { half_height, radius }
        .volume()
        .expect("a capsule's volume follows from its lengths");
    let reach = axis.y.abs() * half_height + radius;
    if let Some(all_or_none) = all_or_none(volume, depth, reach) {
        return all_or_none;
    }
    let half_length = half_height + radius;
    let thickness = 2.0 * half_length / SLICES as f32;
    // A slice is taken for an ellipsoid: how far its rim is above its centre, per radius, and how far its faces are.
    let slope = (1.0 - axis.y * axis.y).max(0.0).sqrt();
    let step = 0.5 * thickness * axis.y.abs();
    let (mut all, mut below, mut along, mut down, mut section) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for slice in 0..SLICES {
        let at = (slice as f32 + 0.5) * thickness - half_length;
        let beyond = (at.abs() - half_height).max(0.0);
        let square = radius * radius - beyond * beyond;
        let area = std::f32::consts::PI * square;
        let radius = square.max(0.0).sqrt();
        let rim = radius * slope;
        let half_extent = (rim * rim + step * step).sqrt();
        let t = ((depth - at * axis.y) / half_extent).clamp(-1.0, 1.0);
        // The share of a disc below a chord at t radii above its centre is ½ + (t √(1 - t²) + asin t) / π; this cubic is within 1.3 % of it.
        let share = 0.5 + t * (0.625 - 0.125 * t * t);
        all += area;
        below += area * share;
        // The centroid of a segment is (2/3π) (1 - t²)^(3/2) / share of a radius from the disc's centre, in an ellipse along the diameter that halves the chord.
        let open = 1.0 - t * t;
        let shift = area * (2.0 / (3.0 * std::f32::consts::PI)) * open * open.sqrt() / half_extent;
        down += shift * radius * rim;
        along += area * share * at - shift * 0.5 * thickness * step.copysign(axis.y);
        section += area * (0.625 - 0.375 * t * t) / half_extent;
    }
    let scale = volume / all;
    // Straight down within the disc's plane.
    let downhill = if slope > 0.0 {
        (axis * axis.y - Vec3::Y) / slope
    } else {
        Vec3::ZERO
    };
    Submerged {
        volume: below * scale,
        moment: (axis * along + downhill * down) * scale,
        section: section * scale,
    }
}

fn below_in_cuboid(half_extents: Vec3, rotation: &Mat3, depth: f32) -> Submerged {
    let volume = 8.0 * half_extents.x * half_extents.y * half_extents.z;
    let axes = [
        rotation.x_axis * half_extents.x,
        rotation.y_axis * half_extents.y,
        rotation.z_axis * half_extents.z,
    ];
    let reach = axes[0].y.abs() + axes[1].y.abs() + axes[2].y.abs();
    if let Some(all_or_none) = all_or_none(volume, depth, reach) {
        return all_or_none;
    }
    let mut part = Cut::new(depth);
    for k in 0..3 {
        let (normal, u, v) = (axes[k], axes[(k + 1) % 3], axes[(k + 2) % 3]);
        // Counter-clockwise from outside: u, v and the normal are a right-handed system.
        part.add_face(&[normal - u - v, normal + u - v, normal + u + v, normal - u + v]);
        part.add_face(&[-normal - u - v, -normal - u + v, -normal + u + v, -normal + u - v]);
    }
    part.finish()
}

fn below_in_hull(hull: &ConvexHull, rotation: &Mat3, depth: f32) -> Submerged {
    let mut turned = [Vec3::ZERO; MAX_VERTICES];
    let turned = &mut turned[..hull.vertices().len()];
    let (mut highest, mut lowest) = (f32::NEG_INFINITY, f32::INFINITY);
    for (to, &vertex) in turned.iter_mut().zip(hull.vertices()) {
        *to = *rotation * vertex;
        highest = if to.y > highest { to.y } else { highest };
        lowest = if to.y < lowest { to.y } else { lowest };
    }
    if depth >= highest {
        return Submerged {
            volume: hull.volume(),
            ..Submerged::default()
        };
    }
    if depth <= lowest {
        return Submerged::default();
    }
    let polyhedron = hull.polyhedron();
    let mut part = Cut::new(depth);
    let mut face = [Vec3::ZERO; MAX_AROUND_FACE];
    for around in polyhedron.faces.iter().map(|face| polyhedron.around(face)) {
        let face = &mut face[..around.len()];
        for (to, corner) in face.iter_mut().zip(around) {
            *to = turned[usize::from(corner.vertex)];
        }
        part.add_face(face);
    }
    part.finish()
}

/// A shape whose vertical extent ends before the plane.
fn all_or_none(volume: f32, depth: f32, reach: f32) -> Option<Submerged> {
    if depth >= reach {
        Some(Submerged {
            volume,
            ..Submerged::default()
        })
    } else if depth <= -reach {
        Some(Submerged::default())
    } else {
        None
    }
}

/// A polyhedron that is cut face by face. Each face and a point on the plane span a pyramid; the pyramids add up to the part below, and the section itself spans none.
struct Cut {
    depth: f32,
    volume: f32,
    moment: Vec3,
    /// Sum of the faces' areas times their normals' y; that of the closed surface is 0.
    area_y: f32,
}

impl Cut {
    fn new(depth: f32) -> Self {
        Self {
            depth,
            volume: 0.0,
            moment: Vec3::ZERO,
            area_y: 0.0,
        }
    }

    /// Adds a convex face with its corners counter-clockwise from outside.
    fn add_face(&mut self, corners: &[Vec3]) {
        let apex = Vec3::Y * self.depth;
        // The clipped face as a fan around its first corner below.
        let (mut first, mut last): (Option<Vec3>, _) = (None, Vec3::ZERO);
        let mut add = |corner: Vec3| {
            let from_apex = corner - apex;
            if let Some(first) = first {
                let normal = Vec3::cross(last - first, from_apex - first);
                let sixfold = first.dot(normal);
                self.volume += sixfold;
                self.moment += (first + last + from_apex) * sixfold;
                self.area_y += normal.y;
            } else {
                first = Some(from_apex);
            }
            last = from_apex;
        };
        let mut from = corners[corners.len() - 1];
        for &to in corners {
            let (a, b) = (from.y - self.depth, to.y - self.depth);
            if (a <= 0.0) != (b <= 0.0) {
                add(from + (to - from) * (a / (a - b)));
            }
            if b <= 0.0 {
                add(to);
            }
            from = to;
        }
    }

    fn finish(self) -> Submerged {
        let volume = (self.volume / 6.0).max(0.0);
        // The centroid of a pyramid is a quarter of its corners' sum.
        let moment = self.moment / 24.0 + Vec3::Y * (self.depth * volume);
        Submerged {
            volume,
            moment,
            section: (-0.5 * self.area_y).max(0.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenes::Random;
    use crate::shape::HullId;

    /// The hulls of these tests: a wedge with a corner cut off.
    fn hulls() -> [ConvexHull; 1] {
        let points = [
            [-0.6, -0.4, -0.5],
            [0.8, -0.4, -0.5],
            [-0.6, -0.4, 0.5],
            [0.8, -0.4, 0.5],
            [-0.6, 0.7, -0.5],
            [-0.2, 0.7, 0.0],
            [-0.6, 0.7, 0.3],
        ];
        [ConvexHull::new(&points.map(Vec3::from_array)).expect("it has a volume")]
    }

    /// The part below by counting cells of a grid, those at the plane by their share below.
    fn counted(shape: &Shape, rotation: &Mat3, depth: f32) -> Submerged {
        let hulls = hulls();
        let radius = radius_of(shape);
        let per_edge = 64;
        let spacing = 2.0 * radius / per_edge as f32;
        let cell = spacing * spacing * spacing;
        let holds = |p: Vec3| match *shape {
            Shape::Sphere { radius } => p.length() <= radius,
            Shape::Capsule { half_height, radius } => {
                (p - Vec3::Y * p.y.clamp(-half_height, half_height)).length() <= radius
            }
            Shape::Cuboid { half_extents } => p.abs().cmple(half_extents).all(),
            Shape::Hull(_) => hulls[0]
                .polyhedron()
                .faces
                .iter()
                .all(|face| p.dot(face.normal) <= face.offset),
        };
        let mut sum = Submerged::default();
        for i in 0..per_edge * per_edge * per_edge {
            let [x, y, z] = [i % per_edge, i / per_edge % per_edge, i / per_edge / per_edge];
            let point = Vec3::new(x as f32 + 0.5, y as f32 + 0.5, z as f32 + 0.5) * spacing - Vec3::splat(radius);
            let share = (0.5 + (depth - point.y) / spacing).clamp(0.0, 1.0);
            if share > 0.0 && holds(rotation.transpose() * point) {
                sum.volume += cell * share;
                sum.moment += point * (cell * share);
            }
        }
        sum
    }

    fn radius_of(shape: &Shape) -> f32 {
        shape
            .hull()
            .map_or(shape.bounding_radius(), |_| hulls()[0].bounding_radius())
    }

    /// Calls with a shape's rotation and the height of a plane, for rotations at random and planes at every height.
    fn at_every_height(shape: &Shape, mut check: impl FnMut(&Mat3, f32)) {
        let mut random = Random(7);
        for depth in [-1.0, -0.7, -0.4, -0.1, 0.0, 0.2, 0.5, 0.9, 1.0] {
            check(&Mat3::from_quat(random.orientation()), depth * radius_of(shape));
        }
    }

    /// Volume and centroid agree with counting to a share of the shape's volume and radius.
    fn check(shape: Shape, share: f32) {
        let hulls = hulls();
        let volume = shape.volume().unwrap_or(hulls[0].volume());
        at_every_height(&shape, |rotation, depth| {
            let found = below(Solid::of(&shape, &hulls), rotation, depth);
            let expected = counted(&shape, rotation, depth);
            let is_near = (found.volume - expected.volume).abs() <= share * volume
                && (found.moment - expected.moment).length() <= share * volume * radius_of(&shape);
            assert!(is_near, "{shape:?} {depth}: {found:?}, counted {expected:?}");
        });
    }

    /// The section is what the volume grows by.
    fn check_section(shape: Shape) {
        let hulls = hulls();
        let radius = radius_of(&shape);
        let step = 1e-2 * radius;
        at_every_height(&shape, |rotation, depth| {
            let [more, less] =
                [depth + step, depth - step].map(|depth| below(Solid::of(&shape, &hulls), rotation, depth).volume);
            let (found, slope) = (
                below(Solid::of(&shape, &hulls), rotation, depth).section,
                (more - less) / (2.0 * step),
            );
            assert!(
                (found - slope).abs() <= 0.05 * radius * radius,
                "{shape:?} {depth}: {found} {slope}"
            );
        });
    }

    // Counting itself is within half a per cent at this spacing.
    #[test]
    fn a_sphere_is_cut_exactly() {
        let shape = Shape::Sphere { radius: 0.7 };
        check(shape, 0.006);
        check_section(shape);
    }

    #[test]
    fn a_cuboid_is_cut_exactly() {
        let shape = Shape::Cuboid {
            half_extents: Vec3::new(0.3, 1.0, 0.6),
        };
        check(shape, 0.012);
        check_section(shape);
    }

    #[test]
    fn a_hull_is_cut_exactly() {
        let shape = Shape::Hull(HullId(0));
        check(shape, 0.012);
        check_section(shape);
    }

    #[test]
    fn a_capsule_is_cut_within_two_percent() {
        for half_height in [0.1, 0.5, 2.0] {
            let shape = Shape::Capsule {
                half_height,
                radius: 0.5,
            };
            check(shape, 0.02);
            // Lying, in the middle: a rectangle and two half discs. The slices' sections are for stability alone.
            let lying = Mat3::from_rotation_x(std::f32::consts::FRAC_PI_2);
            let expected = 2.0 * half_height + std::f32::consts::PI * 0.25;
            assert!((below(Solid::of(&shape, &[]), &lying, 0.0).section / expected - 1.0).abs() < 0.05);
        }
    }

    /// A box upright in the water: depth times area; the centroid half way; lying on an edge, half of it.
    #[test]
    fn an_upright_box_displaces_depth_times_area() {
        let half_extents = Vec3::new(1.0, 0.5, 2.0);
        let shape = Shape::Cuboid { half_extents };
        let found = below(Solid::of(&shape, &[]), &Mat3::IDENTITY, 0.1);
        assert!((found.volume - 0.6 * 8.0).abs() < 1e-5);
        assert!((found.section - 8.0).abs() < 1e-5);
        assert!((found.moment / found.volume - Vec3::Y * -0.2).length() < 1e-6);
        let turned = Mat3::from_rotation_z(0.3);
        assert!((below(Solid::of(&shape, &[]), &turned, 0.0).volume - 4.0).abs() < 1e-5);
    }
}
