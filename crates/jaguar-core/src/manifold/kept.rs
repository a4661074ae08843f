//! What is kept of a manifold until the next tick.

use crate::body::BodyId;
use crate::contact::Kept;
use crate::halo::CachedManifold;
use crate::narrow_phase::solid::MAX_POINTS;

use super::block::ManifoldImpulses;

/// Impulses, each with the features that touch there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeptManifold {
    pub(crate) features: [u32; MAX_POINTS],
    pub(crate) impulses: ManifoldImpulses,
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
    /// The normal impulse where this feature touched.
    pub(crate) fn of_feature(&self, feature: u32) -> f32 {
        let found = self.features.iter().position(|&kept| kept == feature);
        found.map_or(0.0, |k| self.impulses.normal[k])
    }
}

impl Kept for KeptManifold {
    type Listed = CachedManifold;

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
