//! SplitMix64 (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators"): the same draws on every machine and in every version.

/// A stream of random numbers, given by its seed alone.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The stream number `stream` of `seed`: streams are independent, so that one more draw in one shifts nothing in another.
    pub fn stream(seed: u64, stream: u64) -> Self {
        let mut random = Self(seed);
        let base = random.next_u64();
        Self(base ^ mix(stream.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// The next number in `[0, 1)`, in steps of 2^-53.
    pub fn next_unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// The next number in `[min, max)`; `min` when the two are equal.
    pub fn next_between(&mut self, min: f64, max: f64) -> f64 {
        min + (max - min) * self.next_unit()
    }

    /// The next number in `0..bound`; 0 when `bound` is 0. Biased by less than `bound / 2^64`.
    pub fn next_below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }
}

/// The finaliser of SplitMix64: a bijection of 64 bits in which every input bit changes about half of the output.
pub(crate) fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_that_of_the_published_generator() {
        // First outputs for seed 1234567, from the reference implementation of Vigna (https://prng.di.unimi.it/splitmix64.c).
        let mut random = Random(1_234_567);
        let drawn: Vec<u64> = (0..3).map(|_| random.next_u64()).collect();
        assert_eq!(
            drawn,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423
            ]
        );
    }
}
