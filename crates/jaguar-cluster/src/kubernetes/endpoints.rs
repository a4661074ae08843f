//! The pods of the world as the EndpointSlices of its headless service name them.
//!
//! Ready or not makes no difference to who is asked, only to who is asked first: a pod that is not ready may be one that founds, or one that drains and still
//! answers. So the service must publish addresses that are not ready.

use std::collections::BTreeMap;

use futures_util::TryStreamExt;
use jaguar_config::HostPort;
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client};
use tokio::sync::watch;
use tracing::{debug, warn};

use super::Objects;
use crate::channel::reason;

/// The label by which a slice names its service.
const SERVICE_LABEL: &str = "kubernetes.io/service-name";
/// The name of the port for gRPC in a slice.
const PORT_NAME: &str = "grpc";

/// The addresses of all pods of the world, the ready ones first; none before the API server has answered once. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Endpoints {
    service: String,
    addresses: watch::Receiver<Option<Vec<String>>>,
}

impl Endpoints {
    pub(super) fn watch(client: Client, objects: &Objects) -> Self {
        let (sender, addresses) = watch::channel(None);
        let slices = Api::namespaced(client, &objects.namespace);
        let service = objects.service.clone();
        tokio::spawn(follow(slices, service.clone(), objects.grpc_port, sender));
        Self { service, addresses }
    }

    /// The addresses as they are known now.
    pub fn addresses(&self) -> Option<Vec<String>> {
        self.addresses.borrow().clone()
    }

    /// The service whose endpoints these are.
    pub fn service(&self) -> &str {
        &self.service
    }
}

/// Keeps the addresses current for as long as somebody wants to know them.
async fn follow(
    slices: Api<EndpointSlice>,
    service: String,
    default_port: u16,
    addresses: watch::Sender<Option<Vec<String>>>,
) {
    let selected = watcher::Config::default().labels(&format!("{SERVICE_LABEL}={service}"));
    let events = watcher(slices, selected).default_backoff();
    let mut events = std::pin::pin!(events);
    let mut known: BTreeMap<String, EndpointSlice> = BTreeMap::new();
    // A list that is not complete yet, after the watch began anew.
    let mut listed = BTreeMap::new();
    let mut failing = false;
    loop {
        let event = tokio::select! {
            () = addresses.closed() => return,
            event = events.try_next() => event,
        };
        match event {
            Ok(Some(event)) => {
                failing = false;
                if !apply(&mut known, &mut listed, event) {
                    continue;
                }
                let found = found(known.values(), default_port);
                debug!(service, ?found, "the endpoints of the service have changed");
                addresses.send_replace(Some(found));
            }
            Ok(None) => return,
            Err(error) => {
                let reason = reason(&error);
                if failing {
                    debug!(service, reason, "the endpoints still cannot be watched");
                } else {
                    warn!(
                        service,
                        reason, "the endpoints cannot be watched; trying again, with those known so far"
                    );
                }
                failing = true;
            }
        }
    }
}

/// Whether the known slices may have changed.
fn apply(
    known: &mut BTreeMap<String, EndpointSlice>,
    listed: &mut BTreeMap<String, EndpointSlice>,
    event: Event<EndpointSlice>,
) -> bool {
    let name = |slice: &EndpointSlice| slice.metadata.name.clone().unwrap_or_default();
    match event {
        Event::Init => {
            listed.clear();
            false
        }
        Event::InitApply(slice) => {
            listed.insert(name(&slice), slice);
            false
        }
        Event::InitDone => {
            *known = std::mem::take(listed);
            true
        }
        Event::Apply(slice) => {
            known.insert(name(&slice), slice);
            true
        }
        Event::Delete(slice) => known.remove(&name(&slice)).is_some(),
    }
}

/// The addresses in these slices, without repetitions, the ready ones first.
fn found<'a>(slices: impl Iterator<Item = &'a EndpointSlice>, default_port: u16) -> Vec<String> {
    let mut addresses: Vec<(bool, String)> = slices
        .flat_map(|slice| {
            let ports = slice.ports.iter().flatten();
            let named = ports
                .filter(|port| port.name.as_deref() == Some(PORT_NAME))
                .find_map(|port| port.port)
                .and_then(|port| u16::try_from(port).ok());
            let port = named.unwrap_or(default_port);
            slice.endpoints.iter().flatten().flat_map(move |endpoint| {
                let ready = is_ready(endpoint);
                let dialled = move |host: &String| {
                    HostPort {
                        host: host.clone(),
                        port,
                    }
                    .to_string()
                };
                endpoint.addresses.iter().map(move |host| (!ready, dialled(host)))
            })
        })
        .collect();
    addresses.sort_unstable();
    let mut addresses: Vec<String> = addresses.into_iter().map(|(_, address)| address).collect();
    // An endpoint stands in two slices for a moment when it is moved.
    let mut seen = std::collections::BTreeSet::new();
    addresses.retain(|address| seen.insert(address.clone()));
    addresses
}

fn is_ready(endpoint: &Endpoint) -> bool {
    // The API says: unknown is to be taken as ready.
    endpoint
        .conditions
        .as_ref()
        .and_then(|conditions| conditions.ready)
        .unwrap_or(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::discovery::v1::{EndpointConditions, EndpointPort};

    fn slice(name: &str, port: Option<(&str, i32)>, endpoints: &[(&str, Option<bool>)]) -> EndpointSlice {
        let endpoint = |&(address, ready): &(&str, Option<bool>)| Endpoint {
            addresses: vec![address.to_owned()],
            conditions: ready.map(|ready| EndpointConditions {
                ready: Some(ready),
                ..EndpointConditions::default()
            }),
            ..Endpoint::default()
        };
        let mut slice = EndpointSlice {
            endpoints: Some(endpoints.iter().map(endpoint).collect()),
            ports: port.map(|(name, port)| {
                vec![EndpointPort {
                    name: Some(name.to_owned()),
                    port: Some(port),
                    ..EndpointPort::default()
                }]
            }),
            ..EndpointSlice::default()
        };
        slice.metadata.name = Some(name.to_owned());
        slice
    }

    #[test]
    fn every_address_is_found_once_the_ready_ones_first() {
        let slices = [
            slice(
                "a",
                Some(("grpc", 7)),
                &[("10.0.0.9", Some(true)), ("10.0.0.1", Some(false))],
            ),
            slice("b", Some(("grpc", 7)), &[("10.0.0.9", Some(true)), ("10.0.0.5", None)]),
            slice("c", Some(("http", 9090)), &[("fd00::1", Some(true))]),
            slice("d", None, &[]),
        ];
        assert_eq!(
            found(slices.iter(), 50051),
            ["10.0.0.5:7", "10.0.0.9:7", "[fd00::1]:50051", "10.0.0.1:7"]
        );
    }

    #[test]
    fn a_watch_that_begins_anew_forgets_what_is_not_listed_and_only_then() {
        let (mut known, mut listed) = (BTreeMap::new(), BTreeMap::new());
        let a = slice("a", None, &[("10.0.0.1", None)]);
        let b = slice("b", None, &[("10.0.0.2", None)]);
        let changed = [
            Event::Init,
            Event::InitApply(a.clone()),
            Event::InitDone,
            Event::Apply(b.clone()),
        ]
        .map(|event| apply(&mut known, &mut listed, event));
        assert_eq!(changed, [false, false, true, true]);
        assert_eq!(found(known.values(), 1), ["10.0.0.1:1", "10.0.0.2:1"]);
        assert!(!apply(&mut known, &mut listed, Event::Init));
        assert!(!apply(&mut known, &mut listed, Event::InitApply(b.clone())));
        assert_eq!(found(known.values(), 1).len(), 2, "a half list changes nothing");
        assert!(apply(&mut known, &mut listed, Event::InitDone));
        assert_eq!(found(known.values(), 1), ["10.0.0.2:1"]);
        assert!(apply(&mut known, &mut listed, Event::Delete(b)));
        assert!(!apply(&mut known, &mut listed, Event::Delete(a)));
        assert!(found(known.values(), 1).is_empty());
    }
}
