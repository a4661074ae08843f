//! Four numbers in each of eight lanes, as contacts have them; and their memory, lent to other numbers.

use super::{LANES, Octet};

/// A vector and a number for each of eight lanes, in memory: two cache lines.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct Quad {
    pub(crate) xyz: [Octet; 3],
    pub(crate) w: Octet,
}

/// Numbers in a [`Quad`].
pub(crate) const QUAD_NUMBERS: usize = 4 * LANES;

const _: () = assert!(size_of::<Quad>() == size_of::<[f32; QUAD_NUMBERS]>());
const _: () = assert!(size_of::<Quad>() == size_of::<[u32; QUAD_NUMBERS]>());
const _: () = assert!(align_of::<Quad>().is_multiple_of(align_of::<f32>()));
const _: () = assert!(align_of::<Quad>().is_multiple_of(align_of::<u32>()));

impl Quad {
    pub(crate) const ZERO: Self = Self {
        xyz: [Octet::ZERO; 3],
        w: Octet::ZERO,
    };

    pub(crate) fn set(&mut self, lane: usize, xyz: [f32; 3], w: f32) {
        for (octet, along) in self.xyz.iter_mut().zip(xyz) {
            octet[lane] = along;
        }
        self.w[lane] = w;
    }

    /// Takes a lane of another.
    pub(crate) fn take(&mut self, lane: usize, other: &Self) {
        let (xyz, w) = other.get(lane);
        self.set(lane, xyz, w);
    }

    pub(crate) fn get(&self, lane: usize) -> ([f32; 3], f32) {
        ([0, 1, 2].map(|axis| self.xyz[axis][lane]), self.w[lane])
    }

    /// The memory as numbers of no meaning, each to be written before it is read.
    pub(crate) fn as_floats(quads: &mut [Self]) -> &mut [f32] {
        let len = quads.len() * QUAD_NUMBERS;
        // SAFETY: a quad is these numbers and no padding, and aligned for them, as asserted above; all bits are a number, and all numbers are a quad. The result borrows what
        // the argument did, so nothing else gets at the memory meanwhile.
        unsafe { std::slice::from_raw_parts_mut(quads.as_mut_ptr().cast(), len) }
    }

    /// The memory as integers of no meaning, each to be written before it is read.
    pub(crate) fn as_integers(quads: &mut [Self]) -> &mut [u32] {
        let len = quads.len() * QUAD_NUMBERS;
        // SAFETY: as above. All bits are an integer, and those of an integer are a number.
        unsafe { std::slice::from_raw_parts_mut(quads.as_mut_ptr().cast(), len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_quads_serves_as_numbers_of_either_kind() {
        let mut quads = [Quad::default(); 3];
        let (floats, integers) = quads.split_at_mut(1);
        let (floats, integers) = (Quad::as_floats(floats), Quad::as_integers(integers));
        assert_eq!((floats.len(), integers.len()), (QUAD_NUMBERS, 2 * QUAD_NUMBERS));
        for (k, float) in floats.iter_mut().enumerate() {
            *float = k as f32;
        }
        // Both are written in turn: they do not overlap.
        integers.fill(f32::NAN.to_bits());
        integers[QUAD_NUMBERS] = 5.0_f32.to_bits();
        assert_eq!((floats[0], floats[QUAD_NUMBERS - 1]), (0.0, 31.0));
        assert_eq!([quads[0].xyz[1][7], quads[0].w[0]], [15.0, 24.0]);
        assert!(quads[1].w[7].is_nan());
        assert_eq!(quads[2].xyz[0][0], 5.0);
        assert!(Quad::as_floats(&mut []).is_empty() && Quad::as_integers(&mut []).is_empty());
    }
}
