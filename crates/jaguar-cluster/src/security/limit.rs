//! How much one client may ask of a pod: calls a second, calls at a time, connections.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use jaguar_config::Config;
use jaguar_metrics::Refusal;
use rustc_hash::FxHashMap;

use crate::limits::CLIENTS_KNOWN;

/// Time between two searches for clients that can be forgotten, when there is no room for a new one.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// What one client may ask for; 0 is any number. May change while clients are served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientLimits {
    /// Calls that it may begin in a second.
    pub requests_per_second: u32,
    /// Calls that it may have under way.
    pub streams: u32,
    /// Connections over which it may call.
    pub connections: u32,
}

impl From<&Config> for ClientLimits {
    fn from(config: &Config) -> Self {
        Self {
            requests_per_second: config.client_requests_per_second,
            streams: config.client_streams_limit,
            connections: config.client_connections_limit,
        }
    }
}

/// What a client is known by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ClientName {
    /// The subject of a token.
    Token(String),
    /// A name of a certificate.
    Certificate(String),
    /// Nothing but where it comes from.
    Address(IpAddr),
    /// A prober of health. Apart from the clients at its address, so that a busy one does not make the pod look ill.
    Probe(IpAddr),
}

impl fmt::Display for ClientName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(subject) => write!(f, "subject {subject}"),
            Self::Certificate(name) => write!(f, "certificate {name}"),
            Self::Address(address) => write!(f, "{address}"),
            Self::Probe(address) => write!(f, "prober {address}"),
        }
    }
}

/// A client wants more than it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Exceeded {
    #[error("this client may begin {0} calls a second (client_requests_per_second)")]
    Rate(u32),
    #[error("this client may have {0} calls and streams under way (client_streams_limit)")]
    Streams(u32),
    #[error("this client may call over {0} connections (client_connections_limit)")]
    Connections(u32),
    #[error("this pod keeps account of {CLIENTS_KNOWN} clients at a time; try again in a moment, or another pod")]
    Clients,
}

impl Exceeded {
    /// As it is counted.
    pub(crate) fn refusal(self) -> Refusal {
        match self {
            Self::Rate(_) => Refusal::Rate,
            Self::Streams(_) => Refusal::Streams,
            Self::Connections(_) => Refusal::Connections,
            Self::Clients => Refusal::Clients,
        }
    }
}

/// A token bucket that holds the calls of one second.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    calls: f64,
    filled: Instant,
}

impl Bucket {
    fn full(per_second: u32, now: Instant) -> Self {
        Self {
            calls: per_second.into(),
            filled: now,
        }
    }

    fn fill(&mut self, per_second: u32, now: Instant) {
        let passed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.calls = (self.calls + passed * f64::from(per_second)).min(per_second.into());
        self.filled = now;
    }
}

#[derive(Clone, Copy, Debug)]
struct Client {
    bucket: Bucket,
    calls: u32,
    connections: u32,
}

/// The account of the clients. A client is forgotten when it has nothing here and a full bucket, which is as if it were new.
#[derive(Debug, Default)]
struct Account {
    clients: FxHashMap<ClientName, Client>,
    swept: Option<Instant>,
}

impl Account {
    /// Takes note of a call, and of the connection that it is the first on.
    fn begin(
        &mut self,
        name: &ClientName,
        is_first_on_connection: bool,
        limits: ClientLimits,
        now: Instant,
    ) -> Result<(), Exceeded> {
        let rate = limits.requests_per_second;
        if !self.clients.contains_key(name) {
            self.make_room(rate, now)?;
        }
        let client = self.clients.entry(name.clone()).or_insert_with(|| Client {
            bucket: Bucket::full(rate, now),
            calls: 0,
            connections: 0,
        });
        client.bucket.fill(rate, now);
        if rate > 0 && client.bucket.calls < 1.0 {
            return Err(Exceeded::Rate(rate));
        }
        if limits.streams > 0 && client.calls >= limits.streams {
            return Err(Exceeded::Streams(limits.streams));
        }
        if is_first_on_connection && limits.connections > 0 && client.connections >= limits.connections {
            return Err(Exceeded::Connections(limits.connections));
        }
        if rate > 0 {
            client.bucket.calls -= 1.0;
        }
        client.calls += 1;
        client.connections += u32::from(is_first_on_connection);
        Ok(())
    }

    fn make_room(&mut self, rate: u32, now: Instant) -> Result<(), Exceeded> {
        if self.clients.len() < CLIENTS_KNOWN {
            return Ok(());
        }
        // Not at each call: then those that are refused would cost the most.
        if self
            .swept
            .is_none_or(|swept| now.saturating_duration_since(swept) >= SWEEP_INTERVAL)
        {
            self.swept = Some(now);
            self.clients.retain(|_, client| {
                client.bucket.fill(rate, now);
                client.calls > 0 || client.connections > 0 || client.bucket.calls < f64::from(rate)
            });
        }
        if self.clients.len() < CLIENTS_KNOWN {
            Ok(())
        } else {
            Err(Exceeded::Clients)
        }
    }
}

/// The account of the clients of a pod. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clients(Arc<Mutex<Account>>);

impl Clients {
    /// Lets a call begin, or says what is exceeded. The call is under way until what is returned is dropped. Costs nothing when there is no limit.
    pub(crate) fn begin(
        &self,
        name: &ClientName,
        connection: &OnceLock<Place>,
        limits: ClientLimits,
        now: Instant,
    ) -> Result<Option<Call>, Exceeded> {
        if limits == ClientLimits::default() {
            return Ok(None);
        }
        let mut account = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Looked at and set under the lock, so that two calls at once on a new connection count it once.
        let is_first_on_connection = connection.get().is_none();
        account.begin(name, is_first_on_connection, limits, now)?;
        let holding = Holding {
            clients: self.clone(),
            name: name.clone(),
        };
        if is_first_on_connection {
            // It was empty, and is only set here.
            drop(connection.set(Place(holding.clone())));
        }
        Ok(Some(Call(holding)))
    }

    fn end(&self, name: &ClientName, end: impl FnOnce(&mut Client)) {
        let mut account = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = account.clients.get_mut(name) {
            end(client);
        }
    }
}

#[derive(Clone, Debug)]
struct Holding {
    clients: Clients,
    name: ClientName,
}

/// A call that is under way.
#[derive(Debug)]
pub(crate) struct Call(Holding);

impl Drop for Call {
    fn drop(&mut self) {
        self.0.clients.end(&self.0.name, |client| client.calls -= 1);
    }
}

/// The place of a connection in the account of the client that first called over it.
#[derive(Debug)]
pub(crate) struct Place(Holding);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.clients.end(&self.0.name, |client| client.connections -= 1);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn name(number: u32) -> ClientName {
        ClientName::Address(IpAddr::V4(Ipv4Addr::from_bits(number)))
    }

    fn limits(requests_per_second: u32, streams: u32, connections: u32) -> ClientLimits {
        ClientLimits {
            requests_per_second,
            streams,
            connections,
        }
    }

    #[test]
    fn calls_of_a_second_can_be_saved_up_and_come_back_at_the_rate() {
        let (clients, connection, start) = (Clients::default(), OnceLock::new(), Instant::now());
        let call = |ms| {
            clients
                .begin(
                    &name(1),
                    &connection,
                    limits(10, 0, 0),
                    start + Duration::from_millis(ms),
                )
                .map(drop)
        };
        for _ in 0..10 {
            assert_eq!(call(0), Ok(()));
        }
        assert_eq!(call(0), Err(Exceeded::Rate(10)));
        assert_eq!(call(99), Err(Exceeded::Rate(10)), "a refused call costs nothing");
        assert_eq!(call(101), Ok(()));
        assert_eq!(call(102), Err(Exceeded::Rate(10)));
        for _ in 0..10 {
            assert_eq!(call(60_000), Ok(()), "not more than one second is saved up");
        }
        assert_eq!(call(60_000), Err(Exceeded::Rate(10)));
        let other = clients.begin(&name(2), &connection, limits(10, 0, 0), start);
        assert!(other.is_ok(), "each client has its own");
    }

    #[test]
    fn a_call_counts_until_it_is_dropped() {
        let (clients, connection, now) = (Clients::default(), OnceLock::new(), Instant::now());
        let call = || clients.begin(&name(1), &connection, limits(0, 2, 0), now);
        let first = call().expect("one of two");
        let _second = call().expect("two of two");
        assert_eq!(call().map(drop), Err(Exceeded::Streams(2)));
        drop(first);
        assert!(call().is_ok());
    }

    #[test]
    fn a_connection_counts_once_until_it_is_dropped() {
        let (clients, now) = (Clients::default(), Instant::now());
        let call = |connection: &OnceLock<Place>| clients.begin(&name(1), connection, limits(0, 0, 1), now).map(drop);
        let (first, second) = (OnceLock::new(), OnceLock::new());
        assert_eq!(call(&first), Ok(()));
        assert_eq!(call(&first), Ok(()), "it is counted already");
        assert_eq!(call(&second), Err(Exceeded::Connections(1)));
        drop(first);
        assert_eq!(call(&second), Ok(()));
    }

    #[test]
    fn without_limits_no_account_is_kept() {
        let (clients, connection) = (Clients::default(), OnceLock::new());
        let call = clients.begin(&name(1), &connection, ClientLimits::default(), Instant::now());
        assert!(matches!(call, Ok(None)));
        assert!(clients.0.lock().expect("nothing panicked").clients.is_empty() && connection.get().is_none());
    }

    #[test]
    fn the_account_is_bounded_and_forgets_only_clients_that_have_nothing_here() {
        let mut account = Account::default();
        let (start, limits) = (Instant::now(), limits(1, 0, 0));
        for number in 0..CLIENTS_KNOWN as u32 {
            account
                .begin(&name(number), false, limits, start)
                .expect("there is room");
        }
        let newcomer = name(u32::MAX);
        let begin = |account: &mut Account, after_ms| {
            account.begin(&newcomer, false, limits, start + Duration::from_millis(after_ms))
        };
        assert_eq!(begin(&mut account, 100), Err(Exceeded::Clients));
        for (_, client) in account.clients.iter_mut().take(CLIENTS_KNOWN / 2) {
            client.calls = 0;
        }
        assert_eq!(
            begin(&mut account, 1050),
            Err(Exceeded::Clients),
            "the next look is not due yet"
        );
        assert_eq!(begin(&mut account, 1200), Ok(()));
        assert_eq!(account.clients.len(), CLIENTS_KNOWN / 2 + 1, "those that call stay");
    }
}
