//! Narrow phase: where bodies touch, or will touch within the tick.

pub(crate) mod convex;
pub(crate) mod convex_pair;
pub(crate) mod prepare;
pub(crate) mod shape_index;
pub(crate) mod solid;
pub(crate) mod static_geometry;
pub(crate) mod static_manifold;
pub(crate) mod surroundings;
