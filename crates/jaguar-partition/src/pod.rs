//! The name of a pod.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A pod of the cluster, numbered when it is admitted. Numbers are never used again, so that a pod that comes back is a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PodId(pub u32);

impl fmt::Display for PodId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pod {}", self.0)
    }
}
