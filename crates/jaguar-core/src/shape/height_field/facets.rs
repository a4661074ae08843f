//! A height field as bodies other than spheres see it.

use glam::DVec3;

use super::contact::{Part, posts_in_reach};
use super::{Grid, Half};
use crate::shape::facet::{Facet, Facets, NEARLY_FLAT, rise};

/// Columns and rows from a post to the six posts that it shares an edge with; two that follow each other are the other corners of a triangle.
pub(super) const RING: [(i32, i32); 6] = [(1, 0), (1, 1), (0, 1), (-1, 0), (-1, -1), (0, -1)];

impl Grid<'_> {
    fn number(&self, column: u32, row: u32) -> u64 {
        u64::from(row) * u64::from(self.field.columns) + u64::from(column)
    }

    fn place(&self, post: u64) -> (u32, u32) {
        let columns = u64::from(self.field.columns);
        ((post % columns) as u32, (post / columns) as u32)
    }

    /// The post some columns and rows away; `None` outside the grid.
    fn post_at(&self, (column, row): (u32, u32), (columns, rows): (i32, i32)) -> Option<DVec3> {
        let (column, row) = (column.checked_add_signed(columns)?, row.checked_add_signed(rows)?);
        (column < self.field.columns && row < self.field.rows).then(|| self.post(column, row))
    }

    fn facet(&self, column: u32, row: u32, half: Half) -> Facet {
        let places = match half {
            Half::Right => [(column, row), (column + 1, row + 1), (column + 1, row)],
            Half::Left => [(column, row), (column, row + 1), (column + 1, row + 1)],
        };
        let corners = places.map(|(column, row)| self.post(column, row));
        Facet {
            corners,
            vertices: places.map(|(column, row)| self.number(column, row)),
            normal: self.triangle(column, row, half).normal(),
            number: 2 * self.number(column, row) + u64::from(half == Half::Left),
        }
    }

    /// The corner of the triangle across a side that is not on the side.
    fn across(&self, facet: &Facet, side: usize) -> Option<DVec3> {
        let is_right = facet.number.is_multiple_of(2);
        let away = match (is_right, side) {
            (true, 0) => (0, 1),
            (true, 1) => (2, 1),
            (true, _) => (0, -1),
            (false, 0) => (-1, 0),
            (false, 1) => (1, 2),
            (false, _) => (1, 0),
        };
        self.post_at(self.place(facet.number / 2), away)
    }
}

impl Facets for Grid<'_> {
    fn near_box(&self, low: DVec3, high: DVec3, visit: &mut impl FnMut(Facet)) {
        let (middle, reach) = (0.5 * (low + high), 0.5 * (high - low));
        let Some(columns) = posts_in_reach(middle.x, reach.x, self.cells_per_x, self.field.columns) else {
            return;
        };
        let Some(rows) = posts_in_reach(middle.z, reach.z, self.cells_per_z, self.field.rows) else {
            return;
        };
        for row in rows.first..rows.last {
            for column in columns.first..columns.last {
                // Solid below, so only what lies wholly below the box is out of its reach.
                let below = |(x, z)| self.post(column + x, row + z).y < low.y;
                if ![(0, 0), (1, 0), (0, 1), (1, 1)].into_iter().all(below) {
                    visit(self.facet(column, row, Half::Right));
                    visit(self.facet(column, row, Half::Left));
                }
            }
        }
    }

    fn convex_sides(&self, facet: &Facet) -> [bool; 3] {
        [0, 1, 2].map(|side| {
            let ends = [facet.corners[side], facet.corners[(side + 1) % 3]];
            let across = self.across(facet, side);
            // What rises needs no sine.
            let falls = |third: DVec3| (third - ends[0]).dot(facet.normal) < 0.0;
            across.is_none_or(|third| falls(third) && rise(facet.normal, ends, third) < -NEARLY_FLAT)
        })
    }

    fn around_vertex(&self, vertex: u64, visit: &mut impl FnMut(DVec3)) {
        let place = self.place(vertex);
        RING.into_iter()
            .filter_map(|away| self.post_at(place, away))
            .for_each(visit);
    }

    fn normals_around(&self, vertex: u64, visit: &mut impl FnMut(DVec3)) {
        let place = self.place(vertex);
        let Some(post) = self.post_at(place, (0, 0)) else {
            return;
        };
        for (k, &first) in RING.iter().enumerate() {
            let second = RING[(k + 1) % RING.len()];
            if let (Some(first), Some(second)) = (self.post_at(place, first), self.post_at(place, second)) {
                let upward = (second - post).cross(first - post);
                visit(upward / upward.length());
            }
        }
    }

    fn across_side(&self, facet: &Facet, side: usize, visit: &mut impl FnMut(DVec3, DVec3)) {
        let Some(third) = self.across(facet, side) else { return };
        let ends = [facet.corners[side], facet.corners[(side + 1) % 3]];
        // Its corners go the other way round the side.
        let upward = (ends[0] - ends[1]).cross(third - ends[1]);
        visit(third, upward / upward.length());
    }

    fn side_feature(&self, facet: &Facet, side: usize) -> u64 {
        let (column, row) = self.place(facet.number / 2);
        let is_right = facet.number.is_multiple_of(2);
        match (is_right, side) {
            (true, 0) | (false, 2) => self.feature(column, row, Part::Diagonal),
            (true, 1) => self.feature(column + 1, row, Part::EdgeAlongZ),
            (true, _) => self.feature(column, row, Part::EdgeAlongX),
            (false, 0) => self.feature(column, row, Part::EdgeAlongZ),
            (false, _) => self.feature(column, row + 1, Part::EdgeAlongX),
        }
    }

    fn vertex_feature(&self, vertex: u64) -> u64 {
        let (column, row) = self.place(vertex);
        self.feature(column, row, Part::Post)
    }
}
