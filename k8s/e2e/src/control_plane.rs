//! A real control plane: etcd, kube-apiserver, kube-controller-manager, kube-scheduler, at their defaults wherever that is possible.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use kube::Client;
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use tokio::time::sleep;

use crate::certificates::Certificates;
use crate::command::{Daemon, run};
use crate::network::HUB;

/// Longest time for the API server to become ready, on a machine with other things to do.
const START_LIMIT: Duration = Duration::from_secs(120);

const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// The processes of the control plane.
pub(crate) struct ControlPlane {
    binaries: PathBuf,
    logs: PathBuf,
    /// Arguments of the API server, to start it again.
    api_server_arguments: Vec<String>,
    etcd: Daemon,
    api_server: Option<Daemon>,
    clients: Vec<Daemon>,
    client: Client,
    /// With it, everything is allowed.
    admin_kubeconfig: PathBuf,
}

impl ControlPlane {
    /// Starts everything and waits until the API server is ready. State goes to `folder`, which must exist.
    pub(crate) async fn start(
        binaries: &Path,
        folder: &Path,
        logs: &Path,
        certificates: &Certificates,
    ) -> anyhow::Result<Self> {
        let admin_kubeconfig = certificates.kubeconfig("e2e-admin", Some("system:masters"))?;
        let data = format!("--data-dir={}", folder.join("etcd").display());
        // What is lost in a crash of the machine is lost anyway; waiting for the disk only takes time from everything else.
        let etcd = Daemon::start("etcd", &binaries.join("etcd"), [&data, "--unsafe-no-fsync"], logs)?;
        let mut plane = Self {
            binaries: binaries.to_owned(),
            logs: logs.to_owned(),
            api_server_arguments: api_server_arguments(certificates),
            etcd,
            api_server: None,
            clients: Vec::new(),
            client: connect(&admin_kubeconfig).await?,
            admin_kubeconfig,
        };
        plane.start_api_server().await?;
        plane.start_controllers(certificates)?;
        Ok(plane)
    }

    /// A client that may do everything.
    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    /// Starts the API server and waits until it says that it is ready.
    pub(crate) async fn start_api_server(&mut self) -> anyhow::Result<()> {
        let program = self.binaries.join("kube-apiserver");
        let mut server = Daemon::start("kube-apiserver", &program, &self.api_server_arguments, &self.logs)?;
        let began = Instant::now();
        loop {
            server.check()?;
            self.etcd.check()?;
            match self.ready().await {
                Ok(()) => break,
                Err(error) if began.elapsed() > START_LIMIT => {
                    bail!(
                        "kube-apiserver is not ready after {START_LIMIT:?}: {error:#}; see {}",
                        self.logs.display()
                    )
                }
                Err(_) => sleep(POLL_INTERVAL).await,
            }
        }
        self.api_server = Some(server);
        Ok(())
    }

    async fn ready(&self) -> anyhow::Result<()> {
        self.kubectl(["get", "--raw", "/readyz"]).await.map(drop)
    }

    /// Runs kubectl with all rights, and gives what it printed.
    pub(crate) async fn kubectl(
        &self,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> anyhow::Result<String> {
        let mut all = vec![OsString::from("--kubeconfig"), self.admin_kubeconfig.clone().into()];
        all.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        run("kubectl", all).await
    }

    /// Ends the API server as a crash would.
    pub(crate) async fn kill_api_server(&mut self) -> anyhow::Result<()> {
        let server = self.api_server.take().context("the API server does not run")?;
        server.kill().await;
        Ok(())
    }

    fn start_controllers(&mut self, certificates: &Certificates) -> anyhow::Result<()> {
        // One of each runs, so nobody needs to be elected; with an election they would end when the API server is away, and nobody would start them again.
        let common = |kubeconfig: &Path| {
            let kubeconfig = kubeconfig.display();
            vec![
                format!("--kubeconfig={kubeconfig}"),
                format!("--authentication-kubeconfig={kubeconfig}"),
                format!("--authorization-kubeconfig={kubeconfig}"),
                "--leader-elect=false".to_owned(),
                "--bind-address=127.0.0.1".to_owned(),
            ]
        };
        let mut manager = common(&certificates.kubeconfig("system:kube-controller-manager", None)?);
        manager.extend([
            format!("--root-ca-file={}", certificates.cluster_authority().display()),
            format!(
                "--service-account-private-key-file={}",
                certificates.token_key.display()
            ),
            "--use-service-account-credentials=true".to_owned(),
        ]);
        let scheduler = common(&certificates.kubeconfig("system:kube-scheduler", None)?);
        for (name, arguments) in [("kube-controller-manager", manager), ("kube-scheduler", scheduler)] {
            self.clients
                .push(Daemon::start(name, &self.binaries.join(name), arguments, &self.logs)?);
        }
        Ok(())
    }

    /// Fails if a part that should run does not.
    pub(crate) fn check(&mut self) -> anyhow::Result<()> {
        self.etcd.check()?;
        let all = self.api_server.iter_mut().chain(&mut self.clients);
        all.into_iter().try_for_each(Daemon::check)
    }

    /// Ends everything.
    pub(crate) async fn stop(self) {
        for daemon in self.clients {
            daemon.stop().await;
        }
        if let Some(server) = self.api_server {
            // It would wait for its watches to end.
            server.kill().await;
        }
        self.etcd.stop().await;
    }
}

/// A client with the identity of a kubeconfig.
pub(crate) async fn connect(kubeconfig: &Path) -> anyhow::Result<Client> {
    let read = Kubeconfig::read_from(kubeconfig)?;
    let config = Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}

fn api_server_arguments(certificates: &Certificates) -> Vec<String> {
    let file = |path: &Path| path.display().to_string();
    let flags = [
        ("advertise-address", HUB.to_string()),
        ("secure-port", "443".to_owned()),
        ("etcd-servers", "http://127.0.0.1:2379".to_owned()),
        ("service-cluster-ip-range", "10.96.0.0/16".to_owned()),
        ("authorization-mode", "Node,RBAC".to_owned()),
        ("enable-admission-plugins", "NodeRestriction".to_owned()),
        ("tls-cert-file", file(&certificates.api_server.certificate)),
        ("tls-private-key-file", file(&certificates.api_server.key)),
        ("client-ca-file", file(&certificates.cluster_authority())),
        (
            "service-account-issuer",
            "https://kubernetes.default.svc.cluster.local".to_owned(),
        ),
        ("service-account-key-file", file(&certificates.token_public_key)),
        ("service-account-signing-key-file", file(&certificates.token_key)),
        // The aggregation layer: how the adapter knows that it is the API server who speaks, and for whom.
        ("proxy-client-cert-file", file(&certificates.aggregator.certificate)),
        ("proxy-client-key-file", file(&certificates.aggregator.key)),
        (
            "requestheader-client-ca-file",
            file(certificates.aggregation_authority()),
        ),
        ("requestheader-allowed-names", "front-proxy-client".to_owned()),
        ("requestheader-extra-headers-prefix", "X-Remote-Extra-".to_owned()),
        ("requestheader-group-headers", "X-Remote-Group".to_owned()),
        ("requestheader-username-headers", "X-Remote-User".to_owned()),
        // There is no kube-proxy: it goes to the addresses behind a Service itself.
        ("enable-aggregator-routing", "true".to_owned()),
    ];
    flags.map(|(flag, value)| format!("--{flag}={value}")).into()
}
