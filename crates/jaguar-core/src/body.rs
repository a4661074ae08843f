//! Bodies: how they are described, identified, transferred and read.

use glam::{DVec3, Quat, Vec3};

use crate::constants::MAX_THRUST;
use crate::datum::Datum;
use crate::error::FieldError;
use crate::material::Material;
use crate::shape::{ConvexHull, HullId, Shape};
use crate::tile::TileIndex;

/// Identifies a body for its whole life, on every pod. Below 2^63; never reused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct BodyId(pub u64);

/// Which bodies can touch each other: two do if each is in a group that the other's mask has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct Filter {
    /// The groups that the body is in, one bit each.
    pub groups: u32,
    /// The groups that it touches.
    pub mask: u32,
}

impl Default for Filter {
    /// In all groups, touching all.
    fn default() -> Self {
        Self {
            groups: u32::MAX,
            mask: u32::MAX,
        }
    }
}

impl Filter {
    /// Whether two bodies can touch.
    pub const fn admits(self, other: Self) -> bool {
        self.groups & other.mask != 0 && other.groups & self.mask != 0
    }
}

/// The class of an entity, which selects the forces that act on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[repr(u8)]
pub enum Domain {
    /// None in particular.
    #[default]
    Generic,
    /// Aircraft, projectiles, debris in the air.
    Air,
    /// Vehicles, people, rocks.
    Land,
    /// Ships, buoys, divers.
    Sea,
    /// Satellites.
    Space,
}

impl Domain {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 5] = [Self::Generic, Self::Air, Self::Land, Self::Sea, Self::Space];

    pub(crate) fn of_code(code: u32) -> Option<Self> {
        Self::ALL.get(code as usize).copied()
    }
}

/// What a body is spawned from.
///
/// ```
/// use glam::{DVec3, Vec3};
/// use jaguar_core::BodyDesc;
///
/// let crate_of_wood = BodyDesc::cuboid(Vec3::new(0.5, 0.4, 0.3)).at(DVec3::new(0.0, 2.0, 0.0)).density(600.0);
/// assert!((crate_of_wood.mass - 288.0).abs() < 1e-3);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct BodyDesc {
    /// Centre of mass, m.
    pub position: DVec3,
    /// Orientation, a unit quaternion.
    pub orientation: Quat,
    /// Velocity of the centre of mass, m/s.
    pub velocity: Vec3,
    /// Angular velocity, rad/s.
    pub angular_velocity: Vec3,
    /// Shape; its bounding diameter must be smaller than a tile.
    pub shape: Shape,
    /// Mass, kg, positive.
    pub mass: f32,
    /// Surface and damping.
    pub material: Material,
    /// What it can touch.
    pub filter: Filter,
    /// Whether it only notices what overlaps it, without force.
    pub sensor: bool,
    /// Which forces act on it.
    pub domain: Domain,
    /// Drag coefficient times frontal area, m², 0 to 10^6.
    pub drag_area: f32,
    /// Force that it exerts on itself, in its own frame, N; each component within ±10^12.
    pub thrust: Vec3,
}

impl Default for BodyDesc {
    /// A ball of 1 m diameter and the density of water at rest in the origin.
    fn default() -> Self {
        Self {
            position: DVec3::ZERO,
            orientation: Quat::IDENTITY,
            velocity: Vec3::ZERO,
            angular_velocity: Vec3::ZERO,
            shape: Shape::Sphere { radius: 0.5 },
            mass: 523.6,
            material: Material::default(),
            filter: Filter::default(),
            sensor: false,
            domain: Domain::default(),
            drag_area: 0.0,
            thrust: Vec3::ZERO,
        }
    }
}

impl BodyDesc {
    /// A ball of this radius (m) with the density of water.
    pub fn sphere(radius: f32) -> Self {
        Self::of(Shape::Sphere { radius })
    }

    /// A capsule with the density of water: a cylinder along y of 2 `half_height` (m) between two half balls of this radius (m).
    pub fn capsule(half_height: f32, radius: f32) -> Self {
        Self::of(Shape::Capsule { half_height, radius })
    }

    /// A box of these half edges (m) with the density of water.
    pub fn cuboid(half_extents: Vec3) -> Self {
        Self::of(Shape::Cuboid { half_extents })
    }

    /// A hull of the world's definition with the density of water; its position is the hull's centre of mass. For another density give its [`BodyDesc::mass`] after the hull's volume.
    pub fn hull(id: HullId, hull: &ConvexHull) -> Self {
        Self {
            shape: Shape::Hull(id),
            mass: 1000.0 * hull.volume(),
            ..Self::default()
        }
    }

    fn of(shape: Shape) -> Self {
        Self {
            shape,
            ..Self::default()
        }
        .density(1000.0)
    }

    /// With the centre of mass there, m.
    #[must_use]
    pub fn at(self, position: DVec3) -> Self {
        Self { position, ..self }
    }

    /// With this orientation, a unit quaternion.
    #[must_use]
    pub fn oriented(self, orientation: Quat) -> Self {
        Self { orientation, ..self }
    }

    /// With this velocity, m/s.
    #[must_use]
    pub fn moving(self, velocity: Vec3) -> Self {
        Self { velocity, ..self }
    }

    /// With this angular velocity, rad/s.
    #[must_use]
    pub fn spinning(self, angular_velocity: Vec3) -> Self {
        Self {
            angular_velocity,
            ..self
        }
    }

    /// With this mass, kg.
    #[must_use]
    pub fn mass(self, mass: f32) -> Self {
        Self { mass, ..self }
    }

    /// With the mass of its shape at this density (kg/m³). A hull keeps its mass: its volume is not known here.
    #[must_use]
    pub fn density(self, density: f32) -> Self {
        match self.shape.volume() {
            Some(volume) => Self {
                mass: density * volume,
                ..self
            },
            None => self,
        }
    }

    /// With this surface and damping.
    #[must_use]
    pub fn material(self, material: Material) -> Self {
        Self { material, ..self }
    }

    /// Touching only what this filter admits.
    #[must_use]
    pub fn filter(self, filter: Filter) -> Self {
        Self { filter, ..self }
    }

    /// Noticing what overlaps it, without force.
    #[must_use]
    pub fn as_sensor(self) -> Self {
        Self { sensor: true, ..self }
    }

    /// Of this class.
    #[must_use]
    pub fn domain(self, domain: Domain) -> Self {
        Self { domain, ..self }
    }

    /// With this drag coefficient times frontal area, m².
    #[must_use]
    pub fn drag_area(self, drag_area: f32) -> Self {
        Self { drag_area, ..self }
    }

    /// With this force on itself in its own frame, N.
    #[must_use]
    pub fn thrust(self, thrust: Vec3) -> Self {
        Self { thrust, ..self }
    }

    pub(crate) fn kind(&self) -> BodyKind {
        BodyKind {
            shape: self.shape,
            mass: self.mass,
            material: self.material,
            filter: self.filter,
            sensor: self.sensor,
            domain: self.domain,
            drag_area: self.drag_area,
        }
    }
}

/// Checks that a body could have this thrust (N, in its own frame): each component within ±10^12 N.
pub fn check_thrust(thrust: Vec3) -> Result<(), FieldError> {
    let mut components = thrust.to_array().into_iter();
    components.try_for_each(|component| FieldError::check("thrust", component, -MAX_THRUST, MAX_THRUST, "N"))
}

/// What does not change while a body lives. Most worlds have few kinds, so a world keeps each once.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct BodyKind {
    /// Shape.
    pub shape: Shape,
    /// Mass, kg.
    pub mass: f32,
    /// Surface and damping.
    pub material: Material,
    /// What it can touch.
    pub filter: Filter,
    /// Whether it only notices what overlaps it.
    pub sensor: bool,
    /// Which forces act on it.
    pub domain: Domain,
    /// Drag coefficient times frontal area, m².
    pub drag_area: f32,
}

/// The whole state of a body as plain numbers: what is handed over, hashed and kept in snapshots.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct BodyRecord {
    /// Identity.
    pub id: BodyId,
    /// Tile that the body belongs to: the one that its centre is in, or lately was (see [`crate::tile`]).
    pub tile: TileIndex,
    /// Centre, m from the tile's centre.
    pub offset: [f32; 3],
    /// Orientation quaternion, x y z w.
    pub orientation: [f32; 4],
    /// Velocity, m/s.
    pub velocity: [f32; 3],
    /// Angular velocity, rad/s.
    pub angular_velocity: [f32; 3],
    /// Force that it exerts on itself, in its own frame, N.
    pub thrust: [f32; 3],
    /// Ticks that it has been at rest, saturating.
    pub rest: u16,
    /// What does not change.
    pub kind: BodyKind,
    /// Where it was last looked where it touches; none in a tile of plain balls.
    pub datum: Option<Datum>,
}

/// A body as the public API reads it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Body {
    /// Identity.
    pub id: BodyId,
    /// Centre of mass, m.
    pub position: DVec3,
    /// Orientation.
    pub orientation: Quat,
    /// Velocity, m/s.
    pub velocity: Vec3,
    /// Angular velocity, rad/s.
    pub angular_velocity: Vec3,
    /// Shape.
    pub shape: Shape,
    /// Radius of the ball around its centre that holds all of it, m; a sphere's own.
    pub radius: f32,
    /// Mass, kg.
    pub mass: f32,
    /// Surface and damping.
    pub material: Material,
    /// What it can touch.
    pub filter: Filter,
    /// Whether it only notices what overlaps it.
    pub sensor: bool,
    /// Which forces act on it.
    pub domain: Domain,
    /// Drag coefficient times frontal area, m².
    pub drag_area: f32,
    /// Force that it exerts on itself, in its own frame, N.
    pub thrust: Vec3,
}
