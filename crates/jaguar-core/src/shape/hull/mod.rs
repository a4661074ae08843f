//! Convex hulls: polyhedra of the world's definition that bodies have as shapes.

mod build;
mod query;
#[cfg(test)]
mod tests;

pub(crate) use self::query::TurnedHull;

use glam::{DMat3, DVec3, Mat3, Vec3};

use self::build::{Loops, loops_around, sides_around};
use crate::simd::{LANES, Octet};

/// Most points that a hull is made of.
const MAX_POINTS: usize = 4096;

/// Most vertices of a hull: as many as pay in a contact, and numbers of vertices, edges (at most 186) and faces (at most 124) fit a byte.
pub(crate) const MAX_VERTICES: usize = 64;
const _: () = assert!(3 * MAX_VERTICES - 6 <= u8::MAX as usize);

/// Most faces of a hull of [`MAX_VERTICES`].
pub(crate) const MAX_FACES: usize = 2 * MAX_VERTICES - 4;

/// Most vertices of a face: two faces that are clipped against each other fit on the stack.
pub(crate) const MAX_AROUND_FACE: usize = 32;

/// Most hulls of a world.
pub(crate) const MAX_HULLS: usize = 1 << 16;

/// The farthest that a point may be from the origin on an axis, m.
const MAX_COORDINATE: f32 = 1e6;

/// The least radius of the ball inside a hull as a share of that of the ball around it.
const MIN_THICKNESS: f64 = 1e-3;

/// Points that are not the shape of a body. The definition of the world is wrong: correct the points.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum HullError {
    /// A coordinate is not finite or too large.
    #[error("point {point} of the hull is {value}, allowed: three coordinates within ±{MAX_COORDINATE} m")]
    Coordinate {
        /// Index of the point.
        point: usize,
        /// What it is.
        value: Vec3,
    },
    /// Fewer than four points.
    #[error("the hull has {0} different points, allowed: at least 4")]
    TooFewPoints(usize),
    /// More points than a hull is made of.
    #[error("the hull has {0} points, allowed: at most {MAX_POINTS}; leave out those inside")]
    TooManyPoints(usize),
    /// All points lie in one plane, line or place.
    #[error("the points of the hull lie in one plane; a body needs a volume")]
    Flat,
    /// The hull is much thinner than it is wide.
    #[error(
        "the hull is too thin: it holds a ball of {inside} m and fits into one of {around} m, allowed: a thousandth at least"
    )]
    TooThin {
        /// Radius of the ball inside, m.
        inside: f64,
        /// Radius of the ball around, m.
        around: f64,
    },
    /// The hull has too many vertices.
    #[error("the hull has more than {MAX_VERTICES} vertices; simplify it")]
    TooManyVertices,
    /// A face has too many vertices.
    #[error("a face of the hull has {0} vertices, allowed: at most {MAX_AROUND_FACE}; simplify it")]
    TooManyAroundFace(usize),
    /// The points are so near to each other and to common planes that no surface of polygons comes out.
    #[error("the points of the hull make no closed surface of faces; leave out points that nearly coincide")]
    Degenerate,
}

/// A convex polyhedron around its centre of mass, of uniform density.
///
/// It is a function of the set of its points: their order, points inside and points that lie on a face or an edge (to within 10^-5 of the extent) change nothing.
///
/// ```
/// use glam::Vec3;
/// use jaguar_core::shape::ConvexHull;
///
/// let points = [Vec3::ZERO, Vec3::X, Vec3::Y, Vec3::Z];
/// let tetrahedron = ConvexHull::new(&points)?;
/// assert!((tetrahedron.volume() - 1.0 / 6.0).abs() < 1e-6);
/// assert!((tetrahedron.centroid() - 0.25).length() < 1e-6);
/// # Ok::<(), jaguar_core::shape::HullError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "Vec<Vec3>", into = "Vec<Vec3>"))]
pub struct ConvexHull {
    /// The vertices as they were given, ascending. Invariant: the hull of them is this one.
    points: Vec<Vec3>,
    centroid: DVec3,
    vertices: Vec<Vec3>,
    /// The same eight at a time, the last repeated; so are those of faces and edges.
    lanes: Vec<Lanes>,
    faces: Vec<Face>,
    face_lanes: Vec<FaceLanes>,
    corners: Vec<Corner>,
    edges: Vec<Edge>,
    edge_lanes: Vec<EdgeLanes>,
    volume: f32,
    surface: f32,
    inertia: Mat3,
    bounding_radius: f32,
    inner_radius: f32,
    /// Half edges of the box around the centre and all vertices, m.
    reach: Vec3,
}

/// Eight vertices: their x, y and z.
pub(crate) type Lanes = [Octet; 3];

/// Eight faces.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct FaceLanes {
    pub(crate) normals: [Octet; 3],
    pub(crate) offsets: Octet,
}

/// What tells early which of eight edges matter.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct EdgeLanes {
    /// As in [`Edge::faces`].
    pub(crate) faces: [[u8; LANES]; 2],
    pub(crate) cosines: Octet,
}

impl FaceLanes {
    /// Of up to eight; the last is repeated.
    pub(crate) fn of(faces: &[Face]) -> Self {
        let face = |lane: usize| &faces[lane.min(faces.len() - 1)];
        let lanes = |number: fn(&Face) -> f32| Octet(std::array::from_fn(|lane| number(face(lane))));
        Self {
            normals: [
                lanes(|face| face.normal.x),
                lanes(|face| face.normal.y),
                lanes(|face| face.normal.z),
            ],
            offsets: lanes(|face| face.offset),
        }
    }
}

impl EdgeLanes {
    /// Of up to eight; the last is repeated.
    pub(crate) fn of(edges: &[Edge]) -> Self {
        let edge = |lane: usize| &edges[lane.min(edges.len() - 1)];
        Self {
            faces: [0, 1].map(|side| std::array::from_fn(|lane| edge(lane).faces[side])),
            cosines: Octet(std::array::from_fn(|lane| edge(lane).cosine)),
        }
    }
}

/// A face of a polyhedron.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Face {
    /// Unit, outwards.
    pub(crate) normal: Vec3,
    /// How far the farthest vertex is along it, m.
    pub(crate) offset: f32,
    /// Its first corner.
    pub(crate) first: u16,
    /// How many corners it has.
    pub(crate) count: u8,
}

/// A corner of a face, counter-clockwise from outside after the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Corner {
    pub(crate) vertex: u8,
    /// The edge to the next corner.
    pub(crate) edge: u8,
}

/// An edge of a polyhedron.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Edge {
    /// Two vertices, ascending.
    pub(crate) ends: [u8; 2],
    /// The face that is to the left from the first to the second, seen from outside, and the one to the right.
    pub(crate) faces: [u8; 2],
    /// Unit, from the first end to the second.
    pub(crate) direction: Vec3,
    /// Of the angle between the two normals.
    pub(crate) cosine: f32,
}

/// What collision detection reads of a hull, or of a box that is treated like one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Polyhedron<'a> {
    pub(crate) vertices: &'a [Vec3],
    pub(crate) lanes: &'a [Lanes],
    pub(crate) faces: &'a [Face],
    pub(crate) face_lanes: &'a [FaceLanes],
    pub(crate) corners: &'a [Corner],
    pub(crate) edges: &'a [Edge],
    pub(crate) edge_lanes: &'a [EdgeLanes],
    /// Radius of the ball around the centre that is inside all faces, m.
    pub(crate) inner_radius: f32,
}

impl<'a> Polyhedron<'a> {
    /// The corners of a face.
    pub(crate) fn around(&self, face: &Face) -> &'a [Corner] {
        &self.corners[usize::from(face.first)..][..usize::from(face.count)]
    }

    pub(crate) fn vertex(&self, number: u8) -> Vec3 {
        self.vertices[usize::from(number)]
    }

    pub(crate) fn face(&self, number: u8) -> &'a Face {
        &self.faces[usize::from(number)]
    }
}

impl ConvexHull {
    /// The hull of points in any frame (m); a body has its [`ConvexHull::centroid`] as its position.
    ///
    /// # Errors
    /// When the points do not span a body, or one with more than 64 vertices or 32 around a face.
    pub fn new(points: &[Vec3]) -> Result<Self, HullError> {
        if points.len() > MAX_POINTS {
            return Err(HullError::TooManyPoints(points.len()));
        }
        let is_valid = |point: Vec3| point.is_finite() && point.abs().max_element() <= MAX_COORDINATE;
        if let Some(point) = points.iter().position(|&point| !is_valid(point)) {
            let value = points[point];
            return Err(HullError::Coordinate { point, value });
        }
        // One zero only.
        let mut points: Vec<Vec3> = points.iter().map(|&point| point + Vec3::ZERO).collect();
        points.sort_unstable_by(|a, b| {
            let by_axis = |axis: usize| a[axis].total_cmp(&b[axis]);
            by_axis(0).then(by_axis(1)).then(by_axis(2))
        });
        points.dedup();
        if points.len() < 4 {
            return Err(HullError::TooFewPoints(points.len()));
        }
        // Without points that are no vertices others may lie flat; so again until all are.
        loop {
            let mut loops = loops_around(&points)?;
            let kept = leave_out_unused(&mut points, &mut loops);
            if points.len() == kept {
                return Self::of_loops(points, &loops);
            }
            points.truncate(kept);
        }
    }

    /// The vertices in the frame in which they were given, ascending by x, y and z, m. The hull of them is the same again, bit for bit.
    pub fn points(&self) -> &[Vec3] {
        &self.points
    }

    /// The centre of mass in the frame in which the points were given, m.
    pub fn centroid(&self) -> DVec3 {
        self.centroid
    }

    /// The vertices from the centre of mass, m.
    pub fn vertices(&self) -> &[Vec3] {
        &self.vertices
    }

    /// The faces: the unit normal out of each, and the numbers of its vertices counter-clockwise from outside.
    pub fn faces(&self) -> impl Iterator<Item = (Vec3, impl Iterator<Item = usize> + '_)> + '_ {
        self.faces.iter().map(|face| {
            let around = self.polyhedron().around(face);
            (face.normal, around.iter().map(|corner| usize::from(corner.vertex)))
        })
    }

    /// The edges, each as the numbers of its two vertices, ascending.
    pub fn edges(&self) -> impl Iterator<Item = [usize; 2]> + '_ {
        self.edges.iter().map(|edge| edge.ends.map(usize::from))
    }

    /// m³.
    pub fn volume(&self) -> f32 {
        self.volume
    }

    /// m².
    pub fn surface(&self) -> f32 {
        self.surface
    }

    /// Inertia tensor of a body of 1 kg about its centre of mass, m².
    pub fn inertia(&self) -> Mat3 {
        self.inertia
    }

    /// Radius of the ball around the centre of mass that holds all of it, m.
    pub fn bounding_radius(&self) -> f32 {
        self.bounding_radius
    }

    /// Radius of the ball around the centre of mass that all of it holds, m.
    pub fn inner_radius(&self) -> f32 {
        self.inner_radius
    }

    pub(crate) fn reach(&self) -> Vec3 {
        self.reach
    }

    pub(crate) fn polyhedron(&self) -> Polyhedron<'_> {
        Polyhedron {
            vertices: &self.vertices,
            lanes: &self.lanes,
            faces: &self.faces,
            face_lanes: &self.face_lanes,
            corners: &self.corners,
            edges: &self.edges,
            edge_lanes: &self.edge_lanes,
            inner_radius: self.inner_radius,
        }
    }

    /// The polyhedron of points, all of which are vertices of these faces.
    fn of_loops(points: Vec<Vec3>, loops: &Loops) -> Result<Self, HullError> {
        if points.len() > MAX_VERTICES {
            return Err(HullError::TooManyVertices);
        }
        if let Some(around) = loops.iter().find(|around| around.len() > MAX_AROUND_FACE) {
            return Err(HullError::TooManyAroundFace(around.len()));
        }
        let origin = points[0].as_dvec3();
        let ways: Vec<DVec3> = points.iter().map(|point| point.as_dvec3() - origin).collect();
        let from_origin = Moments::of(&ways, loops);
        let centre = from_origin.first / from_origin.volume;
        let vertices: Vec<Vec3> = ways.iter().map(|&way| (way - centre).as_vec3() + Vec3::ZERO).collect();
        let wide: Vec<DVec3> = vertices.iter().map(|vertex| vertex.as_dvec3()).collect();
        let moments = Moments::of(&wide, loops);

        let (mut faces, mut corners) = (Vec::new(), Vec::new());
        let mut edges: Vec<Edge> = Vec::new();
        let mut inside = f64::INFINITY;
        for around in loops {
            let normal = area_vector(&wide, around).normalize();
            let offset = wide
                .iter()
                .fold(f64::NEG_INFINITY, |most, vertex| most.max(vertex.dot(normal)));
            inside = inside.min(offset);
            faces.push(Face {
                normal: normal.as_vec3() + Vec3::ZERO,
                offset: offset as f32,
                first: corners.len() as u16,
                count: around.len() as u8,
            });
            for [from, to] in sides_around(around) {
                corners.push((from as u8, to as u8, (faces.len() - 1) as u8));
            }
        }
        for &(from, to, face) in corners.iter().filter(|(from, to, _)| from < to) {
            let opposite = corners.iter().find(|other| (other.0, other.1) == (to, from));
            let beside = opposite.ok_or(HullError::Degenerate)?.2;
            let way = wide[usize::from(to)] - wide[usize::from(from)];
            let [left, right] = [face, beside].map(|face| faces[usize::from(face)].normal);
            edges.push(Edge {
                ends: [from, to],
                faces: [face, beside],
                direction: way.normalize().as_vec3() + Vec3::ZERO,
                cosine: left.dot(right),
            });
        }
        edges.sort_unstable_by_key(|edge| edge.ends);
        let corner = |&(from, to, _): &(u8, u8, u8)| {
            let ends = if from < to { [from, to] } else { [to, from] };
            let edge = edges.iter().position(|edge| edge.ends == ends)? as u8;
            Some(Corner { vertex: from, edge })
        };
        let corners: Option<Vec<Corner>> = corners.iter().map(corner).collect();
        let around = wide.iter().fold(0.0_f64, |most, vertex| most.max(vertex.length()));
        if inside < MIN_THICKNESS * around {
            return Err(HullError::TooThin { inside, around });
        }
        let padded = vertices.chunks(LANES).map(|some| {
            let vertex = |lane: usize| some[lane.min(some.len() - 1)];
            [0, 1, 2].map(|axis| Octet(std::array::from_fn(|lane| vertex(lane)[axis])))
        });
        Ok(Self {
            centroid: origin + centre,
            lanes: padded.collect(),
            face_lanes: faces.chunks(LANES).map(FaceLanes::of).collect(),
            faces,
            corners: corners.ok_or(HullError::Degenerate)?,
            edge_lanes: edges.chunks(LANES).map(EdgeLanes::of).collect(),
            edges,
            volume: moments.volume as f32,
            surface: loops
                .iter()
                .map(|around| 0.5 * area_vector(&wide, around).length())
                .sum::<f64>() as f32,
            inertia: moments.inertia(),
            // Not less than a vertex's distance.
            bounding_radius: (around as f32).next_up(),
            inner_radius: inside as f32,
            reach: vertices
                .iter()
                .fold(Vec3::ZERO, |reach, vertex| reach.max(vertex.abs())),
            vertices,
            points,
        })
    }
}

impl TryFrom<Vec<Vec3>> for ConvexHull {
    type Error = HullError;

    fn try_from(points: Vec<Vec3>) -> Result<Self, HullError> {
        Self::new(&points)
    }
}

impl From<ConvexHull> for Vec<Vec3> {
    fn from(hull: ConvexHull) -> Self {
        hull.points
    }
}

/// Moves the points that loops use to the front, numbers them anew, and says how many they are.
fn leave_out_unused(points: &mut [Vec3], loops: &mut Loops) -> usize {
    let mut used = vec![false; points.len()];
    loops.iter().flatten().for_each(|&point| used[point] = true);
    let mut number = vec![0; points.len()];
    let mut kept = 0;
    for point in (0..points.len()).filter(|&point| used[point]) {
        points[kept] = points[point];
        number[point] = kept;
        kept += 1;
    }
    loops.iter_mut().flatten().for_each(|point| *point = number[*point]);
    kept
}

/// Twice the area of a polygon times its normal.
fn area_vector(vertices: &[DVec3], around: &[usize]) -> DVec3 {
    let first = vertices[around[0]];
    let corners = around[1..].windows(2);
    corners.fold(DVec3::ZERO, |sum, pair| {
        sum + (vertices[pair[0]] - first).cross(vertices[pair[1]] - first)
    })
}

/// Integrals over a polyhedron of 1, x and x xᵀ: sums over the tetrahedra between the origin and the triangles of the faces.
struct Moments {
    volume: f64,
    first: DVec3,
    second: DMat3,
}

impl Moments {
    fn of(vertices: &[DVec3], loops: &Loops) -> Self {
        let mut moments = Self {
            volume: 0.0,
            first: DVec3::ZERO,
            second: DMat3::ZERO,
        };
        let outer = |v: DVec3| DMat3::from_cols(v * v.x, v * v.y, v * v.z);
        for around in loops {
            let a = vertices[around[0]];
            for pair in around[1..].windows(2) {
                let (b, c) = (vertices[pair[0]], vertices[pair[1]]);
                let sixfold = a.dot(b.cross(c));
                moments.volume += sixfold / 6.0;
                moments.first += (a + b + c) * (sixfold / 24.0);
                moments.second += (outer(a) + outer(b) + outer(c) + outer(a + b + c)) * (sixfold / 120.0);
            }
        }
        moments
    }

    /// Of 1 kg.
    fn inertia(&self) -> Mat3 {
        let second = self.second * self.volume.recip();
        let trace = second.x_axis.x + second.y_axis.y + second.z_axis.z;
        let inertia = DMat3::from_diagonal(DVec3::splat(trace)) - second;
        // One zero only.
        (inertia + DMat3::ZERO).as_mat3()
    }
}
