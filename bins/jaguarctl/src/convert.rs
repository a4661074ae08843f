//! From the gRPC types to the protocol's.

use anyhow::{Context, bail};
use jaguar_core::BodyRecord;
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
        joints: summary.joints,
        pods: summary.pods.iter().map(report).collect(),
    })
}

/// The exact state of a body.
pub(crate) fn body_record(state: &BodyState) -> anyhow::Result<BodyRecord> {
    let record: BodyRecord = envelope::from_bytes("body state", &state.record)?;
    if record.id.0 != state.id {
        bail!("the state of body {} is that of body {}", state.id, record.id.0);
    }
    Ok(record)
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
    fn a_body_without_its_record_is_an_error() {
        let error = body_record(&BodyState::default()).unwrap_err();
        assert!(error.to_string().starts_with("body state: "), "{error}");
    }
}
