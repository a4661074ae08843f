//! Scenario files: what a world is read from.
//!
//! [`load`] turns a scenario (TOML), its terrain (ESRI ASCII grids, PNG height maps), its meshes (OBJ, STL) and its bodies (CSV) into a [`WorldDefinition`]. The format is documented in `scenarios/README.md`.
//! Reads files and nothing else: it knows nothing of pods, clocks or networks, and never simulates.
//!
//! # Invariants
//! 1. Nothing is half loaded: a definition that comes out is one that [`jaguar_core::World`] accepts, bodies and spawners included.
//! 2. No file makes it panic or allocate more than a bound ([`limits`]) or a small multiple of the file's size.
//! 3. Every error names the file and, where there is one, the line, the column, the value and what is allowed.
//! 4. The same files give the same definition, bit for bit, on every machine.

pub mod asc;
mod assemble;
mod bodies_csv;
mod document;
mod error;
mod format;
mod height_map;
mod hulls;
mod joints;
pub mod limits;
mod mesh;
mod obj;
mod population;
mod sources;
mod statics;
mod stl;
mod text;

pub use bodies_csv::load_bodies;
pub use error::{BadRow, Location, ScenarioError};

use std::path::Path;

use jaguar_migration::definition::WorldDefinition;

/// A scenario, ready to run.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// What it is called.
    pub name: String,
    /// Ticks of a run, unless the user says otherwise.
    pub ticks: u64,
    /// What all its random numbers are drawn from.
    pub seed: u64,
    /// The world, and what happens to it.
    pub definition: WorldDefinition,
}

/// Reads a scenario file and all files that it names, relative to its folder.
pub fn load(path: &Path) -> Result<Scenario, ScenarioError> {
    assemble::assemble(&document::Document::read(path)?)
}

/// Reads a scenario file as [`load`] does, but for its seed: the same kind of world with other random numbers.
pub fn load_with_seed(path: &Path, seed: u64) -> Result<Scenario, ScenarioError> {
    let mut document = document::Document::read(path)?;
    document.format.world.seed = seed;
    assemble::assemble(&document)
}
