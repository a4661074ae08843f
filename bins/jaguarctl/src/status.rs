//! `jaguarctl status`: how a running world is doing.

use clap::Args;
use indicatif::HumanCount;
use jaguar_proto::v1::{GetStatusRequest, GetStatusResponse, WorldState};
use serde_json::{Value, json};

use crate::connection::{Target, say};
use crate::stdout;
use crate::table::Table;

/// Options of `status`.
#[derive(Args, Debug)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    target: Target,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Prints the state of the world that a pod belongs to.
pub(crate) async fn run(args: &StatusArgs) -> anyhow::Result<()> {
    let mut world = args.target.world().await?;
    let status = world.get_status(GetStatusRequest {}).await.map_err(say)?.into_inner();
    if args.json {
        stdout::line(&as_json(&status).to_string())
    } else {
        stdout::line(as_text(&status).trim_end())
    }
}

fn as_text(status: &GetStatusResponse) -> String {
    let seconds = status.tick as f64 / f64::from(status.simulated_tick_rate_hz.max(1));
    let pace = match status.target_tick_rate_hz {
        Some(target) => format!("{:.1} of {target} ticks/s", status.tick_rate_hz),
        None => format!("{:.1} ticks/s, as fast as it can", status.tick_rate_hz),
    };
    let mut text = format!(
        "world     {}, tick {} ({seconds:.2} s), {pace}\n",
        state_name(status),
        status.tick
    );
    if !status.halted_reason.is_empty() {
        text += &format!("halted    {}\n", status.halted_reason);
    }
    text += &format!(
        "bodies    {} (spawned {}, despawned {}, handed over {}), {} joints\n",
        HumanCount(status.entities),
        HumanCount(status.spawned),
        HumanCount(status.despawned),
        HumanCount(status.handed_over),
        HumanCount(status.joints)
    );
    if let Some(settings) = &status.settings {
        let balance = if settings.entity_migration_enabled {
            format!(
                "load moves by {} bodies a border and tick, over {} borders",
                HumanCount(settings.entity_migration_batch_size.into()),
                settings.max_concurrent_migrations
            )
        } else {
            "load does not move".to_owned()
        };
        text += &format!(
            "settings  at most {} bodies; {balance}\n",
            HumanCount(settings.entity_hard_limit)
        );
    }
    text += &format!("hash      {} after entry {}\n", status.hash, status.index);
    let leaving = if status.draining { ", which is leaving" } else { "" };
    text += &format!("answered  by pod {}{leaving}\n\n", status.pod);
    let mut table = Table::new(&["pod", "name", "address", "bodies", "tiles", "load", "ranges", "role"]);
    for pod in &status.pods {
        let ranges = status.ownership.iter().filter(|range| range.pod == pod.pod).count();
        let role = if pod.pod == status.coordinator {
            "coordinator"
        } else {
            ""
        };
        table.row(vec![
            pod.pod.to_string(),
            pod.name.clone(),
            pod.address.clone(),
            HumanCount(pod.entities).to_string(),
            HumanCount(u64::from(pod.tiles)).to_string(),
            format!("{:.2}", pod.load),
            ranges.to_string(),
            role.to_owned(),
        ]);
    }
    text + &table.to_string()
}

fn as_json(status: &GetStatusResponse) -> Value {
    let pods: Vec<Value> = status
        .pods
        .iter()
        .map(|pod| {
            json!({
                "pod": pod.pod,
                "name": pod.name,
                "address": pod.address,
                "entities": pod.entities,
                "tiles": pod.tiles,
                "load": pod.load,
            })
        })
        .collect();
    json!({
        "state": state_name(status),
        "halted_reason": status.halted_reason,
        "tick": status.tick,
        "index": status.index,
        "hash": status.hash,
        "entities": status.entities,
        "spawned": status.spawned,
        "despawned": status.despawned,
        "handed_over": status.handed_over,
        "joints": status.joints,
        "target_tick_rate_hz": status.target_tick_rate_hz,
        "tick_rate_hz": status.tick_rate_hz,
        "settings": status.settings.map(|settings| json!({
            "entity_hard_limit": settings.entity_hard_limit,
            "entity_migration_enabled": settings.entity_migration_enabled,
            "entity_migration_batch_size": settings.entity_migration_batch_size,
            "max_concurrent_migrations": settings.max_concurrent_migrations,
        })),
        "epoch": status.epoch,
        "coordinator": status.coordinator,
        "pod": status.pod,
        "draining": status.draining,
        "pods": pods,
        "ownership": status.ownership.iter().map(|range| json!({"first_key": range.first_key, "pod": range.pod})).collect::<Vec<_>>(),
    })
}

fn state_name(status: &GetStatusResponse) -> &'static str {
    match status.state() {
        WorldState::Unspecified => "unknown",
        WorldState::Running => "running",
        WorldState::Paused => "paused",
        WorldState::Halted => "halted",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jaguar_proto::v1::{PodStatus, WorldSettings};

    #[test]
    fn the_text_shows_the_world_and_its_pods() {
        let status = GetStatusResponse {
            state: WorldState::Paused.into(),
            tick: 90,
            index: 95,
            hash: "00ff".into(),
            entities: 1500,
            spawned: 1600,
            despawned: 100,
            joints: 3,
            target_tick_rate_hz: Some(60.0),
            tick_rate_hz: 59.94,
            simulated_tick_rate_hz: 60,
            settings: Some(WorldSettings {
                entity_hard_limit: 20_000,
                entity_migration_enabled: true,
                entity_migration_batch_size: 100,
                max_concurrent_migrations: 5,
            }),
            coordinator: 1,
            pod: 1,
            pods: vec![PodStatus {
                pod: 1,
                name: "pod-1".into(),
                address: "127.0.0.1:4001".into(),
                entities: 1500,
                tiles: 12,
                load: 0.5,
            }],
            ..GetStatusResponse::default()
        };
        let expected = "\
world     paused, tick 90 (1.50 s), 59.9 of 60 ticks/s
bodies    1,500 (spawned 1,600, despawned 100, handed over 0), 3 joints
settings  at most 20,000 bodies; load moves by 100 bodies a border and tick, over 5 borders
hash      00ff after entry 95
answered  by pod 1

pod  name   address         bodies  tiles  load  ranges  role
---  -----  --------------  ------  -----  ----  ------  -----------
  1  pod-1  127.0.0.1:4001   1,500     12  0.50       0  coordinator
";
        assert_eq!(as_text(&status), expected);
    }
}
