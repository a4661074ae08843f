//! The kubelet and the endpoint controller of these tests: starts daemons, each on a loopback address of its own, and keeps the EndpointSlice.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use jaguar_client::{Client, Status};

use crate::api_server::{ApiServer, NAMESPACE};

pub(crate) const LEASE: &str = "jaguar-engine-coordinator";
const SERVICE: &str = "jaguar-engine-headless";
/// The pods' ports. Each test has addresses of its own, so all can use the same, as in a cluster.
const GRPC: u16 = 50_051;
const HTTP: u16 = 9_090;
/// How long a Lease counts here: long enough for a busy machine to renew it in time, short enough to wait for.
const LEASE_SECONDS: u64 = 4;

/// An API server and the pods' addresses.
pub(crate) struct Cluster {
    pub(crate) api: ApiServer,
    directory: tempfile::TempDir,
    /// This test's network, 127.9.N.0/24.
    network: u8,
    addresses: Vec<String>,
}

impl Cluster {
    pub(crate) async fn start() -> Self {
        static NETWORKS: AtomicU8 = AtomicU8::new(1);
        let api = ApiServer::start().await;
        let directory = tempfile::tempdir().expect("a place for temporary files");
        std::fs::write(directory.path().join("kubeconfig"), api.kubeconfig()).expect("the directory is ours");
        Self {
            api,
            directory,
            network: NETWORKS.fetch_add(1, Ordering::Relaxed),
            addresses: Vec::new(),
        }
    }

    pub(crate) fn lease_duration(&self) -> Duration {
        Duration::from_secs(LEASE_SECONDS)
    }

    /// Starts a pod and makes its address known, as not ready, which is how Kubernetes begins.
    pub(crate) fn start_pod(&mut self) -> Pod {
        let number = self.addresses.len() + 1;
        let address = format!("127.9.{}.{number}", self.network);
        self.addresses.push(address.clone());
        let endpoints: Vec<(&str, bool)> = self.addresses.iter().map(|address| (address.as_str(), false)).collect();
        self.api
            .set_slice("jaguar-engine-headless-x7k2p", SERVICE, GRPC, &endpoints);
        let name = format!("jaguar-engine-{number}");
        let kubeconfig = self.directory.path().join("kubeconfig");
        let kubeconfig = kubeconfig.to_str().expect("a path in UTF-8").to_owned();
        Pod::start(name, address, kubeconfig)
    }

    /// Who holds the Lease; empty when it is free.
    pub(crate) fn holder(&self) -> String {
        let lease = self.api.lease(LEASE).expect("it was written");
        lease["spec"]["holderIdentity"].as_str().unwrap_or_default().to_owned()
    }

    /// The world that the Lease names.
    pub(crate) fn world(&self) -> String {
        let lease = self.api.lease(LEASE).expect("it was written");
        let world = lease["metadata"]["annotations"]["jaguar.dev/world"].as_str();
        world.expect("it names one").to_owned()
    }
}

/// A daemon. Dropping it kills it.
pub(crate) struct Pod {
    pub(crate) name: String,
    address: String,
    kubeconfig: String,
    child: Child,
    /// Closed with this process, which ends the daemon: no test leaves an orphan.
    _stdin: ChildStdin,
    /// Sends when the daemon says that it is a member, ends when the daemon does.
    ready: mpsc::Receiver<()>,
    log: mpsc::Receiver<String>,
}

impl Pod {
    fn start(name: String, address: String, kubeconfig: String) -> Self {
        let grpc = GRPC.to_string();
        let http = HTTP.to_string();
        let sets = [
            "cluster_discovery_method=kubernetes".to_owned(),
            format!("kubernetes_namespace={NAMESPACE}"),
            format!("kubernetes_lease_duration_seconds={LEASE_SECONDS}"),
            "cluster_heartbeat_interval_ms=200".to_owned(),
            "cluster_node_timeout_ms=2000".to_owned(),
            // Emptied in a few steps: the tests are about who leaves when, not about how fast.
            "entity_migration_batch_size=10000".to_owned(),
            // Few bodies: half the ticks are plenty, and leave the processor to the other tests.
            "target_tick_rate=30".to_owned(),
        ];
        let mut child = Command::new(env!("CARGO_BIN_EXE_jaguard"))
            .args([
                "--bind-address",
                &address,
                "--grpc-port",
                &grpc,
                "--metrics-port",
                &http,
            ])
            .args(["--threads", "1", "--name", &name, "--exit-with-stdin"])
            .args(sets.iter().flat_map(|set| ["--set", set]))
            .env("KUBECONFIG", &kubeconfig)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the daemon's binary was built for this test");
        let stdin = child.stdin.take().expect("its input is a pipe");
        let mut stdout = BufReader::new(child.stdout.take().expect("its output is a pipe"));
        let (tell, ready) = mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            while stdout.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
                if line.contains(r#""event":"ready""#) {
                    // The test may have looked away.
                    let _ = tell.send(());
                }
                line.clear();
            }
        });
        let mut stderr = child.stderr.take().expect("its errors are a pipe");
        let (tell, log) = mpsc::channel();
        std::thread::spawn(move || {
            let mut text = String::new();
            let _ = stderr.read_to_string(&mut text);
            let _ = tell.send(text);
        });
        Self {
            name,
            address,
            kubeconfig,
            child,
            _stdin: stdin,
            ready,
            log,
        }
    }

    /// Starts it again, as the kubelet does with a container that has ended.
    pub(crate) fn restart(&mut self) {
        *self = Self::start(self.name.clone(), self.address.clone(), self.kubeconfig.clone());
    }

    /// Waits until it is a member of a world.
    pub(crate) async fn member(&mut self) {
        loop {
            match self.ready.try_recv() {
                Ok(()) => return,
                Err(mpsc::TryRecvError::Empty) => tokio::time::sleep(Duration::from_millis(20)).await,
                Err(mpsc::TryRecvError::Disconnected) => {
                    let log = self.log.recv().unwrap_or_default();
                    panic!("{} did not become a member:\n{log}", self.name)
                }
            }
        }
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(&format!("{}:{GRPC}", self.address))
            .await
            .expect("a member serves")
    }

    pub(crate) async fn status(&self) -> Status {
        self.client().await.status().await.expect("a member has a status")
    }

    /// Sends it SIGTERM.
    pub(crate) fn terminate(&self) {
        let sent = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status();
        assert!(sent.expect("there is a kill command").success());
    }

    /// Waits until the process has ended.
    pub(crate) async fn wait(&mut self) -> ExitStatus {
        loop {
            match self.child.try_wait().expect("it is our child") {
                Some(status) => return status,
                None => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    pub(crate) async fn ended(mut self) -> ExitStatus {
        self.wait().await
    }

    pub(crate) async fn ended_with_log(mut self) -> (ExitStatus, String) {
        let status = self.wait().await;
        (
            status,
            self.log.recv().expect("the process has ended, and its log with it"),
        )
    }

    /// Tells it to leave and waits until it is gone.
    pub(crate) async fn drain(self) -> ExitStatus {
        self.terminate();
        self.ended().await
    }

    /// Ends it without giving it a chance.
    pub(crate) async fn kill(mut self) {
        self.child.kill().expect("it is our child");
        self.wait().await;
    }

    /// The status code and body of an HTTP GET.
    pub(crate) fn http_get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect((self.address.as_str(), HTTP)).expect("it serves HTTP");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: pod\r\nConnection: close\r\n\r\n")
            .expect("the request fits the buffer");
        let mut response = String::new();
        stream.read_to_string(&mut response).expect("the response is text");
        let code = response
            .get(9..12)
            .and_then(|code| code.parse().ok())
            .expect("a status line");
        (code, response)
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
