//! Who may do what: TLS for clients and between pods, who a client is, its role, and how much it may ask for.
//!
//! One port serves clients and peers. With TLS, a peer is who shows a certificate of the CA that carries `tls_peer_name`; only peers may call the `Peer`
//! service. A client is known by a token or by its certificate when the configuration asks for one, and each method needs a role (`role.rs`, the one table).
//! Without TLS nobody is known, and whoever reaches the port may do everything: the daemon says so when it starts.
//!
//! Nothing here is on the path of a packet or of a tick: a connection is checked when it is made, a call when it begins.

pub(crate) mod accept;
mod certificate;
#[cfg(test)]
pub(crate) mod certificates_for_tests;
mod files;
pub(crate) mod guard;
mod identity;
mod limit;
mod role;
mod tls;
mod token;

use std::path::PathBuf;
use std::sync::Arc;

use jaguar_config::{CertificateRoles, Config};
use jaguar_metrics::{FileReload, Metrics};
use tokio::sync::watch;

pub use self::files::FileError;
use self::files::Followed;
use self::identity::Ways;
pub use self::limit::ClientLimits;
pub use self::tls::{Tls, TlsError};
pub use self::token::KeyError;
use self::token::{KeySource, TokenKeys, TokenRules};

/// Keys or certificates cannot be used; the operator must repair the files or the keys that name them.
#[derive(Debug, thiserror::Error)]
pub enum SecurityError {
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// Certificates, key and CA do not make a TLS configuration that the other pods would accept.
    #[error("{error} (tls_cert_file {}, tls_key_file {}, tls_ca_file {})", files[0].display(), files[1].display(), files[2].display())]
    Tls {
        /// What is wrong.
        error: Box<TlsError>,
        /// The certificate, the key and the CA.
        files: Box<[PathBuf; 3]>,
    },
    /// The file with the keys of tokens holds none.
    #[error("{}: {error}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: KeyError,
    },
}

/// What is in force for connections and calls. Clones see the same, also after a reload.
#[derive(Clone)]
pub struct Security {
    tls: Option<watch::Receiver<Arc<Tls>>>,
    tokens: Option<(watch::Receiver<Arc<TokenKeys>>, Arc<TokenRules>)>,
    certificate_roles: Arc<CertificateRoles>,
    limits: watch::Receiver<ClientLimits>,
}

impl Security {
    /// What is in force for the next connection; nothing without TLS.
    pub(crate) fn tls(&self) -> Option<Arc<Tls>> {
        self.tls.as_ref().map(|tls| tls.borrow().clone())
    }

    pub(crate) fn has_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Whether clients must say who they are.
    #[must_use]
    pub fn asks_who_calls(&self) -> bool {
        self.tokens.is_some() || !self.certificate_roles.is_empty()
    }

    fn limits(&self) -> ClientLimits {
        *self.limits.borrow()
    }

    /// Asks with the ways in which a client can say who it is, at this time in seconds since 1970.
    fn with_ways<T>(&self, now_s: f64, ask: impl FnOnce(&Ways<'_>) -> T) -> T {
        let tokens = self.tokens.as_ref().map(|(keys, rules)| (keys.borrow().clone(), rules));
        ask(&Ways {
            tokens: tokens
                .as_ref()
                .map(|(keys, rules)| (keys.as_ref(), rules.as_ref(), now_s)),
            certificates: &self.certificate_roles,
        })
    }
}

impl std::fmt::Debug for Security {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The rest is secret or long.
        f.debug_struct("Security")
            .field("tls", &self.has_tls())
            .finish_non_exhaustive()
    }
}

/// The files that security stands on, read again by [`SecurityFiles::poll`].
pub struct SecurityFiles {
    tls: Option<Followed<Tls>>,
    tokens: Option<Followed<TokenKeys>>,
    metrics: Arc<Metrics>,
}

/// Reads what the configuration names. The limits may change later.
///
/// # Errors
/// When a file cannot be read or used.
pub fn open(
    config: &Config,
    limits: watch::Receiver<ClientLimits>,
    metrics: Arc<Metrics>,
) -> Result<(Security, SecurityFiles), SecurityError> {
    let mut security = Security {
        tls: None,
        tokens: None,
        certificate_roles: Arc::new(config.auth_certificate_roles.clone()),
        limits,
    };
    let mut files = SecurityFiles {
        tls: None,
        tokens: None,
        metrics,
    };
    // That the paths are there when TLS is on is a rule of the configuration.
    if let (true, Some(cert), Some(key), Some(ca)) = (
        config.tls_enabled,
        &config.tls_cert_file,
        &config.tls_key_file,
        &config.tls_ca_file,
    ) {
        let paths = [cert.clone(), key.clone(), ca.clone()];
        let (followed, tls) = Followed::open(paths.to_vec(), tls_parser(paths, config.tls_peer_name.clone()))?;
        files.show_expiry(&tls.borrow());
        files.tls = Some(followed);
        security.tls = Some(tls);
    }
    if let Some(source) = KeySource::of(config) {
        let (followed, keys) = Followed::open(vec![source.path().to_owned()], key_parser(source))?;
        files.tokens = Some(followed);
        security.tokens = Some((keys, Arc::new(TokenRules::from(config))));
    }
    Ok((security, files))
}

fn tls_parser(
    files: [PathBuf; 3],
    peer_name: String,
) -> impl Fn(&[Vec<u8>]) -> Result<Tls, SecurityError> + Send + 'static {
    move |contents| {
        let [cert, key, ca] = contents else {
            unreachable!("three files were read for three paths");
        };
        Tls::new(cert, key, ca, &peer_name).map_err(|error| SecurityError::Tls {
            error: Box::new(error),
            files: Box::new(files.clone()),
        })
    }
}

fn key_parser(source: KeySource) -> impl Fn(&[Vec<u8>]) -> Result<TokenKeys, SecurityError> + Send + 'static {
    move |contents| {
        let [contents] = contents else {
            unreachable!("one file was read for one path");
        };
        source.keys(contents).map_err(|error| SecurityError::Key {
            path: source.path().to_owned(),
            error,
        })
    }
}

impl SecurityFiles {
    /// Reads the files again and puts in force what has changed, for new connections and calls. What is wrong is reported once and changes nothing.
    pub fn poll(&mut self) {
        match self.tls.as_mut().and_then(Followed::poll) {
            None => {}
            Some(Ok(tls)) => {
                self.metrics.tls_reloads(FileReload::Applied).increment(1);
                self.show_expiry(&tls);
                tracing::info!(valid_until = tls.valid_until, "certificates reloaded");
            }
            Some(Err(error)) => {
                self.metrics.tls_reloads(FileReload::Rejected).increment(1);
                tracing::error!(%error, "the changed certificates cannot be used; those before stay in force");
            }
        }
        match self.tokens.as_mut().and_then(Followed::poll) {
            None => {}
            Some(Ok(_)) => {
                self.metrics.auth_reloads(FileReload::Applied).increment(1);
                tracing::info!("keys of tokens reloaded");
            }
            Some(Err(error)) => {
                self.metrics.auth_reloads(FileReload::Rejected).increment(1);
                tracing::error!(%error, "the changed keys of tokens cannot be used; those before stay in force");
            }
        }
    }

    fn show_expiry(&self, tls: &Tls) {
        self.metrics.tls_certificate_expiry.set(tls.valid_until as f64);
    }
}
