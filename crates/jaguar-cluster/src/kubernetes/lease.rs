//! A Lease as the register of [`crate::election`]: compare-and-swap on its resourceVersion.
//!
//! The times in a Lease are the holder's wall clock, for people and for other tools; nothing here reads them.

use std::collections::BTreeMap;
use std::time::Duration;

use jaguar_migration::id::WorldId;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use kube::api::{Api, PostParams};
use kube::{Client, Error};
use tokio::time::timeout;
use tracing::warn;

use super::Objects;
use crate::channel::reason;
use crate::election::{Record, Seen, Version, Written};
use crate::limits::API_TIMEOUT;

/// Where peers dial the holder. A Lease has no field for it.
const ADDRESS: &str = "jaguar.dev/address";
/// The world that the holder coordinates.
const WORLD: &str = "jaguar.dev/world";

/// Reads and writes one Lease.
pub(crate) struct LeaseRegister {
    leases: Api<Lease>,
    name: String,
    duration: Duration,
    /// The Lease as it was read or written last: what others have put on it stays.
    last: Option<Lease>,
    /// Whether the last call had no answer; only the first in a row is a warning.
    silent: bool,
}

impl LeaseRegister {
    pub(super) fn new(client: Client, objects: &Objects) -> Self {
        Self {
            leases: Api::namespaced(client, &objects.namespace),
            name: objects.lease.clone(),
            duration: objects.lease_duration,
            last: None,
            silent: false,
        }
    }

    /// What the Lease says; nothing when there is no answer.
    pub(crate) async fn read(&mut self) -> Option<Seen> {
        match timeout(API_TIMEOUT, self.leases.get_opt(&self.name)).await {
            Ok(Ok(lease)) => {
                self.silent = false;
                let seen = lease.as_ref().map_or(Seen::Absent, |lease| self.seen(lease));
                self.last = lease;
                Some(seen)
            }
            Ok(Err(error)) => self.no_answer(&reason(&error)),
            Err(_) => self.no_answer(&format!("no answer within {API_TIMEOUT:?}")),
        }
    }

    /// Writes a record over a version that was read or written here, or creates the Lease.
    pub(crate) async fn write(&mut self, record: &Record, over: Option<&Version>) -> Written {
        let lease = self.compose(record, over);
        let parameters = PostParams::default();
        let call = async {
            match over {
                None => self.leases.create(&parameters, &lease).await,
                Some(_) => self.leases.replace(&self.name, &parameters, &lease).await,
            }
        };
        match timeout(API_TIMEOUT, call).await {
            Ok(Ok(lease)) => {
                self.silent = false;
                let version = version(&lease);
                self.last = Some(lease);
                Written::Won(version)
            }
            Ok(Err(Error::Api(status)))
                if status.is_conflict() || status.is_already_exists() || status.is_not_found() =>
            {
                self.silent = false;
                Written::Lost
            }
            Ok(Err(error)) => {
                let _: Option<()> = self.no_answer(&reason(&error));
                Written::Unknown
            }
            Err(_) => {
                let _: Option<()> = self.no_answer(&format!("no answer within {API_TIMEOUT:?}"));
                Written::Unknown
            }
        }
    }

    fn no_answer<T>(&mut self, reason: &str) -> Option<T> {
        if self.silent {
            tracing::debug!(lease = self.name, reason, "the Lease still cannot be read or written");
        } else {
            warn!(
                lease = self.name,
                reason, "the Lease cannot be read or written; trying again, and a world that runs goes on"
            );
        }
        self.silent = true;
        None
    }

    fn seen(&self, lease: &Lease) -> Seen {
        let annotation = |key: &str| lease.metadata.annotations.as_ref().and_then(|all| all.get(key));
        let spec = lease.spec.as_ref();
        let seconds = spec.and_then(|spec| spec.lease_duration_seconds);
        let seconds = seconds.and_then(|seconds| u64::try_from(seconds).ok());
        Seen::Present {
            version: version(lease),
            record: Record {
                holder: spec.and_then(|spec| spec.holder_identity.clone()).unwrap_or_default(),
                address: annotation(ADDRESS).cloned().unwrap_or_default(),
                world: annotation(WORLD).and_then(|text| text.parse::<WorldId>().ok()),
                duration: seconds.map_or(self.duration, Duration::from_secs),
            },
        }
    }

    /// The Lease that says `record`, made from the one that it replaces.
    fn compose(&self, record: &Record, over: Option<&Version>) -> Lease {
        let now = MicroTime(Timestamp::now());
        let before = self.last.clone().filter(|_| over.is_some());
        let Lease { mut metadata, spec } = before.unwrap_or_else(|| Lease {
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                labels: Some(BTreeMap::from([("app".to_owned(), "jaguar-engine".to_owned())])),
                ..ObjectMeta::default()
            },
            spec: None,
        });
        metadata.resource_version = over.map(|version| version.0.clone());
        metadata.managed_fields = None;
        let annotations = metadata.annotations.get_or_insert_default();
        annotations.insert(ADDRESS.to_owned(), record.address.clone());
        if let Some(world) = record.world {
            annotations.insert(WORLD.to_owned(), world.to_string());
        }
        let existed = spec.is_some();
        let before = spec.unwrap_or_default();
        let stays = before.holder_identity.as_deref() == Some(&record.holder);
        let transitions = before.lease_transitions.unwrap_or(0) + i32::from(existed && !stays);
        Lease {
            metadata,
            spec: Some(LeaseSpec {
                holder_identity: Some(record.holder.clone()),
                lease_duration_seconds: Some(i32::try_from(record.duration.as_secs()).unwrap_or(i32::MAX)),
                acquire_time: before.acquire_time.clone().filter(|_| stays).or(Some(now.clone())),
                renew_time: Some(now),
                lease_transitions: Some(transitions),
                ..before
            }),
        }
    }
}

fn version(lease: &Lease) -> Version {
    Version(lease.metadata.resource_version.clone().unwrap_or_default())
}
