//! `jaguarctl query`: the bodies in a region, all between the same two ticks.

use clap::Args;
use jaguar_proto::v1::QueryRegionRequest;
use serde_json::{Value, json};

use crate::connection::{Target, say};
use crate::live_view::bodies as count_of_bodies;
use crate::region::{RegionArgs, body_json, body_table};
use crate::stdout;

/// Options of `query`.
#[derive(Args, Debug)]
pub(crate) struct QueryArgs {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    region: RegionArgs,
    /// Print at most so many bodies of the table; JSON has all
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Prints the bodies in the region.
pub(crate) async fn run(args: &QueryArgs) -> anyhow::Result<()> {
    let mut world = args.target.world().await?;
    let request = QueryRegionRequest {
        region: Some(args.region.region()),
    };
    let mut stream = world.query_region(request).await.map_err(say)?.into_inner();
    let mut tick = 0;
    let mut bodies = Vec::new();
    while let Some(message) = stream.message().await.map_err(say)? {
        tick = message.tick;
        bodies.extend(message.bodies);
    }
    if args.json {
        let all: Vec<Value> = bodies.iter().map(body_json).collect();
        return stdout::line(&json!({"tick": tick, "count": bodies.len(), "bodies": all}).to_string());
    }
    let table = body_table(bodies.iter().take(args.limit));
    let hidden = bodies.len().saturating_sub(args.limit);
    let rest = if hidden > 0 {
        format!("; {hidden} not shown, see --limit")
    } else {
        String::new()
    };
    stdout::line(&format!(
        "{table}{} at tick {tick}{rest}",
        count_of_bodies(bodies.len() as u64)
    ))
}
