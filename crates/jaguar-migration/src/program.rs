//! What a scenario does to a world, tick by tick: pure functions of the definition and the tick.

use glam::DVec3;
use jaguar_core::{BodyDesc, BodyId, StaticShape, World};

use crate::definition::{Despawner, Region, Spawner, WorldDefinition};
use crate::id::Tick;
use crate::random::{Random, mix};
use crate::record::Change;

impl Change {
    /// The lowest id above those that the change gives.
    pub(crate) fn first_free_id(&self) -> u64 {
        match self {
            Self::Spawn { first, bodies } => first.0 + bodies.len() as u64,
            Self::Join { id, .. } => id.0 + 1,
            _ => 0,
        }
    }
}

impl WorldDefinition {
    /// What the scenario does before the tick: despawners first, then at most `room` spawned bodies with ids from `first` on.
    ///
    /// Bodies that `world` would refuse are left out, so that every sealed change is valid; a scenario that was loaded from a file has none.
    pub fn changes(&self, world: &World, tick: Tick, first: u64, room: u64) -> Vec<Change> {
        let mut changes = self.despawns(tick);
        let mut bodies = self.spawns(tick);
        bodies.retain(|body| world.check(body).is_ok());
        bodies.truncate(usize::try_from(room).unwrap_or(usize::MAX));
        if !bodies.is_empty() {
            changes.push(Change::Spawn {
                first: BodyId(first),
                bodies,
            });
        }
        changes
    }

    /// Bodies that the spawners add before the tick, in order.
    pub fn spawns(&self, tick: Tick) -> Vec<BodyDesc> {
        let numbered = |spawner| bodies_due(spawner, tick).map(move |number| (spawner, number));
        self.spawners
            .iter()
            .flat_map(numbered)
            .filter_map(|(spawner, number)| self.spawn(spawner, number))
            .collect()
    }

    /// Removals that the despawners ask for before the tick.
    pub fn despawns(&self, tick: Tick) -> Vec<Change> {
        let due = |despawner: &&Despawner| {
            despawner.from <= tick
                && tick < despawner.to
                && (tick.0 - despawner.from.0).is_multiple_of(u64::from(despawner.every.max(1)))
        };
        let change = |despawner: &Despawner| Change::DespawnRegion {
            region: despawner.region.clone(),
            fraction: despawner.fraction,
            seed: despawner.seed,
        };
        self.despawners.iter().filter(due).map(change).collect()
    }

    /// Body number `number` of a spawner, drawn from a stream of its own; none where `above_terrain` finds no terrain.
    fn spawn(&self, spawner: &Spawner, number: u64) -> Option<BodyDesc> {
        let mut random = Random::stream(spawner.seed, number);
        let mut position = draw_point(&spawner.region, &mut random);
        if spawner.above_terrain {
            position.y += self.terrain_height(position.x, position.z)?;
        }
        Some(spawner.source.draw(position, &self.hulls, &mut random))
    }

    /// The highest height field's surface at a point, m.
    pub fn terrain_height(&self, x: f64, z: f64) -> Option<f64> {
        let heights = self.statics.iter().filter_map(|shape| match shape {
            StaticShape::HeightField(field) => field.height_at(x, z),
            _ => None,
        });
        heights.reduce(f64::max)
    }
}

/// The numbers of the bodies that a spawner adds before the tick.
fn bodies_due(spawner: &Spawner, tick: Tick) -> std::ops::Range<u64> {
    if tick < spawner.from || tick >= spawner.to {
        return 0..0;
    }
    let passed = tick.0 - spawner.from.0;
    let total = |ticks: u64| ((ticks as f64 * spawner.rate) as u64).min(spawner.limit);
    total(passed)..total(passed + 1)
}

/// Whether a despawner of this seed removes the body at the tick: true for the given fraction of all ids.
pub(crate) fn is_chosen(seed: u64, tick: Tick, id: BodyId, fraction: f64) -> bool {
    let draw = mix(mix(mix(seed) ^ tick.0).wrapping_add(id.0));
    // 2^-64 times the draw, in [0, 1); a fraction of 1 takes all.
    (draw as f64) * (0.5_f64.powi(64)) < fraction || fraction >= 1.0
}

/// A point of the region, evenly by volume, m.
pub fn draw_point(region: &Region, random: &mut Random) -> DVec3 {
    match region {
        Region::Box { min, max } => {
            let x = random.next_between(min.x, max.x);
            let y = random.next_between(min.y, max.y);
            DVec3::new(x, y, random.next_between(min.z, max.z))
        }
        Region::Sphere { centre, radius } => {
            let distance = radius * libm::cbrt(random.next_unit());
            let height = random.next_between(-1.0, 1.0);
            let (sine, cosine) = libm::sincos(std::f64::consts::TAU * random.next_unit());
            let ring = libm::sqrt(1.0 - height * height);
            *centre + DVec3::new(ring * cosine, height, ring * sine) * distance
        }
    }
}

#[cfg(test)]
mod tests {
    use glam::Vec3;

    use super::*;
    use crate::source::{BodySource, Distribution};

    fn spawner(rate: f64, limit: u64) -> Spawner {
        Spawner {
            region: Region::Box {
                min: DVec3::ZERO,
                max: DVec3::splat(10.0),
            },
            above_terrain: false,
            source: BodySource {
                velocity_min: Vec3::splat(-1.0),
                velocity_max: Vec3::ONE,
                ..BodySource::spheres(Distribution::Uniform { min: 0.4, max: 1.0 })
            },
            rate,
            from: Tick(10),
            to: Tick(110),
            limit,
            seed: 7,
        }
    }

    #[test]
    fn a_fractional_rate_accumulates_and_stops_at_the_limit() {
        let count = |spawner: &Spawner| {
            (0..200)
                .map(|tick| bodies_due(spawner, Tick(tick)).count())
                .sum::<usize>()
        };
        assert_eq!(count(&spawner(0.25, u64::MAX)), 25);
        assert_eq!(count(&spawner(2.5, u64::MAX)), 250);
        assert_eq!(count(&spawner(2.5, 99)), 99);
    }

    #[test]
    fn a_spawned_body_is_inside_its_region_and_depends_on_its_number_alone() {
        let definition = WorldDefinition {
            spawners: vec![spawner(3.0, u64::MAX)],
            ..WorldDefinition::default()
        };
        let all: Vec<BodyDesc> = (0..120).flat_map(|tick| definition.spawns(Tick(tick))).collect();
        assert_eq!(all.len(), 300);
        assert!(
            all.iter()
                .all(|body| definition.spawners[0].region.contains(body.position))
        );
        assert_eq!(definition.spawn(&definition.spawners[0], 299).as_ref(), all.last());
    }

    #[test]
    fn a_despawner_takes_its_fraction() {
        // Binomial(10,000, 0.3) has a standard deviation of 46; five of them are 230.
        let taken = (0..10_000).filter(|&id| is_chosen(3, Tick(5), BodyId(id), 0.3)).count();
        assert!((2770..=3230).contains(&taken), "{taken}");
        assert!((0..1000).all(|id| is_chosen(3, Tick(5), BodyId(id), 1.0)));
        assert!((0..1000).all(|id| !is_chosen(3, Tick(5), BodyId(id), 0.0)));
    }

    #[test]
    fn points_of_a_sphere_are_inside_it() {
        let region = Region::Sphere {
            centre: DVec3::new(1.0, 2.0, 3.0),
            radius: 5.0,
        };
        let mut random = Random::stream(1, 1);
        assert!((0..1000).all(|_| region.contains(draw_point(&region, &mut random))));
    }
}
