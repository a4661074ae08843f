//! What the bodies of a table are drawn from, by the keys that `[[bodies]]` and `[[spawner]]` share.

use glam::{DVec3, Quat, Vec3};
use jaguar_core::error::SpawnError;
use jaguar_core::{BodyDesc, Domain, Filter, Material, World};
use jaguar_migration::source::{BodySource, Distribution, Portion, ShapeSource, Turn, Weight};

use crate::document::Document;
use crate::error::ScenarioError;
use crate::format::{self, Length, ShapeKind, Shapes};
use crate::hulls;
use crate::statics::{narrow, orientation};

/// Density of a body that gives neither density nor mass: water's, kg/m³.
pub(crate) const DEFAULT_DENSITY: f64 = 1000.0;

/// Largest deviation of a log-normal length; at 5 one draw in six lies beyond 150 times the median.
const MAX_SIGMA: f64 = 5.0;

/// The keys of a table that say what its bodies are.
pub(crate) struct SourceKeys<'a> {
    pub(crate) radius: Option<&'a Length>,
    pub(crate) shape: Option<&'a Shapes>,
    pub(crate) density: Option<f64>,
    pub(crate) mass: Option<f64>,
    pub(crate) velocity: Option<&'a format::Velocity>,
    pub(crate) rotation: Option<&'a format::Turn>,
    pub(crate) material: Material,
    pub(crate) filter: Filter,
    pub(crate) sensor: bool,
    pub(crate) domain: Domain,
    pub(crate) drag_area: f64,
    pub(crate) thrust: [f64; 3],
}

macro_rules! source_keys {
    ($table:expr) => {
        SourceKeys {
            radius: $table.radius.as_ref(),
            shape: $table.shape.as_ref(),
            density: $table.density,
            mass: $table.mass,
            velocity: $table.velocity.as_ref(),
            rotation: $table.rotation.as_ref(),
            material: $table.material,
            filter: $table.filter,
            sensor: $table.sensor,
            domain: $table.domain,
            drag_area: $table.drag_area,
            thrust: $table.thrust,
        }
    };
}

impl<'a> From<&'a format::Bodies> for SourceKeys<'a> {
    fn from(table: &'a format::Bodies) -> Self {
        source_keys!(table)
    }
}

impl<'a> From<&'a format::Spawner> for SourceKeys<'a> {
    fn from(table: &'a format::Spawner) -> Self {
        source_keys!(table)
    }
}

impl SourceKeys<'_> {
    /// What the bodies are drawn from, accepted by the world but for their places. `missing_radius` is said when there is neither a radius nor a shape.
    pub(crate) fn read(
        &self,
        document: &Document,
        world: &World,
        at: &str,
        missing_radius: impl FnOnce() -> ScenarioError,
    ) -> Result<BodySource, ScenarioError> {
        let (shapes, places) = self.shapes(document, at, missing_radius)?;
        let (velocity_min, velocity_max) = velocity(document, self.velocity, at)?;
        let source = BodySource {
            shapes,
            weight: self.weight(document, at)?,
            turn: match self.rotation {
                None => Turn::Fixed(Quat::IDENTITY),
                Some(format::Turn::Random) => Turn::Random,
                Some(format::Turn::Fixed(rotation)) => {
                    Turn::Fixed(orientation(document, at, Some(rotation))?.as_quat())
                }
            },
            velocity_min,
            velocity_max,
            material: self.material,
            filter: self.filter,
            sensor: self.sensor,
            domain: self.domain,
            drag_area: self.drag_area as f32,
            thrust: narrow(self.thrust),
        };
        // Two for each portion.
        for (number, body) in source.extremes(DVec3::ZERO, world.hulls()).enumerate() {
            let blame = Blame {
                at,
                shape: &places[number / 2],
                mass: self.mass_key(),
            };
            blame.check(document, world, &body)?;
        }
        Ok(source)
    }

    pub(crate) fn mass_key(&self) -> &'static str {
        if self.mass.is_some() { "mass" } else { "density" }
    }

    /// A body of a CSV file, but for what the file says.
    pub(crate) fn template(&self, document: &Document, world: &World, at: &str) -> Result<BodyDesc, ScenarioError> {
        let body = BodyDesc {
            material: self.material,
            filter: self.filter,
            sensor: self.sensor,
            domain: self.domain,
            drag_area: self.drag_area as f32,
            thrust: narrow(self.thrust),
            ..BodyDesc::default()
        };
        // Fits any world but for what the table says.
        let probe = BodyDesc {
            shape: BodyDesc::sphere(0.25 * world.params().tile_size).shape,
            ..body.clone()
        };
        Blame {
            at,
            shape: at,
            mass: "mass",
        }
        .check(document, world, &probe)?;
        Ok(body)
    }

    fn weight(&self, document: &Document, at: &str) -> Result<Weight, ScenarioError> {
        match (self.density, self.mass) {
            (Some(_), Some(_)) => {
                let message = "is given besides density, allowed: one or the other";
                Err(document.invalid(&format!("{at}.mass"), message))
            }
            (None, Some(mass)) => Ok(Weight::Mass(mass as f32)),
            (density, None) => Ok(Weight::Density(density.unwrap_or(DEFAULT_DENSITY) as f32)),
        }
    }

    /// The shapes, and where in the file each stands.
    fn shapes(
        &self,
        document: &Document,
        at: &str,
        missing_radius: impl FnOnce() -> ScenarioError,
    ) -> Result<(Vec<Portion>, Vec<String>), ScenarioError> {
        let key = format!("{at}.shape");
        let tables = match (self.radius, self.shape) {
            (Some(_), Some(_)) => {
                let message = "is given besides shape, allowed: one or the other";
                return Err(document.invalid(&format!("{at}.radius"), message));
            }
            (None, None) => return Err(missing_radius()),
            (Some(radius), None) => {
                let radius = length(document, radius, &format!("{at}.radius"))?;
                let shape = ShapeSource::Sphere { radius };
                return Ok((vec![Portion { shape, share: 1.0 }], vec![at.to_owned()]));
            }
            (None, Some(Shapes::One(shape))) => vec![(&**shape, key)],
            (None, Some(Shapes::Mix(shapes))) if shapes.is_empty() => {
                return Err(document.invalid(&key, "is empty, allowed: at least one shape"));
            }
            (None, Some(Shapes::Mix(shapes))) => {
                let places = (0..).map(|index| format!("{key}.{index}"));
                shapes.iter().zip(places).collect()
            }
        };
        let mut portions = Vec::with_capacity(tables.len());
        let mut places = Vec::with_capacity(tables.len());
        for (table, place) in tables {
            document.check(
                table.share.is_finite() && table.share > 0.0 && table.share <= 1e9,
                &format!("{place}.share"),
                table.share,
                "more than 0, at most 1e9",
            )?;
            portions.push(Portion {
                shape: shape_source(document, table, &place)?,
                share: table.share,
            });
            places.push(place);
        }
        Ok((portions, places))
    }
}

/// Which keys are to blame when a world refuses a body of a table.
pub(crate) struct Blame<'a> {
    /// The table.
    pub(crate) at: &'a str,
    /// The table with the lengths of the shape.
    pub(crate) shape: &'a str,
    /// The key that decides the mass.
    pub(crate) mass: &'a str,
}

impl Blame<'_> {
    /// The error that the world has with a body.
    pub(crate) fn check(&self, document: &Document, world: &World, body: &BodyDesc) -> Result<(), ScenarioError> {
        match world.check(body) {
            Ok(_) => Ok(()),
            Err(SpawnError::Field(field)) => {
                let Self { at, shape, mass } = self;
                let place = match field.field.split(' ').next() {
                    Some("mass") => format!("{at}.{mass}"),
                    Some("position") => format!("{at}.region"),
                    Some(key @ ("radius" | "half_height" | "half_extents" | "hull")) => format!("{shape}.{key}"),
                    Some(key) => format!("{at}.{key}"),
                    None => (*at).to_owned(),
                };
                Err(document.refused(&place, &field))
            }
            Err(other) => Err(document.invalid(self.at, other.to_string())),
        }
    }
}

/// A shape of the keys that its kind has, and no others.
fn shape_source(document: &Document, table: &format::Shape, at: &str) -> Result<ShapeSource, ScenarioError> {
    let (name, keys) = match table.kind {
        ShapeKind::Sphere => ("sphere", &["radius"][..]),
        ShapeKind::Capsule => ("capsule", &["half_height", "radius"][..]),
        ShapeKind::Cuboid => ("cuboid", &["half_extents"][..]),
        ShapeKind::Hull => ("hull", &["hull"][..]),
    };
    let given = [
        ("radius", table.radius.is_some()),
        ("half_height", table.half_height.is_some()),
        ("half_extents", table.half_extents.is_some()),
        ("hull", table.hull.is_some()),
    ];
    if let Some((key, _)) = given.iter().find(|(key, is_given)| *is_given && !keys.contains(key)) {
        let message = format!("does not go with kind = {name:?}, which has {}", keys.join(" and "));
        return Err(document.invalid(&format!("{at}.{key}"), message));
    }
    let lacks = |key: &str| document.invalid(at, format!("lacks {key}; kind = {name:?} has {}", keys.join(" and ")));
    let of = |key: &str, value: &Option<Length>| {
        let value = value.as_ref().ok_or_else(|| lacks(key))?;
        length(document, value, &format!("{at}.{key}"))
    };
    Ok(match table.kind {
        ShapeKind::Sphere => ShapeSource::Sphere {
            radius: of("radius", &table.radius)?,
        },
        ShapeKind::Capsule => ShapeSource::Capsule {
            half_height: of("half_height", &table.half_height)?,
            radius: of("radius", &table.radius)?,
        },
        ShapeKind::Cuboid => {
            let [x, y, z] = table.half_extents.as_ref().ok_or_else(|| lacks("half_extents"))?;
            let half = |axis: usize, value| length(document, value, &format!("{at}.half_extents.{axis}"));
            ShapeSource::Cuboid {
                half_extents: [half(0, x)?, half(1, y)?, half(2, z)?],
            }
        }
        ShapeKind::Hull => {
            let hull = table.hull.as_ref().ok_or_else(|| lacks("hull"))?;
            ShapeSource::Hull(hulls::find(document, hull, &format!("{at}.hull"))?)
        }
    })
}

fn length(document: &Document, table: &Length, at: &str) -> Result<Distribution, ScenarioError> {
    let positive = |key: &str, value: f64| {
        let is_positive = value.is_finite() && value > 0.0;
        document.check(is_positive, &format!("{at}{key}"), value, "a positive length in m")?;
        Ok(value as f32)
    };
    let drawn = match table {
        Length::Constant(length) => return Ok(Distribution::Constant(positive("", *length)?)),
        Length::Drawn(drawn) => drawn,
    };
    let (min, max) = (positive(".min", drawn.min)?, positive(".max", drawn.max)?);
    document.check(min <= max, &format!("{at}.max"), max, &format!("at least min = {min}"))?;
    match (drawn.median, drawn.sigma) {
        (None, None) => Ok(Distribution::Uniform { min, max }),
        (Some(median), Some(sigma)) => {
            let range = 0.0..=MAX_SIGMA;
            let allowed = format!("0 to {MAX_SIGMA}");
            document.check(range.contains(&sigma), &format!("{at}.sigma"), sigma, &allowed)?;
            Ok(Distribution::LogNormal {
                median: positive(".median", median)?,
                sigma: sigma as f32,
                min,
                max,
            })
        }
        _ => Err(document.invalid(
            at,
            "has one of median and sigma, allowed: both (log-normal) or none (uniform)",
        )),
    }
}

fn velocity(document: &Document, table: Option<&format::Velocity>, at: &str) -> Result<(Vec3, Vec3), ScenarioError> {
    let Some(velocity) = table else {
        return Ok((Vec3::ZERO, Vec3::ZERO));
    };
    // Not `min > max`, so that what is not a number fails too.
    if !(0..3).all(|axis| velocity.min[axis] <= velocity.max[axis]) {
        let message = "is no range, allowed: on each axis a min not above max";
        return Err(document.invalid(&format!("{at}.velocity"), message));
    }
    Ok((narrow(velocity.min), narrow(velocity.max)))
}
