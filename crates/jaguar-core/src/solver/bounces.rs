//! Bounces between tiles. Contacts between tiles are solved all at once, so a body that strikes two others in the same substep would be thrown back by each as if it were alone, and gain energy: in a gas of balls of up to
//! 20 m/s a quarter in two seconds, in faster ones without end. So a body bounces off one other body in a substep, which loses no energy and gains none: off the one that it meets first, if it is also the first that
//! the other meets. Who has to wait bounces in a later substep.
//! Contacts of one point and manifolds choose together, and the two of a manifold bounce as wholes, although they are split for what rests (see [`crate::manifold::across`]): a box that is near two others would keep
//! none of its speed.
//!
//! Both owners have to know both choices. So what a body bounces off in a substep it chooses from the velocities that all had in the substep before, or at the start of the tick, and its owner sends the choice along with
//! its velocity. What was not foreseen, since something else turned a body round in between, bounces a substep later.

use super::StepConstants;
use super::across::vector;
use super::kernel::{Shifts, Velocities, strikes};
use crate::body::BodyId;
use crate::contact::{Coefficients, ContactSet};
use crate::ends::Ends;
use crate::manifold::across::ForeseeManifolds;
use crate::manifold::attitude::Attitude;
use crate::manifold::block::ManifoldBlock;
use crate::parallel::*;
use crate::recycled::resize;
use crate::simd::{F32x8, Kernel, LANES, Octet, Quad, lanes_of};
use crate::storage::{Columns, Motion};

/// Blocks that one thread looks at in a row.
const BLOCKS_AT_ONCE: usize = 64;

/// The contacts between tiles that may bounce in the present or coming substep, and which of them their bodies chose.
#[derive(Debug, Default)]
pub(crate) struct Bounces {
    /// Lanes of each block; empty in a world in which nothing bounces.
    foreseen: Vec<u8>,
    /// Of each block of manifolds, when each lane will bounce, s; infinity of those that will not. Empty likewise.
    foreseen_manifolds: Vec<Octet>,
    /// By body; of a ghost its owner's. Empty likewise.
    choices: Vec<Choice>,
    /// The bodies that made one.
    choosers: Vec<u32>,
}

/// What a body bounces off next.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Choice {
    partner: Option<BodyId>,
    /// Time to the contact, s; negative for one that is past.
    meets_in: f32,
}

impl Choice {
    const NONE: Self = Self {
        partner: None,
        meets_in: f32::INFINITY,
    };
}

impl Bounces {
    /// Foresees the first substep of a tick from the velocities at its start, before anything acts; nothing, unless `any` body bounces.
    pub(crate) fn begin_tick(
        &mut self,
        columns: &Columns,
        contacts: &ContactSet,
        (manifolds, attitudes): (&[ManifoldBlock], &[Attitude]),
        any: bool,
        step: &StepConstants,
    ) {
        self.foreseen.clear();
        self.foreseen_manifolds.clear();
        self.choices.clear();
        self.choosers.clear();
        if !any {
            return;
        }
        let ContactSet {
            across: geometry,
            across_ends: ends,
            across_coefficients: coefficients,
            ..
        } = contacts;
        resize(&mut self.foreseen, geometry.len(), 0);
        resize(&mut self.foreseen_manifolds, manifolds.len(), NEVER);
        resize(&mut self.choices, columns.id.len(), Choice::NONE);
        let chunks = self.foreseen.par_chunks_mut(BLOCKS_AT_ONCE).enumerate();
        chunks.for_each(|(c, foreseen)| {
            let blocks = c * BLOCKS_AT_ONCE..c * BLOCKS_AT_ONCE + foreseen.len();
            step.simd.run(Foresee {
                motion: &columns.motion,
                geometry: &geometry[blocks.clone()],
                ends: &ends[blocks.clone()],
                coefficients: coefficients.get(blocks).unwrap_or(coefficients),
                foreseen,
                step,
            });
        });
        let chunks = self.foreseen_manifolds.par_chunks_mut(BLOCKS_AT_ONCE);
        chunks
            .zip(manifolds.par_chunks(BLOCKS_AT_ONCE))
            .for_each(|(foreseen, blocks)| {
                step.simd.run(ForeseeManifolds {
                    motion: &columns.motion,
                    attitudes,
                    blocks,
                    foreseen,
                    step,
                });
            });
        self.choose(columns, (geometry, ends), manifolds);
    }

    /// Lets every body choose among the contacts that are foreseen.
    pub(crate) fn choose(
        &mut self,
        columns: &Columns,
        (geometry, ends): (&[Quad], &[Ends]),
        manifolds: &[ManifoldBlock],
    ) {
        for body in self.choosers.drain(..) {
            self.choices[body as usize] = Choice::NONE;
        }
        for (b, &foreseen) in self.foreseen.iter().enumerate() {
            for lane in lanes_of(foreseen.into()) {
                let pair = [ends[b].low[lane], ends[b].high[lane]];
                let meets_in = meets_in(&columns.motion, pair, &geometry[b], lane);
                offer((&mut self.choices, &mut self.choosers), &columns.id, pair, meets_in);
            }
        }
        for (block, foreseen) in manifolds.iter().zip(&self.foreseen_manifolds) {
            for lane in (0..LANES).filter(|&lane| foreseen[lane] < f32::INFINITY) {
                let pair = [block.low[lane], block.high[lane]];
                offer(
                    (&mut self.choices, &mut self.choosers),
                    &columns.id,
                    pair,
                    foreseen[lane],
                );
            }
        }
    }

    /// What a body chose.
    pub(crate) fn choice(&self, body: u32) -> Option<BodyId> {
        self.choices.get(body as usize)?.partner
    }

    /// Notes what a ghost's owner says.
    pub(crate) fn note_ghost(&mut self, body: u32, partner: Option<BodyId>) {
        if let Some(choice) = self.choices.get_mut(body as usize) {
            choice.partner = partner;
        }
    }

    /// What the solver of manifolds needs, with what is foreseen apart: it replaces that.
    pub(crate) fn manifold_parts<'a>(&'a mut self, ids: &'a [BodyId]) -> (&'a mut [Octet], Choices<'a>) {
        let choices = Choices {
            choices: &self.choices,
            ids,
        };
        (&mut self.foreseen_manifolds, choices)
    }

    /// What the solver needs, with the lanes that are foreseen apart: it replaces them.
    pub(super) fn parts<'a>(&'a mut self, ids: &'a [BodyId]) -> (&'a mut [u8], Choices<'a>) {
        let choices = Choices {
            choices: &self.choices,
            ids,
        };
        (&mut self.foreseen, choices)
    }
}

/// What all bodies chose.
#[derive(Clone, Copy)]
pub(crate) struct Choices<'a> {
    choices: &'a [Choice],
    ids: &'a [BodyId],
}

impl Choices<'_> {
    /// Those of the lanes in which both bodies chose each other.
    pub(crate) fn mutual(self, foreseen: u8, low: &[u32; LANES], high: &[u32; LANES]) -> u8 {
        let chose = |body: u32, partner: u32| self.choices[body as usize].partner == Some(self.ids[partner as usize]);
        let is_mutual = |&lane: &usize| chose(low[lane], high[lane]) && chose(high[lane], low[lane]);
        lanes_of(foreseen.into()).filter(is_mutual).map(|lane| 1 << lane).sum()
    }
}

/// Nothing bounces.
pub(crate) const NEVER: Octet = Octet([f32::INFINITY; LANES]);

/// Lets the two bodies of a contact that is foreseen choose each other, if they meet nothing before.
fn offer((choices, choosers): (&mut [Choice], &mut Vec<u32>), ids: &[BodyId], [low, high]: [u32; 2], meets_in: f32) {
    for (body, partner) in [(low, high), (high, low)] {
        let partner = ids[partner as usize];
        let choice = &mut choices[body as usize];
        let is_first = (meets_in, Some(partner)) < (choice.meets_in, choice.partner);
        if choice.partner.is_none() || is_first {
            *choice = Choice {
                partner: Some(partner),
                meets_in,
            };
            choosers.push(body);
        }
    }
}

/// Time until the two bodies of a contact meet if their velocities stay, s. They approach.
fn meets_in(motion: &[Motion], [low, high]: [u32; 2], geometry: &Quad, lane: usize) -> f32 {
    let [low, high] = [low, high].map(|body| &motion[body as usize]);
    let normal = vector(&geometry.xyz, lane);
    let shift = (high.displacement - low.displacement).truncate().dot(normal);
    let approach = (low.velocity() - high.velocity()).dot(normal);
    (geometry.w[lane] + shift) / approach
}

/// A 1 in each of these lanes, a 0 in the others.
pub(super) fn ones(lanes: u8) -> Octet {
    let mut ones = Octet::ZERO;
    lanes_of(lanes.into()).for_each(|lane| ones[lane] = 1.0);
    ones
}

struct Foresee<'a> {
    motion: &'a [Motion],
    geometry: &'a [Quad],
    ends: &'a [Ends],
    /// As many as blocks, or one.
    coefficients: &'a [Coefficients],
    foreseen: &'a mut [u8],
    step: &'a StepConstants,
}

impl Kernel for Foresee<'_> {
    type Output = ();

    #[inline(always)]
    fn run<F: F32x8>(self) {
        let blocks = self.geometry.iter().zip(self.ends).zip(self.foreseen);
        for (b, ((geometry, ends), foreseen)) in blocks.enumerate() {
            let low = (
                &Velocities::<F>::gather(self.motion, &ends.low),
                &Shifts::gather(self.motion, &ends.low),
            );
            let high = (
                &Velocities::gather(self.motion, &ends.high),
                &Shifts::gather(self.motion, &ends.high),
            );
            let coefficients = Coefficients::of(self.coefficients, b);
            *foreseen = strikes(geometry, coefficients, low, high, 1.0, self.step);
        }
    }
}
