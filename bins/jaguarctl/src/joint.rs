//! `jaguarctl joint`: bodies of a running world are joined, and joints removed.

use anyhow::{Context, bail, ensure};
use clap::{Args, Subcommand, ValueEnum};
use jaguar_client::{Body, Connection, JointEnd, JointKind, Motor, NewJoint, Spring};
use jaguar_proto::v1::world_client::WorldClient;
use jaguar_proto::v1::{AddJointRequest, GetBodyRequest, RemoveJointRequest};
use serde_json::json;

use crate::connection::{Target, say};
use crate::region::{pair, triple};
use crate::stdout;

/// Options of `joint`.
#[derive(Args, Debug)]
pub(crate) struct JointArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Join two bodies, or a body and a point of the world, as they lie now
    Add(AddArgs),
    /// Remove a joint
    Remove(RemoveArgs),
}

/// Options of `joint add`; what they are called is what a scenario's `[[joint]]` calls them.
#[derive(Args, Debug)]
struct AddArgs {
    #[command(flatten)]
    target: Target,
    /// Id of the first body
    #[arg(value_name = "BODY")]
    first: u64,
    /// Id of the second body; the world if left out
    #[arg(value_name = "OTHER")]
    second: Option<u64>,
    /// What the joint holds
    #[arg(long, value_enum)]
    kind: KindName,
    /// Point at which it acts, m; of a distance, on the first body [default: of a distance, the first body's centre; half way between the bodies' centres; the body's centre]
    #[arg(long, value_name = "X,Y,Z", value_parser = triple, allow_hyphen_values = true)]
    point: Option<[f64; 3]>,
    /// Point at which a distance ends, m [default: the second body's centre]
    #[arg(long, value_name = "X,Y,Z", value_parser = triple, allow_hyphen_values = true)]
    second_point: Option<[f64; 3]>,
    /// Direction that a hinge turns about
    #[arg(long, value_name = "X,Y,Z", value_parser = triple, allow_hyphen_values = true)]
    axis: Option<[f64; 3]>,
    /// Least and greatest angle of a hinge, rad; it has 0 now
    #[arg(long, value_name = "LOWER,UPPER", value_parser = pair, allow_hyphen_values = true)]
    limits: Option<[f64; 2]>,
    /// Angular velocity (rad/s) that a hinge is driven at, and the largest torque for it (N m)
    #[arg(long, value_name = "SPEED,TORQUE", value_parser = pair, allow_hyphen_values = true)]
    motor: Option<[f64; 2]>,
    /// Length of a distance, m [default: as far as the points are apart]
    #[arg(long, value_name = "M")]
    length: Option<f64>,
    /// Frequency (Hz) and damping ratio at which a distance yields; rigid if left out
    #[arg(long, value_name = "HZ,RATIO", value_parser = pair)]
    spring: Option<[f64; 2]>,
    /// Let the two bodies touch each other
    #[arg(long)]
    collide: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Options of `joint remove`.
#[derive(Args, Debug)]
struct RemoveArgs {
    #[command(flatten)]
    target: Target,
    /// Id of the joint
    id: u64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// A kind as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum KindName {
    /// The bodies move as one
    Fixed,
    /// They turn freely about a point
    Ball,
    /// They turn about an axis
    Hinge,
    /// Two points keep their distance, rigidly or by a spring
    Distance,
}

/// Carries the command out.
pub(crate) async fn run(args: &JointArgs) -> anyhow::Result<()> {
    match &args.command {
        Command::Add(args) => add(args).await,
        Command::Remove(args) => remove(args).await,
    }
}

async fn add(args: &AddArgs) -> anyhow::Result<()> {
    refuse_options(args)?;
    let mut world = args.target.world().await?;
    let first = body(&mut world, args.first).await?;
    let second = match args.second {
        Some(id) => Some(body(&mut world, id).await?),
        None => None,
    };
    let request = AddJointRequest {
        joint: Some(joint(args, &first, second.as_ref())?.into()),
    };
    let made = world.add_joint(request).await.map_err(say)?.into_inner();
    if args.json {
        return stdout::line(&json!({"id": made.id, "tick": made.tick}).to_string());
    }
    stdout::line(&format!("joint {} from tick {} on", made.id, made.tick))
}

async fn remove(args: &RemoveArgs) -> anyhow::Result<()> {
    let mut world = args.target.world().await?;
    let request = RemoveJointRequest { id: args.id };
    let tick = world.remove_joint(request).await.map_err(say)?.into_inner().tick;
    if args.json {
        return stdout::line(&json!({"id": args.id, "tick": tick}).to_string());
    }
    stdout::line(&format!("joint {} is gone from tick {tick} on", args.id))
}

async fn body(world: &mut WorldClient<Connection>, id: u64) -> anyhow::Result<Body> {
    let answer = world.get_body(GetBodyRequest { id }).await.map_err(say)?.into_inner();
    Ok(answer.body.context("the pod answered without the body")?.try_into()?)
}

/// The joint that the options ask for, of bodies as they lie.
fn joint(args: &AddArgs, first: &Body, second: Option<&Body>) -> anyhow::Result<NewJoint> {
    let single = |[a, b]: [f64; 2]| [a as f32, b as f32];
    let kind = match args.kind {
        KindName::Distance => return distance(args, first, second),
        KindName::Fixed => JointKind::Fixed,
        KindName::Ball => JointKind::Ball,
        KindName::Hinge => JointKind::Hinge {
            limits: args.limits.map(single),
            motor: args
                .motor
                .map(single)
                .map(|[speed, max_torque]| Motor { speed, max_torque }),
        },
    };
    let axis = match (args.kind, args.axis) {
        (KindName::Hinge, None) => bail!("a hinge needs --axis X,Y,Z, the direction that it turns about"),
        (_, axis) => axis.unwrap_or([1.0, 0.0, 0.0]),
    };
    ensure!(
        axis.iter().any(|&c| c != 0.0) && axis.iter().all(|c| c.is_finite()),
        "--axis {axis:?} has no direction; its length must be above 0"
    );
    let half_way = |second: &Body| std::array::from_fn(|i| 0.5 * (first.position[i] + second.position[i]));
    let point = args.point.or(second.map(half_way)).unwrap_or(first.position);
    let joint = NewJoint::at(first, second, point, axis.map(|c| c as f32), kind);
    Ok(NewJoint {
        collide: args.collide,
        ..joint
    })
}

/// A distance between two points, each on its body.
fn distance(args: &AddArgs, first: &Body, second: Option<&Body>) -> anyhow::Result<NewJoint> {
    let from = args.point.unwrap_or(first.position);
    let to = args
        .second_point
        .or(second.map(|body| body.position))
        .context("a distance to the world needs --second-point X,Y,Z, where it ends")?;
    let apart = from.iter().zip(to).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt();
    let kind = JointKind::Distance {
        length: args.length.unwrap_or(apart) as f32,
        spring: args.spring.map(|[frequency, damping_ratio]| Spring {
            frequency: frequency as f32,
            damping_ratio: damping_ratio as f32,
        }),
    };
    let axis = [1.0, 0.0, 0.0];
    let first_end = NewJoint::at(first, None, from, axis, kind);
    Ok(NewJoint {
        second: match second {
            Some(second) => JointEnd::Body(NewJoint::at(second, None, to, axis, kind).first),
            None => JointEnd::World {
                point: to,
                axes: [0.0, 0.0, 0.0, 1.0],
            },
        },
        collide: args.collide,
        ..first_end
    })
}

/// Refuses options that the joint's kind has no use for.
fn refuse_options(args: &AddArgs) -> anyhow::Result<()> {
    let (hinge, distance) = (KindName::Hinge, KindName::Distance);
    let options = [
        ("--axis", args.axis.is_some(), hinge),
        ("--limits", args.limits.is_some(), hinge),
        ("--motor", args.motor.is_some(), hinge),
        ("--second-point", args.second_point.is_some(), distance),
        ("--length", args.length.is_some(), distance),
        ("--spring", args.spring.is_some(), distance),
    ];
    for (option, is_given, kind) in options {
        let name = if kind == hinge { "hinge" } else { "distance" };
        ensure!(!is_given || args.kind == kind, "{option} goes with --kind {name} only");
    }
    Ok(())
}
