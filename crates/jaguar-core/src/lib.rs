//! A deterministic, data-parallel world of rigid bodies.
//!
//! [`World`] holds bodies, steps them, answers queries, and gives a hash of everything that decides its future. It can be used alone, or as the part of a larger world that one pod
//! holds: [`exchange`] and [`step`] then pass plain values between the parts, and the parts together compute the same bits as one world would.
//!
//! Knows nothing of I/O, clocks, networks or pods (but by number). Lengths are in m, masses in kg, times in s, angles in rad. Positions are f64 at the interface, and a tile
//! and an f32 offset inside ([`tile`]).
//!
//! # Invariants
//!
//! 1. The state after a tick is a function of the state before it: not of the number of threads, the split over parts, the order of arrival, or when memory was last sorted.
//! 2. Bodies are solved in the order of (cell in the tile, id); contacts of a tile by colour, then by that order; impulses from other tiles by the other body's id.
//! 3. A pair is computed with the lower id first, so both its owners do the same arithmetic.
//! 4. Candidate pairs are defined by positions and reaches; grids and lists only find them.
//! 5. A cache that can change a result is state: hashed, in snapshots, handed over. So are the impulses of joints and of the last tick's contacts, and what is in sensors, which decides events.
//! 6. Elementary arithmetic only, in a fixed order, without fused multiply-add; what is not elementary comes from `libm`. No negative zero and no number that is not finite is
//!    stored.
//! 7. No input makes the world panic: descriptions, messages and snapshots are checked. Calling the phases of a tick out of order does.

pub mod body;
mod broad_phase;
mod bvh;
mod cache;
mod candidates;
mod collide;
pub mod command;
pub mod config;
mod constants;
mod contact;
mod cycles;
mod datum;
mod encode;
mod ends;
pub mod environment;
pub mod error;
pub mod event;
pub mod exchange;
mod finish;
mod flight;
pub mod force;
pub mod halo;
pub mod hash;
pub mod joint;
mod kinds;
mod lanes;
mod manifold;
pub mod material;
mod narrow_phase;
mod order;
mod parallel;
pub mod part;
mod portions;
mod principal;
pub mod query;
mod recycled;
pub mod scenes;
pub mod shape;
pub mod simd;
mod sleep;
pub mod snapshot;
mod solver;
pub mod states;
pub mod step;
mod storage;
pub mod tile;
mod tile_table;
pub mod world;

pub use body::{Body, BodyDesc, BodyId, BodyKind, BodyRecord, Domain, Filter};
pub use command::{Command, CommandError, Done};
pub use config::{WorldConfig, WorldParams};
pub use datum::Datum;
pub use environment::Environment;
pub use event::{Event, EventKinds, Partner, SensorOverlap};
pub use halo::{Boundary, BoundaryVelocity, CachedContact, CachedManifold, Ghost};
pub use joint::{Joint, JointDesc, JointEnd, JointError, JointFrame, JointId, JointKind, Motor, Spring};
pub use material::{CombineRule, Material};
pub use part::WorldPart;
pub use shape::{HullId, Shape, StaticShape};
pub use tile::TileIndex;
pub use world::World;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
