//! The keys of a scenario file and their types. Ranges are checked where the values are used.

use std::fmt;

use jaguar_core::{Domain, Environment, Filter, Material};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A whole scenario file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Format {
    pub(crate) world: World,
    #[serde(default)]
    pub(crate) plane: Vec<Plane>,
    #[serde(default, rename = "box")]
    pub(crate) cuboid: Vec<Cuboid>,
    #[serde(default)]
    pub(crate) height_field: Vec<HeightField>,
    #[serde(default)]
    pub(crate) mesh: Vec<Mesh>,
    #[serde(default)]
    pub(crate) environment: Environment,
    #[serde(default)]
    pub(crate) hull: Vec<Hull>,
    #[serde(default)]
    pub(crate) bodies: Vec<Bodies>,
    #[serde(default)]
    pub(crate) joint: Vec<Joint>,
    #[serde(default)]
    pub(crate) chain: Vec<Chain>,
    #[serde(default)]
    pub(crate) spawner: Vec<Spawner>,
    #[serde(default)]
    pub(crate) despawner: Vec<Despawner>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct World {
    pub(crate) name: String,
    pub(crate) ticks: u64,
    #[serde(default)]
    pub(crate) seed: u64,
    pub(crate) tick_rate: Option<u32>,
    pub(crate) substeps: Option<u32>,
    pub(crate) gravity: Option<[f64; 3]>,
    pub(crate) tile_size: Option<f64>,
    pub(crate) contact_frequency: Option<f64>,
    pub(crate) contact_damping_ratio: Option<f64>,
    pub(crate) push_velocity: Option<f64>,
    pub(crate) restitution_threshold: Option<f64>,
    pub(crate) speculative_distance: Option<f64>,
    pub(crate) sleep_ticks: Option<u32>,
    pub(crate) sleep_speed: Option<f64>,
    pub(crate) sleep_angular_speed: Option<f64>,
    pub(crate) broad_phase_cell_size: Option<f64>,
}

fn default_friction() -> f64 {
    0.5
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plane {
    pub(crate) point: [f64; 3],
    pub(crate) normal: [f64; 3],
    #[serde(default = "default_friction")]
    pub(crate) friction: f64,
    #[serde(default)]
    pub(crate) restitution: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cuboid {
    pub(crate) centre: [f64; 3],
    pub(crate) half_extents: [f64; 3],
    pub(crate) rotation: Option<Rotation>,
    #[serde(default = "default_friction")]
    pub(crate) friction: f64,
    #[serde(default)]
    pub(crate) restitution: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rotation {
    pub(crate) axis: [f64; 3],
    pub(crate) degrees: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeightField {
    pub(crate) file: String,
    pub(crate) cell_size: [f64; 2],
    #[serde(default = "one")]
    pub(crate) vertical_scale: f64,
    pub(crate) centre: Option<[f64; 2]>,
    pub(crate) north_west: Option<[f64; 2]>,
    pub(crate) lowest_at: Option<f64>,
    pub(crate) nodata_height: Option<f64>,
    #[serde(default)]
    pub(crate) walls: bool,
    #[serde(default = "default_friction")]
    pub(crate) friction: f64,
    #[serde(default)]
    pub(crate) restitution: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mesh {
    pub(crate) file: String,
    #[serde(default = "one")]
    pub(crate) scale: f64,
    pub(crate) rotation: Option<Rotation>,
    pub(crate) position: Option<[f64; 3]>,
    #[serde(default)]
    pub(crate) inside_out: bool,
    #[serde(default = "default_friction")]
    pub(crate) friction: f64,
    #[serde(default)]
    pub(crate) restitution: f64,
}

fn one() -> f64 {
    1.0
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bodies {
    pub(crate) file: Option<String>,
    pub(crate) region: Option<Region>,
    pub(crate) count: Option<u64>,
    pub(crate) spacing: Option<f64>,
    pub(crate) jitter: Option<f64>,
    pub(crate) radius: Option<Length>,
    pub(crate) shape: Option<Shapes>,
    pub(crate) density: Option<f64>,
    pub(crate) mass: Option<f64>,
    pub(crate) velocity: Option<Velocity>,
    pub(crate) rotation: Option<Turn>,
    #[serde(default)]
    pub(crate) material: Material,
    #[serde(default)]
    pub(crate) filter: Filter,
    #[serde(default)]
    pub(crate) sensor: bool,
    #[serde(default)]
    pub(crate) domain: Domain,
    #[serde(default)]
    pub(crate) drag_area: f64,
    #[serde(default)]
    pub(crate) thrust: [f64; 3],
    pub(crate) seed: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Spawner {
    pub(crate) region: Region,
    pub(crate) radius: Option<Length>,
    pub(crate) shape: Option<Shapes>,
    pub(crate) density: Option<f64>,
    pub(crate) mass: Option<f64>,
    pub(crate) velocity: Option<Velocity>,
    pub(crate) rotation: Option<Turn>,
    #[serde(default)]
    pub(crate) material: Material,
    #[serde(default)]
    pub(crate) filter: Filter,
    #[serde(default)]
    pub(crate) sensor: bool,
    #[serde(default)]
    pub(crate) domain: Domain,
    #[serde(default)]
    pub(crate) drag_area: f64,
    #[serde(default)]
    pub(crate) thrust: [f64; 3],
    pub(crate) rate_per_tick: Option<f64>,
    pub(crate) rate_per_second: Option<f64>,
    #[serde(default)]
    pub(crate) from_tick: u64,
    pub(crate) to_tick: Option<u64>,
    pub(crate) limit: Option<u64>,
    pub(crate) seed: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Despawner {
    pub(crate) region: Option<Region>,
    #[serde(default = "one")]
    pub(crate) fraction: f64,
    pub(crate) every: Option<u32>,
    #[serde(default)]
    pub(crate) from_tick: u64,
    pub(crate) to_tick: Option<u64>,
    pub(crate) seed: Option<u64>,
}

/// A box (`min`, `max`) or a ball (`centre`, `radius`).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Region {
    pub(crate) min: Option<[f64; 3]>,
    pub(crate) max: Option<[f64; 3]>,
    pub(crate) centre: Option<[f64; 3]>,
    pub(crate) radius: Option<f64>,
    #[serde(default)]
    pub(crate) above_terrain: bool,
}

/// A hull that bodies can have as a shape: from points, or from the vertices of a file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hull {
    pub(crate) name: String,
    pub(crate) points: Option<Vec<[f64; 3]>>,
    pub(crate) file: Option<String>,
    #[serde(default = "one")]
    pub(crate) scale: f64,
}

/// The kinds of shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ShapeKind {
    Sphere,
    Capsule,
    Cuboid,
    Hull,
}

/// A kind of shape with the keys of all kinds; which of them a kind has is checked where it is used.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shape {
    pub(crate) kind: ShapeKind,
    pub(crate) radius: Option<Length>,
    pub(crate) half_height: Option<Length>,
    pub(crate) half_extents: Option<[Length; 3]>,
    pub(crate) hull: Option<String>,
    #[serde(default = "one")]
    pub(crate) share: f64,
}

/// One shape, or a mix.
#[derive(Clone, Debug)]
pub(crate) enum Shapes {
    One(Box<Shape>),
    Mix(Vec<Shape>),
}

impl<'de> Deserialize<'de> for Shapes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TableOrList;

        impl<'de> Visitor<'de> for TableOrList {
            type Value = Shapes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table { kind, ... }, or a list of such tables")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Shapes, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(seq)).map(Shapes::Mix)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Shapes, A::Error> {
                let shape = Shape::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Shapes::One(Box::new(shape)))
            }
        }

        deserializer.deserialize_any(TableOrList)
    }
}

/// A table of a rotation, or the word `random`.
#[derive(Debug)]
pub(crate) enum Turn {
    Fixed(Rotation),
    Random,
}

impl<'de> Deserialize<'de> for Turn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TableOrWord;

        impl<'de> Visitor<'de> for TableOrWord {
            type Value = Turn;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table { axis, degrees }, or \"random\"")
            }

            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Turn, E> {
                if word == "random" {
                    return Ok(Turn::Random);
                }
                Err(E::invalid_value(serde::de::Unexpected::Str(word), &self))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Turn, A::Error> {
                Rotation::deserialize(MapAccessDeserializer::new(map)).map(Turn::Fixed)
            }
        }

        deserializer.deserialize_any(TableOrWord)
    }
}

/// The kinds of joints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum JointKind {
    Fixed,
    Ball,
    Hinge,
    Distance,
}

/// A joint of two bodies, or of a body and the world. Which keys a kind has is checked where it is used.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Joint {
    pub(crate) kind: JointKind,
    pub(crate) first: u64,
    pub(crate) second: Option<u64>,
    pub(crate) point: Option<[f64; 3]>,
    pub(crate) second_point: Option<[f64; 3]>,
    pub(crate) axis: Option<[f64; 3]>,
    pub(crate) limits: Option<[f64; 2]>,
    pub(crate) motor: Option<Motor>,
    pub(crate) length: Option<f64>,
    pub(crate) spring: Option<Spring>,
    #[serde(default)]
    pub(crate) collide: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Motor {
    pub(crate) speed: f64,
    pub(crate) max_torque: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Spring {
    pub(crate) frequency: f64,
    pub(crate) damping_ratio: f64,
}

/// A row of links from one point to another.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Chain {
    pub(crate) from: [f64; 3],
    pub(crate) to: [f64; 3],
    pub(crate) links: u32,
    pub(crate) radius: f64,
    #[serde(default)]
    pub(crate) link: Link,
    #[serde(default)]
    pub(crate) joint: ChainJoint,
    pub(crate) axis: Option<[f64; 3]>,
    #[serde(default)]
    pub(crate) pinned: Pinned,
    pub(crate) density: Option<f64>,
    #[serde(default)]
    pub(crate) material: Material,
    #[serde(default)]
    pub(crate) filter: Filter,
    #[serde(default)]
    pub(crate) domain: Domain,
    #[serde(default)]
    pub(crate) drag_area: f64,
}

/// What a chain's links are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Link {
    #[default]
    Capsule,
    Cuboid,
}

/// What is between a chain's links.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ChainJoint {
    #[default]
    Hinge,
    Ball,
}

/// Which ends of a chain are joined to the world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Pinned {
    #[default]
    Start,
    Both,
    None,
}

/// A number, or a table of a distribution.
#[derive(Clone, Debug)]
pub(crate) enum Length {
    Constant(f64),
    Drawn(Drawn),
}

/// Even between two bounds, or log-normal when `median` and `sigma` are there.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Drawn {
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) median: Option<f64>,
    pub(crate) sigma: Option<f64>,
}

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberOrTable;

        impl<'de> Visitor<'de> for NumberOrTable {
            type Value = Length;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, or a table { min, max } or { median, sigma, min, max }")
            }

            fn visit_f64<E>(self, value: f64) -> Result<Length, E> {
                Ok(Length::Constant(value))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Length, E> {
                Ok(Length::Constant(value as f64))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Length, A::Error> {
                Drawn::deserialize(MapAccessDeserializer::new(map)).map(Length::Drawn)
            }
        }

        deserializer.deserialize_any(NumberOrTable)
    }
}

/// Three numbers, or a table of the bounds on each axis.
#[derive(Clone, Debug)]
pub(crate) struct Velocity {
    pub(crate) min: [f64; 3],
    pub(crate) max: [f64; 3],
}

impl<'de> Deserialize<'de> for Velocity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Bounds {
            min: [f64; 3],
            max: [f64; 3],
        }

        struct VectorOrTable;

        impl<'de> Visitor<'de> for VectorOrTable {
            type Value = Velocity;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("three numbers [x, y, z], or a table { min = [x, y, z], max = [x, y, z] }")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Velocity, A::Error> {
                let vector = <[f64; 3]>::deserialize(SeqAccessDeserializer::new(seq))?;
                Ok(Velocity {
                    min: vector,
                    max: vector,
                })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Velocity, A::Error> {
                let Bounds { min, max } = Bounds::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Velocity { min, max })
            }
        }

        deserializer.deserialize_any(VectorOrTable)
    }
}
