//! Two polyhedra: the normals of faces and the directions across two edges, then a face clipped by a face, or an edge across an edge.
//!
//! An axis across two edges separates best only if they make a face of the Minkowski difference: if their arcs cross on the sphere of normals (Gregorius 2013). Most faces and edges are passed over
//! before that: the second body contains a ball around its centre, so along a normal the gap is at most the height of the centre above the face less the ball's radius.

use glam::{DVec3, Mat3, Vec2, Vec3};

use super::clip::Polygon;
use super::nearest::{Support, nearest};
use super::polyhedron::{CuboidHull, Moved, everywhere, lowest};
use super::{ONE_PLACE, PREFERENCE, room_for_face, single, without_negative_zero};
use crate::narrow_phase::solid::{Manifold, ManifoldPoint};
use crate::shape::{ConvexHull, Corner, Edge, EdgeLanes, Face, MAX_AROUND_FACE, MAX_FACES, Polyhedron};
use crate::simd::{F32x8, Kernel, LANES, Level, Mask, Octet, Vec3x8};

/// Edges whose squared sine is below this (0.2 degrees) are parallel; the faces beside them separate as well as the axis across both.
const PARALLEL: f32 = 1e-5;

/// How far beyond the ends of two edges, as a share of their length, they may cross and still be what touches.
const BEYOND_END: f32 = 1e-3;

/// Kinds of features: what touches, whichever of the two has the face that clips the other's. Below, the number of a vertex of the first or of the second, or the numbers of an edge of each,
/// or of two edges of one of them.
const FIRST_VERTEX: u32 = 1 << 16;
const SECOND_VERTEX: u32 = 2 << 16;
const EDGES: u32 = 3 << 16;
const NEAREST: u32 = 4 << 16;
const FIRST_EDGES: u32 = 5 << 16;
const SECOND_EDGES: u32 = 6 << 16;

/// Edges of the second body that are turned into the first's axes at a time.
const EDGES_AT_ONCE: usize = 3 * LANES;

/// Corners of two faces, with which clipping needs room for a few; most faces have fewer.
const FEW_CORNERS: usize = 16;
const MOST_CORNERS: usize = 2 * MAX_AROUND_FACE;

/// The contact of two hulls.
pub(super) fn hulls(
    (first, first_rotation): (&ConvexHull, &Mat3),
    (second, second_rotation): (&ConvexHull, &Mat3),
    between: Vec3,
    margin: f32,
    level: Level,
) -> Option<Manifold> {
    level.run(Touch {
        first: (&first.polyhedron(), first_rotation),
        second: (&second.polyhedron(), second_rotation),
        between,
        margin,
    })
}

/// The contact of a hull and a box.
pub(super) fn hull_and_cuboid(
    (hull, rotation): (&ConvexHull, &Mat3),
    (half_extents, cuboid_rotation): (Vec3, &Mat3),
    between: Vec3,
    margin: f32,
    level: Level,
) -> Option<Manifold> {
    let cuboid = CuboidHull::new(half_extents);
    level.run(Touch {
        first: (&hull.polyhedron(), rotation),
        second: (&cuboid.polyhedron(), cuboid_rotation),
        between,
        margin,
    })
}

struct Touch<'a> {
    first: (&'a Polyhedron<'a>, &'a Mat3),
    second: (&'a Polyhedron<'a>, &'a Mat3),
    between: Vec3,
    margin: f32,
}

impl Kernel for Touch<'_> {
    type Output = Option<Manifold>;

    #[inline(always)]
    fn run<F: F32x8>(self) -> Option<Manifold> {
        let Self {
            first,
            second,
            between,
            margin,
        } = self;
        let turn = Mat3::from_cols(
            first.1.transpose_mul_vec3(second.1.x_axis),
            first.1.transpose_mul_vec3(second.1.y_axis),
            first.1.transpose_mul_vec3(second.1.z_axis),
        );
        let centre = first.1.transpose_mul_vec3(between);
        Pair {
            bodies: [first.0, second.0],
            rotations: [first.1, second.1],
            between,
            turn,
            centre,
            other_centre: -turn.transpose_mul_vec3(centre),
            moved: Moved::new::<F>(second.0, &turn, centre),
            margin,
        }
        .touch::<F>()
    }
}

/// Two polyhedra, seen from the first: vectors are in its axes unless something else is said.
struct Pair<'a> {
    bodies: [&'a Polyhedron<'a>; 2],
    rotations: [&'a Mat3; 2],
    /// From the first centre to the second in world axes, m.
    between: Vec3,
    /// From the second's axes.
    turn: Mat3,
    /// The second centre, m.
    centre: Vec3,
    /// The first centre, in the second's axes, m.
    other_centre: Vec3,
    /// The second's vertices.
    moved: Moved,
    /// m.
    margin: f32,
}

/// The best face of a body.
#[derive(Clone, Copy)]
struct BestFace {
    separation: f32,
    number: usize,
}

/// How high the other body's centre is above each face, m.
struct Heights([Octet; MAX_FACES.div_ceil(LANES)]);

impl Heights {
    #[inline(always)]
    fn of(&self, face: usize) -> f32 {
        self.0[face / LANES][face % LANES]
    }
}

/// Two edges that face each other.
struct EdgePair {
    separation: f32,
    edges: [u8; 2],
    /// Unit, from the first to the second.
    normal: Vec3,
}

/// Edges of the second body.
struct MovedEdges {
    count: usize,
    numbers: [u8; EDGES_AT_ONCE],
    starts: [[Octet; 3]; EDGES_AT_ONCE / LANES],
    directions: [[Octet; 3]; EDGES_AT_ONCE / LANES],
    normals: [[[Octet; 3]; 2]; EDGES_AT_ONCE / LANES],
}

impl MovedEdges {
    const NONE: Self = Self {
        count: 0,
        numbers: [0; EDGES_AT_ONCE],
        starts: [[Octet::ZERO; 3]; EDGES_AT_ONCE / LANES],
        directions: [[Octet::ZERO; 3]; EDGES_AT_ONCE / LANES],
        normals: [[[Octet::ZERO; 3]; 2]; EDGES_AT_ONCE / LANES],
    };

    #[inline(always)]
    fn push(&mut self, number: usize, start: Vec3, direction: Vec3, normals: [Vec3; 2]) {
        let (group, lane) = (self.count / LANES, self.count % LANES);
        self.numbers[self.count] = number as u8;
        for axis in 0..3 {
            self.starts[group][axis][lane] = start[axis];
            self.directions[group][axis][lane] = direction[axis];
            self.normals[group][0][axis][lane] = normals[0][axis];
            self.normals[group][1][axis][lane] = normals[1][axis];
        }
        self.count += 1;
    }
}

enum Found<T> {
    Best(T),
    Apart,
}

impl Pair<'_> {
    #[inline(always)]
    fn touch<F: F32x8>(&self) -> Option<Manifold> {
        let [a, b] = self.bodies;
        // The line of the centres parts most pairs that do not touch.
        let distance = self.centre.length();
        if distance > 0.0 {
            let way = self.centre / distance;
            if lowest::<F>(self.moved.lanes(), way) + lowest::<F>(a.lanes, -way) >= self.margin {
                return None;
            }
        }
        let mut heights = [const { Heights([Octet::ZERO; MAX_FACES.div_ceil(LANES)]) }; 2];
        let Found::Best(face_a) = self.best_face::<F, 0>(&mut heights[0]) else {
            return None;
        };
        let Found::Best(face_b) = self.best_face::<F, 1>(&mut heights[1]) else {
            return None;
        };
        let faces = [face_a, face_b];
        let best_face = if face_b.separation > face_a.separation {
            face_b.separation
        } else {
            face_a.separation
        };
        let Found::Best(edge) = self.best_edges::<F>(&heights, best_face) else {
            return None;
        };

        let size = if b.inner_radius < a.inner_radius {
            b.inner_radius
        } else {
            a.inner_radius
        };
        let (preference, one_place) = (PREFERENCE * size, ONE_PLACE * size);
        let reference = usize::from(faces[1].separation > faces[0].separation + preference);
        let face = faces[reference];
        if let Some(edge) = &edge
            && edge.separation > best_face + preference + room_for_face(best_face, one_place)
        {
            let contact = self.touch_with_edges(edge);
            if contact.is_some() || edge.separation > 0.0 {
                return contact.or_else(|| self.touch_apart());
            }
        }
        let in_front = face.separation + one_place + room_for_face(face.separation, one_place);
        match self.touch_with_face(reference, face.number, one_place) {
            // A face is what touches only if the deepest corner, or one nearly as deep, is in front of it.
            Some((manifold, deepest)) if deepest <= in_front => Some(manifold),
            _ if face.separation > 0.0 => self.touch_apart(),
            _ => {
                let crossed = edge.as_ref().and_then(|edge| self.touch_with_edges(edge));
                if crossed.is_some() {
                    return crossed;
                }
                if edge.is_some_and(|edge| edge.separation > 0.0) {
                    return self.touch_apart();
                }
                match self.touch_with_deepest(reference, face.number, one_place) {
                    Some((manifold, deepest)) if deepest <= face.separation + one_place => Some(manifold),
                    // The faces miss each other there too: the axis is the best but for the preferences, rounding, or numbers beyond all measure. Points less deep than it says would leave the rest of the overlap for good.
                    _ => self.touch_with_vertex(reference, face),
                }
            }
        }
    }

    /// The face of a body with the greatest separation, `Apart` if one separates by the margin; and the heights of the other centre.
    #[inline(always)]
    fn best_face<F: F32x8, const BODY: usize>(&self, heights: &mut Heights) -> Found<BestFace> {
        let body = self.bodies[BODY];
        let other_radius = self.bodies[1 - BODY].inner_radius;
        let centre = everywhere::<F>(if BODY == 0 { self.centre } else { self.other_centre });
        let mut most = F::splat(f32::NEG_INFINITY);
        for (lanes, heights) in body.face_lanes.iter().zip(&mut heights.0) {
            let height = Vec3x8::load(&lanes.normals).dot(centre) - F::load(&lanes.offsets);
            height.store(heights);
            most = F::select(height.gt(most), height, most);
        }
        let mut each = Octet::ZERO;
        most.store(&mut each);
        let most = each.0.iter().fold(
            f32::NEG_INFINITY,
            |most, &height| if height > most { height } else { most },
        );
        // The first of the highest.
        let mut highest = 0;
        for (group, heights) in heights.0[..body.face_lanes.len()].iter().enumerate() {
            let is_highest = F::splat(most).le(F::load(heights)).bits();
            if is_highest != 0 {
                highest = group * LANES + is_highest.trailing_zeros() as usize;
                break;
            }
        }
        let mut best = BestFace {
            separation: self.separation::<F, BODY>(&body.faces[highest]),
            number: highest,
        };
        for group in 0..body.face_lanes.len() {
            // What the ball inside alone excludes; of equal ones the first, as if all had been asked.
            let height = F::load(&heights.0[group]) - F::splat(other_radius);
            let mut matter = lanes_within(body.faces.len(), group) & !height.lt(F::splat(best.separation)).bits();
            while matter != 0 {
                let number = group * LANES + matter.trailing_zeros() as usize;
                matter &= matter - 1;
                if heights.of(number) - other_radius < best.separation || number == highest {
                    continue;
                }
                let separation = self.separation::<F, BODY>(&body.faces[number]);
                if separation > best.separation || (separation == best.separation && number < best.number) {
                    best = BestFace { separation, number };
                }
            }
        }
        if best.separation >= self.margin {
            Found::Apart
        } else {
            Found::Best(best)
        }
    }

    /// How far the other body is above a face of a body.
    #[inline(always)]
    fn separation<F: F32x8, const BODY: usize>(&self, face: &Face) -> f32 {
        if BODY == 0 {
            lowest::<F>(self.moved.lanes(), face.normal) - face.offset
        } else {
            let normal = self.turn * face.normal;
            lowest::<F>(self.bodies[0].lanes, normal) - normal.dot(self.centre) - face.offset
        }
    }

    /// The edges with the greatest separation, if it is above `least`.
    #[inline(always)]
    fn best_edges<F: F32x8>(&self, heights: &[Heights; 2], least: f32) -> Found<Option<EdgePair>> {
        let [a, b] = self.bodies;
        let mut best: Option<EdgePair> = None;
        let mut most = least;
        let mut moved = MovedEdges::NONE;
        for (group, lanes) in b.edge_lanes.iter().enumerate() {
            let is_last = group + 1 == b.edge_lanes.len();
            let valid = lanes_within(b.edges.len(), group);
            let mut matter = valid & may_separate::<F>(lanes, &heights[1], most + a.inner_radius);
            loop {
                if matter != 0 {
                    let lane = matter.trailing_zeros();
                    matter &= matter - 1;
                    let number = group * LANES + lane as usize;
                    let edge = &b.edges[number];
                    let normals = edge.faces.map(|face| self.turn * b.face(face).normal);
                    let start = self.turn * b.vertex(edge.ends[0]) + self.centre;
                    moved.push(number, start, self.turn * edge.direction, normals);
                    if moved.count == EDGES_AT_ONCE {
                        self.best_among::<F>(&heights[0], &mut moved, &mut most, &mut best);
                        if most >= self.margin {
                            return Found::Apart;
                        }
                        // By what is the most now.
                        let later = u32::MAX << lane << 1;
                        matter = later & valid & may_separate::<F>(lanes, &heights[1], most + a.inner_radius);
                    }
                } else if is_last && moved.count > 0 {
                    self.best_among::<F>(&heights[0], &mut moved, &mut most, &mut best);
                    if most >= self.margin {
                        return Found::Apart;
                    }
                } else {
                    break;
                }
            }
        }
        Found::Best(best)
    }

    /// The best of all edges of the first body with some of the second, which are then forgotten.
    #[inline(always)]
    fn best_among<F: F32x8>(
        &self,
        heights: &Heights,
        moved: &mut MovedEdges,
        most: &mut f32,
        best: &mut Option<EdgePair>,
    ) {
        let [a, b] = self.bodies;
        for (group, lanes) in a.edge_lanes.iter().enumerate() {
            let valid = lanes_within(a.edges.len(), group);
            let mut matter = valid & may_separate::<F>(lanes, heights, *most + b.inner_radius);
            while matter != 0 {
                let lane = matter.trailing_zeros();
                matter &= matter - 1;
                let number = group * LANES + lane as usize;
                if let Some(found) = self.best_across::<F>(number, &a.edges[number], moved, most) {
                    *best = Some(found);
                    let later = u32::MAX << lane << 1;
                    matter = later & valid & may_separate::<F>(lanes, heights, *most + b.inner_radius);
                }
            }
        }
        moved.count = 0;
    }

    /// The best of one edge of the first body with some of the second, if it is better than `most`, which is raised.
    #[inline(always)]
    fn best_across<F: F32x8>(
        &self,
        number: usize,
        edge: &Edge,
        others: &MovedEdges,
        most: &mut f32,
    ) -> Option<EdgePair> {
        let a = self.bodies[0];
        let zero = F::splat(0.0);
        let left = everywhere::<F>(a.face(edge.faces[0]).normal);
        let right = everywhere::<F>(a.face(edge.faces[1]).normal);
        let start = everywhere::<F>(a.vertex(edge.ends[0]));
        let direction = everywhere::<F>(edge.direction);
        let mut best = None;
        for group in 0..others.count.div_ceil(LANES) {
            // On the sphere of normals the arc of this edge crosses the reversed one of the other: each separates the other's ends, and both lie on one half of it.
            let c = Vec3x8::load(&others.normals[group][0]).dot(direction);
            let d = Vec3x8::load(&others.normals[group][1]).dot(direction);
            let other_direction = Vec3x8::load(&others.directions[group]);
            let (l, r) = (left.dot(other_direction), right.dot(other_direction));
            let is_off = zero.le(c * d) | zero.le(l * r) | zero.le(c * r);
            let crossing = lanes_within(others.count, group) & !is_off.bits();
            if crossing == 0 {
                continue;
            }
            let across = direction.cross(other_direction);
            let squared = across.dot(across);
            // Out of the first body, whose centre is the origin.
            let outward = Vec3x8::select(across.dot(start).lt(zero), across.reversed(), across);
            let length = squared.sqrt();
            let normal = Vec3x8::new(outward.x / length, outward.y / length, outward.z / length);
            let separation = normal.dot(Vec3x8::load(&others.starts[group]) - start);
            let is_parallel = squared.le(F::splat(PARALLEL)).bits();
            let mut better = crossing & !is_parallel & separation.gt(F::splat(*most)).bits();
            if better == 0 {
                continue;
            }
            let (mut separations, mut normals) = (Octet::ZERO, [Octet::ZERO; 3]);
            separation.store(&mut separations);
            normal.store(&mut normals);
            while better != 0 {
                let lane = better.trailing_zeros() as usize;
                better &= better - 1;
                if separations[lane] > *most {
                    *most = separations[lane];
                    best = Some(EdgePair {
                        separation: *most,
                        edges: [number as u8, others.numbers[group * LANES + lane]],
                        normal: Vec3::new(normals[0][lane], normals[1][lane], normals[2][lane]),
                    });
                }
            }
        }
        best
    }

    /// A face of one body (`reference`, 0 or 1) against the face of the other that looks at it most; with the least separation of the points.
    fn touch_with_face(&self, reference: usize, face: usize, one_place: f32) -> Option<(Manifold, f32)> {
        let (turn, _) = self.other_seen_from(reference);
        let towards = turn.transpose_mul_vec3(self.bodies[reference].faces[face].normal);
        let incident = most_against(towards, self.bodies[1 - reference].faces)?;
        self.touch_with_faces(reference, face, incident, one_place)
    }

    /// The same with a face of the other around its vertex that is deepest below: the one that looks at a face most need not reach there if that vertex is sharp.
    #[cold]
    fn touch_with_deepest(&self, reference: usize, face: usize, one_place: f32) -> Option<(Manifold, f32)> {
        let other = self.bodies[1 - reference];
        let (turn, _) = self.other_seen_from(reference);
        let towards = turn.transpose_mul_vec3(self.bodies[reference].faces[face].normal);
        let mut deepest = (0, f32::MAX);
        for (number, vertex) in other.vertices.iter().enumerate() {
            let height = vertex.dot(towards);
            if height < deepest.1 {
                deepest = (number, height);
            }
        }
        let has_it = |corner: &Corner| usize::from(corner.vertex) == deepest.0;
        let around = other.faces.iter().filter(|face| other.around(face).iter().any(has_it));
        let incident = most_against(towards, around)?;
        self.touch_with_faces(reference, face, incident, one_place)
    }

    /// How the other body is turned and where its centre is in the axes of this one.
    fn other_seen_from(&self, reference: usize) -> (Mat3, Vec3) {
        if reference == 0 {
            (self.turn, self.centre)
        } else {
            (self.turn.transpose(), self.other_centre)
        }
    }

    /// A face of one body against one of the other.
    fn touch_with_faces(
        &self,
        reference: usize,
        face: usize,
        incident: &Face,
        one_place: f32,
    ) -> Option<(Manifold, f32)> {
        let (turn, centre) = self.other_seen_from(reference);
        let face = &self.bodies[reference].faces[face];
        let place = FacePair {
            pair: self,
            reference,
            face,
            incident,
            turn,
            centre,
            one_place,
        };
        let corners = usize::from(face.count) + usize::from(incident.count);
        if corners <= FEW_CORNERS {
            place.touch::<FEW_CORNERS>()
        } else {
            place.touch::<MOST_CORNERS>()
        }
    }

    /// Two edges that face each other; nothing if they do not cross.
    fn touch_with_edges(&self, found: &EdgePair) -> Option<Manifold> {
        let [a, b] = self.bodies;
        let edge = &a.edges[usize::from(found.edges[0])];
        let other = &b.edges[usize::from(found.edges[1])];
        let ends = edge.ends.map(|end| a.vertex(end));
        let other_ends = other.ends.map(|end| self.turn * b.vertex(end) + self.centre);
        let (way, other_way) = (ends[1] - ends[0], other_ends[1] - other_ends[0]);
        // The points of the two lines nearest to each other, in shares of the edges.
        let across = way.cross(other_way);
        let squared = across.length_squared();
        let gap = other_ends[0] - ends[0];
        let s = gap.cross(other_way).dot(across) / squared;
        let t = gap.cross(way).dot(across) / squared;
        let range = -BEYOND_END..=1.0 + BEYOND_END;
        if !(range.contains(&s) && range.contains(&t)) {
            return None;
        }
        let (on_first, on_second) = (ends[0] + way * s, other_ends[0] + other_way * t);
        let separation = (on_second - on_first).dot(found.normal);
        let feature = EDGES | u32::from(found.edges[0]) << 8 | u32::from(found.edges[1]);
        let rotation = self.rotations[0];
        let middle = *rotation * ((on_first + on_second) * 0.5);
        (separation < self.margin).then(|| single(*rotation * found.normal, middle, separation, feature))
    }

    /// Bodies that are apart, and neither a face nor two edges are nearest.
    #[cold]
    fn touch_apart(&self) -> Option<Manifold> {
        let rotations = self.rotations.map(Mat3::as_dmat3);
        let between = self.between.as_dvec3();
        let corner = |index: usize, direction: DVec3| {
            let towards = rotations[index].transpose() * direction;
            let mut farthest = (DVec3::ZERO, f64::NEG_INFINITY);
            for vertex in self.bodies[index].vertices {
                let vertex = vertex.as_dvec3();
                let height = vertex.dot(towards);
                if height > farthest.1 {
                    farthest = (vertex, height);
                }
            }
            rotations[index] * farthest.0
        };
        let support = |direction: DVec3| Support {
            first: corner(0, direction),
            second: between + corner(1, -direction),
        };
        let Support { first, second } = nearest(support, between)?;
        let way = second - first;
        let distance = way.length();
        let separation = distance as f32;
        (separation < self.margin).then(|| {
            single(
                (way / distance).as_vec3(),
                ((first + second) * 0.5).as_vec3(),
                separation,
                NEAREST,
            )
        })
    }

    /// The vertex of the other body deepest below a face.
    #[cold]
    fn touch_with_vertex(&self, reference: usize, best: BestFace) -> Option<Manifold> {
        let other = 1 - reference;
        let outward = *self.rotations[reference] * self.bodies[reference].faces[best.number].normal;
        let (normal, shift) = if reference == 0 {
            (outward, self.between)
        } else {
            (-outward, Vec3::ZERO)
        };
        let mut lowest = (Vec3::ZERO, f32::MAX);
        for vertex in self.bodies[other].vertices {
            let vertex = *self.rotations[other] * *vertex;
            let height = vertex.dot(outward);
            if height < lowest.1 {
                lowest = (vertex, height);
            }
        }
        // From the vertex half of the depth back to the face.
        let position = lowest.0 + shift - outward * (0.5 * best.separation);
        (best.separation < self.margin).then(|| single(normal, position, best.separation, NEAREST))
    }
}

/// Of some faces the first that looks most against a direction.
#[inline(always)]
fn most_against<'a>(direction: Vec3, faces: impl IntoIterator<Item = &'a Face>) -> Option<&'a Face> {
    let mut most = (None, f32::MAX);
    for face in faces {
        let slope = face.normal.dot(direction);
        if slope < most.1 {
            most = (Some(face), slope);
        }
    }
    most.0
}

/// One bit for each lane of a group that has one of so many things.
#[inline(always)]
fn lanes_within(count: usize, group: usize) -> u32 {
    let rest = count - group * LANES;
    if rest < LANES {
        (1 << rest) - 1
    } else {
        (1 << LANES) - 1
    }
}

/// Which of eight edges may separate: along a normal between those of an edge's two faces the other body's centre must be higher above the edge than `least`.
#[inline(always)]
fn may_separate<F: F32x8>(edges: &EdgeLanes, heights: &Heights, least: f32) -> u32 {
    if least < 0.0 {
        return u32::MAX;
    }
    let (mut lefts, mut rights) = (Octet::ZERO, Octet::ZERO);
    for lane in 0..LANES {
        lefts[lane] = heights.of(edges.faces[0][lane].into());
        rights[lane] = heights.of(edges.faces[1][lane].into());
    }
    let (left, right, cosine) = (F::load(&lefts), F::load(&rights), F::load(&edges.cosines));
    let least = F::splat(least);
    let is_above = left.gt(least) | right.gt(least);
    // The height along a normal between them is that of the centre seen along the edge; it is greatest towards the centre, if that is between the two.
    let is_between = right.gt(cosine * left) & left.gt(cosine * right);
    let squared = left * left + right * right - F::splat(2.0) * cosine * left * right;
    let is_far = squared.gt(least * least * (F::splat(1.0) - cosine * cosine));
    (is_above | (is_between & is_far)).bits()
}

/// A face of one body clipped by a face of the other.
struct FacePair<'a> {
    pair: &'a Pair<'a>,
    /// Which body has the clipping face; vectors are in its axes.
    reference: usize,
    face: &'a Face,
    incident: &'a Face,
    /// From the other body's axes.
    turn: Mat3,
    /// The other body's centre, m.
    centre: Vec3,
    /// Corners this near to a vertex are it, m.
    one_place: f32,
}

impl FacePair<'_> {
    fn touch<const N: usize>(&self) -> Option<(Manifold, f32)> {
        let body = self.pair.bodies[self.reference];
        let around = body.around(self.face);
        let normal = self.face.normal;
        let start = body.vertex(around[0].vertex);
        let across = body.edges[usize::from(around[0].edge)].direction;
        // Exactly in the plane, which the edge is but for rounding.
        let along = normal.cross(across);
        let across = along.cross(normal);
        let in_plane = |vertex: Vec3| {
            let way = vertex - start;
            Vec3::new(way.dot(across), way.dot(along), vertex.dot(normal) - self.face.offset)
        };
        let corners = self.incident_corners().map(|(_, vertex)| in_plane(vertex));
        let mut polygon = Polygon::<N>::new(corners);
        let mut from = in_plane(body.vertex(around[around.len() - 1].vertex));
        for (number, corner) in around.iter().enumerate() {
            let to = in_plane(body.vertex(corner.vertex));
            let side = (to - from).truncate();
            // Edges of this face have the numbers after those of the other; the one that ends in the first corner is the last.
            let edge = if number == 0 { around.len() - 1 } else { number - 1 };
            let edge = self.incident.count + edge as u8;
            polygon.clip(|at| (at.x - from.x) * side.y - (at.y - from.y) * side.x, edge);
            from = to;
        }

        let rotation = self.pair.rotations[self.reference];
        let outward = *rotation * normal;
        let (across, along) = (*rotation * across, *rotation * along);
        // The plane's point under the start.
        let origin = *rotation * (start + normal * (self.face.offset - start.dot(normal)));
        let (normal, origin) = if self.reference == 0 {
            (outward, origin)
        } else {
            (-outward, self.pair.between + origin)
        };
        let mut manifold = Manifold {
            normal: without_negative_zero(normal),
            turns_with_first: if self.reference == 0 { 1.0 } else { 0.0 },
            ..Manifold::default()
        };
        let mut deepest = f32::INFINITY;
        polygon.choose(self.pair.margin, self.one_place, |at, edges| {
            deepest = if at.z < deepest { at.z } else { deepest };
            let count = usize::from(manifold.count);
            manifold.points[count] = ManifoldPoint {
                position: without_negative_zero(origin + across * at.x + along * at.y + outward * (0.5 * at.z)),
                separation: at.z,
                feature: self.feature(at.truncate(), edges, &in_plane, &manifold.points[..count]),
            };
            manifold.count += 1;
        });
        (manifold.count > 0).then_some((manifold, deepest))
    }

    /// The corners of the other body's face: numbers and places.
    fn incident_corners(&self) -> impl Iterator<Item = (u8, Vec3)> + '_ {
        let other = self.pair.bodies[1 - self.reference];
        let around = other.around(self.incident).iter();
        around.map(move |corner| (corner.vertex, self.turn * other.vertex(corner.vertex) + self.centre))
    }

    /// The feature of a corner of the clipped face, between two edges: a vertex of the second body or else of the first if it is there, or the two edges that cross; not one that is taken.
    fn feature(&self, at: Vec2, edges: [u8; 2], in_plane: &impl Fn(Vec3) -> Vec3, taken: &[ManifoldPoint]) -> u32 {
        let is_free = |feature: u32| taken.iter().all(|point| point.feature != feature);
        let is_there =
            |vertex: Vec3| in_plane(vertex).truncate().distance_squared(at) < self.one_place * self.one_place;
        let body = self.pair.bodies[self.reference];
        let own = || {
            let mut around = body.around(self.face).iter().map(|corner| corner.vertex);
            around.find(|&vertex| is_there(body.vertex(vertex)))
        };
        let others = || {
            let found = self.incident_corners().find(|&(_, vertex)| is_there(vertex));
            found.map(|(number, _)| number)
        };
        let (first, second) = if self.reference == 0 {
            (own(), others())
        } else {
            (others(), own())
        };
        if let Some(number) = second
            && is_free(SECOND_VERTEX | u32::from(number))
        {
            return SECOND_VERTEX | u32::from(number);
        }
        if let Some(number) = first
            && is_free(FIRST_VERTEX | u32::from(number))
        {
            return FIRST_VERTEX | u32::from(number);
        }
        let [ends, begins] = edges.map(|edge| self.edge(edge));
        match (ends, begins) {
            ((0, a), (1, b)) | ((1, b), (0, a)) => EDGES | a << 8 | b,
            ((0, a), (_, b)) => FIRST_EDGES | a << 8 | b,
            ((_, a), (_, b)) => SECOND_EDGES | a << 8 | b,
        }
    }

    /// The body of an edge of the polygon, and its number there.
    fn edge(&self, number: u8) -> (usize, u32) {
        let (body, face, number) = if number < self.incident.count {
            (1 - self.reference, self.incident, number)
        } else {
            (self.reference, self.face, number - self.incident.count)
        };
        let around = self.pair.bodies[body].around(face);
        (body, around[usize::from(number)].edge.into())
    }
}
