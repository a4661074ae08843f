//! gRPC channels to peers: one way to dial, and a cache of open ones for reads.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jaguar_proto::v1::peer_client::PeerClient;
use rustc_hash::FxHashMap;
use tonic::transport::{Channel, Endpoint};

use crate::limits::{CONNECT_TIMEOUT, CONNECTION_WINDOW_BYTES, PEER_MESSAGE_BYTES, STREAM_WINDOW_BYTES};
use crate::security::{Security, Tls};

/// Time between two signs of life on an idle connection.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// How `host:port` is dialled, with the certificates that are in force.
pub(crate) fn endpoint(address: &str, tls: Option<&Tls>) -> Result<Endpoint, tonic::transport::Error> {
    let scheme = if tls.is_some() { "https" } else { "http" };
    let endpoint = Endpoint::from_shared(format!("{scheme}://{address}"))?
        .tcp_nodelay(true)
        .connect_timeout(CONNECT_TIMEOUT)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .http2_keep_alive_interval(KEEP_ALIVE);
    match tls {
        Some(tls) => endpoint.tls_config(tls.client.clone()),
        None => Ok(endpoint),
    }
}

/// An error with its causes: tonic's own message is only 'transport error'.
pub(crate) fn reason(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Whether somebody answered and the two did not come to terms over TLS: another CA, another name, no TLS there. Whoever it is may be a member.
pub(crate) fn is_tls_refusal(error: &(dyn Error + 'static)) -> bool {
    let mut causes = std::iter::successors(Some(error), |error: &&(dyn Error + 'static)| (*error).source());
    causes.any(|error| {
        // What is inside an I/O error is not among its sources.
        let inside = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        error.is::<rustls::Error>() || matches!(inside, Some(inside) if inside.is::<rustls::Error>())
    })
}

/// Channels for reads, by address. Connections are made at the first call and again when they break. They are apart from the packet streams, so that a large
/// read never delays a packet.
#[derive(Clone, Debug)]
pub(crate) struct Channels {
    security: Security,
    open: Arc<Mutex<FxHashMap<String, Open>>>,
}

/// A channel, and the certificates that it connects with.
#[derive(Debug)]
struct Open {
    channel: Channel,
    tls: Option<Arc<Tls>>,
}

impl Channels {
    /// None open yet.
    pub(crate) fn new(security: Security) -> Self {
        Self {
            security,
            open: Arc::default(),
        }
    }

    /// A client of the peer at this address.
    pub(crate) fn peer(&self, address: &str) -> Result<PeerClient<Channel>, tonic::transport::Error> {
        // Nothing in here panics, and a map of channels has no state to be broken halfway.
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let tls = self.security.tls();
        // A channel with old certificates works until it breaks, and then would never connect again.
        let usable = |open: &&Open| open.tls.as_ref().map(Arc::as_ptr) == tls.as_ref().map(Arc::as_ptr);
        let channel = match open.get(address).filter(usable) {
            Some(open) => open.channel.clone(),
            None => {
                let channel = endpoint(address, tls.as_deref())?.connect_lazy();
                let made = Open {
                    channel: channel.clone(),
                    tls,
                };
                open.insert(address.to_owned(), made);
                channel
            }
        };
        Ok(PeerClient::new(channel)
            .max_decoding_message_size(PEER_MESSAGE_BYTES)
            .max_encoding_message_size(PEER_MESSAGE_BYTES))
    }

    /// Closes the channels to addresses that are no member's.
    pub(crate) fn keep_only(&self, is_member: impl Fn(&str) -> bool) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|address, _| is_member(address));
    }
}
