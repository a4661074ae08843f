//! Identities and counters as newtypes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use jaguar_partition::PodId;

/// A world, from its founding on. Drawn at random by the driver that founds it, so that pods of a world that has ended, or of one founded beside it, are told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WorldId(pub u64);

/// A succession of coordinators without a crash. Packets of another epoch are refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Epoch(pub u32);

/// Position of an entry in the log; the first is 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LogIndex(pub u64);

/// Count of simulated ticks since the world began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Tick(pub u64);

/// A client's command at the pod that took it in; unique for that pod for the life of its process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RequestId(pub u64);

impl LogIndex {
    /// The index after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for WorldId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A text is not the 16 hexadecimal digits of a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected the 16 hexadecimal digits of a world")]
pub struct NotAWorldId;

impl FromStr for WorldId {
    type Err = NotAWorldId;

    fn from_str(text: &str) -> Result<Self, NotAWorldId> {
        let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let parsed = u64::from_str_radix(text, 16).ok().filter(|_| digits);
        parsed.map(Self).ok_or(NotAWorldId)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "epoch {}", self.0)
    }
}

impl fmt::Display for LogIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {}", self.0)
    }
}

impl fmt::Display for Tick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tick {}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_world_is_read_as_it_is_written_and_nothing_else_is() {
        for world in [WorldId(0), WorldId(0xabc), WorldId(u64::MAX)] {
            assert_eq!(world.to_string().parse(), Ok(world));
        }
        for invalid in ["", "1", "+000000000000001", "00000000000000001", "000000000000000g"] {
            assert_eq!(invalid.parse::<WorldId>(), Err(NotAWorldId), "{invalid:?}");
        }
    }
}
