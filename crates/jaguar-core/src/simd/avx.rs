//! Vectors of eight of x86-64.

use std::arch::x86_64::*;
use std::ops::{Add, AddAssign, BitAnd, BitOr, Div, Mul, Neg, Sub, SubAssign};

use glam::Vec4;

use super::{F32x8, Kernel, LANES, Mask, Octet, Twist};

/// One vector of eight. Nothing but the two functions below names it, and they run on machines that have AVX2: that is what every `unsafe` here relies on.
#[derive(Clone, Copy)]
struct Eight(__m256);

#[derive(Clone, Copy)]
struct EightMask(__m256);

#[target_feature(enable = "avx2")]
pub(super) fn run_avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<Eight>()
}

#[target_feature(enable = "avx2,avx512f,avx512vl")]
pub(super) fn run_avx512<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<Eight>()
}

operators! {
    Eight:
    // SAFETY (of all four): see `Eight`.
    Add add |a: Self, b: Self| Self(unsafe { _mm256_add_ps(a.0, b.0) });
    Sub sub |a: Self, b: Self| Self(unsafe { _mm256_sub_ps(a.0, b.0) });
    Mul mul |a: Self, b: Self| Self(unsafe { _mm256_mul_ps(a.0, b.0) });
    Div div |a: Self, b: Self| Self(unsafe { _mm256_div_ps(a.0, b.0) });
}

impl Neg for Eight {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        // SAFETY: see `Eight`.
        Self(unsafe { _mm256_xor_ps(_mm256_set1_ps(-0.0), self.0) })
    }
}

/// Transposes the 4x4 matrix in each half.
#[inline(always)]
fn transpose([a, b, c, d]: [__m256; 4]) -> [__m256; 4] {
    // SAFETY: see `Eight`.
    unsafe {
        let (ab_low, ab_high) = (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
        let (cd_low, cd_high) = (_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
        [
            _mm256_shuffle_ps::<0b01_00_01_00>(ab_low, cd_low),
            _mm256_shuffle_ps::<0b11_10_11_10>(ab_low, cd_low),
            _mm256_shuffle_ps::<0b01_00_01_00>(ab_high, cd_high),
            _mm256_shuffle_ps::<0b11_10_11_10>(ab_high, cd_high),
        ]
    }
}

impl F32x8 for Eight {
    type Mask = EightMask;

    #[inline(always)]
    fn splat(value: f32) -> Self {
        // SAFETY: see `Eight`.
        Self(unsafe { _mm256_set1_ps(value) })
    }

    #[inline(always)]
    fn load(from: &Octet) -> Self {
        // SAFETY: see `Eight`; an octet is 32 aligned bytes.
        Self(unsafe { _mm256_load_ps(from.0.as_ptr()) })
    }

    #[inline(always)]
    fn store(self, to: &mut Octet) {
        // SAFETY: see `Eight`; an octet is 32 aligned bytes.
        unsafe { _mm256_store_ps(to.0.as_mut_ptr(), self.0) }
    }

    #[inline(always)]
    fn columns([a, b, c, d, e, f, g, h]: [Vec4; LANES]) -> [Self; 4] {
        // SAFETY: see `Eight`.
        let [x, y, z, w] = unsafe {
            transpose([
                _mm256_set_m128(e.into(), a.into()),
                _mm256_set_m128(f.into(), b.into()),
                _mm256_set_m128(g.into(), c.into()),
                _mm256_set_m128(h.into(), d.into()),
            ])
        };
        [Self(x), Self(y), Self(z), Self(w)]
    }

    #[inline(always)]
    fn rows([x, y, z, w]: [Self; 4]) -> [Vec4; LANES] {
        let [a, b, c, d] = transpose([x.0, y.0, z.0, w.0]);
        // SAFETY: see `Eight`.
        unsafe {
            [
                _mm256_castps256_ps128(a).into(),
                _mm256_castps256_ps128(b).into(),
                _mm256_castps256_ps128(c).into(),
                _mm256_castps256_ps128(d).into(),
                _mm256_extractf128_ps::<1>(a).into(),
                _mm256_extractf128_ps::<1>(b).into(),
                _mm256_extractf128_ps::<1>(c).into(),
                _mm256_extractf128_ps::<1>(d).into(),
            ]
        }
    }

    #[inline(always)]
    fn twists([x, y, z, w, p, q, r, s]: [Self; 8]) -> [Self; LANES] {
        let [a, b, c, d] = transpose([x.0, y.0, z.0, w.0]);
        let [e, f, g, h] = transpose([p.0, q.0, r.0, s.0]);
        // SAFETY: see `Eight`.
        let low = |linear, angular| Self(unsafe { _mm256_permute2f128_ps::<0x20>(linear, angular) });
        // SAFETY: see `Eight`.
        let high = |linear, angular| Self(unsafe { _mm256_permute2f128_ps::<0x31>(linear, angular) });
        [
            low(a, e),
            low(b, f),
            low(c, g),
            low(d, h),
            high(a, e),
            high(b, f),
            high(c, g),
            high(d, h),
        ]
    }

    #[inline(always)]
    fn store_twist(self, to: &mut Twist) {
        // SAFETY: see `Eight`; a twist is 32 aligned bytes, of which every value is one.
        unsafe { _mm256_store_ps(std::ptr::from_mut(to).cast(), self.0) }
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        // SAFETY: see `Eight`.
        Self(unsafe { _mm256_sqrt_ps(self.0) })
    }

    #[inline(always)]
    fn lt(self, other: Self) -> EightMask {
        // SAFETY: see `Eight`.
        EightMask(unsafe { _mm256_cmp_ps::<_CMP_LT_OQ>(self.0, other.0) })
    }

    #[inline(always)]
    fn le(self, other: Self) -> EightMask {
        // SAFETY: see `Eight`.
        EightMask(unsafe { _mm256_cmp_ps::<_CMP_LE_OQ>(self.0, other.0) })
    }

    #[inline(always)]
    fn select(mask: EightMask, if_true: Self, if_false: Self) -> Self {
        // SAFETY: see `Eight`.
        Self(unsafe { _mm256_blendv_ps(if_false.0, if_true.0, mask.0) })
    }
}

impl BitAnd for EightMask {
    type Output = Self;

    #[inline(always)]
    fn bitand(self, other: Self) -> Self {
        // SAFETY: see `Eight`.
        Self(unsafe { _mm256_and_ps(self.0, other.0) })
    }
}

impl BitOr for EightMask {
    type Output = Self;

    #[inline(always)]
    fn bitor(self, other: Self) -> Self {
        // SAFETY: see `Eight`.
        Self(unsafe { _mm256_or_ps(self.0, other.0) })
    }
}

impl Mask for EightMask {
    #[inline(always)]
    fn bits(self) -> u32 {
        // SAFETY: see `Eight`.
        unsafe { _mm256_movemask_ps(self.0) as u32 }
    }
}
