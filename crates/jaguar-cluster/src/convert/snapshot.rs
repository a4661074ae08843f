//! Snapshots for clients.

use jaguar_proto::v1;
use jaguar_snapshot::manifest::{Part, Stored};
use jaguar_snapshot::{Manifest, Name};

use super::InvalidField;

/// The name of a snapshot that a client wants to take. Those of automatic ones are not for clients: retention would delete theirs.
///
/// # Errors
/// When it is none, or begins like an automatic one's.
pub fn new_snapshot_name(text: &str) -> Result<Name, InvalidField> {
    let name = snapshot_name(text)?;
    if name.is_automatic() {
        let problem = format!(
            "{name} begins like the names of automatic snapshots, which are deleted when they are old; choose another name"
        );
        return Err(InvalidField::new("name", problem));
    }
    Ok(name)
}

/// The name of a snapshot.
///
/// # Errors
/// When it is none.
pub fn snapshot_name(text: &str) -> Result<Name, InvalidField> {
    text.parse()
        .map_err(|error: jaguar_snapshot::name::NameError| InvalidField::new("name", error.to_string()))
}

/// A manifest as a message.
pub fn snapshot(manifest: &Manifest) -> v1::Snapshot {
    let object = |stored: Stored| v1::SnapshotObject {
        bytes: stored.bytes,
        checksum: format!("{:032x}", stored.checksum),
    };
    let part = |part: &Part| v1::SnapshotPart {
        pod: part.pod,
        bodies: part.bodies,
        contacts: part.contacts,
        object: Some(object(part.stored())),
    };
    v1::Snapshot {
        name: manifest.name.to_string(),
        world: manifest.world.to_string(),
        created_unix_ms: manifest.created_unix_ms,
        written_by: manifest.written_by.clone(),
        index: manifest.index,
        tick: manifest.tick,
        hash: format!("{:032x}", manifest.hash),
        entities: manifest.entities,
        next_id: manifest.next_id,
        spawned: manifest.spawned,
        despawned: manifest.despawned,
        handed_over: manifest.handed_over,
        paused: manifest.paused,
        definition: Some(object(manifest.definition)),
        parts: manifest.parts.iter().map(part).collect(),
    }
}
