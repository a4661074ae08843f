//! How a client knows that it talks to the right pod, and says who it is.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Request, Status};

use crate::error::ClientError;

/// A pod on the same machine answers in a millisecond; one across the world, with its handshake, in less than this.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection for the clients of `jaguar_proto`, which shows the token with every call.
pub type Connection = InterceptedService<Channel, Authorization>;

/// What a client connects with. The default is plaintext and nobody; with a CA it is TLS.
///
/// ```
/// use jaguar_client::Credentials;
///
/// # let (ca_pem, token) = (String::new(), "");
/// let credentials = Credentials::tls(ca_pem).with_token(token);
/// ```
#[derive(Clone, Default)]
pub struct Credentials {
    tls: Option<Tls>,
    token: Option<String>,
}

#[derive(Clone)]
struct Tls {
    ca_pem: String,
    certificate: Option<Identity>,
    server_name: Option<String>,
}

impl Credentials {
    /// TLS with a pod whose certificate is of this CA (PEM; several may follow each other) and carries the name or address that is dialled.
    pub fn tls(ca_pem: impl Into<String>) -> Self {
        let tls = Tls {
            ca_pem: ca_pem.into(),
            certificate: None,
            server_name: None,
        };
        Self {
            tls: Some(tls),
            token: None,
        }
    }

    /// Shows a certificate (PEM, with those between it and the CA) that its key proves. Without TLS it has no effect.
    #[must_use]
    pub fn with_certificate(mut self, certificate_pem: impl AsRef<[u8]>, key_pem: impl AsRef<[u8]>) -> Self {
        if let Some(tls) = &mut self.tls {
            tls.certificate = Some(Identity::from_pem(certificate_pem, key_pem));
        }
        self
    }

    /// Expects this DNS name in the pod's certificate instead of what is dialled, as when a pod is dialled by its address. Without TLS it has no effect.
    #[must_use]
    pub fn with_server_name(mut self, name: impl Into<String>) -> Self {
        if let Some(tls) = &mut self.tls {
            tls.server_name = Some(name.into());
        }
        self
    }

    /// Sends this token (JWT) with every call.
    #[must_use]
    pub fn with_token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Connects to a pod at `host:port`.
    ///
    /// # Errors
    /// When nobody answers there, or not as these credentials expect; and when a token would be sent without TLS.
    pub async fn connect(&self, address: &str) -> Result<Connection, ClientError> {
        let failed = |error: tonic::transport::Error| ClientError::Connect {
            address: address.to_owned(),
            reason: reason(&error),
        };
        let authorization = self.authorization()?;
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let mut endpoint = Endpoint::from_shared(format!("{scheme}://{address}")).map_err(failed)?;
        if let Some(tls) = &self.tls {
            endpoint = endpoint.tls_config(tls.config()).map_err(failed)?;
        }
        let channel = endpoint
            .tcp_nodelay(true)
            .connect_timeout(CONNECT_TIMEOUT)
            .connect()
            .await
            .map_err(failed)?;
        Ok(InterceptedService::new(channel, authorization))
    }

    fn authorization(&self) -> Result<Authorization, ClientError> {
        let Some(token) = &self.token else {
            return Ok(Authorization(None));
        };
        if self.tls.is_none() {
            return Err(ClientError::TokenInPlaintext);
        }
        let mut value: MetadataValue<Ascii> = format!("Bearer {}", token.trim())
            .parse()
            .map_err(|_| ClientError::TokenCharacters)?;
        value.set_sensitive(true);
        Ok(Authorization(Some(value)))
    }
}

impl Tls {
    fn config(&self) -> ClientTlsConfig {
        let mut config = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(&self.ca_pem))
            .timeout(CONNECT_TIMEOUT);
        if let Some(certificate) = &self.certificate {
            config = config.identity(certificate.clone());
        }
        if let Some(name) = &self.server_name {
            config = config.domain_name(name);
        }
        config
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Keys and tokens are secret.
        f.debug_struct("Credentials")
            .field("tls", &self.tls.is_some())
            .field(
                "certificate",
                &self.tls.as_ref().is_some_and(|tls| tls.certificate.is_some()),
            )
            .field("token", &self.token.is_some())
            .finish()
    }
}

/// An error with its causes: tonic's own message is only 'transport error'.
fn reason(error: &dyn Error) -> String {
    let mut text = error.source().unwrap_or(error).to_string();
    let mut cause = error.source().and_then(Error::source);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Puts the token into each call.
#[derive(Clone, Debug)]
pub struct Authorization(Option<MetadataValue<Ascii>>);

impl Interceptor for Authorization {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(value) = &self.0 {
            request.metadata_mut().insert("authorization", value.clone());
        }
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_token_is_not_sent_in_plaintext_and_nothing_secret_is_shown() {
        let plain = Credentials::default().with_token("secret");
        let error = plain.connect("127.0.0.1:1").await.expect_err("it would be readable");
        assert!(matches!(error, ClientError::TokenInPlaintext), "{error}");

        let all = Credentials::tls("")
            .with_certificate("secret", "secret")
            .with_token("secret\n");
        assert!(!format!("{all:?}").contains("secret"), "{all:?}");
        let shown = all.authorization().expect("a line end is no part of a token");
        assert!(!format!("{shown:?}").contains("secret"), "{shown:?}");
        let error = Credentials::tls("").with_token("a\nb").authorization();
        assert!(matches!(error, Err(ClientError::TokenCharacters)));
    }
}
