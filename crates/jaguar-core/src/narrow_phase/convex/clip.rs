//! One face clipped by the sides of another, and the choice of the points that carry most.

use glam::Vec3;

use super::sign;

/// Most corners of a quadrilateral that is clipped by another: one more for each of four sides.
pub(super) const OF_QUADRILATERALS: usize = 8;

/// A corner of a face that is being clipped.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Corner {
    /// Two coordinates in the plane of the clipping face, and the height above it, m.
    pub(super) at: Vec3,
    /// Number of the edge that begins here.
    pub(super) edge: u8,
}

/// A convex polygon of at most `N` corners.
#[derive(Clone, Copy, Debug)]
pub(super) struct Polygon<const N: usize> {
    corners: [Corner; N],
    count: usize,
}

impl<const N: usize> Polygon<N> {
    const EMPTY: Self = Self {
        corners: [Corner {
            at: Vec3::ZERO,
            edge: 0,
        }; N],
        count: 0,
    };

    /// The polygon with these corners, in order around; its edges get the numbers from 0.
    #[inline]
    pub(super) fn new(corners: impl IntoIterator<Item = Vec3>) -> Self {
        let mut polygon = Self::EMPTY;
        for (number, at) in corners.into_iter().enumerate() {
            polygon.push(Corner { at, edge: number as u8 });
        }
        polygon
    }

    pub(super) fn corners(&self) -> &[Corner] {
        &self.corners[..self.count]
    }

    /// What lies within ±`reach` along an axis of the plane (0 or 1). The new edges get the numbers `edge` and `edge + 1`.
    #[inline]
    pub(super) fn clip_slab(&mut self, axis: usize, reach: f32, edge: u8) {
        self.clip(|at| at[axis] - reach, edge);
        self.clip(|at| -at[axis] - reach, edge + 1);
    }

    /// What lies where `beyond`, a linear function, is not positive (Sutherland and Hodgman 1974).
    #[inline]
    pub(super) fn clip(&mut self, beyond: impl Fn(Vec3) -> f32, edge: u8) {
        let mut distances = [0.0_f32; N];
        let mut is_cut = false;
        for (distance, corner) in distances.iter_mut().zip(self.corners()) {
            *distance = beyond(corner.at);
            is_cut |= *distance > 0.0;
        }
        if !is_cut {
            return;
        }
        let mut clipped = Self::EMPTY;
        for number in 0..self.count {
            let next = if number + 1 == self.count { 0 } else { number + 1 };
            let (here, there) = (self.corners[number], self.corners[next]);
            let (from, to) = (distances[number], distances[next]);
            if from <= 0.0 {
                clipped.push(here);
            }
            if (from <= 0.0) != (to <= 0.0) {
                clipped.push(Corner {
                    at: here.at + (there.at - here.at) * (from / (from - to)),
                    edge: if from <= 0.0 { edge } else { here.edge },
                });
            }
        }
        *self = clipped;
    }

    /// A convex polygon gains one corner a cut at most. Rounding can make it concave by a hair and cut it twice; what does not fit is then a corner too many.
    #[inline]
    fn push(&mut self, corner: Corner) {
        if self.count < N {
            self.corners[self.count] = corner;
            self.count += 1;
        }
    }

    /// Gives the corners lower than `margin`, at most four of them, each with the numbers of the edges that end and that begin in it. Of corners nearer to each other than `one_place`
    /// the deepest counts: two equal boxes in a stack have their corners in pairs that rounding makes, joins and swaps.
    #[inline]
    pub(super) fn choose(&self, margin: f32, one_place: f32, mut give: impl FnMut(Vec3, [u8; 2])) {
        let mut kept = [(Vec3::ZERO, [0_u8; 2]); N];
        let mut count = 0;
        let is_one = |a: Vec3, b: Vec3| (a - b).truncate().length_squared() < one_place * one_place;
        let Some(last) = self.corners().last() else { return };
        let mut previous = last.edge;
        for corner in self.corners() {
            let edges = [previous, corner.edge];
            previous = corner.edge;
            if corner.at.z >= margin {
                continue;
            }
            if count > 0 && is_one(kept[count - 1].0, corner.at) {
                if corner.at.z < kept[count - 1].0.z {
                    kept[count - 1] = (corner.at, edges);
                }
                continue;
            }
            kept[count] = (corner.at, edges);
            count += 1;
        }
        if count > 1 && is_one(kept[0].0, kept[count - 1].0) {
            count -= 1;
            if kept[count].0.z < kept[0].0.z {
                kept[0] = kept[count];
            }
        }
        let kept = &kept[..count];
        if count <= 4 {
            for &(at, edges) in kept {
                give(at, edges);
            }
            return;
        }
        for index in spread(kept, one_place).into_iter().flatten() {
            let (at, edges) = kept[index];
            give(at, edges);
        }
    }
}

/// Which of more than four corners to keep: of the deepest the one farthest to one side, the one farthest from it, and the two that then span the largest area.
fn spread(corners: &[(Vec3, [u8; 2])], equally_deep: f32) -> [Option<usize>; 4] {
    let deepest = corners
        .iter()
        .fold(f32::INFINITY, |least, (at, _)| if at.z < least { at.z } else { least });
    let farthest = |value: &dyn Fn(Vec3) -> f32, least: f32| {
        let mut best = (None, least);
        for (index, &(at, _)) in corners.iter().enumerate() {
            let value = value(at);
            if value > best.1 {
                best = (Some(index), value);
            }
        }
        best.0
    };
    // A direction along which the corners of a rectangle all differ.
    let aside = |at: Vec3| {
        if at.z <= deepest + equally_deep {
            at.x + 0.37 * at.y
        } else {
            f32::NEG_INFINITY
        }
    };
    let Some(first) = farthest(&aside, f32::NEG_INFINITY) else {
        return [None; 4];
    };
    let start = corners[first].0;
    let apart = |at: Vec3| (at - start).truncate().length_squared();
    let Some(second) = farthest(&apart, 0.0) else {
        return [Some(first), None, None, None];
    };
    let line = (corners[second].0 - start).truncate();
    let doubled_area = |at: Vec3| line.perp_dot((at - start).truncate());
    let Some(third) = farthest(&|at| doubled_area(at).abs(), 0.0) else {
        return [Some(first), Some(second), None, None];
    };
    // The fourth adds most beyond a side of the triangle.
    let side = sign(doubled_area(corners[third].0));
    let triangle = [first, second, third].map(|index| corners[index].0.truncate());
    let beyond = |at: Vec3| {
        let mut most = 0.0;
        for (from, to) in [(0, 1), (1, 2), (2, 0)] {
            let outside = -side * (triangle[to] - triangle[from]).perp_dot(at.truncate() - triangle[from]);
            if outside > most {
                most = outside;
            }
        }
        most
    };
    let fourth = farthest(&beyond, 0.0);
    [Some(first), Some(second), Some(third), fourth]
}
