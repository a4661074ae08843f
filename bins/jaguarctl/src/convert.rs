//! From the gRPC types to the protocol's.

use anyhow::{Context, bail};
use jaguar_core::{BodyId, BodyKind, BodyRecord, Domain, Filter, Material, Shape, TileIndex};
use jaguar_migration::action::{PodReport, Summary};
use jaguar_migration::envelope;
use jaguar_migration::id::{LogIndex, PodId, Tick};
use jaguar_proto::v1::stream_log_response::Item;
use jaguar_proto::v1::{BodyState, EntrySummary, StreamLogResponse};

use crate::recording::LogItem;

/// One message of the log stream.
pub(crate) fn log_item(message: StreamLogResponse) -> anyhow::Result<LogItem> {
    match message.item.context("an empty message in the log stream")? {
        Item::Entry(bytes) => Ok(LogItem::Entry(envelope::open("log entry", &bytes)?)),
        Item::Summary(entry_summary) => Ok(LogItem::Summary(summary(entry_summary)?)),
    }
}

fn summary(summary: EntrySummary) -> anyhow::Result<Summary> {
    let Ok(hash) = <[u8; 16]>::try_from(summary.hash.as_slice()) else {
        bail!("a world hash of {} bytes; it has 16", summary.hash.len());
    };
    let report = |pod: &jaguar_proto::v1::PodSummary| PodReport {
        pod: PodId(pod.pod),
        entities: pod.entities,
        tiles: pod.tiles,
        handed_over: pod.handed_over,
        load: pod.load,
    };
    Ok(Summary {
        index: LogIndex(summary.index),
        tick: Tick(summary.tick),
        advanced: summary.advanced,
        hash: u128::from_be_bytes(hash),
        entities: summary.entities,
        spawned: summary.spawned,
        despawned: summary.despawned,
        handed_over: summary.handed_over,
        pods: summary.pods.iter().map(report).collect(),
    })
}

/// The exact state of a body.
pub(crate) fn body_record(state: &BodyState) -> anyhow::Result<BodyRecord> {
    let [x, y, z] = fixed("tile", &state.tile)?;
    let [friction, restitution, linear_damping, angular_damping] = fixed("material", &state.material)?;
    Ok(BodyRecord {
        id: BodyId(state.id),
        tile: TileIndex::new(x, y, z),
        offset: fixed("offset", &state.offset)?,
        orientation: fixed("orientation", &state.orientation)?,
        velocity: fixed("velocity", &state.velocity)?,
        angular_velocity: fixed("angular_velocity", &state.angular_velocity)?,
        thrust: [0.0; 3],
        rest: 0,
        kind: BodyKind {
            shape: Shape::Sphere { radius: state.radius_m },
            mass: state.mass_kg,
            material: Material {
                friction,
                restitution,
                linear_damping,
                angular_damping,
                ..Material::default()
            },
            filter: Filter::default(),
            sensor: false,
            domain: Domain::default(),
            drag_area: 0.0,
        },
    })
}

fn fixed<T: Copy, const N: usize>(field: &str, values: &[T]) -> anyhow::Result<[T; N]> {
    match <[T; N]>::try_from(values) {
        Ok(array) => Ok(array),
        Err(_) => bail!("{field} of a body has {} components; it has {N}", values.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_has_its_most_significant_byte_first() {
        let mut hash = vec![0; 16];
        hash[15] = 7;
        let message = EntrySummary {
            hash,
            ..EntrySummary::default()
        };
        assert_eq!(summary(message).map(|summary| summary.hash).ok(), Some(7));
        assert!(summary(EntrySummary::default()).is_err());
    }

    #[test]
    fn a_body_with_too_few_components_is_an_error() {
        let error = body_record(&BodyState::default()).unwrap_err();
        assert_eq!(error.to_string(), "tile of a body has 0 components; it has 3");
    }
}
