//! `jaguarctl up` with real processes: the run, the scaling, the proof, and that no process is left behind.

mod common;

use std::io::{BufRead, BufReader, Lines};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStderr};
use std::thread;
use std::time::Duration;

use common::{jaguarctl, json_of, run, scenario};
use rustix::process::{Pid, Signal, kill_process};

#[test]
fn a_fixed_cluster_runs_to_its_last_tick_and_the_replay_is_the_same() {
    let output = run(&["up", &scenario("pour.toml"), "--pods", "2", "--rate", "max", "--json"]);
    let report = json_of(&output, 0);
    assert_eq!(report["ticks"], 240);
    assert_eq!(report["replay"]["equal_ticks"], 240);
    assert_eq!([&report["lost"], &report["duplicated"]], [0, 0]);
    assert_eq!([&report["peak_pods"], &report["joins"]], [2, 1]);
    // 200 at the start and 2 a tick for 130 ticks.
    assert_eq!(report["spawned"], 460);
    assert!(report["handed_over"].as_u64() > Some(0), "{report}");
}

#[test]
fn the_autoscaler_adds_a_pod_and_takes_it_away_again() {
    // At 60 Hz the bodies are there for at least 5 s, in which 500 s of policy time pass: the policy waits 30 s before it adds a pod.
    let output = run(&[
        "up",
        &scenario("burst_of_gas.toml"),
        "--policy-time-factor",
        "100",
        "--json",
    ]);
    let report = json_of(&output, 0);
    assert_eq!([&report["peak_pods"], &report["final_pods"]], [2, 1]);
    assert_eq!([&report["joins"], &report["leaves"]], [1, 1]);
    assert_eq!([&report["lost"], &report["duplicated"]], [0, 0]);
    assert_eq!([&report["peak_entities"], &report["despawned"]], [9000, 9000]);
    assert_eq!(report["decisions"].as_array().map(Vec::len), Some(2), "{report}");
}

#[test]
fn bodies_of_the_users_own_are_part_of_the_world() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("bodies.csv");
    std::fs::write(
        &file,
        "id,x,y,z,vx,vy,vz,radius,mass,colour\n900001,0,20,0,0,0,0,0.5,500,red\n900002,3,20,0,0,-1,0,0.5,500,blue\n",
    )
    .expect("the file can be written");
    let bodies = file.display().to_string();
    let output = run(&[
        "up",
        &scenario("pour.toml"),
        "--bodies",
        &bodies,
        "--pods",
        "1",
        "--ticks",
        "30",
        "--rate",
        "max",
        "--json",
    ]);
    let report = json_of(&output, 0);
    // 200 of the scenario, 2 of the file, 2 a tick from tick 20 to 30.
    assert_eq!(report["spawned"], 222);
    assert_eq!(report["replay"]["equal_ticks"], 30);
}

#[test]
fn without_json_the_account_is_on_stdout_and_the_progress_on_stderr() {
    let output = run(&[
        "up",
        &scenario("pour.toml"),
        "--pods",
        "1",
        "--ticks",
        "20",
        "--rate",
        "max",
    ]);
    assert_eq!(output.status.code(), Some(0));
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(
        stdout.contains("lost                   0\n") && stdout.contains("SAME BITS: "),
        "{stdout}"
    );
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("pod 1 has joined: gRPC 127.0.0.1:"), "{stderr}");
    assert!(
        !stdout.contains('\u{1b}') && !stderr.contains('\u{1b}'),
        "colours without a terminal"
    );
}

#[test]
fn what_is_wrong_is_said_and_the_exit_code_is_2() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let broken = directory.path().join("broken.toml");
    std::fs::write(&broken, "[world]\nname = \"broken\"\ntick_rate = -5\n").expect("the file can be written");
    let broken = broken.display().to_string();
    let pour = scenario("pour.toml");
    for (arguments, said) in [
        (vec!["up", "--pod", "3"], "--pods"),
        (vec!["up", "nowhere.toml"], "there is no scenario file nowhere.toml"),
        (vec!["up", &broken], "broken.toml:3:13"),
        (
            vec!["up", &pour, "--rate", "fast"],
            "give whole ticks a second, 1 to 1000, or max",
        ),
        (
            vec!["up", &pour, "--min-pods", "3", "--max-pods", "2"],
            "minReplicas 3 and maxReplicas 2",
        ),
        (vec!["up", &pour, "--bodies", "nowhere.csv"], "nowhere.csv"),
        (vec!["verify", "nowhere.toml"], "there is no scenario file nowhere.toml"),
        (
            vec!["status", "--address", "127.0.0.1:1"],
            "cannot connect to 127.0.0.1:1",
        ),
    ] {
        let output = run(&arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(said), "{arguments:?}: {stderr}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

/// A run without end, on two pods.
struct EndlessRun {
    child: Child,
    /// gRPC addresses of its pods.
    addresses: Vec<SocketAddr>,
    stderr: Lines<BufReader<ChildStderr>>,
}

impl EndlessRun {
    fn start() -> Self {
        let pour = scenario("pour.toml");
        let mut child = jaguarctl(&["up", &pour, "--pods", "2", "--ticks", "1000000000"])
            .spawn()
            .expect("the executable starts");
        let mut stderr = BufReader::new(child.stderr.take().expect("stderr is a pipe")).lines();
        let address = |line: String| line.split_once("gRPC ")?.1.split_once(',')?.0.parse().ok();
        let lines = stderr.by_ref().map_while(Result::ok);
        let addresses: Vec<SocketAddr> = lines.filter_map(address).take(2).collect();
        assert_eq!(addresses.len(), 2, "two pods say where they are");
        Self {
            child,
            addresses,
            stderr,
        }
    }

    /// The processes of its pods (proc(5)): each thread of the parent lists those that it started.
    #[cfg(target_os = "linux")]
    fn pods(&self) -> Vec<Pid> {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("the process is there");
        let lists = threads
            .flatten()
            .map(|thread| std::fs::read_to_string(thread.path().join("children")));
        let lists: Vec<String> = lists.map_while(Result::ok).collect();
        let numbers = lists.iter().flat_map(|list| list.split_whitespace());
        numbers
            .filter_map(|number| Pid::from_raw(number.parse().ok()?))
            .collect()
    }

    /// Waits for its end and until nobody listens at its addresses.
    fn exit_code(mut self) -> (Option<i32>, String) {
        let said: Vec<String> = self.stderr.map_while(Result::ok).collect();
        let status = self.child.wait().expect("the process can be waited for");
        self.addresses.into_iter().for_each(wait_until_gone);
        (status.code(), said.join("\n"))
    }
}

/// Returns when nobody listens there any more; the kernel takes a moment to end a killed process.
fn wait_until_gone(address: SocketAddr) {
    while TcpStream::connect(address).is_ok() {
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn ctrl_c_ends_every_child_and_the_exit_code_says_so() {
    let run = EndlessRun::start();
    kill_process(Pid::from_child(&run.child), Signal::INT).expect("the process is there");
    assert_eq!(run.exit_code().0, Some(130));
}

#[test]
fn no_child_outlives_a_killed_parent() {
    let mut run = EndlessRun::start();
    run.child.kill().expect("the process is there");
    assert_eq!(run.exit_code().0, None);
}

#[test]
#[cfg(target_os = "linux")]
fn the_death_of_a_pod_ends_the_run_and_is_named() {
    let run = EndlessRun::start();
    let pods = run.pods();
    assert_eq!(pods.len(), 2);
    kill_process(pods[0], Signal::KILL).expect("the pod is there");
    let (code, said) = run.exit_code();
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("ended without being told to (signal: 9 (SIGKILL))"),
        "{said}"
    );
}
