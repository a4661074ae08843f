"""Three real pods, and a real Prometheus that reads them with the shipped monitors and evaluates the shipped rules.

The monitors become scrape jobs as the Prometheus operator would make them, but for discovery: the targets are given, with the labels that discovery would add.
Times are shorter: everything is read and evaluated once a second.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import yaml

from . import metric_names, promql
from .build import base_objects
from .report import Skipped
from .rules import alerts, promtool, shipped

PODS = 3
NAMESPACE = "jaguar"
# Recorded only where the kernel counts the periods of a CPU limit, which a machine without one does not.
NEEDS_A_CPU_LIMIT = {"pod:jaguar_cpu_periods:throttled_ratio"}
# Without TLS no certificate has an end, and the dashboard shows none.
NEEDS_TLS = {"jaguar_tls_certificate_expiry_timestamp_seconds"}
# What promtool has against names that were fixed before it was asked, and against those that follow them: times of ticks are in ms everywhere.
FIXED_NAMES = re.compile(
    r"jaguar_(entity|ghost)_count non-histogram and non-summary metrics should not have \"_count\" suffix"
    r"|jaguar_[a-z_]+_ms metric names should not contain abbreviated units"
)
# What a pod says last, which both monitors read.
READ_BY_BOTH = {"jaguar_world_halted", "jaguar_drains_total", "jaguar_entity_migration_failures_total"}
# What Prometheus adds to each scrape.
SCRAPES = {"up", "scrape_duration_seconds", "scrape_samples_post_metric_relabeling", "scrape_samples_scraped", "scrape_series_added"}
# Loaded machines are slow; nothing is measured against this.
PATIENCE_SECONDS = 120


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextmanager
def _process(command: list[str], log: Path, **options) -> Iterator[subprocess.Popen]:
    with log.open("wb") as output, subprocess.Popen(command, stderr=output, **options) as process:
        try:
            yield process
        finally:
            process.kill()


@dataclass
class Live:
    """The running pods and Prometheus."""

    pods: list[str]
    prometheus: str

    def query(self, expression: str) -> list[dict]:
        """The samples of an instant query."""
        return self.api("query", query=expression)["result"]

    def api(self, path: str, **parameters: str) -> dict:
        """One answer of Prometheus' HTTP API."""
        return json.loads(_get(f"http://{self.prometheus}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"))["data"]

    @cached_property
    def scrape(self) -> str:
        """What a pod exports."""
        return _get(f"http://{self.pods[0]}/metrics")


def _wait(what: str, reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not reached():
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {PATIENCE_SECONDS} s still not: {what}")
        time.sleep(0.5)


def _configuration(directory: Path) -> Path:
    """The shipped ConfigMap as kubelet mounts it, except for discovery, which needs a cluster."""
    [config] = [item for item in base_objects() if item["kind"] == "ConfigMap"]
    mounted = directory / "config"
    mounted.mkdir()
    for key, value in config["data"].items():
        if not key.startswith("kubernetes_") and key != "cluster_discovery_method":
            (mounted / key).write_text(value, encoding="utf-8")
    return mounted


@contextmanager
def _pod(jaguard: Path, name: str, seed: str | None, config: Path, log: Path) -> Iterator[dict]:
    command = [str(jaguard), "--config", str(config), "--bind-address", "127.0.0.1", "--grpc-port", "0", "--metrics-port", "0", "--name", name, "--exit-with-stdin"]
    environment = os.environ | {"JAGUAR_CPU_REQUEST_MILLICORES": "1000", "JAGUAR_MEMORY_REQUEST_BYTES": str(2 << 30)}
    command += ["--join", seed] if seed else []
    with _process(command, log, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as process:
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"{name} did not start:\n{log.read_text()}")
        yield json.loads(line)


def _scrape_configs(pods: dict[str, str]) -> list[dict]:
    """The jobs that the operator makes of the monitors, with fixed targets."""
    targets = [{"targets": [address], "labels": {"namespace": NAMESPACE, "pod": name, "container": "jaguard"}} for name, address in pods.items()]
    jobs = []
    for item in base_objects():
        for endpoint in item.get("spec", {}).get("endpoints", []) + item.get("spec", {}).get("podMetricsEndpoints", []):
            relabelings = [
                {"action": rule["action"], "source_labels": rule["sourceLabels"], "regex": rule["regex"]} for rule in endpoint["metricRelabelings"]
            ]
            jobs.append({"job_name": item["metadata"]["name"], "metrics_path": endpoint["path"], "metric_relabel_configs": relabelings, "static_configs": targets})
    return jobs


@contextmanager
def started(jaguard: Path) -> Iterator[Live]:
    """Starts everything, and waits until each rule has been evaluated on what three members export."""
    if shutil.which("prometheus") is None:
        raise Skipped("there is no prometheus: `apt-get install prometheus` brings it")
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        config = _configuration(directory)
        names = [f"jaguar-engine-7d9c5b8f6-{letter * 5}" for letter in "abc"[:PODS]]
        ready: list[dict] = []
        for name in names:
            seed = ready[0]["grpc"] if ready else None
            ready.append(stack.enter_context(_pod(jaguard, name, seed, config, directory / f"{name}.log")))
        pods = {name: line["http"] for name, line in zip(names, ready)}

        rules = {"groups": [group | {"interval": "1s"} for group in shipped()["groups"]]}
        (directory / "rules.yaml").write_text(yaml.safe_dump(rules), encoding="utf-8")
        settings = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "rule_files": ["rules.yaml"], "scrape_configs": _scrape_configs(pods)}
        (directory / "prometheus.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
        address = f"127.0.0.1:{_free_port()}"
        command = ["prometheus", "--config.file=prometheus.yaml", f"--web.listen-address={address}", "--storage.tsdb.path=tsdb", "--log.level=warn"]
        process = stack.enter_context(_process(command, directory / "prometheus.log", cwd=directory))

        live = Live(list(pods.values()), address)

        def answers() -> bool:
            if process.poll() is not None:
                raise RuntimeError(f"Prometheus ended:\n{(directory / 'prometheus.log').read_text()}")
            try:
                return len(live.query("count_over_time(up[1m]) >= 5")) == 2 * PODS and len(live.query("namespace:jaguar_usage:mean")) > 0
            except OSError:
                return False

        _wait("Prometheus has read each pod five times", answers)
        _wait("all rules have been evaluated", lambda: all(rule["health"] != "unknown" for rule in _rules(live)))
        yield live


def _rules(live: Live) -> list[dict]:
    return [rule for group in live.api("rules")["groups"] for rule in group["rules"]]


def targets_answer(live: Live) -> Iterator[str]:
    """Both monitors read each pod."""
    for target in live.api("targets")["activeTargets"]:
        if target["health"] != "up":
            yield f"{target['scrapeUrl']}: {target['health']}: {target['lastError']}"


def read_once(live: Live) -> Iterator[str]:
    """Each series of a pod is read by one monitor only, but for the last words, and none is left out."""
    counted = Counter()
    for sample in live.query('{job=~"jaguar-engine.*"}'):
        counted[tuple(sorted((label, value) for label, value in sample["metric"].items() if label != "job"))] += 1
    for labels, times in counted.items():
        name = dict(labels)["__name__"]
        if times != (2 if name in READ_BY_BOTH | SCRAPES else 1):
            yield f"{dict(labels)}: read by {times} monitors"
    read = {dict(labels)["__name__"] for labels in counted}
    for name in sorted(metric_names.exported(live.scrape) - read):
        yield f"{name}: a pod exports it, and no monitor reads it"


def rules_hold(live: Live) -> Iterator[str]:
    """No rule has an error, each recording rule gives values, and three sound pods fire no alert that is about membership, lifecycle or the autoscaler's metrics."""
    for rule in _rules(live):
        if rule["health"] != "ok":
            yield f"{rule['name']}: {rule.get('lastError', rule['health'])}"
    for group in shipped()["groups"]:
        for rule in group["rules"]:
            if "record" in rule and rule["record"] not in NEEDS_A_CPU_LIMIT and not live.query(rule["record"]):
                yield f"{rule['record']}: no value"
    values = {sample["value"][1] for sample in live.query("jaguar_autoscale_entities")}
    if len(values) != 1:
        yield f"jaguar_autoscale_entities differs between pods: {sorted(values)}"
    quiet = {alert["alert"] for alert in alerts(shipped())} - {"JaguarTickRateLow", "JaguarFrameTimeHigh", "JaguarCpuHigh", "JaguarCpuCritical", "JaguarPhysicsTimeHigh"}
    for alert in live.api("alerts")["alerts"]:
        if alert["labels"]["alertname"] in quiet:
            yield f"{alert['labels']}: {alert['state']} on sound pods, value {alert['value']}"


def dashboard_shows(live: Live) -> Iterator[str]:
    """Prometheus takes every query of the dashboard, and those that three pods alone can answer give values."""
    variables = {"$namespace": NAMESPACE, "$pod": ".*", "$__rate_interval": "1m"}
    unanswered = metric_names.of_others() | NEEDS_A_CPU_LIMIT | NEEDS_TLS
    for title, expression in metric_names.panels():
        for variable, value in variables.items():
            expression = expression.replace(variable, value)
        try:
            samples = live.query(expression)
        except urllib.error.HTTPError as error:
            yield f"{title}: {expression}: {error.read().decode()}"
            continue
        if not samples and not promql.metrics(expression) & unanswered:
            yield f"{title}: {expression}: no value"


def names_exist(live: Live) -> Iterator[str]:
    """Used metrics are on a real pod."""
    counted_by_kernel = {name for name in metric_names.documented() if name.startswith("jaguar_cpu_") and name.endswith("periods_total")}
    yield from metric_names.known(metric_names.exported(live.scrape) | counted_by_kernel)


def exposition(live: Live) -> Iterator[str]:
    """`promtool check metrics` accepts a scrape, but for the fixed names."""
    checked = promtool("check", "metrics", stdin=live.scrape)
    if checked.returncode not in (0, 3):
        yield checked.stdout.strip()
    for line in checked.stdout.splitlines():
        if line.strip() and not FIXED_NAMES.fullmatch(line.strip()):
            yield line
