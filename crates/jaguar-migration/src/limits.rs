//! Every bound of the protocol, with its reason, and the relations between them.

use std::time::Duration;

/// Entries sealed ahead of the last one that the whole world has executed. Enough that no pod waits for the coordinator's round trip; small, so that a command takes effect soon.
pub const ENTRIES_AHEAD: u64 = 4;

/// Tick periods by which an entry is sealed before its time, so that a coordinator that is busy with its own tick holds up nobody.
pub const TICKS_SEALED_EARLY: u32 = 1;

/// Tick periods that the world may try to make up after a stall. More is given up: simulated time gives way.
pub const TICKS_CAUGHT_UP: u32 = 4;

/// Entries and summaries that a pod keeps for observers. One hour at 60 Hz.
pub const LOG_RETAINED_ENTRIES: usize = 216_000;

/// Bodies in one entry's client spawns: keeps an entry's message below some 3 MB and the entry's execution short.
pub const SPAWNS_PER_ENTRY: usize = 20_000;

/// Joints that clients may add up to, for each body that the world may hold: so they are bounded as bodies are. A lattice in space has three a body, or six with its diagonals.
pub const JOINTS_PER_ENTITY: u64 = 8;

/// Commands that wait at the coordinator; more are refused.
pub const COMMANDS_WAITING: usize = 100_000;

/// Members of a world.
pub const MEMBERS: usize = 1_000;

/// Bytes of one packet: bounds what a peer can make us allocate.
pub const PACKET_BYTES: usize = 256 << 20;

/// Bytes of one encoded value outside packets (a welcome with its definition, an entry).
pub const VALUE_BYTES: usize = 1 << 30;

/// Messages received ahead of a gap that a link keeps.
pub const MESSAGES_AHEAD: u64 = 4_096;

/// Bytes of unacknowledged messages that one retransmission repeats, at most (and always at least one message).
pub const RETRANSMIT_BYTES: usize = 1 << 20;

/// First wait before a retransmission; doubles up to [`RETRANSMIT_WAIT_LONGEST`].
pub const RETRANSMIT_WAIT: Duration = Duration::from_millis(200);

/// Longest wait before a retransmission.
pub const RETRANSMIT_WAIT_LONGEST: Duration = Duration::from_millis(1_600);

/// Longest time that a received message stays unacknowledged when nothing goes the other way.
pub const ACKNOWLEDGE_WAIT: Duration = Duration::from_millis(50);

/// Entries between two reports of tile loads, while no map changes.
pub const LOADS_EVERY_ENTRIES: u64 = 4;

const _: () = assert!(SPAWNS_PER_ENTRY * 128 < PACKET_BYTES);
const _: () = assert!(ACKNOWLEDGE_WAIT.as_millis() * 2 < RETRANSMIT_WAIT.as_millis());
const _: () = assert!(RETRANSMIT_WAIT.as_millis() < RETRANSMIT_WAIT_LONGEST.as_millis());
const _: () = assert!(ENTRIES_AHEAD < MESSAGES_AHEAD);
