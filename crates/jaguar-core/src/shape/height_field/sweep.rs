//! Where a moving ball first touches a height field.
//!
//! The ball's way is cut into strips of cells across the axis on which it moves fastest. In each strip it meets the cells that it passes over, and so the triangles near its way, each of them once.
//! The field is solid below, so its vertical sides are touched too, with the edges down from its four corners.

use glam::DVec3;

use super::{Grid, Half, HeightField};
use crate::shape::{RayHit, sweep};

impl HeightField {
    /// Where a ball that moves along a unit direction first touches the solid, at most `max_distance` m away.
    ///
    /// `top` is the world's y (m) of the highest post; `max_distance` is finite.
    pub(crate) fn cast_ball(
        &self,
        origin: DVec3,
        direction: DVec3,
        radius: f64,
        max_distance: f64,
        top: f64,
    ) -> Option<RayHit> {
        if radius == 0.0 {
            return self.cast_ray(origin, direction, max_distance, top);
        }
        if self.surface_over(origin).is_some() {
            return Some(RayHit::inside(direction));
        }
        let start = origin - self.origin;
        let stretch = self.clip(start, direction, radius, max_distance, top)?;
        let ball = Ball {
            start,
            direction,
            radius,
        };
        let grid = Grid::new(self);
        let mut first = First {
            limit: stretch.to,
            hit: None,
        };
        grid.sides(&ball, &mut first);
        grid.strips(&ball, stretch.from, &mut first);
        first.hit
    }
}

/// A ball that moves along a unit direction; positions are relative to the field's origin, m.
struct Ball {
    start: DVec3,
    direction: DVec3,
    radius: f64,
}

/// The first touch so far.
struct First {
    limit: f64,
    hit: Option<RayHit>,
}

impl First {
    /// Takes a touch that is nearer; of several at one distance the first that was found.
    fn take(&mut self, hit: RayHit) {
        if hit.distance < self.limit || (self.hit.is_none() && hit.distance <= self.limit) {
            self.limit = hit.distance;
            self.hit = Some(hit);
        }
    }
}

impl Ball {
    /// Its centre at a distance, m.
    fn at(&self, distance: f64) -> DVec3 {
        self.start + self.direction * distance
    }

    /// The part of the way from `from` to `to` on which the ball's extent on an axis meets a span.
    fn within(&self, axis: usize, span: [f64; 2], [from, to]: [f64; 2]) -> Option<[f64; 2]> {
        let (start, along) = (self.start[axis], self.direction[axis]);
        let (low, high) = (span[0] - self.radius, span[1] + self.radius);
        if along == 0.0 {
            return (low <= start && start <= high).then_some([from, to]);
        }
        let (one, other) = ((low - start) / along, (high - start) / along);
        let (enter, leave) = if one < other { (one, other) } else { (other, one) };
        let part = [
            if enter > from { enter } else { from },
            if leave < to { leave } else { to },
        ];
        (part[0] <= part[1]).then_some(part)
    }

    /// What its extent on an axis covers on a part of the way.
    fn covers(&self, axis: usize, [from, to]: [f64; 2]) -> [f64; 2] {
        let (one, other) = (self.at(from)[axis], self.at(to)[axis]);
        let (low, high) = if one < other { (one, other) } else { (other, one) };
        [low - self.radius, high + self.radius]
    }
}

const X: usize = 0;
const Y: usize = 1;
const Z: usize = 2;

impl Grid<'_> {
    /// Touches of the triangles.
    fn strips(&self, ball: &Ball, from: f64, first: &mut First) {
        let (columns, rows) = (self.field.columns, self.field.rows);
        let speed_x = (ball.direction.x * self.cells_per_x).abs();
        let speed_z = (ball.direction.z * self.cells_per_z).abs();
        let is_along_x = speed_x >= speed_z;
        let (along, across) = if is_along_x { (X, Z) } else { (Z, X) };
        let spacing = |axis| if axis == X { self.spacing_x } else { self.spacing_z };
        let posts = |axis| if axis == X { columns } else { rows };
        let cells = |axis: usize, [low, high]: [f64; 2]| {
            // Casts from f64 saturate, so anything left of the grid becomes 0.
            let cell = |place: f64| ((place / spacing(axis)) as u32).min(posts(axis) - 2);
            (cell(low), cell(high))
        };
        let (least, most) = cells(along, ball.covers(along, [from, first.limit]));
        let is_backwards = ball.direction[along] < 0.0;
        for step in 0..=most - least {
            let strip = if is_backwards { most - step } else { least + step };
            let span = [0, 1].map(|end| f64::from(strip + end) * spacing(along));
            // The strips follow each other along the way, so what begins beyond the limit ends it.
            let Some(part) = ball.within(along, span, [from, first.limit]) else {
                continue;
            };
            let (low, high) = cells(across, ball.covers(across, part));
            let heights = ball.covers(Y, part);
            for place in low..=high {
                let (column, row) = if is_along_x { (strip, place) } else { (place, strip) };
                self.cell(ball, column, row, heights, first);
            }
        }
    }

    fn cell(&self, ball: &Ball, column: u32, row: u32, [low, high]: [f64; 2], first: &mut First) {
        let posts = [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(x, z)| self.post(column + x, row + z));
        if posts.iter().all(|post| post.y < low) || posts.iter().all(|post| post.y > high) {
            return;
        }
        for half in [Half::Right, Half::Left] {
            let middle = if half == Half::Right { posts[1] } else { posts[2] };
            let corners = [posts[0], middle, posts[3]];
            if let Some(hit) = sweep::to_triangle(ball.start, ball.direction, corners, ball.radius) {
                first.take(hit);
            }
        }
    }

    /// Touches of the vertical sides and of the edges between them; their upper edges are the triangles'.
    fn sides(&self, ball: &Ball, first: &mut First) {
        let size = self.field.size();
        for (axis, other) in [(X, Z), (Z, X)] {
            for (border, sign) in [(0.0, -1.0), (size[axis], 1.0)] {
                let outward = DVec3::AXES[axis] * sign;
                let beyond = (ball.start[axis] - border) * sign;
                let approach = -ball.direction.dot(outward);
                // A start on the inside is over the grid, or beside another side.
                let distance = if 0.0 <= beyond && beyond <= ball.radius {
                    0.0
                } else if beyond > 0.0 && approach > 0.0 {
                    (beyond - ball.radius) / approach
                } else {
                    continue;
                };
                let mut place = ball.at(distance);
                place[axis] = border;
                let is_beside = 0.0 <= place[other] && place[other] <= size[other];
                if is_beside && place.y <= self.nearest_triangle(place.x, place.z).height_at(place.x, place.z) {
                    first.take(touch(distance, outward, ball));
                }
            }
        }
        for (column, row) in [
            (0, 0),
            (self.field.columns - 1, 0),
            (0, self.field.rows - 1),
            (self.field.columns - 1, self.field.rows - 1),
        ] {
            self.corner_edge(ball, self.post(column, row), first);
        }
    }

    /// Touches of the edge that goes down from a corner of the grid: in the plane, of a point and a circle.
    fn corner_edge(&self, ball: &Ball, post: DVec3, first: &mut First) {
        let level = |vector: DVec3| DVec3::new(vector.x, 0.0, vector.z);
        let from = level(ball.start - post);
        if from.length_squared() <= ball.radius * ball.radius {
            if ball.start.y <= post.y {
                first.take(RayHit::inside(ball.direction));
            }
            return;
        }
        let way = level(ball.direction);
        let speed = way.length();
        let Some(distance) = sweep::to_point(from, way / speed, DVec3::ZERO, ball.radius) else {
            return;
        };
        let distance = distance / speed;
        let centre = ball.at(distance);
        if centre.y <= post.y
            && let Some(outward) = level(centre - post).try_normalize()
        {
            first.take(touch(distance, outward, ball));
        }
    }
}

/// A touch whose normal is against the way if the ball overlaps at the start.
fn touch(distance: f64, outward: DVec3, ball: &Ball) -> RayHit {
    if distance > 0.0 {
        RayHit {
            distance,
            normal: outward,
        }
    } else {
        RayHit::inside(ball.direction)
    }
}
