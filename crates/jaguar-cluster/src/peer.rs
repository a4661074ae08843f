//! One outgoing gRPC stream to each peer. Packets are taken from a queue as they come and whatever waits goes out in one message; a broken stream is opened
//! again. Loss is allowed everywhere: the protocol's links repeat what was not acknowledged.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use jaguar_migration::id::PodId;
use jaguar_migration::record::Member;
use jaguar_proto::v1;
use jaguar_proto::v1::peer_client::PeerClient;
use rustc_hash::FxHashMap;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::Stream;
use tracing::{debug, info, trace};

use crate::channel;
use crate::limits::{PACKETS_PER_MESSAGE, PACKETS_WAITING, PEER_MESSAGE_BYTES, RECONNECT_WAIT, RECONNECT_WAIT_LONGEST};
use crate::security::Security;

/// The streams to all peers, owned by the simulation thread.
#[derive(Debug)]
pub struct PeerStreams {
    runtime: Handle,
    security: Security,
    queues: FxHashMap<PodId, mpsc::Sender<Vec<u8>>>,
}

impl PeerStreams {
    /// No peers yet; their streams will run on this runtime.
    pub fn new(runtime: Handle, security: Security) -> Self {
        Self {
            runtime,
            security,
            queues: FxHashMap::default(),
        }
    }

    /// Opens the stream to a peer, and keeps it open.
    pub(crate) fn connect(&mut self, member: &Member) {
        let (queue, packets) = mpsc::channel(PACKETS_WAITING);
        self.queues.insert(member.pod, queue);
        self.runtime
            .spawn(keep_open(member.clone(), packets, self.security.clone()));
    }

    /// Closes the stream when what waits has gone out.
    pub(crate) fn disconnect(&mut self, pod: PodId) {
        self.queues.remove(&pod);
    }

    /// Queues a packet; drops it when the queue is full or the peer unknown.
    pub(crate) fn send(&mut self, to: PodId, bytes: Vec<u8>) {
        let sent = self.queues.get(&to).is_some_and(|queue| queue.try_send(bytes).is_ok());
        if !sent {
            trace!(%to, "packet dropped: the peer is not connected or its queue is full");
        }
    }
}

/// Opens the stream again and again until the queue's sender is gone.
async fn keep_open(peer: Member, mut packets: mpsc::Receiver<Vec<u8>>, security: Security) {
    let mut wait = RECONNECT_WAIT;
    loop {
        match open(&peer.address, packets, &security).await {
            Ended::Finished => return,
            Ended::Broken {
                packets: rest,
                reason,
                had_worked,
            } => {
                if rest.is_closed() {
                    return;
                }
                // A peer that has just left looks the same as one that is lost; the protocol knows the difference and says so.
                if had_worked {
                    wait = RECONNECT_WAIT;
                    info!(peer = %peer.pod, address = %peer.address, reason, "the stream to the peer broke; dialling again");
                } else {
                    debug!(peer = %peer.pod, address = %peer.address, reason, "the peer does not answer");
                }
                packets = rest;
            }
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(RECONNECT_WAIT_LONGEST);
    }
}

enum Ended {
    /// The queue was closed and everything in it has been sent.
    Finished,
    /// The connection failed.
    Broken {
        packets: mpsc::Receiver<Vec<u8>>,
        reason: String,
        had_worked: bool,
    },
}

async fn open(address: &str, packets: mpsc::Receiver<Vec<u8>>, security: &Security) -> Ended {
    let connected = match channel::endpoint(address, security.tls().as_deref()) {
        Ok(endpoint) => endpoint.connect().await,
        Err(error) => Err(error),
    };
    let channel = match connected {
        Ok(channel) => channel,
        Err(error) => {
            return Ended::Broken {
                packets,
                reason: channel::reason(&error),
                had_worked: false,
            };
        }
    };
    let (give_back, given_back) = oneshot::channel();
    let stream = PacketStream {
        packets: Some(packets),
        give_back: Some(give_back),
    };
    let outcome = PeerClient::new(channel)
        .max_encoding_message_size(PEER_MESSAGE_BYTES)
        .packets(stream)
        .await;
    let reason = match outcome {
        Ok(_) => "the peer ended the stream".to_owned(),
        Err(status) => status.message().to_owned(),
    };
    match given_back.await {
        Ok(packets) => Ended::Broken {
            packets,
            reason,
            had_worked: true,
        },
        Err(_) => Ended::Finished,
    }
}

/// The queue as a stream of messages, each with all packets that wait. When the stream is dropped before the queue has ended, it gives the queue back, so that the
/// next connection goes on with it.
struct PacketStream {
    packets: Option<mpsc::Receiver<Vec<u8>>>,
    give_back: Option<oneshot::Sender<mpsc::Receiver<Vec<u8>>>>,
}

impl Stream for PacketStream {
    type Item = v1::PacketsRequest;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(queue) = self.packets.as_mut() else {
            return Poll::Ready(None);
        };
        let mut packets = Vec::new();
        if ready!(queue.poll_recv_many(context, &mut packets, PACKETS_PER_MESSAGE)) == 0 {
            self.packets = None;
            return Poll::Ready(None);
        }
        Poll::Ready(Some(v1::PacketsRequest { packets }))
    }
}

impl Drop for PacketStream {
    fn drop(&mut self) {
        if let (Some(packets), Some(give_back)) = (self.packets.take(), self.give_back.take()) {
            // Nobody waits for it any more when the runtime shuts down.
            drop(give_back.send(packets));
        }
    }
}
