//! From all points where a body touches a surface to a few manifolds of at most four points.

use glam::{DMat3, DVec3};

use crate::narrow_phase::solid::{MAX_POINTS, Manifold, ManifoldPoint};

/// Two normals whose cosine is above this (1.1 degrees) are one: what touches along both belongs to one manifold.
pub(crate) const SAME_NORMAL_COSINE: f64 = 0.9998;

/// Marks the features of [`Feature::Faces`], which leave the lower 39 bits to edges and vertices.
const FACES: u64 = 1 << 39;

/// Points whose depths differ by less are as deep as each other, m: a box at rest leans by less.
const LEVEL: f64 = 1e-3;

/// Points nearer to each other than this share of the way to the body's centre are one.
const SAME_PLACE: f64 = 2e-3;

/// A point of contact in the body's axes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    /// Midway between the surfaces, m from the body's centre.
    pub(super) position: DVec3,
    /// m; negative when the surfaces overlap.
    pub(super) separation: f64,
    pub(super) feature: u32,
}

/// What of the surface touches.
#[derive(Clone, Copy, Debug)]
pub(super) enum Feature {
    /// Triangles of one normal. Their number is made of the normal, so that it stays the same while a body slides from one to the next.
    Faces,
    /// An edge or a vertex, by its number.
    Part(u64),
}

/// Points along about the same normal.
#[derive(Clone, Copy, Debug)]
struct Group {
    /// Normal of the first point, out of the surface, in the body's axes. Groups are told apart by it.
    first_normal: DVec3,
    /// Normal of the deepest point.
    normal: DVec3,
    deepest: f64,
    key: u64,
}

/// All points where a body touches one surface.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    groups: Vec<Group>,
    /// Each with the number of its group and its own.
    points: Vec<([u32; 2], Point)>,
    /// Those of one group.
    chosen: Vec<Point>,
}

impl Gathered {
    /// Adds points along a normal out of the surface (body's axes); `outward` is the same in world axes. False if there are none.
    pub(super) fn add(
        &mut self,
        normal: DVec3,
        outward: DVec3,
        feature: Feature,
        points: impl IntoIterator<Item = Point>,
    ) -> bool {
        let mut points = points.into_iter().peekable();
        if points.peek().is_none() {
            return false;
        }
        let is_same = |group: &Group| group.first_normal.dot(normal) > SAME_NORMAL_COSINE;
        let number = self.groups.iter().position(is_same).unwrap_or_else(|| {
            self.groups.push(Group {
                first_normal: normal,
                normal,
                deepest: f64::INFINITY,
                key: 0,
            });
            self.groups.len() - 1
        });
        let group = &mut self.groups[number];
        let is_first = group.deepest == f64::INFINITY;
        match feature {
            Feature::Faces if group.key & FACES == 0 => group.key = FACES | number_of_direction(outward),
            Feature::Part(part) if is_first => group.key = part,
            Feature::Faces | Feature::Part(_) => {}
        }
        for point in points {
            if point.separation < group.deepest {
                group.deepest = point.separation;
                group.normal = normal;
            }
            self.points.push(([number as u32, self.points.len() as u32], point));
        }
        true
    }

    /// Whether any of the points overlaps.
    pub(super) fn overlaps(&self) -> bool {
        self.groups.iter().any(|group| group.deepest < 0.0)
    }

    /// Calls `give` with the manifold of each group and its key.
    pub(super) fn finish(&mut self, rotation: &DMat3, mut give: impl FnMut(u64, Manifold)) {
        // Points of a group stay in the order in which they were found.
        self.points.sort_unstable_by_key(|&(key, _)| key);
        for group in self.points.chunk_by(|a, b| a.0[0] == b.0[0]) {
            let Group { normal, key, .. } = self.groups[group[0].0[0] as usize];
            self.chosen.clear();
            self.chosen.extend(group.iter().map(|&(_, point)| point));
            give(key, manifold(&self.chosen, normal, rotation));
        }
    }

    /// Forgets all points.
    pub(super) fn clear(&mut self) {
        self.groups.clear();
        self.points.clear();
    }
}

/// A manifold of the points that carry most: at most four, of the given points along a normal out of the surface. There must be one at least.
pub(super) fn manifold(points: &[Point], normal: DVec3, rotation: &DMat3) -> Manifold {
    let mut manifold = Manifold {
        // Into the surface; adding zero leaves no -0.
        normal: (rotation * -normal).normalize().as_vec3() + glam::Vec3::ZERO,
        ..Manifold::default()
    };
    for index in spread(points, normal).into_iter().flatten() {
        let point = points[index];
        let mut feature = point.feature;
        // Two surfaces' points may carry one number.
        while manifold.points[..usize::from(manifold.count)]
            .iter()
            .any(|other| other.feature == feature)
        {
            feature = feature.wrapping_add(1);
        }
        manifold.points[usize::from(manifold.count)] = ManifoldPoint {
            position: (rotation * point.position).as_vec3() + glam::Vec3::ZERO,
            separation: point.separation as f32,
            feature,
        };
        manifold.count += 1;
    }
    let count = usize::from(manifold.count);
    manifold.points[..count].sort_unstable_by_key(|point| point.feature);
    manifold
}

/// Which points to keep: of the deepest the one farthest out, the one farthest from it, and the two that then span the largest area.
fn spread(points: &[Point], normal: DVec3) -> [Option<usize>; MAX_POINTS] {
    let flat = |point: &Point| point.position - normal * point.position.dot(normal);
    let farthest = |value: &dyn Fn(&Point) -> f64| {
        let mut best: Option<(usize, f64)> = None;
        for (index, point) in points.iter().enumerate() {
            let value = value(point);
            if best.is_none_or(|(_, most)| value > most) {
                best = Some((index, value));
            }
        }
        best.unwrap_or((0, 0.0))
    };
    let deepest = -farthest(&|point| -point.separation).1;
    // Among points of about the same depth the outermost, so that rounding does not decide for one in the middle of an edge.
    let first = farthest(&|point| {
        if point.separation <= deepest + LEVEL {
            flat(point).length_squared()
        } else {
            -1.0
        }
    });
    let mut kept = [Some(first.0), None, None, None];
    let a = flat(&points[first.0]);
    let second = farthest(&|point| (flat(point) - a).length_squared());
    let size_squared = second.1;
    if size_squared <= SAME_PLACE * SAME_PLACE * points[second.0].position.length_squared() || size_squared == 0.0 {
        return kept;
    }
    kept[1] = Some(second.0);
    let b = flat(&points[second.0]);
    // Twice the area of a triangle, positive to the left of the way from one to the other.
    let area = |from: DVec3, to: DVec3, point: &Point| (to - from).cross(flat(point) - from).dot(normal);
    let least_area = 1e-4 * size_squared;
    let left = farthest(&|point| area(a, b, point));
    let right = farthest(&|point| area(b, a, point));
    let (third, [from, to]) = if left.1 >= right.1 {
        (left, [a, b])
    } else {
        (right, [b, a])
    };
    if third.1 <= least_area {
        return kept;
    }
    kept[2] = Some(third.0);
    let c = flat(&points[third.0]);
    // What lies outside a side of the triangle adds its area.
    let fourth = farthest(&|point| {
        let mut most = area(to, from, point);
        for outside in [area(from, c, point), area(c, to, point)] {
            if outside > most {
                most = outside;
            }
        }
        most
    });
    if fourth.1 > least_area {
        kept[3] = Some(fourth.0);
    }
    kept
}

/// A number of 36 bits for a direction, one for all directions within about 0.03 degrees.
fn number_of_direction(direction: DVec3) -> u64 {
    let component = |value: f64| (libm::round(value * 2000.0) + 2048.0) as u64 & 0xfff;
    component(direction.x) << 24 | component(direction.y) << 12 | component(direction.z)
}
