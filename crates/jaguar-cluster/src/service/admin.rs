//! What an operator asks of a pod.

use std::time::SystemTime;

use jaguar_migration::command::Command;
use jaguar_proto::v1;
use jaguar_proto::v1::admin_server::Admin;
use jaguar_snapshot::{Name, SnapshotError};
use tonic::{Request, Response, Status};

use crate::convert;
use crate::simulation::Simulation;
use crate::snapshots::Snapshots;

/// Serves one pod's simulation to operators.
#[derive(Clone)]
pub struct AdminService {
    simulation: Simulation,
    snapshots: Snapshots,
}

impl AdminService {
    /// Serves this simulation.
    pub fn new(simulation: Simulation, snapshots: Snapshots) -> Self {
        Self { simulation, snapshots }
    }
}

#[tonic::async_trait]
impl Admin for AdminService {
    async fn drain(&self, _: Request<v1::DrainRequest>) -> Result<Response<v1::DrainResponse>, Status> {
        self.snapshots.drain()?;
        Ok(Response::new(v1::DrainResponse {}))
    }

    async fn rebalance(&self, _: Request<v1::RebalanceRequest>) -> Result<Response<v1::RebalanceResponse>, Status> {
        let tick = convert::accepted(self.simulation.command(Command::Rebalance).await?)?.0;
        Ok(Response::new(v1::RebalanceResponse { tick }))
    }

    async fn succeed(&self, _: Request<v1::SucceedRequest>) -> Result<Response<v1::SucceedResponse>, Status> {
        let tick = convert::accepted(self.simulation.command(Command::Succeed).await?)?.0;
        Ok(Response::new(v1::SucceedResponse { tick }))
    }

    async fn save_snapshot(
        &self,
        request: Request<v1::SaveSnapshotRequest>,
    ) -> Result<Response<v1::SaveSnapshotResponse>, Status> {
        let name = match request.into_inner().name.as_str() {
            "" => Name::manual(SystemTime::now()),
            name => convert::new_snapshot_name(name)?,
        };
        let snapshot = Some(convert::snapshot(&self.snapshots.save(name).await?));
        Ok(Response::new(v1::SaveSnapshotResponse { snapshot }))
    }

    async fn list_snapshots(
        &self,
        _: Request<v1::ListSnapshotsRequest>,
    ) -> Result<Response<v1::ListSnapshotsResponse>, Status> {
        let (store, listing) = self.snapshots.list().await?;
        let torn = |(name, damage): &(Name, SnapshotError)| v1::TornSnapshot {
            name: name.to_string(),
            problem: damage.to_string(),
        };
        Ok(Response::new(v1::ListSnapshotsResponse {
            store,
            snapshots: listing.whole.iter().map(convert::snapshot).collect(),
            torn: listing.torn.iter().map(torn).collect(),
        }))
    }

    async fn verify_snapshot(
        &self,
        request: Request<v1::VerifySnapshotRequest>,
    ) -> Result<Response<v1::VerifySnapshotResponse>, Status> {
        let name = convert::snapshot_name(&request.into_inner().name)?;
        let snapshot = Some(convert::snapshot(&self.snapshots.verify(&name).await?));
        Ok(Response::new(v1::VerifySnapshotResponse { snapshot }))
    }
}
