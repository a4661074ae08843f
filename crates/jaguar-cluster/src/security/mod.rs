//! Who may do what: TLS for clients and between pods, and what a caller's name allows.
//!
//! One port serves clients and peers. With TLS, a peer is who shows a certificate of the CA that carries `tls_peer_name`; only peers may call the `Peer`
//! service. Without TLS nobody is known, and whoever reaches the port may do everything: the daemon says so when it starts.
//!
//! Nothing here is on the path of a packet or of a tick: a connection is checked when it is made, a call when it begins.

pub(crate) mod accept;
mod certificate;
mod files;
pub(crate) mod guard;
mod tls;

use std::path::PathBuf;
use std::sync::Arc;

use jaguar_config::Config;
use jaguar_metrics::{FileReload, Metrics};
use tokio::sync::watch;

pub use self::files::FileError;
use self::files::Followed;
pub use self::tls::{Tls, TlsError};

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
        error: TlsError,
        /// The certificate, the key and the CA.
        files: [PathBuf; 3],
    },
}

/// What is in force for connections and calls. Clones see the same, also after a reload.
#[derive(Clone, Debug, Default)]
pub struct Security {
    tls: Option<watch::Receiver<Arc<Tls>>>,
}

impl Security {
    /// What is in force for the next connection; nothing without TLS.
    pub(crate) fn tls(&self) -> Option<Arc<Tls>> {
        self.tls.as_ref().map(|tls| tls.borrow().clone())
    }
}

/// The files that security stands on, read again by [`SecurityFiles::poll`].
pub struct SecurityFiles {
    tls: Option<Followed<Tls>>,
    metrics: Arc<Metrics>,
}

/// Reads what the configuration names.
///
/// # Errors
/// When a file cannot be read or used.
pub fn open(config: &Config, metrics: Arc<Metrics>) -> Result<(Security, SecurityFiles), SecurityError> {
    let mut security = Security::default();
    let mut files = SecurityFiles { tls: None, metrics };
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
            error,
            files: files.clone(),
        })
    }
}

impl SecurityFiles {
    /// Reads the files again and puts in force what has changed, for new connections and calls. What is wrong is reported once and changes nothing.
    pub fn poll(&mut self) {
        let outcome = self.tls.as_mut().and_then(Followed::poll);
        match outcome {
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
    }

    fn show_expiry(&self, tls: &Tls) {
        self.metrics.tls_certificate_expiry.set(tls.valid_until as f64);
    }
}
