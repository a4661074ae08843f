//! From candidates to contacts: which of them matter in this tick, and the numbers that the solver needs of them.

use glam::Vec3;

use crate::constants::{BOUNCE_SHARE, CONTACT_SLOP};
use crate::contact::{Coefficient, Contact, Impulses};
use crate::kinds::Kinds;
use crate::material::Material;
use crate::narrow_phase::static_geometry::StaticContact;
use crate::solver::StepConstants;
use crate::storage::Columns;
use crate::tile::difference;

/// The direction of the normal where two centres coincide; any will do, as long as all pods take the same.
pub(crate) const NORMAL_OF_COINCIDENT_CENTRES: Vec3 = Vec3::Y;

/// What may become of two bodies in this tick.
///
/// A pair that is no contact, of which a third body strikes one, enters for the rest of the tick and bounces in the next only. So elastic bodies are contacts within all of their speculative margins if either is
/// struck; of those in different tiles no pod knows it of both, so they are taken to be. Deepest overlap after a tick in a gas of 10,000 that fills a tenth of the volume, % of the radius, in the median of ticks and in the worst of 120:
/// without such contacts 13 and 27, with all within 0.3 of the margins 10 and 20, by this rule 1 and 11 with a fifth more contacts (with all within the whole of the margins 1 and 7, and three times as many).
///
/// Bodies that lose speed when they bounce are contacts within [`BOUNCE_SHARE`] of their margins, struck or not: by the rule above a pile of 400 balls with restitutions up to 0.5 never came to rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outlook {
    /// They are not to touch.
    Apart,
    /// They touch, bouncing, if a third body strikes one of them within the tick.
    Struck,
    /// They touch if they keep their velocities.
    Touch,
}

/// What may become of two bodies at this vector from one to the other. Gravity acts on both alike. Gives the same bits when the bodies are swapped and the vector is reversed.
pub(crate) fn outlook(
    columns: &Columns,
    kinds: &Kinds,
    (from, to): (u32, u32),
    vector: Vec3,
    step: &StepConstants,
) -> Outlook {
    let (a, b) = (&columns.motion[from as usize], &columns.motion[to as usize]);
    let distance = vector.length();
    let radii = a.radius() + b.radius();
    let separation = distance - radii;
    if separation < CONTACT_SLOP {
        return Outlook::Touch;
    }
    // The distance is positive: it is more than the slop.
    let approach = (b.velocity() - a.velocity()).dot(vector) / distance;
    if separation + approach.min(0.0) * step.tick_seconds < CONTACT_SLOP {
        return Outlook::Touch;
    }
    let material = |body: u32| &kinds.get(columns.kind[body as usize]).given.material;
    let restitution = material(from).restitution_with(material(to));
    let margins = (a.reach() + b.reach()) - radii;
    if restitution < 1.0 && separation < restitution * BOUNCE_SHARE * margins {
        Outlook::Touch
    } else if restitution >= 1.0 && separation < margins {
        Outlook::Struck
    } else {
        Outlook::Apart
    }
}

/// Whether a ball touches a feature of static geometry before the end of the tick, falling on; or, if it bounces, may be thrown at it by another within the tick. `margin` is how far ahead it looks, m.
pub(crate) fn static_matters(
    (velocity, margin): (Vec3, f32),
    material: &Material,
    contact: &StaticContact,
    step: &StepConstants,
) -> bool {
    let fall = step.gravity.dot(contact.normal).min(0.0) * step.tick_seconds;
    let approach = velocity.dot(contact.normal) + fall;
    contact.separation + approach.min(0.0) * step.tick_seconds < CONTACT_SLOP
        || (static_restitution(material, contact) >= 1.0 && contact.separation < margin)
}

pub(crate) fn static_restitution(material: &Material, touch: &StaticContact) -> f32 {
    let rule = material.restitution_rule;
    rule.combine(rule, material.restitution, touch.restitution)
}

/// The contact of two bodies, the first being the one with the lower id.
pub(crate) fn pair_contact(columns: &Columns, [low, high]: [u32; 2], kept: Impulses, step: &StepConstants) -> Contact {
    let (l, h) = (low as usize, high as usize);
    let (a, b) = (&columns.motion[l], &columns.motion[h]);
    let (from, to) = (&columns.place[l], &columns.place[h]);
    let vector = difference((from.tile, from.offset), (to.tile, to.offset), step.tile_size);
    let distance = vector.length();
    let normal = if distance > 0.0 {
        vector / distance
    } else {
        NORMAL_OF_COINCIDENT_CENTRES
    };
    let impulses = warm(normal, kept);
    Contact {
        normal,
        separation: distance - (a.radius() + b.radius()),
        friction_impulse: impulses.1,
        normal_impulse: impulses.0,
    }
}

/// The coefficients of a contact of two bodies.
pub(crate) fn pair_coefficient(
    columns: &Columns,
    kinds: &Kinds,
    [low, high]: [u32; 2],
    step: &StepConstants,
) -> Coefficient {
    let (l, h) = (low as usize, high as usize);
    let (a, b) = (&columns.motion[l], &columns.motion[h]);
    let material = |body: usize| &kinds.get(columns.kind[body]).given.material;
    let (material_a, material_b) = (material(l), material(h));
    let inverse_mass = a.inverse_mass() + b.inverse_mass();
    let spin = a.radius() * a.turning() + b.radius() * b.turning();
    Coefficient {
        normal_mass: 1.0 / inverse_mass,
        tangent_mass: 1.0 / (inverse_mass + spin),
        friction: material_a.friction_with(material_b),
        restitution: bounce_of(material_a.restitution_with(material_b), step, || {
            let (from, to) = (&columns.place[l], &columns.place[h]);
            let vector = difference((from.tile, from.offset), (to.tile, to.offset), step.tile_size);
            let distance = vector.length();
            let approach = (b.velocity() - a.velocity()).dot(vector) / distance;
            (distance - (a.radius() + b.radius()), approach)
        }),
    }
}

/// The contact of a body with a feature of static geometry.
pub(crate) fn static_contact(touch: &StaticContact, kept: Impulses) -> Contact {
    let normal = -touch.normal;
    let impulses = warm(normal, kept);
    Contact {
        normal,
        separation: touch.separation,
        friction_impulse: impulses.1,
        normal_impulse: impulses.0,
    }
}

/// The coefficients of a contact of a body with a feature of static geometry.
pub(crate) fn static_coefficient(
    columns: &Columns,
    kinds: &Kinds,
    (body, touch): (u32, &StaticContact),
    step: &StepConstants,
) -> Coefficient {
    let motion = &columns.motion[body as usize];
    let material = &kinds.get(columns.kind[body as usize]).given.material;
    Coefficient {
        normal_mass: 1.0 / motion.inverse_mass(),
        tangent_mass: 1.0 / (motion.inverse_mass() + motion.radius() * motion.turning()),
        friction: material
            .friction_rule
            .combine(material.friction_rule, material.friction, touch.friction),
        restitution: bounce_of(static_restitution(material, touch), step, || {
            (touch.separation, motion.velocity().dot(touch.normal))
        }),
    }
}

/// The restitution of a contact in this tick: none where there is a loss and the two touch at the start of the tick without striking each other. What others press together in a substep, by their warm starts and
/// pushes, would bounce in that and every other one and never carry: a small ball wedged under a large one stayed in it for ever, up to 19 cm deep in piles of 400 balls of many sizes with restitutions up to
/// 0.5, of which nothing overlaps by more than 1 cm so. `start` gives separation (m) and normal velocity (m/s).
fn bounce_of(restitution: f32, step: &StepConstants, start: impl FnOnce() -> (f32, f32)) -> f32 {
    if !loses(restitution) {
        return restitution;
    }
    let (separation, velocity) = start();
    // Where centres coincide the velocity is no number, and nothing strikes.
    let strikes = velocity < -step.restitution_threshold;
    if separation < CONTACT_SLOP && !strikes {
        0.0
    } else {
        restitution
    }
}

/// Whether bodies bounce off each other with a loss, so that the restitution of their contacts depends on how they meet.
pub(crate) fn loses(restitution: f32) -> bool {
    0.0 < restitution && restitution < 1.0
}

/// The impulses of the last tick (normal, friction); friction is turned into the tangent plane of the new normal.
fn warm(normal: Vec3, impulses: Impulses) -> (f32, Vec3) {
    let friction = Vec3::from_array(impulses.friction);
    (impulses.normal, friction - normal * friction.dot(normal))
}
