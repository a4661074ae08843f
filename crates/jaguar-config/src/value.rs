//! The types that a key's value can have, each read from text and shown as text.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::path::PathBuf;
use std::str::FromStr;

use crate::key::Allowed;

/// The value of a key: text in, text out.
pub(crate) trait Value {
    /// Takes the value that `text` stands for. Returns false and changes nothing when `text` is not within `allowed`.
    #[must_use]
    fn set(&mut self, text: &str, allowed: &Allowed) -> bool;

    /// The value as text; `set` reads it back.
    fn show(&self) -> String;
}

/// Puts `value` into `slot`, if there is one.
fn store<T>(slot: &mut T, value: Option<T>) -> bool {
    value.map(|value| *slot = value).is_some()
}

impl Value for bool {
    fn set(&mut self, text: &str, _: &Allowed) -> bool {
        store(self, text.parse().ok())
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for u32 {
    fn set(&mut self, text: &str, allowed: &Allowed) -> bool {
        let within = |value: &Self| matches!(allowed, Allowed::Whole { min, max, .. } if (min..=max).contains(&value));
        store(self, text.parse().ok().filter(within))
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for u64 {
    fn set(&mut self, text: &str, _: &Allowed) -> bool {
        store(self, text.parse().ok())
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for u16 {
    fn set(&mut self, text: &str, _: &Allowed) -> bool {
        store(self, text.parse().ok())
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for f64 {
    fn set(&mut self, text: &str, allowed: &Allowed) -> bool {
        // NaN is in no range.
        let within = |value: &Self| matches!(allowed, Allowed::Real { min, max, .. } if (min..=max).contains(&value));
        store(self, text.parse().ok().filter(within))
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for [f64; 3] {
    fn set(&mut self, text: &str, allowed: &Allowed) -> bool {
        let within = |value: &f64| matches!(allowed, Allowed::Vector { limit, .. } if value.abs() <= *limit);
        let components: Option<Vec<f64>> = text
            .split(',')
            .map(|part| part.trim().parse().ok().filter(within))
            .collect();
        store(self, components.and_then(|components| components.try_into().ok()))
    }

    fn show(&self) -> String {
        let [x, y, z] = self;
        format!("{x},{y},{z}")
    }
}

impl Value for IpAddr {
    fn set(&mut self, text: &str, _: &Allowed) -> bool {
        store(self, text.parse().ok())
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for String {
    fn set(&mut self, text: &str, allowed: &Allowed) -> bool {
        let valid = match allowed {
            Allowed::Host => text.is_empty() || is_host(text) || HostPort::from_str(text).is_ok(),
            Allowed::Label { required } => is_label(text, *required),
            Allowed::Text => text.len() <= MAX_TEXT_LENGTH && !text.chars().any(char::is_control),
            Allowed::HttpEndpoint => text.is_empty() || is_http_endpoint(text),
            Allowed::Name => text.len() <= MAX_NAME_LENGTH && text.chars().all(is_name_character),
            Allowed::Store => text.is_empty() || is_store(text),
            _ => false,
        };
        store(self, valid.then(|| text.to_owned()))
    }

    fn show(&self) -> String {
        self.clone()
    }
}

impl Value for Option<PathBuf> {
    fn set(&mut self, text: &str, _: &Allowed) -> bool {
        // A NUL can be in no path.
        let path = (!text.is_empty()).then(|| PathBuf::from(text));
        store(self, (!text.contains('\0')).then_some(path))
    }

    fn show(&self) -> String {
        self.as_ref().map(|path| path.display().to_string()).unwrap_or_default()
    }
}

impl Value for Vec<HostPort> {
    fn set(&mut self, text: &str, _: &Allowed) -> bool {
        if text.is_empty() {
            self.clear();
            return true;
        }
        store(self, text.split(',').map(|part| part.trim().parse().ok()).collect())
    }

    fn show(&self) -> String {
        self.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
    }
}

/// Longest text, in bytes.
const MAX_TEXT_LENGTH: usize = 1024;

/// Longest name of a host or pod, as in DNS.
const MAX_NAME_LENGTH: usize = 253;

pub(crate) fn is_name_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_')
}

/// A name of RFC 1123, as those of Kubernetes' objects.
fn is_label(text: &str, required: bool) -> bool {
    let lower = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let inside = text.chars().all(|c| lower(c) || c == '-' || c == '.');
    let ends = text.starts_with(lower) && text.ends_with(lower);
    (text.is_empty() && !required) || (text.len() <= MAX_NAME_LENGTH && inside && ends)
}

fn is_store(text: &str) -> bool {
    let bucket = |place: &str| !place.is_empty() && !place.starts_with('/');
    text.starts_with("file:///") || text.strip_prefix("s3://").is_some_and(bucket)
}

fn is_host(text: &str) -> bool {
    let named = !text.is_empty() && text.len() <= MAX_NAME_LENGTH && text.chars().all(is_name_character);
    named || text.parse::<Ipv6Addr>().is_ok()
}

fn is_http_endpoint(text: &str) -> bool {
    text.strip_prefix("http://")
        .is_some_and(|address| HostPort::from_str(address.trim_end_matches('/')).is_ok())
}

/// Where a peer listens: `host:port`, with an IPv6 address in brackets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostPort {
    /// A DNS name, or an IP address without brackets.
    pub host: String,
    /// The port, 1 to 65535.
    pub port: u16,
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') {
            write!(f, "[{host}]:{port}")
        } else {
            write!(f, "{host}:{port}")
        }
    }
}

/// A text is not `host:port`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected host:port with a port from 1 to 65535, and an IPv6 address in brackets")]
pub struct NotHostPort;

impl FromStr for HostPort {
    type Err = NotHostPort;

    fn from_str(text: &str) -> Result<Self, NotHostPort> {
        let (host, port) = text.rsplit_once(':').ok_or(NotHostPort)?;
        let port = port.parse().ok().filter(|port| *port != 0).ok_or(NotHostPort)?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let valid = match bare {
            Some(address) => address.parse::<Ipv6Addr>().is_ok(),
            None => !host.contains(':') && is_host(host),
        };
        let host = bare.unwrap_or(host).to_owned();
        if valid {
            Ok(Self { host, port })
        } else {
            Err(NotHostPort)
        }
    }
}

/// A value that is one of a few words.
trait Named: Copy + PartialEq + 'static {
    /// Each word and what it stands for.
    const NAMES: &'static [(&'static str, Self)];

    /// The word of this value.
    fn name(self) -> &'static str {
        Self::NAMES
            .iter()
            .find(|(_, value)| *value == self)
            .map_or("", |(name, _)| name)
    }
}

impl<T: Named> Value for T {
    fn set(&mut self, text: &str, _: &Allowed) -> bool {
        store(
            self,
            T::NAMES.iter().find(|(name, _)| *name == text).map(|(_, value)| *value),
        )
    }

    fn show(&self) -> String {
        self.name().to_owned()
    }
}

/// The least severe message that is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Something failed that an operator must look at.
    Error,
    /// Something is wrong and the pod goes on.
    Warn,
    /// What a pod did: joined, drained, reloaded.
    Info,
    /// Decisions.
    Debug,
    /// Every message.
    Trace,
}

impl Named for LogLevel {
    const NAMES: &'static [(&'static str, Self)] = &[
        ("error", Self::Error),
        ("warn", Self::Warn),
        ("info", Self::Info),
        ("debug", Self::Debug),
        ("trace", Self::Trace),
    ];
}

impl LogLevel {
    /// The word for it, which is also a directive of `tracing_subscriber`'s filter.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.name()
    }
}

/// What a client may do; each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// See the world.
    Read,
    /// Change bodies.
    Write,
    /// Change the world's pace, its pods and its snapshots.
    Admin,
}

impl Named for Role {
    const NAMES: &'static [(&'static str, Self)] =
        &[("read", Self::Read), ("write", Self::Write), ("admin", Self::Admin)];
}

impl Role {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.name()
    }

    /// The role of this word, if it is one.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::NAMES
            .iter()
            .find(|(name, _)| *name == word)
            .map(|(_, role)| *role)
    }
}

/// The roles of certificates, by a name that they carry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateRoles(Vec<(String, Role)>);

impl CertificateRoles {
    /// Whether no certificate has a role.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The highest role that one of these names has.
    pub fn of<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Option<Role> {
        let of_name = |name: &str| {
            let matches = self.0.iter().filter(|(pattern, _)| pattern == "*" || pattern == name);
            matches.map(|(_, role)| *role).max()
        };
        names.into_iter().filter_map(of_name).max()
    }
}

impl Value for CertificateRoles {
    fn set(&mut self, text: &str, _: &Allowed) -> bool {
        if text.is_empty() {
            self.0.clear();
            return true;
        }
        // A URI may hold '='; a role does not.
        let pair = |part: &str| {
            let (name, role) = part.rsplit_once('=')?;
            let name = name.trim();
            let valid = !name.is_empty() && !name.chars().any(char::is_control);
            Some((valid.then(|| name.to_owned())?, Role::named(role.trim())?))
        };
        let pairs: Option<Vec<_>> = text.split(',').map(pair).collect();
        store(&mut self.0, pairs)
    }

    fn show(&self) -> String {
        let pairs: Vec<String> = self
            .0
            .iter()
            .map(|(name, role)| format!("{name}={}", role.name()))
            .collect();
        pairs.join(",")
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for machines.
    Json,
}

impl Named for LogFormat {
    const NAMES: &'static [(&'static str, Self)] = &[("text", Self::Text), ("json", Self::Json)];
}

/// How a pod finds the world it joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discovery {
    /// The hosts of `cluster_peers`, each dialled as it stands.
    Static,
    /// Every address that the names in `cluster_peers` resolve to, as for a headless service.
    Dns,
    /// The EndpointSlices of the service `kubernetes_service`, and a Lease that says who founds.
    Kubernetes,
}

impl Named for Discovery {
    const NAMES: &'static [(&'static str, Self)] = &[
        ("static", Self::Static),
        ("dns", Self::Dns),
        ("kubernetes", Self::Kubernetes),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_a_host_and_a_port() {
        for valid in ["a:1", "jaguar-0.jaguar:50051", "127.0.0.1:65535", "[::1]:9"] {
            assert_eq!(valid.parse::<HostPort>().unwrap().to_string(), valid);
        }
        for invalid in [
            "",
            "a",
            ":1",
            "a:0",
            "a:65536",
            "a:b",
            "::1:9",
            "[::1]",
            "[a]:1",
            "a b:1",
            "http://a:1",
        ] {
            assert_eq!(invalid.parse::<HostPort>(), Err(NotHostPort), "{invalid:?}");
        }
    }

    #[test]
    fn a_certificate_has_the_highest_role_of_its_names() {
        let mut roles = CertificateRoles::default();
        let text = "spiffe://a/b?c=d=read, alice=admin ,*=read,bob=write";
        assert!(roles.set(text, &Allowed::CertificateRoles));
        assert_eq!(roles.show(), "spiffe://a/b?c=d=read,alice=admin,*=read,bob=write");
        assert_eq!(roles.of(["bob"]), Some(Role::Write));
        assert_eq!(roles.of(["bob", "alice"]), Some(Role::Admin));
        assert_eq!(roles.of(["eve"]), Some(Role::Read));
        assert_eq!(roles.of([]), None);
        for invalid in ["alice", "alice=", "=read", "alice=root", "alice=read,", "alice=Read"] {
            assert!(!roles.set(invalid, &Allowed::CertificateRoles), "{invalid:?}");
        }
        assert!(roles.set("", &Allowed::CertificateRoles) && roles.is_empty());
        assert_eq!(roles.of(["alice"]), None);
    }

    #[test]
    fn a_collector_is_named_with_scheme_and_port() {
        let mut endpoint = String::new();
        for valid in [
            "http://localhost:4317",
            "http://[::1]:4317",
            "http://otel.monitoring:4317/",
            "",
        ] {
            assert!(endpoint.set(valid, &Allowed::HttpEndpoint), "{valid:?}");
            assert_eq!(endpoint, valid);
        }
        for invalid in [
            "localhost:4317",
            "https://localhost:4317",
            "http://localhost",
            "http://a:1/v1/traces",
        ] {
            assert!(!endpoint.set(invalid, &Allowed::HttpEndpoint), "{invalid:?}");
        }
    }

    #[test]
    fn a_vector_has_three_finite_components() {
        let allowed = Allowed::Vector {
            limit: 1000.0,
            unit: "m/s²",
        };
        let mut gravity = [1.0; 3];
        assert!(gravity.set("0, -9.81 ,1e2", &allowed));
        assert_eq!(gravity, [0.0, -9.81, 100.0]);
        for invalid in ["", "1", "1,2", "1,2,3,4", "1,2,x", "1,2,NaN", "1,2,inf", "1,2,1001"] {
            assert!(!gravity.set(invalid, &allowed), "{invalid:?}");
        }
        assert_eq!(gravity, [0.0, -9.81, 100.0], "a refused text changes nothing");
    }
}
