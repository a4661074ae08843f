//! Which points of a height field a sphere touches.
//!
//! They are the **local minima of the distance** from the sphere's centre to the surface, seen from above. A face has one where the centre projects into it. A point of an
//! edge is one when neither triangle beside it comes nearer, so only on a ridge; a post is one when no edge that leaves it comes nearer, so only on a peak. Seams
//! between triangles in one plane and in hollows therefore never touch: a sphere that rolls over them feels no bump, and no heuristic decides it.

use glam::DVec3;

use super::facets::RING;
use super::{Grid, Half, HeightField, Triangle};
use crate::shape::SurfacePoint;

/// Slack of the comparisons below relative to the lengths compared, far above the rounding of f64 and far below anything visible: the regions of faces, edges and posts overlap by it, so that no centre falls between two of them.
const SLACK: f64 = 1e-9;

/// Features are numbered by post: the post, the three edges and the two triangles that start there.
const FEATURES_PER_POST: u64 = 6;

/// The part of a post's six features.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Post = 0,
    EdgeAlongX = 1,
    EdgeAlongZ = 2,
    Diagonal = 3,
    RightTriangle = 4,
    LeftTriangle = 5,
}

impl HeightField {
    /// Calls `touch` with every surface point that a sphere's centre at `position` (m, world) sees nearer than `reach` (m), in a fixed order.
    ///
    /// A centre below the surface gets the triangle over it alone, so that nothing falls through.
    pub(crate) fn surface_near(&self, position: DVec3, reach: f64, touch: &mut impl FnMut(SurfacePoint)) {
        let grid = Grid::new(self);
        let centre = position - self.origin;
        if let Some(point) = self.surface_over(position) {
            touch(point);
            return;
        }
        let Some(columns) = posts_in_reach(centre.x, reach, grid.cells_per_x, self.columns) else {
            return;
        };
        let Some(rows) = posts_in_reach(centre.z, reach, grid.cells_per_z, self.rows) else {
            return;
        };
        let view = View { grid, centre, reach };
        for row in rows.first..=rows.last {
            for column in columns.first..=columns.last {
                let (more_x, more_z) = (column < columns.last, row < rows.last);
                view.post(column, row, touch);
                if more_x {
                    view.edge_along_x(column, row, touch);
                }
                if more_z {
                    view.edge_along_z(column, row, touch);
                }
                if more_x && more_z && !view.is_above_cell(column, row) {
                    view.diagonal(column, row, touch);
                    view.face(column, row, Half::Right, touch);
                    view.face(column, row, Half::Left, touch);
                }
            }
        }
    }
}

impl HeightField {
    /// The triangle over a position (m, world) that is below the surface.
    pub(crate) fn surface_over(&self, position: DVec3) -> Option<SurfacePoint> {
        let grid = Grid::new(self);
        let centre = position - self.origin;
        let triangle = grid.triangle_at(centre.x, centre.z)?;
        let above = centre.y - triangle.height_at(centre.x, centre.z);
        let normal = triangle.normal();
        (above <= 0.0).then(|| SurfacePoint {
            feature: grid.feature(triangle.column, triangle.row, triangle.part()),
            normal,
            distance: above * normal.y,
        })
    }
}

impl Grid<'_> {
    pub(super) fn feature(&self, column: u32, row: u32, part: Part) -> u64 {
        (u64::from(row) * u64::from(self.field.columns) + u64::from(column)) * FEATURES_PER_POST + part as u64
    }
}

impl Triangle {
    fn part(&self) -> Part {
        match self.half {
            Half::Right => Part::RightTriangle,
            Half::Left => Part::LeftTriangle,
        }
    }
}

/// Posts from the first to the last, both included; at least two.
pub(super) struct PostRange {
    pub(super) first: u32,
    pub(super) last: u32,
}

/// The posts around all cells that overlap `centre ± reach` on one axis; `None` beside the grid.
pub(super) fn posts_in_reach(centre: f64, reach: f64, cells_per_m: f64, posts: u32) -> Option<PostRange> {
    let (low, high) = ((centre - reach) * cells_per_m, (centre + reach) * cells_per_m);
    if !(low <= f64::from(posts - 1) && high >= 0.0) {
        return None;
    }
    // Casts from f64 saturate, so anything left of the grid becomes 0.
    let first = (low as u32).min(posts - 2);
    let last_cell = (high as u32).min(posts - 2);
    Some(PostRange {
        first,
        last: last_cell + 1,
    })
}

/// A height field as one sphere's centre (relative to the field's origin) sees it.
struct View<'a> {
    grid: Grid<'a>,
    centre: DVec3,
    reach: f64,
}

impl View<'_> {
    /// Whether all four posts of a cell lie below the reach.
    fn is_above_cell(&self, column: u32, row: u32) -> bool {
        let floor = self.centre.y - self.reach;
        let below = |column, row| self.grid.post(column, row).y < floor;
        below(column, row) && below(column + 1, row) && below(column, row + 1) && below(column + 1, row + 1)
    }

    fn face(&self, column: u32, row: u32, half: Half, touch: &mut impl FnMut(SurfacePoint)) {
        let triangle = self.grid.triangle(column, row, half);
        // Distances below are in units of the upward vector's length, which saves the root where nothing touches.
        let upward = triangle.upward();
        let length_squared = upward.length_squared();
        let height = (self.centre - triangle.first).dot(upward);
        if !(0.0 < height && height * height < self.reach * self.reach * length_squared) {
            return;
        }
        // Where the centre projects to in the cell, 0 to 1 but for the factor `length_squared`, which saves the division.
        let offset = (self.centre - triangle.first) * length_squared - upward * height;
        let (along_x, along_z) = (offset.x * self.grid.cells_per_x, offset.z * self.grid.cells_per_z);
        let (far, near) = match half {
            Half::Right => (along_x, along_z),
            Half::Left => (along_z, along_x),
        };
        let slack = SLACK * length_squared;
        if far <= length_squared + slack && near >= -slack && near <= far + slack {
            let length = length_squared.sqrt();
            touch(SurfacePoint {
                feature: self.grid.feature(column, row, triangle.part()),
                normal: upward / length,
                distance: height / length,
            });
        }
    }

    fn edge_along_x(&self, column: u32, row: u32, touch: &mut impl FnMut(SurfacePoint)) {
        let start = self.grid.post(column, row);
        if (self.centre.z - start.z).abs() >= self.reach {
            return;
        }
        let beside = [
            (row + 1 < self.grid.field.rows).then(|| (column + 1, row + 1)),
            (row > 0).then(|| (column, row - 1)),
        ];
        let end = self.grid.post(column + 1, row);
        self.edge(
            [start, end],
            &beside,
            self.grid.feature(column, row, Part::EdgeAlongX),
            touch,
        );
    }

    fn edge_along_z(&self, column: u32, row: u32, touch: &mut impl FnMut(SurfacePoint)) {
        let start = self.grid.post(column, row);
        if (self.centre.x - start.x).abs() >= self.reach {
            return;
        }
        let beside = [
            (column + 1 < self.grid.field.columns).then(|| (column + 1, row + 1)),
            (column > 0).then(|| (column - 1, row)),
        ];
        let end = self.grid.post(column, row + 1);
        self.edge(
            [start, end],
            &beside,
            self.grid.feature(column, row, Part::EdgeAlongZ),
            touch,
        );
    }

    fn diagonal(&self, column: u32, row: u32, touch: &mut impl FnMut(SurfacePoint)) {
        let start = self.grid.post(column, row);
        let (width, depth) = (self.grid.spacing_x, self.grid.spacing_z);
        // Twice the area between the diagonal and the centre, seen from above, against that of a strip as wide as the reach.
        let area = (self.centre.x - start.x) * depth - (self.centre.z - start.z) * width;
        if area * area >= self.reach * self.reach * (width * width + depth * depth) {
            return;
        }
        let beside = [Some((column + 1, row)), Some((column, row + 1))];
        let end = self.grid.post(column + 1, row + 1);
        self.edge(
            [start, end],
            &beside,
            self.grid.feature(column, row, Part::Diagonal),
            touch,
        );
    }

    /// An edge touches where the centre projects onto it, unless a triangle beside it (given by the column and row of its third post) comes nearer.
    fn edge(
        &self,
        ends: [DVec3; 2],
        beside: &[Option<(u32, u32)>; 2],
        feature: u64,
        touch: &mut impl FnMut(SurfacePoint),
    ) {
        let along = ends[1] - ends[0];
        // How far along the edge, 0 to 1 but for the factor `length_squared`.
        let length_squared = along.length_squared();
        let progress = (self.centre - ends[0]).dot(along);
        if !(-SLACK * length_squared <= progress && progress <= (1.0 + SLACK) * length_squared) {
            return;
        }
        let third_posts = beside
            .iter()
            .flatten()
            .map(|&(column, row)| self.grid.post(column, row));
        self.point(
            ends[0] + along * (progress / length_squared),
            third_posts,
            feature,
            touch,
        );
    }

    fn post(&self, column: u32, row: u32, touch: &mut impl FnMut(SurfacePoint)) {
        let post = self.grid.post(column, row);
        if (self.centre - post).length_squared() >= self.reach * self.reach {
            return;
        }
        let around = RING
            .into_iter()
            .filter_map(|(x, z)| Some((column.checked_add_signed(x)?, row.checked_add_signed(z)?)))
            .filter(|&(x, z)| x < self.grid.field.columns && z < self.grid.field.rows)
            .map(|(x, z)| self.grid.post(x, z));
        self.point(post, around, self.grid.feature(column, row, Part::Post), touch);
    }

    /// A point of the surface touches when it is within reach, below the centre, and no way from it towards one of `around` comes nearer to the centre.
    fn point(
        &self,
        point: DVec3,
        mut around: impl Iterator<Item = DVec3>,
        feature: u64,
        touch: &mut impl FnMut(SurfacePoint),
    ) {
        let gap = self.centre - point;
        let distance_squared = gap.length_squared();
        // On a surface of heights a local minimum is seen from above exactly when it is lower than the centre.
        if !(gap.y > 0.0 && distance_squared < self.reach * self.reach) {
            return;
        }
        // The cosine of the angle between the gap and the way, against SLACK, without its roots.
        let comes_nearer = |other: DVec3| {
            let way = other - point;
            let along = gap.dot(way);
            along > 0.0 && along * along > SLACK * SLACK * distance_squared * way.length_squared()
        };
        if !around.any(comes_nearer) {
            let distance = distance_squared.sqrt();
            touch(SurfacePoint {
                feature,
                normal: gap / distance,
                distance,
            });
        }
    }
}
