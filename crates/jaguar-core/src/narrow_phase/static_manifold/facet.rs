//! A body against one triangle of a surface.
//!
//! For a polyhedron the direction of least overlap is sought among the triangle's normal, the body's faces and pairs of edges (the separating axis test), and the contact points by clipping one face
//! against the other. A capsule is its segment, which touches faces where it lies over them and edges where it is nearest to them.
//!
//! A triangle is no body of its own: where its neighbours go on in the same plane or rise, its sides do not exist. So a direction other than the triangle's normal counts only if the **whole surface**
//! around is lowest there: if nothing beside the triangle reaches farther into the body along it. The others are what makes boxes stumble over the seams of level ground.

use glam::{DMat3, DVec3};

use super::outline::{Edge, Outline};
use super::points::{Feature, Gathered, Point};
use crate::shape::{Facet, Facets, NEARLY_FLAT};

/// Slack of "over" and "behind", m: above the rounding of rotations in f32, far below anything visible. What lies on a seam is over both its triangles, and a centre on a surface is behind none.
const SAME_PLACE: f64 = 1e-6;

/// Slack of "reaches farther", a sine: rounding of vertices in f32 must not hide an edge that a body lies along.
const REACH_SLACK: f64 = 1e-3;

/// How much less the overlap along another direction must be than along the triangle's normal, in the body's size, to be preferred: of two equal ones the normal is steady.
const PREFERENCE: f64 = 1e-3;

/// A direction that is refused gives way to the triangle's normal, unless a triangle beside it has a normal that is nearer by this cosine: then that one has the contact. So the side of a table
/// does not push at what stands on it.
const NEARER_NORMAL: f64 = 0.3;

/// The squared sine below which a capsule lies along an edge and touches it in two points.
const ALONG_SQUARED: f64 = 1e-3;

/// Sides of a triangle among the edges of a clipped polygon; those of the body are below.
const SIDE: u32 = 1 << 12;

/// What is the same for all triangles that a body meets.
pub(super) struct Meeting<'a, S> {
    pub(super) outline: &'a Outline<'a>,
    pub(super) surface: &'a S,
    /// From world axes to the body's.
    pub(super) to_body: DMat3,
    /// The body's centre from the surface's origin, m, world axes.
    pub(super) middle: DVec3,
    /// m.
    pub(super) margin: f64,
    /// Whether a triangle may leave a contact to one beside it.
    pub(super) leaves_to_neighbours: bool,
}

/// What a body's walk over triangles fills.
#[derive(Debug, Default)]
pub(super) struct Work {
    pub(super) gathered: Gathered,
    /// Whether a triangle was near.
    pub(super) has_met: bool,
    /// Whether the centre is behind one of them.
    pub(super) is_behind: bool,
    /// Whether a triangle has left a contact to those beside it.
    pub(super) has_left: bool,
    polygon: Polygon,
    /// Those of the body, when a triangle has asked for them: what others see of them takes as long as to see them.
    edges: Vec<Edge>,
}

impl Work {
    /// Makes ready for another walk.
    pub(super) fn clear(&mut self) {
        self.gathered.clear();
        self.edges.clear();
        (self.has_met, self.is_behind, self.has_left) = (false, false, false);
    }
}

impl<S> Meeting<'_, S> {
    fn local(&self, position: DVec3) -> DVec3 {
        self.to_body * (position - self.middle)
    }
}

/// A triangle in the body's axes.
struct Local<'a> {
    facet: &'a Facet,
    corners: [DVec3; 3],
    normal: DVec3,
}

impl Local<'_> {
    /// Outwards across a side, in the triangle's plane; not of unit length.
    fn outward(&self, side: usize) -> DVec3 {
        (self.corners[(side + 1) % 3] - self.corners[side]).cross(self.normal)
    }
}

/// Adds the points where a body and a triangle touch.
pub(super) fn meet<S: Facets>(meeting: &Meeting<'_, S>, facet: &Facet, work: &mut Work) {
    let corners = facet.corners.map(|corner| meeting.local(corner));
    let reach = meeting.outline.reach + meeting.margin;
    let low = corners[0].min(corners[1]).min(corners[2]);
    let high = corners[0].max(corners[1]).max(corners[2]);
    if low.cmpgt(reach).any() || high.cmplt(-reach).any() {
        return;
    }
    work.has_met = true;
    let local = Local {
        facet,
        corners,
        normal: meeting.to_body * facet.normal,
    };
    // A triangle that the centre is behind is another part of the surface: the far side of a wall, the top of a cliff beside which the body stands.
    if local.corners[0].dot(local.normal) > SAME_PLACE {
        work.is_behind = true;
        return;
    }
    if meeting.outline.radius > 0.0 {
        meet_capsule(meeting, &local, work);
    } else {
        meet_polyhedron(meeting, &local, work);
    }
}

/// A direction in which body and triangle overlap least.
#[derive(Clone, Copy)]
struct Axis {
    /// Unit, from the triangle to the body.
    direction: DVec3,
    /// m; negative when they overlap.
    separation: f64,
}

fn meet_polyhedron<S: Facets>(meeting: &Meeting<'_, S>, local: &Local<'_>, work: &mut Work) {
    let outline = meeting.outline;
    let plane = local.corners[0].dot(local.normal);
    let (lowest, vertex) = outline.support(-local.normal);
    let along_normal = vertex.dot(local.normal) - plane;
    if along_normal >= meeting.margin {
        return;
    }
    let Some((number, corner, separation)) = outline.face_below(&local.corners, meeting.margin) else {
        return;
    };
    let axis = Axis {
        direction: -outline.face(number).normal,
        separation,
    };
    let convex = meeting.surface.convex_sides(local.facet);
    let is_active = convex.contains(&true);
    let preferred = along_normal + PREFERENCE * outline.bounding_radius;
    let edges = if is_active {
        best_edges(meeting, local, convex, preferred, &mut work.edges)
    } else {
        Edges::None
    };
    if matches!(edges, Edges::Apart) {
        return;
    }
    if axis.separation > preferred {
        let is_best = |edges: &Edges| match edges {
            Edges::Touch(pair) => pair.axis.separation <= axis.separation + PREFERENCE * outline.bounding_radius,
            Edges::None | Edges::Apart => true,
        };
        let slope = axis.direction.dot(local.normal);
        if slope >= -REACH_SLACK && reaches_farthest(meeting, local, corner, axis.direction) {
            if is_best(&edges) && touch_with_face(meeting, local, number, corner, axis.direction, work) {
                return;
            }
        } else if is_active && matches!(edges, Edges::None) {
            let mut nearest = slope;
            meeting
                .surface
                .normals_around(local.facet.vertices[corner], &mut |normal| {
                    let slope = (meeting.to_body * normal).dot(axis.direction);
                    if slope > nearest {
                        nearest = slope;
                    }
                });
            if nearest > slope + NEARER_NORMAL && meeting.leaves_to_neighbours {
                work.has_left = true;
                return;
            }
        }
    }
    if let Edges::Touch(pair) = edges {
        let feature = Feature::Part(meeting.surface.side_feature(local.facet, pair.side));
        let direction = pair.axis.direction;
        let outward = meeting.to_body.transpose() * direction;
        let point = Point {
            position: pair.position,
            separation: pair.axis.separation,
            feature: 1 << 30 | pair.edge << 16 | (local.facet.number as u32 & 0x3fff) << 2 | pair.side as u32,
        };
        work.gathered.add(direction, outward, feature, [point]);
        return;
    }
    touch_along_normal(meeting, local, (lowest, vertex), work);
}

/// Whether no vertex around a corner of the triangle lies farther along a direction.
fn reaches_farthest<S: Facets>(meeting: &Meeting<'_, S>, local: &Local<'_>, corner: usize, direction: DVec3) -> bool {
    let at = local.corners[corner];
    let mut is_farthest = true;
    meeting
        .surface
        .around_vertex(local.facet.vertices[corner], &mut |other| {
            let way = meeting.local(other) - at;
            let along = way.dot(direction);
            is_farthest &= along <= 0.0 || along * along <= REACH_SLACK * REACH_SLACK * way.length_squared();
        });
    is_farthest
}

/// An edge of the body against a side of the triangle.
struct EdgePair {
    axis: Axis,
    side: usize,
    edge: u32,
    /// Midway between the two.
    position: DVec3,
}

enum Edges {
    /// No pair is better than the triangle's normal.
    None,
    Touch(EdgePair),
    /// A pair separates body and triangle.
    Apart,
}

/// The pair of a convex side and an edge of the body along whose common normal they overlap least, if less than `preferred`.
fn best_edges<S: Facets>(
    meeting: &Meeting<'_, S>,
    local: &Local<'_>,
    convex: [bool; 3],
    preferred: f64,
    edges: &mut Vec<Edge>,
) -> Edges {
    if edges.is_empty() {
        edges.extend((0..meeting.outline.edges()).map(|number| meeting.outline.edge(number)));
    }
    let mut best = Edges::None;
    let mut least = preferred;
    let reach = meeting.outline.reach + meeting.margin;
    for side in (0..3).filter(|&side| convex[side]) {
        let (start, end) = (local.corners[side], local.corners[(side + 1) % 3]);
        if start.min(end).cmpgt(reach).any() || start.max(end).cmplt(-reach).any() {
            continue;
        }
        let along = end - start;
        let mut sum = local.normal;
        // How far a common normal may be from the triangle's; any way at a border.
        let mut bend = 2.0;
        // Into the triangles beside the side, where a common normal must not point.
        let mut inward = [local.corners[(side + 2) % 3] - start; 2];
        meeting.surface.across_side(local.facet, side, &mut |third, normal| {
            let normal = meeting.to_body * normal;
            sum += normal;
            bend = (normal - local.normal).length() + 1e-6;
            inward[1] = meeting.local(third) - start;
        });
        for (number, edge) in (0..).zip(&*edges) {
            // The cheap part of the last test below.
            if edge.inward.iter().any(|inward| inward.dot(local.normal) < -bend) {
                continue;
            }
            let way = edge.ends[1] - edge.ends[0];
            let cross = along.cross(way);
            let length_squared = cross.length_squared();
            // Edges that are nearly parallel have no common normal; the faces beside them will do.
            if length_squared <= 1e-6 * along.length_squared() * way.length_squared() {
                continue;
            }
            let length = length_squared.sqrt();
            let direction = if cross.dot(sum) >= 0.0 {
                cross / length
            } else {
                -cross / length
            };
            let points_into = |inward: DVec3, direction: DVec3| {
                let into = inward.dot(direction);
                into > 0.0 && into * into > 1e-12 * inward.length_squared()
            };
            if inward.iter().any(|&inward| points_into(inward, direction))
                || edge.inward.iter().any(|&inward| points_into(inward, -direction))
            {
                continue;
            }
            let between = edge.ends[0] - start;
            let separation = between.dot(direction);
            if separation >= meeting.margin {
                return Edges::Apart;
            }
            if separation <= least {
                continue;
            }
            // Where the two lines are nearest, in shares of their lengths.
            let on_side = between.cross(way).dot(cross) / length_squared;
            let on_edge = between.cross(along).dot(cross) / length_squared;
            let range = -1e-6..=1.0 + 1e-6;
            if !(range.contains(&on_side) && range.contains(&on_edge)) {
                continue;
            }
            least = separation;
            best = Edges::Touch(EdgePair {
                axis: Axis { direction, separation },
                side,
                edge: number,
                position: start + along * on_side + direction * (0.5 * separation),
            });
        }
    }
    best
}

/// A corner of a polygon that is clipped.
#[derive(Clone, Copy, Debug)]
struct Corner {
    position: DVec3,
    feature: u32,
    /// The edge from here to the next corner.
    edge: u32,
}

/// A polygon and room to clip it, used again for each triangle.
#[derive(Debug, Default)]
struct Polygon {
    corners: Vec<Corner>,
    clipped: Vec<Corner>,
}

/// Keeps the part of a polygon that is not outside a plane, and calls `name` for the feature where one of its edges crosses it.
fn clip(polygon: &mut Polygon, normal: DVec3, offset: f64, edge: u32, name: impl Fn(u32) -> u32) {
    let Polygon { corners, clipped } = polygon;
    let Some(mut before) = corners.last().copied() else {
        return;
    };
    let outside = |corner: &Corner| corner.position.dot(normal) - offset;
    clipped.clear();
    for &corner in &*corners {
        let (from, to) = (outside(&before), outside(&corner));
        if (from > 0.0) != (to > 0.0) {
            let position = before.position + (corner.position - before.position) * (from / (from - to));
            clipped.push(Corner {
                position,
                feature: name(before.edge),
                edge: if to > 0.0 { edge } else { before.edge },
            });
        }
        if to <= 0.0 {
            clipped.push(corner);
        }
        before = corner;
    }
    std::mem::swap(corners, clipped);
}

/// The number of the place where an edge of the body crosses a side of a triangle, or the number of the corner where two sides meet.
fn crossing(facet: &Facet, edge: u32, side: usize) -> u32 {
    if edge >= SIDE {
        // Sides i and i + 1 share corner i + 1.
        let (one, two) = ((edge - SIDE) as usize, side);
        let corner = if (one + 1) % 3 == two { two } else { one };
        return corner_feature(facet, corner);
    }
    1 << 31 | (edge & 0x7fff) << 16 | (3 * facet.number as u32 + side as u32) & 0xffff
}

fn corner_feature(facet: &Facet, corner: usize) -> u32 {
    1 << 29 | facet.vertices[corner] as u32 & 0x1fff_ffff
}

/// The body's face that faces the triangle most, cut to the part over the triangle, and the body's lowest vertex if it is over it.
fn touch_along_normal<S: Facets>(
    meeting: &Meeting<'_, S>,
    local: &Local<'_>,
    (lowest, vertex): (u32, DVec3),
    work: &mut Work,
) {
    let outline = meeting.outline;
    let facing = outline.face_against(local.normal);
    let polygon = &mut work.polygon;
    polygon.corners.clear();
    polygon
        .corners
        .extend(outline.face_vertices(facing).map(|number| Corner {
            position: outline.vertex(number),
            feature: number,
            edge: number,
        }));
    let plane = local.corners[0].dot(local.normal);
    let mut is_over = true;
    for side in 0..3 {
        let outward = local.outward(side);
        let offset = local.corners[side].dot(outward);
        is_over &= vertex.dot(outward) <= offset + SAME_PLACE * outward.length();
        clip(polygon, outward, offset, SIDE + side as u32, |edge| {
            crossing(local.facet, edge, side)
        });
    }
    if is_over && !polygon.corners.iter().any(|corner| corner.feature == lowest) {
        polygon.corners.push(Corner {
            position: vertex,
            feature: lowest,
            edge: lowest,
        });
    }
    let points = polygon.corners.iter().map(|corner| {
        let separation = corner.position.dot(local.normal) - plane;
        Point {
            position: corner.position - local.normal * (0.5 * separation),
            separation,
            feature: corner.feature,
        }
    });
    let near = points.filter(|point| point.separation < meeting.margin);
    work.gathered
        .add(local.normal, local.facet.normal, Feature::Faces, near);
}

/// The triangle cut to the part that is under a face of the body, along the face's normal. False if there is none.
fn touch_with_face<S: Facets>(
    meeting: &Meeting<'_, S>,
    local: &Local<'_>,
    number: u32,
    corner: usize,
    direction: DVec3,
    work: &mut Work,
) -> bool {
    let outline = meeting.outline;
    let face = outline.face(number);
    let polygon = &mut work.polygon;
    polygon.corners.clear();
    polygon.corners.extend((0..3).map(|corner| Corner {
        position: local.corners[corner],
        feature: corner_feature(local.facet, corner),
        edge: SIDE + corner as u32,
    }));
    let vertices = outline.face_vertices(number);
    for (start, end) in vertices.clone().zip(vertices.cycle().skip(1)) {
        let (from, to) = (outline.vertex(start), outline.vertex(end));
        let outward = (to - from).cross(face.normal);
        clip(polygon, outward, from.dot(outward), start, |edge| {
            if edge >= SIDE {
                crossing(local.facet, start, (edge - SIDE) as usize)
            } else {
                // Two edges of the face: a vertex of the body over the triangle.
                start
            }
        });
    }
    let points = polygon.corners.iter().map(|corner| {
        let separation = corner.position.dot(face.normal) - face.offset;
        Point {
            position: corner.position - face.normal * (0.5 * separation),
            separation,
            feature: corner.feature,
        }
    });
    let near = points.filter(|point| point.separation < meeting.margin);
    let feature = Feature::Part(meeting.surface.vertex_feature(local.facet.vertices[corner]));
    work.gathered
        .add(direction, meeting.to_body.transpose() * direction, feature, near)
}

fn meet_capsule<S: Facets>(meeting: &Meeting<'_, S>, local: &Local<'_>, work: &mut Work) {
    let outline = meeting.outline;
    let ends = [outline.vertex(0), outline.vertex(1)];
    let plane = local.corners[0].dot(local.normal);
    let heights = ends.map(|end| end.dot(local.normal) - plane - outline.radius);
    if heights[0] >= meeting.margin && heights[1] >= meeting.margin {
        return;
    }
    let convex = meeting.surface.convex_sides(local.facet);
    // The part of the segment over the triangle.
    let way = ends[1] - ends[0];
    let (mut enter, mut leave) = ((0.0, 0), (1.0, 1));
    for (side, is_convex) in convex.into_iter().enumerate() {
        let outward = local.outward(side);
        // Between the prisms over two triangles that bend a little there is a wedge, as wide as the bend times the height; both reach into it.
        let wedge = if is_convex {
            0.0
        } else {
            NEARLY_FLAT * (outline.radius + meeting.margin) * outward.length()
        };
        let over = (ends[0] - local.corners[side]).dot(outward) - wedge;
        let rate = way.dot(outward);
        let name = crossing(local.facet, 0, side);
        if rate == 0.0 {
            if over > 0.0 {
                leave.0 = -1.0;
            }
        } else if rate > 0.0 && -over / rate < leave.0 {
            leave = (-over / rate, name);
        } else if rate < 0.0 && -over / rate > enter.0 {
            enter = (-over / rate, name);
        }
    }
    let height_at = |share: f64| heights[0] + (heights[1] - heights[0]) * share;
    // Where the segment itself is behind the triangle without having come through it, another triangle is between them.
    let is_through = height_at(enter.0).max(height_at(leave.0)) < -outline.radius;
    if enter.0 <= leave.0 && !is_through {
        let points = [enter, leave].map(|(share, feature)| {
            let separation = height_at(share);
            Point {
                position: ends[0] + way * share - local.normal * (outline.radius + 0.5 * separation),
                separation,
                feature,
            }
        });
        let count = if enter.0 < leave.0 { 2 } else { 1 };
        let near = points[..count]
            .iter()
            .copied()
            .filter(|point| point.separation < meeting.margin);
        work.gathered
            .add(local.normal, local.facet.normal, Feature::Faces, near);
    }
    for side in (0..3).filter(|&side| convex[side]) {
        capsule_on_side(meeting, local, side, work);
    }
}

/// A capsule touches a convex side where it is nearest to it, unless the surface beside comes nearer; along it in two points.
fn capsule_on_side<S: Facets>(meeting: &Meeting<'_, S>, local: &Local<'_>, side: usize, work: &mut Work) {
    let outline = meeting.outline;
    let radius = outline.radius;
    let (bottom, top) = (outline.vertex(0), outline.vertex(1));
    let (start, end) = (local.corners[side], local.corners[(side + 1) % 3]);
    let (along, way) = (end - start, top - bottom);
    let (on_side, on_segment) = nearest_on_segments([start, along], [bottom, way]);
    let foot = start + along * on_side;
    let gap = bottom + way * on_segment - foot;
    let distance = gap.length();
    if !(distance > 1e-6 * radius && distance - radius < meeting.margin) {
        return;
    }
    let direction = gap / distance;
    let mut sum = local.normal;
    let comes_nearer = |way: DVec3| {
        let nearer = way.dot(direction);
        nearer > 0.0 && nearer * nearer > REACH_SLACK * REACH_SLACK * way.length_squared()
    };
    let mut is_nearest = !comes_nearer(local.corners[(side + 2) % 3] - foot);
    meeting.surface.across_side(local.facet, side, &mut |third, normal| {
        sum += meeting.to_body * normal;
        is_nearest &= !comes_nearer(meeting.local(third) - foot);
    });
    if !is_nearest || direction.dot(sum) < 0.0 {
        return;
    }
    let corner = match on_side {
        0.0 => Some(side),
        1.0 => Some((side + 1) % 3),
        _ => None,
    };
    let feature = match corner {
        Some(corner) => {
            let vertex = local.facet.vertices[corner];
            meeting.surface.around_vertex(vertex, &mut |other| {
                is_nearest &= !comes_nearer(meeting.local(other) - foot);
            });
            if !is_nearest {
                return;
            }
            meeting.surface.vertex_feature(vertex)
        }
        None => meeting.surface.side_feature(local.facet, side),
    };
    let outward = meeting.to_body.transpose() * direction;
    let point = |share: f64, foot: DVec3, feature: u32| {
        let at = bottom + way * share;
        let separation = (at - foot).dot(direction) - radius;
        Point {
            position: at - direction * (radius + 0.5 * separation),
            separation,
            feature,
        }
    };
    let name = 1 << 30 | feature as u32 & 0x0fff_ffff;
    let is_along = along.cross(way).length_squared() < ALONG_SQUARED * along.length_squared() * way.length_squared();
    if !is_along {
        work.gathered.add(
            direction,
            outward,
            Feature::Part(feature),
            [point(on_segment, foot, name)],
        );
        return;
    }
    // The stretch of the segment beside the side, and the side's points there.
    let rate = way.dot(along) / along.length_squared();
    let from = (bottom - start).dot(along) / along.length_squared();
    let shares = [0.0, 1.0].map(|place| ((place - from) / rate).clamp(0.0, 1.0));
    let points = [(shares[0], 0), (shares[1], 1)].map(|(share, end)| {
        let foot = start + along * (from + rate * share).clamp(0.0, 1.0);
        point(share, foot, name | end << 28)
    });
    let near = points.into_iter().filter(|point| point.separation < meeting.margin);
    work.gathered.add(direction, outward, Feature::Part(feature), near);
}

/// Where two segments (start and way) come nearest, in shares of their lengths (Ericson, Real-Time Collision Detection, 5.1.9).
fn nearest_on_segments([p, d]: [DVec3; 2], [q, e]: [DVec3; 2]) -> (f64, f64) {
    let between = p - q;
    let (a, b, c) = (d.dot(d), d.dot(e), e.dot(e));
    let (r, s) = (d.dot(between), e.dot(between));
    if c == 0.0 {
        return ((-r / a).clamp(0.0, 1.0), 0.0);
    }
    let determinant = a * c - b * b;
    let mut first = if determinant > 1e-12 * a * c {
        ((b * s - c * r) / determinant).clamp(0.0, 1.0)
    } else {
        0.5
    };
    let second = (b * first + s) / c;
    let second = if second < 0.0 {
        first = (-r / a).clamp(0.0, 1.0);
        0.0
    } else if second > 1.0 {
        first = ((b - r) / a).clamp(0.0, 1.0);
        1.0
    } else {
        second
    };
    (first, second)
}
