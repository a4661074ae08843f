//! A body as questions meet it. Positions are relative to its centre, m.

use glam::DVec3;

use crate::body::Body;
use crate::shape::{ConvexHull, Cuboid, HullId, RayHit, Shape, TurnedHull, sweep};

/// The shape of a body about its centre.
#[derive(Debug)]
pub(super) enum Solid<'a> {
    /// The points near a segment about the centre: a ball or a capsule.
    Round {
        /// From the centre to one end of the segment; zero for a ball.
        half: DVec3,
        radius: f64,
    },
    /// A box.
    Cuboid(Cuboid),
    /// A convex polyhedron.
    Hull(TurnedHull<'a>),
}

impl<'a> Solid<'a> {
    /// Of a body of a world with these hulls.
    pub(super) fn of(body: &Body, hulls: &'a [ConvexHull]) -> Self {
        match body.shape {
            Shape::Sphere { radius } => Self::Round {
                half: DVec3::ZERO,
                radius: f64::from(radius),
            },
            Shape::Capsule { half_height, radius } => Self::Round {
                half: body.orientation.as_dquat().normalize() * (DVec3::Y * f64::from(half_height)),
                radius: f64::from(radius),
            },
            Shape::Cuboid { half_extents } => Self::Cuboid(Cuboid::new(DVec3::ZERO, half_extents, body.orientation)),
            Shape::Hull(HullId(number)) => Self::Hull(TurnedHull::new(&hulls[number as usize], body.orientation)),
        }
    }

    /// Half edges of the axis-aligned box around it, m.
    pub(super) fn extent(&self) -> DVec3 {
        match self {
            Self::Round { half, radius } => half.abs() + *radius,
            Self::Cuboid(cuboid) => cuboid.extent(),
            Self::Hull(hull) => hull.extent(),
        }
    }

    /// How far a point is from it, m; 0 inside.
    pub(super) fn distance(&self, point: DVec3) -> f64 {
        match self {
            Self::Round { half, radius } => {
                let outside = point.distance(sweep::nearest_on_segment([*half, -*half], point)) - radius;
                if outside > 0.0 { outside } else { 0.0 }
            }
            Self::Cuboid(cuboid) => cuboid.distance(point),
            Self::Hull(hull) => hull.distance(point),
        }
    }

    /// Where a ball that moves along a unit direction first touches it, at most `limit` m away or a little more; a ray is a ball of radius 0.
    pub(super) fn cast_ball(&self, start: DVec3, direction: DVec3, radius: f64, limit: f64) -> Option<RayHit> {
        match self {
            Self::Round { half, radius: own } => {
                let (segment, reach) = ([*half, -*half], own + radius);
                let away = |point: DVec3| point - sweep::nearest_on_segment(segment, point);
                if away(start).length_squared() <= reach * reach {
                    return Some(RayHit::inside(direction));
                }
                let distance = if *half == DVec3::ZERO {
                    sweep::to_point(start, direction, DVec3::ZERO, reach)?
                } else {
                    sweep::to_segment(start, direction, segment, reach)?
                };
                let outward = away(start + direction * distance).try_normalize();
                Some(RayHit {
                    distance,
                    normal: outward.unwrap_or(-direction),
                })
            }
            Self::Cuboid(cuboid) => cuboid.cast_ball(start, direction, radius, limit),
            Self::Hull(hull) => hull.cast_ball(start, direction, radius, limit),
        }
    }

    /// Whether it meets an axis-aligned box.
    pub(super) fn meets_box(&self, low: DVec3, high: DVec3) -> bool {
        // What is beyond its own extent does not matter, and may be infinite.
        let extent = self.extent();
        let (low, high) = (low.max(-extent), high.min(extent));
        if !low.cmple(high).all() {
            return false;
        }
        match self {
            Self::Round { half, radius } => segment_to_box_squared([*half, -*half], low, high) <= radius * radius,
            Self::Cuboid(cuboid) => cuboid.meets_box(low, high),
            Self::Hull(hull) => hull.meets_box(low, high),
        }
    }
}

/// The squared distance between a segment and an axis-aligned box, m².
///
/// Along the segment it is a convex function, quadratic between the places where the segment crosses a face's plane; the least of the pieces' minima is the answer.
fn segment_to_box_squared([a, b]: [DVec3; 2], low: DVec3, high: DVec3) -> f64 {
    let way = b - a;
    let gap = |place: f64| {
        let point = a + way * place;
        point - point.clamp(low, high)
    };
    let mut places = [0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0];
    for axis in 0..3 {
        for (bound, place) in [low[axis], high[axis]].into_iter().zip(&mut places[2 * axis + 1..]) {
            let crossing = (bound - a[axis]) / way[axis];
            if 0.0 < crossing && crossing < 1.0 {
                *place = crossing;
            }
        }
    }
    places.sort_unstable_by(f64::total_cmp);
    let mut least = gap(0.0).length_squared();
    for pair in places.windows(2) {
        let [from, to] = [pair[0], pair[1]];
        // Within a piece the gap changes at one rate on the axes where there is one.
        let (start, end) = (gap(from), gap(to));
        let change = end - start;
        let turn = -start.dot(change) / change.length_squared();
        let at_turn = if 0.0 < turn && turn < 1.0 {
            start + change * turn
        } else {
            end
        };
        let squared = at_turn.length_squared();
        if squared < least {
            least = squared;
        }
    }
    least
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::shape::strategy::{between, same_cases};

    proptest! {
        #![proptest_config(same_cases(500))]

        #[test]
        fn a_segment_is_as_far_from_a_box_as_its_nearest_point(
            numbers in prop::array::uniform12(between(-4.0, 4.0)),
        ) {
            let [a, b, c, d] = [0, 3, 6, 9].map(|first| DVec3::new(numbers[first], numbers[first + 1], numbers[first + 2]));
            let (low, high) = (c.min(d), c.max(d));
            let found = segment_to_box_squared([a, b], low, high).sqrt();
            let at = |place: f64| {
                let point = a + (b - a) * place;
                point.distance(point.clamp(low, high))
            };
            // The function is convex: thirds that hold no minimum are dropped.
            let (mut from, mut to) = (0.0, 1.0);
            for _ in 0..200 {
                let (one, two) = ((2.0 * from + to) / 3.0, (from + 2.0 * to) / 3.0);
                if at(one) < at(two) { to = two } else { from = one }
            }
            prop_assert!((found - at(from)).abs() < 1e-6, "{} {}", found, at(from));
        }
    }
}
