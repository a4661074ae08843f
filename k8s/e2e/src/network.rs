//! Hosts of one's own: a network namespace for every pod, all on one bridge in the namespace that this program runs in.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::command::{run, run_with_input};

/// The address of everything that is not a pod: control plane, Prometheus, adapter, and this program when it probes.
pub(crate) const HUB: Ipv4Addr = Ipv4Addr::new(10, 244, 0, 1);

/// The Service `default/kubernetes`, the first address of the service range. It is simply a second address of the hub, so that no kube-proxy is needed to reach it.
pub(crate) const KUBERNETES_SERVICE: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 1);

const BRIDGE: &str = "pods";

/// Bits that pods and hub have in common.
const PREFIX: u32 = 16;

/// Pods get addresses from the hub's plus this on.
const FIRST_POD: u32 = 0x100;

/// The bridge and what is plugged into it.
#[derive(Debug)]
pub(crate) struct Network {
    /// What the names of the namespaces begin with: the name of the hub's.
    hub: String,
    hosts: AtomicU32,
}

/// A namespace with one address.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    /// Its name below /run/netns.
    pub(crate) namespace: String,
    /// Its address.
    pub(crate) address: Ipv4Addr,
}

impl Network {
    /// Makes the bridge. `hub` is the name of the namespace that this process is in.
    pub(crate) async fn set_up(hub: String) -> anyhow::Result<Self> {
        let script = format!(
            "link set lo up\n\
             link add {BRIDGE} type bridge\n\
             address add {HUB}/{PREFIX} dev {BRIDGE}\n\
             address add {KUBERNETES_SERVICE}/32 dev {BRIDGE}\n\
             link set {BRIDGE} up\n"
        );
        run_with_input("ip", ["-batch", "-"], &script).await?;
        Ok(Self {
            hub,
            hosts: AtomicU32::new(0),
        })
    }

    /// Makes a host with an address that none had before.
    pub(crate) async fn host(&self) -> anyhow::Result<Host> {
        let number = self.hosts.fetch_add(1, Ordering::Relaxed);
        let host = Host {
            namespace: format!("{}-{number}", self.hub),
            address: Ipv4Addr::from_bits(HUB.to_bits() - 1 + FIRST_POD + number),
        };
        let (namespace, address) = (&host.namespace, host.address);
        let outside = format!(
            "netns add {namespace}\n\
             link add pod{number} type veth peer name eth0 netns {namespace}\n\
             link set pod{number} master {BRIDGE}\n\
             link set pod{number} up\n"
        );
        let inside = format!(
            "link set lo up\n\
             address add {address}/{PREFIX} dev eth0\n\
             link set eth0 up\n\
             route add default via {HUB}\n"
        );
        run_with_input("ip", ["-batch", "-"], &outside).await?;
        run_with_input("ip", ["-netns", namespace, "-batch", "-"], &inside).await?;
        Ok(host)
    }

    /// Removes a host and its cable.
    pub(crate) async fn remove(&self, host: &Host) -> anyhow::Result<()> {
        run("ip", ["netns", "delete", &host.namespace]).await.map(drop)
    }
}
