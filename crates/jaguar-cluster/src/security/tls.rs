//! TLS in both directions, from one certificate, its key and one CA.

use std::fmt;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use tonic::transport::{Certificate, ClientTlsConfig, Identity};

use super::certificate;
use crate::limits::CONNECT_TIMEOUT;

/// HTTP/2, the only protocol that gRPC speaks.
const ALPN_H2: &[u8] = b"h2";

/// What is in force for a connection, in either direction.
#[derive(Clone)]
pub struct Tls {
    /// For connections that come in. Certificates of clients are asked for and verified, but not required.
    pub(crate) server: Arc<ServerConfig>,
    /// For connections that go out to peers.
    pub(crate) client: ClientTlsConfig,
    /// The name that makes a peer, in lower case.
    pub(crate) peer_name: String,
    /// When the certificate ends to be valid, in seconds since 1970.
    pub(crate) valid_until: i64,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The rest holds the private key.
        let mut shown = f.debug_struct("Tls");
        shown
            .field("peer_name", &self.peer_name)
            .field("valid_until", &self.valid_until);
        shown.finish_non_exhaustive()
    }
}

/// Certificates, key and CA do not go together; the operator must exchange them.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is not PEM, or not of what it should be.
    #[error("the {what} file is not PEM with a {what}: {reason}")]
    Pem {
        /// What the file is for.
        what: &'static str,
        /// What the parser said.
        reason: rustls::pki_types::pem::Error,
    },
    /// A certificate of the CA cannot be used.
    #[error("the CA's certificate cannot be used: {0}")]
    Ca(rustls::Error),
    /// The CA file holds no certificate that can verify a client.
    #[error("the CA cannot verify clients: {0}")]
    Verifier(#[from] VerifierBuilderError),
    /// The key is not that of the certificate, or of a kind that is not known.
    #[error("the certificate and the key cannot be used together: {0}")]
    Pair(rustls::Error),
    /// `tls_peer_name` is no DNS name.
    #[error("tls_peer_name {0:?} is not a DNS name")]
    PeerName(String),
    /// The certificate is not of the CA, has expired, or lacks the name or the usage.
    #[error("other pods would refuse this pod's certificate as a {side}: {reason}")]
    OwnCertificate {
        /// `server` or `client`.
        side: &'static str,
        /// What the verifier said.
        reason: rustls::Error,
    },
    /// The certificate cannot be read.
    #[error("the certificate cannot be read: {0}")]
    Certificate(#[from] x509_parser::error::X509Error),
}

impl Tls {
    /// Takes PEM, and makes sure that a pod with the same CA would accept this pod, as a server and as a client.
    pub(super) fn new(cert_pem: &[u8], key_pem: &[u8], ca_pem: &[u8], peer_name: &str) -> Result<Self, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let chain = certificates(cert_pem, "certificate")?;
        let key = PrivateKeyDer::from_pem_slice(key_pem).map_err(|reason| TlsError::Pem {
            what: "private key",
            reason,
        })?;
        let mut roots = RootCertStore::empty();
        for certificate in certificates(ca_pem, "CA certificate")? {
            roots.add(certificate).map_err(TlsError::Ca)?;
        }
        let roots = Arc::new(roots);
        let clients = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone())
            .allow_unauthenticated()
            .build()?;
        let servers = WebPkiServerVerifier::builder_with_provider(roots, provider.clone()).build()?;

        let name = ServerName::try_from(peer_name.to_owned()).map_err(|_| TlsError::PeerName(peer_name.to_owned()))?;
        let (own, between) = chain.split_first().ok_or(TlsError::Pem {
            what: "certificate",
            reason: rustls::pki_types::pem::Error::NoItemsFound,
        })?;
        let refused = |side| move |reason| TlsError::OwnCertificate { side, reason };
        let now = UnixTime::now();
        servers
            .verify_server_cert(own, between, &name, &[], now)
            .map_err(refused("server"))?;
        clients
            .verify_client_cert(own, between, now)
            .map_err(refused("client"))?;
        let valid_until = certificate::facts(own)?.valid_until;

        let mut server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Pair)?
            .with_client_cert_verifier(clients)
            .with_single_cert(chain, key)
            .map_err(TlsError::Pair)?;
        server.alpn_protocols = vec![ALPN_H2.to_vec()];
        Ok(Self {
            server: Arc::new(server),
            client: ClientTlsConfig::new()
                .ca_certificate(Certificate::from_pem(ca_pem))
                .identity(Identity::from_pem(cert_pem, key_pem))
                .domain_name(peer_name)
                // A handshake that goes out may take as long as the connection itself.
                .timeout(CONNECT_TIMEOUT),
            peer_name: peer_name.to_ascii_lowercase(),
            valid_until,
        })
    }
}

fn certificates(pem: &[u8], what: &'static str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|reason| TlsError::Pem { what, reason })?;
    if found.is_empty() {
        let reason = rustls::pki_types::pem::Error::NoItemsFound;
        return Err(TlsError::Pem { what, reason });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use rcgen::date_time_ymd;

    use super::*;
    use crate::security::certificates_for_tests::{Authority, key};

    fn tls((cert, key): &(String, String), ca: &Authority) -> Result<Tls, String> {
        let made = Tls::new(cert.as_bytes(), key.as_bytes(), ca.pem().as_bytes(), "jaguar-engine");
        made.map_err(|error| error.to_string())
    }

    #[test]
    fn a_pods_certificate_is_taken_and_its_key_is_not_shown() {
        let ca = Authority::new("ours");
        let own = ca.issue(|params| params.not_after = date_time_ymd(2100, 1, 1));
        let made = tls(&own, &ca).expect("all is as it should be");
        assert_eq!(made.valid_until, 4_102_444_800, "2100-01-01 00:00 UTC, by date(1)");
        assert!(!format!("{made:?}").contains("PRIVATE"), "{made:?}");
    }

    /// Each of these would only be found when a peer refuses the connection, which stops the world.
    #[test]
    fn what_other_pods_would_refuse_is_refused_at_once_in_words() {
        let (ca, other) = (Authority::new("ours"), Authority::new("theirs"));
        let good = ca.issue(|_| {});
        let cases = [
            (
                tls(&good, &other),
                "as a server: invalid peer certificate: UnknownIssuer",
            ),
            (
                tls(&ca.issue(|params| params.not_after = date_time_ymd(2001, 1, 1)), &ca),
                "as a server: invalid peer certificate: certificate expired",
            ),
            (
                tls(
                    &ca.issue(|params| {
                        params.subject_alt_names.remove(0);
                    }),
                    &ca,
                ),
                "certificate not valid for name \"jaguar-engine\"",
            ),
            (
                tls(
                    &ca.issue(|params| {
                        params.extended_key_usages.pop();
                    }),
                    &ca,
                ),
                "as a client: invalid peer certificate: certificate does not allow extended key usage for client",
            ),
            (
                tls(&(good.0.clone(), key().serialize_pem()), &ca),
                "cannot be used together",
            ),
            (
                tls(&(good.1.clone(), good.1.clone()), &ca),
                "the certificate file is not PEM with a certificate",
            ),
            (
                tls(&(good.0.clone(), good.0.clone()), &ca),
                "the private key file is not PEM with a private key",
            ),
            (tls(&(String::new(), good.1.clone()), &ca), "no items found"),
        ];
        for (made, expected) in cases {
            let error = made.expect_err(expected);
            assert!(error.contains(expected), "{error:?} does not say {expected:?}");
        }
    }
}
