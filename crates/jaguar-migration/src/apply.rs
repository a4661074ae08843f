//! Applying a change to a world, or to a pod's part of one: the same code for both.

use jaguar_core::error::SpawnError;
use jaguar_core::{BodyDesc, BodyId, JointDesc, JointError, JointId, TileIndex, World};
use serde::{Deserialize, Serialize};

use crate::definition::WorldDefinition;
use crate::id::Tick;
use crate::program::is_chosen;
use crate::record::Change;

/// What a change did here. Each effect shows on exactly one pod.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Effect {
    /// Bodies that were spawned here.
    pub(crate) spawned: Vec<BodyId>,
    /// Bodies that were removed here.
    pub(crate) despawned: Vec<BodyId>,
    /// Whether the body or joint that the change names was here.
    pub(crate) found: bool,
    /// Bodies to be joined that were here.
    pub(crate) ends: Vec<JointedBody>,
}

/// A body that a change joins, and where it was.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct JointedBody {
    pub(crate) id: BodyId,
    pub(crate) tile: TileIndex,
    /// From the tile's centre, m.
    pub(crate) offset: [f32; 3],
}

/// A change that cannot be applied: whoever sealed it, or wrote the log, is at fault.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// A body cannot be spawned.
    #[error("body {}: {reason}", .id.0)]
    Body {
        /// The body.
        id: BodyId,
        /// Why.
        reason: SpawnError,
    },
    /// Bodies cannot be joined.
    #[error("joint {}: {reason}", .id.0)]
    Joint {
        /// The joint.
        id: JointId,
        /// Why.
        reason: JointError,
    },
}

/// Applies a change. `owns` tells whether a tile belongs here.
///
/// A sealed change is valid (the coordinator checked it), so a body that cannot be spawned or joined is a broken invariant and reported as such.
pub(crate) fn apply(
    world: &mut World,
    definition: &WorldDefinition,
    tick: Tick,
    change: &Change,
    owns: &impl Fn(TileIndex) -> bool,
) -> Result<Effect, ApplyError> {
    let mut effect = Effect::default();
    match change {
        Change::Begin => {
            for (id, body) in &definition.bodies {
                place(world, *id, body, owns, &mut effect)?;
            }
            for (id, joint) in definition.joints_with_ids() {
                join(world, id, joint)?;
            }
        }
        Change::Spawn { first, bodies } => {
            for (id, body) in (first.0..).zip(bodies) {
                place(world, BodyId(id), body, owns, &mut effect)?;
            }
        }
        Change::Despawn(id) => {
            effect.found = world.despawn(*id);
            effect.despawned.extend(effect.found.then_some(*id));
        }
        Change::DespawnRegion { region, fraction, seed } => {
            effect.despawned = world
                .despawn_where(|body| region.contains(body.position) && is_chosen(*seed, tick, body.id, *fraction));
        }
        Change::ApplyImpulse { id, impulse } => effect.found = world.apply_impulse(*id, *impulse),
        Change::SetVelocity {
            id,
            velocity,
            angular_velocity,
        } => {
            effect.found = world.set_velocity(*id, *velocity, *angular_velocity);
        }
        Change::SetThrust { id, thrust } => effect.found = world.set_thrust(*id, *thrust),
        Change::Join { id, joint } => {
            join(world, *id, joint)?;
            let here = joint.bodies().filter_map(|body| world.record(body));
            effect.ends.extend(here.map(|record| JointedBody {
                id: record.id,
                tile: record.tile,
                offset: record.offset,
            }));
        }
        Change::Unjoin(id) => effect.found = world.unjoin(*id),
    }
    Ok(effect)
}

/// Joins bodies; every pod that holds one of them keeps the joint.
fn join(world: &mut World, id: JointId, joint: &JointDesc) -> Result<(), ApplyError> {
    let kept = world.join_part(id, joint);
    kept.map(drop).map_err(|reason| ApplyError::Joint { id, reason })
}

fn place(
    world: &mut World,
    id: BodyId,
    body: &BodyDesc,
    owns: &impl Fn(TileIndex) -> bool,
    effect: &mut Effect,
) -> Result<(), ApplyError> {
    let refused = |reason| ApplyError::Body { id, reason };
    if owns(world.check(body).map_err(refused)?) {
        world.spawn_with_id(id, body).map_err(refused)?;
        effect.spawned.push(id);
    } else {
        world.note_radius(body.shape.bounding_radius());
    }
    Ok(())
}
