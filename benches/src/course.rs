//! Scenes with the ticks in which engines are timed. The ticks are those in which other engines were measured before, so that numbers can be compared over time.

use std::fmt;
use std::ops::Range;

use jaguar_core::scenes::{self, Scene};

/// A scene and when it is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum Course {
    /// Balls that fall together and never touch.
    FreeFlight,
    /// Balls that fly and bounce without loss in a closed cube.
    Gas,
    /// Balls that fall into a container and settle, about ten deep.
    Pile,
    /// Cubes that fall into a container, turned at random.
    Boxes,
    /// Spheres, capsules, cuboids and hulls that fall on rolling hills.
    Mixed,
}

impl Course {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::FreeFlight, Self::Gas, Self::Pile, Self::Boxes, Self::Mixed];

    /// Those of spheres alone.
    pub const BALLS: [Self; 3] = [Self::FreeFlight, Self::Gas, Self::Pile];

    /// The scene with this many bodies. The free flight is the same for every seed.
    pub fn scene(self, bodies: usize, seed: u64) -> Scene {
        match self {
            Self::FreeFlight => scenes::free_flight(bodies),
            Self::Gas => scenes::gas(bodies, seed),
            Self::Pile => scenes::pile(bodies, seed),
            Self::Boxes => scenes::boxes(bodies, seed),
            Self::Mixed => scenes::mixed(bodies, seed),
        }
    }

    /// The ticks that count: those before are there to get started, or for the pile to settle.
    pub fn timed_ticks(self) -> Range<u32> {
        match self {
            Self::FreeFlight => 10..110,
            Self::Gas => 60..180,
            Self::Pile | Self::Boxes | Self::Mixed => 300..420,
        }
    }
}

impl fmt::Display for Course {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::FreeFlight => "free flight",
            Self::Gas => "gas",
            Self::Pile => "pile",
            Self::Boxes => "boxes",
            Self::Mixed => "mixed",
        })
    }
}
