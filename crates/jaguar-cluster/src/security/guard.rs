//! The one gate that every call passes before its service sees it.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use futures_util::future::{BoxFuture, FutureExt, ready};
use http_body_util::BodyExt;
use jaguar_config::Role;
use jaguar_metrics::{Metrics, Refusal};
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::{Code, Status};

use super::Security;
use super::accept::Connection;
use super::identity::{Caller, caller};
use super::limit::{Call, ClientName, Clients};
use super::role::{Needs, needs};

/// The services behind the gate.
#[derive(Clone)]
pub(crate) struct Guard<S> {
    services: S,
    security: Security,
    clients: Clients,
    metrics: Arc<Metrics>,
}

impl<S> Guard<S> {
    /// Puts the gate before these services.
    pub(crate) fn new(services: S, security: Security, metrics: Arc<Metrics>) -> Self {
        Self {
            services,
            security,
            clients: Clients::default(),
            metrics,
        }
    }

    /// Lets a call in, and gives its place in the client's account; none for pods, and without limits.
    fn admit(&self, request: &http::Request<Body>) -> Result<Option<Call>, Status> {
        let connection = request.extensions().get::<Arc<Connection>>();
        let connection = connection.ok_or_else(|| Status::internal("the connection of this call is not known"))?;
        let path = request.uri().path();
        let name = match needs(path) {
            Needs::Peer => return self.admit_peer(connection).map(|()| None),
            Needs::Nothing => ClientName::Probe(connection.address),
            Needs::Role(role) => self.admit_client(request, connection, role)?,
        };
        if connection.is_peer {
            return Ok(None);
        }
        let limits = self.security.limits();
        let admitted = self.clients.begin(&name, &connection.place, limits, Instant::now());
        admitted.map_err(|exceeded| self.refuse(exceeded.refusal(), Code::ResourceExhausted, exceeded.to_string()))
    }

    fn admit_peer(&self, connection: &Connection) -> Result<(), Status> {
        if connection.is_peer || !self.security.has_tls() {
            return Ok(());
        }
        let shown = match &connection.certificate {
            None => "this client shows no certificate".to_owned(),
            Some(names) => format!("this client's names {}", names.all().collect::<Vec<_>>().join(", ")),
        };
        let message =
            format!("this service is for the pods of the world, whose certificate carries tls_peer_name; {shown}");
        Err(self.refuse(Refusal::Permission, Code::PermissionDenied, message))
    }

    fn admit_client(
        &self,
        request: &http::Request<Body>,
        connection: &Connection,
        needed: Role,
    ) -> Result<ClientName, Status> {
        // Before 1970 every token is refused as not valid yet or, at worst, taken as if it were 1970.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let found = self
            .security
            .with_ways(now.as_secs_f64(), |ways| caller(request.headers(), connection, ways));
        let Caller { name, role } =
            found.inspect_err(|_| self.metrics.client_refusals(Refusal::Identity).increment(1))?;
        if role < Some(needed) {
            let has = role.map_or("none", Role::as_str);
            let message = format!("this method needs the role {}; {name} has {has}", needed.as_str());
            return Err(self.refuse(Refusal::Permission, Code::PermissionDenied, message));
        }
        if needed == Role::Admin && self.security.asks_who_calls() {
            tracing::info!(client = %name, method = request.uri().path(), "called by an admin");
        }
        Ok(name)
    }

    fn refuse(&self, reason: Refusal, code: Code, message: String) -> Status {
        self.metrics.client_refusals(reason).increment(1);
        Status::new(code, message)
    }
}

impl<S> Service<http::Request<Body>> for Guard<S>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.services.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        match self.admit(&request) {
            Ok(None) => self.services.call(request).boxed(),
            Ok(Some(call)) => self
                .services
                .call(request)
                .map(|answer| answer.map(|answer| hold(answer, call)))
                .boxed(),
            Err(status) => ready(Ok(status.into_http())).boxed(),
        }
    }
}

/// The answer, with which the call ends: a stream is under way until its last frame is sent or the client is gone, and either drops the body.
fn hold(answer: http::Response<Body>, call: Call) -> http::Response<Body> {
    answer.map(|body| {
        Body::new(body.map_frame(move |frame| {
            let _held = &call;
            frame
        }))
    })
}
