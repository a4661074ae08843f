//! Contacts of balls, eight by eight. Two balls, or a ball and a feature of static geometry, touch in one point.
//!
//! Contacts lie in blocks of eight, lane by lane: of each block a [`Quad`] with the geometry and one with the impulses, and [`Ends`] and [`Coefficients`] beside them. They are in the order in which they are solved; no two
//! lanes of a block share a body, so a block is solved at once and gives the same bits as one contact after the other. The impulses outlast the tick: see [`crate::cache`].

use glam::Vec3;

use crate::ends::{Ends, EndsView, Places};
use crate::recycled::make_room;
use crate::simd::{LANES, Octet, Quad};

/// In place of a body's index: static geometry, or a lane without a contact.
pub(crate) const NO_BODY: u32 = u32::MAX;

/// In [`crate::halo::CachedContact::high`] and [`crate::cache::CacheEntry::other`]: the partner is static geometry, the rest is the key of the feature.
pub(crate) const STATIC_BIT: u64 = 1 << 63;

/// One contact point. Two spheres, or a sphere and a feature of static geometry, touch in one point, so there is no manifold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contact {
    /// Unit, from the body of the lower id to the one of the higher; from the body to the static geometry.
    pub(crate) normal: Vec3,
    /// Distance of the surfaces at the start of the tick, m; negative when they overlap.
    pub(crate) separation: f32,
    /// Accumulated on the second body (the first gets the opposite), kg m/s; perpendicular to the normal.
    pub(crate) friction_impulse: Vec3,
    /// Accumulated, kg m/s; not negative.
    pub(crate) normal_impulse: f32,
}

/// What of a contact follows from the kinds of its bodies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Coefficient {
    /// Effective mass along the normal, kg.
    pub(crate) normal_mass: f32,
    /// Effective mass along any tangent, kg: the same for all, since the inertia of a sphere is.
    pub(crate) tangent_mass: f32,
    /// Coefficient of friction.
    pub(crate) friction: f32,
    /// Coefficient of restitution.
    pub(crate) restitution: f32,
}

/// The coefficients of eight contacts, lane by lane. Where all bodies are of one kind, as in most large worlds, one such block serves a whole list of blocks.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct Coefficients {
    pub(crate) normal_mass: Octet,
    pub(crate) tangent_mass: Octet,
    pub(crate) friction: Octet,
    pub(crate) restitution: Octet,
}

impl Coefficients {
    /// Of lanes without contacts.
    pub(crate) const EMPTY: Self = Self {
        normal_mass: Octet::ZERO,
        tangent_mass: Octet::ZERO,
        friction: Octet::ZERO,
        restitution: Octet::ZERO,
    };

    pub(crate) fn set(&mut self, lane: usize, coefficient: &Coefficient) {
        self.normal_mass[lane] = coefficient.normal_mass;
        self.tangent_mass[lane] = coefficient.tangent_mass;
        self.friction[lane] = coefficient.friction;
        self.restitution[lane] = coefficient.restitution;
    }

    /// The same in all lanes. Those without a contact have no normal and no bodies, so it is of no consequence what else they have.
    pub(crate) fn alike(coefficient: &Coefficient) -> Self {
        let mut all = Self::EMPTY;
        (0..LANES).for_each(|lane| all.set(lane, coefficient));
        all
    }

    /// Those of a block in a list that has some for each block, or one for all.
    #[inline(always)]
    pub(crate) fn of(list: &[Self], block: usize) -> &Self {
        list.get(block).unwrap_or_else(|| &list[0])
    }
}

/// Contacts to be solved, block by block.
#[derive(Debug)]
pub(crate) struct Contacts<'a> {
    /// Normals and separations.
    pub(crate) geometry: &'a [Quad],
    /// Those of friction, and the normal ones.
    pub(crate) impulses: &'a mut [Quad],
    pub(crate) ends: EndsView<'a>,
    /// As many as blocks, or one.
    pub(crate) coefficients: &'a [Coefficients],
}

/// Puts a contact into a lane. Lanes without contacts are zero: they compute zero impulses on nothing.
pub(crate) fn set_contact((geometry, impulses): (&mut Quad, &mut Quad), lane: usize, contact: &Contact) {
    geometry.set(lane, contact.normal.to_array(), contact.separation);
    impulses.set(lane, contact.friction_impulse.to_array(), contact.normal_impulse);
}

/// Puts impulses into a lane.
pub(crate) fn set_impulses(quad: &mut Quad, lane: usize, impulses: Impulses) {
    quad.set(lane, impulses.friction, impulses.normal);
}

/// The impulses that were put into a lane, to the bit.
pub(crate) fn get_impulses(quad: &Quad, lane: usize) -> Impulses {
    let (friction, normal) = quad.get(lane);
    Impulses { normal, friction }
}

/// What a lane has accumulated, without negative zeros. Without a normal impulse there is no friction: what rounding left of it would warm start the next tick here, and not after a
/// hand-over, which takes along what carries.
pub(crate) fn impulses_of(impulses: &Quad, lane: usize) -> Impulses {
    let Impulses { normal, friction } = get_impulses(impulses, lane);
    let normal = normal + 0.0;
    let sum = normal + (friction[0] + friction[1] + friction[2]);
    // What is no longer a number would be none for ever, and peers refuse it.
    if normal == 0.0 || !sum.is_finite() {
        return Impulses::default();
    }
    Impulses {
        normal,
        friction: friction.map(|along| along + 0.0),
    }
}

/// The contacts of a tick, by class. Their impulses are in [`crate::cache::CacheSet`].
#[derive(Debug, Default)]
pub(crate) struct ContactSet {
    /// Geometry of those between bodies of one tile. Whose they are is where they were found: in [`crate::collide::found::Found`].
    pub(crate) inside: Vec<Quad>,
    /// Geometry of those with static geometry.
    pub(crate) statics: Vec<Quad>,
    /// By places in the portion. Their second bodies are none.
    pub(crate) static_ends: Vec<Places<u32>>,
    /// Geometry of those between bodies of different tiles. Their order is of no consequence, and lanes may share bodies.
    pub(crate) across: Vec<Quad>,
    pub(crate) across_ends: Vec<Ends>,
    /// By portion; of each as many as blocks, or one.
    pub(crate) inside_coefficients: Vec<Coefficients>,
    /// By portion; of each as many as blocks, or one.
    pub(crate) static_coefficients: Vec<Coefficients>,
    /// As many as blocks, or one.
    pub(crate) across_coefficients: Vec<Coefficients>,
}

impl ContactSet {
    pub(crate) fn clear(&mut self) {
        let Self {
            inside,
            statics,
            static_ends,
            across,
            across_ends,
            inside_coefficients,
            static_coefficients,
            across_coefficients,
        } = self;
        inside.clear();
        statics.clear();
        static_ends.clear();
        across.clear();
        across_ends.clear();
        inside_coefficients.clear();
        static_coefficients.clear();
        across_coefficients.clear();
    }

    /// Makes the geometry of each class one of so many blocks, with anything in them. At once there is room for those that so many bodies will have when they lie in a heap: three contacts a body, some of them between tiles.
    ///
    /// What is aligned cannot grow in place: it is allocated anew and the old memory freed, and having freed a large block the system's allocator no longer maps blocks of that size but cuts them from its
    /// heaps, where all that grows leaves holes (in a pile of 50,000: 100 bytes a body). Memory that is not written to costs nothing.
    pub(crate) fn make_room(&mut self, blocks: [usize; 3], bodies: usize) {
        let in_a_heap = 3 * bodies / LANES;
        let classes = [
            (&mut self.inside, in_a_heap),
            (&mut self.statics, in_a_heap / 8),
            (&mut self.across, in_a_heap / 4),
        ];
        for ((class, share), blocks) in classes.into_iter().zip(blocks) {
            if blocks > 0 {
                make_room(class, blocks.max(share));
            }
            class.resize(blocks, Quad::ZERO);
        }
    }
}

/// The accumulated impulses of a contact.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Impulses {
    /// kg m/s.
    pub(crate) normal: f32,
    /// kg m/s.
    pub(crate) friction: [f32; 3],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_not_kept() {
        let mut block = Quad::ZERO;
        set_impulses(
            &mut block,
            3,
            Impulses {
                normal: 2.0,
                friction: [0.0, -1.0, 0.0],
            },
        );
        assert_eq!(impulses_of(&block, 3).friction, [0.0, -1.0, 0.0]);
        block.xyz[1][3] = f32::NAN;
        let kept = impulses_of(&block, 3);
        assert_eq!((kept.normal, kept.friction), (0.0, [0.0; 3]));
    }
}
