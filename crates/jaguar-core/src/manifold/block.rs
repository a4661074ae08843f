//! Contacts of up to four points, eight lanes wide, and what is kept of them until the next tick.

use glam::Vec3;

use crate::contact::NO_BODY;
use crate::narrow_phase::solid::MAX_POINTS;
use crate::simd::{LANES, Octet};

/// Three components, each of eight lanes.
pub(crate) type Octet3 = [Octet; 3];

/// Zero in all lanes.
pub(crate) const ZERO3: Octet3 = [Octet::ZERO; 3];

/// Point number so and so of eight manifolds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PointLanes {
    /// Lever arm from the first body × normal, m: what the point's velocity along the normal takes of the body's angular velocity.
    pub(crate) turn_low: Octet3,
    /// The same of the second body.
    pub(crate) turn_high: Octet3,
    /// Distance of the surfaces at the start of the tick, m; negative when they overlap.
    pub(crate) separation: Octet,
    /// Effective mass along the normal, kg; 0 in lanes that have no such point.
    pub(crate) normal_mass: Octet,
    /// Accumulated, kg m/s; not negative.
    pub(crate) normal_impulse: Octet,
}

/// Eight manifolds, lane by lane. Friction acts at the middle of the points as one force in the tangent plane within Coulomb's cone, and as a torque about the normal, whose arm is
/// the mean distance of the points from the middle: three rows in the place of eight, and no fight between the corners of a box.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct ManifoldBlock {
    /// Unit, from the body of the lower id to the one of the higher; from the body into the static geometry.
    pub(crate) normal: Octet3,
    /// A unit vector perpendicular to it; normal × tangent is the other.
    pub(crate) tangent: Octet3,
    /// Coefficient.
    pub(crate) friction: Octet,
    /// Coefficient.
    pub(crate) restitution: Octet,
    /// Coefficient times the radius of curvature, m.
    pub(crate) rolling: Octet,
    /// Coefficient times the radius of curvature, m.
    pub(crate) spinning: Octet,
    /// Mean distance of the points from their middle, m.
    pub(crate) spread: Octet,
    /// From the bodies' centres to the middle of the points, m.
    pub(crate) arm_low: Octet3,
    /// The same of the second body.
    pub(crate) arm_high: Octet3,
    /// Inverse of the effective mass matrix in the tangent plane: (tangent, tangent), (tangent, other), (other, other), kg.
    pub(crate) friction_mass: [Octet; 3],
    /// Accumulated along the tangent and the other, kg m/s.
    pub(crate) friction_impulse: [Octet; 2],
    /// Effective moment of inertia about the normal, kg m².
    pub(crate) twist_mass: Octet,
    /// Accumulated about the normal, kg m²/s.
    pub(crate) twist_impulse: Octet,
    /// Accumulated torque against rolling, perpendicular to the normal, kg m²/s.
    pub(crate) rolling_impulse: Octet3,
    pub(crate) points: [PointLanes; MAX_POINTS],
    /// Index of the body of the lower id, or of the only body.
    pub(crate) low: [u32; LANES],
    /// Index of the body of the higher id, or [`NO_BODY`].
    pub(crate) high: [u32; LANES],
    /// Positions in the list of the cache.
    pub(crate) rank: [u32; LANES],
    /// Points of each lane.
    pub(crate) counts: [u8; LANES],
    /// Points of the fullest lane.
    pub(crate) count: u32,
    /// Whether any lane resists rolling.
    pub(crate) rolls: bool,
    /// Whether any lane bounces.
    pub(crate) bounces: bool,
}

impl PointLanes {
    const EMPTY: Self = Self {
        turn_low: ZERO3,
        turn_high: ZERO3,
        separation: Octet::ZERO,
        normal_mass: Octet::ZERO,
        normal_impulse: Octet::ZERO,
    };
}

/// One manifold as it is put into a lane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ManifoldContact {
    /// Unit.
    pub(crate) normal: Vec3,
    /// From the centre of the first body, m.
    pub(crate) positions: [Vec3; MAX_POINTS],
    /// m.
    pub(crate) separations: [f32; MAX_POINTS],
    pub(crate) count: u8,
    /// From the centre of the first body to that of the second, m.
    pub(crate) between: Vec3,
    pub(crate) friction: f32,
    pub(crate) restitution: f32,
    /// Coefficient times radius, m.
    pub(crate) rolling: f32,
    /// Coefficient times radius, m.
    pub(crate) spinning: f32,
    pub(crate) low: u32,
    pub(crate) high: u32,
    /// What the points start with, in their order.
    pub(crate) normal_impulses: [f32; MAX_POINTS],
    /// World vector, kg m/s.
    pub(crate) friction_impulse: Vec3,
    /// World vector, kg m²/s.
    pub(crate) torque_impulse: Vec3,
}

impl ManifoldBlock {
    /// Lanes without manifolds: they compute zero impulses on nothing.
    pub(crate) const EMPTY: Self = Self {
        normal: ZERO3,
        tangent: ZERO3,
        friction: Octet::ZERO,
        restitution: Octet::ZERO,
        rolling: Octet::ZERO,
        spinning: Octet::ZERO,
        spread: Octet::ZERO,
        arm_low: ZERO3,
        arm_high: ZERO3,
        friction_mass: ZERO3,
        friction_impulse: [Octet::ZERO; 2],
        twist_mass: Octet::ZERO,
        twist_impulse: Octet::ZERO,
        rolling_impulse: ZERO3,
        points: [PointLanes::EMPTY; MAX_POINTS],
        low: [NO_BODY; LANES],
        high: [NO_BODY; LANES],
        rank: [0; LANES],
        counts: [0; LANES],
        count: 0,
        rolls: false,
        bounces: false,
    };

    /// Puts a manifold into a lane: its geometry and impulses. Masses follow from [`super::prepare::finish`], for all lanes at once; until then a point's `turn`s are its arms.
    pub(crate) fn set(&mut self, lane: usize, contact: &ManifoldContact, rank: u32) {
        let count = contact.count as usize;
        let put = |lanes: &mut Octet3, vector: Vec3| {
            for axis in 0..3 {
                lanes[axis][lane] = vector[axis];
            }
        };
        let normal = contact.normal;
        let tangent = normal.any_orthonormal_vector();
        let other = normal.cross(tangent);
        put(&mut self.normal, normal);
        put(&mut self.tangent, tangent);
        let positions = &contact.positions[..count];
        let middle = positions.iter().copied().sum::<Vec3>() / count.max(1) as f32;
        let spread = positions.iter().map(|&p| (p - middle).length()).sum::<f32>() / count.max(1) as f32;
        put(&mut self.arm_low, middle);
        put(&mut self.arm_high, middle - contact.between);
        self.friction[lane] = contact.friction;
        self.restitution[lane] = contact.restitution;
        self.rolling[lane] = contact.rolling;
        self.spinning[lane] = contact.spinning;
        self.spread[lane] = spread;
        self.friction_impulse[0][lane] = contact.friction_impulse.dot(tangent);
        self.friction_impulse[1][lane] = contact.friction_impulse.dot(other);
        let twist = contact.torque_impulse.dot(normal);
        self.twist_impulse[lane] = twist;
        let rolling = if contact.rolling > 0.0 {
            contact.torque_impulse - normal * twist
        } else {
            Vec3::ZERO
        };
        put(&mut self.rolling_impulse, rolling);
        for (k, point) in self.points[..count].iter_mut().enumerate() {
            put(&mut point.turn_low, contact.positions[k]);
            put(&mut point.turn_high, contact.positions[k] - contact.between);
            point.separation[lane] = contact.separations[k];
            // Marks a point that is there, for `finish`.
            point.normal_mass[lane] = 1.0;
            point.normal_impulse[lane] = contact.normal_impulses[k];
        }
        self.low[lane] = contact.low;
        self.high[lane] = contact.high;
        self.rank[lane] = rank;
        self.counts[lane] = contact.count;
        self.count = self.count.max(count as u32);
        self.rolls |= contact.rolling > 0.0;
        self.bounces |= contact.restitution > 0.0;
    }

    /// Whether a lane has a manifold.
    pub(crate) fn has(&self, lane: usize) -> bool {
        self.low[lane] != NO_BODY
    }

    /// Takes a lane's impulses from the block as it was.
    pub(crate) fn take_back(&mut self, lane: usize, before: &Self) {
        let axes = self.friction_impulse.iter_mut().chain(&mut self.rolling_impulse);
        for (now, then) in axes.zip(before.friction_impulse.iter().chain(&before.rolling_impulse)) {
            now[lane] = then[lane];
        }
        self.twist_impulse[lane] = before.twist_impulse[lane];
        for (now, then) in self.points.iter_mut().zip(&before.points) {
            now.normal_impulse[lane] = then.normal_impulse[lane];
        }
    }

    /// A lane's impulses as they are kept; the features of the points stay those of the entry.
    pub(crate) fn impulses(&self, lane: usize) -> ManifoldImpulses {
        let get = |lanes: &Octet3| Vec3::new(lanes[0][lane], lanes[1][lane], lanes[2][lane]);
        let (normal, tangent) = (get(&self.normal), get(&self.tangent));
        let other = normal.cross(tangent);
        let friction = tangent * self.friction_impulse[0][lane] + other * self.friction_impulse[1][lane];
        let torque = normal * self.twist_impulse[lane] + get(&self.rolling_impulse);
        let mut normal_impulses = [0.0; MAX_POINTS];
        for (impulse, point) in normal_impulses.iter_mut().zip(&self.points) {
            // Adding zero makes a negative zero positive.
            *impulse = point.normal_impulse[lane] + 0.0;
        }
        let sum = friction + torque + Vec3::splat(normal_impulses.iter().sum());
        if !sum.is_finite() {
            // What is no longer a number would be none for ever, and peers refuse it.
            return ManifoldImpulses::default();
        }
        ManifoldImpulses {
            normal: normal_impulses,
            friction: (friction + Vec3::ZERO).to_array(),
            torque: (torque + Vec3::ZERO).to_array(),
        }
    }
}

/// The accumulated impulses of a manifold.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct ManifoldImpulses {
    /// Of each point, kg m/s.
    pub(crate) normal: [f32; MAX_POINTS],
    /// World vector, kg m/s.
    pub(crate) friction: [f32; 3],
    /// World vector, kg m²/s.
    pub(crate) torque: [f32; 3],
}
