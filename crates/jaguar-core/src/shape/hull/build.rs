//! From points to the faces of their convex hull.
//!
//! The points are rounded to a grid of 2^20 steps across the largest extent, on which every orientation is an exact integer: the surface of triangles that grows point by point is closed and convex whatever the
//! points are. Points nearer to it than [`FLAT`] are left out. Triangles that lie in a plane to within the same are then joined to faces; a vertex between two faces alone is on an edge, and none.
//! What comes out depends on the set of the points, not on their order.

use glam::{DVec3, Vec3};

use super::{HullError, MAX_VERTICES};

/// Steps of the grid across the largest extent. Differences take 20 bits and a sign, the product of three 60 and the sum of six such 63: an i64 holds it.
const STEPS: f64 = (1_u32 << 20) as f64;

/// What is nearer to a plane than this share of the largest extent lies in it: 10 µm for a body of 1 m, far above the rounding of a turned box's corners in f32, far below what is visible.
const FLAT: f64 = 1e-5;

/// Shares of [`FLAT`] with which triangles are joined. The first will do unless a surface bends by about that much from triangle to triangle.
const TOLERANCES: [f64; 4] = [1.0, 0.25, 0.0625, 0.0];

/// Vertices of the triangles before they are joined, at most: with more there are too many afterwards.
const MOST_CORNERS: usize = 2 * MAX_VERTICES;

/// Faces as loops of points' numbers, counter-clockwise from outside.
pub(super) type Loops = Vec<Vec<usize>>;

/// The faces around points, which are sorted and distinct. Each loop begins with its lowest number, and the loops ascend.
pub(super) fn loops_around(points: &[Vec3]) -> Result<Loops, HullError> {
    let grid = Grid::new(points);
    let triangles = grid.triangles()?;
    TOLERANCES
        .iter()
        .find_map(|share| Joined::new(&grid, &triangles, share * FLAT * STEPS).loops())
        .ok_or(HullError::Degenerate)
}

type Triangle = [usize; 3];

/// The points on the grid.
struct Grid {
    points: Vec<[i64; 3]>,
}

impl Grid {
    fn new(points: &[Vec3]) -> Self {
        let wide = || points.iter().map(|point| point.as_dvec3());
        let low = wide().reduce(DVec3::min).unwrap_or_default();
        let high = wide().reduce(DVec3::max).unwrap_or_default();
        let extent = (high - low).max_element();
        let scale = if extent > 0.0 { STEPS / extent } else { 0.0 };
        let step = |coordinate: f64| libm::round(coordinate * scale) as i64;
        let points = wide().map(|point| (point - low).to_array().map(step)).collect();
        Self { points }
    }

    fn way(&self, from: usize, to: usize) -> [i64; 3] {
        let (a, b) = (self.points[from], self.points[to]);
        [b[0] - a[0], b[1] - a[1], b[2] - a[2]]
    }

    /// Outwards, as long as twice the area.
    fn normal(&self, [a, b, c]: Triangle) -> [i64; 3] {
        cross(self.way(a, b), self.way(a, c))
    }

    /// How high a point is above a triangle, in steps.
    fn height(&self, triangle: Triangle, normal: [i64; 3], point: usize) -> f64 {
        dot(normal, self.way(triangle[0], point)) as f64 / length(normal)
    }

    /// The surface of the points' hull.
    fn triangles(&self) -> Result<Vec<Triangle>, HullError> {
        let mut corners = self.tetrahedron()?;
        let mut triangles = {
            let [a, b, c, d] = corners[..] else {
                return Err(HullError::Flat);
            };
            vec![[a, b, c], [a, d, b], [b, d, c], [c, d, a]]
        };
        loop {
            // Of points equally far out the first in their order, which is a vertex of the hull.
            let mut farthest = (FLAT * STEPS, None);
            for &triangle in &triangles {
                let normal = self.normal(triangle);
                let (scale, origin) = (1.0 / length(normal), triangle[0]);
                for point in 0..self.points.len() {
                    let height = dot(normal, self.way(origin, point)) as f64 * scale;
                    if height > farthest.0 || (height == farthest.0 && farthest.1.is_some_and(|other| point < other)) {
                        farthest = (height, Some(point));
                    }
                }
            }
            let Some(point) = farthest.1 else {
                return Ok(triangles);
            };
            corners.push(point);
            if corners.len() > MOST_CORNERS {
                return Err(HullError::TooManyVertices);
            }
            self.reach_out(&mut triangles, point);
        }
    }

    /// Four points far from each other, the last below the triangle of the others.
    fn tetrahedron(&self) -> Result<Vec<usize>, HullError> {
        let farthest = |value: &dyn Fn(usize) -> f64| {
            let mut best = (0, 0.0);
            for point in 0..self.points.len() {
                let value = value(point);
                if value > best.1 {
                    best = (point, value);
                }
            }
            (best.1 > FLAT * STEPS).then_some(best.0).ok_or(HullError::Flat)
        };
        let a = 0;
        let b = farthest(&|point| length(self.way(a, point)))?;
        let along = self.way(a, b);
        let c = farthest(&|point| length(cross(along, self.way(a, point))) / length(along))?;
        let normal = self.normal([a, b, c]);
        let d = farthest(&|point| self.height([a, b, c], normal, point).abs())?;
        Ok(if dot(normal, self.way(a, d)) < 0 {
            vec![a, b, c, d]
        } else {
            vec![a, c, b, d]
        })
    }

    /// Replaces the triangles that a point sees by those between it and their rim.
    fn reach_out(&self, triangles: &mut Vec<Triangle>, point: usize) {
        let (seen, mut kept): (Vec<Triangle>, Vec<Triangle>) = triangles
            .iter()
            .partition(|&&triangle| dot(self.normal(triangle), self.way(triangle[0], point)) > 0);
        let mut sides: Vec<[usize; 2]> = seen.into_iter().flat_map(sides).collect();
        sides.sort_unstable();
        let rim = sides.iter().filter(|&&[a, b]| sides.binary_search(&[b, a]).is_err());
        kept.extend(rim.map(|&[a, b]| [a, b, point]));
        *triangles = kept;
    }
}

/// Triangles joined to faces.
struct Joined<'a> {
    triangles: &'a [Triangle],
    /// The face of each triangle.
    face: Vec<usize>,
    faces: usize,
    /// Each side with its triangle, sorted.
    sides: Vec<([usize; 2], usize)>,
}

impl<'a> Joined<'a> {
    /// From the largest triangle on, each takes in those around that lie in its plane, to within a tolerance in steps.
    fn new(grid: &Grid, triangles: &'a [Triangle], tolerance: f64) -> Self {
        let mut sides: Vec<([usize; 2], usize)> = (0..triangles.len())
            .flat_map(|number| sides(triangles[number]).map(|side| (side, number)))
            .collect();
        sides.sort_unstable();
        const NONE: usize = usize::MAX;
        let mut joined = Self {
            triangles,
            face: vec![NONE; triangles.len()],
            faces: 0,
            sides,
        };
        let normals: Vec<[i64; 3]> = triangles.iter().map(|&triangle| grid.normal(triangle)).collect();
        let mut by_area: Vec<usize> = (0..triangles.len()).collect();
        by_area.sort_by(|&a, &b| {
            let larger_first = length(normals[b]).total_cmp(&length(normals[a]));
            larger_first.then_with(|| sorted(triangles[a]).cmp(&sorted(triangles[b])))
        });
        for seed in by_area {
            if joined.face[seed] != NONE {
                continue;
            }
            joined.face[seed] = joined.faces;
            let mut open = vec![seed];
            while let Some(number) = open.pop() {
                for side in self::sides(triangles[number]) {
                    let Some(next) = joined.across(side) else { continue };
                    let is_flat =
                        |&corner: &usize| grid.height(triangles[seed], normals[seed], corner).abs() <= tolerance;
                    if joined.face[next] == NONE
                        && dot_wide(normals[seed], normals[next]) > 0.0
                        && triangles[next].iter().all(is_flat)
                    {
                        joined.face[next] = joined.faces;
                        open.push(next);
                    }
                }
            }
            joined.faces += 1;
        }
        joined
    }

    /// The triangle on the other side.
    fn across(&self, [a, b]: [usize; 2]) -> Option<usize> {
        let at = self.sides.binary_search_by(|(side, _)| side.cmp(&[b, a])).ok()?;
        Some(self.sides[at].1)
    }

    /// The rims of the faces, without the vertices that are in two of them alone. Nothing if they are not a closed surface of polygons.
    fn loops(&self) -> Option<Loops> {
        let mut rims: Vec<Vec<[usize; 2]>> = vec![Vec::new(); self.faces];
        for &(side, number) in &self.sides {
            let face = self.face[number];
            if self.face[self.across(side)?] != face {
                rims[face].push(side);
            }
        }
        let mut loops: Loops = rims.iter().map(|rim| in_order(rim)).collect::<Option<_>>()?;
        let corners = self.triangles.iter().flatten().max()? + 1;
        let mut faces_around = vec![0_u32; corners];
        loops.iter().flatten().for_each(|&corner| faces_around[corner] += 1);
        for around in &mut loops {
            around.retain(|&corner| faces_around[corner] >= 3);
            if around.len() < 3 {
                return None;
            }
            let lowest = (0..around.len()).min_by_key(|&k| around[k])?;
            around.rotate_left(lowest);
        }
        loops.sort_unstable();
        is_closed(&loops).then_some(loops)
    }
}

/// The sides of a rim, sorted, one after the other, as the corners where they begin.
fn in_order(rim: &[[usize; 2]]) -> Option<Vec<usize>> {
    let &[start, mut next] = rim.first()?;
    let mut around = vec![start];
    while next != start && around.len() < rim.len() {
        let at = rim.partition_point(|side| side[0] < next);
        around.push(next);
        next = rim.get(at).filter(|side| side[0] == next)?[1];
    }
    // One that comes twice to a corner, or a rim of several loops, has more sides than it takes to return.
    (next == start && around.len() == rim.len()).then_some(around)
}

/// Whether every side has one opposite, and Euler's formula holds.
fn is_closed(loops: &Loops) -> bool {
    let mut sides: Vec<[usize; 2]> = loops.iter().flat_map(|around| sides_around(around)).collect();
    sides.sort_unstable();
    let is_once = sides.windows(2).all(|pair| pair[0] != pair[1]);
    let has_opposite = |&[a, b]: &[usize; 2]| sides.binary_search(&[b, a]).is_ok();
    let mut corners: Vec<usize> = loops.iter().flatten().copied().collect();
    corners.sort_unstable();
    corners.dedup();
    is_once && sides.iter().all(has_opposite) && corners.len() + loops.len() == sides.len() / 2 + 2
}

/// The sides of a polygon.
pub(super) fn sides_around(around: &[usize]) -> impl Iterator<Item = [usize; 2]> + '_ {
    around.iter().zip(around.iter().cycle().skip(1)).map(|(&a, &b)| [a, b])
}

fn sides([a, b, c]: Triangle) -> [[usize; 2]; 3] {
    [[a, b], [b, c], [c, a]]
}

fn sorted(mut triangle: Triangle) -> Triangle {
    triangle.sort_unstable();
    triangle
}

fn cross(a: [i64; 3], b: [i64; 3]) -> [i64; 3] {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}

fn dot(a: [i64; 3], b: [i64; 3]) -> i64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// Of vectors whose product would not fit an i64.
fn dot_wide(a: [i64; 3], b: [i64; 3]) -> f64 {
    let product = |axis: usize| a[axis] as f64 * b[axis] as f64;
    product(0) + product(1) + product(2)
}

fn length(vector: [i64; 3]) -> f64 {
    dot_wide(vector, vector).sqrt()
}
