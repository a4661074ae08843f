//! The manifest: what a snapshot is, and the size and checksum of every object that belongs to it. JSON in the envelope, so that people can read it too.

use jaguar_migration::id::{LogIndex, PodId, Tick, WorldId};
use jaguar_migration::saved::{Cut, StoredPart};
use serde::{Deserialize, Serialize};

use crate::error::FormatError;
use crate::format::{self, Kind, Label};
use crate::limits::{DEFINITION_BYTES, PART_BYTES};
use crate::name::Name;

/// A whole snapshot, but for its bodies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The snapshot's name, which is that of its folder.
    pub name: Name,
    /// The world's identity.
    #[serde(with = "world")]
    pub world: WorldId,
    /// When it was taken, ms since 1970 by the clock of the pod that took it.
    pub created_unix_ms: u64,
    /// The version of Jaguar that wrote it.
    pub written_by: String,
    /// The entry after which it was taken.
    pub index: u64,
    /// The world's tick.
    pub tick: u64,
    /// The world hash.
    #[serde(with = "hex")]
    pub hash: u128,
    /// Bodies in the world.
    pub entities: u64,
    /// The id that the next body gets.
    pub next_id: u64,
    /// Bodies spawned since the world began.
    pub spawned: u64,
    /// Bodies removed since the world began.
    pub despawned: u64,
    /// Bodies handed over since the world began.
    pub handed_over: u64,
    /// Whether the world was paused.
    pub paused: bool,
    /// The definition's object.
    pub definition: Stored,
    /// The parts, ascending by pod.
    pub parts: Vec<Part>,
}

/// An object as it was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stored {
    /// Its size.
    pub bytes: u64,
    /// xxh3-128 of all its bytes.
    #[serde(with = "hex")]
    pub checksum: u128,
}

/// One pod's part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// The pod.
    pub pod: u32,
    /// Bodies in it.
    pub bodies: u64,
    /// Contacts in it.
    pub contacts: u64,
    /// Size of its object.
    pub bytes: u64,
    /// xxh3-128 of its object.
    #[serde(with = "hex")]
    pub checksum: u128,
}

impl Part {
    /// The part's object.
    pub fn stored(&self) -> Stored {
        let Self { bytes, checksum, .. } = *self;
        Stored { bytes, checksum }
    }
}

impl From<&StoredPart> for Part {
    fn from(part: &StoredPart) -> Self {
        Self {
            pod: part.pod.0,
            bodies: part.bodies,
            contacts: part.contacts,
            bytes: part.bytes,
            checksum: part.checksum,
        }
    }
}

impl From<&Part> for StoredPart {
    fn from(part: &Part) -> Self {
        Self {
            pod: PodId(part.pod),
            bodies: part.bodies,
            contacts: part.contacts,
            bytes: part.bytes,
            checksum: part.checksum,
        }
    }
}

impl Manifest {
    /// The manifest of a snapshot whose objects are stored.
    pub fn new(
        name: Name,
        created_unix_ms: u64,
        world: WorldId,
        cut: &Cut,
        definition: Stored,
        parts: &[StoredPart],
    ) -> Self {
        Self {
            name,
            world,
            created_unix_ms,
            written_by: env!("CARGO_PKG_VERSION").to_owned(),
            index: cut.index.0,
            tick: cut.tick.0,
            hash: cut.hash,
            entities: cut.entities,
            next_id: cut.next_id,
            spawned: cut.spawned,
            despawned: cut.despawned,
            handed_over: cut.handed_over,
            paused: cut.paused,
            definition,
            parts: parts.iter().map(Part::from).collect(),
        }
    }

    /// Where the world stands.
    pub fn cut(&self) -> Cut {
        Cut {
            index: LogIndex(self.index),
            tick: Tick(self.tick),
            hash: self.hash,
            entities: self.entities,
            next_id: self.next_id,
            spawned: self.spawned,
            despawned: self.despawned,
            handed_over: self.handed_over,
            paused: self.paused,
        }
    }

    /// Bytes of all objects but the manifest itself.
    pub fn bytes(&self) -> u64 {
        let parts: u64 = self.parts.iter().map(|part| part.bytes).sum();
        self.definition.bytes + parts
    }

    /// The order of age: of two snapshots, the newer one has the greater key.
    pub fn age_key(&self) -> (u64, u64, &Name) {
        (self.created_unix_ms, self.index, &self.name)
    }

    /// The label of an object of this snapshot.
    pub(crate) fn label(&self, kind: Kind, pod: u32) -> Label {
        let Self { world, index, .. } = *self;
        Label {
            kind,
            world,
            index,
            pod,
        }
    }

    pub(crate) fn seal(&self) -> Vec<u8> {
        let json = serde_json::to_vec_pretty(self).expect("a manifest has only text keys and plain numbers");
        format::seal(self.label(Kind::Manifest, 0), &json)
    }

    pub(crate) fn open(name: &Name, object: &[u8]) -> Result<Self, FormatError> {
        let (label, json) = format::open(object)?;
        let manifest: Self = serde_json::from_slice(json).map_err(|error| FormatError::Content(error.to_string()))?;
        let expected = manifest.label(Kind::Manifest, 0);
        if label != expected {
            return Err(FormatError::Other {
                expected: expected.to_string(),
                found: label.to_string(),
            });
        }
        manifest.check(name)?;
        Ok(manifest)
    }

    /// Whether the manifest agrees with itself: what it says of its objects is believed from here on.
    fn check(&self, name: &Name) -> Result<(), FormatError> {
        let wrong = |problem: String| Err(FormatError::Content(problem));
        if self.name != *name {
            return wrong(format!("it is that of snapshot {}", self.name));
        }
        let sizes = std::iter::once((self.definition.bytes, DEFINITION_BYTES));
        let sizes = sizes.chain(self.parts.iter().map(|part| (part.bytes, PART_BYTES)));
        for (size, limit) in sizes {
            let limit = limit + format::HEADER_BYTES as u64;
            if size > limit {
                return Err(FormatError::TooLarge { size, limit });
            }
        }
        if !self.parts.is_sorted_by(|a, b| a.pod < b.pod) {
            return wrong("its parts are not in ascending order of pods".to_owned());
        }
        let bodies = self
            .parts
            .iter()
            .try_fold(0_u64, |sum, part| sum.checked_add(part.bodies));
        if bodies != Some(self.entities) {
            return wrong(format!(
                "its parts have {bodies:?} bodies, the world has {}",
                self.entities
            ));
        }
        Ok(())
    }
}

/// A world's identity as it is written everywhere.
mod world {
    use jaguar_migration::id::WorldId;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(world: &WorldId, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(world)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<WorldId, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// 128-bit numbers as 32 hexadecimal digits: JSON's numbers end at 2^53 in many readers.
mod hex {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &u128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{value:032x}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let value = u128::from_str_radix(&text, 16).ok().filter(|_| digits);
        value.ok_or_else(|| D::Error::custom(format_args!("{text:?} is not a number of 32 hexadecimal digits")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let part = |pod, bodies| Part {
            pod,
            bodies,
            contacts: 7,
            bytes: 1_000,
            checksum: u128::from(pod) << 100,
        };
        Manifest {
            name: "before-upgrade".parse().expect("a good name"),
            world: WorldId(42),
            created_unix_ms: 1_795_527_300_000,
            written_by: "0.1.0".to_owned(),
            index: 900,
            tick: 880,
            hash: u128::MAX - 5,
            entities: 30,
            next_id: u64::MAX - 1,
            spawned: 40,
            despawned: 10,
            handed_over: 3,
            paused: false,
            definition: Stored {
                bytes: 500,
                checksum: 9,
            },
            parts: vec![part(1, 10), part(4, 20)],
        }
    }

    #[test]
    fn a_manifest_opens_to_itself() {
        let manifest = manifest();
        let opened = Manifest::open(&manifest.name, &manifest.seal()).expect("it is whole");
        assert_eq!(opened, manifest);
        assert_eq!(opened.bytes(), 2_500);
    }

    #[test]
    fn a_manifest_that_contradicts_itself_is_refused() {
        type Damage = fn(&mut Manifest);
        let changes: [(&str, Damage); 5] = [
            ("bodies", |manifest| manifest.parts[0].bodies = 11),
            ("bodies", |manifest| manifest.parts[0].bodies = u64::MAX),
            ("order", |manifest| manifest.parts.swap(0, 1)),
            ("allowed", |manifest| manifest.parts[1].bytes = 1 << 40),
            ("allowed", |manifest| manifest.definition.bytes = 1 << 40),
        ];
        for (part, change) in changes {
            let mut manifest = manifest();
            change(&mut manifest);
            let error = Manifest::open(&manifest.name, &manifest.seal()).expect_err(part);
            assert!(error.to_string().contains(part), "{part}: {error}");
        }
        let other = "other".parse().expect("a good name");
        assert!(
            Manifest::open(&other, &manifest().seal()).is_err(),
            "another folder's manifest"
        );
    }
}
