//! Peers by DNS.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use jaguar_config::HostPort;
use tokio::net::lookup_host;

/// Turns `host:port` into addresses. Cheap to clone.
#[derive(Clone)]
pub struct Resolver(Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync>);

impl Resolver {
    /// The machine's.
    pub fn system() -> Self {
        Self(Arc::new(|name| {
            Box::pin(async move { Ok(lookup_host(name).await?.collect()) })
        }))
    }

    /// One that answers as this function does.
    pub fn from_fn(answer: impl Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static) -> Self {
        Self(Arc::new(move |name| {
            let answer = answer(&name);
            Box::pin(async move { answer })
        }))
    }
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Resolver")
    }
}

/// A name does not resolve; the service may not have endpoints yet.
#[derive(Debug, thiserror::Error)]
#[error("{name} does not resolve: {reason}")]
pub struct Unresolved {
    /// The name and port.
    name: String,
    /// What the resolver said.
    reason: io::Error,
}

/// Every address that the names resolve to, `host:port`, without repetitions. One name that resolves is enough.
///
/// # Errors
/// When no name resolves.
pub async fn resolve_all(resolver: &Resolver, names: &[HostPort]) -> Result<Vec<String>, Unresolved> {
    let mut addresses = Vec::new();
    let mut failure = None;
    for name in names.iter().map(ToString::to_string) {
        match (resolver.0)(name.clone()).await {
            Ok(found) => addresses.extend(found.iter().map(ToString::to_string)),
            Err(reason) => failure = Some(Unresolved { name, reason }),
        }
    }
    addresses.sort_unstable();
    addresses.dedup();
    match failure {
        Some(error) if addresses.is_empty() => Err(error),
        _ => Ok(addresses),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> HostPort {
        text.parse().expect("a test's address is host:port")
    }

    #[tokio::test]
    async fn a_name_becomes_all_its_addresses_once() {
        let names = [name("127.0.0.1:7000"), name("127.0.0.1:7000"), name("127.0.0.2:7000")];
        let addresses = resolve_all(&Resolver::system(), &names)
            .await
            .expect("numbers need no resolver");
        assert_eq!(addresses, ["127.0.0.1:7000", "127.0.0.2:7000"]);
    }

    #[tokio::test]
    async fn one_name_that_resolves_is_enough() {
        let names = [name("no-such-host.invalid:1"), name("127.0.0.1:1")];
        let system = Resolver::system();
        assert_eq!(
            resolve_all(&system, &names).await.expect("one resolves"),
            ["127.0.0.1:1"]
        );
        let error = resolve_all(&system, &names[..1])
            .await
            .expect_err("the name is reserved for never resolving");
        assert!(
            error.to_string().starts_with("no-such-host.invalid:1 does not resolve"),
            "{error}"
        );
    }
}
