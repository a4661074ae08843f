//! `jaguarctl snapshot`: snapshots of a running world, and what is in a store.

use anyhow::Context;
use clap::{Args, Subcommand};
use console::style;
use indicatif::{HumanBytes, HumanCount};
use jaguar_proto::v1;
use jaguar_proto::v1::{ListSnapshotsRequest, SaveSnapshotRequest, VerifySnapshotRequest};
use jaguar_snapshot::manifest::{Part, Stored};
use jaguar_snapshot::name::date_time;
use jaguar_snapshot::{Manifest, Name, Store};
use serde_json::json;
use tonic::Code;

use crate::connection::{Target, say};
use crate::outcome::Outcome;
use crate::restore;
use crate::stdout;
use crate::table::Table;

/// Options of `snapshot`.
#[derive(Args, Debug)]
pub(crate) struct SnapshotArgs {
    #[command(subcommand)]
    command: SnapshotCommand,
}

#[derive(Debug, Subcommand)]
enum SnapshotCommand {
    /// Take a snapshot of a running world
    Save(SaveArgs),
    /// List the snapshots in a store, the newest first
    List(ListArgs),
    /// Read a snapshot as a restore would, and compare every checksum and the world hash
    Verify(OneArgs),
    /// Show what a snapshot says of itself
    Show(OneArgs),
    /// Run a world on from a snapshot on a local cluster, and compare its hash with that of one world
    Restore(restore::RestoreArgs),
}

#[derive(Args, Debug)]
struct SaveArgs {
    /// Its name: a-z, 0-9, '-', '.' and '_'; without it one made of the time
    name: Option<Name>,
    #[command(flatten)]
    target: Target,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
struct ListArgs {
    #[command(flatten)]
    place: Place,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
struct OneArgs {
    /// The snapshot's name [default: the newest]
    name: Option<Name>,
    #[command(flatten)]
    place: Place,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Where to look: in a store, or in that of a running world.
#[derive(Args, Debug)]
struct Place {
    /// Look into this store and not into that of a running world: file:///DIRECTORY or s3://BUCKET/PREFIX
    #[arg(long, value_name = "URL")]
    store: Option<String>,
    #[command(flatten)]
    target: Target,
}

/// What is in a store.
struct Contents {
    store: String,
    whole: Vec<Manifest>,
    /// Name and problem.
    torn: Vec<(String, String)>,
}

/// Carries the command out. A damaged snapshot is an outcome, not an error.
pub(crate) async fn run(args: &SnapshotArgs) -> anyhow::Result<Outcome> {
    match &args.command {
        SnapshotCommand::Save(args) => save(args).await?,
        SnapshotCommand::List(args) => list(args).await?,
        SnapshotCommand::Verify(args) => return verify(args).await,
        SnapshotCommand::Show(args) => {
            let manifest = args.find().await?;
            show(&manifest, args.json)?;
        }
        SnapshotCommand::Restore(args) => return restore::run(args).await,
    }
    Ok(Outcome::Same)
}

async fn save(args: &SaveArgs) -> anyhow::Result<()> {
    let name = args.name.as_ref().map(Name::to_string).unwrap_or_default();
    let mut admin = args.target.admin().await?;
    let answer = admin.save_snapshot(SaveSnapshotRequest { name }).await.map_err(say)?;
    show(&manifest(answer.into_inner().snapshot)?, args.json)
}

async fn list(args: &ListArgs) -> anyhow::Result<()> {
    let Contents { store, whole, torn } = args.place.contents().await?;
    if args.json {
        let torn: Vec<_> = torn
            .iter()
            .map(|(name, problem)| json!({ "name": name, "problem": problem }))
            .collect();
        let all = json!({ "store": store, "snapshots": whole, "torn": torn });
        return stdout::line(&all.to_string());
    }
    let mut table = Table::new(&["name", "taken (UTC)", "tick", "bodies", "pods", "size", "world hash"]);
    for manifest in &whole {
        table.row(vec![
            manifest.name.to_string(),
            date_time(manifest.created_unix_ms),
            manifest.tick.to_string(),
            HumanCount(manifest.entities).to_string(),
            manifest.parts.len().to_string(),
            HumanBytes(manifest.bytes()).to_string(),
            format!("{:032x}", manifest.hash),
        ]);
    }
    stdout::line(&format!("{store}\n{table}"))?;
    for (name, problem) in torn {
        stdout::line(&format!("{} {name}: {problem}", style("no snapshot:").yellow()))?;
    }
    Ok(())
}

async fn verify(args: &OneArgs) -> anyhow::Result<Outcome> {
    let verified = match &args.place.store {
        Some(url) => {
            let store = Store::open(url)?;
            let found = args.find().await?;
            match store.read(&found).await {
                Ok(_) => Ok(found),
                Err(damage) if damage.is_damage() => Err(damage.to_string()),
                Err(error) => return Err(error.into()),
            }
        }
        None => {
            let name = match &args.name {
                Some(name) => name.to_string(),
                None => args.find().await?.name.to_string(),
            };
            let mut admin = args.place.target.admin().await?;
            match admin.verify_snapshot(VerifySnapshotRequest { name }).await {
                Ok(answer) => Ok(manifest(answer.into_inner().snapshot)?),
                Err(status) if status.code() == Code::DataLoss => Err(status.message().to_owned()),
                Err(status) => return Err(say(status)),
            }
        }
    };
    let manifest = match verified {
        Ok(manifest) => manifest,
        Err(damage) => {
            let text = format!("{}: {damage}", style("DAMAGED").red().bold());
            stdout::line(&if args.json {
                json!({ "whole": false, "problem": damage }).to_string()
            } else {
                text
            })?;
            return Ok(Outcome::Different);
        }
    };
    if args.json {
        stdout::line(&json!({ "whole": true, "snapshot": manifest }).to_string())?;
    } else {
        let Manifest { name, tick, hash, .. } = &manifest;
        let (bodies, parts) = (HumanCount(manifest.entities), manifest.parts.len());
        stdout::line(&format!(
            "{}: {name} has {bodies} bodies in {parts} parts; every checksum fits, and the world they make at tick {tick} has the hash {hash:032x} of the manifest",
            style("WHOLE").green().bold()
        ))?;
    }
    Ok(Outcome::Same)
}

fn show(manifest: &Manifest, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        return stdout::line(&serde_json::to_string(manifest)?);
    }
    let mut table = Table::new(&["part", "bodies", "contacts", "bytes", "checksum"]);
    for part in &manifest.parts {
        table.row(vec![
            format!("part-{}", part.pod),
            part.bodies.to_string(),
            part.contacts.to_string(),
            part.bytes.to_string(),
            format!("{:032x}", part.checksum),
        ]);
    }
    stdout::line(&format!(
        "snapshot  {}\nworld     {}\ntaken     {} UTC, by version {}\nplace     tick {}, entry {}{}\nhash      {:032x}\nbodies    {} ({} spawned, {} removed, {} handed over)\nsize      {}\n\n{table}",
        manifest.name,
        manifest.world,
        date_time(manifest.created_unix_ms),
        manifest.written_by,
        manifest.tick,
        manifest.index,
        if manifest.paused { ", paused" } else { "" },
        manifest.hash,
        HumanCount(manifest.entities),
        HumanCount(manifest.spawned),
        HumanCount(manifest.despawned),
        HumanCount(manifest.handed_over),
        HumanBytes(manifest.bytes()),
    ))
}

impl OneArgs {
    /// The snapshot that is meant.
    async fn find(&self) -> anyhow::Result<Manifest> {
        let Contents { store, whole, torn } = self.place.contents().await?;
        let Some(name) = &self.name else {
            return whole
                .into_iter()
                .next()
                .with_context(|| format!("{store} has no snapshot"));
        };
        if let Some((_, problem)) = torn.iter().find(|(torn, _)| torn == name.as_str()) {
            anyhow::bail!("{problem}");
        }
        let found = whole.into_iter().find(|manifest| manifest.name == *name);
        found.with_context(|| format!("{store} has no snapshot {name}"))
    }
}

impl Place {
    async fn contents(&self) -> anyhow::Result<Contents> {
        if let Some(url) = &self.store {
            let listing = Store::open(url)?.list().await?;
            let torn = listing.torn.iter();
            return Ok(Contents {
                store: url.clone(),
                torn: torn
                    .map(|(name, damage)| (name.to_string(), damage.to_string()))
                    .collect(),
                whole: listing.whole,
            });
        }
        let mut admin = self.target.admin().await?;
        let answer = admin.list_snapshots(ListSnapshotsRequest {}).await.map_err(say)?;
        let v1::ListSnapshotsResponse { store, snapshots, torn } = answer.into_inner();
        let whole = snapshots.into_iter().map(|snapshot| manifest(Some(snapshot)));
        Ok(Contents {
            store,
            whole: whole.collect::<anyhow::Result<_>>()?,
            torn: torn.into_iter().map(|torn| (torn.name, torn.problem)).collect(),
        })
    }
}

/// A pod's answer as the manifest that it stands for.
fn manifest(snapshot: Option<v1::Snapshot>) -> anyhow::Result<Manifest> {
    let snapshot = snapshot.context("the pod answered without a snapshot")?;
    let number =
        |text: &str| u128::from_str_radix(text, 16).with_context(|| format!("the pod sent {text:?} as a number"));
    let stored = |object: Option<v1::SnapshotObject>| -> anyhow::Result<Stored> {
        let object = object.context("the pod left an object out")?;
        Ok(Stored {
            bytes: object.bytes,
            checksum: number(&object.checksum)?,
        })
    };
    let part = |part: v1::SnapshotPart| -> anyhow::Result<Part> {
        let Stored { bytes, checksum } = stored(part.object)?;
        Ok(Part {
            pod: part.pod,
            bodies: part.bodies,
            contacts: part.contacts,
            bytes,
            checksum,
        })
    };
    Ok(Manifest {
        name: snapshot.name.parse()?,
        world: snapshot.world.parse()?,
        created_unix_ms: snapshot.created_unix_ms,
        written_by: snapshot.written_by,
        index: snapshot.index,
        tick: snapshot.tick,
        hash: number(&snapshot.hash)?,
        entities: snapshot.entities,
        next_id: snapshot.next_id,
        spawned: snapshot.spawned,
        despawned: snapshot.despawned,
        handed_over: snapshot.handed_over,
        paused: snapshot.paused,
        definition: stored(snapshot.definition)?,
        parts: snapshot.parts.into_iter().map(part).collect::<anyhow::Result<_>>()?,
    })
}
