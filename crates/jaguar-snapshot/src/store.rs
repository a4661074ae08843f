//! A place for snapshots: one folder each, with `manifest`, `definition` and `part-POD` in it.

use std::collections::BTreeMap;
use std::path::Path as FilePath;
use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};
use jaguar_core::WorldPart;
use jaguar_migration::definition::WorldDefinition;
use jaguar_migration::envelope;
use jaguar_migration::id::{LogIndex, PodId, WorldId};
use jaguar_migration::saved::{Cut, SavedWorld, StoredPart};
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStore, ObjectStoreExt};
use xxhash_rust::xxh3::xxh3_128;

use crate::error::{FormatError, SnapshotError, StoreError};
use crate::format::{self, Kind, Label};
use crate::limits::{MANIFEST_BYTES, OBJECTS_AT_ONCE, PART_BYTES, REQUEST_TIMEOUT};
use crate::manifest::{Manifest, Stored};
use crate::name::Name;

/// A place for snapshots. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    /// Before every snapshot's folder.
    root: Path,
    /// As the user gave it.
    url: Arc<str>,
}

/// Everything in a store.
#[derive(Debug, Default)]
pub struct Listing {
    /// Snapshots with an intact manifest, the newest first.
    pub whole: Vec<Manifest>,
    /// Folders without one, and why: snapshots that were never finished, or damaged.
    pub torn: Vec<(Name, SnapshotError)>,
}

impl Store {
    /// Opens `file:///DIRECTORY`, which is made if it is not there, or `s3://BUCKET/PREFIX`, which takes the usual `AWS_*` variables: keys, `AWS_REGION`, and for other
    /// services than Amazon's `AWS_ENDPOINT` (with `AWS_ALLOW_HTTP=true` if it has no TLS).
    ///
    /// # Errors
    /// When the address is none of these, or the directory cannot be made.
    pub fn open(url: &str) -> Result<Self, StoreError> {
        let wrong = |reason: String| StoreError::Address {
            url: url.to_owned(),
            reason,
        };
        if let Some(directory) = url.strip_prefix("file://") {
            let directory = FilePath::new(directory);
            if !directory.is_absolute() {
                return Err(wrong(
                    "the directory must be absolute, as in file:///var/lib/jaguar".to_owned(),
                ));
            }
            std::fs::create_dir_all(directory).map_err(|reason| StoreError::Directory {
                url: url.to_owned(),
                reason,
            })?;
            let objects = LocalFileSystem::new_with_prefix(directory).map_err(|error| wrong(error.to_string()))?;
            // A snapshot that was reported as taken survives the loss of power.
            // A deleted snapshot's folder goes with its last object, or it would be listed as torn.
            let objects = objects.with_fsync(true).with_automatic_cleanup(true);
            return Ok(Self::on(Arc::new(objects), Path::default(), url));
        }
        let Some(place) = url.strip_prefix("s3://") else {
            return Err(wrong("it is no address of a store".to_owned()));
        };
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        if bucket.is_empty() {
            return Err(wrong("the bucket is missing".to_owned()));
        }
        let root = Path::parse(prefix.trim_end_matches('/')).map_err(|error| wrong(error.to_string()))?;
        // It is installed already when anything else of this process speaks TLS.
        drop(rustls::crypto::ring::default_provider().install_default());
        let objects = AmazonS3Builder::from_env().with_bucket_name(bucket);
        let allow_http = std::env::var("AWS_ALLOW_HTTP").is_ok_and(|value| value.eq_ignore_ascii_case("true"));
        let client = ClientOptions::new()
            .with_timeout(REQUEST_TIMEOUT)
            .with_allow_http(allow_http);
        let objects = objects
            .with_client_options(client)
            .build()
            .map_err(|error| wrong(error.to_string()))?;
        Ok(Self::on(Arc::new(objects), root, url))
    }

    /// Keeps snapshots in any object store, under a prefix; `url` names it in messages.
    pub fn on(objects: Arc<dyn ObjectStore>, root: Path, url: &str) -> Self {
        Self {
            objects,
            root,
            url: url.into(),
        }
    }

    /// As the user gave it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Stores one pod's part, given as [`jaguar_core::World::part_bytes`].
    ///
    /// # Errors
    /// When it is too large, or the store fails.
    pub async fn put_part(
        &self,
        name: &Name,
        world: WorldId,
        index: LogIndex,
        pod: PodId,
        content: Vec<u8>,
    ) -> Result<StoredPart, StoreError> {
        let location = self.location(name, &part_object(pod.0));
        let size = content.len() as u64;
        if size > PART_BYTES {
            return Err(StoreError::TooLarge {
                object: location.to_string(),
                size,
                limit: PART_BYTES,
            });
        }
        let label = Label {
            kind: Kind::Part,
            world,
            index: index.0,
            pod: pod.0,
        };
        // Checksums of gigabytes would hold up the network's threads.
        let sealed = blocking(move || {
            let [bodies, contacts] = [0, 8].map(|at| content.get(at..at + 8).map_or(0, count));
            let object = format::seal(label, &content);
            let part = StoredPart {
                pod,
                bodies,
                contacts,
                bytes: object.len() as u64,
                checksum: xxh3_128(&object),
            };
            (object, part)
        });
        let (object, part) = sealed.await;
        self.put(&location, object).await?;
        Ok(part)
    }

    /// Makes a snapshot of parts that are stored: stores the definition, then the manifest, whose put is the commit.
    ///
    /// # Errors
    /// When the name is taken, or the store fails; then there is no such snapshot.
    pub async fn commit(
        &self,
        name: Name,
        created_unix_ms: u64,
        world: WorldId,
        definition: &WorldDefinition,
        cut: &Cut,
        parts: &[StoredPart],
    ) -> Result<Manifest, StoreError> {
        if self.contains(&name).await? {
            let url = self.url.to_string();
            return Err(StoreError::Taken { url, name });
        }
        let label = Label {
            kind: Kind::Definition,
            world,
            index: cut.index.0,
            pod: 0,
        };
        let object = format::seal(label, &envelope::to_bytes(definition));
        let stored = Stored {
            bytes: object.len() as u64,
            checksum: xxh3_128(&object),
        };
        self.put(&self.location(&name, DEFINITION), object).await?;
        let manifest = Manifest::new(name, created_unix_ms, world, cut, stored, parts);
        self.put(&self.location(&manifest.name, MANIFEST), manifest.seal())
            .await?;
        Ok(manifest)
    }

    /// Whether there is a manifest of this name, intact or not.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn contains(&self, name: &Name) -> Result<bool, StoreError> {
        let location = self.location(name, MANIFEST);
        match self.objects.head(&location).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(reason) => Err(self.failed("look for", &location, reason)),
        }
    }

    /// Everything in the store, with every manifest checked.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(&self) -> Result<Listing, StoreError> {
        let root = (!self.root.as_ref().is_empty()).then_some(&self.root);
        let found = self.objects.list_with_delimiter(root).await;
        let folders = match found {
            Ok(found) => found.common_prefixes,
            Err(object_store::Error::NotFound { .. }) => Vec::new(),
            Err(reason) => return Err(self.failed("list", &self.root, reason)),
        };
        // Folders with other names are not ours.
        let names = folders
            .iter()
            .filter_map(|folder| folder.filename()?.parse::<Name>().ok());
        let mut names: Vec<Name> = names.collect();
        names.sort_unstable();
        let manifests = stream::iter(names).map(|name| async {
            let manifest = self.manifest(&name).await;
            (name, manifest)
        });
        let mut manifests = manifests.buffered(OBJECTS_AT_ONCE);
        let mut listing = Listing::default();
        while let Some((name, manifest)) = manifests.next().await {
            match manifest {
                Ok(manifest) => listing.whole.push(manifest),
                Err(SnapshotError::Store(error)) => return Err(error),
                Err(damage) => listing.torn.push((name, damage)),
            }
        }
        listing.whole.sort_by(|a, b| b.age_key().cmp(&a.age_key()));
        Ok(listing)
    }

    /// The manifest of a snapshot.
    ///
    /// # Errors
    /// When there is none that is intact, or the store fails.
    pub async fn manifest(&self, name: &Name) -> Result<Manifest, SnapshotError> {
        let object = self.get(name, MANIFEST, Size::AtMost(MANIFEST_BYTES)).await?;
        Manifest::open(name, &object).map_err(|reason| format_error(name, MANIFEST, reason))
    }

    /// Reads a snapshot: checks every checksum, decodes every part, builds the world, and compares its hash with the manifest's.
    ///
    /// # Errors
    /// When any of it is missing or damaged, or the store fails.
    pub async fn read(&self, manifest: &Manifest) -> Result<SavedWorld, SnapshotError> {
        let name = &manifest.name;
        let object = self.get_stored(manifest, DEFINITION, manifest.definition).await?;
        let content = format::open_as(manifest.label(Kind::Definition, 0), &object);
        let content = content.map_err(|reason| format_error(name, DEFINITION, reason))?;
        let definition: WorldDefinition = envelope::from_bytes("definition", content)
            .map_err(|error| format_error(name, DEFINITION, FormatError::Content(error.to_string())))?;
        let parts = stream::iter(manifest.parts.iter().copied())
            .map(|part| self.read_part(manifest, part))
            .buffered(OBJECTS_AT_ONCE);
        let part = parts
            .try_fold(WorldPart::default(), |mut whole, part| async {
                whole.append(part);
                Ok(whole)
            })
            .await?;
        let cut = manifest.cut();
        let saved = SavedWorld { definition, cut, part };
        let (saved, built) = blocking(move || {
            let built = saved.world().map(drop);
            (saved, built)
        })
        .await;
        built.map_err(|reason| SnapshotError::Saved {
            name: name.clone(),
            reason,
        })?;
        Ok(saved)
    }

    async fn read_part(&self, manifest: &Manifest, part: crate::manifest::Part) -> Result<WorldPart, SnapshotError> {
        let (name, object_name) = (&manifest.name, part_object(part.pod));
        let object = self.get_stored(manifest, &object_name, part.stored()).await?;
        let (label, expected) = (manifest.label(Kind::Part, part.pod), (part.bodies, part.contacts));
        let decoded = blocking(move || {
            let content = format::open_as(label, &object)?;
            let decoded = WorldPart::decode(content).map_err(|error| FormatError::Content(error.to_string()))?;
            let found = (decoded.bodies.len() as u64, decoded.contacts.len() as u64);
            if found != expected {
                let text = format!("it has {found:?} bodies and contacts, the manifest says {expected:?}");
                return Err(FormatError::Content(text));
            }
            Ok(decoded)
        });
        decoded.await.map_err(|reason| format_error(name, &object_name, reason))
    }

    /// The newest snapshot that is whole. Damaged ones are passed over with a warning in the log; none at all is no error.
    ///
    /// # Errors
    /// When there are snapshots but not one that is whole, or the store fails.
    pub async fn newest(&self) -> Result<Option<(Manifest, SavedWorld)>, SnapshotError> {
        let Listing { whole, torn } = self.list().await?;
        for (name, damage) in &torn {
            tracing::warn!(%name, %damage, "this snapshot was never finished or is damaged; it is passed over");
        }
        let had_any = !whole.is_empty();
        for manifest in whole {
            match self.read(&manifest).await {
                Ok(saved) => return Ok(Some((manifest, saved))),
                Err(SnapshotError::Store(error)) => return Err(error.into()),
                Err(damage) => {
                    tracing::warn!(name = %manifest.name, %damage, "this snapshot is damaged; the one before it is tried");
                }
            }
        }
        if had_any {
            let store = self.url.to_string();
            return Err(SnapshotError::None { store });
        }
        Ok(None)
    }

    /// Deletes automatic snapshots but the newest `keep` that have all their objects, and the remains of automatic ones that are older than all of those. Deletes nothing
    /// before it has read the newest one back as a whole. Returns what was deleted.
    ///
    /// # Errors
    /// When the newest one is damaged, or the store fails.
    pub async fn prune(&self, keep: usize) -> Result<Vec<Name>, SnapshotError> {
        let Listing { whole, torn } = self.list().await?;
        let automatic: Vec<&Manifest> = whole.iter().filter(|manifest| manifest.name.is_automatic()).collect();
        let (mut kept, mut surplus): (Vec<&Manifest>, Vec<Name>) = (Vec::new(), Vec::new());
        for manifest in automatic {
            if kept.len() < keep.max(1) {
                // A damaged one counts for nothing, and stays for people to look at while it is among the newest.
                if self.has_all_objects(manifest).await? {
                    kept.push(manifest);
                }
            } else {
                surplus.push(manifest.name.clone());
            }
        }
        let (Some(newest), Some(oldest)) = (kept.first(), kept.last()) else {
            return Ok(Vec::new());
        };
        // A snapshot that is being written just now has a later name.
        let remains = torn.into_iter().map(|(name, _)| name);
        surplus.extend(remains.filter(|name| name.is_automatic() && *name < oldest.name));
        if surplus.is_empty() {
            return Ok(surplus);
        }
        self.read(newest).await?;
        for name in &surplus {
            self.delete(name).await?;
        }
        Ok(surplus)
    }

    /// Whether every object of a snapshot is there with its size.
    async fn has_all_objects(&self, manifest: &Manifest) -> Result<bool, StoreError> {
        let folder = self.root.clone().join(manifest.name.as_str());
        let found = self.objects.list(Some(&folder));
        let found: BTreeMap<String, u64> = found
            .map_ok(|meta| (meta.location.filename().unwrap_or_default().to_owned(), meta.size))
            .try_collect()
            .await
            .map_err(|reason| self.failed("list", &folder, reason))?;
        let parts = manifest.parts.iter().map(|part| (part_object(part.pod), part.bytes));
        let mut objects = parts.chain([(DEFINITION.to_owned(), manifest.definition.bytes)]);
        Ok(objects.all(|(object, bytes)| found.get(&object) == Some(&bytes)))
    }

    /// Deletes a snapshot, its manifest first: what is left of an interrupted deletion is no snapshot.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn delete(&self, name: &Name) -> Result<(), StoreError> {
        let folder = self.root.clone().join(name.as_str());
        let found = self.objects.list(Some(&folder)).map_ok(|meta| meta.location);
        let mut objects: Vec<Path> = found
            .try_collect()
            .await
            .map_err(|reason| self.failed("list", &folder, reason))?;
        objects.sort_by_key(|location| location.filename() != Some(MANIFEST));
        for location in objects {
            match self.objects.delete(&location).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(reason) => return Err(self.failed("delete", &location, reason)),
            }
        }
        Ok(())
    }

    fn location(&self, name: &Name, object: &str) -> Path {
        self.root.clone().join(name.as_str()).join(object)
    }

    async fn put(&self, location: &Path, object: Vec<u8>) -> Result<(), StoreError> {
        let put = self.objects.put(location, object.into()).await;
        put.map(drop).map_err(|reason| self.failed("write", location, reason))
    }

    /// An object that the manifest describes.
    async fn get_stored(&self, manifest: &Manifest, object: &str, stored: Stored) -> Result<Vec<u8>, SnapshotError> {
        let name = &manifest.name;
        let bytes = self.get(name, object, Size::Exactly(stored.bytes)).await?;
        let (bytes, computed) = blocking(move || {
            let computed = xxh3_128(&bytes);
            (bytes, computed)
        })
        .await;
        let found = stored.checksum;
        if computed != found {
            return Err(format_error(name, object, FormatError::Checksum { found, computed }));
        }
        Ok(bytes)
    }

    /// An object's bytes. Its size is looked at before any of them is read.
    async fn get(&self, name: &Name, object: &str, size: Size) -> Result<Vec<u8>, SnapshotError> {
        let location = self.location(name, object);
        let failed = |reason| match reason {
            object_store::Error::NotFound { .. } => SnapshotError::Missing {
                name: name.clone(),
                object: object.to_owned(),
            },
            reason => self.failed("read", &location, reason).into(),
        };
        let found = self.objects.get(&location).await.map_err(failed)?;
        size.check(found.meta.size)
            .map_err(|reason| format_error(name, object, reason))?;
        Ok(found.bytes().await.map_err(failed)?.into())
    }

    fn failed(&self, verb: &'static str, object: &Path, reason: object_store::Error) -> StoreError {
        StoreError::Request {
            url: self.url.to_string(),
            verb,
            object: object.to_string(),
            reason: Box::new(reason),
        }
    }
}

const MANIFEST: &str = "manifest";
const DEFINITION: &str = "definition";

fn part_object(pod: u32) -> String {
    format!("part-{pod}")
}

/// How large an object may be.
#[derive(Clone, Copy)]
enum Size {
    AtMost(u64),
    Exactly(u64),
}

impl Size {
    fn check(self, size: u64) -> Result<(), FormatError> {
        match self {
            Self::AtMost(limit) if size > limit => Err(FormatError::TooLarge { size, limit }),
            Self::Exactly(expected) if size != expected => Err(FormatError::Length { expected, found: size }),
            Self::AtMost(_) | Self::Exactly(_) => Ok(()),
        }
    }
}

fn format_error(name: &Name, object: &str, reason: FormatError) -> SnapshotError {
    SnapshotError::Format {
        name: name.clone(),
        object: object.to_owned(),
        reason,
    }
}

fn count(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |sum, &byte| sum << 8 | u64::from(byte))
}

/// Runs what computes for long on a thread of its own.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
