//! The nearest points of two convex shapes that are apart, by the algorithm of Gilbert, Johnson and Keerthi (1988).
//!
//! In f64: the distance of bodies is a small difference of places, and this is the way for rare cases.

use glam::DVec3;

/// More steps than any pair of polyhedra with some hundred vertices takes; the last result is good then, too.
const MAX_STEPS: usize = 64;

/// The squared distance is known when a step can lower it by less than this share.
const PRECISION: f64 = 1e-10;

/// Shapes nearer than this share of their size overlap.
const TOUCHING: f64 = 1e-9;

/// The points of two shapes that are farthest along a direction, on the first, and against it, on the second; from any common origin.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Support {
    pub(super) first: DVec3,
    pub(super) second: DVec3,
}

/// A corner of the simplex in the Minkowski difference second - first, with its weight in the nearest point.
#[derive(Clone, Copy, Debug, Default)]
struct Corner {
    support: Support,
    at: DVec3,
    weight: f64,
}

/// The nearest points of two shapes, or nothing if they overlap. `start` points from the first towards the second, roughly.
pub(super) fn nearest(support: impl Fn(DVec3) -> Support, start: DVec3) -> Option<Support> {
    let corner = |direction: DVec3| {
        let support = support(direction);
        Corner {
            support,
            at: support.second - support.first,
            weight: 1.0,
        }
    };
    let mut simplex = Simplex::default();
    simplex.push(corner(start));
    let mut nearest = simplex.corners[0].at;
    let mut size = nearest.length_squared();
    for _ in 0..MAX_STEPS {
        let distance = nearest.length_squared();
        if distance <= TOUCHING * TOUCHING * size {
            return None;
        }
        let next = corner(nearest);
        size = size.max(next.at.length_squared());
        if distance - nearest.dot(next.at) <= PRECISION * distance || simplex.has(next.at) {
            break;
        }
        let before = simplex;
        simplex.push(next);
        if !simplex.reduce() {
            return None;
        }
        let closer = simplex.point();
        if closer.length_squared() >= distance {
            // Rounding: the simplex is too flat to come nearer.
            simplex = before;
            break;
        }
        nearest = closer;
    }
    Some(simplex.weighted())
}

#[derive(Clone, Copy, Debug, Default)]
struct Simplex {
    corners: [Corner; 4],
    count: usize,
}

impl Simplex {
    fn push(&mut self, corner: Corner) {
        self.corners[self.count] = corner;
        self.count += 1;
    }

    fn has(&self, at: DVec3) -> bool {
        self.corners[..self.count].iter().any(|corner| corner.at == at)
    }

    fn point(&self) -> DVec3 {
        let used = &self.corners[..self.count];
        used.iter()
            .fold(DVec3::ZERO, |sum, corner| sum + corner.at * corner.weight)
    }

    fn weighted(&self) -> Support {
        let used = &self.corners[..self.count];
        used.iter().fold(Support::default(), |sum, corner| Support {
            first: sum.first + corner.support.first * corner.weight,
            second: sum.second + corner.support.second * corner.weight,
        })
    }

    /// Keeps the corners around the point nearest to the origin and weighs them; false if the origin is inside.
    fn reduce(&mut self) -> bool {
        let c = self.corners;
        *self = match self.count {
            4 => {
                let Some(nearest) = on_tetrahedron(c) else {
                    return false;
                };
                nearest
            }
            3 => on_triangle([c[0], c[1], c[2]]),
            _ => on_segment([c[0], c[1]]),
        };
        true
    }

    fn of<const N: usize>(corners: [(Corner, f64); N]) -> Self {
        let mut simplex = Self::default();
        for (corner, weight) in corners {
            simplex.push(Corner { weight, ..corner });
        }
        simplex
    }
}

fn on_segment([a, b]: [Corner; 2]) -> Simplex {
    let way = b.at - a.at;
    let along = -a.at.dot(way);
    let length = way.length_squared();
    if along <= 0.0 {
        Simplex::of([(a, 1.0)])
    } else if along >= length {
        Simplex::of([(b, 1.0)])
    } else {
        let share = along / length;
        Simplex::of([(a, 1.0 - share), (b, share)])
    }
}

/// Ericson 5.1.5, for the origin.
fn on_triangle([a, b, c]: [Corner; 3]) -> Simplex {
    let (ab, ac) = (b.at - a.at, c.at - a.at);
    let (d1, d2) = (-ab.dot(a.at), -ac.dot(a.at));
    if d1 <= 0.0 && d2 <= 0.0 {
        return Simplex::of([(a, 1.0)]);
    }
    let (d3, d4) = (-ab.dot(b.at), -ac.dot(b.at));
    if d3 >= 0.0 && d4 <= d3 {
        return Simplex::of([(b, 1.0)]);
    }
    let vc = d1 * d4 - d3 * d2;
    if vc <= 0.0 && d1 >= 0.0 && d3 <= 0.0 {
        return on_segment([a, b]);
    }
    let (d5, d6) = (-ab.dot(c.at), -ac.dot(c.at));
    if d6 >= 0.0 && d5 <= d6 {
        return Simplex::of([(c, 1.0)]);
    }
    let vb = d5 * d2 - d1 * d6;
    if vb <= 0.0 && d2 >= 0.0 && d6 <= 0.0 {
        return on_segment([a, c]);
    }
    let va = d3 * d6 - d5 * d4;
    if va <= 0.0 && d4 - d3 >= 0.0 && d5 - d6 >= 0.0 {
        return on_segment([b, c]);
    }
    let whole = va + vb + vc;
    Simplex::of([(a, va / whole), (b, vb / whole), (c, vc / whole)])
}

/// The nearest point of the faces that the origin is outside of; nothing if it is inside all.
fn on_tetrahedron([a, b, c, d]: [Corner; 4]) -> Option<Simplex> {
    let mut best: Option<(f64, Simplex)> = None;
    for [p, q, r, opposite] in [[a, b, c, d], [a, c, d, b], [a, d, b, c], [b, d, c, a]] {
        let normal = (q.at - p.at).cross(r.at - p.at);
        let (origin, inside) = (-p.at.dot(normal), (opposite.at - p.at).dot(normal));
        // A flat tetrahedron has no inside.
        if origin * inside > 0.0 {
            continue;
        }
        let nearest = on_triangle([p, q, r]);
        let distance = nearest.point().length_squared();
        if best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, nearest));
        }
    }
    best.map(|(_, simplex)| simplex)
}
