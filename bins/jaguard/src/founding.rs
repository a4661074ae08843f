//! What a world is founded from: a snapshot, a scenario, or the keys of the configuration; and bodies from a file.

use std::collections::HashSet;

use glam::DVec3;
use jaguar_config::Config;
use jaguar_core::WorldParams;
use jaguar_migration::definition::WorldDefinition;
use jaguar_migration::saved::SavedWorld;
use jaguar_snapshot::{Name, Store};

use crate::error::DaemonError;
use crate::options::Options;

/// The value of snapshot_restore that means the newest one.
const NEWEST: &str = "newest";

/// Where a world begins.
pub(crate) enum Origin {
    /// Before its first tick.
    Definition(Box<WorldDefinition>),
    /// Where a snapshot was taken.
    Snapshot(Box<SavedWorld>),
}

/// Reads what the world that this pod founds begins with.
///
/// # Errors
/// When a file or a snapshot cannot be read or is wrong.
pub(crate) async fn origin(config: &Config, options: &Options, store: Option<&Store>) -> Result<Origin, DaemonError> {
    if config.snapshot_restore.is_empty() {
        return Ok(Origin::Definition(Box::new(definition(config, options)?)));
    }
    let store = store.ok_or(DaemonError::RestoreWithoutStore)?;
    if options.bodies.is_some() {
        return Err(DaemonError::BodiesBesideSnapshot);
    }
    let found = if config.snapshot_restore == NEWEST {
        store.newest().await?
    } else {
        let name: Name = config.snapshot_restore.parse()?;
        let manifest = store.manifest(&name).await?;
        let saved = store.read(&manifest).await?;
        Some((manifest, saved))
    };
    let Some((manifest, mut saved)) = found else {
        tracing::info!(
            store = store.url(),
            "there is no snapshot yet; the world is founded from its scenario"
        );
        return Ok(Origin::Definition(Box::new(definition(config, options)?)));
    };
    tracing::info!(
        name = %manifest.name, tick = manifest.tick, index = manifest.index, entities = manifest.entities,
        hash = format!("{:032x}", manifest.hash), store = store.url(), "snapshot read; the world goes on from it"
    );
    saved.definition.params.broad_phase_cell_size = config.spatial_hash_cell_size as f32;
    Ok(Origin::Snapshot(Box::new(saved)))
}

/// Reads the definition of the world that this pod founds.
///
/// # Errors
/// When a file cannot be read or is wrong.
fn definition(config: &Config, options: &Options) -> Result<WorldDefinition, DaemonError> {
    let mut definition = match &config.scenario {
        Some(path) => {
            let scenario = jaguar_scenario::load(path)?;
            tracing::info!(name = scenario.name, path = %path.display(), "scenario read");
            scenario.definition
        }
        None => WorldDefinition {
            params: params(config),
            ..WorldDefinition::default()
        },
    };
    // Speed only, so the configuration has the last word in every world.
    definition.params.broad_phase_cell_size = config.spatial_hash_cell_size as f32;
    if let Some(path) = &options.bodies {
        let bodies = jaguar_scenario::load_bodies(path, &definition.params)?;
        let taken: HashSet<_> = definition.bodies.iter().map(|(id, _)| *id).collect();
        if let Some((id, _)) = bodies.iter().find(|(id, _)| taken.contains(id)) {
            return Err(DaemonError::BodyTwice {
                path: path.clone(),
                id: id.0,
            });
        }
        tracing::info!(count = bodies.len(), path = %path.display(), "bodies read");
        definition.bodies.extend(bodies);
    }
    Ok(definition)
}

fn params(config: &Config) -> WorldParams {
    let defaults = WorldParams::default();
    WorldParams {
        substeps: config.physics_substeps,
        gravity: DVec3::from_array(config.gravity).as_vec3(),
        tile_size: config.tile_size as f32,
        // A tick simulates as much time as passes until the next, so that the world runs in real time.
        tick_rate: if config.target_tick_rate == 0 {
            defaults.tick_rate
        } else {
            config.target_tick_rate
        },
        ..defaults
    }
}
