//! Contacts of up to four points: of bodies that are not spheres, and of spheres that resist rolling or spinning. They are found, prepared and solved beside the contacts of plain
//! spheres, which need neither inertia tensors nor more than one point, and by the same rules: coloured inside a tile, Jacobi between tiles, impulses cached by home.

pub(crate) mod across;
pub(crate) mod attitude;
pub(crate) mod block;
pub(crate) mod inside;
mod kept;
pub(crate) mod kernel;
pub(crate) mod prepare;

pub(crate) use self::kept::KeptManifold;

use glam::Vec3;

use self::across::Doing;
use self::attitude::Attitude;
use self::block::ManifoldBlock;
use self::prepare::ManifoldPortion;
use crate::body::BodyId;
use crate::cache::{CacheSet, ContactCache};
use crate::contact::STATIC_BIT;
use crate::halo::CachedManifold;
use crate::simd::LANES;
use crate::solver::across::Side;
use crate::world::{ContactPartner, ContactView};

/// The manifolds of a tick, by class.
#[derive(Debug, Default)]
pub(crate) struct ManifoldSet {
    /// Between bodies of one tile.
    pub(crate) inside: Vec<ManifoldBlock>,
    /// With static geometry.
    pub(crate) statics: Vec<ManifoldBlock>,
    /// Between bodies of different tiles.
    pub(crate) across: Vec<ManifoldBlock>,
}

impl ManifoldSet {
    pub(crate) fn clear(&mut self) {
        self.inside.clear();
        self.statics.clear();
        self.across.clear();
    }
}

/// All that a world has for manifolds. Empty in a world of plain spheres.
#[derive(Debug, Default)]
pub(crate) struct Manifolds {
    pub(crate) set: ManifoldSet,
    /// How each body is turned, ghosts too; empty if all are plain spheres without joints.
    pub(crate) attitudes: Vec<Attitude>,
    /// Impulses of the last tick's manifolds; within a tick, the list of this one's.
    pub(crate) cached: CacheSet<KeptManifold>,
    /// Those of the tick before, while a tick takes them over.
    pub(crate) spare_cached: CacheSet<KeptManifold>,
    /// Cached manifolds without a home.
    pub(crate) extra: Vec<CachedManifold>,
    /// One for each portion of the solver's work.
    pub(crate) portions: Vec<ManifoldPortion>,
    /// The held bodies' parts in manifolds between tiles, by body, then by the partner's id.
    pub(crate) sides: Vec<Side>,
    /// In how many manifolds and joints between tiles each body takes part. Of a ghost its owner knows, and says so with its velocities.
    pub(crate) crowds: Vec<u32>,
    /// One for each block between tiles.
    pub(crate) doings: Vec<Doing>,
    pub(crate) buffers: prepare::Buffers,
}

impl Manifolds {
    pub(crate) fn cache(&self) -> ContactCache<'_, KeptManifold> {
        ContactCache {
            set: &self.cached,
            extra: &self.extra,
        }
    }

    /// Forgets everything: the world has plain spheres only.
    pub(crate) fn forget(&mut self) {
        self.set.clear();
        self.cached.clear();
        self.extra.clear();
        self.portions.clear();
        self.sides.clear();
        self.crowds.clear();
        self.doings.clear();
        self.buffers.forget();
    }

    /// Forgets the manifolds of the last tick, whose indices are no longer those of the bodies; the cache goes by ids.
    pub(crate) fn clear(&mut self) {
        self.set.clear();
    }

    /// The manifolds of the last tick between the bodies of these ids.
    pub(crate) fn contacts<'a>(&'a self, held: &'a [BodyId]) -> impl Iterator<Item = ContactView> + 'a {
        let inside = self.set.inside.iter().map(|block| (block, &self.cached.inside));
        let statics = self.set.statics.iter().map(|block| (block, &self.cached.statics));
        let across = self.set.across.iter().map(|block| (block, &self.cached.across));
        let blocks = inside.chain(statics).chain(across);
        blocks.flat_map(move |(block, entries)| {
            let lanes = (0..LANES).filter(|&lane| block.has(lane));
            lanes.map(move |lane| {
                let other = entries.entries[block.rank[lane] as usize].other();
                let id = |index: u32| held.get(index as usize).map_or(other, |id| id.0);
                let low = BodyId(id(block.low[lane]));
                let high = match id(block.high[lane]) {
                    key if key & STATIC_BIT != 0 => ContactPartner::Static(key ^ STATIC_BIT),
                    id => ContactPartner::Body(BodyId(id)),
                };
                let impulses = block.impulses(lane);
                let points = &block.points[..block.counts[lane] as usize];
                ContactView {
                    low,
                    high,
                    separation: points.iter().map(|p| p.separation[lane]).fold(f32::INFINITY, f32::min),
                    normal: Vec3::from_array(block.normal.map(|axis| axis[lane])),
                    normal_impulse: impulses.normal.iter().sum(),
                    friction_impulse: Vec3::from_array(impulses.friction),
                }
            })
        })
    }
}
