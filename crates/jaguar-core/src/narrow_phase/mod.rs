//! Narrow phase: where bodies touch, or will touch within the tick.

pub(crate) mod prepare;
#[cfg_attr(not(test), expect(dead_code, reason = "the solver takes manifolds next"))]
pub(crate) mod solid;
pub(crate) mod static_geometry;
#[cfg_attr(not(test), expect(dead_code, reason = "the solver takes manifolds next"))]
pub(crate) mod static_manifold;
