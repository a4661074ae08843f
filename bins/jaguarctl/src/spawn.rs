//! `jaguarctl spawn`: bodies from the command line or from a CSV file.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, ValueEnum};
use jaguar_core::BodyDesc;
use jaguar_proto::v1::{
    BodyDescription, Domain, GetStatusRequest, Material, Point, Quaternion, Shape, SpawnBodiesRequest, Vector,
};
use serde_json::json;

use crate::connection::{Target, say};
use crate::live_view::bodies as count_of_bodies;
use crate::region::{point, triple};
use crate::scenario::read_bodies;
use crate::{shape, stdout};

/// Bodies of one message: one batch of the pod's, so that a refusal names the body and leaves whole batches.
const BODIES_PER_MESSAGE: usize = 4096;

/// Options of `spawn`.
#[derive(Args, Debug)]
pub(crate) struct SpawnArgs {
    #[command(flatten)]
    target: Target,
    /// Bodies from a CSV file with the header id,x,y,z,vx,vy,vz,radius,mass; the world gives its own ids
    #[arg(long, value_name = "FILE.csv", conflicts_with_all = ["position", "velocity", "radius", "mass"])]
    file: Option<PathBuf>,
    /// Centre of one body, m
    #[arg(long, value_name = "X,Y,Z", value_parser = triple, allow_hyphen_values = true, required_unless_present = "file")]
    position: Option<[f64; 3]>,
    /// Its velocity, m/s
    #[arg(long, value_name = "X,Y,Z", value_parser = triple, allow_hyphen_values = true, default_value = "0,0,0")]
    velocity: [f64; 3],
    /// Its radius, m, if it is a ball
    #[arg(long, value_name = "M", default_value_t = 0.5)]
    radius: f32,
    /// Its shape, otherwise: sphere:RADIUS, capsule:HALF_HEIGHT,RADIUS, cuboid:X,Y,Z (half edges, m) or hull:INDEX (of the scenario, from 0)
    #[arg(long, value_name = "SHAPE", value_parser = shape::parse, conflicts_with_all = ["file", "radius"])]
    shape: Option<Shape>,
    /// Which forces of the environment act on it
    #[arg(long, value_name = "DOMAIN", value_enum, default_value_t = DomainName::Generic)]
    domain: DomainName,
    /// Its force on itself in its own axes, N
    #[arg(long, value_name = "X,Y,Z", value_parser = triple, allow_hyphen_values = true, default_value = "0,0,0")]
    thrust: [f64; 3],
    /// Its mass, kg
    #[arg(long, value_name = "KG", default_value_t = 1.0)]
    mass: f32,
    /// Its coefficient of friction
    #[arg(long, value_name = "MU")]
    friction: Option<f32>,
    /// Its coefficient of restitution
    #[arg(long, value_name = "E")]
    restitution: Option<f32>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// A domain as it is written.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum DomainName {
    Generic,
    Air,
    Land,
    Sea,
    Space,
}

impl From<DomainName> for Domain {
    fn from(name: DomainName) -> Self {
        match name {
            DomainName::Generic => Self::Generic,
            DomainName::Air => Self::Air,
            DomainName::Land => Self::Land,
            DomainName::Sea => Self::Sea,
            DomainName::Space => Self::Space,
        }
    }
}

/// Spawns the bodies and prints their ids.
pub(crate) async fn run(args: &SpawnArgs) -> anyhow::Result<()> {
    let material = Material {
        friction: args.friction,
        restitution: args.restitution,
        ..Material::default()
    };
    let mut world = args.target.world().await?;
    let bodies: Vec<BodyDescription> = match &args.file {
        Some(file) => {
            let status = world.get_status(GetStatusRequest {}).await.map_err(say)?.into_inner();
            let rows = read_bodies(file, status.tile_size_m)?;
            rows.iter().map(|body| description(body, material)).collect()
        }
        None => vec![BodyDescription {
            position: Some(point(args.position.context("a position is needed")?)),
            velocity: Some(vector(args.velocity)),
            radius_m: if args.shape.is_some() { 0.0 } else { args.radius },
            mass_kg: args.mass,
            material: Some(material),
            shape: args.shape,
            domain: Domain::from(args.domain).into(),
            thrust: Some(vector(args.thrust)),
            ..BodyDescription::default()
        }],
    };
    let messages: Vec<SpawnBodiesRequest> = bodies
        .chunks(BODIES_PER_MESSAGE)
        .map(|bodies| SpawnBodiesRequest {
            bodies: bodies.to_vec(),
        })
        .collect();
    let answer = world
        .spawn_bodies(futures_util::stream::iter(messages))
        .await
        .map_err(say)?
        .into_inner();
    if args.json {
        let ids: Vec<_> = answer
            .ids
            .iter()
            .map(|range| json!({"first": range.first, "count": range.count}))
            .collect();
        return stdout::line(&json!({"count": answer.count, "tick": answer.tick, "ids": ids}).to_string());
    }
    let ids: Vec<String> = answer
        .ids
        .iter()
        .map(|range| match range.count {
            1 => range.first.to_string(),
            count => format!("{} to {}", range.first, range.first + count - 1),
        })
        .collect();
    let count = count_of_bodies(answer.count);
    stdout::line(&format!(
        "{count} spawned before tick {}: id {}",
        answer.tick,
        ids.join(", ")
    ))
}

fn vector(value: [f64; 3]) -> Vector {
    let [x, y, z] = value.map(|component| component as f32);
    Vector { x, y, z }
}

fn description(body: &BodyDesc, material: Material) -> BodyDescription {
    let [x, y, z, w] = body.orientation.to_array();
    BodyDescription {
        position: Some(Point {
            x: body.position.x,
            y: body.position.y,
            z: body.position.z,
        }),
        orientation: Some(Quaternion { x, y, z, w }),
        velocity: Some(Vector {
            x: body.velocity.x,
            y: body.velocity.y,
            z: body.velocity.z,
        }),
        angular_velocity: None,
        radius_m: body.shape.bounding_radius(),
        mass_kg: body.mass,
        material: Some(material),
        ..BodyDescription::default()
    }
}
