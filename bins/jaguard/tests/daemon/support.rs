//! Real daemons on loopback ports that the system chooses.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStderr, ChildStdin, Command, ExitStatus, Stdio};

use jaguar_client::{Client, Status};
use serde_json::Value;

/// A daemon that is a member of a world. Dropping it kills it.
pub(crate) struct Pod {
    child: Child,
    /// Closed with this process, which ends the daemon: no test leaves an orphan.
    _stdin: ChildStdin,
    /// Where it serves gRPC.
    pub(crate) grpc: String,
    /// Where it serves metrics and probes.
    pub(crate) http: SocketAddr,
    /// Its number.
    pub(crate) number: u32,
}

impl Pod {
    /// Starts a daemon and waits until it is a member.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::spawn(&mut command(arguments))
    }

    /// As [`Self::start`], with its log in a file, one JSON object a line.
    pub(crate) fn start_with_log(arguments: &[&str], log: File) -> Self {
        let json = ["--set", "log_format=json"];
        Self::spawn(command(&[&json, arguments].concat()).stderr(log))
    }

    /// As [`Self::start`], for a command that was changed.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command
            .arg("--exit-with-stdin")
            .spawn()
            .expect("the daemon's binary was built for this test");
        let stdin = child.stdin.take().expect("its input is a pipe");
        let stdout = child.stdout.take().expect("its output is a pipe");
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).expect("its output is text");
        let ready: Value = serde_json::from_str(&line).unwrap_or_else(|error| {
            let status = child.wait();
            panic!("the daemon did not become a member: {error}, {line:?}, {status:?}")
        });
        assert_eq!(ready["event"], "ready");
        Self {
            child,
            _stdin: stdin,
            grpc: ready["grpc"].as_str().expect("an address").to_owned(),
            http: ready["http"]
                .as_str()
                .and_then(|text| text.parse().ok())
                .expect("an address"),
            number: ready["pod"]
                .as_u64()
                .and_then(|number| number.try_into().ok())
                .expect("a number"),
        }
    }

    /// Starts a daemon that joins through this one.
    pub(crate) fn joined_by(&self, arguments: &[&str]) -> Self {
        Self::start(&[&["--join", &self.grpc], arguments].concat())
    }

    /// Its standard error, if the command makes it a pipe.
    pub(crate) fn stderr(&mut self) -> ChildStderr {
        self.child.stderr.take().expect("its errors are a pipe")
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(&self.grpc).await.expect("a member serves")
    }

    pub(crate) async fn status(&self) -> Status {
        self.client().await.status().await.expect("a member has a status")
    }

    /// Tells it to leave and waits until it is gone.
    pub(crate) fn drain(self) -> ExitStatus {
        self.signal("TERM");
        self.wait()
    }

    /// Waits until it is gone.
    pub(crate) fn wait(mut self) -> ExitStatus {
        self.child.wait().expect("it is our child")
    }

    /// Ends it without giving it a chance.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it is our child");
        self.child.wait().expect("it is our child");
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status();
        assert!(sent.expect("there is a kill command").success());
    }

    /// The value of one series of `/metrics`.
    pub(crate) fn metric(&self, series: &str) -> Option<f64> {
        let page = self.http_get("/metrics").1;
        let value = page
            .lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.map(|value| value.parse().expect("a number"))
    }

    /// The status code and body of an HTTP GET.
    pub(crate) fn http_get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.http).expect("a member serves HTTP");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: pod\r\nConnection: close\r\n\r\n")
            .expect("the request fits the buffer");
        let mut response = String::new();
        stream.read_to_string(&mut response).expect("the response is text");
        let code = response
            .get(9..12)
            .and_then(|code| code.parse().ok())
            .expect("a status line");
        let body = response.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
        (code, body.expect("a head and a body"))
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The daemon, on ports that the system chooses.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jaguard"));
    command
        .args([
            "--bind-address",
            "127.0.0.1",
            "--grpc-port",
            "0",
            "--metrics-port",
            "0",
            "--threads",
            "1",
        ])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    command
}
