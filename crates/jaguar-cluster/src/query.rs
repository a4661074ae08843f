//! Questions to the part of the world that one pod holds.

use jaguar_core::query::{QueryFilter, Ray, RayHit};
use jaguar_core::{Body, BodyId, World};
use jaguar_migration::definition::Region;
use jaguar_migration::id::{LogIndex, Tick};
use jaguar_migration::record::Member;

use crate::limits::RAYS_WITH_INDEX;

/// What to read.
#[derive(Clone, Debug)]
pub enum Question {
    /// One body.
    Body(BodyId),
    /// The bodies in a region.
    Region(Region),
    /// The first hit of each ray.
    Rays(Vec<Ray>),
}

/// What a pod held after an entry.
#[derive(Clone, Debug)]
pub struct LocalCut {
    /// The entry.
    pub index: LogIndex,
    /// The world's tick after it.
    pub tick: Tick,
    /// The members after it.
    pub members: Vec<Member>,
    /// What was found.
    pub found: Found,
}

/// What a question found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Ascending by id.
    pub bodies: Vec<Body>,
    /// The first hit of each ray, in their order.
    pub hits: Vec<Option<RayHit>>,
}

/// Asks the bodies held here.
pub(crate) fn ask(world: &World, question: &Question) -> Found {
    match question {
        Question::Body(id) => Found {
            bodies: world.body(*id).into_iter().collect(),
            hits: Vec::new(),
        },
        Question::Region(region) => Found {
            bodies: in_region(world, region),
            hits: Vec::new(),
        },
        Question::Rays(rays) => Found {
            bodies: Vec::new(),
            hits: first_hits(world, rays),
        },
    }
}

/// The same with an index as without, to the bit.
fn first_hits(world: &World, rays: &[Ray]) -> Vec<Option<RayHit>> {
    let queries = if rays.len() < RAYS_WITH_INDEX {
        world.queries_by_scan()
    } else {
        world.queries()
    };
    queries.cast_rays(rays, &QueryFilter::default())
}

fn in_region(world: &World, region: &Region) -> Vec<Body> {
    match *region {
        Region::Box { min, max } => world.query_box(min, max),
        Region::Sphere { centre, radius } => world.query_sphere(centre, radius),
    }
}
