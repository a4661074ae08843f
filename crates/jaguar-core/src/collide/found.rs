//! What one chunk of tiles finds in a tick: the pairs and the touches of static geometry that become contacts.

use glam::Vec3;

use super::pair_order::PairOrder;
use super::{Pair, margin};
use crate::broad_phase::{GridParams, Grids, Search, find_pairs};
use crate::candidates::{Candidates, Plan};
use crate::lanes::LaneOrder;
use crate::narrow_phase::prepare::{pair_matters, static_matters};
use crate::narrow_phase::static_geometry::{StaticContact, StaticGeometry};
use crate::solver::StepConstants;
use crate::storage::Bodies;
use crate::tile::difference;
use crate::tile_table::{Chunk, TileTable};

/// What all chunks look at.
pub(super) struct View<'a> {
    pub(super) bodies: &'a Bodies,
    pub(super) table: &'a TileTable,
    pub(super) grids: &'a [Grids],
    pub(super) grid: GridParams,
    pub(super) candidates: &'a Candidates,
    pub(super) statics: &'a StaticGeometry,
    pub(super) step: &'a StepConstants,
}

/// What one chunk finds.
#[derive(Debug, Default)]
pub(crate) struct Found {
    unordered: Vec<Pair>,
    pair_order: PairOrder,
    /// Pairs of held bodies that may become candidates soon, by finder in storage order.
    pub(super) candidates: Vec<Pair>,
    /// In storage order.
    pub(super) inside: Vec<Pair>,
    pub(crate) inside_lanes: LaneOrder,
    pub(super) across: Vec<Pair>,
    /// In storage order of the body, then by feature.
    pub(super) statics: Vec<(u32, StaticContact)>,
    pub(crate) static_lanes: LaneOrder,
    touches: Vec<StaticContact>,
}

impl Found {
    /// Finds the contacts of the bodies of a chunk, as far as they are its to find.
    pub(super) fn find(&mut self, chunk: &Chunk, is_owned: bool, plan: Plan, view: &View<'_>) {
        self.clear();
        match plan {
            Plan::Search => self.search(chunk, Search::Everything, view),
            Plan::Build { .. } => self.search_and_list(chunk, view),
            Plan::Listed => {
                if is_owned {
                    for (a, b) in view.candidates.of_bodies(view.bodies, chunk.bodies.clone()) {
                        self.consider_listed(a, b, view);
                    }
                }
                if view.table.is_near_ghosts(chunk) {
                    self.search(chunk, Search::Ghosts, view);
                }
            }
        }
        self.pair_order
            .sort(&self.unordered, chunk.bodies.clone(), &mut self.inside);
        self.inside_lanes.colour_pairs(&self.inside, chunk.bodies.clone());
        if is_owned {
            self.find_statics(chunk, view);
        }
    }

    fn clear(&mut self) {
        self.unordered.clear();
        self.across.clear();
        self.candidates.clear();
        self.statics.clear();
    }

    /// Looks for pairs in the grids.
    fn search(&mut self, chunk: &Chunk, search: Search, view: &View<'_>) {
        find_pairs(
            chunk,
            view.table,
            view.grids,
            view.bodies.columns(),
            view.grid,
            search,
            |a, b, vector| {
                self.consider(a, b, vector, view);
            },
        );
    }

    /// Looks for pairs in the grids, and lists those that may become candidates in the next ticks.
    fn search_and_list(&mut self, chunk: &Chunk, view: &View<'_>) {
        let held = view.bodies.held() as u32;
        let columns = view.bodies.columns();
        find_pairs(
            chunk,
            view.table,
            view.grids,
            columns,
            view.grid,
            Search::Everything,
            |a, b, vector| {
                if a < held && b < held {
                    self.candidates.push([a, b]);
                }
                self.consider_near(a, b, vector, view);
            },
        );
    }

    /// Takes a listed pair if it is a candidate now and a contact.
    fn consider_listed(&mut self, a: u32, b: u32, view: &View<'_>) {
        let columns = view.bodies.columns();
        let (from, to) = (&columns.place[a as usize], &columns.place[b as usize]);
        let vector = difference((from.tile, from.offset), (to.tile, to.offset), view.step.tile_size);
        self.consider_near(a, b, vector, view);
    }

    /// Takes a pair at this vector from one to the other if it is a candidate and a contact.
    fn consider_near(&mut self, a: u32, b: u32, vector: Vec3, view: &View<'_>) {
        let columns = view.bodies.columns();
        let reach = columns.motion[a as usize].reach() + columns.motion[b as usize].reach();
        if vector.length_squared() < reach * reach {
            self.consider(a, b, vector, view);
        }
    }

    /// Takes a candidate pair at this vector from one to the other if it is a contact.
    fn consider(&mut self, a: u32, b: u32, vector: Vec3, view: &View<'_>) {
        if pair_matters(view.bodies.columns(), view.bodies.kinds(), a, b, vector, view.step) {
            let columns = view.bodies.columns();
            let pair = [a.min(b), a.max(b)];
            if columns.place[a as usize].tile == columns.place[b as usize].tile {
                self.unordered.push(pair);
            } else {
                self.across.push(pair);
            }
        }
    }

    fn find_statics(&mut self, chunk: &Chunk, view: &View<'_>) {
        let (columns, step) = (view.bodies.columns(), view.step);
        for body in chunk.bodies.clone() {
            let motion = &columns.motion[body];
            let place = &columns.place[body];
            let reach = motion.radius() + margin(motion, step).min(step.tile_size);
            self.touches.clear();
            let touches = &mut self.touches;
            view.statics
                .contacts_of_sphere(place.tile, place.offset, motion.radius(), reach, touches);
            let matters = |touch: &&StaticContact| static_matters(motion.velocity(), touch, step);
            let touches = self.touches.iter().filter(matters);
            self.statics.extend(touches.map(|&touch| (body as u32, touch)));
        }
        self.static_lanes.number(self.statics.iter().map(|&(body, _)| body));
    }
}
