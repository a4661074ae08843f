//! Eight numbers at once, in the widest instructions that the machine has. Pods on different machines must get the same bits: every operation is an elementwise one of
//! IEEE 754, none is fused, so a lane holds the same bits whatever computes it.
//!
//! A stage that works on lanes is written once, as a `Kernel` over any `F32x8`; `Level::run` picks the implementation, once for all the work of a call. Inside, the compiler
//! must see everything at once: it cannot put AVX instructions into a function that was not compiled for them, but calls them one by one. Hence three rules for what has
//! an `F` in its signature:
//!
//! 1. it is `#[inline(always)]`, down to `Kernel::run`;
//! 2. it hands no closure over `F` to a function of another crate (`array::map`, iterator adapters); plain `for` loops and `Vec3x8` do what is needed;
//! 3. what is rare goes into a function on plain numbers (`Octet`), `#[cold]` and not inlined.
//!
//! The only module with `unsafe`: the intrinsics beyond the target's baseline, and memory of one kind of number that is lent to another.

mod quad;
mod twist;

use std::ops::{Add, AddAssign, BitAnd, BitOr, Div, Index, IndexMut, Mul, Neg, Sub, SubAssign};

use glam::{BVec4A, Mat4, Vec4};

pub(crate) use self::quad::{QUAD_NUMBERS, Quad};
pub(crate) use self::twist::Twist;

/// Lanes of a vector. A constant, not the machine's width: blocks of contacts are as wide on every machine.
pub(crate) const LANES: usize = 8;

/// Instructions that the lanes are computed with. A value exists only for what this machine can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level(Instructions);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Instructions {
    Baseline,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Level {
    /// What the program was compiled for: SSE2, NEON, or plain arithmetic. Every machine has it.
    pub const BASELINE: Self = Self(Instructions::Baseline);

    /// The levels of this machine, the best first.
    pub fn supported() -> impl Iterator<Item = Self> {
        #[cfg(target_arch = "x86_64")]
        let more = {
            let avx2 = is_x86_feature_detected!("avx2");
            // Vectors of eight as with AVX2, but twice the registers: the contact solver spills less.
            let avx512 = avx2 && is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl");
            [
                avx512.then_some(Self(Instructions::Avx512)),
                avx2.then_some(Self(Instructions::Avx2)),
            ]
        };
        #[cfg(not(target_arch = "x86_64"))]
        let more = [None];
        more.into_iter().flatten().chain([Self::BASELINE])
    }

    /// The best level of this machine.
    pub fn best() -> Self {
        Self::supported().next().unwrap_or(Self::BASELINE)
    }

    /// Its name in logs.
    pub fn name(self) -> &'static str {
        match self.0 {
            Instructions::Baseline => "baseline",
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512 => "avx512",
        }
    }

    /// Runs a kernel with these instructions. Costs a branch and a call.
    #[inline]
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self.0 {
            Instructions::Baseline => kernel.run::<Pair>(),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the level exists, so the machine has AVX2.
            Instructions::Avx2 => unsafe { avx::run_avx2(kernel) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the level exists, so the machine has AVX2, AVX512F and AVX512VL.
            Instructions::Avx512 => unsafe { avx::run_avx512(kernel) },
        }
    }
}

/// Work that is compiled for every level. A struct of what the work needs, whose one method does it.
pub(crate) trait Kernel {
    /// What comes out of it.
    type Output;

    /// Does the work. To be implemented `#[inline(always)]`; see the rules of the module.
    fn run<F: F32x8>(self) -> Self::Output;
}

/// Eight numbers in memory, one for each lane.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C, align(32))]
pub(crate) struct Octet(pub(crate) [f32; LANES]);

impl Octet {
    pub(crate) const ZERO: Self = Self([0.0; LANES]);
}

impl Index<usize> for Octet {
    type Output = f32;

    #[inline(always)]
    fn index(&self, lane: usize) -> &f32 {
        &self.0[lane]
    }
}

impl IndexMut<usize> for Octet {
    #[inline(always)]
    fn index_mut(&mut self, lane: usize) -> &mut f32 {
        &mut self.0[lane]
    }
}

/// Eight numbers in registers.
pub(crate) trait F32x8:
    Copy
    + Add<Output = Self>
    + AddAssign
    + Sub<Output = Self>
    + SubAssign
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// Eight answers to a comparison.
    type Mask: Mask;

    /// The same number in every lane.
    fn splat(value: f32) -> Self;

    fn load(from: &Octet) -> Self;

    fn store(self, to: &mut Octet);

    /// Rows of four, one for each lane, as columns of eight: `result[c]` has in lane l what `rows[l]` has in place c.
    fn columns(rows: [Vec4; LANES]) -> [Self; 4];

    /// The reverse of [`F32x8::columns`].
    fn rows(columns: [Self; 4]) -> [Vec4; LANES];

    /// Columns of eight twists' numbers, those of the linear parts first, as rows: `result[l]` is the twist of lane l.
    ///
    /// A twist is written at once. As two rows of four ([`F32x8::rows`]) it would take twice as many instructions, and the compiler takes the last step of that transposition apart into halves.
    fn twists(columns: [Self; 8]) -> [Self; LANES];

    /// Writes a row of [`F32x8::twists`].
    fn store_twist(self, to: &mut Twist);

    fn sqrt(self) -> Self;

    /// Whether self < other; false for NaN, as are the other comparisons.
    fn lt(self, other: Self) -> Self::Mask;

    /// Whether self <= other.
    fn le(self, other: Self) -> Self::Mask;

    /// Whether self > other.
    #[inline(always)]
    fn gt(self, other: Self) -> Self::Mask {
        other.lt(self)
    }

    /// `if_true` where the mask holds, `if_false` elsewhere. There is no minimum or maximum: of two zeros of different sign, and of NaN, machines choose differently.
    fn select(mask: Self::Mask, if_true: Self, if_false: Self) -> Self;

    /// The larger of a number and zero; NaN becomes zero, and there is one zero only.
    #[inline(always)]
    fn not_negative(self) -> Self {
        let zero = Self::splat(0.0);
        Self::select(self.gt(zero), self, zero)
    }
}

/// Eight answers.
pub(crate) trait Mask: Copy + BitAnd<Output = Self> + BitOr<Output = Self> {
    /// One bit for each lane, lane 0 the lowest.
    fn bits(self) -> u32;

    /// Whether any lane holds.
    #[inline(always)]
    fn any(self) -> bool {
        self.bits() != 0
    }
}

/// The lanes whose bits are set, lane 0 being the lowest.
pub(crate) fn lanes_of(mut bits: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let lane = bits.trailing_zeros() as usize;
        bits &= bits.wrapping_sub(1);
        (lane < LANES).then_some(lane)
    })
}

/// A vector of three components, eight times.
#[derive(Clone, Copy)]
pub(crate) struct Vec3x8<F> {
    pub(crate) x: F,
    pub(crate) y: F,
    pub(crate) z: F,
}

impl<F: F32x8> Vec3x8<F> {
    #[inline(always)]
    pub(crate) fn new(x: F, y: F, z: F) -> Self {
        Self { x, y, z }
    }

    /// The same number in every component.
    #[inline(always)]
    pub(crate) fn splat(value: F) -> Self {
        Self::new(value, value, value)
    }

    #[inline(always)]
    pub(crate) fn load(from: &[Octet; 3]) -> Self {
        Self::new(F::load(&from[0]), F::load(&from[1]), F::load(&from[2]))
    }

    #[inline(always)]
    pub(crate) fn store(self, to: &mut [Octet; 3]) {
        self.x.store(&mut to[0]);
        self.y.store(&mut to[1]);
        self.z.store(&mut to[2]);
    }

    #[inline(always)]
    pub(crate) fn dot(self, other: Self) -> F {
        self.x * other.x + self.y * other.y + self.z * other.z
    }

    #[inline(always)]
    pub(crate) fn cross(self, other: Self) -> Self {
        Self::new(
            self.y * other.z - self.z * other.y,
            self.z * other.x - self.x * other.z,
            self.x * other.y - self.y * other.x,
        )
    }

    #[inline(always)]
    pub(crate) fn reversed(self) -> Self {
        Self::new(-self.x, -self.y, -self.z)
    }

    #[inline(always)]
    pub(crate) fn select(mask: F::Mask, if_true: Self, if_false: Self) -> Self {
        Self::new(
            F::select(mask, if_true.x, if_false.x),
            F::select(mask, if_true.y, if_false.y),
            F::select(mask, if_true.z, if_false.z),
        )
    }
}

impl<F: F32x8> Add for Vec3x8<F> {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self::new(self.x + other.x, self.y + other.y, self.z + other.z)
    }
}

impl<F: F32x8> Sub for Vec3x8<F> {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self::new(self.x - other.x, self.y - other.y, self.z - other.z)
    }
}

/// Every component times the lane's number.
impl<F: F32x8> Mul<F> for Vec3x8<F> {
    type Output = Self;

    #[inline(always)]
    fn mul(self, factor: F) -> Self {
        Self::new(self.x * factor, self.y * factor, self.z * factor)
    }
}

/// Two vectors of four of whatever the target has.
#[derive(Clone, Copy)]
struct Pair(Vec4, Vec4);

#[derive(Clone, Copy)]
struct PairMask(BVec4A, BVec4A);

/// The operators of a type from its own functions on vectors.
macro_rules! operators {
    ($type:ident: $($operator:ident $method:ident $function:expr;)*) => {
        $(impl $operator for $type {
            type Output = Self;

            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                $function(self, other)
            }
        })*

        impl AddAssign for $type {
            #[inline(always)]
            fn add_assign(&mut self, other: Self) {
                *self = *self + other;
            }
        }

        impl SubAssign for $type {
            #[inline(always)]
            fn sub_assign(&mut self, other: Self) {
                *self = *self - other;
            }
        }
    };
}

operators! {
    Pair:
    Add add |a: Self, b: Self| Self(a.0 + b.0, a.1 + b.1);
    Sub sub |a: Self, b: Self| Self(a.0 - b.0, a.1 - b.1);
    Mul mul |a: Self, b: Self| Self(a.0 * b.0, a.1 * b.1);
    Div div |a: Self, b: Self| Self(a.0 / b.0, a.1 / b.1);
}

impl Neg for Pair {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        Self(-self.0, -self.1)
    }
}

impl F32x8 for Pair {
    type Mask = PairMask;

    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self(Vec4::splat(value), Vec4::splat(value))
    }

    #[inline(always)]
    fn load(from: &Octet) -> Self {
        let [a, b, c, d, e, f, g, h] = from.0;
        Self(Vec4::new(a, b, c, d), Vec4::new(e, f, g, h))
    }

    #[inline(always)]
    fn store(self, to: &mut Octet) {
        self.0.write_to_slice(&mut to.0[..4]);
        self.1.write_to_slice(&mut to.0[4..]);
    }

    #[inline(always)]
    fn columns([a, b, c, d, e, f, g, h]: [Vec4; LANES]) -> [Self; 4] {
        let first = Mat4::from_cols(a, b, c, d).transpose();
        let second = Mat4::from_cols(e, f, g, h).transpose();
        [
            Self(first.x_axis, second.x_axis),
            Self(first.y_axis, second.y_axis),
            Self(first.z_axis, second.z_axis),
            Self(first.w_axis, second.w_axis),
        ]
    }

    #[inline(always)]
    fn rows([x, y, z, w]: [Self; 4]) -> [Vec4; LANES] {
        let first = Mat4::from_cols(x.0, y.0, z.0, w.0).transpose();
        let second = Mat4::from_cols(x.1, y.1, z.1, w.1).transpose();
        [
            first.x_axis,
            first.y_axis,
            first.z_axis,
            first.w_axis,
            second.x_axis,
            second.y_axis,
            second.z_axis,
            second.w_axis,
        ]
    }

    #[inline(always)]
    fn twists([x, y, z, w, angular @ ..]: [Self; 8]) -> [Self; LANES] {
        let [a, b, c, d, e, f, g, h] = Self::rows([x, y, z, w]);
        let [i, j, k, l, m, n, o, p] = Self::rows(angular);
        [
            Self(a, i),
            Self(b, j),
            Self(c, k),
            Self(d, l),
            Self(e, m),
            Self(f, n),
            Self(g, o),
            Self(h, p),
        ]
    }

    #[inline(always)]
    fn store_twist(self, to: &mut Twist) {
        (to.linear, to.angular) = (self.0, self.1);
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        Self(self.0.sqrt(), self.1.sqrt())
    }

    #[inline(always)]
    fn lt(self, other: Self) -> PairMask {
        PairMask(self.0.cmplt(other.0), self.1.cmplt(other.1))
    }

    #[inline(always)]
    fn le(self, other: Self) -> PairMask {
        PairMask(self.0.cmple(other.0), self.1.cmple(other.1))
    }

    #[inline(always)]
    fn select(mask: PairMask, if_true: Self, if_false: Self) -> Self {
        Self(
            Vec4::select(mask.0, if_true.0, if_false.0),
            Vec4::select(mask.1, if_true.1, if_false.1),
        )
    }
}

impl BitAnd for PairMask {
    type Output = Self;

    #[inline(always)]
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0, self.1 & other.1)
    }
}

impl BitOr for PairMask {
    type Output = Self;

    #[inline(always)]
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0, self.1 | other.1)
    }
}

impl Mask for PairMask {
    #[inline(always)]
    fn bits(self) -> u32 {
        self.0.bitmask() | self.1.bitmask() << 4
    }
}

#[cfg(target_arch = "x86_64")]
mod avx;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenes::Random;

    /// Every operation on two octets of numbers.
    struct Everything(Octet, Octet);

    impl Kernel for Everything {
        type Output = Vec<Octet>;

        #[inline(always)]
        fn run<F: F32x8>(self) -> Vec<Octet> {
            let (a, b) = (F::load(&self.0), F::load(&self.1));
            let mut results = Vec::new();
            let mut put = |value: F| {
                let mut octet = Octet::ZERO;
                value.store(&mut octet);
                results.push(octet);
            };
            put(a + b);
            put(a - b);
            put(a * b);
            put(a / b);
            put(-a);
            put(a.sqrt());
            put(a.not_negative());
            let (mut sum, mut difference) = (a, a);
            sum += b;
            difference -= b;
            put(sum);
            put(difference);
            for mask in [a.lt(b), a.le(b), a.gt(b), a.lt(b) | b.lt(a), a.le(b) & b.le(a)] {
                put(F::select(mask, a, b));
                put(F::splat(mask.bits() as f32));
                put(F::splat(f32::from(mask.any())));
            }
            let (u, v) = (Vec3x8::new(a, b, a * b), Vec3x8::new(b, F::splat(0.3), a));
            put(u.dot(v));
            for w in [u.cross(v), u + v, u - v, u * b, Vec3x8::select(a.lt(b), u, v)] {
                put(w.x);
                put(w.y);
                put(w.z);
            }
            results
        }
    }

    /// Rows to columns and back.
    struct Transposed([Vec4; LANES]);

    impl Kernel for Transposed {
        type Output = ([Octet; 4], [Vec4; LANES]);

        #[inline(always)]
        fn run<F: F32x8>(self) -> Self::Output {
            let columns = F::columns(self.0);
            let mut octets = [Octet::ZERO; 4];
            for (octet, column) in octets.iter_mut().zip(columns) {
                column.store(octet);
            }
            (octets, F::rows(columns))
        }
    }

    /// Rows of the linear and the angular parts of twists, to columns and into twists.
    struct Twisted([[Vec4; LANES]; 2]);

    impl Kernel for Twisted {
        type Output = [Twist; LANES];

        #[inline(always)]
        fn run<F: F32x8>(self) -> Self::Output {
            let ([x, y, z, w], [p, q, r, s]) = (F::columns(self.0[0]), F::columns(self.0[1]));
            let rows = F::twists([x, y, z, w, p, q, r, s]);
            let mut twists = [Twist::ZERO; LANES];
            for lane in 0..LANES {
                rows[lane].store_twist(&mut twists[lane]);
            }
            twists
        }
    }

    /// Numbers of all magnitudes, and the special ones.
    fn octet(random: &mut Random) -> Octet {
        let special = [
            0.0,
            -0.0,
            1.0,
            f32::INFINITY,
            f32::NEG_INFINITY,
            f32::NAN,
            f32::MIN_POSITIVE,
            1.0e-42,
        ];
        let mut octet = Octet::ZERO;
        for lane in &mut octet.0 {
            let bits = random.bits();
            *lane = match bits % 4 {
                0 => special[(bits >> 8) as usize % special.len()],
                _ => f32::from_bits((bits >> 32) as u32),
            };
        }
        octet
    }

    /// NaN has many bit patterns, which are of no consequence: none is stored.
    fn bits(octet: &Octet) -> [u32; LANES] {
        octet.0.map(|x| if x.is_nan() { f32::NAN } else { x }.to_bits())
    }

    #[test]
    fn every_operation_gives_the_same_bits_at_every_level() {
        let mut random = Random(1);
        for _ in 0..if cfg!(miri) { 5 } else { 10_000 } {
            let (a, b) = (octet(&mut random), octet(&mut random));
            let expected = Level::BASELINE.run(Everything(a, b));
            for level in Level::supported() {
                let found = level.run(Everything(a, b));
                for (k, (expected, found)) in expected.iter().zip(&found).enumerate() {
                    assert_eq!(
                        bits(expected),
                        bits(found),
                        "result {k} of {a:?} and {b:?} at {}",
                        level.name()
                    );
                }
            }
        }
    }

    #[test]
    fn lanes_are_what_scalar_arithmetic_gives() {
        let mut random = Random(2);
        let (a, b) = (octet(&mut random), octet(&mut random));
        for level in Level::supported() {
            let found = level.run(Everything(a, b));
            let operations: [fn(f32, f32) -> f32; 9] = [
                |a, b| a + b,
                |a, b| a - b,
                |a, b| a * b,
                |a, b| a / b,
                |a, _| -a,
                |a, _| a.sqrt(),
                |a, _| if a > 0.0 { a } else { 0.0 },
                |a, b| a + b,
                |a, b| a - b,
            ];
            for (operation, found) in operations.iter().zip(&found) {
                let mut expected = Octet::ZERO;
                for lane in 0..LANES {
                    expected[lane] = operation(a[lane], b[lane]);
                }
                assert_eq!(bits(&expected), bits(found), "{}", level.name());
            }
        }
    }

    #[test]
    fn rows_become_columns_and_come_back() {
        let row = |lane: usize| Vec4::new(0.0, 1.0, 2.0, 3.0) + 10.0 * lane as f32;
        let rows = std::array::from_fn(row);
        for level in Level::supported() {
            let (columns, back) = level.run(Transposed(rows));
            for (c, column) in columns.iter().enumerate() {
                for lane in 0..LANES {
                    assert_eq!(column[lane], rows[lane][c]);
                }
            }
            assert_eq!(back, rows, "{}", level.name());
        }
    }

    #[test]
    fn columns_become_twists() {
        let part = |of: f32| std::array::from_fn(|lane| Vec4::new(0.0, 1.0, 2.0, 3.0) + of + 10.0 * lane as f32);
        let (linear, angular) = (part(0.0), part(100.0));
        for level in Level::supported() {
            let twists = level.run(Twisted([linear, angular]));
            assert_eq!(twists.map(|twist| twist.linear), linear, "{}", level.name());
            assert_eq!(twists.map(|twist| twist.angular), angular, "{}", level.name());
        }
    }
}
