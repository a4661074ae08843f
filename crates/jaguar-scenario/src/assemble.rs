//! From the values of a scenario file to a definition that a world accepts.

use std::collections::HashMap;

use glam::DVec3;
use jaguar_core::{BodyDesc, BodyId, World, WorldParams};
use jaguar_migration::definition::{Despawner, Region, Spawner, WorldDefinition};
use jaguar_migration::id::Tick;
use jaguar_migration::random::Random;

use crate::document::Document;
use crate::error::ScenarioError;
use crate::limits::MAX_BODIES;
use crate::population::{Arrangement, BodyGrid, Population};
use crate::sources::{Blame, SourceKeys};
use crate::statics::{Statics, narrow};
use crate::{Scenario, bodies_csv, format, hulls, joints};

/// Builds the whole definition.
pub(crate) fn assemble(document: &Document) -> Result<Scenario, ScenarioError> {
    let table = &document.format.world;
    let range = 1..=i64::MAX as u64;
    document.check(range.contains(&table.ticks), "world.ticks", table.ticks, "at least 1")?;
    let params = world_params(table);
    let statics = Statics::read(document)?;
    let definition = WorldDefinition {
        params,
        statics: statics.shapes.clone(),
        hulls: hulls::read(document)?,
        environment: document.format.environment.clone(),
        ..WorldDefinition::default()
    };
    let mut world = World::new(definition.config()).map_err(|error| statics.refused(document, &error))?;
    let mut assembly = Assembly {
        document,
        world: &world,
        definition,
    };
    assembly.bodies()?;
    for index in 0..document.format.spawner.len() {
        let spawner = assembly.spawner(index)?;
        assembly.definition.spawners.push(spawner);
    }
    for index in 0..document.format.despawner.len() {
        let despawner = assembly.despawner(index)?;
        assembly.definition.despawners.push(despawner);
    }
    let places = assembly.joints()?;
    let definition = assembly.definition;
    joints::check(document, &mut world, &definition.bodies, &definition.joints, &places)?;
    Ok(Scenario {
        name: table.name.clone(),
        ticks: table.ticks,
        seed: table.seed,
        definition,
    })
}

fn world_params(table: &format::World) -> WorldParams {
    let usual = WorldParams::default();
    let number = |value: Option<f64>, usual: f32| value.map_or(usual, |value| value as f32);
    WorldParams {
        tick_rate: table.tick_rate.unwrap_or(usual.tick_rate),
        substeps: table.substeps.unwrap_or(usual.substeps),
        gravity: table.gravity.map_or(usual.gravity, narrow),
        tile_size: number(table.tile_size, usual.tile_size),
        contact_frequency: number(table.contact_frequency, usual.contact_frequency),
        contact_damping_ratio: number(table.contact_damping_ratio, usual.contact_damping_ratio),
        push_velocity: number(table.push_velocity, usual.push_velocity),
        restitution_threshold: number(table.restitution_threshold, usual.restitution_threshold),
        speculative_distance: number(table.speculative_distance, usual.speculative_distance),
        sleep_ticks: table.sleep_ticks.unwrap_or(usual.sleep_ticks),
        sleep_speed: number(table.sleep_speed, usual.sleep_speed),
        sleep_angular_speed: number(table.sleep_angular_speed, usual.sleep_angular_speed),
        broad_phase_cell_size: number(table.broad_phase_cell_size, usual.broad_phase_cell_size),
    }
}

/// Which random streams a table draws from.
#[derive(Clone, Copy)]
enum Stream {
    Bodies = 0,
    Spawner = 1,
    Despawner = 2,
}

/// The world under construction.
struct Assembly<'a> {
    document: &'a Document,
    /// Has the parameters and shapes, no bodies: it says what it would refuse.
    world: &'a World,
    definition: WorldDefinition,
}

impl Assembly<'_> {
    /// First the bodies of files, with their own ids; then the others, numbered from the first id above.
    fn bodies(&mut self) -> Result<(), ScenarioError> {
        let tables = &self.document.format.bodies;
        let mut table_of_id: HashMap<BodyId, usize> = HashMap::new();
        for (index, table) in tables.iter().enumerate() {
            let Some(file) = &table.file else { continue };
            let at = format!("bodies.{index}");
            self.refuse_generator_keys(table, &at)?;
            let template = SourceKeys::from(table).template(self.document, self.world, &at)?;
            let bodies = bodies_csv::read(&self.document.file(file), self.world, &template)?;
            for &(id, _) in &bodies {
                if let Some(other) = table_of_id.insert(id, index) {
                    let message = format!(
                        "has the id {}, which bodies[{other}] has too, allowed: ids that occur once",
                        id.0
                    );
                    return Err(self.document.invalid(&format!("{at}.file"), message));
                }
            }
            self.definition.bodies.extend(bodies);
        }
        self.definition.bodies.sort_unstable_by_key(|&(id, _)| id);
        let mut next_id = self.definition.first_free_id();
        for (index, table) in tables.iter().enumerate() {
            if table.file.is_some() {
                continue;
            }
            for body in self.generated(table, index)? {
                self.definition.bodies.push((BodyId(next_id), body));
                next_id += 1;
            }
        }
        Ok(())
    }

    /// The bodies of chains, and all joints; returns the table of each joint.
    fn joints(&mut self) -> Result<Vec<String>, ScenarioError> {
        let mut places = Vec::new();
        for index in 0..self.document.format.joint.len() {
            let joint = joints::joint(self.document, index, &self.definition.bodies)?;
            self.definition.joints.push(joint);
            places.push(format!("joint.{index}"));
        }
        for (index, table) in self.document.format.chain.iter().enumerate() {
            let at = format!("chain.{index}");
            let room = MAX_BODIES - self.definition.bodies.len();
            self.document.check(
                (1..=room as u64).contains(&u64::from(table.links)),
                &format!("{at}.links"),
                table.links,
                &format!("at least 1, at most {MAX_BODIES} bodies in the whole scenario"),
            )?;
            let next_id = self.definition.first_joint_id();
            let chain = joints::chain(self.document, self.world, index, next_id)?;
            self.definition.bodies.extend(chain.links);
            self.definition.joints.extend(chain.joints);
            places.resize(self.definition.joints.len(), at);
        }
        Ok(places)
    }

    fn refuse_generator_keys(&self, table: &format::Bodies, at: &str) -> Result<(), ScenarioError> {
        let keys = [
            ("region", table.region.is_some()),
            ("count", table.count.is_some()),
            ("spacing", table.spacing.is_some()),
            ("jitter", table.jitter.is_some()),
            ("radius", table.radius.is_some()),
            ("density", table.density.is_some()),
            ("mass", table.mass.is_some()),
            ("velocity", table.velocity.is_some()),
            ("shape", table.shape.is_some()),
            ("rotation", table.rotation.is_some()),
            ("seed", table.seed.is_some()),
        ];
        match keys.into_iter().find(|(_, is_given)| *is_given) {
            None => Ok(()),
            Some((key, _)) => {
                let message =
                    "does not go with `file`; the CSV file says where the balls are, how fast, large and heavy";
                Err(self.document.invalid(&format!("{at}.{key}"), message))
            }
        }
    }

    fn generated(&self, table: &format::Bodies, index: usize) -> Result<Vec<BodyDesc>, ScenarioError> {
        let at = format!("bodies.{index}");
        let missing = |key: &str| {
            let message =
                format!("lacks {key}; a table of bodies has `file`, or `region`, `radius` and `count` or `spacing`");
            self.document.invalid(&at, message)
        };
        let region_table = table.region.as_ref().ok_or_else(|| missing("region"))?;
        let region = self.region(region_table, &at)?;
        let (arrangement, count) = self.arrangement(table, region, &at)?;
        let room = (MAX_BODIES - self.definition.bodies.len()) as u64;
        self.document.check(
            count <= room,
            &format!("{at}.count"),
            count,
            &format!("at most {MAX_BODIES} bodies in the whole scenario"),
        )?;
        let keys = SourceKeys::from(table);
        let population = Population {
            count,
            arrangement,
            above_terrain: region_table.above_terrain,
            source: keys.read(self.document, self.world, &at, || missing("radius"))?,
            seed: self.seed(Stream::Bodies, index, table.seed),
        };
        let bodies = population.bodies(&self.definition).map_err(|[x, z]| {
            let message = format!("is above the terrain, but there is none at x = {x}, z = {z}");
            self.document.invalid(&format!("{at}.region"), message)
        })?;
        for body in &bodies {
            let blame = Blame {
                at: &at,
                shape: &at,
                mass: keys.mass_key(),
            };
            blame.check(self.document, self.world, body)?;
        }
        Ok(bodies)
    }

    /// Where the bodies of a table go, and how many there are.
    fn arrangement(
        &self,
        table: &format::Bodies,
        region: Region,
        at: &str,
    ) -> Result<(Arrangement, u64), ScenarioError> {
        let Some(spacing) = table.spacing else {
            if table.jitter.is_some() {
                let message = "goes with `spacing` only; bodies at random places need none";
                return Err(self.document.invalid(&format!("{at}.jitter"), message));
            }
            let count = table.count.ok_or_else(|| {
                self.document.invalid(
                    at,
                    "lacks count; give the number of bodies, or a `spacing` to fill the box with a grid",
                )
            })?;
            return Ok((Arrangement::Random(region), count));
        };
        let Region::Box { min, max } = region else {
            let message = "is a ball, allowed with `spacing`: a box (min and max)";
            return Err(self.document.invalid(&format!("{at}.region"), message));
        };
        let is_positive = spacing.is_finite() && spacing > 0.0;
        self.document
            .check(is_positive, &format!("{at}.spacing"), spacing, "a positive length in m")?;
        let jitter = table.jitter.unwrap_or(0.0);
        let range = 0.0..=spacing;
        self.document.check(
            range.contains(&jitter),
            &format!("{at}.jitter"),
            jitter,
            "0 to spacing, m",
        )?;
        let grid = BodyGrid::filling(min, max, spacing, jitter);
        let capacity = grid.capacity();
        let count = table.count.unwrap_or(capacity);
        let [x, y, z] = grid.cubes;
        self.document.check(
            count <= capacity,
            &format!("{at}.count"),
            count,
            &format!("at most {capacity}: with this spacing {x} x {y} x {z} bodies fit the region"),
        )?;
        Ok((Arrangement::Grid(grid), count))
    }

    fn spawner(&self, index: usize) -> Result<Spawner, ScenarioError> {
        let table = &self.document.format.spawner[index];
        let at = format!("spawner.{index}");
        let (key, rate) = match (table.rate_per_tick, table.rate_per_second) {
            (Some(rate), None) => ("rate_per_tick", rate),
            (None, Some(rate)) => ("rate_per_second", rate / f64::from(self.definition.params.tick_rate)),
            _ => {
                return Err(self
                    .document
                    .invalid(&at, "needs either rate_per_tick or rate_per_second"));
            }
        };
        self.document.check(
            rate > 0.0 && rate <= MAX_BODIES as f64,
            &format!("{at}.{key}"),
            rate,
            &format!("more than 0, at most {MAX_BODIES} a tick"),
        )?;
        let keys = SourceKeys::from(table);
        let lacks = || {
            self.document
                .invalid(&at, "lacks radius; give the radius of balls, or a shape")
        };
        let spawner = Spawner {
            region: self.region(&table.region, &at)?,
            above_terrain: table.region.above_terrain,
            source: keys.read(self.document, self.world, &at, lacks)?,
            rate,
            from: Tick(table.from_tick),
            to: self.to_tick(table.from_tick, table.to_tick, &at)?,
            limit: table.limit.unwrap_or(u64::MAX),
            seed: self.seed(Stream::Spawner, index, table.seed),
        };
        self.accepts_corners(&spawner, &at)?;
        Ok(spawner)
    }

    /// Whether the world accepts the spawner's outermost bodies, and so all in between.
    fn accepts_corners(&self, spawner: &Spawner, at: &str) -> Result<(), ScenarioError> {
        let (min, max) = match spawner.region {
            Region::Box { min, max } => (min, max),
            Region::Sphere { centre, radius } => (centre - radius, centre + radius),
        };
        for corner in 0..8 {
            let pick = |axis: usize| if corner >> axis & 1 == 0 { min[axis] } else { max[axis] };
            let mut position = DVec3::new(pick(0), pick(1), pick(2));
            if spawner.above_terrain {
                let height = self.definition.terrain_height(position.x, position.z);
                position.y += height.ok_or_else(|| {
                    let [x, z] = [position.x, position.z];
                    let message = format!("is above the terrain, but there is none at x = {x}, z = {z}");
                    self.document.invalid(&format!("{at}.region"), message)
                })?;
            }
            let blame = Blame {
                at,
                shape: at,
                mass: "density",
            };
            for body in spawner.source.extremes(position, self.world.hulls()) {
                blame.check(self.document, self.world, &body)?;
            }
        }
        Ok(())
    }

    fn despawner(&self, index: usize) -> Result<Despawner, ScenarioError> {
        let table = &self.document.format.despawner[index];
        let at = format!("despawner.{index}");
        let region = match &table.region {
            Some(region) if region.above_terrain => {
                let message = "is for bodies and spawners only; a despawner's region is in world coordinates";
                return Err(self.document.invalid(&format!("{at}.region.above_terrain"), message));
            }
            Some(region) => self.region(region, &at)?,
            None => Region::Box {
                min: DVec3::NEG_INFINITY,
                max: DVec3::INFINITY,
            },
        };
        let fraction = table.fraction;
        self.document.check(
            fraction > 0.0 && fraction <= 1.0,
            &format!("{at}.fraction"),
            fraction,
            "more than 0, at most 1",
        )?;
        let every = table.every.unwrap_or(1);
        self.document
            .check(every >= 1, &format!("{at}.every"), every, "at least 1 tick")?;
        Ok(Despawner {
            region,
            fraction,
            every,
            from: Tick(table.from_tick),
            to: self.to_tick(table.from_tick, table.to_tick, &at)?,
            seed: self.seed(Stream::Despawner, index, table.seed),
        })
    }

    fn region(&self, table: &format::Region, at: &str) -> Result<Region, ScenarioError> {
        let at = format!("{at}.region");
        let is_finite = |vector: &[f64; 3]| vector.iter().all(|number| number.is_finite());
        let allowed = "a box (`min` and `max`, three finite numbers each, min not above max) or a ball (`centre` and `radius`, finite, radius not negative)";
        match (table.min, table.max, table.centre, table.radius) {
            (Some(min), Some(max), None, None)
                if is_finite(&min) && is_finite(&max) && (0..3).all(|axis| min[axis] <= max[axis]) =>
            {
                Ok(Region::Box {
                    min: DVec3::from_array(min),
                    max: DVec3::from_array(max),
                })
            }
            (None, None, Some(centre), Some(radius)) if is_finite(&centre) && radius.is_finite() && radius >= 0.0 => {
                Ok(Region::Sphere {
                    centre: DVec3::from_array(centre),
                    radius,
                })
            }
            _ => Err(self.document.invalid(&at, format!("is no region, allowed: {allowed}"))),
        }
    }

    fn to_tick(&self, from: u64, to: Option<u64>, at: &str) -> Result<Tick, ScenarioError> {
        let to = to.unwrap_or(u64::MAX);
        self.document.check(
            from < to,
            &format!("{at}.to_tick"),
            to,
            &format!("more than from_tick = {from}"),
        )?;
        Ok(Tick(to))
    }

    /// The seed of a table's own random stream: from the world's seed and the table's, or its index when it has none.
    fn seed(&self, stream: Stream, index: usize, own: Option<u64>) -> u64 {
        let kind = 2 * stream as u64 + u64::from(own.is_some());
        let world = Random::stream(self.document.format.world.seed, kind).next_u64();
        Random::stream(world, own.unwrap_or(index as u64)).next_u64()
    }
}
