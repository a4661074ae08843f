//! The HTTP side over loopback, spoken to in plain bytes. Time is tokio's paused clock: it jumps to the next timer when nothing else is to do, so limits of
//! seconds pass at once and no test depends on the machine's speed.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use jaguar_config::Config;
use jaguar_metrics::health::STALL_LIMIT;
use jaguar_metrics::{Health, Metrics, Phase, Recorder};
use jaguard::http::{Shown, serve};
use jaguard::resources::Resources;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

struct Server {
    address: SocketAddr,
    health: Health,
    metrics: Metrics,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

async fn server() -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let recorder = Recorder::new();
    let metrics = recorder.metrics();
    let shown = Shown {
        recorder,
        health: Health::new(Instant::now(), STALL_LIMIT),
        resources: Resources::of_this_process(metrics.readings.clone(), &Config::default()),
        scrapes: watch::Sender::new(0),
    };
    let health = shown.health.clone();
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(serve(listener, shown, async move { drop(stopped.await) }));
    Server {
        address,
        health,
        metrics,
        stop,
        task,
    }
}

impl Server {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends `request` and `connection: close` on a connection of its own, and returns all that comes back.
    async fn answer(&self, request: &str) -> String {
        let mut stream = self.connect().await;
        let head = format!("{request} HTTP/1.1\r\nhost: jaguar\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").unwrap_or_default().1
}

#[tokio::test(start_paused = true)]
async fn metrics_are_served_in_the_text_format() {
    let server = server().await;
    server.metrics.entity_count.set(42.0);
    let answer = server.answer("GET /metrics").await;
    assert_eq!(status(&answer), "200");
    assert!(answer.contains("content-type: text/plain; version=0.0.4"), "{answer}");
    assert!(
        body(&answer).lines().any(|line| line == "jaguar_entity_count 42"),
        "{answer}"
    );
}

#[tokio::test(start_paused = true)]
async fn probes_follow_the_health() {
    let server = server().await;
    assert_eq!(status(&server.answer("GET /health/live").await), "200");
    assert_eq!(status(&server.answer("GET /health/startup").await), "503");
    let ready = server.answer("GET /health/ready").await;
    assert_eq!(status(&ready), "503");
    assert!(body(&ready).contains("loading the world"), "{ready}");

    server.health.enter(Phase::Member);
    for probe in ["live", "ready", "startup"] {
        assert_eq!(
            status(&server.answer(&format!("GET /health/{probe}?verbose")).await),
            "200",
            "{probe}"
        );
    }
    server.health.enter(Phase::Draining);
    assert_eq!(status(&server.answer("GET /health/ready").await), "503");
}

#[tokio::test(start_paused = true)]
async fn another_path_is_not_found_and_another_method_is_not_allowed() {
    let server = server().await;
    for path in ["/", "/metrics/", "/health", "/health/live/x"] {
        let answer = server.answer(&format!("GET {path}")).await;
        assert_eq!(status(&answer), "404", "{path}");
        assert!(body(&answer).contains("/health/ready"), "{answer}");
    }
    for method in ["POST", "PUT", "DELETE", "BREW"] {
        let answer = server.answer(&format!("{method} /metrics")).await;
        assert_eq!(status(&answer), "405", "{method}");
        assert!(answer.contains("allow: GET, HEAD"), "{answer}");
    }
    let head = server.answer("HEAD /health/live").await;
    assert_eq!((status(&head), body(&head)), ("200", ""));
}

#[tokio::test(start_paused = true)]
async fn nonsense_is_a_bad_request_and_an_endless_head_is_cut_off() {
    let server = server().await;
    assert_eq!(status(&server.answer("\u{1}").await), "400");

    let mut stream = server.connect().await;
    let line = format!("x: {}\r\n", "y".repeat(1000));
    let endless = format!("GET /metrics HTTP/1.1\r\n{}", line.repeat(40));
    // The server may close before it has read all of it.
    let _ = stream.write_all(endless.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.is_empty() || status(&answer) == "431", "{answer}");
}

#[tokio::test(start_paused = true)]
async fn silent_connections_end_after_their_time_and_only_then_make_room() {
    const MAX_CONNECTIONS: usize = 64;
    let server = server().await;
    let start = tokio::time::Instant::now();
    let mut silent = Vec::new();
    for _ in 0..MAX_CONNECTIONS {
        let mut stream = server.connect().await;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nhost:").await.unwrap();
        silent.push(stream);
    }
    let answer = server.answer("GET /health/live").await;
    assert_eq!(status(&answer), "200");
    assert!(
        start.elapsed() >= Duration::from_secs(10),
        "one more than the limit was served after {:?}",
        start.elapsed()
    );
    for mut stream in silent {
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn shutdown_closes_idle_connections_and_ends() {
    let server = server().await;
    let mut stream = server.connect().await;
    stream
        .write_all(b"GET /health/live HTTP/1.1\r\nhost: jaguar\r\n\r\n")
        .await
        .unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");

    let asked = tokio::time::Instant::now();
    server.stop.send(()).unwrap();
    server.task.await.unwrap();
    assert!(
        asked.elapsed() < Duration::from_secs(2),
        "the idle connection held it up"
    );
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    assert!(
        TcpStream::connect(server.address).await.is_err(),
        "nobody listens any more"
    );
}
