//! Balls and capsules: a core, which is a point or a segment, and a radius around it.

use glam::{Mat3, Vec3};

use super::{ONE_PLACE, PREFERENCE, room_for_face, sign, single, without_negative_zero};
use crate::narrow_phase::solid::{Manifold, ManifoldPoint};

/// Two axes whose squared sine is below this (3 degrees) are parallel: their capsules touch in two points.
const PARALLEL: f32 = 0.0025;

/// Points of a core that are nearer to each other than this share of the radius are one.
pub(super) const ONE_POINT: f32 = 1e-3;

/// The second of two cores that are nearer than this, m, has no direction from the first.
pub(super) const COINCIDENT: f32 = 1e-9;

/// Features of capsules: the ends of their common stretch, and a single nearest point.
pub(super) const SINGLE: u32 = 2;

pub(super) fn spheres(radius: f32, other: f32, between: Vec3, margin: f32) -> Option<Manifold> {
    cores((Vec3::ZERO, radius), (between, other), Vec3::Y, margin, 0)
}

pub(super) fn capsule_and_sphere(
    (half_height, radius, rotation): (f32, f32, &Mat3),
    other: f32,
    between: Vec3,
    margin: f32,
) -> Option<Manifold> {
    let along = within(rotation.y_axis.dot(between), half_height);
    let on_axis = rotation.y_axis * along;
    cores((on_axis, radius), (between, other), rotation.x_axis, margin, 0)
}

/// The contact of two balls, each given by its place from the first body's centre and its radius.
fn cores(
    first: (Vec3, f32),
    second: (Vec3, f32),
    when_coincident: Vec3,
    margin: f32,
    feature: u32,
) -> Option<Manifold> {
    let way = second.0 - first.0;
    let squared = way.length_squared();
    let reach = first.1 + second.1 + margin;
    if squared >= reach * reach {
        return None;
    }
    let distance = squared.sqrt();
    let normal = if distance > COINCIDENT {
        way / distance
    } else {
        when_coincident
    };
    let separation = distance - (first.1 + second.1);
    let position = first.0 + normal * (first.1 + 0.5 * separation);
    Some(single(normal, position, separation, feature))
}

pub(super) fn capsules(
    (half_height, radius, rotation): (f32, f32, &Mat3),
    (other_half_height, other_radius, other_rotation): (f32, f32, &Mat3),
    between: Vec3,
    margin: f32,
) -> Option<Manifold> {
    // The nearest points of the segments `s * axis` and `between + t * other_axis` (Ericson 5.1.9, from the middles).
    let (axis, other_axis) = (rotation.y_axis, other_rotation.y_axis);
    let cosine = axis.dot(other_axis);
    let (along, other_along) = (axis.dot(between), -other_axis.dot(between));
    let sine_squared = axis.cross(other_axis).length_squared();
    // The stretch of the first axis that the second lies beside.
    let shadow = other_half_height * cosine.abs();
    let low = within(along - shadow, half_height);
    let high = within(along + shadow, half_height);
    let start = if sine_squared > 1e-6 {
        within((other_along * cosine + along) / sine_squared, half_height)
    } else {
        0.5 * (low + high)
    };
    let t = within(other_along + start * cosine, other_half_height);
    let s = within(t * cosine + along, half_height);
    let nearest = (axis * s, between + other_axis * t);

    let when_coincident = axis.cross(other_axis).try_normalize().unwrap_or(rotation.x_axis);
    let one = cores(
        (nearest.0, radius),
        (nearest.1, other_radius),
        when_coincident,
        margin,
        SINGLE,
    )?;
    if sine_squared >= PARALLEL || high - low <= ONE_POINT * radius {
        return Some(one);
    }
    let mut two = Manifold {
        normal: one.normal,
        turns_with_first: one.turns_with_first,
        ..Manifold::default()
    };
    for (feature, s) in [low, high].into_iter().enumerate() {
        let t = within(other_along + s * cosine, other_half_height);
        let core = axis * s;
        let gap = (between + other_axis * t - core).dot(two.normal) - (radius + other_radius);
        let position = core + two.normal * (radius + 0.5 * gap);
        add(&mut two, position, gap, margin, feature as u32);
    }
    Some(if two.count == 2 { two } else { one })
}

pub(super) fn add(manifold: &mut Manifold, position: Vec3, separation: f32, margin: f32, feature: u32) {
    if separation < margin {
        manifold.points[usize::from(manifold.count)] = ManifoldPoint {
            position: without_negative_zero(position),
            separation,
            feature,
        };
        manifold.count += 1;
    }
}

/// Where two segments `middle + s * half` with s from -1 to 1 are nearest to each other (Ericson 5.1.9).
pub(super) fn nearest_of_segments((middle, half): (Vec3, Vec3), (other, other_half): (Vec3, Vec3)) -> (f32, f32) {
    let way = other - middle;
    let (a, b, c) = (half.length_squared(), half.dot(other_half), other_half.length_squared());
    let (along, other_along) = (half.dot(way), -other_half.dot(way));
    let determinant = a * c - b * b;
    if a <= f32::MIN_POSITIVE {
        return (0.0, within(other_along / c, 1.0));
    }
    let start = if determinant > 1e-6 * (a * c) {
        within((other_along * b + along * c) / determinant, 1.0)
    } else {
        // The middle of the stretch that the other lies beside.
        let shadow = (b / a).abs();
        0.5 * (within(along / a - shadow, 1.0) + within(along / a + shadow, 1.0))
    };
    let t = within((other_along + start * b) / c, 1.0);
    (within((t * b + along) / a, 1.0), t)
}

pub(super) fn cuboid_and_sphere(
    (half_extents, rotation): (Vec3, &Mat3),
    radius: f32,
    between: Vec3,
    margin: f32,
) -> Option<Manifold> {
    let centre = rotation.transpose_mul_vec3(between);
    let nearest = clamped(centre, half_extents);
    let gap = centre - nearest;
    let squared = gap.length_squared();
    let reach = radius + margin;
    if squared >= reach * reach {
        return None;
    }
    let (normal, surface, distance) = if squared > COINCIDENT * COINCIDENT {
        let distance = squared.sqrt();
        (gap / distance, nearest, distance)
    } else {
        // The centre is inside: the nearest face.
        let depths = half_extents - centre.abs();
        let axis = smallest(depths);
        let mut normal = Vec3::ZERO;
        normal[axis] = sign(centre[axis]);
        (normal, centre + normal * depths[axis], -depths[axis])
    };
    let separation = distance - radius;
    let position = surface + normal * (0.5 * separation);
    Some(single(*rotation * normal, *rotation * position, separation, 0))
}

pub(super) fn cuboid_and_capsule(
    (half_extents, rotation): (Vec3, &Mat3),
    (half_height, radius, capsule_rotation): (f32, f32, &Mat3),
    between: Vec3,
    margin: f32,
) -> Option<Manifold> {
    let core = Core {
        half_extents,
        middle: rotation.transpose_mul_vec3(between),
        half: rotation.transpose_mul_vec3(capsule_rotation.y_axis) * half_height,
    };
    let faces = core.middle.abs() - half_extents - core.half.abs();
    let face = largest(faces);
    if faces[face] >= radius + margin {
        return None;
    }
    let s = core.nearest();
    let at = core.at(s);
    let gap = at - clamped(at, half_extents);
    let distance = gap.length();
    let size = smallest_of(half_extents, radius);
    let separation = faces[face] - radius;
    let preference = PREFERENCE * size + room_for_face(separation, ONE_PLACE * size);
    // A face is what touches only if the deepest end, or one nearly as deep, is above it.
    let beside_face = || {
        let (manifold, deepest) = core.beside_face(face, radius, margin, rotation)?;
        (deepest <= separation + preference).then_some(manifold)
    };
    let (at, normal, distance) = if distance > COINCIDENT {
        if distance >= radius + margin {
            return None;
        }
        if faces[face] > distance - preference
            && let Some(manifold) = beside_face()
        {
            return Some(manifold);
        }
        (at, gap / distance, distance)
    } else {
        let edge = core.deepest_edge();
        if edge.separation <= faces[face] + preference
            && let Some(manifold) = beside_face()
        {
            return Some(manifold);
        }
        if edge.separation > faces[face] {
            (core.at(edge.s), edge.normal, edge.separation)
        } else {
            (at, core.outward(face), faces[face])
        }
    };
    // Midway between the capsule's surface, a radius below the core, and the box's, the distance below it.
    let position = at - normal * (0.5 * (radius + distance));
    Some(single(
        *rotation * normal,
        *rotation * position,
        distance - radius,
        SINGLE,
    ))
}

/// The core of a capsule in the axes of a box: the points `middle + s * half` with s from -1 to 1.
struct Core {
    half_extents: Vec3,
    middle: Vec3,
    half: Vec3,
}

impl Core {
    fn at(&self, s: f32) -> Vec3 {
        self.middle + self.half * s
    }

    /// Where the core is nearest to the box, or the middle of where it is equally near.
    ///
    /// The slope of the squared distance grows with s and is linear between the places where the core crosses a plane of a face; so between the last of those where it
    /// falls and the first where it rises, its zero is found by one interpolation.
    fn nearest(&self) -> f32 {
        let slope = |s: f32| {
            let at = self.at(s);
            (at - clamped(at, self.half_extents)).dot(self.half)
        };
        let (mut low, mut high) = ((-1.0_f32, slope(-1.0)), (1.0_f32, slope(1.0)));
        if low.1 > 0.0 {
            return -1.0;
        }
        if high.1 < 0.0 {
            return 1.0;
        }
        // The last place that is not past a minimum, and the first that is not before one.
        let (mut last, mut first) = (low.0, high.0);
        if high.1 == 0.0 {
            last = 1.0;
        }
        if low.1 == 0.0 {
            first = -1.0;
        }
        for axis in 0..3 {
            if self.half[axis].abs() <= f32::MIN_POSITIVE {
                continue;
            }
            for side in [-self.half_extents[axis], self.half_extents[axis]] {
                let s = (side - self.middle[axis]) / self.half[axis];
                if !(s > -1.0 && s < 1.0) {
                    continue;
                }
                let here = slope(s);
                if here <= 0.0 && s > last {
                    last = s;
                }
                if here >= 0.0 && s < first {
                    first = s;
                }
                if here <= 0.0 && s > low.0 {
                    low = (s, here);
                }
                if here >= 0.0 && s < high.0 {
                    high = (s, here);
                }
            }
        }
        if last >= first {
            return 0.5 * (last + first);
        }
        let rise = high.1 - low.1;
        if rise > 0.0 {
            within(low.0 - low.1 * ((high.0 - low.0) / rise), 1.0)
        } else {
            0.5 * (low.0 + high.0)
        }
    }

    /// The normal of the face that the middle is in front of, out of the box.
    fn outward(&self, face: usize) -> Vec3 {
        let mut normal = Vec3::ZERO;
        normal[face] = sign(self.middle[face]);
        normal
    }

    /// The manifold along the normal of a face, of the ends of the stretch of the core that lies above it, and the least separation.
    fn beside_face(&self, face: usize, radius: f32, margin: f32, rotation: &Mat3) -> Option<(Manifold, f32)> {
        let (mut low, mut high) = (-1.0_f32, 1.0_f32);
        for axis in [(face + 1) % 3, (face + 2) % 3] {
            let (middle, half, reach) = (self.middle[axis], self.half[axis].abs(), self.half_extents[axis]);
            if half <= f32::MIN_POSITIVE {
                if middle.abs() > reach {
                    return None;
                }
                continue;
            }
            // From the side where this coordinate grows with s.
            let middle = middle * sign(self.half[axis]);
            let (enter, leave) = ((-reach - middle) / half, (reach - middle) / half);
            low = if enter > low { enter } else { low };
            high = if leave < high { leave } else { high };
        }
        if low > high {
            return None;
        }
        let outward = self.outward(face);
        let mut manifold = Manifold {
            normal: without_negative_zero(*rotation * outward),
            turns_with_first: 1.0,
            ..Manifold::default()
        };
        let number = (face as u32 * 2 + u32::from(outward[face] < 0.0) + 1) << 2;
        let is_one = (high - low) * self.half.length() <= ONE_POINT * radius;
        let ends = if is_one {
            [(SINGLE, 0.5 * (low + high)); 2]
        } else {
            [(0, low), (1, high)]
        };
        let mut deepest = f32::INFINITY;
        for &(end, s) in &ends[..if is_one { 1 } else { 2 }] {
            let at = self.at(s);
            let height = at[face] * outward[face] - self.half_extents[face];
            let position = at - outward * (0.5 * (radius + height));
            if height - radius < deepest {
                deepest = height - radius;
            }
            add(
                &mut manifold,
                *rotation * position,
                height - radius,
                margin,
                number | end,
            );
        }
        (manifold.count > 0).then_some((manifold, deepest))
    }

    /// Of the axes across the core and an edge, the one of least overlap. Parallel ones do not count.
    fn deepest_edge(&self) -> EdgeAxis {
        let mut best = EdgeAxis {
            normal: Vec3::Y,
            separation: f32::NEG_INFINITY,
            s: 0.0,
        };
        for edge in 0..3 {
            let mut along = Vec3::ZERO;
            along[edge] = 1.0;
            let across = along.cross(self.half);
            let length = across.length();
            if length <= ONE_POINT * self.half.length() {
                continue;
            }
            let across = across / length;
            let offset = across.dot(self.middle);
            let separation = offset.abs() - across.abs().dot(self.half_extents);
            if separation > best.separation {
                let normal = across * sign(offset);
                // Seen along the edge, it is a point, and the core the segment that comes nearest to it there.
                let mut way = Vec3::ZERO;
                for axis in [(edge + 1) % 3, (edge + 2) % 3] {
                    way[axis] = self.half_extents[axis] * sign(normal[axis]) - self.middle[axis];
                }
                let s = within(way.dot(self.half) / (length * length), 1.0);
                best = EdgeAxis { normal, separation, s };
            }
        }
        best
    }
}

/// An axis across the core of a capsule and an edge of a box.
struct EdgeAxis {
    /// Unit, out of the box.
    normal: Vec3,
    separation: f32,
    /// Where the core is nearest to the edge.
    s: f32,
}

/// A number moved to the nearest in ±`reach`.
pub(super) fn within(number: f32, reach: f32) -> f32 {
    if number > reach {
        reach
    } else if number < -reach {
        -reach
    } else {
        number
    }
}

/// The point of a box around the origin nearest to a point.
fn clamped(point: Vec3, half_extents: Vec3) -> Vec3 {
    Vec3::new(
        within(point.x, half_extents.x),
        within(point.y, half_extents.y),
        within(point.z, half_extents.z),
    )
}

/// The first axis with the largest component.
fn largest(vector: Vec3) -> usize {
    let first = if vector.y > vector.x { 1 } else { 0 };
    if vector.z > vector[first] { 2 } else { first }
}

/// The first axis with the smallest component.
fn smallest(vector: Vec3) -> usize {
    let first = if vector.y < vector.x { 1 } else { 0 };
    if vector.z < vector[first] { 2 } else { first }
}

fn smallest_of(half_extents: Vec3, radius: f32) -> f32 {
    let least = half_extents[smallest(half_extents)];
    if radius < least { radius } else { least }
}
