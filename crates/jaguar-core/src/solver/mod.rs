//! The contact solver: soft constraints with substeps, warm starting and a relax pass, after Erin Catto's "Solver2D" (2024) and Box2D 3.
//!
//! Inside a tile contacts are solved one after the other (Gauss-Seidel, [`inside`]); contacts between tiles all at once (Jacobi, [`across`]), so that the owners
//! of the two bodies compute the same impulse without asking each other. Both use the one kernel of [`kernel`].

pub(crate) mod across;
pub(crate) mod bounces;
pub(crate) mod inside;
pub(crate) mod integrate;
pub(crate) mod kernel;

use glam::Vec3;

use crate::config::WorldParams;
use crate::constants::{
    ACROSS_DAMPING, ACROSS_MANIFOLD_DAMPING, ACROSS_MANIFOLD_FREQUENCY, GROUND_OVERLAP, JOINT_DAMPING, JOINT_FREQUENCY,
    MANIFOLD_DAMPING, MANIFOLD_FREQUENCY, MANIFOLD_OVERLAP,
};
use crate::simd::Level;
use crate::sleep::RestLimits;

/// What is the same for all bodies and contacts.
#[derive(Clone, Debug)]
pub(crate) struct StepConstants {
    /// What lanes are computed with: of no consequence but for speed.
    pub(crate) simd: Level,
    /// m.
    pub(crate) tile_size: f32,
    /// Length of a tick, s.
    pub(crate) tick_seconds: f32,
    /// Length of a substep, s.
    pub(crate) substep_seconds: f32,
    /// Substeps in a second, 1/s.
    pub(crate) substep_rate: f32,
    pub(crate) gravity: Vec3,
    /// m/s.
    pub(crate) max_speed: f32,
    /// Upper bound of the speculative margin of pairs, m.
    pub(crate) speculative_cap: f32,
    /// m/s.
    pub(crate) push_velocity: f32,
    /// m/s.
    pub(crate) restitution_threshold: f32,
    /// When bodies count as resting.
    pub(crate) rest: RestLimits,
    pub(crate) softness: Softness,
    /// Of contacts between tiles.
    pub(crate) across_softness: Softness,
    /// Of the points of manifolds.
    pub(crate) manifold_softness: Softness,
    /// The most that a point of a manifold gives way in a substep, however loaded it is, m/s.
    pub(crate) manifold_yield: f32,
    /// The same with static geometry.
    pub(crate) ground_yield: f32,
    /// Of the points of manifolds between tiles.
    pub(crate) across_manifold_softness: Softness,
    /// [`Self::manifold_yield`] between tiles.
    pub(crate) across_manifold_yield: f32,
    /// Of what joints hold inside a tile.
    pub(crate) joint_softness: Softness,
}

impl StepConstants {
    pub(crate) fn new(params: &WorldParams) -> Self {
        let tick_seconds = params.tick_seconds();
        let substep_seconds = tick_seconds / params.substeps as f32;
        let (inside_damping, across_damping) = (
            params.contact_damping_ratio,
            ACROSS_DAMPING * params.contact_damping_ratio,
        );
        let at_most = |share: f32| params.contact_frequency.min(share / substep_seconds);
        let manifold_softness = Softness::new(
            at_most(MANIFOLD_FREQUENCY),
            MANIFOLD_DAMPING * inside_damping,
            substep_seconds,
        );
        let across_manifold_softness = Softness::new(
            at_most(ACROSS_MANIFOLD_FREQUENCY),
            ACROSS_MANIFOLD_DAMPING * inside_damping,
            substep_seconds,
        );
        Self {
            simd: Level::best(),
            tile_size: params.tile_size,
            tick_seconds,
            substep_seconds,
            substep_rate: 1.0 / substep_seconds,
            gravity: params.gravity,
            max_speed: params.max_speed(),
            speculative_cap: params.speculative_cap(),
            push_velocity: params.push_velocity,
            restitution_threshold: params.restitution_threshold,
            rest: RestLimits::new(params),
            softness: Softness::new(params.contact_frequency, inside_damping, substep_seconds),
            across_softness: Softness::new(params.contact_frequency, across_damping, substep_seconds),
            manifold_yield: manifold_softness.most_yield(MANIFOLD_OVERLAP),
            ground_yield: manifold_softness.most_yield(GROUND_OVERLAP),
            manifold_softness,
            across_manifold_yield: across_manifold_softness.most_yield(MANIFOLD_OVERLAP),
            across_manifold_softness,
            joint_softness: Softness::new(JOINT_FREQUENCY / substep_seconds, JOINT_DAMPING, substep_seconds),
        }
    }
}

/// A contact as a damped spring, integrated implicitly: it is stable for any stiffness.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Softness {
    /// Share of an overlap that is pushed apart, 1/s.
    pub(crate) bias_rate: f32,
    pub(crate) mass_scale: f32,
    pub(crate) impulse_scale: f32,
}

impl Softness {
    /// See `b2MakeSoft` of Box2D and "Soft Constraints", Catto, GDC 2011: with ω = 2πf, the implicit Euler step of a spring-damper of stiffness m ω² and damping
    /// 2 m ζ ω is an impulse -m_s (v + b s) - i_s λ.
    fn new(frequency: f32, damping_ratio: f32, h: f32) -> Self {
        let omega = 2.0 * std::f32::consts::PI * frequency;
        let a1 = 2.0 * damping_ratio + h * omega;
        let a2 = h * omega * a1;
        let a3 = 1.0 / (1.0 + a2);
        Self {
            bias_rate: omega / a1,
            mass_scale: a2 * a3,
            impulse_scale: a3,
        }
    }

    /// What the impulse of a spring at rest at this overlap (m) loses in a substep, and the overlap gives back, over the effective mass, m/s.
    fn most_yield(&self, overlap: f32) -> f32 {
        self.mass_scale * self.bias_rate * overlap
    }
}
