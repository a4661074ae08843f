//! Peers by DNS.

use jaguar_config::HostPort;
use tokio::net::lookup_host;

use super::DiscoveryError;

/// Every address that the names resolve to. One name that resolves is enough.
pub(super) async fn resolve_all(names: &[HostPort]) -> Result<Vec<String>, DiscoveryError> {
    let mut addresses = Vec::new();
    let mut failure = None;
    for name in names {
        match lookup_host(name.to_string()).await {
            Ok(found) => addresses.extend(found.map(|address| address.to_string())),
            Err(reason) => {
                failure = Some(DiscoveryError::Resolve {
                    name: name.to_string(),
                    reason,
                });
            }
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
        let addresses = resolve_all(&names).await.expect("numbers need no resolver");
        assert_eq!(addresses, ["127.0.0.1:7000", "127.0.0.2:7000"]);
    }

    #[tokio::test]
    async fn one_name_that_resolves_is_enough() {
        let names = [name("no-such-host.invalid:1"), name("127.0.0.1:1")];
        assert_eq!(resolve_all(&names).await.expect("one resolves"), ["127.0.0.1:1"]);
        let error = resolve_all(&names[..1])
            .await
            .expect_err("the name is reserved for never resolving");
        assert!(
            error.to_string().starts_with("no-such-host.invalid:1 does not resolve"),
            "{error}"
        );
    }
}
