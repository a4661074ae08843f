//! Containers: podman, told what the pod's spec says and nothing more generous.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use k8s_openapi::api::core::v1::{Capabilities, Container, Pod, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::environment::variables;
use super::quantity::thousandths;
use super::volumes::Laid;
use crate::command::run;
use crate::network::Host;

/// How containers are run.
#[derive(Clone, Debug)]
pub(crate) struct Runtime {
    /// The program: podman with the storage that has the image (docker/podman).
    pub(crate) podman: PathBuf,
    /// The label of every container of this run.
    pub(crate) label: String,
    /// The folder for the containers' logs.
    pub(crate) logs: PathBuf,
}

/// A container that has been started.
#[derive(Clone, Debug)]
pub(super) struct Started {
    podman: PathBuf,
    /// Its name for podman.
    name: String,
}

impl Runtime {
    /// Starts the `attempt`-th container of a pod in its host.
    ///
    /// # Errors
    /// When the spec asks for something that this kubelet does not know, or podman fails.
    pub(super) async fn start(
        &self,
        pod: &Pod,
        container: &Container,
        host: &Host,
        volumes: &[Laid],
        attempt: u32,
    ) -> anyhow::Result<Started> {
        let pod_name = pod.metadata.name.as_deref().unwrap_or_default();
        let name = format!("{}-{pod_name}-{attempt}", self.label);
        let log = self.logs.join(format!("{pod_name}-{attempt}.log"));
        let mut arguments: Vec<String> = ["run", "--detach", "--pull", "never", "--log-driver", "k8s-file"]
            .map(ToOwned::to_owned)
            .into();
        let mut add = |flag: &str, value: String| arguments.extend([format!("--{flag}"), value]);
        add("name", name.clone());
        add("label", self.label.clone());
        add("log-opt", format!("path={}", log.display()));
        add("hostname", pod_name.to_owned());
        add("network", format!("ns:/run/netns/{}", host.namespace));
        // The defaults need a capability that a sandbox does not have.
        add("ulimit", "nofile=1000:1000".to_owned());
        add("ulimit", "nproc=1000:1000".to_owned());
        for (variable, value) in variables(pod, container, host.address)? {
            add("env", format!("{variable}={value}"));
        }
        for (option, value) in limits(container.resources.as_ref())? {
            add(option, value);
        }
        arguments.extend(restrictions(pod, container)?);
        arguments.extend(mounts(container, volumes)?);
        if let Some((program, rest)) = container.command.as_deref().and_then(<[String]>::split_first) {
            arguments.push(format!("--entrypoint={program}"));
            arguments.push(image(container)?);
            arguments.extend(rest.iter().cloned());
        } else {
            arguments.push(image(container)?);
        }
        arguments.extend(container.args.iter().flatten().cloned());
        run(&self.podman, arguments).await?;
        Ok(Started {
            podman: self.podman.clone(),
            name,
        })
    }
}

impl Started {
    /// Waits until it has ended, and gives its exit code.
    pub(super) async fn wait(&self) -> anyhow::Result<i32> {
        let code = run(&self.podman, ["wait", &self.name]).await?;
        code.trim()
            .parse()
            .with_context(|| format!("podman gave the exit code '{}'", code.trim()))
    }

    /// Sends a signal. That it has ended already is no error.
    pub(super) async fn signal(&self, signal: &str) {
        let _ = run(&self.podman, ["kill", "--signal", signal, &self.name]).await;
    }

    /// Removes it, ended or not; its log stays.
    pub(super) async fn remove(&self) {
        let _ = run(&self.podman, ["rm", "--force", "--ignore", "--time", "0", &self.name]).await;
    }
}

/// The image as podman knows it: what has no registry was built on this machine.
fn image(container: &Container) -> anyhow::Result<String> {
    let image = container.image.as_deref().context("the container has no image")?;
    Ok(if image.contains('/') {
        image.to_owned()
    } else {
        format!("localhost/{image}")
    })
}

/// Limits of CPU and memory. A request of CPU is a weight against the others on the machine.
fn limits(resources: Option<&ResourceRequirements>) -> anyhow::Result<Vec<(&'static str, String)>> {
    let Some(resources) = resources else {
        return Ok(Vec::new());
    };
    let of = |list: &Option<std::collections::BTreeMap<String, Quantity>>, name: &str| {
        list.as_ref().and_then(|list| list.get(name).cloned())
    };
    let mut limits = Vec::new();
    if let Some(memory) = of(&resources.limits, "memory") {
        limits.push(("memory", format!("{}b", thousandths(&memory)? / 1000)));
    }
    if let Some(cpu) = of(&resources.limits, "cpu") {
        // A quota beyond the machine's cores is refused by podman and says nothing anyway.
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let thousandths = thousandths(&cpu)?.min(i128::try_from(cores)? * 1000);
        limits.push(("cpus", format!("{}.{:03}", thousandths / 1000, thousandths % 1000)));
    }
    if let Some(cpu) = of(&resources.requests, "cpu") {
        limits.push(("cpu-shares", (thousandths(&cpu)? * 1024 / 1000).max(2).to_string()));
    }
    Ok(limits)
}

/// What the security contexts of pod and container ask for.
fn restrictions(pod: &Pod, container: &Container) -> anyhow::Result<Vec<String>> {
    let pod_context = pod.spec.as_ref().and_then(|spec| spec.security_context.as_ref());
    let context = container.security_context.as_ref();
    let mut flags = Vec::new();
    let user = context
        .and_then(|c| c.run_as_user)
        .or_else(|| pod_context.and_then(|c| c.run_as_user));
    let group = context
        .and_then(|c| c.run_as_group)
        .or_else(|| pod_context.and_then(|c| c.run_as_group));
    if let Some(user) = user {
        flags.push(format!("--user={user}:{}", group.unwrap_or(user)));
    }
    if context.and_then(|context| context.privileged) == Some(true) {
        bail!("a privileged container is not something this kubelet runs");
    }
    if context.and_then(|context| context.read_only_root_filesystem) == Some(true) {
        // Podman would add writable folders in memory, which Kubernetes does not.
        flags.extend(["--read-only".to_owned(), "--read-only-tmpfs=false".to_owned()]);
    }
    if context.and_then(|context| context.allow_privilege_escalation) == Some(false) {
        flags.push("--security-opt=no-new-privileges".to_owned());
    }
    let none = Capabilities::default();
    let capabilities = context
        .and_then(|context| context.capabilities.as_ref())
        .unwrap_or(&none);
    for (flag, names) in [("--cap-drop", &capabilities.drop), ("--cap-add", &capabilities.add)] {
        flags.extend(
            names
                .iter()
                .flatten()
                .map(|name| format!("{flag}={}", name.to_lowercase())),
        );
    }
    Ok(flags)
}

fn mounts(container: &Container, volumes: &[Laid]) -> anyhow::Result<Vec<String>> {
    let mut flags = Vec::new();
    for mount in container.volume_mounts.iter().flatten() {
        if mount.sub_path.is_some() || mount.sub_path_expr.is_some() {
            bail!("mount {}: subPath is not something this kubelet knows", mount.name);
        }
        let volume = volumes.iter().find(|volume| volume.name == mount.name);
        let volume = volume.with_context(|| format!("mount {}: there is no such volume", mount.name))?;
        let mode = if mount.read_only == Some(true) { "ro" } else { "rw" };
        flags.push(format!(
            "--volume={}:{}:{mode}",
            shown(&volume.directory)?,
            mount.mount_path
        ));
    }
    Ok(flags)
}

fn shown(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("a path that is not text")
}

/// The port that a probe names.
///
/// # Errors
/// When the container has no port of that name.
pub(super) fn port(container: &Container, name: &str) -> anyhow::Result<u16> {
    let mut ports = container.ports.iter().flatten();
    let found = ports.find(|port| port.name.as_deref() == Some(name));
    let found = found.with_context(|| format!("the container has no port named {name}"))?;
    Ok(u16::try_from(found.container_port)?)
}

/// `http://ADDRESS:PORT/PATH`
pub(super) fn url(address: Ipv4Addr, port: u16, path: &str) -> String {
    format!("http://{address}:{port}/{}", path.trim_start_matches('/'))
}
