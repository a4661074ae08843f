//! `jaguarctl watch`: a region as it changes, one line or one JSON object a frame, until Ctrl-C.

use clap::Args;
use jaguar_proto::v1::{FrameKind, WatchRegionRequest, WatchRegionResponse};
use serde_json::{Value, json};

use crate::connection::{Target, say};
use crate::live_view::bodies;
use crate::region::{RegionArgs, body_json};
use crate::stdout;

/// Options of `watch`.
#[derive(Args, Debug)]
pub(crate) struct WatchArgs {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    region: RegionArgs,
    /// Time between two frames, ms; 0 for the pod's own
    #[arg(long, value_name = "MS", default_value_t = 0)]
    interval: u32,
    /// Stop after so many frames
    #[arg(long, value_name = "N")]
    frames: Option<u64>,
    /// Print one JSON object a frame
    #[arg(long)]
    json: bool,
}

/// Prints frames until the pod leaves, the frames are enough, or Ctrl-C.
pub(crate) async fn run(args: &WatchArgs) -> anyhow::Result<()> {
    let mut world = args.target.world().await?;
    let request = WatchRegionRequest {
        region: Some(args.region.region()),
        interval_ms: args.interval,
    };
    let mut stream = world.watch_region(request).await.map_err(say)?.into_inner();
    let mut frames = 0;
    while args.frames.is_none_or(|limit| frames < limit) {
        let Some(mut frame) = stream.message().await.map_err(say)? else {
            break;
        };
        // A large frame comes in several messages.
        while frame.continued {
            let Some(part) = stream.message().await.map_err(say)? else {
                break;
            };
            frame.entered.extend(part.entered);
            frame.moved.extend(part.moved);
            frame.left_ids.extend(part.left_ids);
            frame.continued = part.continued;
        }
        frames += 1;
        let text = if args.json {
            frame_json(&frame).to_string()
        } else {
            frame_line(&frame)
        };
        stdout::line(&text)?;
    }
    Ok(())
}

fn frame_line(frame: &WatchRegionResponse) -> String {
    format!(
        "tick {:>7}  {:>14}  {:>6} entered  {:>6} moved  {:>6} left",
        frame.tick,
        bodies(frame.count),
        frame.entered.len(),
        frame.moved.len(),
        frame.left_ids.len()
    )
}

fn frame_json(frame: &WatchRegionResponse) -> Value {
    let moved: Vec<Value> = frame
        .moved
        .iter()
        .map(|motion| {
            let at = motion.position.unwrap_or_default();
            let velocity = motion.velocity.unwrap_or_default();
            json!({
                "id": motion.id,
                "position": [at.x, at.y, at.z],
                "velocity": [velocity.x, velocity.y, velocity.z],
            })
        })
        .collect();
    json!({
        "tick": frame.tick,
        "keyframe": frame.kind() == FrameKind::Keyframe,
        "count": frame.count,
        "entered": frame.entered.iter().map(body_json).collect::<Vec<_>>(),
        "moved": moved,
        "left": frame.left_ids,
    })
}
