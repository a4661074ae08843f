//! One tick, stage by stage.
//!
//! A world alone calls [`World::step`]. A pod's part of a world goes through the same stages and talks to its peers in between:
//!
//! 1. [`World::exchange_out`], a message to each peer, [`World::exchange_in`] for each message received;
//! 2. [`World::collide`];
//! 3. for each substep: [`World::velocities_out`], a message to each peer, [`World::velocities_in`] for each received, [`World::substep`];
//! 4. [`World::finish`].

use crate::collide::Collision;
use crate::error::HaloError;
use crate::event::{add_impulses, add_manifold_impulses};
use crate::joint;
use crate::joint::Joint;
use crate::joint::list::Joints;
use crate::manifold::{self};
use crate::parallel::*;
use crate::portions::Stages;
use crate::simd::Level;
use crate::sleep;
use crate::solver::across::{self};
use crate::tile::TileIndex;
use crate::world::{Phase, StepStats, World};

impl World {
    /// Simulates one tick of a world that has no peers.
    pub fn step(&mut self) {
        self.assert_at_rest();
        attended(self.bodies.held(), || {
            self.collide(|_| unreachable!("no ghosts without peers"))
                .expect("no ghosts without peers");
            for _ in 0..self.params().substeps {
                self.substep();
            }
            self.finish();
        });
    }

    /// Chooses the instructions that lanes are computed with: of no consequence but for speed. A world begins with the best of the machine.
    pub fn set_simd(&mut self, level: Level) {
        self.constants.simd = level;
    }

    /// Finds and prepares the contacts of the tick, and begins the first substep up to its warm start. `owner` says which pod owns a ghost's tile.
    ///
    /// Fails if peers disagree about who owns a tile; the world must be given up then.
    pub fn collide(&mut self, owner: impl FnMut(TileIndex) -> u32) -> Result<(), HaloError> {
        assert!(
            !matches!(self.phase, Phase::Solving { .. }),
            "collide begins a tick; the last one is not finished"
        );
        self.collision.sleep.is_skipped = self.is_still();
        if self.collision.sleep.is_skipped {
            self.journal.begin();
            self.phase = Phase::Solving { done: 0 };
            return Ok(());
        }
        let are_in_place = !(self.bodies.stale.order || self.bodies.stale.members);
        self.bodies.sort(&self.collision.table);
        self.admit_ghosts();
        let held = self.bodies.held();
        if std::mem::take(&mut self.bodies.stale.tiles) {
            let columns = self.bodies.columns();
            let rebuilt = self.collision.table.rebuild(columns, held);
            rebuilt.map_err(|tile| HaloError::SharedTile { tile })?;
            self.bodies.stale.members = false;
        }

        self.begin_events();
        let may_sleep = self.may_sleep();
        self.joints.begin_tick(&self.bodies, self.constants.tile_size);
        let bodies = &self.bodies;
        let counts = |joint: &&Joint| bodies.index_of(joint.low()).is_some();
        self.journal.tell_broken(self.joints.broken().iter().filter(counts));
        if may_sleep {
            self.rouse_freed();
        }
        let cell_size = self.params().broad_phase_cell_size;
        self.collision.run(
            &mut self.bodies,
            (&mut self.contacts, &mut self.manifolds),
            (&mut self.cached, &self.extra),
            (&self.statics, &self.joints),
            cell_size,
            (may_sleep, are_in_place, &self.constants),
        );
        self.extra.clear();
        let portions = self.collision.portions.iter().map(|portion| &portion.bodies);
        self.joints.prepare(
            (&self.bodies, &self.collision.sleep),
            &mut self.manifolds,
            portions,
            &self.constants,
        );
        self.sense();
        self.clear_felt();
        self.exchange.match_peers(
            self.bodies.columns(),
            held,
            &self.collision.table,
            (&self.contacts.across_ends, &self.manifolds.set.across),
            self.joints.across_pairs(),
            owner,
        );
        self.begin_sleep();
        self.begin_bounces();
        self.mark_forced();
        self.mark_lone();
        self.count_stage();
        self.run_portions(Stages::Begin);
        self.phase = Phase::Solving { done: 0 };
        Ok(())
    }

    /// Solves one substep, and begins the next one up to its warm start. All velocities of this substep must have come in.
    pub fn substep(&mut self) {
        let Phase::Solving { done } = self.phase else {
            panic!("substeps come after collide");
        };
        let substeps = self.params().substeps;
        assert!(done < substeps, "all {substeps} substeps are done; finish the tick");
        if self.collision.sleep.is_skipped {
            self.phase = Phase::Solving { done: done + 1 };
            return;
        }
        self.exchange.assert_complete();
        if done == 0 {
            let (points, manifolds) = (&self.contacts.across_ends, &self.manifolds.set.across);
            self.collision.sleep.mark_across(points, manifolds);
        }
        across::solve_all(
            self.bodies.columns(),
            across::Contacts {
                geometry: &self.contacts.across,
                impulses: &mut self.cached.across.memory,
                ends: &self.contacts.across_ends,
                coefficients: &self.contacts.across_coefficients,
            },
            (&mut self.collision.across.changes, &mut self.collision.across.bounces),
            &mut self.journal.felt.across,
            &self.collision.sleep.across,
            &self.constants,
        );
        add_impulses(&mut self.journal.felt.across, &self.cached.across.memory);
        manifold::across::solve_all(
            self.bodies.columns(),
            (&self.manifolds.attitudes, &self.manifolds.crowds),
            &mut self.manifolds.set.across,
            (&mut self.manifolds.doings, &mut self.collision.across.bounces),
            &mut self.journal.felt.across_manifolds,
            &self.collision.sleep.across_manifolds,
            (&self.constants, done == 0),
        );
        add_manifold_impulses(&mut self.journal.felt.across_manifolds, &self.manifolds.set.across);
        let columns = self.bodies.columns();
        self.collision.across.bounces.choose(
            columns,
            (&self.contacts.across, &self.contacts.across_ends),
            &self.manifolds.set.across,
        );
        let everyone = joint::across::Everyone {
            motion: &columns.motion,
            attitudes: &self.manifolds.attitudes,
            orientation: &columns.orientation,
            crowds: &self.manifolds.crowds,
        };
        let Joints { across, doings, .. } = &mut self.joints;
        joint::across::solve_all(everyone, across, doings, (&self.collision.sleep, &self.constants));
        self.run_portions(if done + 1 < substeps {
            Stages::SolveAndBegin
        } else {
            Stages::Solve
        });
        self.exchange.await_velocities();
        self.phase = Phase::Solving { done: done + 1 };
    }

    /// Ends the tick: positions, orientations and tiles follow the substeps' motion; ghosts are forgotten.
    pub fn finish(&mut self) {
        let substeps = self.params().substeps;
        assert_eq!(
            self.phase,
            Phase::Solving { done: substeps },
            "a tick is finished after its {substeps} substeps"
        );
        if !self.collision.sleep.is_skipped {
            self.finish_bodies();
        }
        self.tick += 1;
        self.phase = Phase::Rest;
    }

    /// Writes back what the substeps did to bodies, contacts and joints.
    fn finish_bodies(&mut self) {
        self.manifolds.store_impulses(&self.collision.sleep.across_manifolds);
        self.collision.store_impulses(&mut self.bodies, &mut self.cached);
        self.collision.trim(&mut self.cached);
        self.joints.store_impulses(&self.collision.sleep);
        self.end_events();
        self.bodies.drop_ghosts();
        let moved = self.move_bodies();
        self.stats.quarantined += moved.quarantined;
        self.collision
            .note_motion(moved.farthest + moved.growth, self.constants.tile_size);
        self.bodies.stale.order |= moved.any_changed_tile;
        self.bodies.stale.tiles |= moved.any_changed_tile;
        if self.may_sleep() {
            let held = self.bodies.held() as u32;
            let rest = &mut self.bodies.columns_mut().rest;
            let driven = self.joints.driven().filter(|&body| body < held);
            driven.for_each(|body| rest[body as usize] &= sleep::CHANGED_TILE);
            if moved.any_changed_tile {
                self.reset_left();
            }
        }
        self.note_still();
    }

    /// Puts the ghosts that arrived behind the held bodies, in storage order.
    fn admit_ghosts(&mut self) {
        self.ghosts.sort_by_cached_key(|ghost| (ghost.tile.morton(), ghost.id));
        // The same ghost may come from the pod that held it and from the one that holds it now.
        self.ghosts.dedup_by_key(|ghost| ghost.id);
        for ghost in &self.ghosts {
            self.bodies.push_ghost(ghost);
        }
        self.stats.ghosts = self.ghosts.len();
        self.ghosts.clear();
    }

    /// Foresees which contacts between tiles bounce in the first substep.
    fn begin_bounces(&mut self) {
        let bounces = &mut self.collision.across.bounces;
        let any = self.bodies.kinds().bounce();
        let manifolds = (&self.manifolds.set.across[..], &self.manifolds.attitudes[..]);
        bounces.begin_tick(self.bodies.columns(), &self.contacts, manifolds, any, &self.constants);
    }

    /// Notes which portions have bodies that feel more than uniform gravity. In most worlds none has, and no body is asked.
    fn mark_forced(&mut self) {
        let (forces, bodies) = (&self.forces, &self.bodies);
        if !bodies.any_thrust() && (forces.are_uniform() || !bodies.kinds().are_forced(forces)) {
            return;
        }
        let has_thrust = |body: usize| bodies.columns().thrust(body) != glam::Vec3::ZERO;
        self.collision.portions.par_iter_mut().for_each(|portion| {
            portion.forced = !portion.sleeps
                && portion.bodies.clone().any(|body| {
                    let kind = &bodies.kind(body).given;
                    forces.act_on(kind) || (has_thrust(body) && forces.thrust_on(kind))
                });
        });
    }

    /// Notes which portions have neither contacts nor joints, and in which most bodies fly freely.
    fn mark_lone(&mut self) {
        let plain = self.manifolds.attitudes.is_empty() && !self.may_sleep();
        let (manifolds, joints) = (&self.manifolds.portions, &self.joints.portions);
        let Collision {
            portions,
            found,
            sleep,
            across,
            ..
        } = &mut self.collision;
        let marked = portions.par_iter_mut().zip(found).enumerate();
        marked.for_each(|(p, (portion, found))| {
            let touches = !(portion.inside.is_empty() && portion.statics.is_empty() && portion.sides.is_empty());
            let has_manifolds = manifolds
                .get(p)
                .is_some_and(|of| !(of.inside.is_empty() && of.statics.is_empty() && of.sides.is_empty()));
            let is_joined = joints
                .get(p)
                .is_some_and(|of| !(of.inside.is_empty() && of.sides.is_empty()));
            let sleeps = !sleep.within(&portion.bodies).is_empty();
            portion.is_lone = !(touches || has_manifolds || is_joined || sleeps);
            let across = across.sides[portion.sides.clone()].iter().map(|side| side.body);
            portion.flies = plain
                && !(has_manifolds || is_joined || portion.forced || portion.damped || portion.sensors)
                && found.list_busy(portion.bodies.len(), across);
        });
    }

    fn count_stage(&mut self) {
        let [inside, statics, across] = self.collision.contact_counts();
        self.stats = StepStats {
            inside,
            across,
            statics,
            tiles: self.collision.table.owned_tiles,
            ..self.stats
        };
    }
}
