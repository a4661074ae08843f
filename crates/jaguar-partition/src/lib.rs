//! Who owns which tile: tiles on a Hilbert curve, the ownership map of the pods, whose territories are near each other, and how load is balanced.
//!
//! This crate is pure functions of integers. It does **not** know bodies, worlds, networks, clocks or threads; a tile is `[i32; 3]` and a load is a number
//! that the caller gives. Every pod computes the same answer from the same map, so no pod has to be told whom it will hear from.
//!
//! # Invariants
//! 1. The curve is a bijection between tiles and keys; tiles of consecutive keys share a face; an aligned range of `8^n` keys is a cube of edge `2^n`.
//! 2. An [`OwnershipMap`] gives every tile exactly one owner. No value of that type breaks this: constructors and deserialisation check.
//! 3. [`reachable`] is exact, and its cost depends on the number of splits, not of tiles.
//! 4. [`balance::plan`] never lets a draining pod gain a tile, moves a tile only between the two pods beside a split, and, for loads that stay as they are,
//!    comes to rest: after finitely many steps it returns `None`.
//! 5. No result depends on hash order, addresses or floating-point environment.

pub mod adjacency;
pub mod balance;
pub mod curve;
pub mod ownership;
mod pod;

pub use adjacency::{Neighbours, reachable};
pub use curve::{CurveKey, key_of, tile_of};
pub use ownership::{OwnershipError, OwnershipMap};
pub use pod::PodId;
