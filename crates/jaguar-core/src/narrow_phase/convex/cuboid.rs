//! Two boxes: fifteen separating axes, then a face clipped by a face, or an edge across an edge.

use glam::{DVec3, Mat3, Vec3, Vec4, Vec4Swizzles};

use super::clip::{OF_QUADRILATERALS, Polygon};
use super::nearest::{Support, nearest};
use super::{ONE_PLACE, PREFERENCE, room_for_face, sign, single, without_negative_zero};
use crate::narrow_phase::solid::{Manifold, ManifoldPoint};

/// Edges whose squared sine is below this (0.2 degrees) are parallel; the faces beside them separate as well as the axis across both.
const PARALLEL: f32 = 1e-5;

/// How far beyond the ends of two edges, as a share of their length, they may cross and still be what touches.
const BEYOND_END: f32 = 1e-3;

/// Kinds of features: what of the two boxes touches, whichever of them has the face that clips the other's. Below, the number of a vertex of the first or of the second box,
/// or the numbers of an edge of each.
const FIRST_VERTEX: u32 = 1 << 8;
const SECOND_VERTEX: u32 = 2 << 8;
const EDGES: u32 = 3 << 8;
const NEAREST: u32 = 4 << 8;

/// Less than any separation of two boxes.
const NEVER: f32 = -1e30;

/// Two boxes, seen from the first: all vectors but `between` in its axes. The fourth components are filled so that they never separate.
struct Pair<'a> {
    half_extents: [Vec3; 2],
    rotations: [&'a Mat3; 2],
    /// From the first centre to the second in world axes, m.
    between: Vec3,
    /// The same in the first box's axes, and in the second's.
    centre: [Vec4; 2],
    /// The second box's axes in those of the first.
    columns: [Vec4; 3],
    /// The first box's axes in those of the second.
    rows: [Vec4; 3],
}

/// The best of a group of axes.
#[derive(Clone, Copy)]
struct Axis {
    separation: f32,
    number: usize,
}

/// The contact of two boxes, each given by its half extents and rotation.
pub(super) fn cuboids(first: (Vec3, &Mat3), second: (Vec3, &Mat3), between: Vec3, margin: f32) -> Option<Manifold> {
    let (a, b) = (first.0, second.0);
    let to_first = transposed(first.1);
    let into_first = |v: Vec3| to_first[0] * v.x + to_first[1] * v.y + to_first[2] * v.z;

    let centre = into_first(between);
    let columns = [
        into_first(second.1.x_axis),
        into_first(second.1.y_axis),
        into_first(second.1.z_axis),
    ];
    let away = columns.map(Vec4::abs);
    let first_faces = centre.abs() - a.extend(-NEVER) - (away[0] * b.x + away[1] * b.y + away[2] * b.z);
    let margins = Vec4::splat(margin);
    if first_faces.cmpge(margins).any() {
        return None;
    }

    let rows = [
        Vec4::new(columns[0].x, columns[1].x, columns[2].x, 0.0),
        Vec4::new(columns[0].y, columns[1].y, columns[2].y, 0.0),
        Vec4::new(columns[0].z, columns[1].z, columns[2].z, 0.0),
    ];
    let across = rows.map(Vec4::abs);
    let seen_from_second = rows[0] * centre.x + rows[1] * centre.y + rows[2] * centre.z;
    let second_faces =
        seen_from_second.abs() - b.extend(-NEVER) - (across[0] * a.x + across[1] * a.y + across[2] * a.z);
    if second_faces.cmpge(margins).any() {
        return None;
    }

    // The axis across the first's edge i and the second's edge j is e_i x column_j: a row of R in one component, the negative of another in the next. Lanes are the j.
    let (b_next, b_last) = (b.extend(0.0).yzxw(), b.extend(0.0).zxyw());
    let edges = |i: usize, next: usize, last: usize| {
        let offset = (rows[next] * centre[last] - rows[last] * centre[next]).abs();
        let extent = across[last] * a[next] + across[next] * a[last];
        let other_extent = b_next * across[i].zxyw() + b_last * across[i].yzxw();
        let squared = rows[next] * rows[next] + rows[last] * rows[last];
        let separation = (offset - (extent + other_extent)) / squared.sqrt();
        Vec4::select(squared.cmpgt(Vec4::splat(PARALLEL)), separation, Vec4::splat(NEVER))
    };
    let edge_axes = [edges(0, 1, 2), edges(1, 2, 0), edges(2, 0, 1)];
    let apart = edge_axes[0].cmpge(margins) | edge_axes[1].cmpge(margins) | edge_axes[2].cmpge(margins);
    if apart.any() {
        return None;
    }

    let pair = Pair {
        half_extents: [a, b],
        rotations: [first.1, second.1],
        between,
        centre: [centre, seen_from_second],
        columns,
        rows,
    };
    let size = least(least_of(a), least_of(b));
    let faces = [greatest(&[first_faces]), greatest(&[second_faces])];
    let edge = greatest(&edge_axes);
    let (preference, one_place) = (PREFERENCE * size, ONE_PLACE * size);
    let reference = usize::from(faces[1].separation > faces[0].separation + preference);
    let face = faces[reference];
    let best_face = if faces[1].separation > faces[0].separation {
        faces[1].separation
    } else {
        faces[0].separation
    };
    if edge.separation > best_face + preference + room_for_face(best_face, one_place) {
        let contact = pair.touch_with_edges(edge, margin);
        if contact.is_some() || edge.separation > 0.0 {
            return contact.or_else(|| pair.touch_apart(margin));
        }
    }
    let contact = pair.touch_with_face(reference, face.number, margin, one_place);
    match contact {
        // A face is what touches only if the deepest corner, or one nearly as deep, is in front of it.
        Some((manifold, deepest))
            if deepest <= face.separation + one_place + room_for_face(face.separation, one_place) =>
        {
            Some(manifold)
        }
        _ if face.separation > 0.0 => pair.touch_apart(margin),
        _ => {
            let edges = || {
                (edge.separation > best_face)
                    .then(|| pair.touch_with_edges(edge, margin))
                    .flatten()
            };
            edges()
                .or(contact.map(|(manifold, _)| manifold))
                // The faces miss each other: rounding, or numbers beyond all measure.
                .or_else(|| pair.touch_with_vertex(reference, face, margin))
        }
    }
}

impl Pair<'_> {
    /// A face of one box (`reference`, 0 or 1) against the face of the other that looks at it most; with the least separation of the points.
    #[inline]
    fn touch_with_face(&self, reference: usize, axis: usize, margin: f32, one_place: f32) -> Option<(Manifold, f32)> {
        let other = 1 - reference;
        let (half_extents, incident_extents) = (self.half_extents[reference], self.half_extents[other]);
        // The other box in the axes of this one.
        let (centre, axes) = if reference == 0 {
            (self.centre[0], &self.columns)
        } else {
            (-self.centre[1], &self.rows)
        };
        let side = sign(centre[axis]);
        let slopes = Vec3::new(axes[0][axis], axes[1][axis], axes[2][axis]);
        let steepness = slopes.abs();
        let mut incident = if steepness.y > steepness.x { 1 } else { 0 };
        if steepness.z > steepness[incident] {
            incident = 2;
        }
        // Its outward normal looks against this face's.
        let incident_side = -side * sign(slopes[incident]);
        let (u, v) = ((axis + 1) % 3, (axis + 2) % 3);
        let (next, last) = ((incident + 1) % 3, (incident + 2) % 3);
        let in_plane = |vector: Vec4| Vec3::new(vector[u], vector[v], side * vector[axis]);
        let middle = in_plane(centre + axes[incident] * (incident_extents[incident] * incident_side))
            - Vec3::Z * half_extents[axis];
        let (p, q) = (
            in_plane(axes[next] * incident_extents[next]),
            in_plane(axes[last] * incident_extents[last]),
        );
        let mut polygon =
            Polygon::<OF_QUADRILATERALS>::new([middle + p + q, middle - p + q, middle - p - q, middle + p - q]);
        polygon.clip_slab(0, half_extents[u], 4);
        polygon.clip_slab(1, half_extents[v], 6);

        let rotation = self.rotations[reference];
        let outward = rotation.col(axis) * side;
        let (across, along) = (rotation.col(u), rotation.col(v));
        let (normal, origin) = if reference == 0 {
            (outward, outward * half_extents[axis])
        } else {
            (-outward, self.between + outward * half_extents[axis])
        };
        let place = FacePair {
            reference,
            reference_face: (axis, side),
            incident_face: (incident, incident_side),
            reach: [half_extents[u], half_extents[v]],
            middle,
            half_edges: [p, q],
            one_place,
        };
        let mut manifold = Manifold {
            normal: without_negative_zero(normal),
            turns_with_first: if reference == 0 { 1.0 } else { 0.0 },
            ..Manifold::default()
        };
        let mut deepest = f32::INFINITY;
        polygon.choose(margin, one_place, |at, edges| {
            deepest = least(deepest, at.z);
            let count = usize::from(manifold.count);
            manifold.points[count] = ManifoldPoint {
                position: without_negative_zero(origin + across * at.x + along * at.y + outward * (0.5 * at.z)),
                separation: at.z,
                feature: place.feature(at, edges, &manifold.points[..count]),
            };
            manifold.count += 1;
        });
        (manifold.count > 0).then_some((manifold, deepest))
    }

    /// The two edges that face each other along an axis across both; nothing if they do not cross.
    fn touch_with_edges(&self, axis: Axis, margin: f32) -> Option<Manifold> {
        let (i, j) = (axis.number / 3, axis.number % 3);
        let (edge, other_edge) = (self.rotations[0].col(i), self.rotations[1].col(j));
        let across = edge.cross(other_edge);
        let length = across.length();
        let normal = across * (sign(across.dot(self.between)) / length);
        let (number, middle) = self.edge_towards(0, i, normal);
        let (other_number, other_middle) = self.edge_towards(1, j, -normal);
        let other_middle = other_middle + self.between;
        // The points of the two lines nearest to each other (Ericson 5.1.8).
        let way = other_middle - middle;
        let cosine = edge.dot(other_edge);
        let squared = length * length;
        let s = (edge.dot(way) - cosine * other_edge.dot(way)) / squared;
        let t = (cosine * edge.dot(way) - other_edge.dot(way)) / squared;
        let reach = 1.0 + BEYOND_END;
        if s.abs() > self.half_extents[0][i] * reach || t.abs() > self.half_extents[1][j] * reach {
            return None;
        }
        let (on_first, on_second) = (middle + edge * s, other_middle + other_edge * t);
        let separation = (on_second - on_first).dot(normal);
        let feature = EDGES | number << 4 | other_number;
        (separation < margin).then(|| single(normal, (on_first + on_second) * 0.5, separation, feature))
    }

    /// The edge of a box along its axis that lies farthest in a direction (world axes): its number, and its middle from the box's centre.
    fn edge_towards(&self, index: usize, along: usize, direction: Vec3) -> (u32, Vec3) {
        let (rotation, half_extents) = (self.rotations[index], self.half_extents[index]);
        let (next, last) = ((along + 1) % 3, (along + 2) % 3);
        let sides = [
            sign(rotation.col(next).dot(direction)),
            sign(rotation.col(last).dot(direction)),
        ];
        let middle =
            rotation.col(next) * (half_extents[next] * sides[0]) + rotation.col(last) * (half_extents[last] * sides[1]);
        (edge_number(along, sides), middle)
    }

    /// Boxes that are apart, and neither a face nor two edges are nearest.
    #[cold]
    fn touch_apart(&self, margin: f32) -> Option<Manifold> {
        let axes = [0, 1].map(|index| {
            let rotation = self.rotations[index].as_dmat3();
            let half_extents = self.half_extents[index].as_dvec3();
            [
                rotation.x_axis * half_extents.x,
                rotation.y_axis * half_extents.y,
                rotation.z_axis * half_extents.z,
            ]
        });
        let between = self.between.as_dvec3();
        let corner = |index: usize, direction: DVec3| {
            let towards = |axis: DVec3| if axis.dot(direction) < 0.0 { -axis } else { axis };
            let [x, y, z] = axes[index];
            towards(x) + towards(y) + towards(z)
        };
        let support = |direction: DVec3| Support {
            first: corner(0, direction),
            second: between + corner(1, -direction),
        };
        let Support { first, second } = nearest(support, between)?;
        let way = second - first;
        let distance = way.length();
        let separation = distance as f32;
        (separation < margin).then(|| {
            single(
                (way / distance).as_vec3(),
                ((first + second) * 0.5).as_vec3(),
                separation,
                NEAREST,
            )
        })
    }

    /// The corner of the other box deepest below a face.
    #[cold]
    fn touch_with_vertex(&self, reference: usize, face: Axis, margin: f32) -> Option<Manifold> {
        let side = sign(self.centre[reference][face.number]);
        let normal = self.rotations[reference].col(face.number) * side;
        let other = 1 - reference;
        let (rotation, half_extents) = (self.rotations[other], self.half_extents[other]);
        let towards = if reference == 0 { -normal } else { normal };
        let corner = (0..3).fold(Vec3::ZERO, |sum, axis| {
            let along = rotation.col(axis);
            sum + along * (half_extents[axis] * sign(along.dot(towards)))
        });
        let corner = if reference == 0 { corner + self.between } else { corner };
        // From the corner half of the depth back to the face.
        let position = corner + towards * (0.5 * face.separation);
        (face.separation < margin).then(|| single(normal, position, face.separation, NEAREST))
    }
}

/// A face of one box clipped by a face of the other, to name what touches.
struct FacePair {
    /// Which box has the clipping face.
    reference: usize,
    /// Its axis and side.
    reference_face: (usize, f32),
    incident_face: (usize, f32),
    /// Half edges of the clipping face.
    reach: [f32; 2],
    /// Middle of the clipped face and its half edges, in the plane of the clipping one.
    middle: Vec3,
    half_edges: [Vec3; 2],
    /// Corners this near to a vertex are it, m.
    one_place: f32,
}

impl FacePair {
    /// The feature of a corner of the clipped face, between two edges: a vertex of the second box or else of the first if it is there, or the two edges that cross; not one that is taken.
    fn feature(&self, at: Vec3, edges: [u8; 2], taken: &[ManifoldPoint]) -> u32 {
        let is_free = |feature: u32| taken.iter().all(|point| point.feature != feature);
        let mut vertices = [self.reference_vertex(at), self.incident_vertex(at)];
        if self.reference == 1 {
            vertices.swap(0, 1);
        }
        let [first, second] = vertices;
        if let Some(number) = second
            && is_free(SECOND_VERTEX | number)
        {
            return SECOND_VERTEX | number;
        }
        if let Some(number) = first
            && is_free(FIRST_VERTEX | number)
        {
            return FIRST_VERTEX | number;
        }
        let [ends, begins] = edges.map(|edge| self.edge(edge));
        // The edge of the first box comes first. Two edges of one box end in a vertex, whose number another point took.
        let is_first = |edge: u8| (edge >= 4) == (self.reference == 0);
        if is_first(edges[0]) {
            EDGES | ends << 4 | begins
        } else {
            EDGES | begins << 4 | ends
        }
    }

    fn reference_vertex(&self, at: Vec3) -> Option<u32> {
        let is_there = |across: f32, reach: f32| (across.abs() - reach).abs() < self.one_place;
        (is_there(at.x, self.reach[0]) && is_there(at.y, self.reach[1]))
            .then(|| vertex(self.reference_face, [sign(at.x), sign(at.y)]))
    }

    fn incident_vertex(&self, at: Vec3) -> Option<u32> {
        let from_middle = (at - self.middle).truncate();
        let [p, q] = self.half_edges.map(Vec3::truncate);
        for sides in [[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]] {
            let corner = p * sides[0] + q * sides[1];
            if corner.distance_squared(from_middle) < self.one_place * self.one_place {
                return Some(vertex(self.incident_face, sides));
            }
        }
        None
    }

    /// The number in its box of an edge of the polygon.
    fn edge(&self, number: u8) -> u32 {
        let (face, side) = if number < 4 {
            self.incident_face
        } else {
            self.reference_face
        };
        let (next, last) = ((face + 1) % 3, (face + 2) % 3);
        match number {
            // Around the clipped face: along its first axis at the positive end of the second, and so on.
            0 => edge_number(next, [1.0, side]),
            1 => edge_number(last, [side, -1.0]),
            2 => edge_number(next, [-1.0, side]),
            3 => edge_number(last, [side, 1.0]),
            // The sides of the clipping face.
            4 => edge_number(last, [side, 1.0]),
            5 => edge_number(last, [side, -1.0]),
            6 => edge_number(next, [1.0, side]),
            _ => edge_number(next, [-1.0, side]),
        }
    }
}

/// The number of a vertex: that of the octant it is in. Given are the axis and side of a face, and the sides on the next two axes.
fn vertex((face, side): (usize, f32), sides: [f32; 2]) -> u32 {
    let bit = |axis: usize, side: f32| u32::from(side < 0.0) << (axis % 3);
    bit(face, side) | bit(face + 1, sides[0]) | bit(face + 2, sides[1])
}

/// The number of an edge along an axis, by its sides on the next two axes.
fn edge_number(along: usize, sides: [f32; 2]) -> u32 {
    along as u32 * 4 + u32::from(sides[0] < 0.0) * 2 + u32::from(sides[1] < 0.0)
}

/// The columns of the inverse of a rotation.
fn transposed(rotation: &Mat3) -> [Vec4; 3] {
    let [x, y, z] = [rotation.x_axis, rotation.y_axis, rotation.z_axis];
    [
        Vec4::new(x.x, y.x, z.x, 0.0),
        Vec4::new(x.y, y.y, z.y, 0.0),
        Vec4::new(x.z, y.z, z.z, 0.0),
    ]
}

/// The first axis with the greatest separation: three axes a vector.
fn greatest(separations: &[Vec4]) -> Axis {
    let mut best = Axis {
        separation: NEVER,
        number: 0,
    };
    for (index, vector) in separations.iter().enumerate() {
        for lane in 0..3 {
            if vector[lane] > best.separation {
                best = Axis {
                    separation: vector[lane],
                    number: index * 3 + lane,
                };
            }
        }
    }
    best
}

fn least(a: f32, b: f32) -> f32 {
    if b < a { b } else { a }
}

fn least_of(vector: Vec3) -> f32 {
    least(least(vector.x, vector.y), vector.z)
}
