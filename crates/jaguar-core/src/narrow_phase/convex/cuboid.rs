//! Two boxes: separating axes (Gottschalk, Lin, Manocha 1996), then the face of one clipped against a face of the other (Sutherland, Hodgman 1974), or the closest points of two edges.

use glam::{Mat3, Vec2, Vec3};

use crate::narrow_phase::solid::{MAX_POINTS, Manifold, ManifoldPoint};

/// An edge axis must separate better than the best face by this much, relative to the smallest half edge: a face gives four points and rests, an edge one.
const EDGE_PENALTY: f32 = 0.02;

/// Squared sine of the angle below which two edges are parallel: their axis is that of a face then.
const PARALLEL: f32 = 1.0e-3;

/// The manifold of two boxes.
pub(crate) fn cuboids(
    (half_a, rotation_a): (Vec3, &Mat3),
    (half_b, rotation_b): (Vec3, &Mat3),
    between: Vec3,
    margin: f32,
) -> Option<Manifold> {
    let (axes_a, axes_b) = (columns(rotation_a), columns(rotation_b));
    let to_b_in_a = [0, 1, 2].map(|i| axes_a[i].dot(between));
    let to_b_in_b = [0, 1, 2].map(|j| axes_b[j].dot(between));
    let cosines = [0, 1, 2].map(|i| [0, 1, 2].map(|j| axes_a[i].dot(axes_b[j])));
    let (a, b) = (half_a.to_array(), half_b.to_array());

    let (mut best, mut face) = (f32::NEG_INFINITY, 0);
    for i in 0..3 {
        let c = cosines[i];
        let reach = a[i] + (c[0].abs() * b[0] + c[1].abs() * b[1] + c[2].abs() * b[2]);
        let gap = to_b_in_a[i].abs() - reach;
        if gap > margin {
            return None;
        }
        if gap > best {
            (best, face) = (gap, i);
        }
    }
    // The faces of the first are preferred, so that a tie, which is the rule for boxes on boxes, does not flicker.
    let tie = 1.0e-3 * half_a.min_element().min(half_b.min_element());
    for j in 0..3 {
        let reach = b[j] + (cosines[0][j].abs() * a[0] + cosines[1][j].abs() * a[1] + cosines[2][j].abs() * a[2]);
        let gap = to_b_in_b[j].abs() - reach;
        if gap > margin {
            return None;
        }
        let advantage = if face < 3 { tie } else { 0.0 };
        if gap > best + advantage {
            (best, face) = (gap, 3 + j);
        }
    }
    let mut edge = None;
    let mut edge_best = best + EDGE_PENALTY * half_a.min_element().min(half_b.min_element());
    for i in 0..3 {
        let (i1, i2) = ((i + 1) % 3, (i + 2) % 3);
        for j in 0..3 {
            let (j1, j2) = ((j + 1) % 3, (j + 2) % 3);
            let square = 1.0 - cosines[i][j] * cosines[i][j];
            if square < PARALLEL {
                continue;
            }
            // |t · (a_i × b_j)| and the extents of both boxes along that axis, all times its length.
            let along = to_b_in_a[i2] * cosines[i1][j] - to_b_in_a[i1] * cosines[i2][j];
            let reach_a = a[i1] * cosines[i2][j].abs() + a[i2] * cosines[i1][j].abs();
            let reach_b = b[j1] * cosines[i][j2].abs() + b[j2] * cosines[i][j1].abs();
            let gap = along.abs() - (reach_a + reach_b);
            // With the length at most 1, a gap that exceeds the margin times it does so after the division.
            if gap > margin {
                return None;
            }
            // Only what can win is divided.
            let better = gap > edge_best || (edge_best < 0.0 && gap * gap < edge_best * edge_best * square);
            if better || gap > 0.0 {
                let gap = gap / square.sqrt();
                if gap > margin {
                    return None;
                }
                if gap > edge_best {
                    edge_best = gap;
                    edge = Some((i, j));
                }
            }
        }
    }
    if let Some((i, j)) = edge {
        return edges((&axes_a, half_a, i), (&axes_b, half_b, j), between, edge_best);
    }
    let manifold = if face < 3 {
        let outward = if to_b_in_a[face] < 0.0 { -1.0 } else { 1.0 };
        faces(
            (&axes_a, half_a, face),
            (&axes_b, half_b),
            between,
            outward,
            margin,
            Order::ReferenceFirst,
        )
    } else {
        let outward = if to_b_in_b[face - 3] > 0.0 { -1.0 } else { 1.0 };
        faces(
            (&axes_b, half_b, face - 3),
            (&axes_a, half_a),
            -between,
            outward,
            margin,
            Order::ReferenceSecond,
        )
    };
    (manifold.count > 0).then_some(manifold)
}

fn columns(rotation: &Mat3) -> [Vec3; 3] {
    [rotation.x_axis, rotation.y_axis, rotation.z_axis]
}

/// Which of the two boxes has the face that the other's is clipped against.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    ReferenceFirst,
    ReferenceSecond,
}

/// A corner of the clipped face in the frame of the reference face: along it, and above it.
#[derive(Clone, Copy, Debug, Default)]
struct Corner {
    flat: Vec2,
    height: f32,
    feature: u32,
}

/// Most corners of a quadrilateral clipped by four planes.
const MAX_CORNERS: usize = 8;

/// A polygon of corners.
#[derive(Clone, Copy, Debug, Default)]
struct Polygon {
    corners: [Corner; MAX_CORNERS],
    count: usize,
}

impl Polygon {
    fn push(&mut self, corner: Corner) {
        if self.count < MAX_CORNERS {
            self.corners[self.count] = corner;
            self.count += 1;
        }
    }

    /// What lies within `limit` on one side of an axis of the reference face.
    fn clipped(&self, axis: usize, sign: f32, limit: f32, side: u32) -> Self {
        let mut out = Self::default();
        for k in 0..self.count {
            let (from, to) = (self.corners[k], self.corners[(k + 1) % self.count]);
            let (beyond_from, beyond_to) = (sign * from.flat[axis] - limit, sign * to.flat[axis] - limit);
            if beyond_from <= 0.0 {
                out.push(from);
            }
            if (beyond_from < 0.0 && beyond_to > 0.0) || (beyond_from > 0.0 && beyond_to < 0.0) {
                let share = beyond_from / (beyond_from - beyond_to);
                // A corner that a side cuts off an edge is named by the edge, the side, and the end that is cut off.
                let cut = if beyond_from > 0.0 { from.feature } else { to.feature };
                out.push(Corner {
                    flat: from.flat + (to.flat - from.flat) * share,
                    height: from.height + (to.height - from.height) * share,
                    feature: (cut & 0xff) << 4 | side << 1 | u32::from(beyond_from > 0.0),
                });
            }
        }
        out
    }
}

/// Clips the face of the incident box that looks at the reference face most. `between` goes from the reference box's centre to the other's.
fn faces(
    (axes, half, face): (&[Vec3; 3], Vec3, usize),
    (other_axes, other_half): (&[Vec3; 3], Vec3),
    between: Vec3,
    outward: f32,
    margin: f32,
    order: Order,
) -> Manifold {
    let normal = axes[face] * outward;
    let (u, v) = ((face + 1) % 3, (face + 2) % 3);
    let facing = [0, 1, 2].map(|j| other_axes[j].dot(normal));
    let mut incident = 0;
    for j in 1..3 {
        if facing[j].abs() > facing[incident].abs() {
            incident = j;
        }
    }
    let toward = if facing[incident] > 0.0 { -1.0 } else { 1.0 };
    let (p, q) = ((incident + 1) % 3, (incident + 2) % 3);
    let local = |vector: Vec3| (Vec2::new(vector.dot(axes[u]), vector.dot(axes[v])), vector.dot(normal));
    let middle = local(between + other_axes[incident] * (toward * other_half[incident]));
    let (along_p, along_q) = (
        local(other_axes[p] * other_half[p]),
        local(other_axes[q] * other_half[q]),
    );
    let mut polygon = Polygon::default();
    for (number, (p, q)) in [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]
        .into_iter()
        .enumerate()
    {
        polygon.push(Corner {
            flat: middle.0 + along_p.0 * p + along_q.0 * q,
            height: middle.1 + along_p.1 * p + along_q.1 * q - half[face],
            feature: number as u32 + 1,
        });
    }
    let (limit_u, limit_v) = (half[u], half[v]);
    let inside = |corner: &Corner| corner.flat.x.abs() <= limit_u && corner.flat.y.abs() <= limit_v;
    if !polygon.corners[..4].iter().all(inside) {
        polygon = polygon
            .clipped(0, 1.0, limit_u, 1)
            .clipped(0, -1.0, limit_u, 2)
            .clipped(1, 1.0, limit_v, 3)
            .clipped(1, -1.0, limit_v, 4);
    }
    let mut near = Polygon::default();
    for corner in &polygon.corners[..polygon.count] {
        if corner.height < margin {
            near.push(*corner);
        }
    }
    let chosen = reduced(&near);
    let mut manifold = Manifold {
        normal: if order == Order::ReferenceFirst {
            normal
        } else {
            -normal
        },
        ..Manifold::default()
    };
    let pair = (face as u32) << 3 | (incident as u32) << 1 | u32::from(outward > 0.0);
    let pair = pair << 1 | u32::from(toward > 0.0);
    for corner in &chosen.corners[..chosen.count] {
        let height = half[face] + 0.5 * corner.height;
        let position = axes[u] * corner.flat.x + axes[v] * corner.flat.y + normal * height;
        manifold.points[manifold.count as usize] = ManifoldPoint {
            position: if order == Order::ReferenceFirst {
                position
            } else {
                position - between
            },
            separation: corner.height,
            feature: (pair << 1 | u32::from(order == Order::ReferenceFirst)) << 16 | corner.feature & 0xffff,
        };
        manifold.count += 1;
    }
    manifold
}

/// At most four corners: the deepest, the one farthest from it, and the two that span the largest area with them, on either side.
fn reduced(polygon: &Polygon) -> Polygon {
    if polygon.count <= MAX_POINTS {
        return *polygon;
    }
    let corners = &polygon.corners[..polygon.count];
    let best = |score: &dyn Fn(&Corner) -> f32| {
        let mut best = 0;
        for k in 1..corners.len() {
            if score(&corners[k]) > score(&corners[best]) {
                best = k;
            }
        }
        best
    };
    let first = best(&|corner| -corner.height);
    let a = corners[first].flat;
    let second = best(&|corner| (corner.flat - a).length_squared());
    let b = corners[second].flat;
    let area = |corner: &Corner| (b - a).perp_dot(corner.flat - a);
    let (third, fourth) = (best(&area), best(&|corner| -area(corner)));
    let mut chosen = [first, second, third, fourth];
    chosen.sort_unstable();
    let mut out = Polygon::default();
    for (k, &index) in chosen.iter().enumerate() {
        if k == 0 || chosen[k - 1] != index {
            out.push(corners[index]);
        }
    }
    out
}

/// The closest points of an edge along axis i of the first box and one along axis j of the second.
fn edges(
    (axes_a, half_a, i): (&[Vec3; 3], Vec3, usize),
    (axes_b, half_b, j): (&[Vec3; 3], Vec3, usize),
    between: Vec3,
    gap: f32,
) -> Option<Manifold> {
    let mut normal = axes_a[i].cross(axes_b[j]).normalize();
    if normal.dot(between) < 0.0 {
        normal = -normal;
    }
    let mut on_a = Vec3::ZERO;
    let mut on_b = between;
    let mut feature = (i * 3 + j) as u32 | 0x8000_0000;
    for k in (0..3).filter(|&k| k != i) {
        let side = if axes_a[k].dot(normal) > 0.0 { 1.0 } else { -1.0 };
        on_a += axes_a[k] * (side * half_a[k]);
        feature = feature << 1 | u32::from(side > 0.0);
    }
    for k in (0..3).filter(|&k| k != j) {
        let side = if axes_b[k].dot(normal) < 0.0 { 1.0 } else { -1.0 };
        on_b += axes_b[k] * (side * half_b[k]);
        feature = feature << 1 | u32::from(side > 0.0);
    }
    // Where the lines through the edges come nearest (Ericson, Real-Time Collision Detection, 5.1.8).
    let (d1, d2, r) = (axes_a[i], axes_b[j], on_a - on_b);
    let (cosine, c, f) = (d1.dot(d2), d1.dot(r), d2.dot(r));
    let square = 1.0 - cosine * cosine;
    let s = ((cosine * f - c) / square).clamp(-half_a[i], half_a[i]);
    let t = (cosine * s + f).clamp(-half_b[j], half_b[j]);
    let (p, q) = (on_a + d1 * s, on_b + d2 * t);
    let mut manifold = Manifold {
        normal,
        count: 1,
        ..Manifold::default()
    };
    manifold.points[0] = ManifoldPoint {
        position: (p + q) * 0.5,
        separation: gap,
        feature,
    };
    Some(manifold)
}
