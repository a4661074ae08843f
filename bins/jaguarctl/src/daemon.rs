//! One `jaguard` child process: started, watched, drained, killed.
//!
//! The child is this very executable with the hidden command `jaguard`, so that it is of the same build. Its life hangs on ours three times over: it is killed when its
//! [`Daemon`] is dropped, when the runtime ends, and, should this process die without a word, it ends itself because the pipe that is its stdin closes.

use std::ffi::OsString;
use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

/// A start takes a second at most; a join to a busy world on a loaded machine some more.
const READY_DEADLINE: Duration = Duration::from_secs(60);

/// Lines of a log that are shown when its process has failed.
const SHOWN_LOG_LINES: usize = 15;

/// Why a daemon is not, or no longer, there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DaemonError {
    /// The operating system would not start it.
    #[error("cannot start {name}: {source}")]
    Start {
        /// The pod's name.
        name: String,
        /// What it said.
        source: std::io::Error,
    },
    /// It ended before it was ready, or later without being told to.
    #[error("{name} ended {when} ({status}); it said:\n{tail}\n(whole log: {})", log.display())]
    Died {
        /// The pod's name.
        name: String,
        /// In which part of its life.
        when: &'static str,
        /// Its exit status.
        status: String,
        /// The end of its log.
        tail: String,
        /// Its whole log.
        log: PathBuf,
    },
    /// It was not ready, or not gone, in time.
    #[error("{name} was not {what} after {} s; it said:\n{tail}\n(whole log: {})", deadline.as_secs(), log.display())]
    Late {
        /// The pod's name.
        name: String,
        /// What was waited for.
        what: &'static str,
        /// How long.
        deadline: Duration,
        /// The end of its log.
        tail: String,
        /// Its whole log.
        log: PathBuf,
    },
}

/// A daemon that is a member of the world: what it prints on stdout then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Ready {
    /// Where it serves gRPC.
    pub(crate) grpc: SocketAddr,
    /// Where it serves metrics and health.
    pub(crate) http: SocketAddr,
    /// Its number in the world.
    pub(crate) pod: u32,
    /// Its process; not printed.
    #[serde(skip)]
    pub(crate) pid: u32,
}

/// A running daemon that has become a member.
#[derive(Debug)]
pub(crate) struct Daemon {
    name: String,
    ready: Ready,
    log: PathBuf,
    orders: mpsc::Sender<Order>,
    ending: watch::Receiver<Option<Ending>>,
}

/// How a process ended; without a status when the operating system would not say.
#[derive(Clone, Copy, Debug)]
struct Ending(Option<ExitStatus>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Drain,
    Kill,
}

impl Daemon {
    /// Starts a daemon and waits until it is a member. A later end without an order goes to `deaths`.
    pub(crate) async fn start(
        name: &str,
        arguments: &[OsString],
        directory: &Path,
        deaths: mpsc::UnboundedSender<DaemonError>,
    ) -> Result<Self, DaemonError> {
        let log = directory.join(format!("{name}.log"));
        let (mut child, stdin, stdout) = spawn(arguments, &log).map_err(|source| DaemonError::Start {
            name: name.to_owned(),
            source,
        })?;
        let ready = match timeout(READY_DEADLINE, ready_line(stdout)).await {
            Ok(Some(ready)) => Ready {
                pid: child.id().unwrap_or_default(),
                ..ready
            },
            Ok(None) => {
                let ending = Ending(child.wait().await.ok());
                return Err(died(name, "before it was ready", ending, log));
            }
            Err(_) => {
                return Err(DaemonError::Late {
                    name: name.to_owned(),
                    what: "ready",
                    deadline: READY_DEADLINE,
                    tail: tail(&log),
                    log,
                });
            }
        };
        let (orders, inbox) = mpsc::channel(4);
        let (ended, ending) = watch::channel(None);
        tokio::spawn(attend(
            Charge {
                name: name.to_owned(),
                log: log.clone(),
                child,
                _stdin: stdin,
            },
            inbox,
            ended,
            deaths,
        ));
        Ok(Self {
            name: name.to_owned(),
            ready,
            log,
            orders,
            ending,
        })
    }

    /// Its number in the world and its addresses.
    pub(crate) fn ready(&self) -> Ready {
        self.ready
    }

    /// Lets it hand everything over and leave (SIGTERM), and waits until it has ended well.
    pub(crate) async fn drain(mut self, deadline: Duration) -> Result<(), DaemonError> {
        // A daemon that has already gone takes no orders; its status says the rest.
        let _ = self.orders.send(Order::Drain).await;
        let Ok(ending) = timeout(deadline, self.ending.wait_for(Option::is_some)).await else {
            return Err(DaemonError::Late {
                name: self.name,
                what: "gone",
                deadline,
                tail: tail(&self.log),
                log: self.log,
            });
        };
        match ending.ok().and_then(|ending| *ending).unwrap_or(Ending(None)) {
            Ending(Some(status)) if status.success() => Ok(()),
            ending => Err(died(&self.name, "while it drained", ending, self.log)),
        }
    }

    /// Ends it at once and waits until it is gone.
    pub(crate) async fn kill(mut self) {
        let _ = self.orders.send(Order::Kill).await;
        let _ = self.ending.wait_for(Option::is_some).await;
    }
}

fn spawn(arguments: &[OsString], log: &Path) -> std::io::Result<(Child, ChildStdin, ChildStdout)> {
    let stderr = File::create(log)?;
    let mut child = Command::new(std::env::current_exe()?)
        .arg("jaguard")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(stderr)
        // The terminal's Ctrl-C goes to a process group: the daemons are not to drain then, but to be ended by us.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    match (child.stdin.take(), child.stdout.take()) {
        (Some(stdin), Some(stdout)) => Ok((child, stdin, stdout)),
        _ => Err(std::io::Error::other("the child process has no pipes")),
    }
}

/// The first line of stdout that says so; none when stdout closes. What follows is read to the end so that the child never blocks on it.
async fn ready_line(stdout: ChildStdout) -> Option<Ready> {
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some(ready) = parse_ready(&line) {
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Some(ready);
        }
    }
    None
}

fn parse_ready(line: &str) -> Option<Ready> {
    let value: serde_json::Value = serde_json::from_str(line).ok()?;
    if value.get("event")? != "ready" {
        return None;
    }
    serde_json::from_value(value).ok()
}

struct Charge {
    name: String,
    log: PathBuf,
    child: Child,
    /// Held open: its closing ends the daemon.
    _stdin: ChildStdin,
}

/// Waits for the child's end and carries out orders meanwhile.
async fn attend(
    mut charge: Charge,
    mut inbox: mpsc::Receiver<Order>,
    ended: watch::Sender<Option<Ending>>,
    deaths: mpsc::UnboundedSender<DaemonError>,
) {
    let mut ordered = false;
    let status = loop {
        tokio::select! {
            status = charge.child.wait() => break status,
            order = inbox.recv() => {
                ordered = true;
                match order {
                    Some(Order::Drain) => terminate(&charge.child),
                    // Without its `Daemon` nobody is there to ask for it any more.
                    Some(Order::Kill) | None => {
                        let _ = charge.child.start_kill();
                        break charge.child.wait().await;
                    }
                }
            }
        }
    };
    let ending = Ending(status.ok());
    if !ordered {
        let _ = deaths.send(died(&charge.name, "without being told to", ending, charge.log));
    }
    ended.send_replace(Some(ending));
}

/// Sends SIGTERM. The child has not been waited for, so its number still means it.
fn terminate(child: &Child) {
    let pid = child
        .id()
        .and_then(|id| rustix::process::Pid::from_raw(id.cast_signed()));
    if let Some(pid) = pid {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
}

fn died(name: &str, when: &'static str, Ending(status): Ending, log: PathBuf) -> DaemonError {
    DaemonError::Died {
        name: name.to_owned(),
        when,
        status: status.map_or_else(|| "status unknown".to_owned(), |status| status.to_string()),
        tail: tail(&log),
        log,
    }
}

/// The end of a log file, indented; what keeps it from being read, if so.
fn tail(log: &Path) -> String {
    match std::fs::read(log) {
        Ok(bytes) => last_lines(&String::from_utf8_lossy(&bytes)),
        Err(error) => format!("    (cannot read {}: {error})", log.display()),
    }
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let shown = &lines[lines.len().saturating_sub(SHOWN_LOG_LINES)..];
    if shown.is_empty() {
        return "    (nothing)".to_owned();
    }
    let indented: Vec<String> = shown.iter().map(|line| format!("    {line}")).collect();
    indented.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_ready_line_is_one() {
        let line = r#"{"event":"ready","grpc":"127.0.0.1:4001","http":"127.0.0.1:4002","pod":3}"#;
        let expected = Ready {
            grpc: ([127, 0, 0, 1], 4001).into(),
            http: ([127, 0, 0, 1], 4002).into(),
            pod: 3,
            pid: 0,
        };
        assert_eq!(parse_ready(line), Some(expected));
        assert_eq!(parse_ready("starting"), None);
        assert_eq!(parse_ready(r#"{"event":"other","pod":3}"#), None);
    }

    #[test]
    fn the_end_of_a_log_is_shown() {
        let text: String = (0..40).map(|i| format!("line {i}\n")).collect();
        let shown = last_lines(&text);
        assert!(
            shown.starts_with("    line 25\n") && shown.ends_with("    line 39"),
            "{shown}"
        );
        assert_eq!(last_lines(""), "    (nothing)");
    }
}
