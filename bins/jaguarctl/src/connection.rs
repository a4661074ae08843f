//! Connections to pods, and what a refused call says.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::Args;
use jaguar_proto::v1::admin_client::AdminClient;
use jaguar_proto::v1::log_client::LogClient;
use jaguar_proto::v1::world_client::WorldClient;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

/// A pod on the same machine answers in a millisecond; one across the world in less than this.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// An entry can carry as many bodies as a client has sent in one batch, a read as many as a pod puts into one message.
const MESSAGE_BYTES: usize = 256 << 20;

/// Which pod a command talks to.
#[derive(Args, Debug)]
pub(crate) struct Target {
    /// gRPC address of any pod of the world
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:50051")]
    address: String,
}

impl Target {
    /// The world as that pod tells it.
    pub(crate) async fn world(&self) -> anyhow::Result<WorldClient<Channel>> {
        Ok(WorldClient::new(connect(&self.address).await?).max_decoding_message_size(MESSAGE_BYTES))
    }
}

/// Connects to `host:port`.
pub(crate) async fn connect(address: &str) -> anyhow::Result<Channel> {
    let endpoint = Endpoint::from_shared(format!("http://{address}"))
        .with_context(|| format!("{address:?} is not an address; give host:port, as in 127.0.0.1:50051"))?;
    endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .connect()
        .await
        .with_context(|| format!("no pod answers at {address}"))
}

/// The world as one pod tells it.
pub(crate) async fn world_client(address: SocketAddr) -> anyhow::Result<WorldClient<Channel>> {
    let channel = connect(&address.to_string()).await?;
    Ok(WorldClient::new(channel).max_decoding_message_size(MESSAGE_BYTES))
}

/// The log as one pod has it.
pub(crate) async fn log_client(address: SocketAddr) -> anyhow::Result<LogClient<Channel>> {
    let channel = connect(&address.to_string()).await?;
    Ok(LogClient::new(channel).max_decoding_message_size(MESSAGE_BYTES))
}

/// The operator's side of one pod.
pub(crate) async fn admin_client(address: SocketAddr) -> anyhow::Result<AdminClient<Channel>> {
    Ok(AdminClient::new(connect(&address.to_string()).await?))
}

/// A refusal in words: the pod's message and the code.
pub(crate) fn say(status: Status) -> anyhow::Error {
    anyhow!("{} ({:?})", status.message(), status.code())
}
