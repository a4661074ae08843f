//! The stage of a substep that applies forces, body by body.

use glam::{DVec3, Mat3, Quat, Vec3, Vec4};

use super::submerged::{self, Submerged};
use super::{Force, Subject};
use crate::body::{BodyId, BodyKind, Domain};
use crate::environment::{Environment, Fluid, ForceSet, GravitySource};
use crate::kinds::{Kind, Kinds};
use crate::manifold::attitude::Attitude;
use crate::narrow_phase::solid::Solid;
use crate::solver::StepConstants;
use crate::solver::integrate::turn;
use crate::storage::{Motion, Place};
use crate::tile;

/// All forces of a world.
#[derive(Debug)]
pub(crate) struct Forces {
    environment: Environment,
    /// What of the environment acts on each domain's bodies: its force set without what is not there.
    acting: [ForceSet; Domain::ALL.len()],
    /// Whether every domain feels uniform gravity and thrust alone.
    is_uniform: bool,
    /// Those of the embedder.
    added: Vec<Box<dyn Force>>,
}

/// The columns of a task's bodies.
#[derive(Clone, Copy)]
pub(crate) struct Acted<'a> {
    pub(crate) kind: &'a [u32],
    pub(crate) place: &'a [Place],
    pub(crate) orientation: &'a [[f32; 4]],
    /// Empty if nobody has any.
    pub(crate) thrust: &'a [Vec3],
    pub(crate) id: &'a [BodyId],
}

impl Forces {
    pub(crate) fn new(environment: Environment) -> Self {
        let Environment {
            medium,
            fluids,
            sources,
            forces,
        } = &environment;
        let acting = Domain::ALL.map(|domain| {
            let set = forces.of(domain);
            ForceSet {
                drag: set.drag && (medium.density > 0.0 || !fluids.is_empty()),
                buoyancy: set.buoyancy && !fluids.is_empty(),
                central_gravity: set.central_gravity && !sources.is_empty(),
                ..*set
            }
        });
        Self {
            is_uniform: acting.iter().all(is_uniform),
            acting,
            environment,
            added: Vec::new(),
        }
    }

    pub(crate) fn environment(&self) -> &Environment {
        &self.environment
    }

    pub(crate) fn add(&mut self, force: Box<dyn Force>) {
        self.added.push(force);
    }

    /// Whether an embedder added any.
    pub(crate) fn has_added(&self) -> bool {
        !self.added.is_empty()
    }

    /// The share of uniform gravity that bodies of a kind feel.
    pub(crate) fn gravity_on(&self, kind: &BodyKind) -> f32 {
        self.on(kind).gravity
    }

    /// Whether only thrust can act on a body besides the whole uniform gravity, whatever its kind.
    pub(crate) fn are_uniform(&self) -> bool {
        self.is_uniform && self.added.is_empty()
    }

    /// Whether anything but thrust and the whole uniform gravity acts on bodies of a kind.
    pub(crate) fn act_on(&self, kind: &BodyKind) -> bool {
        let set = self.on(kind);
        let drags = set.drag && (kind.drag_area > 0.0 || !self.environment.fluids.is_empty());
        let is_still = is_uniform(&ForceSet { drag: drags, ..*set });
        !kind.sensor && (!is_still || !self.added.is_empty())
    }

    /// Whether a body's own thrust acts on it.
    pub(crate) fn thrust_on(&self, kind: &BodyKind) -> bool {
        !kind.sensor && self.on(kind).thrust
    }

    fn on(&self, kind: &BodyKind) -> &ForceSet {
        &self.acting[kind.domain as usize]
    }

    /// Applies all forces, gravity included, to a task's bodies over one substep. A body's new velocities are a function of its own state: the same whatever bodies are with it.
    #[inline(never)]
    pub(crate) fn act(
        &self,
        motion: &mut [Motion],
        attitudes: &[Attitude],
        bodies: &Acted<'_>,
        kinds: &Kinds,
        tick: u64,
        step: &StepConstants,
    ) {
        for (i, motion) in motion.iter_mut().enumerate() {
            let kind = kinds.get(bodies.kind[i]);
            if kind.given.sensor {
                continue;
            }
            let mut body = Acting {
                forces: self,
                set: self.on(&kind.given),
                kind,
                solid: kinds.solid(kind),
                place: &bodies.place[i],
                thrust: bodies.thrust.get(i).copied().unwrap_or_default(),
                orientation: bodies.orientation[i],
                attitude: (!kind.is_isotropic).then(|| &attitudes[i]),
                motion,
                step,
            };
            body.feel_gravity();
            if body.set.central_gravity {
                body.feel_sources();
            }
            if body.set.thrust && body.thrust != Vec3::ZERO {
                body.feel_thrust();
            }
            if !self.added.is_empty() {
                body.feel_added(bodies.id[i], tick);
            }
            let mut dry = 1.0;
            if body.set.drag || body.set.buoyancy {
                dry = body.feel_fluids();
            }
            if body.set.drag && kind.given.drag_area > 0.0 && self.environment.medium.density > 0.0 {
                body.feel_medium(dry);
            }
        }
    }
}

fn is_uniform(set: &ForceSet) -> bool {
    set.gravity == 1.0 && !set.drag && !set.buoyancy && !set.central_gravity
}

/// A body under the forces of one substep.
struct Acting<'a> {
    forces: &'a Forces,
    set: &'a ForceSet,
    kind: &'a Kind,
    solid: Solid<'a>,
    place: &'a Place,
    thrust: Vec3,
    /// At the start of the tick.
    orientation: [f32; 4],
    /// Of a body that turns in every substep.
    attitude: Option<&'a Attitude>,
    motion: &'a mut Motion,
    step: &'a StepConstants,
}

impl Acting<'_> {
    fn feel_gravity(&mut self) {
        self.motion.twist.linear += self.step.gravity_gain() * self.set.gravity;
    }

    fn feel_sources(&mut self) {
        let position = self.position();
        for source in &self.forces.environment.sources {
            self.accelerate(attraction(source, position).as_vec3());
        }
    }

    fn feel_thrust(&mut self) {
        let force = self.turned() * self.thrust;
        self.push(force);
    }

    #[cold]
    fn feel_added(&mut self, id: BodyId, tick: u64) {
        for force in &self.forces.added {
            let wrench = force.act(&Subject {
                id,
                kind: &self.kind.given,
                position: self.position(),
                tile: self.place.tile,
                offset: self.offset(),
                orientation: self.turned(),
                velocity: self.motion.velocity(),
                angular_velocity: self.motion.angular_velocity(),
                thrust: self.thrust,
                tick,
                seconds: self.step.substep_seconds,
            });
            self.push(wrench.force);
            self.twist(wrench.torque);
        }
    }

    /// Buoyancy and drag of the fluids. Returns the share of the body that is in none.
    fn feel_fluids(&mut self) -> f32 {
        let position = self.position();
        let radius = f64::from(self.kind.radius);
        let mut dry = 1.0;
        for fluid in &self.forces.environment.fluids {
            let is_near = position.x >= fluid.min.x
                && position.x < fluid.max.x
                && position.z >= fluid.min.z
                && position.z < fluid.max.z
                && position.y - radius < fluid.max.y
                && position.y + radius > fluid.min.y;
            if is_near {
                dry -= self.feel_fluid(fluid, position.y);
            }
        }
        dry.max(0.0)
    }

    /// Buoyancy and drag of a fluid. Returns the share of the body that is in it.
    fn feel_fluid(&mut self, fluid: &Fluid, height: f64) -> f32 {
        let rotation = match self.solid {
            Solid::Sphere { .. } => Mat3::IDENTITY,
            _ => Mat3::from_quat(self.turned()),
        };
        let below = |plane: f64| submerged::below(self.solid, &rotation, (plane - height) as f32);
        let (surface, bottom) = (below(fluid.max.y), below(fluid.min.y));
        let part = Submerged {
            volume: surface.volume - bottom.volume,
            moment: surface.moment - bottom.moment,
            section: surface.section - bottom.section,
        };
        if part.volume <= 0.0 {
            return 0.0;
        }
        let displaced = fluid.density * part.volume;
        if self.set.buoyancy {
            self.float(fluid, &part);
        }
        let share = part.volume / self.kind.volume;
        if self.set.drag {
            let inverse_mass = self.motion.inverse_mass();
            let rate = fluid.linear_drag * displaced * inverse_mass;
            let area = self.kind.given.drag_area + fluid.drag_coefficient * self.kind.cross_section;
            self.drag(fluid.current, rate, 0.5 * fluid.density * area * share * inverse_mass);
            let slowed = 1.0 / (1.0 + self.step.substep_seconds * rate);
            self.motion.twist.angular *= Vec3::splat(slowed).extend(1.0);
        }
        share
    }

    /// Buoyancy, as stiff as one substep can bear.
    ///
    /// A body on the surface is a spring of stiffness k = ρ |g| A with the area A of the section. Symplectic Euler holds s = k h² / m up to 4; above 1 the velocity is divided by s,
    /// which damps such light bodies, as added mass would, and leaves their rest as deep.
    fn float(&mut self, fluid: &Fluid, part: &Submerged) {
        let gravity = self.step.gravity * self.set.gravity;
        let lift = gravity * -fluid.density;
        self.push(lift * part.volume);
        let seconds = self.step.substep_seconds;
        let stiffness = fluid.density * gravity.length() * part.section.abs() * (seconds * seconds);
        let stiff = stiffness * self.motion.inverse_mass();
        if stiff > 1.0 {
            self.motion.twist.linear /= Vec3::new(1.0, stiff, 1.0).extend(1.0);
        }
        // Pressure on a sphere goes through its centre.
        if matches!(self.solid, Solid::Sphere { .. }) {
            return;
        }
        self.twist(part.moment.cross(lift));
        // The same for turning: a tilt lifts the section by at most the radius, and the trace is above every principal value.
        let inverse = &self.kind.inverse_inertia;
        let trace = inverse.x_axis.x + inverse.y_axis.y + inverse.z_axis.z;
        let stiff = stiffness * self.kind.radius * self.kind.radius * trace;
        if stiff > 1.0 {
            self.motion.twist.angular /= Vec3::splat(stiff).extend(1.0);
        }
    }

    fn feel_medium(&mut self, dry: f32) {
        let medium = &self.forces.environment.medium;
        let density = medium.density_at(self.position().y) * dry;
        let rate = 0.5 * density * self.kind.given.drag_area * self.motion.inverse_mass();
        self.drag(medium.wind, 0.0, rate);
    }

    /// Implicit Euler of u' = -a u - b |u| u for the velocity u in the stream: |u'| (1 + a h) + b h |u'|² = |u|, solved for |u'|. The root is written so that nothing cancels.
    fn drag(&mut self, stream: Vec3, linear: f32, quadratic: f32) {
        let seconds = self.step.substep_seconds;
        let relative = self.motion.velocity() - stream;
        let b = 1.0 + linear * seconds;
        let factor = 2.0 / (b + (b * b + 4.0 * quadratic * seconds * relative.length()).sqrt());
        self.motion.set_velocity(stream + relative * factor);
    }

    fn accelerate(&mut self, acceleration: Vec3) {
        self.motion.twist.linear += (acceleration * self.step.substep_seconds).extend(0.0);
    }

    /// Applies a force (N) at the centre of mass.
    fn push(&mut self, force: Vec3) {
        self.accelerate(force * self.motion.inverse_mass());
    }

    /// Applies a torque (N m).
    fn twist(&mut self, torque: Vec3) {
        if torque != Vec3::ZERO {
            let inverse = &self.kind.inverse_inertia;
            let acceleration = if self.kind.is_isotropic {
                torque * inverse.x_axis.x
            } else {
                let rotation = Mat3::from_quat(self.turned());
                rotation * (*inverse * (rotation.transpose() * torque))
            };
            self.motion.twist.angular += (acceleration * self.step.substep_seconds).extend(0.0);
        }
    }

    /// m from the centre of the tile that the body was in at the start of the tick.
    fn offset(&self) -> Vec3 {
        self.place.offset + self.motion.displacement.truncate()
    }

    fn position(&self) -> DVec3 {
        tile::join(self.place.tile, self.offset(), self.step.tile_size)
    }

    /// The orientation within the tick.
    fn turned(&self) -> Quat {
        Quat::from_array(match self.attitude {
            Some(attitude) => attitude.orientation,
            None => {
                let mut orientation = self.orientation;
                turn(&mut orientation, self.motion.rotation.truncate());
                orientation
            }
        })
    }
}

/// Acceleration towards a source, m/s².
fn attraction(source: &GravitySource, position: DVec3) -> DVec3 {
    let towards = source.centre - position;
    let square = towards.length_squared();
    let distance = square.sqrt();
    let cube = if distance > source.radius {
        square * distance
    } else {
        source.radius * source.radius * source.radius
    };
    towards * (source.mu / cube)
}

impl StepConstants {
    /// What gravity adds to a velocity in a substep, without negative zeros.
    pub(crate) fn gravity_gain(&self) -> Vec4 {
        (self.gravity * self.substep_seconds + Vec3::ZERO).extend(0.0)
    }
}
