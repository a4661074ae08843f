//! Contacts, and last tick's contacts as the cache that warm starts this tick's.
//!
//! The contacts of a tick stay where they are until the next tick has taken their impulses: the cache is the contact list itself. Every contact is listed under
//! one held body, its *home*, and names the other partner by id; a body's ranges move with it through the sort. So a lookup is a walk over a few neighbouring
//! cache lines, and no table of pairs exists.

use std::ops::Range;

use glam::Vec3;

use crate::body::BodyId;
use crate::halo::CachedContact;
use crate::storage::Columns;

/// In place of a body's index where the partner is static geometry.
pub(crate) const STATIC: u32 = u32::MAX;

/// In [`CachedContact::high`] and [`Contact::other`]: the partner is static geometry, the rest is the key of the feature.
pub(crate) const STATIC_BIT: u64 = 1 << 63;

/// One contact point: one cache line. Two spheres, or a sphere and a feature of static geometry, touch in one point, so there is no manifold.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct Contact {
    /// Unit, from the body of the lower id to the one of the higher; from the body to the static geometry.
    pub(crate) normal: Vec3,
    /// Distance of the surfaces at the start of the tick, m; negative when they overlap.
    pub(crate) separation: f32,
    /// Accumulated on the second body (the first gets the opposite), kg m/s; perpendicular to the normal.
    pub(crate) friction_impulse: Vec3,
    /// Accumulated, kg m/s; not negative.
    pub(crate) normal_impulse: f32,
    /// Effective mass along the normal, kg.
    pub(crate) normal_mass: f32,
    /// Effective mass along any tangent, kg: the same for all, since the inertia of a sphere is.
    pub(crate) tangent_mass: f32,
    /// Coefficient of friction.
    pub(crate) friction: f32,
    /// Coefficient of restitution.
    pub(crate) restitution: f32,
    /// Index of the body of the lower id, or of the only body.
    pub(crate) low: u32,
    /// Index of the body of the higher id, or [`STATIC`].
    pub(crate) high: u32,
    /// The partner that is not the home: a body's id, or [`STATIC_BIT`] and the key of the feature.
    pub(crate) other: u64,
}

const _: () = assert!(size_of::<Contact>() == 64);

impl Contact {
    pub(crate) const NONE: Self = Self {
        normal: Vec3::ZERO,
        separation: 0.0,
        friction_impulse: Vec3::ZERO,
        normal_impulse: 0.0,
        normal_mass: 0.0,
        tangent_mass: 0.0,
        friction: 0.0,
        restitution: 0.0,
        low: STATIC,
        high: STATIC,
        other: 0,
    };

    fn impulses(&self) -> Impulses {
        Impulses {
            normal: self.normal_impulse,
            // Adding zero makes a negative zero positive, here and after a hand-over alike.
            friction: self.friction_impulse + Vec3::ZERO,
        }
    }

    /// The entry of the cache, if the contact carries an impulse.
    fn cached(&self, home: BodyId) -> Option<CachedContact> {
        let is_static = self.other & STATIC_BIT != 0;
        (self.normal_impulse > 0.0).then(|| CachedContact {
            low: if is_static { home } else { home.min(BodyId(self.other)) },
            high: if is_static { self.other } else { home.0.max(self.other) },
            normal_impulse: self.normal_impulse,
            friction_impulse: self.impulses().friction.to_array(),
        })
    }
}

/// The accumulated impulses of a contact.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Impulses {
    pub(crate) normal: f32,
    pub(crate) friction: Vec3,
}

/// A range of contacts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) len: u32,
}

impl Span {
    pub(crate) fn range(self) -> Range<usize> {
        self.start as usize..(self.start + self.len) as usize
    }
}

/// The contacts whose home is a body, per list of [`ContactSet`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CachedRanges {
    pub(crate) inside: Span,
    pub(crate) statics: Span,
    pub(crate) across: Span,
}

/// The contacts of a tick, by class.
#[derive(Debug, Default)]
pub(crate) struct ContactSet {
    /// Between bodies of one tile, in storage order of the pair: the order in which they are solved.
    pub(crate) inside: Vec<Contact>,
    /// With static geometry, in storage order of the body, then by feature.
    pub(crate) statics: Vec<Contact>,
    /// Between bodies of different tiles. Their order in the list is of no consequence.
    pub(crate) across: Vec<Contact>,
}

/// Everything that warm starts the next tick.
#[derive(Clone, Copy)]
pub(crate) struct ContactCache<'a> {
    pub(crate) set: &'a ContactSet,
    /// Entries without a home: of contacts that arrived with a body, or whose home left. Ascending in (low, high).
    pub(crate) extra: &'a [CachedContact],
}

impl<'a> ContactCache<'a> {
    /// The impulses of the contact of two bodies, if they touched. Each is given by its id and ranges, which are empty for a body that is not held.
    pub(crate) fn pair(&self, low: (BodyId, &CachedRanges), high: (BodyId, &CachedRanges)) -> Option<Impulses> {
        let listed = |home: &CachedRanges, other: BodyId| {
            let inside = &self.set.inside[home.inside.range()];
            let across = &self.set.across[home.across.range()];
            inside.iter().chain(across).find(|contact| contact.other == other.0)
        };
        listed(low.1, high.0)
            .or_else(|| listed(high.1, low.0))
            .map(Contact::impulses)
            .or_else(|| self.extra(low.0, high.0.0))
    }

    /// The impulses of the contact of a held body with a feature of static geometry, if they touched.
    pub(crate) fn fixed(&self, body: (BodyId, &CachedRanges), key: u64) -> Option<Impulses> {
        let other = key | STATIC_BIT;
        let mut listed = self.set.statics[body.1.statics.range()].iter();
        listed
            .find(|contact| contact.other == other)
            .map(Contact::impulses)
            .or_else(|| self.extra(body.0, other))
    }

    /// The entries listed under a home.
    pub(crate) fn of_home(self, id: BodyId, ranges: &CachedRanges) -> impl Iterator<Item = CachedContact> + use<'a> {
        self.contacts_of_home(ranges)
            .filter_map(move |contact| contact.cached(id))
    }

    /// The contacts listed under a home, with or without an impulse.
    pub(crate) fn contacts_of_home(self, ranges: &CachedRanges) -> impl Iterator<Item = &'a Contact> + use<'a> {
        let inside = &self.set.inside[ranges.inside.range()];
        let statics = &self.set.statics[ranges.statics.range()];
        let across = &self.set.across[ranges.across.range()];
        inside.iter().chain(statics).chain(across)
    }

    fn extra(&self, low: BodyId, high: u64) -> Option<Impulses> {
        if self.extra.is_empty() {
            return None;
        }
        let found = self
            .extra
            .binary_search_by_key(&(low, high), |entry| (entry.low, entry.high))
            .ok()?;
        Some(Impulses {
            normal: self.extra[found].normal_impulse,
            friction: Vec3::from_array(self.extra[found].friction_impulse),
        })
    }

    /// All entries of the first `held` bodies and those without a home.
    pub(crate) fn entries(self, columns: &'a Columns, held: usize) -> impl Iterator<Item = CachedContact> + use<'a> {
        let homes = columns.id[..held].iter().zip(&columns.cached[..held]);
        homes
            .flat_map(move |(&id, ranges)| self.of_home(id, ranges))
            .chain(self.extra.iter().copied())
    }
}
