//! A surface of heights over a regular grid of posts; solid below.

mod contact;
mod facets;
mod ray;
mod sweep;
#[cfg(test)]
mod tests;

use glam::DVec3;

use super::facet::Facets;

/// Heights over a regular grid of posts; solid below. Each cell is two triangles, split along the diagonal from (column, row) to (column + 1, row + 1).
///
/// Row 0 lies at the origin's z and rows go along +z, columns along +x. Outside the grid there is nothing.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct HeightField {
    /// Position of the post at column 0, row 0, m; heights add to its y.
    pub origin: DVec3,
    /// Posts along x, at least 2.
    pub columns: u32,
    /// Posts along z, at least 2.
    pub rows: u32,
    /// Distance between posts along x, at least 0.001 m.
    pub spacing_x: f32,
    /// Distance between posts along z, at least 0.001 m.
    pub spacing_z: f32,
    /// Heights in m above the origin, row by row: `heights[row * columns + column]`.
    pub heights: Vec<f32>,
    /// Coulomb friction coefficient, 0 to 10.
    pub friction: f32,
    /// Coefficient of restitution, 0 to 1.
    pub restitution: f32,
}

impl HeightField {
    /// The surface's y at a world position, m; `None` outside the grid.
    ///
    /// ```
    /// # use jaguar_core::shape::HeightField;
    /// let ramp = HeightField {
    ///     origin: glam::DVec3::new(0.0, 5.0, 0.0),
    ///     columns: 2,
    ///     rows: 2,
    ///     spacing_x: 10.0,
    ///     spacing_z: 10.0,
    ///     heights: vec![0.0, 4.0, 0.0, 4.0],
    ///     friction: 0.5,
    ///     restitution: 0.0,
    /// };
    /// assert_eq!(ramp.height_at(2.5, 7.0), Some(6.0));
    /// assert_eq!(ramp.height_at(10.5, 7.0), None);
    /// ```
    pub fn height_at(&self, x: f64, z: f64) -> Option<f64> {
        let (x, z) = (x - self.origin.x, z - self.origin.z);
        let triangle = Grid::new(self).triangle_at(x, z)?;
        Some(self.origin.y + triangle.height_at(x, z))
    }

    /// The field as a surface of triangles.
    pub(crate) fn facets(&self) -> impl Facets {
        Grid::new(self)
    }

    /// From the origin to the far corner in x and z, m.
    pub(crate) fn size(&self) -> DVec3 {
        DVec3::new(
            f64::from(self.columns.saturating_sub(1)) * f64::from(self.spacing_x),
            0.0,
            f64::from(self.rows.saturating_sub(1)) * f64::from(self.spacing_z),
        )
    }

    /// The highest post, m above the origin.
    pub(crate) fn highest(&self) -> f64 {
        let higher = |highest: f32, &height: &f32| if height > highest { height } else { highest };
        f64::from(self.heights.iter().fold(f32::NEG_INFINITY, higher))
    }
}

/// A height field with what every query needs computed once. Positions are relative to the field's origin, m.
#[derive(Clone, Copy)]
struct Grid<'a> {
    field: &'a HeightField,
    spacing_x: f64,
    spacing_z: f64,
    /// Cells per m; a division costs as much as the rest of a face's test.
    cells_per_x: f64,
    cells_per_z: f64,
}

impl<'a> Grid<'a> {
    fn new(field: &'a HeightField) -> Self {
        let (spacing_x, spacing_z) = (f64::from(field.spacing_x), f64::from(field.spacing_z));
        Self {
            field,
            spacing_x,
            spacing_z,
            cells_per_x: 1.0 / spacing_x,
            cells_per_z: 1.0 / spacing_z,
        }
    }

    /// A post. The indices must be inside the grid.
    fn post(&self, column: u32, row: u32) -> DVec3 {
        let index = row as usize * self.field.columns as usize + column as usize;
        DVec3::new(
            f64::from(column) * self.spacing_x,
            f64::from(self.field.heights[index]),
            f64::from(row) * self.spacing_z,
        )
    }

    /// The triangle over or under a point; `None` outside the grid (whose border belongs to it).
    fn triangle_at(&self, x: f64, z: f64) -> Option<Triangle> {
        let size = self.field.size();
        if !(0.0 <= x && x <= size.x && 0.0 <= z && z <= size.z) {
            return None;
        }
        Some(self.nearest_triangle(x, z))
    }

    /// As [`Self::triangle_at`]; outside the grid a triangle of the border.
    fn nearest_triangle(&self, x: f64, z: f64) -> Triangle {
        let (u, v) = (x * self.cells_per_x, z * self.cells_per_z);
        // Casts from f64 saturate, so anything left of the grid becomes 0.
        let column = (u as u32).min(self.field.columns - 2);
        let row = (v as u32).min(self.field.rows - 2);
        let is_right = u - f64::from(column) >= v - f64::from(row);
        self.triangle(column, row, if is_right { Half::Right } else { Half::Left })
    }

    /// One triangle of a cell. The cell must be inside the grid.
    fn triangle(&self, column: u32, row: u32, half: Half) -> Triangle {
        let first = self.post(column, row);
        let last = self.post(column + 1, row + 1);
        let (rise_x, rise_z) = match half {
            Half::Right => {
                let middle = self.post(column + 1, row);
                (middle.y - first.y, last.y - middle.y)
            }
            Half::Left => {
                let middle = self.post(column, row + 1);
                (last.y - middle.y, middle.y - first.y)
            }
        };
        Triangle {
            column,
            row,
            half,
            first,
            slope_x: rise_x * self.cells_per_x,
            slope_z: rise_z * self.cells_per_z,
        }
    }
}

/// The two triangles of a cell: on the side of larger x, or of smaller x (and larger z), of the diagonal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Half {
    Right,
    Left,
}

/// A triangle as the plane through its first post.
#[derive(Clone, Copy, Debug)]
struct Triangle {
    column: u32,
    row: u32,
    half: Half,
    /// The post at (column, row).
    first: DVec3,
    /// Rise in m per m along x.
    slope_x: f64,
    /// Rise in m per m along z.
    slope_z: f64,
}

impl Triangle {
    /// The plane's y relative to the field's origin, m.
    fn height_at(&self, x: f64, z: f64) -> f64 {
        self.first.y + self.slope_x * (x - self.first.x) + self.slope_z * (z - self.first.z)
    }

    /// The normal whose y is 1.
    fn upward(&self) -> DVec3 {
        DVec3::new(-self.slope_x, 1.0, -self.slope_z)
    }

    /// Unit normal, upwards.
    fn normal(&self) -> DVec3 {
        let upward = self.upward();
        upward / upward.length()
    }
}
