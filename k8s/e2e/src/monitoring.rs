//! Prometheus with the shipped recording rules, and the Prometheus adapter with the rules of the shipped values files: what the HPA sees the pods through.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::certificates::Certificates;
use crate::command::Daemon;
use crate::control_plane::ControlPlane;
use crate::network::HUB;

/// Longest time until the aggregated APIs answer.
const START_LIMIT: Duration = Duration::from_secs(120);

/// The aggregated APIs that the HPA asks.
const APIS: [&str; 2] = ["/apis/custom.metrics.k8s.io/v1beta2", "/apis/metrics.k8s.io/v1beta1"];

/// Prometheus and the adapter.
#[derive(Debug)]
pub(crate) struct Monitoring {
    daemons: Vec<Daemon>,
    targets: PathBuf,
}

impl Monitoring {
    /// Starts both and registers the adapter's APIs. State and configuration go to `folder`, which must exist.
    pub(crate) async fn start(
        plane: &ControlPlane,
        certificates: &Certificates,
        binaries: &Path,
        manifests: &Path,
        folder: &Path,
        logs: &Path,
    ) -> anyhow::Result<Self> {
        register(plane, certificates, manifests, folder).await?;
        let rules = write(folder, "rules.json", &recording_rules(manifests)?)?;
        let targets = write(folder, "targets.json", &json!([]))?;
        let config = write(folder, "prometheus.json", &prometheus_config(&rules, &targets))?;
        let prometheus = [
            format!("--config.file={}", config.display()),
            format!("--storage.tsdb.path={}", folder.join("prometheus").display()),
            format!("--web.listen-address={HUB}:9090"),
        ];
        let values = values(manifests)?;
        let config = write(folder, "adapter.json", &adapter_config(&values))?;
        let kubeconfig = certificates.kubeconfig("prometheus-adapter", None)?;
        let kubeconfig = kubeconfig.display();
        let interval = values["metricsRelistInterval"].as_str().unwrap_or("1m");
        let adapter = [
            format!("--config={}", config.display()),
            format!("--prometheus-url=http://{HUB}:9090"),
            format!("--metrics-relist-interval={interval}"),
            "--secure-port=6443".to_owned(),
            format!("--tls-cert-file={}", certificates.adapter.certificate.display()),
            format!("--tls-private-key-file={}", certificates.adapter.key.display()),
            format!("--lister-kubeconfig={kubeconfig}"),
            format!("--authentication-kubeconfig={kubeconfig}"),
            format!("--authorization-kubeconfig={kubeconfig}"),
        ];
        let mut started = Self {
            daemons: vec![
                Daemon::start("prometheus", Path::new("prometheus"), prometheus, logs)?,
                Daemon::start(
                    "prometheus-adapter",
                    &binaries.join("prometheus-adapter"),
                    adapter,
                    logs,
                )?,
            ],
            targets,
        };
        started.wait(plane).await?;
        Ok(started)
    }

    async fn wait(&mut self, plane: &ControlPlane) -> anyhow::Result<()> {
        let began = Instant::now();
        for path in APIS {
            while let Err(error) = plane.kubectl(["get", "--raw", path]).await {
                self.check()?;
                if began.elapsed() > START_LIMIT {
                    bail!("the adapter does not answer after {START_LIMIT:?}: {error:#}");
                }
                sleep(Duration::from_secs(1)).await;
            }
        }
        Ok(())
    }

    /// Who tells Prometheus where the pods are.
    pub(crate) fn targets(&self) -> Targets {
        Targets(self.targets.clone())
    }

    /// Fails if one of both has ended.
    pub(crate) fn check(&mut self) -> anyhow::Result<()> {
        self.daemons.iter_mut().try_for_each(Daemon::check)
    }

    /// Ends both.
    pub(crate) async fn stop(self) {
        for daemon in self.daemons {
            daemon.stop().await;
        }
    }
}

/// The pods that Prometheus reads, in a file that it watches: Debian's Prometheus is built without discovery through the Kubernetes API.
#[derive(Clone, Debug)]
pub(crate) struct Targets(PathBuf);

impl Targets {
    /// Replaces the pods by these: name and address with port.
    pub(crate) fn set<'a>(&self, pods: impl Iterator<Item = (&'a str, String)>) -> anyhow::Result<()> {
        // The labels are those of the shipped PodMonitor.
        let target = |(name, address)| json!({ "targets": [address], "labels": { "namespace": "default", "pod": name, "container": "jaguard" } });
        let next = self.0.with_extension("next");
        fs::write(&next, Value::Array(pods.map(target).collect()).to_string())?;
        fs::rename(&next, &self.0)?;
        Ok(())
    }
}

async fn register(
    plane: &ControlPlane,
    certificates: &Certificates,
    manifests: &Path,
    folder: &Path,
) -> anyhow::Result<()> {
    let template = read(&manifests.join("e2e/monitoring.yaml"))?;
    let bundle = k8s_openapi::ByteString(certificates.cluster_authority_pem().into_bytes());
    let bundle = serde_json::to_value(bundle)?;
    let text = template
        .replace("CA_BUNDLE", bundle.as_str().unwrap_or_default())
        .replace("\"HUB\"", &format!("\"{HUB}\""));
    let path = folder.join("monitoring.yaml");
    fs::write(&path, text)?;
    plane
        .kubectl(["apply".as_ref(), "-f".as_ref(), path.as_os_str()])
        .await
        .map(drop)
}

/// The groups of the shipped PrometheusRule, as Prometheus wants them.
fn recording_rules(manifests: &Path) -> anyhow::Result<Value> {
    let path = manifests.join("base/prometheus-rules.yaml");
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(&read(&path)?).with_context(|| path.display().to_string())?;
    let rule = documents
        .into_iter()
        .find(|document| document["kind"] == "PrometheusRule");
    let rule = rule.with_context(|| format!("{}: there is no PrometheusRule", path.display()))?;
    Ok(json!({ "groups": rule["spec"]["groups"] }))
}

/// Both shipped values files, one over the other, as Helm reads them.
fn values(manifests: &Path) -> anyhow::Result<Value> {
    let folder = manifests.join("prometheus-adapter");
    let parse = |name: &str| -> anyhow::Result<Value> {
        serde_saphyr::from_str(&read(&folder.join(name))?).with_context(|| name.to_owned())
    };
    let mut values = parse("values.yaml")?;
    values["rules"]["resource"] = parse("resource-metrics.yaml")?["rules"]["resource"].take();
    Ok(values)
}

/// What the chart makes of its values.
fn adapter_config(values: &Value) -> Value {
    json!({ "rules": values["rules"]["custom"], "resourceRules": values["rules"]["resource"] })
}

/// What the Prometheus operator makes of the shipped PodMonitor, without its split by series.
fn prometheus_config(rules: &Path, targets: &Path) -> Value {
    json!({
        "global": { "scrape_interval": "5s", "scrape_timeout": "5s", "evaluation_interval": "5s" },
        "rule_files": [rules],
        "scrape_configs": [{ "job_name": "jaguar-engine", "file_sd_configs": [{ "files": [targets] }] }],
    })
}

fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn write(folder: &Path, name: &str, content: &Value) -> anyhow::Result<PathBuf> {
    let path = folder.join(name);
    fs::write(&path, content.to_string()).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}
