//! Finding and reading the scenario: a file that the user names, `scenarios/burst.toml` here, or the copy inside this executable.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use jaguar_core::{BodyDesc, WorldParams};
use jaguar_migration::definition::WorldDefinition;
use jaguar_scenario::Scenario;

/// The default scenario, where a checkout has it.
const DEFAULT: &str = "scenarios/burst.toml";

/// The default scenario and its files, for use outside a checkout.
const EMBEDDED: [(&str, &str); 2] = [
    ("burst.toml", include_str!("../../../scenarios/burst.toml")),
    (
        "jacksboro_crop.asc",
        include_str!("../../../scenarios/jacksboro_crop.asc"),
    ),
];

/// The scenario's file. The embedded one is written to `scratch`, so that the daemon reads it as any other.
pub(crate) fn locate(named: Option<&Path>, scratch: &Path) -> anyhow::Result<PathBuf> {
    if let Some(path) = named {
        if !path.is_file() {
            bail!("there is no scenario file {}", path.display());
        }
        return Ok(path.to_owned());
    }
    if Path::new(DEFAULT).is_file() {
        return Ok(DEFAULT.into());
    }
    for (name, text) in EMBEDDED {
        let path = scratch.join(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(scratch.join(EMBEDDED[0].0))
}

/// Reads a scenario and, if there are any, the user's own bodies.
pub(crate) fn load(path: &Path, bodies: Option<&Path>) -> anyhow::Result<Scenario> {
    let mut scenario = jaguar_scenario::load(path)?;
    if let Some(bodies) = bodies {
        add_bodies(&mut scenario.definition, bodies)?;
    }
    Ok(scenario)
}

fn add_bodies(definition: &mut WorldDefinition, path: &Path) -> anyhow::Result<()> {
    let bodies = jaguar_scenario::load_bodies(path, &definition.params)?;
    definition.bodies.extend(bodies);
    Ok(())
}

/// Reads a CSV file of bodies for a world with this tile size, m.
pub(crate) fn read_bodies(path: &Path, tile_size: f32) -> anyhow::Result<Vec<BodyDesc>> {
    let params = WorldParams {
        tile_size,
        ..WorldParams::default()
    };
    let rows = jaguar_scenario::load_bodies(path, &params)?;
    Ok(rows.into_iter().map(|(_, body)| body).collect())
}
