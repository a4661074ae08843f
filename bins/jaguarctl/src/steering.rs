//! Commands to a cluster whose pods come and go: each is given to any member, and to another one if that member leaves before it has answered.

use std::time::Duration;

use anyhow::Context;
use jaguar_client::Credentials;
use jaguar_proto::v1::{
    Body, GetStatusRequest, GetStatusResponse, PauseRequest, QueryRegionRequest, RebalanceRequest, RunToRequest,
    SucceedRequest,
};
use tokio::sync::watch;
use tonic::{Code, Status};

use crate::connection::{admin_client, say, world_client};
use crate::daemon::Ready;
use crate::local_cluster::LocalCluster;
use crate::region::everywhere;

/// Refusals in a row that may pass: a role that moves is a matter of some ticks.
const ATTEMPTS: u32 = 50;

/// Time between two attempts.
const PAUSE: Duration = Duration::from_millis(100);

/// Gives commands to a cluster.
#[derive(Clone, Debug)]
pub(crate) struct Steering {
    members: watch::Receiver<Vec<Ready>>,
    credentials: Credentials,
}

impl Steering {
    /// Commands for the members of this cluster.
    pub(crate) fn new(cluster: &LocalCluster) -> Self {
        Self {
            members: cluster.watch_members(),
            credentials: cluster.credentials().clone(),
        }
    }

    /// Lets the world advance to a tick and waits until it stands there.
    pub(crate) async fn run_to(&self, tick: u64) -> anyhow::Result<()> {
        let call = async |pod: Ready| {
            Ok(world_client(pod.grpc, &self.credentials)
                .await?
                .run_to(RunToRequest { tick })
                .await
                .map(drop))
        };
        self.ask(call)
            .await
            .with_context(|| format!("the world did not run to tick {tick}"))
    }

    /// How the world is doing.
    pub(crate) async fn status(&self) -> anyhow::Result<GetStatusResponse> {
        let call = async |pod: Ready| {
            let answer = world_client(pod.grpc, &self.credentials)
                .await?
                .get_status(GetStatusRequest {})
                .await;
            Ok(answer.map(tonic::Response::into_inner))
        };
        self.ask(call).await.context("no status of the world")
    }

    /// Stops the world from advancing.
    pub(crate) async fn pause(&self) -> anyhow::Result<()> {
        let call = async |pod: Ready| {
            Ok(world_client(pod.grpc, &self.credentials)
                .await?
                .pause(PauseRequest {})
                .await
                .map(drop))
        };
        self.ask(call).await.context("the world did not pause")
    }

    /// Moves every split to where the loads say.
    pub(crate) async fn rebalance(&self) -> anyhow::Result<()> {
        let call = async |pod: Ready| {
            Ok(admin_client(pod.grpc, &self.credentials)
                .await?
                .rebalance(RebalanceRequest {})
                .await
                .map(drop))
        };
        self.ask(call).await.context("no rebalance")
    }

    /// Gives the coordinator's role to another pod.
    pub(crate) async fn succeed(&self) -> anyhow::Result<()> {
        let call = async |pod: Ready| {
            Ok(admin_client(pod.grpc, &self.credentials)
                .await?
                .succeed(SucceedRequest {})
                .await
                .map(drop))
        };
        self.ask(call).await.context("no succession")
    }

    /// All bodies of the world between two ticks.
    pub(crate) async fn all_bodies(&self) -> anyhow::Result<Vec<Body>> {
        let request = QueryRegionRequest {
            region: Some(everywhere()),
        };
        let call = async |pod: Ready| {
            let mut stream = match world_client(pod.grpc, &self.credentials)
                .await?
                .query_region(request)
                .await
            {
                Ok(stream) => stream.into_inner(),
                Err(status) => return Ok(Err(status)),
            };
            let mut bodies = Vec::new();
            loop {
                match stream.message().await {
                    Ok(Some(message)) => bodies.extend(message.bodies),
                    Ok(None) => return Ok(Ok(bodies)),
                    Err(status) => return Ok(Err(status)),
                }
            }
        };
        self.ask(call).await.context("the bodies of the world cannot be read")
    }

    /// Asks members in turn until one answers with something else than 'not now'.
    async fn ask<T>(&self, call: impl AsyncFn(Ready) -> anyhow::Result<Result<T, Status>>) -> anyhow::Result<T> {
        let mut members = self.members.clone();
        let mut attempt = 0;
        loop {
            let current = members.borrow_and_update().clone();
            let pod = *current
                .get(attempt as usize % current.len().max(1))
                .context("no pod is left")?;
            let has_left = |members: &Vec<Ready>| !members.iter().any(|member| member.pod == pod.pod);
            let answer = tokio::select! {
                answer = call(pod) => answer,
                left = members.wait_for(has_left) => {
                    left.context("the cluster has ended")?;
                    continue;
                }
            };
            attempt += 1;
            match answer {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(status)) if !passes(&status) || attempt == ATTEMPTS => return Err(say(status)),
                Err(error) if attempt == ATTEMPTS => return Err(error),
                Ok(Err(_)) | Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }
}

/// Whether the same call may well succeed a little later or at another pod. A connection that breaks is `Unknown`: if the pod has died, its own last words say more than our call does.
fn passes(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Unavailable | Code::Cancelled | Code::Aborted | Code::Unknown
    )
}
