//! What an operator asks of a pod.

use jaguar_migration::command::Command;
use jaguar_proto::v1;
use jaguar_proto::v1::admin_server::Admin;
use tonic::{Request, Response, Status};

use crate::convert;
use crate::simulation::Simulation;

/// Serves one pod's simulation to operators.
#[derive(Clone, Debug)]
pub struct AdminService {
    simulation: Simulation,
}

impl AdminService {
    /// Serves this simulation.
    pub fn new(simulation: Simulation) -> Self {
        Self { simulation }
    }
}

#[tonic::async_trait]
impl Admin for AdminService {
    async fn drain(&self, _: Request<v1::DrainRequest>) -> Result<Response<v1::DrainResponse>, Status> {
        self.simulation.drain()?;
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
}
