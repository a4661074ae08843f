//! A deterministic, data-parallel world of rigid bodies.
//!
//! Knows nothing of I/O, clocks, networks or pods. Lengths are in m, masses in kg, times in s, angles in rad.

pub mod body;
pub mod config;
pub mod halo;
pub mod shape;
pub mod tile;

pub use body::{Body, BodyDesc, BodyId, BodyRecord, Material};
pub use config::WorldParams;
pub use halo::{Boundary, BoundaryVelocity, CachedContact, Ghost};
pub use shape::StaticShape;
pub use tile::TileIndex;
