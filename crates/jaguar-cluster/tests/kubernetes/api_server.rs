//! A small API server for tests: the few paths that a pod uses, with resourceVersions, conflicts and watches like the real one's, and outages on demand.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use futures_util::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// The namespace that the server knows.
pub(crate) const NAMESPACE: &str = "jaguar-test";
const SLICES: &str = "/apis/discovery.k8s.io/v1/namespaces/jaguar-test/endpointslices";
const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/jaguar-test/leases";
const PODS: &str = "/api/v1/namespaces/jaguar-test/pods/";

type Body = http_body_util::combinators::UnsyncBoxBody<Bytes, Infallible>;

/// The server, on a port of its own, as long as this lives.
pub(crate) struct ApiServer {
    pub(crate) address: SocketAddr,
    state: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// Changes with every change of the state, for the watches.
    changed: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    version: u64,
    slices: BTreeMap<String, Value>,
    /// Every change of a slice: its version and the event of a watch.
    events: Vec<(u64, Value)>,
    leases: BTreeMap<String, Value>,
    /// Deletion costs as they were patched, by pod.
    costs: BTreeMap<String, Vec<i32>>,
    /// Requests that are not of the few that are expected.
    unexpected: Vec<String>,
    away: bool,
    /// How many of the next writes are carried out without an answer.
    unanswered_writes: usize,
}

impl ApiServer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has ports");
        let address = listener.local_addr().expect("it listens");
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            changed: watch::Sender::new(0),
        });
        let server = shared.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = server.clone();
                tokio::spawn(async move {
                    let service = service_fn(move |request| {
                        let shared = shared.clone();
                        async move { shared.answer(request).await }
                    });
                    // A client that breaks off is its own affair.
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self { address, state: shared }
    }

    /// A kubeconfig for it, as YAML.
    pub(crate) fn kubeconfig(&self) -> String {
        let address = self.address;
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: test\nclusters:\n- name: test\n  cluster: {{server: 'http://{address}'}}\n\
             users:\n- name: test\n  user: {{}}\ncontexts:\n- name: test\n  context: {{cluster: test, user: test, namespace: {NAMESPACE}}}\n"
        )
    }

    /// Sets the slice of this name: its endpoints, ready or not, on this port.
    pub(crate) fn set_slice(&self, name: &str, service: &str, port: u16, endpoints: &[(&str, bool)]) {
        let mut state = self.state.state.lock().expect("no test panics in here");
        state.version += 1;
        let version = state.version;
        let kind = if state.slices.contains_key(name) {
            "MODIFIED"
        } else {
            "ADDED"
        };
        let endpoints: Vec<Value> = endpoints
            .iter()
            .map(|(address, ready)| json!({ "addresses": [address], "conditions": { "ready": ready } }))
            .collect();
        let slice = json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": { "name": name, "namespace": NAMESPACE, "resourceVersion": version.to_string(), "labels": { "kubernetes.io/service-name": service } },
            "ports": [{ "name": "grpc", "port": port, "protocol": "TCP" }], "endpoints": endpoints,
        });
        state.events.push((version, json!({ "type": kind, "object": slice })));
        state.slices.insert(name.to_owned(), slice);
        self.state.changed.send_replace(version);
    }

    /// The server answers 503 to everything and ends its watches, or is back.
    pub(crate) fn set_away(&self, away: bool) {
        let mut state = self.state.state.lock().expect("no test panics in here");
        state.away = away;
        self.state.changed.send_modify(|version| *version = state.version);
    }

    /// So many of the next writes to Leases are carried out, and answered with an error.
    pub(crate) fn lose_answers(&self, writes: usize) {
        self.state
            .state
            .lock()
            .expect("no test panics in here")
            .unanswered_writes = writes;
    }

    pub(crate) fn lease(&self, name: &str) -> Option<Value> {
        let state = self.state.state.lock().expect("no test panics in here");
        state.leases.get(name).cloned()
    }

    /// Changes a Lease behind everybody's back, as another client would; none deletes it.
    pub(crate) fn set_lease(&self, name: &str, lease: Option<Value>) {
        let mut state = self.state.state.lock().expect("no test panics in here");
        match lease {
            Some(lease) => drop(state.store_lease(name, lease)),
            None => drop(state.leases.remove(name)),
        }
    }

    /// The deletion costs that were written to a pod, oldest first.
    pub(crate) fn deletion_costs(&self, pod: &str) -> Vec<i32> {
        let state = self.state.state.lock().expect("no test panics in here");
        state.costs.get(pod).cloned().unwrap_or_default()
    }

    /// Requests that were not of the few that a pod should make.
    pub(crate) fn unexpected(&self) -> Vec<String> {
        self.state
            .state
            .lock()
            .expect("no test panics in here")
            .unexpected
            .clone()
    }
}

impl Shared {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
        let (head, body) = request.into_parts();
        let body = body
            .collect()
            .await
            .map(http_body_util::Collected::to_bytes)
            .unwrap_or_default();
        let path = head.uri.path().to_owned();
        let query = head.uri.query().unwrap_or_default().to_owned();
        let since = || {
            let value = query.split('&').find_map(|pair| pair.strip_prefix("resourceVersion="));
            value.and_then(|value| value.parse().ok()).unwrap_or(0)
        };
        let mut state = self.state.lock().expect("no test panics in here");
        if state.away {
            return Ok(failure(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable"));
        }
        let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let response = match (head.method, path.as_str()) {
            (Method::GET, SLICES) if query.contains("watch=true") => {
                drop(state);
                return Ok(self.watch(since()));
            }
            (Method::GET, SLICES) => success(&json!({
                "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSliceList",
                "metadata": { "resourceVersion": state.version.to_string() }, "items": state.slices.values().collect::<Vec<_>>(),
            })),
            (Method::POST, LEASES) => {
                let name = body["metadata"]["name"].as_str().unwrap_or_default().to_owned();
                if state.leases.contains_key(&name) {
                    failure(StatusCode::CONFLICT, "AlreadyExists")
                } else {
                    state.write_lease(&name, body)
                }
            }
            (method, path) if path.starts_with(LEASES) => {
                let name = path[LEASES.len()..].trim_start_matches('/').to_owned();
                let stored = state.leases.get(&name).cloned();
                match (method, stored) {
                    (_, None) => failure(StatusCode::NOT_FOUND, "NotFound"),
                    (Method::GET, Some(lease)) => success(&lease),
                    (Method::PUT, Some(lease))
                        if lease["metadata"]["resourceVersion"] != body["metadata"]["resourceVersion"] =>
                    {
                        failure(StatusCode::CONFLICT, "Conflict")
                    }
                    (Method::PUT, Some(_)) => state.write_lease(&name, body),
                    (method, Some(_)) => state.refuse(&method, path),
                }
            }
            (Method::PATCH, path) if path.starts_with(PODS) => {
                let annotation = "controller.kubernetes.io/pod-deletion-cost";
                let cost = body["metadata"]["annotations"][annotation]
                    .as_str()
                    .and_then(|text| text.parse().ok());
                match cost {
                    Some(cost) => {
                        let pod = path[PODS.len()..].to_owned();
                        state.costs.entry(pod.clone()).or_default().push(cost);
                        success(&json!({
                            "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": { "name": pod, "namespace": NAMESPACE },
                        }))
                    }
                    None => state.refuse(&Method::PATCH, &format!("{path} with {body}")),
                }
            }
            (method, path) => state.refuse(&method, path),
        };
        Ok(response)
    }

    /// The events of slices after a version, as they come.
    fn watch(self: Arc<Self>, since: u64) -> Response<Body> {
        let changed = self.changed.subscribe();
        let events = stream::unfold((self, changed, since), |(shared, mut changed, since)| async move {
            loop {
                {
                    let state = shared.state.lock().expect("no test panics in here");
                    if state.away {
                        return None;
                    }
                    if let Some((version, event)) = state.events.iter().find(|(version, _)| *version > since) {
                        let frame = Frame::data(Bytes::from(format!("{event}\n")));
                        let version = *version;
                        drop(state);
                        return Some((Ok::<_, Infallible>(frame), (shared, changed, version)));
                    }
                }
                changed.changed().await.ok()?;
            }
        });
        let body = StreamBody::new(events).boxed_unsync();
        Response::builder()
            .header("content-type", "application/json")
            .body(body)
            .expect("a valid head")
    }
}

impl State {
    fn store_lease(&mut self, name: &str, mut lease: Value) -> Value {
        self.version += 1;
        lease["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.leases.insert(name.to_owned(), lease.clone());
        lease
    }

    fn write_lease(&mut self, name: &str, lease: Value) -> Response<Body> {
        let stored = self.store_lease(name, lease);
        if self.unanswered_writes > 0 {
            self.unanswered_writes -= 1;
            return failure(StatusCode::GATEWAY_TIMEOUT, "Timeout");
        }
        success(&stored)
    }

    fn refuse(&mut self, method: &Method, path: &str) -> Response<Body> {
        self.unexpected.push(format!("{method} {path}"));
        failure(StatusCode::FORBIDDEN, "Forbidden")
    }
}

fn success(value: &Value) -> Response<Body> {
    respond(StatusCode::OK, value)
}

fn failure(code: StatusCode, reason: &str) -> Response<Body> {
    let status = json!({
        "apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure", "message": reason, "reason": reason, "code": code.as_u16(),
    });
    respond(code, &status)
}

fn respond(code: StatusCode, value: &Value) -> Response<Body> {
    let body = http_body_util::Full::new(Bytes::from(value.to_string())).boxed_unsync();
    Response::builder()
        .status(code)
        .header("content-type", "application/json")
        .body(body)
        .expect("a valid head")
}
