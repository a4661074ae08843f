//! The log for observers.

use jaguar_migration::action::Summary;
use jaguar_migration::envelope;
use jaguar_migration::record::Entry;
use jaguar_proto::v1;
use jaguar_proto::v1::stream_log_response::Item;

/// An entry as a message of a log stream.
pub fn entry_item(entry: &Entry) -> v1::StreamLogResponse {
    v1::StreamLogResponse {
        item: Some(Item::Entry(envelope::seal(entry))),
    }
}

/// A summary as a message of a log stream.
pub fn summary_item(summary: &Summary) -> v1::StreamLogResponse {
    let pods = summary.pods.iter().map(|part| v1::PodSummary {
        pod: part.pod.0,
        entities: part.entities,
        tiles: part.tiles,
        handed_over: part.handed_over,
        load: part.load,
    });
    v1::StreamLogResponse {
        item: Some(Item::Summary(v1::EntrySummary {
            index: summary.index.0,
            tick: summary.tick.0,
            advanced: summary.advanced,
            hash: summary.hash.to_be_bytes().to_vec(),
            entities: summary.entities,
            spawned: summary.spawned,
            despawned: summary.despawned,
            handed_over: summary.handed_over,
            pods: pods.collect(),
            joints: summary.joints,
        })),
    }
}
