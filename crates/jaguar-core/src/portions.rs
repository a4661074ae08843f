//! The solver's stages on the portions of a tick's work: each is one task, and a task's bodies, contacts and joints are touched by no other.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use glam::Vec4;

use crate::cache::{CacheList, CacheSet};
use crate::collide::{Collision, Portion, split_front};
use crate::contact::{ContactSet, Contacts};
use crate::ends::EndsView;
use crate::event::{add_impulses, add_manifold_impulses};
use crate::finish::Moving;
use crate::force::{Acted, Forces};
use crate::joint;
use crate::joint::inside::Jointed;
use crate::joint::list::Joints;
use crate::joint::solve::Work;
use crate::kinds::Kinds;
use crate::manifold::across::Doing;
use crate::manifold::attitude::{Attitude, turn_freely};
use crate::manifold::block::ManifoldBlock;
use crate::manifold::inside::{Movers, SolvePass, WarmStart};
use crate::manifold::kernel::mode;
use crate::manifold::{self, Manifolds};
use crate::parallel::*;
use crate::recycled::recycled;
use crate::simd::{F32x8, Kernel, Octet, Quad};
use crate::sleep;
use crate::solver::across::{self, Side};
use crate::solver::kernel::Change;
use crate::solver::{StepConstants, inside, integrate};
use crate::storage::{Columns, Motion};
use crate::world::World;

impl World {
    /// Runs stages on all portions in parallel.
    pub(crate) fn run_portions(&mut self, stages: Stages) {
        // The bodies of a lone portion do all their substeps in the first stage, or at the end of the tick.
        let is_idle =
            |portion: &Portion| portion.sleeps || (portion.is_lone && (portion.flies || stages != Stages::Begin));
        if self.collision.portions.iter().all(is_idle) {
            return;
        }
        let substeps = self.params().substeps;
        let quarantined = AtomicU64::new(0);
        let Collision {
            portions,
            across: between,
            sleep,
            found,
            ..
        } = &self.collision;
        let ContactSet {
            inside: inside_geometry,
            statics: static_geometry,
            across,
            inside_coefficients,
            static_coefficients,
            static_ends,
            ..
        } = &self.contacts;
        let CacheSet {
            inside: CacheList { memory: inside, .. },
            statics: CacheList { memory: statics, .. },
            across: CacheList {
                memory: across_impulses,
                ..
            },
            ..
        } = &mut self.cached;
        let Manifolds {
            set,
            attitudes,
            portions: manifold_portions,
            sides: manifold_sides,
            doings,
            ..
        } = &mut self.manifolds;
        let Joints {
            inside: joints,
            across: joints_across,
            sides: joint_sides,
            doings: joint_doings,
            portions: joint_portions,
            ..
        } = &mut self.joints;
        if stages == Stages::Begin {
            manifold::across::accumulate_all(&set.across, doings, self.constants.simd);
        }
        let (columns, kinds) = self.bodies.columns_and_kinds();
        let Columns {
            motion,
            kind,
            place,
            orientation,
            thrust,
            id,
            ..
        } = columns;
        let shared = Shared {
            across: (across, across_impulses),
            changes: &between.changes,
            quarantined: &quarantined,
            kinds,
            doings,
            joints: joints_across,
            joint_doings,
            forces: &self.forces,
            tick: self.tick,
            substeps,
            step: &self.constants,
        };
        let (mut motion, mut inside, mut statics) = (&mut motion[..], &mut inside[..], &mut statics[..]);
        let (mut manifolds, mut static_manifolds) = (&mut set.inside[..], &mut set.statics[..]);
        let mut attitudes = &mut attitudes[..];
        let mut joints = &mut joints[..];
        let felt = &mut self.journal.felt;
        let (mut felt_inside, mut felt_statics) = (&mut felt.inside[..], &mut felt.statics[..]);
        let (mut felt_manifolds, mut felt_static_manifolds) =
            (&mut felt.inside_manifolds[..], &mut felt.static_manifolds[..]);
        let is_told = self.journal.kinds.contacts;
        let told = |len: usize| if is_told { len } else { 0 };
        let mixed = !attitudes.is_empty();
        let mut tasks: Vec<Task<'_>> = recycled(std::mem::take(&mut self.tasks.portions));
        for (p, portion) in portions.iter().enumerate() {
            let manifold_portion = manifold_portions.get(p).cloned().unwrap_or_default();
            let turned = if mixed { portion.bodies.len() } else { 0 };
            let joined = joint_portions
                .get(p)
                .map(|joints| (joints.inside.len(), joints.sides.clone()));
            let task = Task {
                is_lone: portion.is_lone,
                busy: portion.flies.then_some(&found[p].busy[..]),
                still: sleep.within(&portion.bodies),
                joined: joined.map(|(inside, sides)| Joined {
                    inside: split_front(&mut joints, inside),
                    sides: &joint_sides[sides],
                    orientation: &orientation[portion.bodies.clone()],
                    kind: &kind[portion.bodies.clone()],
                }),
                felt: TaskFelt {
                    inside: split_front(&mut felt_inside, told(portion.inside.len())),
                    statics: split_front(&mut felt_statics, told(portion.statics.len())),
                    manifolds: split_front(&mut felt_manifolds, told(manifold_portion.inside.len())),
                    static_manifolds: split_front(&mut felt_static_manifolds, told(manifold_portion.statics.len())),
                },
                sensors: portion.sensors.then(|| &kind[portion.bodies.clone()]),
                attitudes: split_front(&mut attitudes, turned),
                turning: mixed.then(|| &kind[portion.bodies.clone()]),
                manifolds: split_front(&mut manifolds, manifold_portion.inside.len()),
                static_manifolds: split_front(&mut static_manifolds, manifold_portion.statics.len()),
                manifold_sides: &manifold_sides[manifold_portion.sides],
                base: portion.bodies.start,
                motion: split_front(&mut motion, portion.bodies.len()),
                forced: portion.forced.then(|| Acted {
                    kind: &kind[portion.bodies.clone()],
                    place: &place[portion.bodies.clone()],
                    orientation: &orientation[portion.bodies.clone()],
                    thrust: thrust.get(portion.bodies.clone()).unwrap_or_default(),
                    id: &id[portion.bodies.clone()],
                }),
                damped: portion.damped.then(|| &kind[portion.bodies.clone()]),
                inside: Contacts {
                    geometry: &inside_geometry[portion.inside.clone()],
                    impulses: split_front(&mut inside, portion.inside.len()),
                    ends: found[p].inside.view(),
                    coefficients: &inside_coefficients[portion.inside_coefficients.clone()],
                },
                statics: Contacts {
                    geometry: &static_geometry[portion.statics.clone()],
                    impulses: split_front(&mut statics, portion.statics.len()),
                    ends: EndsView::Far(&static_ends[portion.statics.clone()]),
                    coefficients: &static_coefficients[portion.static_coefficients.clone()],
                },
                sides: &between.sides[portion.sides.clone()],
            };
            if !is_idle(portion) {
                tasks.push(task);
            }
        }
        costliest_first(&mut tasks, Task::cost, |task| {
            self.constants.simd.run(Portioned {
                task,
                shared: &shared,
                stages,
            });
        });
        self.tasks.portions = recycled(tasks);
        self.stats.quarantined += quarantined.into_inner();
    }
}

/// The memory of the list of tasks, between stages.
#[derive(Default)]
pub(crate) struct Tasks {
    portions: Vec<Task<'static>>,
    pub(crate) moving: Vec<Moving<'static>>,
}

impl std::fmt::Debug for Tasks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "room for {} tasks",
            self.portions.capacity() + self.moving.capacity()
        )
    }
}

/// What is done between two exchanges of velocities.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stages {
    /// The beginning of the first substep.
    Begin,
    /// The end of a substep and the beginning of the next.
    SolveAndBegin,
    /// The end of the last substep.
    Solve,
}

/// What all portions read.
struct Shared<'a> {
    /// Geometry and impulses of the contacts between tiles.
    across: (&'a [Quad], &'a [Quad]),
    changes: &'a [Change],
    quarantined: &'a AtomicU64,
    kinds: &'a Kinds,
    /// What manifolds between tiles do.
    doings: &'a [Doing],
    /// Joints between tiles.
    joints: &'a [Work],
    /// What those do.
    joint_doings: &'a [joint::across::Doing],
    forces: &'a Forces,
    tick: u64,
    substeps: u32,
    step: &'a StepConstants,
}

/// A task's stages, compiled as one for each level of [`crate::simd`].
struct Portioned<'a, 'b> {
    task: &'a mut Task<'b>,
    shared: &'a Shared<'b>,
    stages: Stages,
}

impl Kernel for Portioned<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<F: F32x8>(self) {
        if self.task.is_lone {
            self.task.fly::<F>(self.shared);
            return;
        }
        if self.stages != Stages::Begin {
            self.task.solve::<F>(self.shared);
        }
        if self.stages != Stages::Solve {
            self.task.begin_substep::<F>(self.shared);
        }
    }
}

/// Some tiles' bodies and contacts, for one task.
struct Task<'a> {
    /// Index of the first body.
    base: usize,
    /// Whether there are no contacts.
    is_lone: bool,
    motion: &'a mut [Motion],
    /// The bodies that have contacts, if the end of the tick moves the others.
    busy: Option<&'a [u32]>,
    /// The bodies that sleep, tile by tile; contacts do not move them.
    still: &'a [Range<usize>],
    /// The bodies, if any feels more than uniform gravity.
    forced: Option<Acted<'a>>,
    /// Kinds of the bodies, if any is damped.
    damped: Option<&'a [u32]>,
    inside: Contacts<'a>,
    statics: Contacts<'a>,
    sides: &'a [Side],
    /// Empty in a world of plain spheres.
    attitudes: &'a mut [Attitude],
    /// Kinds of the bodies, if any is not a plain sphere.
    turning: Option<&'a [u32]>,
    manifolds: &'a mut [ManifoldBlock],
    static_manifolds: &'a mut [ManifoldBlock],
    manifold_sides: &'a [Side],
    /// Kinds of the bodies, if any is a sensor.
    sensors: Option<&'a [u32]>,
    /// The joints, if the world has any.
    joined: Option<Joined<'a>>,
    felt: TaskFelt<'a>,
}

/// A task's joints, and what they need of the bodies besides their motion.
struct Joined<'a> {
    inside: &'a mut [Work],
    sides: &'a [joint::across::Side],
    orientation: &'a [[f32; 4]],
    kind: &'a [u32],
}

/// What is done with the joints of a task.
#[derive(Clone, Copy)]
enum JointStage {
    WarmStart,
    /// What those between tiles do is applied, those inside are solved.
    Push,
    Relax,
}

/// The parts of [`crate::event::Felt`] that are a task's; all empty unless contacts are told.
struct TaskFelt<'a> {
    inside: &'a mut [Octet],
    statics: &'a mut [Octet],
    manifolds: &'a mut [Octet],
    static_manifolds: &'a mut [Octet],
}

impl Task<'_> {
    /// About how long it takes, as multiples of what a body takes that touches nothing.
    fn cost(&self) -> usize {
        let blocks = self.inside.geometry.len() + self.statics.geometry.len();
        let manifolds = self.manifolds.len() + self.static_manifolds.len();
        self.motion.len() + 16 * blocks + 2 * self.sides.len() + 64 * manifolds
    }

    /// Integrates velocities and warm starts all contacts.
    #[inline(always)]
    fn begin_substep<F: F32x8>(&mut self, shared: &Shared<'_>) {
        let gain = if let Some(bodies) = &self.forced {
            let Shared {
                forces,
                kinds,
                tick,
                step,
                ..
            } = *shared;
            forces.act(self.motion, self.attitudes, bodies, kinds, tick, step);
            Vec4::ZERO
        } else {
            shared.step.gravity_gain()
        };
        let quarantined = match (self.sensors, self.busy) {
            (Some(numbers), _) => {
                integrate::integrate_among_sensors(self.motion, numbers, shared.kinds, gain, shared.step)
            }
            (None, None) => integrate::integrate_velocities(self.motion, gain, shared.step),
            (None, Some(busy)) => {
                let own = |&body: &u32| body as usize - self.base;
                let bodies = busy.iter().map(own);
                bodies
                    .map(|i| integrate::integrate_velocities(&mut self.motion[i..=i], gain, shared.step))
                    .sum()
            }
        };
        if quarantined > 0 {
            shared.quarantined.fetch_add(quarantined, Ordering::Relaxed);
        }
        if let Some(kinds) = self.damped {
            integrate::damp(self.motion, kinds, shared.kinds, shared.step);
        }
        sleep::stop(self.motion, self.base, self.still);
        self.join(JointStage::WarmStart, shared);
        inside::warm_start::<F>(self.motion, &self.inside);
        inside::warm_start::<F>(self.motion, &self.statics);
        across::warm_start(self.motion, self.base, self.sides, shared.across);
        if self.turning.is_some() {
            self.warm_start_manifolds(shared);
        }
    }

    /// All substeps of bodies that touch nothing.
    #[inline(always)]
    fn fly<F: F32x8>(&mut self, shared: &Shared<'_>) {
        let step = shared.step;
        for _ in 0..shared.substeps {
            self.begin_substep::<F>(shared);
            integrate::integrate_positions(self.motion, step);
            if let Some(numbers) = self.turning {
                turn_freely(self.motion, self.attitudes, numbers, shared.kinds, step);
            }
        }
    }

    fn movers(&mut self) -> (Movers<'_>, &mut [ManifoldBlock], &mut [ManifoldBlock]) {
        let movers = Movers {
            motion: self.motion,
            attitudes: self.attitudes,
            base: self.base,
        };
        (movers, self.manifolds, self.static_manifolds)
    }

    fn join(&mut self, stage: JointStage, shared: &Shared<'_>) {
        let Some(Joined {
            inside,
            sides,
            orientation,
            kind,
        }) = &mut self.joined
        else {
            return;
        };
        if let JointStage::Push = stage {
            joint::across::apply_changes(self.motion, self.attitudes, self.base, sides, shared.joint_doings);
        }
        let mut bodies = Jointed {
            motion: self.motion,
            attitudes: self.attitudes,
            orientation,
            kind,
            kinds: shared.kinds,
            base: self.base,
        };
        match stage {
            JointStage::WarmStart => {
                joint::inside::warm_start(&mut bodies, inside);
                joint::across::warm_start(&mut bodies, sides, shared.joints, shared.joint_doings);
            }
            JointStage::Push => joint::inside::push(&mut bodies, inside, shared.step),
            JointStage::Relax => joint::inside::relax(&mut bodies, inside, shared.step),
        }
    }

    fn warm_start_manifolds(&mut self, shared: &Shared<'_>) {
        let level = shared.step.simd;
        let (mut movers, inside, statics) = self.movers();
        level.run(WarmStart(&mut movers, inside));
        level.run(WarmStart(&mut movers, statics));
        let accumulated = |block: usize| &shared.doings[block].accumulated;
        manifold::across::apply_sides::<false>(
            self.motion,
            self.attitudes,
            self.base,
            self.manifold_sides,
            accumulated,
        );
    }

    fn solve_manifolds<const MODE: u8>(&mut self, step: &StepConstants) {
        let mut movers = Movers {
            motion: self.motion,
            attitudes: self.attitudes,
            base: self.base,
        };
        for (blocks, felt) in [
            (&mut *self.manifolds, &mut *self.felt.manifolds),
            (&mut *self.static_manifolds, &mut *self.felt.static_manifolds),
        ] {
            step.simd.run(SolvePass::<MODE> {
                movers: &mut movers,
                blocks,
                felt,
                step,
            });
        }
    }

    /// Solves contacts with push, integrates positions, relaxes.
    #[inline(always)]
    fn solve<F: F32x8>(&mut self, shared: &Shared<'_>) {
        let step = shared.step;
        across::apply_changes(self.motion, self.base, self.sides, shared.changes);
        if self.turning.is_some() {
            let change = |block: usize| &shared.doings[block].change;
            manifold::across::apply_sides::<false>(self.motion, self.attitudes, self.base, self.manifold_sides, change);
            let push = |block: usize| &shared.doings[block].push;
            manifold::across::apply_sides::<true>(self.motion, self.attitudes, self.base, self.manifold_sides, push);
        }
        self.join(JointStage::Push, shared);
        inside::solve_pass::<F, true>(self.motion, &mut self.inside, self.felt.inside, step);
        inside::solve_pass::<F, true>(self.motion, &mut self.statics, self.felt.statics, step);
        if self.turning.is_some() {
            self.solve_manifolds::<{ mode::PUSH }>(step);
        }
        match self.busy {
            None => integrate::integrate_positions(self.motion, step),
            Some(busy) => {
                for i in busy.iter().map(|&body| body as usize - self.base) {
                    integrate::integrate_positions(&mut self.motion[i..=i], step);
                }
            }
        }
        if let Some(numbers) = self.turning {
            turn_freely(self.motion, self.attitudes, numbers, shared.kinds, step);
        }
        self.join(JointStage::Relax, shared);
        inside::solve_pass::<F, false>(self.motion, &mut self.inside, &mut [], step);
        inside::solve_pass::<F, false>(self.motion, &mut self.statics, &mut [], step);
        if self.turning.is_some() {
            self.solve_manifolds::<{ mode::RELAX }>(step);
        }
        add_impulses(self.felt.inside, self.inside.impulses);
        add_impulses(self.felt.statics, self.statics.impulses);
        add_manifold_impulses(self.felt.manifolds, self.manifolds);
        add_manifold_impulses(self.felt.static_manifolds, self.static_manifolds);
    }
}
