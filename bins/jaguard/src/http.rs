//! The HTTP side of a pod, for Prometheus and Kubernetes: `/metrics`, `/health/live`, `/health/ready`, `/health/startup`.
//!
//! It answers whoever can reach the port, so it is bounded: so many connections, so long a request head, so much time to send it. Nothing here waits on the
//! simulation; a probe gets its answer while a tick is late.

use std::convert::Infallible;
use std::future::ready;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use jaguar_metrics::{Health, Recorder, Verdict};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::resources::Resources;

/// Connections served at a time; more wait in the listener's queue. Two Prometheus servers, kubelet's three probes and some people need a dozen.
const MAX_CONNECTIONS: usize = 64;
/// A client has so long for the head of each request, the time between two requests included, so that idle or slow ones cannot hold all connections.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Largest head of a request. The longest that Prometheus sends has some hundred bytes.
const MAX_HEAD_BYTES: usize = 8 << 10;
/// Most headers of a request.
const MAX_HEADERS: usize = 64;
/// How long requests that are being answered may take after the end was asked for.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(2);
/// How often the observations of histograms are moved into their buckets when nobody scrapes.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);
/// Pause after accepting a connection failed, which it does while the process is out of file descriptors.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const EXPOSITION: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

const METRICS_PATH: &str = "/metrics";
const LIVE_PATH: &str = "/health/live";
const READY_PATH: &str = "/health/ready";
const STARTUP_PATH: &str = "/health/startup";

/// What is shown.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The metrics.
    pub recorder: Recorder,
    /// The answers to probes.
    pub health: Health,
    /// What is read of the system at each scrape.
    pub resources: Resources,
    /// Counts the scrapes.
    pub scrapes: watch::Sender<u64>,
}

/// Serves `shown` on `listener` until `shutdown` is ready. Requests that are being answered then are finished first.
pub async fn serve(listener: TcpListener, shown: Shown, shutdown: impl Future<Output = ()>) {
    let connections = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut upkeep = tokio::time::interval(UPKEEP_INTERVAL);
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            _ = upkeep.tick() => shown.recorder.run_upkeep(),
            accepted = accept(&listener, places.clone()) => match accepted {
                Ok((place, stream)) => drop(tokio::spawn(serve_connection(stream, shown.clone(), connections.watcher(), place))),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept an HTTP connection");
                    tokio::time::sleep(ACCEPT_RETRY).await;
                }
            },
        }
    }
    drop(listener);
    if tokio::time::timeout(SHUTDOWN_LIMIT, connections.shutdown())
        .await
        .is_err()
    {
        tracing::debug!("HTTP connections were still open after {SHUTDOWN_LIMIT:?}");
    }
}

/// Waits for a place first and a connection then, so that what cannot be served stays in the queue of the system.
async fn accept(listener: &TcpListener, places: Arc<Semaphore>) -> io::Result<(OwnedSemaphorePermit, TcpStream)> {
    let place = places.acquire_owned().await.map_err(io::Error::other)?;
    listener.accept().await.map(|(stream, _)| (place, stream))
}

/// Answers the requests of one connection; it has its `place` until it ends.
async fn serve_connection(stream: TcpStream, shown: Shown, watcher: Watcher, place: OwnedSemaphorePermit) {
    let service =
        service_fn(|request: Request<Incoming>| ready(Ok::<_, Infallible>(respond(&request, &shown, Instant::now()))));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_header_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "an HTTP connection ended early");
    }
    drop(place);
}

fn respond(request: &Request<Incoming>, shown: &Shown, now: Instant) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    let known = [METRICS_PATH, LIVE_PATH, READY_PATH, STARTUP_PATH];
    if !known.contains(&path) {
        let paths = known.join(", ");
        return response(
            StatusCode::NOT_FOUND,
            TEXT,
            format!("there is nothing here; there is {paths}\n"),
        );
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut refusal = response(
            StatusCode::METHOD_NOT_ALLOWED,
            TEXT,
            "this can only be read, with GET or HEAD\n".into(),
        );
        refusal
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refusal;
    }
    match path {
        LIVE_PATH => verdict_response(&shown.health.live(now)),
        READY_PATH => verdict_response(&shown.health.ready()),
        STARTUP_PATH => verdict_response(&shown.health.startup()),
        _ => {
            shown.resources.read();
            shown.scrapes.send_modify(|scrapes| *scrapes += 1);
            response(StatusCode::OK, EXPOSITION, shown.recorder.render())
        }
    }
}

fn verdict_response(verdict: &Verdict) -> Response<Full<Bytes>> {
    let status = if verdict.passes {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    response(status, JSON, verdict.to_json())
}

fn response(status: StatusCode, content_type: HeaderValue, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
