//! Durable snapshots of a world, on any object store.
