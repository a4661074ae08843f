//! The one gate that every call passes before its service sees it.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::Either;
use jaguar_metrics::{Metrics, Refusal};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::{Service, http};

use super::Security;
use super::accept::Connection;

/// Where the calls between pods are.
const PEER_PATH: &str = "/jaguar.v1.Peer/";

/// The services behind the gate.
#[derive(Clone)]
pub(crate) struct Guard<S> {
    services: S,
    security: Security,
    metrics: Arc<Metrics>,
}

impl<S> Guard<S> {
    /// Puts the gate before these services.
    pub(crate) fn new(services: S, security: Security, metrics: Arc<Metrics>) -> Self {
        Self {
            services,
            security,
            metrics,
        }
    }

    fn admit(&self, request: &http::Request<Body>) -> Result<(), Status> {
        if self.security.tls.is_none() || !request.uri().path().starts_with(PEER_PATH) {
            return Ok(());
        }
        let connection = request.extensions().get::<Arc<Connection>>();
        if connection.is_some_and(|connection| connection.is_peer) {
            return Ok(());
        }
        self.metrics.client_refusals(Refusal::Permission).increment(1);
        let names = connection.and_then(|connection| connection.certificate.as_ref());
        let shown = match names.map(|names| names.all().collect::<Vec<_>>()) {
            None => "this client shows no certificate".to_owned(),
            Some(names) => format!("this client's names {}", names.join(", ")),
        };
        Err(Status::permission_denied(format!(
            "this service is for the pods of the world, whose certificate carries tls_peer_name; {shown}"
        )))
    }
}

impl<S> Service<http::Request<Body>> for Guard<S>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Either<S::Future, Ready<Result<Self::Response, Infallible>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.services.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        match self.admit(&request) {
            Ok(()) => Either::Left(self.services.call(request)),
            Err(status) => Either::Right(ready(Ok(status.into_http()))),
        }
    }
}
