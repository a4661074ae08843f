//! A deterministic, data-parallel world of rigid bodies.
//!
//! Knows nothing of I/O, clocks, networks or pods. Lengths are in m, masses in kg, times in s, angles in rad.

pub mod body;
mod broad_phase;
mod candidates;
mod collide;
pub mod config;
mod constants;
mod contact;
mod encode;
pub mod error;
pub mod exchange;
pub mod halo;
pub mod hash;
mod lanes;
mod narrow_phase;
pub mod query;
pub mod scenes;
pub mod shape;
pub mod snapshot;
mod solver;
pub mod step;
mod storage;
pub mod tile;
mod tile_table;
pub mod world;

pub use body::{Body, BodyDesc, BodyId, BodyRecord, Material};
pub use config::WorldParams;
pub use halo::{Boundary, BoundaryVelocity, CachedContact, Ghost};
pub use shape::StaticShape;
pub use tile::TileIndex;
pub use world::World;
