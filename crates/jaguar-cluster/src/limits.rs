//! Every bound of the driver, with its reason.

use std::time::Duration;

/// Events that wait for the simulation thread. Packets beyond it are dropped (the protocol repeats them), commands are refused.
pub const EVENTS_WAITING: usize = 16_384;

/// Rays in one request: bounds for how long one keeps the simulation thread from its tick.
pub const RAYS_PER_REQUEST: usize = 10_000;

/// Rays from which on an index over the bodies is built for them. It takes about as long as ten or twenty looks at every body.
pub const RAYS_WITH_INDEX: usize = 16;

/// Events taken between two looks at the timer, so that neither starves the other.
pub const EVENTS_PER_ROUND: usize = 256;

/// Packets that wait for a peer's stream; more are dropped and repeated by the protocol. A tick is a handful.
pub const PACKETS_WAITING: usize = 1_024;

/// Packets that go into one message of a peer's stream.
pub const PACKETS_PER_MESSAGE: usize = 64;

/// Bytes of one message between peers: a packet or a welcome with its definition at most.
pub const PEER_MESSAGE_BYTES: usize = jaguar_migration::limits::PACKET_BYTES + (1 << 20);

/// HTTP/2 flow control window of a stream: two exchanges of a busy border never wait for a window update.
pub const STREAM_WINDOW_BYTES: u32 = 4 << 20;

/// HTTP/2 flow control window of a connection.
pub const CONNECTION_WINDOW_BYTES: u32 = 16 << 20;

/// First wait before a peer is dialled again; doubles up to [`RECONNECT_WAIT_LONGEST`].
pub const RECONNECT_WAIT: Duration = Duration::from_millis(20);

/// Longest wait before a peer is dialled again. Far below `cluster_node_timeout_ms`, so that a short fault of the network costs no pod.
pub const RECONNECT_WAIT_LONGEST: Duration = Duration::from_millis(500);

/// Longest wait for a connection to a peer.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Longest wait for the answer to one join request. The coordinator answers when the join is in the log, a few ticks later.
pub const JOIN_ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// First wait between two rounds of join requests; doubles up to [`JOIN_WAIT_LONGEST`].
pub const JOIN_WAIT: Duration = Duration::from_millis(50);

/// Longest wait between two rounds of join requests.
pub const JOIN_WAIT_LONGEST: Duration = Duration::from_secs(2);

/// Peers that are asked at the same time whether they are members: a hundred that do not answer must not take a hundred times [`CONNECT_TIMEOUT`].
pub const PEERS_ASKED_AT_ONCE: usize = 16;

/// Longest time to try to join or found without a register. An orchestrator starts the process again.
pub const JOIN_PATIENCE: Duration = Duration::from_secs(60);

/// Time for which the lowest address of a name must have been the lowest of the same addresses before it founds: twice the 5 s for which the cluster's DNS caches an answer.
pub const DNS_SETTLE: Duration = Duration::from_secs(10);

/// Time between two log lines that say why a pod still waits for a world.
pub const WAIT_LOGGED_EVERY: Duration = Duration::from_secs(10);

/// Wait of a pod that is not a member between two rounds of looking at the register and asking the peers.
pub const ELECTION_WAIT: Duration = Duration::from_secs(1);

/// First wait after a failed try at the register; the keeper of a record doubles it up to the time between two renewals.
pub const RECORD_RETRY: Duration = Duration::from_millis(250);

/// Longest wait for an answer of the API server. Far below a Lease's duration, so that a lost answer costs one try and not the record.
pub const API_TIMEOUT: Duration = Duration::from_secs(4);

/// Bodies in one message of an answer: some 400 kB, well below the 4 MiB that gRPC clients accept by default.
pub const BODIES_PER_MESSAGE: usize = 4_096;

/// Bodies in one spawn command of a client's stream: keeps an entry short, so that a large stream never stalls the world.
pub const BODIES_PER_COMMAND: usize = 4_096;

/// Times that a read of the whole world is tried again when a pod went past the entry before it was asked.
pub const READ_ATTEMPTS: u32 = 20;

/// Longest wait of a read for its entry.
pub const READ_WAIT: Duration = Duration::from_secs(2);

/// Reads that wait for their entry at one pod.
pub const READS_WAITING: usize = 1_024;

/// Log entries and summaries fetched from the simulation thread at once.
pub const LOG_ITEMS_PER_FETCH: usize = 256;

/// Longest `interval_ms` of a watch.
pub const WATCH_INTERVAL_LONGEST: Duration = Duration::from_secs(60);

/// Most ticks of one `Step`: more than four hours at 60 Hz.
pub const STEP_TICKS: u32 = 1_000_000;

/// Longest name of a pod in a join request, in bytes: that of a DNS name.
pub const NAME_BYTES: usize = 253;

/// Time between two looks whether an automatic snapshot is due.
pub const SNAPSHOT_LOOK: Duration = Duration::from_secs(1);

/// Longest wait for streams to end when the server stops.
pub const SERVER_STOP_WAIT: Duration = Duration::from_secs(1);

/// TLS handshakes under way at a time; when there are more the oldest gives way. Each has some 20 kB of buffers.
pub const HANDSHAKES_IN_FLIGHT: usize = 256;

/// Longest TLS handshake: two round trips across the world and some retransmissions. Below the default of `cluster_node_timeout_ms`.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(3);

/// Connections that wait for the server after their handshake. It takes them at once.
pub const CONNECTIONS_WAITING: usize = 16;

/// Pause after accepting a connection failed, which it does while the process is out of file descriptors.
pub const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Clients that a pod keeps account of at a time, when they are limited; some 300 bytes each.
pub const CLIENTS_KNOWN: usize = 16_384;

/// Silence on a client's connection after which it must answer a ping or is closed, so that clients which have vanished do not hold their streams.
pub const CLIENT_PING: Duration = Duration::from_secs(30);

const _: () = assert!(BODIES_PER_COMMAND <= jaguar_migration::limits::SPAWNS_PER_ENTRY);
const _: () = assert!(RECONNECT_WAIT.as_millis() < RECONNECT_WAIT_LONGEST.as_millis());
const _: () = assert!(DNS_SETTLE.as_secs() * 2 < JOIN_PATIENCE.as_secs());
const _: () = assert!(JOIN_WAIT.as_millis() < JOIN_WAIT_LONGEST.as_millis());

/// How often the lag of a watch is measured while its frame cannot be read.
pub const LAG_INTERVAL: Duration = Duration::from_millis(500);
