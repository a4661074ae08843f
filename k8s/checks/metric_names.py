"""Every metric that the rules, the dashboards and the adapter's configuration read exists: on a pod, among the recorded ones, or in exporters.txt."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from . import promql
from .build import COMPONENTS, K8S, base_objects, documents
from .rules import shipped

METRICS_REFERENCE = K8S.parent / "docs" / "metrics.md"
EXPORTERS = Path(__file__).parent / "exporters.txt"
ADAPTER = K8S / "prometheus-adapter"


def used() -> Iterator[tuple[str, str]]:
    """Where a metric is read, and its name."""
    for group in shipped()["groups"]:
        for rule in group["rules"]:
            for name in promql.metrics(rule["expr"]):
                yield f"rule {rule.get('alert') or rule['record']}", name
    for title, expression in panels():
        for name in promql.metrics(expression):
            yield title, name
    for path in sorted(ADAPTER.glob("*.yaml")):
        for values in documents(path):
            for where, expression in _adapter_queries(values.get("rules", {})):
                for name in promql.metrics(expression):
                    yield f"{path.name}, {where}", name
    for item in base_objects():
        if item["kind"] == "HorizontalPodAutoscaler":
            for metric in item["spec"]["metrics"]:
                if metric["type"] == "Pods":
                    yield "hpa.yaml", metric["pods"]["metric"]["name"]


def panels() -> Iterator[tuple[str, str]]:
    """Every panel's and variable's query on a dashboard, with its title."""
    for path in sorted(COMPONENTS.glob("*/*.json")):
        for title, expression in _panels(json.loads(path.read_text(encoding="utf-8"))):
            yield f"{path.name}, panel '{title}'", expression


def _panels(dashboard: dict) -> Iterator[tuple[str, str]]:
    for panel in dashboard.get("panels", []):
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]
    for variable in dashboard.get("templating", {}).get("list", []):
        query = variable.get("query")
        if isinstance(query, dict):
            yield f"variable {variable['name']}", re.sub(r"label_values\((.*),[^,]*\)", r"\1", query["query"])


def _adapter_queries(rules: dict) -> Iterator[tuple[str, str]]:
    """Queries of the adapter are templates: << >> stands for labels, in selectors and after 'by'."""
    for kind in ("cpu", "memory"):
        for query in ("containerQuery", "nodeQuery"):
            if kind in rules.get("resource", {}):
                yield f"{kind}.{query}", re.sub(r"<<[^>]*>>", "label", rules["resource"][kind][query])


def adapter_serves_the_hpa() -> Iterator[str]:
    """Each Pods metric of the HPA is found by a rule of the adapter, which tells pods apart."""
    rules = [rule for path in ADAPTER.glob("*.yaml") for values in documents(path) for rule in values["rules"].get("custom", [])]
    for rule in rules:
        if "by (<<.GroupBy>>)" not in rule["metricsQuery"]:
            yield f"{rule['seriesQuery']}: the query is not grouped, so that all pods have one value"
    patterns = [re.search(r'__name__=~"([^"]*)"', rule["seriesQuery"])[1] for rule in rules]
    for item in base_objects():
        for metric in item["spec"]["metrics"] if item["kind"] == "HorizontalPodAutoscaler" else []:
            name = metric.get("pods", {}).get("metric", {}).get("name")
            if name is not None and not any(re.search(pattern, name) for pattern in patterns):
                yield f"hpa.yaml asks for {name}, which prometheus-adapter/values.yaml does not serve"


def documented() -> set[str]:
    """The metrics of docs/metrics.md, which is generated from the code, with the series that a histogram has."""
    # A star marks those that are exported only where their value is known.
    rows = re.findall(r"^\| `([a-z0-9_]+)`(?: \*)? \| (\w+) \|", METRICS_REFERENCE.read_text(encoding="utf-8"), re.MULTILINE)
    return {name + suffix for name, kind in rows for suffix in (("_bucket", "_sum", "_count") if kind == "histogram" else ("",))}


def exported(scrape: str) -> set[str]:
    """The series of a real scrape."""
    return {re.match(r"[a-zA-Z0-9_:]+", line)[0] for line in scrape.splitlines() if line and not line.startswith("#")}


def of_others() -> set[str]:
    """The metrics of known exporters."""
    return {line for line in EXPORTERS.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")}


def known(existing: set[str]) -> Iterator[str]:
    """What is used and is neither in `existing`, nor recorded, nor of a known exporter."""
    recorded = {rule["record"] for group in shipped()["groups"] for rule in group["rules"] if "record" in rule}
    others = of_others()
    for where, name in sorted(set(used())):
        if name not in existing | recorded | others:
            yield f"{where}: no pod exports {name}, no rule records it, and checks/exporters.txt does not have it"


def in_reference() -> Iterator[str]:
    """Used metrics are in docs/metrics.md."""
    yield from known(documented())
