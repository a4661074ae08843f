//! A world as bytes and back. The contents of a snapshot decide the future of the world bit for bit; the layout is versioned and checked before anything is believed.
//!
//! Layout, little-endian: magic, version; parameters; static shapes; hulls by their vertices; environment; tick, next id, largest radius; count and bodies; count and cached contacts; count and cached manifolds; count and sensor overlaps; count and joints; xxh3-64 of all that.

use glam::{DVec3, Quat, Vec3};
use xxhash_rust::xxh3::xxh3_64;

use crate::body::{BodyId, Domain};
use crate::config::{WorldConfig, WorldParams};
use crate::encode::{
    BODY_BYTES, CONTACT_BYTES, JOINT_BYTES, MANIFOLD_BYTES, OVERLAP_BYTES, body_bytes, body_of, contact_bytes,
    contact_of, joint_bytes, joint_of, manifold_bytes, manifold_of, overlap_bytes, overlap_of,
};
use crate::environment::{Environment, Fluid, ForceSet, ForceSets, GravitySource, Medium};
use crate::error::{FieldError, SnapshotError};
use crate::part::WorldPart;
use crate::shape::{ConvexHull, HeightField, StaticShape, TriangleMesh};
use crate::world::World;

/// The first bytes of every snapshot.
const MAGIC: [u8; 8] = *b"JAGUARSN";

/// Bytes of a fluid.
const FLUID_BYTES: usize = 2 * size_of::<DVec3>() + 6 * size_of::<f32>();

/// Bytes of a source of gravity.
const SOURCE_BYTES: usize = size_of::<DVec3>() + 2 * size_of::<f64>();

/// Version of the layout.
const VERSION: u32 = 7;

impl World {
    /// The world as bytes.
    pub fn snapshot(&self) -> Vec<u8> {
        self.assert_at_rest();
        let mut out = Vec::with_capacity(256 + self.len() * (BODY_BYTES + 2 * CONTACT_BYTES));
        out.extend_from_slice(&MAGIC);
        put(&mut out, VERSION.to_le_bytes());
        put_params(&mut out, self.params());
        put(&mut out, (self.statics().len() as u64).to_le_bytes());
        for shape in self.statics() {
            put_shape(&mut out, shape);
        }
        put(&mut out, (self.hulls().len() as u64).to_le_bytes());
        for hull in self.hulls() {
            put(&mut out, (hull.points().len() as u64).to_le_bytes());
            for point in hull.points() {
                put_floats(&mut out, &point.to_array());
            }
        }
        put_environment(&mut out, self.environment());
        put(&mut out, self.tick().to_le_bytes());
        put(&mut out, self.next_id().0.to_le_bytes());
        put(&mut out, self.max_radius().to_le_bytes());
        put(&mut out, (self.len() as u64).to_le_bytes());
        for record in self.records() {
            put(&mut out, body_bytes(record));
        }
        let contacts: Vec<_> = self.cached_contacts().collect();
        put(&mut out, (contacts.len() as u64).to_le_bytes());
        for entry in contacts {
            put(&mut out, contact_bytes(entry));
        }
        let manifolds: Vec<_> = self.cached_manifolds().collect();
        put(&mut out, (manifolds.len() as u64).to_le_bytes());
        for entry in manifolds {
            put(&mut out, manifold_bytes(entry));
        }
        put(&mut out, (self.overlaps.len() as u64).to_le_bytes());
        for pair in &self.overlaps {
            put(&mut out, overlap_bytes(*pair));
        }
        put(&mut out, (self.joints().len() as u64).to_le_bytes());
        for joint in self.joints() {
            put(&mut out, joint_bytes(*joint));
        }
        let checksum = xxh3_64(&out);
        put(&mut out, checksum.to_le_bytes());
        out
    }

    /// The world of a snapshot. Any bytes may be given: what is not a whole, undamaged and valid snapshot is refused.
    pub fn restore(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let mut input = Input { bytes, at: 0 };
        if input.take::<8>("magic").ok() != Some(MAGIC) {
            return Err(SnapshotError::Magic);
        }
        let found = u32::from_le_bytes(input.take("version")?);
        if found != VERSION {
            return Err(SnapshotError::Version {
                found,
                expected: VERSION,
            });
        }
        let Some((body, checksum)) = bytes.split_last_chunk::<8>() else {
            return Err(input.cut_off("checksum"));
        };
        let (found, computed) = (u64::from_le_bytes(*checksum), xxh3_64(body));
        if found != computed {
            return Err(SnapshotError::Checksum { found, computed });
        }
        input.bytes = body;

        let params = input.params()?;
        let count = input.count("number of static shapes", 1)?;
        let shapes = (0..count).map(|_| input.shape()).collect::<Result<Vec<_>, _>>()?;
        let count = input.count("number of hulls", 1)?;
        let hulls = (0..count).map(|_| input.hull()).collect::<Result<Vec<_>, _>>()?;
        let environment = input.environment()?;
        let mut world = Self::new(WorldConfig {
            params,
            statics: shapes,
            hulls,
            environment,
        })?;
        let tick = input.long("tick")?;
        let next_id = BodyId(input.long("next id")?);
        let max_radius = input.float("largest radius")?;
        FieldError::check("max_radius", max_radius, 0.0, world.params().tile_size, "m")?;
        world.start_at(tick, next_id, max_radius);
        let bodies = input.count("number of bodies", BODY_BYTES)?;
        let bodies = (0..bodies).map(|_| Ok(body_of(&input.take("body")?)?));
        let bodies = bodies.collect::<Result<Vec<_>, SnapshotError>>()?;
        let contacts = input.count("number of contacts", CONTACT_BYTES)?;
        let contacts = (0..contacts).map(|_| Ok(contact_of(&input.take("contact")?)));
        let contacts = contacts.collect::<Result<Vec<_>, SnapshotError>>()?;
        let manifolds = input.count("number of manifolds", MANIFOLD_BYTES)?;
        let manifolds = (0..manifolds).map(|_| Ok(manifold_of(&input.take("manifold")?)));
        let manifolds = manifolds.collect::<Result<Vec<_>, SnapshotError>>()?;
        let overlaps = input.count("number of sensor overlaps", OVERLAP_BYTES)?;
        let overlaps = (0..overlaps).map(|_| Ok(overlap_of(&input.take("sensor overlap")?)));
        let overlaps = overlaps.collect::<Result<Vec<_>, SnapshotError>>()?;
        let joints = input.count("number of joints", JOINT_BYTES)?;
        let joints = (0..joints).map(|_| Ok(joint_of(&input.take("joint")?)?));
        let joints = joints.collect::<Result<Vec<_>, SnapshotError>>()?;
        world.fill(&WorldPart {
            bodies,
            contacts,
            manifolds,
            overlaps,
            joints,
        })?;
        if input.at != input.bytes.len() {
            return Err(input.cut_off("the end"));
        }
        Ok(world)
    }
}

fn put<const N: usize>(out: &mut Vec<u8>, bytes: [u8; N]) {
    out.extend_from_slice(&bytes);
}

fn put_floats(out: &mut Vec<u8>, values: &[f32]) {
    for value in values {
        put(out, value.to_le_bytes());
    }
}

fn put_point(out: &mut Vec<u8>, point: DVec3) {
    for value in point.to_array() {
        put(out, value.to_le_bytes());
    }
}

fn put_params(out: &mut Vec<u8>, params: &WorldParams) {
    let WorldParams {
        tick_rate,
        substeps,
        gravity,
        tile_size,
        contact_frequency,
        contact_damping_ratio,
        push_velocity,
        restitution_threshold,
        speculative_distance,
        sleep_ticks,
        sleep_speed,
        sleep_angular_speed,
        broad_phase_cell_size,
    } = params;
    put(out, tick_rate.to_le_bytes());
    put(out, substeps.to_le_bytes());
    put_floats(out, &gravity.to_array());
    put_floats(
        out,
        &[
            *tile_size,
            *contact_frequency,
            *contact_damping_ratio,
            *push_velocity,
            *restitution_threshold,
            *speculative_distance,
            *broad_phase_cell_size,
        ],
    );
    put(out, sleep_ticks.to_le_bytes());
    put_floats(out, &[*sleep_speed, *sleep_angular_speed]);
}

fn put_shape(out: &mut Vec<u8>, shape: &StaticShape) {
    match shape {
        StaticShape::Plane {
            point,
            normal,
            friction,
            restitution,
        } => {
            out.push(0);
            put_point(out, *point);
            put_floats(out, &normal.to_array());
            put_floats(out, &[*friction, *restitution]);
        }
        StaticShape::Cuboid {
            centre,
            half_extents,
            orientation,
            friction,
            restitution,
        } => {
            out.push(1);
            put_point(out, *centre);
            put_floats(out, &half_extents.to_array());
            put_floats(out, &orientation.to_array());
            put_floats(out, &[*friction, *restitution]);
        }
        StaticShape::HeightField(field) => {
            out.push(2);
            put_point(out, field.origin);
            put(out, field.columns.to_le_bytes());
            put(out, field.rows.to_le_bytes());
            put_floats(
                out,
                &[field.spacing_x, field.spacing_z, field.friction, field.restitution],
            );
            put(out, (field.heights.len() as u64).to_le_bytes());
            put_floats(out, &field.heights);
        }
        StaticShape::Mesh(mesh) => {
            out.push(3);
            put_point(out, mesh.origin);
            put_floats(out, &[mesh.friction, mesh.restitution]);
            put(out, (mesh.vertices.len() as u64).to_le_bytes());
            for vertex in &mesh.vertices {
                put_floats(out, &vertex.to_array());
            }
            put(out, (mesh.triangles.len() as u64).to_le_bytes());
            for corner in mesh.triangles.as_flattened() {
                put(out, corner.to_le_bytes());
            }
        }
    }
}

fn put_environment(out: &mut Vec<u8>, environment: &Environment) {
    let Environment {
        medium: Medium {
            density,
            wind,
            scale_height,
        },
        fluids,
        sources,
        forces,
    } = environment;
    put_floats(out, &[*density]);
    put_floats(out, &wind.to_array());
    out.push(u8::from(scale_height.is_some()));
    put_floats(out, &[scale_height.unwrap_or(0.0)]);
    put(out, (fluids.len() as u64).to_le_bytes());
    for fluid in fluids {
        let Fluid {
            min,
            max,
            density,
            linear_drag,
            drag_coefficient,
            current,
        } = fluid;
        put_point(out, *min);
        put_point(out, *max);
        put_floats(out, &[*density, *linear_drag, *drag_coefficient]);
        put_floats(out, &current.to_array());
    }
    put(out, (sources.len() as u64).to_le_bytes());
    for GravitySource { centre, mu, radius } in sources {
        put_point(out, *centre);
        put(out, mu.to_le_bytes());
        put(out, radius.to_le_bytes());
    }
    for domain in Domain::ALL {
        let ForceSet {
            gravity,
            drag,
            buoyancy,
            central_gravity,
            thrust,
        } = *forces.of(domain);
        put_floats(out, &[gravity]);
        out.extend([drag, buoyancy, central_gravity, thrust].map(u8::from));
    }
}

/// The bytes that are read, and how far.
struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Input<'_> {
    fn hull(&mut self) -> Result<ConvexHull, SnapshotError> {
        let count = self.count("number of vertices of a hull", size_of::<Vec3>())?;
        let point = |_| Ok(Vec3::from_array(self.floats("vertex of a hull")?));
        let points = (0..count).map(point).collect::<Result<Vec<_>, SnapshotError>>()?;
        Ok(ConvexHull::new(&points)?)
    }

    fn take<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], SnapshotError> {
        let bytes = self.bytes[self.at..]
            .first_chunk::<N>()
            .ok_or_else(|| self.cut_off(what))?;
        self.at += N;
        Ok(*bytes)
    }

    fn cut_off(&self, what: &'static str) -> SnapshotError {
        SnapshotError::Length {
            what,
            at: self.at,
            length: self.bytes.len(),
        }
    }

    fn long(&mut self, what: &'static str) -> Result<u64, SnapshotError> {
        Ok(u64::from_le_bytes(self.take(what)?))
    }

    fn int(&mut self, what: &'static str) -> Result<u32, SnapshotError> {
        Ok(u32::from_le_bytes(self.take(what)?))
    }

    fn float(&mut self, what: &'static str) -> Result<f32, SnapshotError> {
        Ok(f32::from_le_bytes(self.take(what)?))
    }

    fn floats<const N: usize>(&mut self, what: &'static str) -> Result<[f32; N], SnapshotError> {
        let mut values = [0.0; N];
        for value in &mut values {
            *value = self.float(what)?;
        }
        Ok(values)
    }

    fn point(&mut self, what: &'static str) -> Result<DVec3, SnapshotError> {
        let mut values = [0.0; 3];
        for value in &mut values {
            *value = f64::from_le_bytes(self.take(what)?);
        }
        Ok(DVec3::from_array(values))
    }

    /// A number of items of at least `size` bytes each, which must all lie ahead: no count makes the reader allocate more than the file has.
    fn count(&mut self, what: &'static str, size: usize) -> Result<usize, SnapshotError> {
        let count = self.long(what)?;
        let most = (self.bytes.len() - self.at) / size;
        usize::try_from(count)
            .ok()
            .filter(|&count| count <= most)
            .ok_or_else(|| self.cut_off(what))
    }

    fn params(&mut self) -> Result<WorldParams, SnapshotError> {
        let what = "parameters";
        Ok(WorldParams {
            tick_rate: self.int(what)?,
            substeps: self.int(what)?,
            gravity: Vec3::from_array(self.floats(what)?),
            tile_size: self.float(what)?,
            contact_frequency: self.float(what)?,
            contact_damping_ratio: self.float(what)?,
            push_velocity: self.float(what)?,
            restitution_threshold: self.float(what)?,
            speculative_distance: self.float(what)?,
            broad_phase_cell_size: self.float(what)?,
            sleep_ticks: self.int(what)?,
            sleep_speed: self.float(what)?,
            sleep_angular_speed: self.float(what)?,
        })
    }

    fn flag(&mut self, what: &'static str) -> Result<bool, SnapshotError> {
        match self.take::<1>(what)?[0] {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(FieldError::new(what, other, "0 or 1").into()),
        }
    }

    fn double(&mut self, what: &'static str) -> Result<f64, SnapshotError> {
        Ok(f64::from_le_bytes(self.take(what)?))
    }

    fn environment(&mut self) -> Result<Environment, SnapshotError> {
        let what = "medium";
        let density = self.float(what)?;
        let wind = Vec3::from_array(self.floats(what)?);
        let has_scale = self.flag("whether the medium has a scale height")?;
        let scale_height = Some(self.float(what)?).filter(|_| has_scale);
        let count = self.count("number of fluids", FLUID_BYTES)?;
        let fluids = (0..count).map(|_| {
            let what = "fluid";
            Ok(Fluid {
                min: self.point(what)?,
                max: self.point(what)?,
                density: self.float(what)?,
                linear_drag: self.float(what)?,
                drag_coefficient: self.float(what)?,
                current: Vec3::from_array(self.floats(what)?),
            })
        });
        let fluids = fluids.collect::<Result<Vec<_>, SnapshotError>>()?;
        let count = self.count("number of sources of gravity", SOURCE_BYTES)?;
        let sources = (0..count).map(|_| {
            let what = "source of gravity";
            Ok(GravitySource {
                centre: self.point(what)?,
                mu: self.double(what)?,
                radius: self.double(what)?,
            })
        });
        let sources = sources.collect::<Result<Vec<_>, SnapshotError>>()?;
        let mut forces = ForceSets::default();
        for domain in Domain::ALL {
            *forces.of_mut(domain) = ForceSet {
                gravity: self.float("gravity of a domain")?,
                drag: self.flag("drag of a domain")?,
                buoyancy: self.flag("buoyancy of a domain")?,
                central_gravity: self.flag("central gravity of a domain")?,
                thrust: self.flag("thrust of a domain")?,
            };
        }
        Ok(Environment {
            medium: Medium {
                density,
                wind,
                scale_height,
            },
            fluids,
            sources,
            forces,
        })
    }

    fn shape(&mut self) -> Result<StaticShape, SnapshotError> {
        let what = "static shape";
        match self.take::<1>(what)?[0] {
            0 => Ok(StaticShape::Plane {
                point: self.point(what)?,
                normal: Vec3::from_array(self.floats(what)?),
                friction: self.float(what)?,
                restitution: self.float(what)?,
            }),
            1 => Ok(StaticShape::Cuboid {
                centre: self.point(what)?,
                half_extents: Vec3::from_array(self.floats(what)?),
                orientation: Quat::from_array(self.floats(what)?),
                friction: self.float(what)?,
                restitution: self.float(what)?,
            }),
            2 => {
                let origin = self.point(what)?;
                let (columns, rows) = (self.int(what)?, self.int(what)?);
                let [spacing_x, spacing_z, friction, restitution] = self.floats(what)?;
                let count = self.count("number of heights", size_of::<f32>())?;
                let heights = (0..count)
                    .map(|_| self.float("heights"))
                    .collect::<Result<Vec<_>, _>>()?;
                Ok(StaticShape::HeightField(HeightField {
                    origin,
                    columns,
                    rows,
                    spacing_x,
                    spacing_z,
                    heights,
                    friction,
                    restitution,
                }))
            }
            3 => {
                let origin = self.point(what)?;
                let [friction, restitution] = self.floats(what)?;
                let count = self.count("number of vertices", size_of::<[f32; 3]>())?;
                let vertices = (0..count).map(|_| Ok(Vec3::from_array(self.floats("vertices")?)));
                let vertices = vertices.collect::<Result<Vec<_>, SnapshotError>>()?;
                let count = self.count("number of triangles", size_of::<[u32; 3]>())?;
                let triangles = (0..count).map(|_| {
                    let what = "triangles";
                    Ok([self.int(what)?, self.int(what)?, self.int(what)?])
                });
                Ok(StaticShape::Mesh(TriangleMesh {
                    origin,
                    vertices,
                    triangles: triangles.collect::<Result<Vec<_>, SnapshotError>>()?,
                    friction,
                    restitution,
                }))
            }
            kind => Err(FieldError::new("kind of static shape", kind, "0 plane, 1 box, 2 height field, 3 mesh").into()),
        }
    }
}
