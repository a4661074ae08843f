//! The table of keys. A key is added by adding a row here; run the tests with `UPDATE_EXPECT=1` to bring docs/configuration.md up to date.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use crate::key::{Allowed, Key, settings};
use crate::value::{CertificateRoles, Discovery, HostPort, LogFormat, LogLevel};

settings! {
    /// Everything a pod can be told from outside, one field per key.
    struct Config, rows POD_ROWS, at config => config;

    /// The keys of the autoscaler.
    group autoscale: Autoscale;

    section "World" {
        /// File that describes the world this pod founds. Empty: an empty world. A pod that joins gets the world from its peers and ignores this key.
        scenario: Option<PathBuf> = None, Allowed::Path, AtRestart;

        /// Substeps of the solver in a tick, for a world that is founded without a scenario; a scenario says its own.
        physics_substeps: u32 = 4, Allowed::Whole { min: 1, max: 64, unit: "" }, AtRestart;

        /// Edge of a tile, for a world that is founded without a scenario; a scenario says its own. Every dynamic body's bounding diameter must be smaller.
        tile_size: f64 = 16.0, Allowed::Real { min: 0.25, max: 4096.0, unit: "m" }, AtRestart;

        /// Acceleration of every body, for a world that is founded without a scenario; a scenario says its own.
        gravity: [f64; 3] = [0.0, -9.81, 0.0], Allowed::Vector { limit: 1000.0, unit: "m/s²" }, AtRestart;

        /// Upper bound of the broad phase's cell edge; 0 leaves the choice to the bodies. Changes speed, never a result.
        spatial_hash_cell_size: f64 = 10.0, Allowed::Real { min: 0.0, max: 4096.0, unit: "m" }, AtRestart;

        /// Most entities in the world. A spawn beyond it is refused with RESOURCE_EXHAUSTED.
        entity_hard_limit: u32 = 1_000_000, Allowed::Whole { min: 1, max: 1_000_000_000, unit: "entities" }, Agreed;
    }

    section "Pace" {
        /// Ticks a second at which the world advances while every pod keeps up; when one cannot, the world slows down as a whole. 0: as fast as the pods can. A world founded without a scenario simulates 1 / rate seconds in a tick, fixed when it is founded.
        target_tick_rate: u32 = 60, Allowed::Whole { min: 0, max: 1000, unit: "Hz" }, Agreed;

        /// Tick rate below which something is wrong: exported as jaguar_simulation_min_tick_rate, with which the alert compares the tick rate. No more than target_tick_rate, or the alert always fires.
        min_tick_rate: u32 = 30, Allowed::Whole { min: 0, max: 1000, unit: "Hz" }, AtOnce;

        /// Threads that simulate. 0: as many as the cgroup's CPU limit allows, rounded down, and at least one. Changes speed, never a result.
        physics_thread_pool_size: u32 = 0, Allowed::Whole { min: 0, max: 1024, unit: "threads" }, AtRestart;
    }

    section "Resources" {
        /// CPU that the scheduler reserves for this pod, exported as jaguar_cpu_request_cores; on Kubernetes from the downward API. 0: not known, not exported.
        cpu_request_millicores: u32 = 0, Allowed::Whole { min: 0, max: 1_000_000, unit: "thousandths of a CPU" }, AtRestart;

        /// Memory that the scheduler reserves for this pod, exported as jaguar_memory_request_bytes; on Kubernetes from the downward API. 0: not known, not exported.
        memory_request_bytes: u64 = 0, Allowed::Bytes, AtRestart;
    }

    section "Network" {
        /// Address on which gRPC and HTTP listen.
        bind_address: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED), Allowed::Address, AtRestart;

        /// Port of gRPC, for clients and peers.
        grpc_port: u16 = 50051, Allowed::Port, AtRestart;

        /// Port of HTTP: /metrics, /health/live, /health/ready and /health/startup.
        metrics_port: u16 = 9090, Allowed::Port, AtRestart;

        /// Where peers dial this pod; without a port, grpc_port. Empty: bind_address, or pod_name when that is a wildcard.
        advertise_address: String = String::new(), Allowed::Host, AtRestart;
    }

    section "Security" {
        /// Whether the gRPC port speaks TLS, to clients and between pods; plaintext is refused then. Needs tls_cert_file, tls_key_file and tls_ca_file, whose contents are read again when they change.
        tls_enabled: bool = false, Allowed::Flag, AtRestart;

        /// PEM file with this pod's certificate and those between it and the CA. It must carry tls_peer_name as a DNS name, allow server and client authentication, and carry the names that clients dial.
        tls_cert_file: Option<PathBuf> = None, Allowed::Path, AtRestart;

        /// PEM file with the private key of the certificate.
        tls_key_file: Option<PathBuf> = None, Allowed::Path, AtRestart;

        /// PEM file with the CA certificates that sign pods and those clients that have certificates.
        tls_ca_file: Option<PathBuf> = None, Allowed::Path, AtRestart;

        /// DNS name by which pods recognise each other, whatever address they dial: who has a certificate of the CA with this name is a peer. Every pod carries it, no client may.
        tls_peer_name: String = "jaguar-engine".to_owned(), Allowed::Name, AtRestart;

        /// File with the secret that signs clients' tokens (JWT, HS256), at least 32 bytes; line ends at its end do not count. Read again when it changes, like the next two. With one of the three, or with auth_certificate_roles, clients must say who they are.
        auth_jwt_hs256_secret_file: Option<PathBuf> = None, Allowed::Path, AtRestart;

        /// PEM file with the RSA public key that clients' tokens (JWT, RS256) are verified with.
        auth_jwt_rs256_public_key_file: Option<PathBuf> = None, Allowed::Path, AtRestart;

        /// File with the public keys (JWKS: RS256, ES256, EdDSA) that clients' tokens are verified with; a token names its key (kid) unless there is only one.
        auth_jwks_file: Option<PathBuf> = None, Allowed::Path, AtRestart;

        /// Issuer (iss) that every token must have. Empty: any.
        auth_jwt_issuer: String = String::new(), Allowed::Text, AtRestart;

        /// Audience (aud) that every token must be for. Empty: any, and a token for another service is as good as one for this.
        auth_jwt_audience: String = String::new(), Allowed::Text, AtRestart;

        /// Claims that carry the roles read, write and admin, comma-separated; the first that a token has counts. Its value is a string or a list of them; a.b is b inside a.
        auth_jwt_role_claim: String = "role,roles".to_owned(), Allowed::Text, AtRestart;

        /// Roles of clients with a certificate of the CA, by a name that it carries (DNS, URI, e-mail, common name); * is every name.
        auth_certificate_roles: CertificateRoles = CertificateRoles::default(), Allowed::CertificateRoles, AtRestart;

        /// Calls a second that one client may begin at this pod; it may save up those of one second. 0: any number. A client is the subject of a token, the name of a certificate, or else an address; pods are not limited.
        client_requests_per_second: u32 = 0, Allowed::Whole { min: 0, max: 1_000_000, unit: "1/s" }, AtOnce;

        /// Calls that one client may have under way at this pod, streams included. 0: any number.
        client_streams_limit: u32 = 0, Allowed::Whole { min: 0, max: 1_000_000, unit: "" }, AtOnce;

        /// Connections over which one client may call this pod. 0: any number.
        client_connections_limit: u32 = 0, Allowed::Whole { min: 0, max: 1_000_000, unit: "" }, AtOnce;
    }

    section "Cluster" {
        /// Name of this pod in logs, status and metrics. Empty: the host name.
        pod_name: String = String::new(), Allowed::Name, AtRestart;

        /// How a pod finds its world. static: it joins through the hosts of cluster_peers, or founds a world when there are none. dns: the same for every address that they resolve to, asked for anew at every attempt; when none of them is a member, the lowest address founds. kubernetes: through the EndpointSlices of kubernetes_service; kubernetes_lease decides who founds.
        cluster_discovery_method: Discovery = Discovery::Static, Allowed::Choice { names: &["static", "dns", "kubernetes"], note: "" }, AtRestart;

        /// Pods to join through; one that answers is enough. Empty: with static, found a new world; with dns, kubernetes_service and grpc_port.
        cluster_peers: Vec<HostPort> = Vec::new(), Allowed::HostPorts, AtRestart;

        /// Namespace of the objects of Kubernetes, with cluster_discovery_method kubernetes. Empty: the service account's.
        kubernetes_namespace: String = String::new(), Allowed::Label { required: false }, AtRestart;

        /// Headless service whose endpoints are the pods of the world. It must publish addresses that are not ready, so that pods find each other before they are members.
        kubernetes_service: String = "jaguar-engine-headless".to_owned(), Allowed::Label { required: true }, AtRestart;

        /// Lease that records which pod coordinates which world. Whoever writes it when it is free founds.
        kubernetes_lease: String = "jaguar-engine-coordinator".to_owned(), Allowed::Label { required: true }, AtRestart;

        /// Time for which a pod must have seen the Lease unchanged, by its own clock, before it takes it from a holder that is gone. The holder renews it three times as often. A short outage of the API server within it goes unnoticed; a longer one does not disturb the world.
        kubernetes_lease_duration_seconds: u32 = 15, Allowed::Whole { min: 1, max: 3600, unit: "s" }, AtRestart;

        /// Time between signs of life on a stream to a peer.
        cluster_heartbeat_interval_ms: u32 = 1000, Allowed::Whole { min: 10, max: 60_000, unit: "ms" }, AtRestart;

        /// Silence after which a peer counts as lost; at least twice cluster_heartbeat_interval_ms.
        cluster_node_timeout_ms: u32 = 5000, Allowed::Whole { min: 20, max: 600_000, unit: "ms" }, AtRestart;
    }

    section "Migration" {
        /// Whether load moves between pods to balance it. Joins and drains move entities in any case.
        entity_migration_enabled: bool = true, Allowed::Flag, Agreed;

        /// Most entities that one pod hands over to another in a tick for the sake of balance.
        entity_migration_batch_size: u32 = 100, Allowed::Whole { min: 1, max: 1_000_000, unit: "entities" }, Agreed;

        /// Most borders between pods that move in the same tick.
        max_concurrent_migrations: u32 = 5, Allowed::Whole { min: 1, max: 1000, unit: "" }, Agreed;

        /// Longest time a pod that leaves may take to hand over what it owns.
        migration_timeout_seconds: u32 = 30, Allowed::Whole { min: 1, max: 3600, unit: "s" }, AtRestart;
    }

    section "Snapshots" {
        /// Where snapshots of the world are kept: a directory that all pods share, or a bucket; S3 takes the usual AWS_* variables. One world a place. Empty: none are taken.
        snapshot_store: String = String::new(), Allowed::Store, AtRestart;

        /// Time between automatic snapshots, taken by the pod that coordinates. 0: none.
        snapshot_interval_minutes: u32 = 0, Allowed::Whole { min: 0, max: 10_080, unit: "minutes" }, AtOnce;

        /// Automatic snapshots that are kept; older ones are deleted when a newer one is whole. Those with a name of their own stay.
        snapshot_retention: u32 = 24, Allowed::Whole { min: 1, max: 10_000, unit: "snapshots" }, AtOnce;

        /// What a pod that founds a world starts it from: newest, or a snapshot's name. Newest passes over damaged ones, and founds from the scenario when there is none at all. Empty: from the scenario.
        snapshot_restore: String = String::new(), Allowed::Name, AtRestart;
    }

    section "Streams to clients" {
        /// Time between frames of a watched region.
        state_sync_interval_ms: u32 = 100, Allowed::Whole { min: 1, max: 60_000, unit: "ms" }, AtOnce;

        /// Whether frames are compressed with gzip for clients that accept it.
        state_compression_enabled: bool = false, Allowed::Flag, AtOnce;

        /// Whether a frame holds only what changed since the one before; otherwise every frame is complete.
        delta_encoding_enabled: bool = true, Allowed::Flag, AtOnce;
    }

    section "Traces" {
        /// Collector that gets traces by OTLP over gRPC (`http://collector:4317`). Empty: no traces are made, which costs nothing.
        otlp_endpoint: String = String::new(), Allowed::HttpEndpoint, AtRestart;

        /// Share of the ticks that are traced; all pods trace the same ones. Joins, drains and halts are always traced.
        otlp_sample_ratio: f64 = 0.01, Allowed::Real { min: 0.0, max: 1.0, unit: "" }, AtRestart;
    }

    section "Logs and checks" {
        /// Least severe message that is logged.
        log_level: LogLevel = LogLevel::Info, Allowed::Choice { names: &["error", "warn", "info", "debug", "trace"], note: "" }, AtOnce;

        /// How log lines look.
        log_format: LogFormat = LogFormat::Text, Allowed::Choice { names: &["text", "json"], note: "" }, AtRestart;

        /// Ticks for which a pod keeps the states of its bodies, so that `jaguarctl verify` can show the first one that differs. Costs memory; for tests.
        history_ticks: u32 = 0, Allowed::Whole { min: 0, max: 1_000_000, unit: "ticks" }, AtRestart;
    }
}

settings! {
    /// When pods are added and removed. A pod exports the thresholds, which the rules that feed the HPA compare with; `jaguarctl up` reads all of them when it starts.
    struct Autoscale, rows AUTOSCALE_ROWS, at config => config.autoscale;

    section "Autoscaler" {
        /// Entities a pod on average above which pods are added.
        entity_scale_up_threshold: u32 = 7000, Allowed::Whole { min: 1, max: 1_000_000_000, unit: "entities" }, AtOnce;

        /// Entities a pod on average that must be undercut before pods are removed.
        entity_scale_down_threshold: u32 = 2000, Allowed::Whole { min: 0, max: 1_000_000_000, unit: "entities" }, AtOnce;

        /// CPU use of a pod's share above which pods are added.
        cpu_scale_up_threshold: u32 = 70, Allowed::Whole { min: 1, max: 1000, unit: "%" }, AtOnce;

        /// CPU use of a pod's share that must be undercut before pods are removed.
        cpu_scale_down_threshold: u32 = 30, Allowed::Whole { min: 0, max: 1000, unit: "%" }, AtOnce;

        /// Memory use of a pod's share above which pods are added.
        memory_scale_up_threshold: u32 = 75, Allowed::Whole { min: 1, max: 1000, unit: "%" }, AtOnce;

        /// Memory use of a pod's share that must be undercut before pods are removed.
        memory_scale_down_threshold: u32 = 40, Allowed::Whole { min: 0, max: 1000, unit: "%" }, AtOnce;

        /// Time over which the smallest wish counts when pods are added; for `jaguarctl up`, while the HPA has its own.
        scale_up_cooldown_seconds: u32 = 30, Allowed::Whole { min: 0, max: 3600, unit: "s" }, AtRestart;

        /// Time over which the largest wish counts when pods are removed; for `jaguarctl up`, while the HPA has its own.
        scale_down_cooldown_seconds: u32 = 300, Allowed::Whole { min: 0, max: 3600, unit: "s" }, AtRestart;
    }
}

/// All keys, in the order of the reference.
pub fn keys() -> impl Iterator<Item = &'static Key> {
    POD_ROWS.iter().chain(AUTOSCALE_ROWS)
}

impl Config {
    /// Where peers dial this pod, which listens for gRPC on `grpc_port` (the actual one, when the system chose it).
    #[must_use]
    pub fn advertised(&self, grpc_port: u16) -> HostPort {
        if let Ok(complete) = self.advertise_address.parse() {
            return complete;
        }
        let host = if !self.advertise_address.is_empty() {
            self.advertise_address.clone()
        } else if self.bind_address.is_unspecified() {
            self.pod_name.clone()
        } else {
            self.bind_address.to_string()
        };
        HostPort { host, port: grpc_port }
    }
}
