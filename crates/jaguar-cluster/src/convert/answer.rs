//! Answers of the protocol, as responses or gRPC codes.

use jaguar_core::{JointDesc, JointId, WorldParams};
use jaguar_migration::command::Reply;
use jaguar_migration::id::Tick;
use jaguar_migration::input::Rate;
use jaguar_migration::limits::JOINTS_PER_ENTITY;
use jaguar_migration::pod::PodStatus;
use jaguar_migration::saved::{Cut, StoredPart};
use jaguar_proto::v1;
use tonic::Status;

/// The tick that a command's success names; everything else as a gRPC code.
///
/// # Errors
/// The code that the service's documentation gives for the reply.
pub fn accepted(reply: Reply) -> Result<Tick, Status> {
    match reply {
        Reply::Spawned { tick, .. } | Reply::Joined { tick, .. } | Reply::Done { tick, .. } => Ok(tick),
        refused => Err(refusal(refused)),
    }
}

/// What a snapshot's manifest has to say of the world and its parts.
///
/// # Errors
/// As [`accepted`].
pub fn snapshot_taken(reply: Reply) -> Result<(Cut, Vec<StoredPart>), Status> {
    match reply {
        Reply::Snapshot { cut, parts } => Ok((cut, parts)),
        refused => Err(refusal(refused)),
    }
}

/// The ids and the tick of a spawn.
///
/// # Errors
/// As [`accepted`].
pub fn spawned(reply: Reply) -> Result<(v1::IdRange, Tick), Status> {
    match reply {
        Reply::Spawned { first, count, tick } => Ok((v1::IdRange { first: first.0, count }, tick)),
        Reply::Done { .. } => Err(Status::internal("a spawn was answered without ids")),
        refused => Err(refusal(refused)),
    }
}

/// The id and the tick of a joint that was asked for so.
///
/// # Errors
/// As [`accepted`].
pub fn joined(reply: Reply, asked: &JointDesc) -> Result<(JointId, Tick), Status> {
    match reply {
        Reply::Joined { id, tick } => Ok((id, tick)),
        Reply::NotFound { id } => {
            let end = if id == asked.body { "first" } else { "body" };
            Err(Status::not_found(format!(
                "joint.{end}.body_id: there is no body {}",
                id.0
            )))
        }
        refused => Err(refusal(refused)),
    }
}

fn refusal(reply: Reply) -> Status {
    match reply {
        Reply::NotFound { id } => Status::not_found(format!("id: there is no body {}", id.0)),
        Reply::LimitReached { limit, count, asked } => Status::resource_exhausted(format!(
            "the world holds {count} bodies and may hold {limit} (entity_hard_limit); {asked} more were asked for: despawn some or raise the limit"
        )),
        Reply::Halted { reason } => Status::failed_precondition(format!("the world has halted: {reason}")),
        Reply::Refused { reason } => Status::failed_precondition(reason),
        Reply::NoJoint { id } => Status::not_found(format!(
            "id: there is no joint {}; it was removed, has broken, or lost a body",
            id.0
        )),
        Reply::JointLimitReached { limit } => Status::resource_exhausted(format!(
            "the world holds {limit} joints ({JOINTS_PER_ENTITY} for each of entity_hard_limit), the most it may: remove some or raise the limit"
        )),
        Reply::Spawned { .. } | Reply::Joined { .. } | Reply::Done { .. } | Reply::Snapshot { .. } => {
            Status::internal("a success was taken for a refusal")
        }
    }
}

/// What the simulation thread says of itself beside the protocol's own status.
#[derive(Clone, Debug)]
pub struct PodAnswer {
    /// The protocol's status.
    pub status: PodStatus,
    /// Ticks a second, as measured.
    pub tick_rate_hz: f64,
}

/// The status of the world, for a client.
pub fn status(answer: &PodAnswer, params: &WorldParams) -> v1::GetStatusResponse {
    let status = &answer.status;
    let state = match (&status.halted, status.paused) {
        (Some(_), _) => v1::WorldState::Halted,
        (None, true) => v1::WorldState::Paused,
        (None, false) => v1::WorldState::Running,
    };
    let summary = status.summary.as_ref();
    let report_of = |pod| summary.and_then(|summary| summary.pods.iter().find(|report| report.pod == pod));
    let mut pods: Vec<_> = status
        .members
        .iter()
        .map(|member| {
            let report = report_of(member.pod);
            v1::PodStatus {
                pod: member.pod.0,
                name: member.name.clone(),
                address: member.address.clone(),
                entities: report.map_or(0, |report| report.entities),
                tiles: report.map_or(0, |report| report.tiles),
                load: report.map_or(0.0, |report| report.load),
            }
        })
        .collect();
    pods.sort_by_key(|pod| pod.pod);
    let ownership = status.map.ranges().iter().map(|&(start, pod)| v1::OwnedRange {
        first_key: start.0,
        pod: pod.0,
    });
    v1::GetStatusResponse {
        state: state.into(),
        halted_reason: status.halted.clone().unwrap_or_default(),
        tick: summary.map_or(0, |summary| summary.tick.0),
        index: summary.map_or(0, |summary| summary.index.0),
        hash: format!("{:032x}", summary.map_or(0, |summary| summary.hash)),
        entities: summary.map_or(0, |summary| summary.entities),
        spawned: summary.map_or(0, |summary| summary.spawned),
        despawned: summary.map_or(0, |summary| summary.despawned),
        handed_over: summary.map_or(0, |summary| summary.handed_over),
        target_tick_rate_hz: match status.tuning.rate {
            Rate::Hz(rate) => Some(rate),
            Rate::Max => None,
        },
        tick_rate_hz: answer.tick_rate_hz,
        epoch: status.epoch.0,
        coordinator: status.coordinator.0,
        pod: status.me.0,
        draining: status.draining,
        joints: summary.map_or(0, |summary| summary.joints),
        pods,
        ownership: ownership.collect(),
        tile_size_m: params.tile_size,
        simulated_tick_rate_hz: params.tick_rate,
        settings: Some(v1::WorldSettings {
            entity_hard_limit: status.tuning.entity_limit,
            entity_migration_enabled: status.tuning.rebalance,
            entity_migration_batch_size: status.tuning.batch,
            max_concurrent_migrations: status.tuning.streams,
        }),
    }
}
