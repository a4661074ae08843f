//! Where a ray meets a height field.
//!
//! Seen from above, the triangles' sides lie on the integers of three linear functions of the position: u = x / spacing_x, v = z / spacing_z and u - v. The ray is
//! walked from one crossing of those to the next; in between it runs over one triangle, and its height above that is linear. So the walk is watertight: it compares
//! signs at the ends of each piece, and no ray slips between two triangles.

use glam::DVec3;

use super::{Grid, HeightField};
use crate::shape::RayHit;

impl HeightField {
    /// Where a ray with unit direction enters the solid, at most `max_distance` m away: through the surface, or through the vertical sides below the grid's border.
    ///
    /// `top` is the world's y (m) of the highest post; `max_distance` is finite.
    pub(crate) fn cast_ray(&self, origin: DVec3, direction: DVec3, max_distance: f64, top: f64) -> Option<RayHit> {
        let grid = Grid::new(self);
        let start = origin - self.origin;
        let entry = self.clip(start, direction, 0.0, max_distance, top)?;
        let mut from = entry.from;
        let mut first_piece = true;
        let (start_u, slope_u) = (
            start.x / f64::from(self.spacing_x),
            direction.x / f64::from(self.spacing_x),
        );
        let (start_v, slope_v) = (
            start.z / f64::from(self.spacing_z),
            direction.z / f64::from(self.spacing_z),
        );
        let mut crossings = [
            Crossings::new(start_u, slope_u, from),
            Crossings::new(start_v, slope_v, from),
            Crossings::new(start_u - start_v, slope_u - slope_v, from),
        ];
        loop {
            let mut to = entry.to;
            for line in &crossings {
                if line.next < to {
                    to = line.next;
                }
            }
            let middle = start + direction * (0.5 * (from + to));
            let triangle = grid.nearest_triangle(middle.x, middle.z);
            let above = |distance: f64| {
                let point = start + direction * distance;
                point.y - triangle.height_at(point.x, point.z)
            };
            let (before, after) = (above(from), above(to));
            if before <= 0.0 {
                let normal = if first_piece { entry.normal } else { triangle.normal() };
                return Some(RayHit { distance: from, normal });
            }
            if after <= 0.0 {
                return Some(RayHit {
                    distance: from + (to - from) * (before / (before - after)),
                    normal: triangle.normal(),
                });
            }
            if to >= entry.to {
                return None;
            }
            for line in &mut crossings {
                line.pass(to);
            }
            from = to;
            first_piece = false;
        }
    }

    /// The part of a ray, or of a ball's way, that is over or under the grid, not above `top`; both are grown by the ball.
    pub(super) fn clip(
        &self,
        start: DVec3,
        direction: DVec3,
        radius: f64,
        max_distance: f64,
        top: f64,
    ) -> Option<Clip> {
        let size = self.size() + 2.0 * radius;
        let mut clip = Clip {
            from: 0.0,
            to: max_distance,
            normal: -direction,
        };
        clip.axis(start.x + radius, direction.x, size.x, DVec3::X)?;
        clip.axis(start.z + radius, direction.z, size.z, DVec3::Z)?;
        clip.below(start.y + self.origin.y - top - radius, direction.y)?;
        Some(clip)
    }
}

/// A stretch of a ray, m from its origin, and the normal of the side it came in through.
pub(super) struct Clip {
    pub(super) from: f64,
    pub(super) to: f64,
    normal: DVec3,
}

impl Clip {
    /// Keeps what lies within 0 and `size` on one axis.
    fn axis(&mut self, start: f64, along: f64, size: f64, axis: DVec3) -> Option<()> {
        if along == 0.0 {
            return (0.0..=size).contains(&start).then_some(());
        }
        let (near, far, side) = if along > 0.0 {
            (0.0, size, -1.0)
        } else {
            (size, 0.0, 1.0)
        };
        let (enter, leave) = ((near - start) / along, (far - start) / along);
        if enter > self.from {
            self.from = enter;
            self.normal = axis * side;
        }
        self.leave(leave);
        (self.from <= self.to).then_some(())
    }

    /// Keeps what lies below a height, given the start's height over it.
    fn below(&mut self, over: f64, along: f64) -> Option<()> {
        if over > 0.0 {
            if along >= 0.0 {
                return None;
            }
            let enter = over / -along;
            if enter > self.from {
                self.from = enter;
                self.normal = DVec3::Y;
            }
        } else if along > 0.0 {
            self.leave(-over / along);
        }
        (self.from <= self.to).then_some(())
    }

    /// Keeps what lies before a distance.
    fn leave(&mut self, distance: f64) {
        if distance < self.to {
            self.to = distance;
        }
    }
}

/// The distances at which a linear function of the ray passes integers, in order.
struct Crossings {
    start: f64,
    slope: f64,
    /// The next integer.
    integer: f64,
    /// Distance at which it is passed, m; infinite if never.
    next: f64,
}

impl Crossings {
    fn new(start: f64, slope: f64, from: f64) -> Self {
        let value = start + slope * from;
        let integer = if slope > 0.0 {
            libm::floor(value) + 1.0
        } else {
            libm::ceil(value) - 1.0
        };
        let mut line = Self {
            start,
            slope,
            integer,
            next: f64::INFINITY,
        };
        line.update();
        line.pass(from);
        line
    }

    fn update(&mut self) {
        self.next = if self.slope == 0.0 {
            f64::INFINITY
        } else {
            (self.integer - self.start) / self.slope
        };
    }

    /// Moves on to the first crossing beyond a distance.
    fn pass(&mut self, distance: f64) {
        while self.next <= distance {
            self.integer += if self.slope > 0.0 { 1.0 } else { -1.0 };
            self.update();
        }
    }
}
