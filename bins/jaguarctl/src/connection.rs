//! Connections to pods, and what a refused call says.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::Args;
use jaguar_client::{Connection, Credentials};
use jaguar_proto::v1::admin_client::AdminClient;
use jaguar_proto::v1::log_client::LogClient;
use jaguar_proto::v1::world_client::WorldClient;
use tonic::Status;

/// An entry can carry as many bodies as a client has sent in one batch, a read as many as a pod puts into one message.
const MESSAGE_BYTES: usize = 256 << 20;

/// A token for those who have no file; not an option, which every user of the machine could see.
const TOKEN_VARIABLE: &str = "JAGUAR_TOKEN";

/// Which pod a command talks to, and as whom.
#[derive(Args, Debug)]
pub(crate) struct Target {
    /// gRPC address of any pod of the world
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:50051")]
    address: String,
    /// CA of the pods' certificates; turns TLS on
    #[arg(long, value_name = "FILE.pem")]
    tls_ca: Option<PathBuf>,
    /// Certificate to show to the pod
    #[arg(long, value_name = "FILE.pem", requires = "tls_ca", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Its private key
    #[arg(long, value_name = "FILE.pem", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Name that the pod's certificate must carry, if not the host of the address
    #[arg(long, value_name = "NAME", requires = "tls_ca")]
    tls_server_name: Option<String>,
    /// File with a token (JWT) to show to the pod [default: the variable JAGUAR_TOKEN]
    #[arg(long, value_name = "FILE", requires = "tls_ca")]
    token_file: Option<PathBuf>,
}

impl Target {
    /// The world as that pod tells it.
    pub(crate) async fn world(&self) -> anyhow::Result<WorldClient<Connection>> {
        let connection = self.credentials()?.connect(&self.address).await?;
        Ok(WorldClient::new(connection).max_decoding_message_size(MESSAGE_BYTES))
    }

    /// The operator's side of that pod.
    pub(crate) async fn admin(&self) -> anyhow::Result<AdminClient<Connection>> {
        let connection = self.credentials()?.connect(&self.address).await?;
        Ok(AdminClient::new(connection).max_decoding_message_size(MESSAGE_BYTES))
    }

    fn credentials(&self) -> anyhow::Result<Credentials> {
        let Some(ca) = &self.tls_ca else {
            return Ok(Credentials::default());
        };
        let mut credentials = Credentials::tls(read(ca)?);
        if let (Some(certificate), Some(key)) = (&self.tls_cert, &self.tls_key) {
            credentials = credentials.with_certificate(read(certificate)?, read(key)?);
        }
        if let Some(name) = &self.tls_server_name {
            credentials = credentials.with_server_name(name);
        }
        let token = match &self.token_file {
            Some(file) => Some(read(file)?),
            None => std::env::var(TOKEN_VARIABLE).ok(),
        };
        Ok(match token {
            Some(token) => credentials.with_token(token),
            None => credentials,
        })
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// The world as one pod tells it.
pub(crate) async fn world_client(
    address: SocketAddr,
    credentials: &Credentials,
) -> anyhow::Result<WorldClient<Connection>> {
    let connection = credentials.connect(&address.to_string()).await?;
    Ok(WorldClient::new(connection).max_decoding_message_size(MESSAGE_BYTES))
}

/// The log as one pod has it.
pub(crate) async fn log_client(
    address: SocketAddr,
    credentials: &Credentials,
) -> anyhow::Result<LogClient<Connection>> {
    let connection = credentials.connect(&address.to_string()).await?;
    Ok(LogClient::new(connection).max_decoding_message_size(MESSAGE_BYTES))
}

/// The operator's side of one pod.
pub(crate) async fn admin_client(
    address: SocketAddr,
    credentials: &Credentials,
) -> anyhow::Result<AdminClient<Connection>> {
    Ok(AdminClient::new(credentials.connect(&address.to_string()).await?))
}

/// A refusal in words: the pod's message and the code.
pub(crate) fn say(status: Status) -> anyhow::Error {
    anyhow!("{} ({:?})", status.message(), status.code())
}
