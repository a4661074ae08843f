//! A hull against a ball, and against a capsule: the nearest point of the hull to a point or a segment, or the axis of least overlap.

use glam::{Mat3, Vec3};

use super::polyhedron::{everywhere, lowest};
use super::round::{COINCIDENT, ONE_POINT, SINGLE, add, nearest_of_segments, within};
use super::{ONE_PLACE, PREFERENCE, room_for_face, single, without_negative_zero};
use crate::narrow_phase::solid::Manifold;
use crate::shape::{ConvexHull, Edge, Face, FaceLanes, Lanes, MAX_FACES, Polyhedron};
use crate::simd::{F32x8, Kernel, LANES, Level, Mask, Octet, Vec3x8};

/// A number for each face of a hull.
struct OfFaces([Octet; MAX_FACES.div_ceil(LANES)]);

impl OfFaces {
    const ZERO: Self = Self([Octet::ZERO; MAX_FACES.div_ceil(LANES)]);

    fn of(&self, face: usize) -> f32 {
        self.0[face / LANES][face % LANES]
    }

    /// The face of the largest number; of several the first.
    fn highest(&self, faces: usize) -> usize {
        let mut highest = 0;
        for face in 1..faces {
            if self.of(face) > self.of(highest) {
                highest = face;
            }
        }
        highest
    }
}

/// How high a segment `middle ± half` is over the faces of a hull, eight at a time, unless it is `reach` above one of them or more, or as far from the hull along the line of the centres: most pairs are done with then.
struct OverFaces<'a> {
    faces: &'a [FaceLanes],
    vertices: &'a [Lanes],
    middle: Vec3,
    half: Vec3,
    reach: f32,
    /// Gets how high the lower end is above each face, m.
    heights: &'a mut OfFaces,
    /// Gets how far the segment rises over each from its middle to its end, m.
    slopes: &'a mut OfFaces,
}

impl Kernel for OverFaces<'_> {
    /// Whether it may be within reach.
    type Output = bool;

    #[inline(always)]
    fn run<F: F32x8>(self) -> bool {
        let (middle, half) = (everywhere::<F>(self.middle), everywhere::<F>(self.half));
        let (reach, zero) = (F::splat(self.reach), F::splat(0.0));
        let results = self.heights.0.iter_mut().zip(&mut self.slopes.0);
        for (faces, (height, slope)) in self.faces.iter().zip(results) {
            let normals = Vec3x8::load(&faces.normals);
            let rise = normals.dot(half);
            let steepness = F::select(rise.lt(zero), -rise, rise);
            let above = normals.dot(middle) - F::load(&faces.offsets) - steepness;
            if reach.le(above).any() {
                return false;
            }
            above.store(height);
            rise.store(slope);
        }
        let distance = self.middle.length();
        if distance > 0.0 {
            let way = self.middle / distance;
            let gap = distance - self.half.dot(way).abs() + lowest::<F>(self.vertices, -way);
            return gap < self.reach;
        }
        true
    }
}

/// The contact of a hull and a ball.
#[inline(never)]
pub(super) fn hull_and_sphere(
    (hull, rotation): (&ConvexHull, &Mat3),
    radius: f32,
    between: Vec3,
    margin: f32,
    level: Level,
) -> Option<Manifold> {
    let hull = hull.polyhedron();
    let centre = rotation.transpose_mul_vec3(between);
    let reach = radius + margin;
    let (mut heights, mut slopes) = (OfFaces::ZERO, OfFaces::ZERO);
    let is_near = level.run(OverFaces {
        faces: hull.face_lanes,
        vertices: hull.lanes,
        middle: centre,
        half: Vec3::ZERO,
        reach,
        heights: &mut heights,
        slopes: &mut slopes,
    });
    if !is_near {
        return None;
    }
    let highest = heights.highest(hull.faces.len());
    let face = &hull.faces[highest];
    let (normal, distance) = if heights.of(highest) <= 0.0 || is_over(&hull, face, centre) {
        (face.normal, heights.of(highest))
    } else {
        // On an edge of a face that the centre is in front of.
        let mut nearest = (Vec3::ZERO, f32::MAX);
        for edge in hull.edges {
            if edge.faces.iter().all(|&face| heights.of(usize::from(face)) <= 0.0) {
                continue;
            }
            let gap = centre - on_edge(&hull, edge, centre);
            let squared = gap.length_squared();
            if squared < nearest.1 {
                nearest = (gap, squared);
            }
        }
        let distance = nearest.1.sqrt();
        if distance >= reach {
            return None;
        }
        if distance > COINCIDENT {
            (nearest.0 / distance, distance)
        } else {
            (face.normal, heights.of(highest))
        }
    };
    // Midway between the ball's surface, a radius below the centre, and the hull's, the distance below it.
    let position = centre - normal * (0.5 * (radius + distance));
    Some(single(*rotation * normal, *rotation * position, distance - radius, 0))
}

/// The contact of a hull and a capsule.
#[inline(never)]
pub(super) fn hull_and_capsule(
    (hull, rotation): (&ConvexHull, &Mat3),
    (half_height, radius, capsule_rotation): (f32, f32, &Mat3),
    between: Vec3,
    margin: f32,
    level: Level,
) -> Option<Manifold> {
    let hull = hull.polyhedron();
    let core = Core {
        hull: &hull,
        rotation,
        middle: rotation.transpose_mul_vec3(between),
        half: rotation.transpose_mul_vec3(capsule_rotation.y_axis) * half_height,
        radius,
        margin,
    };
    let reach = radius + margin;
    let (mut heights, mut slopes) = (OfFaces::ZERO, OfFaces::ZERO);
    let is_near = level.run(OverFaces {
        faces: hull.face_lanes,
        vertices: hull.lanes,
        middle: core.middle,
        half: core.half,
        reach,
        heights: &mut heights,
        slopes: &mut slopes,
    });
    if !is_near {
        return None;
    }
    let number = heights.highest(hull.faces.len());
    let face = BestFace {
        separation: heights.of(number),
        number,
    };
    let edge = core.best_edge(&slopes);
    if edge.separation >= reach {
        return None;
    }
    let size = if radius < hull.inner_radius {
        radius
    } else {
        hull.inner_radius
    };
    let preference = PREFERENCE * size + room_for_face(face.separation - radius, ONE_PLACE * size);
    // A face is what touches only if the deepest end, or one nearly as deep, is above it; then the hull is no farther than that end is high.
    if edge.separation <= face.separation + preference
        && let Some((manifold, deepest)) = core.beside_face(face.number)
        && deepest <= face.separation - radius + preference
    {
        return Some(manifold);
    }
    let is_apart = face.separation > COINCIDENT || edge.separation > COINCIDENT;
    let is_crossed = edge.is_crossed && edge.separation > face.separation;
    let nearest = if is_apart && !is_crossed { core.nearest() } else { None };
    let (at, normal, distance) = if let Some((at, gap)) = nearest {
        let distance = gap.length();
        if distance >= reach {
            return None;
        }
        (at, gap / distance, distance)
    } else if edge.separation > face.separation {
        (core.at(edge.s), edge.normal, edge.separation)
    } else {
        let normal = hull.faces[face.number].normal;
        (core.at(core.lowest(normal)), normal, face.separation)
    };
    let position = at - normal * (0.5 * (radius + distance));
    Some(single(
        *rotation * normal,
        *rotation * position,
        distance - radius,
        SINGLE,
    ))
}

/// The point of an edge nearest to another.
fn on_edge(hull: &Polyhedron<'_>, edge: &Edge, point: Vec3) -> Vec3 {
    let [start, end] = edge.ends.map(|end| hull.vertex(end));
    let way = end - start;
    let share = (point - start).dot(way) / way.length_squared();
    if share >= 1.0 {
        end
    } else if share > 0.0 {
        start + way * share
    } else {
        start
    }
}

/// Whether a point's foot on a face's plane is in the face.
fn is_over(hull: &Polyhedron<'_>, face: &Face, point: Vec3) -> bool {
    let around = hull.around(face);
    let mut from = hull.vertex(around[around.len() - 1].vertex);
    around.iter().all(|corner| {
        let to = hull.vertex(corner.vertex);
        let is_inside = (to - from).cross(face.normal).dot(point - from) <= 0.0;
        from = to;
        is_inside
    })
}

/// The core of a capsule in the axes of a hull: the points `middle + s * half` with s from -1 to 1.
struct Core<'a> {
    hull: &'a Polyhedron<'a>,
    rotation: &'a Mat3,
    middle: Vec3,
    half: Vec3,
    radius: f32,
    margin: f32,
}

struct BestFace {
    separation: f32,
    number: usize,
}

/// An axis across the core and an edge of the hull.
struct BestEdge {
    separation: f32,
    /// Unit, out of the hull.
    normal: Vec3,
    /// Where the core is nearest to the edge.
    s: f32,
    /// Whether the two are nearest to each other between their ends: then the separation is the distance.
    is_crossed: bool,
}

impl Core<'_> {
    fn at(&self, s: f32) -> Vec3 {
        self.middle + self.half * s
    }

    /// The end that is lowest along a direction, or the middle if none is.
    fn lowest(&self, direction: Vec3) -> f32 {
        let slope = self.half.dot(direction);
        if slope > 0.0 {
            -1.0
        } else if slope < 0.0 {
            1.0
        } else {
            0.0
        }
    }

    /// Of the axes across the core and an edge, the one of least overlap: only where the edge is the hull's outline seen along the core. Parallel ones do not count.
    fn best_edge(&self, slopes: &OfFaces) -> BestEdge {
        let mut best = BestEdge {
            separation: f32::NEG_INFINITY,
            normal: Vec3::Y,
            s: 0.0,
            is_crossed: false,
        };
        let half_length = self.half.length();
        for edge in self.hull.edges {
            let [left, right] = edge.faces.map(|face| slopes.of(usize::from(face)));
            if left * right > 0.0 {
                continue;
            }
            let across = edge.direction.cross(self.half);
            let squared = across.length_squared();
            let start = self.hull.vertex(edge.ends[0]);
            let outward = if across.dot(start) < 0.0 { -across } else { across };
            let way = start - self.middle;
            // Most are no better than the best so far, which needs no root. With room for rounding.
            let rise = -outward.dot(way);
            if rise * rise.abs() < best.separation * best.separation.abs() * squared - 1e-4 * (rise * rise) {
                continue;
            }
            let length = squared.sqrt();
            if length <= ONE_POINT * half_length {
                continue;
            }
            let normal = outward / length;
            let separation = -normal.dot(way);
            if separation > best.separation {
                // Seen along the edge, it is a point, and the core the segment that comes nearest to it there.
                let along = edge.direction.dot(way);
                let s = (way - edge.direction * along).dot(self.half) / (length * length);
                // From the edge's start to the foot.
                let foot = edge.direction.dot(self.half) * s - along;
                let end = (self.hull.vertex(edge.ends[1]) - start).dot(edge.direction);
                best = BestEdge {
                    separation,
                    normal,
                    s: within(s, 1.0),
                    is_crossed: s.abs() <= 1.0 && foot >= 0.0 && foot <= end,
                };
            }
        }
        best
    }

    /// The point of the core nearest to the hull, and the way to it from the hull. For a core that is apart from it.
    fn nearest(&self) -> Option<(Vec3, Vec3)> {
        let mut best = (Vec3::ZERO, Vec3::ZERO, f32::MAX);
        let mut attempt = |at: Vec3, gap: Vec3| {
            let squared = gap.length_squared();
            if squared < best.2 {
                best = (at, gap, squared);
            }
        };
        // Over a face it is the lower end, or any point of a core that lies along it.
        let mut is_seen = [false; MAX_FACES];
        for (face, is_seen) in self.hull.faces.iter().zip(&mut is_seen) {
            let (height, slope) = (face.normal.dot(self.middle) - face.offset, face.normal.dot(self.half));
            *is_seen = height + slope.abs() > 0.0;
            let at = self.at(self.lowest(face.normal));
            if height - slope.abs() > 0.0 && is_over(self.hull, face, at) {
                attempt(at, face.normal * (height - slope.abs()));
            }
        }
        for edge in self.hull.edges {
            if !edge.faces.iter().any(|&face| is_seen[usize::from(face)]) {
                continue;
            }
            let [start, end] = edge.ends.map(|end| self.hull.vertex(end));
            let (middle, half) = ((start + end) * 0.5, (end - start) * 0.5);
            let (s, t) = nearest_of_segments((self.middle, self.half), (middle, half));
            let at = self.at(s);
            attempt(at, at - (middle + half * t));
        }
        (best.2 > COINCIDENT * COINCIDENT).then_some((best.0, best.1))
    }

    /// The manifold along the normal of a face, of the ends of the stretch of the core that lies above it, and the least separation.
    fn beside_face(&self, number: usize) -> Option<(Manifold, f32)> {
        let face = &self.hull.faces[number];
        let (mut low, mut high) = (-1.0_f32, 1.0_f32);
        let around = self.hull.around(face);
        let mut from = self.hull.vertex(around[around.len() - 1].vertex);
        for corner in around {
            let to = self.hull.vertex(corner.vertex);
            let outward = (to - from).cross(face.normal);
            let (beyond, rate) = ((self.middle - from).dot(outward), self.half.dot(outward));
            from = to;
            if rate.abs() <= f32::MIN_POSITIVE {
                if beyond > 0.0 {
                    return None;
                }
                continue;
            }
            let crossing = -beyond / rate;
            if rate > 0.0 && crossing < high {
                high = crossing;
            } else if rate < 0.0 && crossing > low {
                low = crossing;
            }
        }
        if low > high {
            return None;
        }
        let mut manifold = Manifold {
            normal: without_negative_zero(*self.rotation * face.normal),
            turns_with_first: 1.0,
            ..Manifold::default()
        };
        let name = (number as u32 + 1) << 2;
        let is_one = (high - low) * self.half.length() <= ONE_POINT * self.radius;
        let ends = if is_one {
            [(SINGLE, 0.5 * (low + high)); 2]
        } else {
            [(0, low), (1, high)]
        };
        let mut deepest = f32::INFINITY;
        for &(end, s) in &ends[..if is_one { 1 } else { 2 }] {
            let at = self.at(s);
            let height = at.dot(face.normal) - face.offset;
            let position = at - face.normal * (0.5 * (self.radius + height));
            if height - self.radius < deepest {
                deepest = height - self.radius;
            }
            add(
                &mut manifold,
                *self.rotation * position,
                height - self.radius,
                self.margin,
                name | end,
            );
        }
        (manifold.count > 0).then_some((manifold, deepest))
    }
}
