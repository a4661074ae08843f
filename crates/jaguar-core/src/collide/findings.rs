//! What was found for the datums of bodies (see [`crate::datum`]): where they touch or nearly touch each other, and static geometry. It goes from tick to tick as long as both bodies keep their datums, and
//! is no state: what is not there is found again, with the same bits.

use crate::body::BodyId;
use crate::narrow_phase::solid::Manifold;
use crate::narrow_phase::static_manifold::StaticManifold;
use crate::recycled::trim;

/// Stands for no manifold.
const NONE: u32 = u32::MAX;

/// Where the findings of a body are among those of a chunk.
#[derive(Clone, Copy, Debug)]
struct Ranges {
    pairs: [u32; 2],
    /// Backwards if it was not looked at.
    statics: [u32; 2],
}

impl Default for Ranges {
    fn default() -> Self {
        Self {
            pairs: [0, 0],
            statics: [1, 0],
        }
    }
}

/// Where the findings of a body are.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FindingPlace {
    chunk: u32,
    ranges: Ranges,
}

/// A pair, in the list of the body that found it.
#[derive(Clone, Copy, Debug)]
struct PairFinding {
    partner: BodyId,
    /// The number of the manifold, or [`NONE`].
    manifold: u32,
}

/// What the bodies of a chunk found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// Of each body of the chunk.
    ranges: Vec<Ranges>,
    pairs: Vec<PairFinding>,
    manifolds: Vec<Manifold>,
    statics: Vec<StaticManifold>,
}

impl Findings {
    /// Makes ready for so many bodies.
    pub(super) fn clear(&mut self, bodies: usize) {
        self.ranges.clear();
        self.ranges.resize(bodies, Ranges::default());
        self.pairs.clear();
        self.manifolds.clear();
        self.statics.clear();
    }

    /// Notes how a body, by its place in the chunk, and a partner touch. Pairs of one finder follow each other.
    pub(super) fn note_pair(&mut self, finder: usize, partner: BodyId, manifold: Option<&Manifold>) {
        let end = self.pairs.len() as u32;
        let pairs = &mut self.ranges[finder].pairs;
        if pairs[1] != end {
            *pairs = [end; 2];
        }
        pairs[1] = end + 1;
        let number = manifold.map_or(NONE, |manifold| {
            self.manifolds.push(*manifold);
            self.manifolds.len() as u32 - 1
        });
        self.pairs.push(PairFinding {
            partner,
            manifold: number,
        });
    }

    /// Notes where a body, by its place in the chunk, touches static geometry.
    pub(super) fn note_statics(&mut self, body: usize, manifolds: &[StaticManifold]) {
        let begin = self.statics.len();
        self.statics.extend_from_slice(manifolds);
        self.ranges[body].statics = [begin as u32, self.statics.len() as u32];
    }

    /// Where the findings of the chunk's bodies are.
    pub(super) fn places(&self, chunk: usize) -> impl Iterator<Item = FindingPlace> + '_ {
        self.ranges.iter().map(move |&ranges| FindingPlace {
            chunk: chunk as u32,
            ranges,
        })
    }

    /// Gives back memory that an unusual tick took.
    pub(super) fn trim(&mut self) {
        trim(&mut self.ranges);
        trim(&mut self.pairs);
        trim(&mut self.manifolds);
        trim(&mut self.statics);
    }
}

/// How a body and a partner touched, if it was noted in the last tick.
pub(super) fn pair_of(before: &[Findings], place: &FindingPlace, partner: BodyId) -> Option<Option<Manifold>> {
    let findings = before.get(place.chunk as usize)?;
    let [begin, end] = place.ranges.pairs;
    let pairs = findings.pairs.get(begin as usize..end as usize)?;
    let found = pairs.iter().find(|found| found.partner == partner)?;
    Some(findings.manifolds.get(found.manifold as usize).copied())
}

/// Where a body touched static geometry, if it was noted in the last tick.
pub(super) fn statics_of<'a>(before: &'a [Findings], place: &FindingPlace) -> Option<&'a [StaticManifold]> {
    let [begin, end] = place.ranges.statics;
    before
        .get(place.chunk as usize)?
        .statics
        .get(begin as usize..end as usize)
}
