//! Connections that come in: plain, or through a TLS handshake that is bounded in time and number.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use jaguar_metrics::{Metrics, Refusal};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Connected;

use super::Security;
use super::certificate::{self, Names};
use super::limit::Place;
use super::tls::Tls;
use crate::limits::{ACCEPT_RETRY, CONNECTIONS_WAITING, HANDSHAKE_TIMEOUT, HANDSHAKES_IN_FLIGHT};

/// A connection, and who is at its other end.
#[derive(Debug)]
pub(crate) struct Accepted {
    stream: Transport,
    caller: Arc<Connection>,
}

#[derive(Debug)]
enum Transport {
    Plain(TcpStream),
    // Some kB of state, in a type that moves.
    Tls(Box<TlsStream<TcpStream>>),
}

/// What is known of a connection.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Where it comes from.
    pub(crate) address: IpAddr,
    /// Whom its certificate names, if it showed one.
    pub(crate) certificate: Option<Names>,
    /// Whether the certificate is a pod's.
    pub(crate) is_peer: bool,
    /// Its place in the account of the client that first called over it, when connections are limited.
    pub(crate) place: OnceLock<Place>,
}

impl Connection {
    pub(crate) fn new(address: IpAddr, certificate: Option<Names>, is_peer: bool) -> Self {
        Self {
            address,
            certificate,
            is_peer,
            place: OnceLock::new(),
        }
    }
}

/// The connections that come in, each after its handshake. Ends with the listener; stops listening when dropped.
pub(crate) fn incoming(
    listener: TcpListener,
    security: Security,
    metrics: Arc<Metrics>,
) -> ReceiverStream<io::Result<Accepted>> {
    let (ready, connections) = mpsc::channel(CONNECTIONS_WAITING);
    tokio::spawn(listen(listener, security, metrics, ready));
    ReceiverStream::new(connections)
}

async fn listen(
    listener: TcpListener,
    security: Security,
    metrics: Arc<Metrics>,
    ready: mpsc::Sender<io::Result<Accepted>>,
) {
    let mut handshakes = Handshakes::default();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = ready.closed() => return,
        };
        let (stream, address) = match accepted.and_then(|(stream, address)| {
            stream.set_nodelay(true)?;
            Ok((stream, address))
        }) {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, or the client has gone already.
                tracing::warn!(%error, "cannot accept a gRPC connection");
                sleep(ACCEPT_RETRY).await;
                continue;
            }
        };
        match security.tls() {
            None => {
                let plain = Accepted {
                    stream: Transport::Plain(stream),
                    caller: Arc::new(Connection::new(address.ip(), None, false)),
                };
                if ready.send(Ok(plain)).await.is_err() {
                    return;
                }
            }
            Some(tls) => {
                let evicted = handshakes.begin(shake(stream, address, tls, ready.clone(), metrics.clone()));
                if evicted {
                    metrics.client_refusals(Refusal::Handshake).increment(1);
                }
            }
        }
    }
}

/// The handshakes that are under way. When there are too many the oldest gives way, so that connections which say nothing keep no one out: one that means it
/// needs two round trips.
#[derive(Debug, Default)]
struct Handshakes(VecDeque<AbortHandle>);

impl Handshakes {
    /// Begins one; says whether an older one had to give way.
    fn begin(&mut self, handshake: impl Future<Output = ()> + Send + 'static) -> bool {
        if self.0.len() >= HANDSHAKES_IN_FLIGHT {
            self.0.retain(|handshake| !handshake.is_finished());
        }
        let oldest = if self.0.len() >= HANDSHAKES_IN_FLIGHT {
            self.0.pop_front()
        } else {
            None
        };
        if let Some(oldest) = &oldest {
            oldest.abort();
        }
        self.0.push_back(tokio::spawn(handshake).abort_handle());
        oldest.is_some()
    }
}

async fn shake(
    stream: TcpStream,
    address: SocketAddr,
    tls: Arc<Tls>,
    ready: mpsc::Sender<io::Result<Accepted>>,
    metrics: Arc<Metrics>,
) {
    let handshake = TlsAcceptor::from(tls.server.clone()).accept(stream);
    let outcome = match timeout(HANDSHAKE_TIMEOUT, handshake).await {
        Ok(Ok(stream)) => connection(&stream, address.ip(), &tls).map(|caller| (stream, caller)),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("not complete after {HANDSHAKE_TIMEOUT:?}")),
    };
    match outcome {
        Ok((stream, caller)) => {
            let accepted = Accepted {
                stream: Transport::Tls(Box::new(stream)),
                caller: Arc::new(caller),
            };
            // The server may have stopped meanwhile.
            drop(ready.send(Ok(accepted)).await);
        }
        Err(reason) => {
            metrics.client_refusals(Refusal::Handshake).increment(1);
            tracing::debug!(%address, reason, "TLS handshake refused");
        }
    }
}

/// Reads the certificate that the handshake has verified.
fn connection(stream: &TlsStream<TcpStream>, address: IpAddr, tls: &Tls) -> Result<Connection, String> {
    let (_, session) = stream.get_ref();
    let certificate = session
        .peer_certificates()
        .and_then(<[_]>::first)
        .map(certificate::facts)
        .transpose()
        .map_err(|error| format!("the certificate cannot be read: {error}"))?
        .map(|facts| facts.names);
    let is_peer = certificate
        .as_ref()
        .is_some_and(|names| names.dns.contains(&tls.peer_name));
    Ok(Connection::new(address, certificate, is_peer))
}

impl Connected for Accepted {
    type ConnectInfo = Arc<Connection>;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.caller.clone()
    }
}

impl AsyncRead for Accepted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Transport::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Transport::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Accepted {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Transport::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Transport::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Transport::Plain(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            Transport::Tls(stream) => Pin::new(stream).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Transport::Plain(stream) => stream.is_write_vectored(),
            Transport::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Transport::Plain(stream) => Pin::new(stream).poll_flush(context),
            Transport::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Transport::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Transport::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    #[tokio::test]
    async fn when_too_many_handshakes_are_under_way_the_oldest_gives_way() {
        let mut handshakes = Handshakes::default();
        let (first, ended) = mpsc::channel::<()>(1);
        let mut ended = ended;
        handshakes.begin(async move {
            let _held = first;
            pending::<()>().await;
        });
        for _ in 1..HANDSHAKES_IN_FLIGHT {
            assert!(!handshakes.begin(pending()), "there is room");
        }
        assert!(handshakes.begin(pending()), "the oldest gives way");
        assert_eq!(ended.recv().await, None, "it was the first");
        assert_eq!(handshakes.0.len(), HANDSHAKES_IN_FLIGHT);
    }

    #[tokio::test]
    async fn handshakes_that_are_over_take_no_room() {
        let mut handshakes = Handshakes::default();
        for _ in 0..HANDSHAKES_IN_FLIGHT {
            let (done, ended) = tokio::sync::oneshot::channel();
            handshakes.begin(async move { done.send(()).expect("the test waits") });
            ended.await.expect("it runs");
        }
        // The last may have said so just before it ended.
        while !handshakes.0.iter().all(AbortHandle::is_finished) {
            tokio::task::yield_now().await;
        }
        assert!(!handshakes.begin(pending()));
        assert_eq!(handshakes.0.len(), 1);
    }
}
