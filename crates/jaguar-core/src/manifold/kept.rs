//! What is kept of a manifold until the next tick.

use crate::body::BodyId;
use crate::cache::Kept;
use crate::halo::CachedManifold;
use crate::narrow_phase::solid::MAX_POINTS;

use super::block::ManifoldImpulses;

/// Impulses, each with the features that touch there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeptManifold {
    pub(crate) features: [u32; MAX_POINTS],
    pub(crate) impulses: ManifoldImpulses,
}

/// In the cache.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct KeptEntry {
    pub(crate) kept: KeptManifold,
    /// Whether it is the first of its home.
    begins: bool,
}

impl Default for KeptManifold {
    fn default() -> Self {
        Self {
            features: [CachedManifold::NO_FEATURE; MAX_POINTS],
            impulses: ManifoldImpulses::default(),
        }
    }
}

impl KeptManifold {
    /// The normal impulses with which points of these features start. What points had that are gone is shared by those that came, or by all: the load is still there, it only has other
    /// names. If no point is the same as before, it is another contact and starts without.
    pub(crate) fn of_features(&self, features: &[u32]) -> [f32; MAX_POINTS] {
        let of = |feature: &u32| self.features.iter().position(|kept| kept == feature);
        let mut impulses = [0.0; MAX_POINTS];
        let (mut stayed, mut kept) = (0, 0.0);
        for (impulse, feature) in impulses.iter_mut().zip(features) {
            if let Some(k) = of(feature) {
                *impulse = self.impulses.normal[k];
                kept += *impulse;
                stayed += 1;
            }
        }
        let left = self.impulses.normal.iter().sum::<f32>() - kept;
        if stayed > 0 && left > 0.0 {
            let came = features.len() - stayed;
            let share = left / if came > 0 { came } else { stayed } as f32;
            for (impulse, feature) in impulses.iter_mut().zip(features) {
                if came == 0 || of(feature).is_none() {
                    *impulse += share;
                }
            }
        }
        impulses
    }
}

impl Kept for KeptManifold {
    type Listed = CachedManifold;
    type Entry = KeptEntry;
    type Memory = ();

    fn of_entry(entry: KeptEntry, (): &()) -> Self {
        entry.kept
    }

    fn begin(entry: &mut KeptEntry) {
        entry.begins = true;
    }

    fn begins(entry: &KeptEntry) -> bool {
        entry.begins
    }

    fn into_entry(self, (): &mut (), _: usize) -> KeptEntry {
        KeptEntry {
            kept: self,
            begins: false,
        }
    }

    fn carries(&self) -> bool {
        self.impulses.normal.iter().any(|&impulse| impulse > 0.0)
    }

    fn listed(&self, low: BodyId, high: u64) -> CachedManifold {
        CachedManifold {
            low,
            high,
            features: self.features,
            normal_impulses: self.impulses.normal,
            friction_impulse: self.impulses.friction,
            torque_impulse: self.impulses.torque,
        }
    }

    fn of(listed: &CachedManifold) -> Self {
        Self {
            features: listed.features,
            impulses: ManifoldImpulses {
                normal: listed.normal_impulses,
                friction: listed.friction_impulse,
                torque: listed.torque_impulse,
            },
        }
    }

    fn partners(listed: &CachedManifold) -> (BodyId, u64) {
        (listed.low, listed.high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_load_of_points_that_went_passes_to_those_that_came() {
        let kept = KeptManifold {
            features: [7, 8, 9, CachedManifold::NO_FEATURE],
            impulses: ManifoldImpulses {
                normal: [1.0, 2.0, 4.0, 0.0],
                ..ManifoldImpulses::default()
            },
        };
        let check = |features: &[u32], expected: [f32; 4]| assert_eq!(kept.of_features(features), expected);
        check(&[7, 8, 9], [1.0, 2.0, 4.0, 0.0]);
        check(&[9, 5, 7], [4.0, 2.0, 1.0, 0.0]);
        check(&[9, 5, 6, 7], [4.0, 1.0, 1.0, 1.0]);
        check(&[8, 7], [4.0, 3.0, 0.0, 0.0]);
        check(&[1, 2], [0.0; 4]);
    }
}
