//! Traces and JSON logs of real daemons. The collector is the server side of OTLP's own protocol, on loopback.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{Span, Status as SpanStatus};
use tokio::net::TcpListener;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use crate::common::{row, until};
use crate::support::{Pod, command};

/// Keeps what it is sent.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<ExportTraceServiceRequest>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.lock().expect("nobody panics with it").push(request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    /// Serves until the test ends.
    async fn start() -> (Self, SocketAddr) {
        let collector = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback is there");
        let address = listener.local_addr().expect("it is bound");
        let server = tonic::transport::Server::builder().add_service(TraceServiceServer::new(collector.clone()));
        tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
        (collector, address)
    }

    /// The spans of each pod, by the name of the pod.
    fn spans(&self) -> BTreeMap<String, Vec<Span>> {
        let mut spans = BTreeMap::<_, Vec<_>>::new();
        for request in &*self.0.lock().expect("nobody panics with it") {
            for from in &request.resource_spans {
                let resource = &from.resource.as_ref().expect("a resource").attributes;
                assert_eq!(text(resource, "service.name"), "jaguard");
                assert_eq!(text(resource, "service.version"), env!("CARGO_PKG_VERSION"));
                assert_eq!(text(resource, "service.instance.id"), text(resource, "k8s.pod.name"));
                let sent = from.scope_spans.iter().flat_map(|scope| scope.spans.clone());
                spans.entry(text(resource, "k8s.pod.name")).or_default().extend(sent);
            }
        }
        spans
    }
}

fn value<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a Value> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    let Some(AnyValue { value }) = &found.value else {
        return None;
    };
    value.as_ref()
}

fn text(attributes: &[KeyValue], key: &str) -> String {
    match value(attributes, key) {
        Some(Value::StringValue(text)) => text.clone(),
        other => panic!("{key} is {other:?} in {attributes:?}"),
    }
}

fn number(span: &Span, key: &str) -> i64 {
    match value(&span.attributes, key) {
        Some(Value::IntValue(number)) => *number,
        other => panic!("{key} is {other:?} in {span:?}"),
    }
}

fn named<'a>(spans: &'a [Span], name: &str) -> Vec<&'a Span> {
    spans.iter().filter(|span| span.name == name).collect()
}

/// A world of two pods, of which one traces all ticks and the other none: the second joins, gets bodies, and leaves. Both end, so that what their exit flushes is there too. The
/// collector has a thread of its own, for the test waits for processes.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_collector_gets_ticks_with_their_parts_and_the_join_and_drain_of_a_pod() {
    let (collector, address) = Collector::start().await;
    let endpoint = format!("otlp_endpoint=http://{address}");
    let traced = ["--set", &endpoint, "--set", "otlp_sample_ratio=1", "--name", "first"];
    let founder = Pod::start(&traced);
    founder
        .client()
        .await
        .spawn_many(futures_util::stream::iter(row(300)))
        .await
        .expect("valid bodies");
    let traced = ["--set", &endpoint, "--set", "otlp_sample_ratio=0", "--name", "second"];
    let second = founder.joined_by(&traced);
    let number_of_second = i64::from(second.number);
    until(|| async { second.metric("jaguar_entity_count") > Some(0.0) }).await;
    assert_eq!(second.drain().code(), Some(0));
    assert_eq!(founder.drain().code(), Some(0));

    let spans = collector.spans();
    let (first, second) = (&spans["first"], &spans["second"]);
    for (spans, founded) in [(first, true), (second, false)] {
        let [join] = named(spans, "join")[..] else {
            panic!("a pod joins once: {:?}", named(spans, "join"))
        };
        assert!(join.parent_span_id.is_empty());
        assert_eq!(value(&join.attributes, "founded"), Some(&Value::BoolValue(founded)));
    }
    assert_eq!(number(named(second, "join")[0], "pod"), number_of_second);
    let drain = named(second, "drain");
    assert_eq!(drain.len(), 1);
    assert_eq!(number(drain[0], "pod"), number_of_second);
    assert!(
        drain[0]
            .status
            .as_ref()
            .is_none_or(|status| status.code() == StatusCode::Unset),
        "{drain:?}"
    );

    let ticks: BTreeMap<&[u8], &Span> = named(first, "tick")
        .into_iter()
        .map(|span| (&span.span_id[..], span))
        .collect();
    let indices: BTreeSet<i64> = ticks.values().map(|tick| number(tick, "index")).collect();
    assert_eq!(indices.len(), ticks.len(), "a tick has one span");
    assert!(ticks.values().all(|tick| tick.parent_span_id.is_empty()));
    assert!(ticks.values().any(|tick| number(tick, "entities") == 300));
    let names: BTreeSet<&str> = second.iter().map(|span| &*span.name).collect();
    assert_eq!(
        names,
        ["drain", "join"].into(),
        "no tick of the second pod is traced, nor a part of one"
    );

    let parts = |name| {
        let parts = named(first, name);
        assert!(!parts.is_empty(), "no {name}");
        for part in &parts {
            let tick = ticks[&part.parent_span_id[..]];
            assert_eq!(part.trace_id, tick.trace_id);
            assert!(part.start_time_unix_nano >= tick.start_time_unix_nano);
            assert!(part.end_time_unix_nano <= tick.end_time_unix_nano);
        }
        parts
    };
    let stages: BTreeSet<String> = parts("physics")
        .iter()
        .map(|part| text(&part.attributes, "stage"))
        .collect();
    let expected = ["collide", "records", "substep 0", "substep 1", "substep 2", "substep 3"];
    assert_eq!(stages, expected.map(str::to_owned).into());
    assert!(parts("exchange").iter().all(|part| number(part, "peers") == 1));
    let handed_over = parts("hand_over");
    assert!(handed_over.iter().all(|part| number(part, "bodies") > 0));
    assert!(handed_over.iter().all(|part| number(part, "peer") == number_of_second));
}

/// A world that has lost a pod halts, which is traced though no tick is.
#[tokio::test]
async fn a_collector_is_told_that_the_world_has_halted() {
    let (collector, address) = Collector::start().await;
    let timing = [
        "--set",
        "cluster_heartbeat_interval_ms=100",
        "--set",
        "cluster_node_timeout_ms=1000",
    ];
    let endpoint = format!("otlp_endpoint=http://{address}");
    let traced = ["--set", &endpoint, "--set", "otlp_sample_ratio=0", "--name", "first"];
    let founder = Pod::start(&[&timing[..], &traced].concat());
    founder.joined_by(&[&timing[..], &["--name", "victim"]].concat()).kill();
    let halts = || {
        let spans = collector.spans().remove("first").unwrap_or_default();
        spans.into_iter().filter(|span| span.name == "halt").collect::<Vec<_>>()
    };
    until(|| async { !halts().is_empty() }).await;
    let [halt] = &halts()[..] else {
        panic!("a world halts once: {:?}", halts())
    };
    assert!(text(&halt.attributes, "reason").contains("victim"), "{halt:?}");
    assert_eq!(halt.status.as_ref().map(SpanStatus::code), Some(StatusCode::Error));
}

/// With the key empty nothing is sent, even though the environment names a collector in the usual way.
#[tokio::test]
async fn without_the_key_no_collector_is_dialled() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback is there");
    let address = listener.local_addr().expect("it is bound");
    let mut command = command(&["--set", "otlp_sample_ratio=1"]);
    let pod = Pod::spawn(command.env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{address}")));
    until(|| async { pod.status().await.tick > 10 }).await;
    assert_eq!(pod.drain().code(), Some(0));
    let nobody = tokio::select! {
        biased;
        _ = listener.accept() => false,
        () = std::future::ready(()) => true,
    };
    assert!(nobody);
}

/// A collector that takes connections and says nothing, and one that is not there: the world goes on, and the pod ends well.
#[tokio::test]
async fn a_collector_that_fails_disturbs_nothing() {
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("loopback is there");
    let gone = TcpListener::bind("127.0.0.1:0").await.expect("loopback is there");
    let addresses = [&silent, &gone].map(|listener| listener.local_addr().expect("it is bound"));
    drop(gone);
    for address in addresses {
        let endpoint = format!("otlp_endpoint=http://{address}");
        let pod = Pod::start(&["--rate", "max", "--set", &endpoint, "--set", "otlp_sample_ratio=1"]);
        // More spans than the queue holds.
        until(|| async { pod.status().await.tick > 1000 }).await;
        assert_eq!(pod.drain().code(), Some(0));
    }
    drop(silent);
}

/// Every line of the log, from the first to the reason of the end, is one object with the same five members. The pod fails at the end, because the only other one
/// is stopped.
#[tokio::test]
async fn json_logs_are_one_object_a_line() {
    let mut command = command(&[
        "--set",
        "log_format=json",
        "--set",
        "log_level=debug",
        "--set",
        "migration_timeout_seconds=1",
        "--set",
        "cluster_node_timeout_ms=600000",
        "--name",
        "jaguar-7",
    ]);
    let mut pod = Pod::spawn(command.stderr(Stdio::piped()));
    let stderr = BufReader::new(pod.stderr());
    let lines = std::thread::spawn(move || stderr.lines().map(|line| line.expect("text")).collect::<Vec<_>>());
    let other = pod.joined_by(&[]);
    other.signal("STOP");
    assert_eq!(pod.drain().code(), Some(1));

    let lines = lines.join().expect("the lines are text");
    for line in &lines {
        let value: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        let members = value.as_object().expect("an object");
        let names: Vec<&str> = members.keys().map(String::as_str).collect();
        assert_eq!(names, ["fields", "level", "pod", "target", "timestamp"], "{line}");
        assert_eq!(value["pod"], "jaguar-7");
        assert!(value["fields"]["message"].is_string(), "{line}");
    }
    let last = lines.last().expect("a daemon logs");
    assert!(
        last.contains("ERROR") && last.contains("migration_timeout_seconds"),
        "{last}"
    );
}
