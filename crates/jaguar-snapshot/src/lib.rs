//! Durable snapshots of a world in an object store: a directory, a volume, or S3.
//!
//! A snapshot is a folder of objects: the world's definition, one part for each pod that held bodies, and a manifest. The manifest is written last and its put is atomic, so a snapshot
//! exists as a whole or not at all. Every object is in an envelope with version, length and checksum ([`mod@format`]), and the manifest says size and checksum of the others.
//!
//! Knows nothing of pods, ticks under way, or gRPC: whoever takes a snapshot puts parts and commits a [`manifest::Manifest`]; whoever restores one gets a
//! [`jaguar_migration::saved::SavedWorld`].
//!
//! # Invariants
//! 1. No byte of a store is believed before the checksum over it has been compared, and nothing is allocated for more bytes than the limits allow.
//! 2. A snapshot without a manifest is not listed as one and never restored.
//! 3. A world that is read from a store has the world hash that its manifest says.
//! 4. What is deleted loses its manifest first, and the newest snapshot that is whole is never deleted by [`store::Store::prune`].

pub mod error;
pub mod format;
pub mod limits;
pub mod manifest;
pub mod name;
pub mod store;

pub use error::{SnapshotError, StoreError};
pub use manifest::Manifest;
pub use name::Name;
pub use store::Store;
