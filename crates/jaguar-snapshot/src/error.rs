//! What can be wrong with a snapshot or with the place where it is kept.

use crate::name::Name;

/// Bytes that are not the object that they should be. Never restore them; use another snapshot.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// The object ends early, or goes on after its end: it was torn while it was written, or changed since.
    #[error("{found} bytes where {expected} are due")]
    Length {
        /// Bytes due.
        expected: u64,
        /// Bytes there are.
        found: u64,
    },
    /// Larger than anything that was written.
    #[error("{size} bytes, at most {limit} are allowed")]
    TooLarge {
        /// Size found.
        size: u64,
        /// Size allowed.
        limit: u64,
    },
    /// Not ours.
    #[error("it does not begin with the magic bytes of a Jaguar snapshot")]
    Magic,
    /// Written by another version of Jaguar; use that one to read it.
    #[error("format version {found}, this build reads version {expected}")]
    Version {
        /// The version found.
        found: u16,
        /// The version this build reads.
        expected: u16,
    },
    /// Another kind of object lies at its place, or that of another world, entry or pod.
    #[error("it is {found}, not {expected}")]
    Other {
        /// What it should be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// Damaged.
    #[error("its checksum is {found:032x}, computed {computed:032x}: it is damaged")]
    Checksum {
        /// The checksum stored.
        found: u128,
        /// The checksum of the bytes.
        computed: u128,
    },
    /// Intact, but not a value of its kind: this build is at fault, or the one that wrote it.
    #[error("its content cannot be read: {0}")]
    Content(String),
}

/// A snapshot that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// One of its objects is missing; without its manifest it is torn.
    #[error("snapshot {name} has no {object}")]
    Missing {
        /// The snapshot.
        name: Name,
        /// The object.
        object: String,
    },
    /// One of its objects is not what was written.
    #[error("snapshot {name}: {object}: {reason}")]
    Format {
        /// The snapshot.
        name: Name,
        /// The object.
        object: String,
        /// What is wrong.
        reason: FormatError,
    },
    /// Its objects are intact but do not make the world that was saved.
    #[error("snapshot {name}: {reason}")]
    Saved {
        /// The snapshot.
        name: Name,
        /// What is wrong.
        reason: jaguar_migration::saved::SavedError,
    },
    /// There is no snapshot that could be used.
    #[error("{store} has no whole snapshot")]
    None {
        /// Where was looked.
        store: String,
    },
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl SnapshotError {
    /// Whether the snapshot is damaged, and not only out of reach for now.
    pub fn is_damage(&self) -> bool {
        !matches!(self, Self::Store(_))
    }
}

/// A place for snapshots that does not do its work.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The address is none that is known.
    #[error("snapshot store {url:?}: {reason}; give file:///DIRECTORY or s3://BUCKET/PREFIX")]
    Address {
        /// What was given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The directory cannot be made or opened; check its parent and its permissions.
    #[error("snapshot store {url}: {reason}")]
    Directory {
        /// The store.
        url: String,
        /// The system's reason.
        reason: std::io::Error,
    },
    /// A request failed: check the network, the credentials, the permissions, the space.
    #[error("snapshot store {url}: cannot {verb} {object}: {reason}")]
    Request {
        /// The store.
        url: String,
        /// What was tried.
        verb: &'static str,
        /// With which object.
        object: String,
        /// The store's reason.
        reason: Box<object_store::Error>,
    },
    /// A part is too large for one object; spread the world over more pods.
    #[error("{object} would be {size} bytes, at most {limit} are allowed; spread the world over more pods")]
    TooLarge {
        /// The object.
        object: String,
        /// Its size.
        size: u64,
        /// The size allowed.
        limit: u64,
    },
    /// The name is taken.
    #[error("{url} has a snapshot {name} already; choose another name")]
    Taken {
        /// The store.
        url: String,
        /// The name.
        name: Name,
    },
}
