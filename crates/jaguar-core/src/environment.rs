//! What acts on bodies besides contacts: a medium, fluids, sources of gravity, and which of them act on bodies of which domain. Part of the world's definition: every pod has the
//! same, snapshots hold it, and nothing of it changes while the world runs.
//!
//! Heights are along y. What the forces are is in [`crate::force`].

use glam::{DVec3, Vec3};
use thiserror::Error;

use crate::body::Domain;
use crate::constants::{MAX_DENSITY, MAX_FLUIDS, MAX_GRAVITY_SOURCES, MAX_SOURCE_GRAVITY, MAX_STREAM};
use crate::error::FieldError;

/// The surroundings of all bodies. By default a vacuum, where bodies feel uniform gravity and their own thrust.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct Environment {
    /// What fills the world outside the fluids.
    pub medium: Medium,
    /// Bodies of water and the like. They may touch but not overlap.
    pub fluids: Vec<Fluid>,
    /// Masses that attract.
    pub sources: Vec<GravitySource>,
    /// Which forces act on which bodies.
    pub forces: ForceSets,
}

/// Air, or another gas, that drags bodies along.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct Medium {
    /// Density at height 0, 0 to 10^5 kg/m³; 0 is a vacuum, air has 1.2.
    pub density: f32,
    /// Its velocity, each component within ±1000 m/s.
    pub wind: Vec3,
    /// Height over which the density falls to 1/e, 1 to 10^9 m, for air about 8500; without one the density is the same everywhere.
    pub scale_height: Option<f32>,
}

/// A box of fluid at rest or in a steady current, open at the top.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct Fluid {
    /// The corner of the lowest coordinates, m.
    pub min: DVec3,
    /// The corner of the highest coordinates, m; its y is the height of the surface.
    pub max: DVec3,
    /// Density, above 0 to 10^5 kg/m³; water has 1000.
    pub density: f32,
    /// Drag at low speed, 0 to 1000 1/s: the rate at which a body of the fluid's density that is all under the surface comes to rest, in turning too.
    #[cfg_attr(feature = "serde", serde(default))]
    pub linear_drag: f32,
    /// Drag coefficient, 0 to 100, of a body's mean cross-section; the body's own drag area counts besides. A ball in water has about 0.5.
    #[cfg_attr(feature = "serde", serde(default))]
    pub drag_coefficient: f32,
    /// Its velocity, each component within ±1000 m/s.
    #[cfg_attr(feature = "serde", serde(default))]
    pub current: Vec3,
}

/// A planet: attracts as a point does from outside its radius, and as a ball of even density inside.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct GravitySource {
    /// Centre, m. It may lie outside the world.
    pub centre: DVec3,
    /// Standard gravitational parameter, the gravitational constant times the mass, 0 to 10^22 m³/s²; the Earth's is 3.986e14.
    pub mu: f64,
    /// Radius, 0.001 to 10^12 m. The acceleration there, mu over its square, is at most 10^6 m/s².
    pub radius: f64,
}

/// Which forces act on a body. None does on a sensor.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct ForceSet {
    /// How much of the uniform gravity, ±100; 0 is none, 1 the whole. Buoyancy goes with it, so that what floats in a scaled gravity lies as deep.
    pub gravity: f32,
    /// Drag of the medium and of fluids.
    pub drag: bool,
    /// Buoyancy in fluids.
    pub buoyancy: bool,
    /// The pull of the sources of gravity.
    pub central_gravity: bool,
    /// The body's own thrust.
    pub thrust: bool,
}

/// The forces on each domain's bodies.
///
/// | domain | gravity | drag | buoyancy | central gravity | thrust |
/// |---|---|---|---|---|---|
/// | generic | 1 | | | | yes |
/// | air | 1 | yes | | | yes |
/// | land | 1 | yes | | | yes |
/// | sea | 1 | yes | yes | | yes |
/// | space | 0 | | | yes | yes |
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct ForceSets {
    /// On bodies of no domain in particular.
    pub generic: ForceSet,
    /// On bodies in the air.
    pub air: ForceSet,
    /// On bodies on land.
    pub land: ForceSet,
    /// On bodies at sea.
    pub sea: ForceSet,
    /// On bodies in space.
    pub space: ForceSet,
}

impl Default for ForceSets {
    fn default() -> Self {
        let generic = ForceSet {
            gravity: 1.0,
            drag: false,
            buoyancy: false,
            central_gravity: false,
            thrust: true,
        };
        let air = ForceSet { drag: true, ..generic };
        Self {
            generic,
            air,
            land: air,
            sea: ForceSet { buoyancy: true, ..air },
            space: ForceSet {
                gravity: 0.0,
                central_gravity: true,
                ..generic
            },
        }
    }
}

impl ForceSets {
    /// The forces on a domain's bodies.
    pub const fn of(&self, domain: Domain) -> &ForceSet {
        match domain {
            Domain::Generic => &self.generic,
            Domain::Air => &self.air,
            Domain::Land => &self.land,
            Domain::Sea => &self.sea,
            Domain::Space => &self.space,
        }
    }

    /// The forces on a domain's bodies, to change.
    pub const fn of_mut(&mut self, domain: Domain) -> &mut ForceSet {
        match domain {
            Domain::Generic => &mut self.generic,
            Domain::Air => &mut self.air,
            Domain::Land => &mut self.land,
            Domain::Sea => &mut self.sea,
            Domain::Space => &mut self.space,
        }
    }
}

impl Medium {
    /// Density at a height (m), kg/m³.
    pub fn density_at(&self, height: f64) -> f32 {
        match self.scale_height {
            // As deep as a mine can be in any world, the air gets no denser than e^20: no infinity below.
            Some(scale) => self.density * libm::exp((-height / f64::from(scale)).min(20.0)) as f32,
            None => self.density,
        }
    }
}

/// An environment that a world refuses. The definition of the world is wrong: correct the named field.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum EnvironmentError {
    /// A field of the medium is out of its range.
    #[error("medium: {0}")]
    Medium(FieldError),
    /// A field of a fluid is out of its range.
    #[error("fluid {fluid}: {reason}")]
    Fluid {
        /// Index of the fluid.
        fluid: usize,
        /// Which field.
        reason: FieldError,
    },
    /// Two fluids fill the same place.
    #[error("fluids {first} and {second} overlap; they may touch only")]
    Overlap {
        /// Index of one.
        first: usize,
        /// Index of the other.
        second: usize,
    },
    /// A field of a source of gravity is out of its range.
    #[error("source of gravity {source_index}: {reason}")]
    Source {
        /// Index of the source.
        source_index: usize,
        /// Which field.
        reason: FieldError,
    },
    /// A field of a domain's forces is out of its range.
    #[error("forces on domain {domain:?}: {reason}")]
    Forces {
        /// The domain.
        domain: Domain,
        /// Which field.
        reason: FieldError,
    },
    /// More fluids or sources than a world can have: every body asks each of them.
    #[error("{count} {what}, allowed: at most {most}")]
    TooMany {
        /// Fluids, or sources of gravity.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        most: usize,
    },
}

impl Environment {
    /// Checks every value against its range; the error names the first field outside.
    pub fn validate(&self) -> Result<(), EnvironmentError> {
        self.medium.validate().map_err(EnvironmentError::Medium)?;
        let at_most = |what, count, most| {
            let too_many = EnvironmentError::TooMany { what, count, most };
            if count <= most { Ok(()) } else { Err(too_many) }
        };
        at_most("fluids", self.fluids.len(), MAX_FLUIDS)?;
        at_most("sources of gravity", self.sources.len(), MAX_GRAVITY_SOURCES)?;
        for (fluid, it) in self.fluids.iter().enumerate() {
            it.validate()
                .map_err(|reason| EnvironmentError::Fluid { fluid, reason })?;
            if let Some(first) = self.fluids[..fluid].iter().position(|other| it.overlaps(other)) {
                return Err(EnvironmentError::Overlap { first, second: fluid });
            }
        }
        for (source_index, it) in self.sources.iter().enumerate() {
            it.validate()
                .map_err(|reason| EnvironmentError::Source { source_index, reason })?;
        }
        for domain in Domain::ALL {
            FieldError::check("gravity", self.forces.of(domain).gravity, -100.0, 100.0, "")
                .map_err(|reason| EnvironmentError::Forces { domain, reason })?;
        }
        Ok(())
    }
}

fn check_stream(field: &'static str, velocity: Vec3) -> Result<(), FieldError> {
    let mut components = velocity.to_array().into_iter();
    components.try_for_each(|component| FieldError::check(field, component, -MAX_STREAM, MAX_STREAM, "m/s"))
}

impl Medium {
    fn validate(&self) -> Result<(), FieldError> {
        FieldError::check("density", self.density, 0.0, MAX_DENSITY, "kg/m³")?;
        check_stream("wind", self.wind)?;
        match self.scale_height {
            Some(scale) => FieldError::check("scale_height", scale, 1.0, 1.0e9, "m"),
            None => Ok(()),
        }
    }
}

impl Fluid {
    fn validate(&self) -> Result<(), FieldError> {
        for (min, max) in self.min.to_array().into_iter().zip(self.max.to_array()) {
            FieldError::check("min", min, -1.0e12, 1.0e12, "m")?;
            FieldError::check("max", max, -1.0e12, 1.0e12, "m")?;
            if min >= max {
                return Err(FieldError::new("max", max, format!("more than min, which is {min} m")));
            }
        }
        FieldError::check("density", self.density, f32::MIN_POSITIVE, MAX_DENSITY, "kg/m³")?;
        FieldError::check("linear_drag", self.linear_drag, 0.0, 1000.0, "1/s")?;
        FieldError::check("drag_coefficient", self.drag_coefficient, 0.0, 100.0, "")?;
        check_stream("current", self.current)
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.min.cmplt(other.max).all() && other.min.cmplt(self.max).all()
    }
}

impl GravitySource {
    fn validate(&self) -> Result<(), FieldError> {
        for component in self.centre.to_array() {
            FieldError::check("centre", component, -1.0e12, 1.0e12, "m")?;
        }
        FieldError::check("mu", self.mu, 0.0, 1.0e22, "m³/s²")?;
        FieldError::check("radius", self.radius, 1.0e-3, 1.0e12, "m")?;
        let strongest = self.mu / (self.radius * self.radius);
        FieldError::check("mu / radius²", strongest, 0.0, MAX_SOURCE_GRAVITY, "m/s²")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lake() -> Fluid {
        Fluid {
            min: DVec3::new(-10.0, -5.0, -10.0),
            max: DVec3::new(10.0, 0.0, 10.0),
            density: 1000.0,
            linear_drag: 0.0,
            drag_coefficient: 0.0,
            current: Vec3::ZERO,
        }
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut Environment), expected: &str) {
        let mut environment = Environment {
            fluids: vec![lake()],
            sources: vec![GravitySource {
                centre: DVec3::ZERO,
                mu: 3.986e14,
                radius: 6.371e6,
            }],
            ..Environment::default()
        };
        assert_eq!(environment.validate(), Ok(()));
        change(&mut environment);
        assert_eq!(environment.validate().unwrap_err().to_string(), expected);
    }

    #[test]
    fn errors_name_the_place_the_value_and_the_range() {
        check(
            |e| e.medium.density = -1.0,
            "medium: density is -1, allowed is 0 to 100000 kg/m³",
        );
        check(
            |e| e.medium.wind.y = f32::NAN,
            "medium: wind is NaN, allowed is -1000 to 1000 m/s",
        );
        check(
            |e| e.medium.scale_height = Some(0.0),
            "medium: scale_height is 0, allowed is 1 to 1000000000 m",
        );
        check(
            |e| e.fluids[0].max.y = -6.0,
            "fluid 0: max is -6, allowed is more than min, which is -5 m",
        );
        check(
            |e| {
                e.fluids.push(Fluid {
                    min: DVec3::new(9.0, -1.0, 0.0),
                    max: DVec3::splat(20.0),
                    ..lake()
                });
            },
            "fluids 0 and 1 overlap; they may touch only",
        );
        check(
            |e| e.sources[0].radius = 1.0,
            "source of gravity 0: mu / radius² is 398600000000000, allowed is 0 to 1000000 m/s²",
        );
        check(
            |e| e.forces.sea.gravity = 200.0,
            "forces on domain Sea: gravity is 200, allowed is -100 to 100",
        );
        check(|e| e.fluids = vec![lake(); 100], "100 fluids, allowed: at most 64");
    }

    #[test]
    fn fluids_may_lie_on_each_other() {
        let oil = Fluid {
            min: DVec3::new(-10.0, 0.0, -10.0),
            max: DVec3::new(10.0, 0.5, 10.0),
            density: 800.0,
            ..lake()
        };
        let environment = Environment {
            fluids: vec![lake(), oil],
            ..Environment::default()
        };
        assert_eq!(environment.validate(), Ok(()));
    }
}
