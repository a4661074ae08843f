//! Every bound of a snapshot, with its reason.

use std::time::Duration;

/// Bytes of a manifest: some 200 a part, and a world has a thousand pods at the most.
pub const MANIFEST_BYTES: u64 = 4 << 20;

/// Bytes of a definition: that of the protocol's values.
pub const DEFINITION_BYTES: u64 = jaguar_migration::limits::VALUE_BYTES as u64;

/// Bytes of one pod's part: 20 million bodies in a dense pile, and below the 5 GiB that S3 takes in one put.
pub const PART_BYTES: u64 = 4 << 30;

/// Parts that are read or written at once.
pub const OBJECTS_AT_ONCE: usize = 4;

/// Longest time that one request to a store may take, with its retries.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(120);

/// Bytes of a snapshot's name: that of a DNS label, so that it fits into every store and into Kubernetes labels.
pub const NAME_BYTES: usize = 63;
