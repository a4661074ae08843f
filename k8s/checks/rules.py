"""The rules of prometheus-rules.yaml: promtool accepts them, every alert is tested, and a broken alert is noticed by its tests."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from .build import K8S, base_objects
from .report import Skipped

TESTS = K8S / "tests"
README = K8S / "README.md"
SEVERITIES = ("info", "warning", "critical")


def shipped() -> dict:
    """The groups of rules, in the form of a file for Prometheus: the spec of the PrometheusRule is just that."""
    specs = [item["spec"] for item in base_objects() if item["kind"] == "PrometheusRule"]
    return {"groups": [group for spec in specs for group in spec["groups"]]}


def alerts(rules: dict) -> list[dict]:
    """The alerts among the rules."""
    return [rule for group in rules["groups"] for rule in group["rules"] if "alert" in rule]


def promtool(*arguments: str, directory: Path | None = None, stdin: str | None = None) -> subprocess.CompletedProcess:
    """Runs promtool; its output is in stdout, errors too."""
    if shutil.which("promtool") is None:
        raise Skipped("there is no promtool: `apt-get install prometheus` brings it")
    return subprocess.run(
        ["promtool", *arguments],
        cwd=directory,
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def accepted() -> Iterator[str]:
    """`promtool check rules` accepts them."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "rules.yaml"
        path.write_text(yaml.safe_dump(shipped()), encoding="utf-8")
        checked = promtool("check", "rules", "--lint-fatal", str(path))
        if checked.returncode != 0:
            yield checked.stdout.strip()


@cache
def _tests() -> dict[str, dict]:
    return {path.name: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(TESTS.glob("*.yaml"))}


def _run_tests(rules: dict, tests: dict) -> str | None:
    """Runs one file of unit tests on these rules. Gives promtool's output when it failed."""
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "rules.yaml").write_text(yaml.safe_dump(rules), encoding="utf-8")
        # Prometheus evaluates groups side by side; in a test the recorded series must be there before the alerts that read them.
        ordered = tests | {"group_eval_order": [group["name"] for group in rules["groups"]]}
        (Path(directory) / "tests.yaml").write_text(yaml.safe_dump(ordered), encoding="utf-8")
        tested = promtool("test", "rules", "tests.yaml", directory=Path(directory))
    return None if tested.returncode == 0 else tested.stdout


def unit_tests() -> Iterator[str]:
    """The unit tests in k8s/tests pass."""
    with ThreadPoolExecutor(2) as pool:
        for name, output in zip(_tests(), pool.map(lambda tests: _run_tests(shipped(), tests), _tests().values())):
            if output is not None:
                yield f"{name}:\n{output.strip()}"


@dataclass(frozen=True)
class Coverage:
    """The unit tests that say something about one alert."""

    firing: dict | None
    silent: dict | None
    both: dict | None


def _only(alert: str, wanted) -> dict | None:
    """The unit tests of one alert that are `wanted`, as one file; None when there is none."""
    groups = []
    for tests in _tests().values():
        for group in tests["tests"]:
            cases = [case for case in group.get("alert_rule_test", []) if case["alertname"] == alert and wanted(case)]
            if cases:
                groups.append({key: group[key] for key in group if key != "promql_expr_test"} | {"alert_rule_test": cases})
    return {"rule_files": ["rules.yaml"], "evaluation_interval": "15s", "tests": groups} if groups else None


def _coverage(alert: str) -> Coverage:
    return Coverage(
        firing=_only(alert, lambda case: case.get("exp_alerts")),
        silent=_only(alert, lambda case: not case.get("exp_alerts")),
        both=_only(alert, lambda case: True),
    )


def described() -> Iterator[str]:
    """Every alert has a severity, a summary, a description, a section in the README, and tests in which it fires and in which it does not."""
    headings = {line.lstrip("#").strip().lower() for line in README.read_text(encoding="utf-8").splitlines() if line.startswith("#")} if README.exists() else set()
    names = [alert["alert"] for alert in alerts(shipped())]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"{name}: two alerts have this name"
    for alert in alerts(shipped()):
        name, annotations = alert["alert"], alert.get("annotations", {})
        if alert.get("labels", {}).get("severity") not in SEVERITIES:
            yield f"{name}: the label severity is none of {', '.join(SEVERITIES)}"
        for key in ("summary", "description"):
            if not annotations.get(key):
                yield f"{name}: there is no annotation {key}"
        if annotations.get("runbook") != f"k8s/README.md#{name.lower()}":
            yield f"{name}: the annotation runbook is not k8s/README.md#{name.lower()}"
        if name.lower() not in headings:
            yield f"{name}: k8s/README.md has no heading '{name}'"
        coverage = _coverage(name)
        if coverage.firing is None:
            yield f"{name}: no unit test in which it fires"
        if coverage.silent is None:
            yield f"{name}: no unit test in which it stays silent"
    tested = {case["alertname"] for tests in _tests().values() for group in tests["tests"] for case in group.get("alert_rule_test", [])}
    for name in sorted(tested - set(names)):
        yield f"{name}: tested, but there is no such alert"


COMPARED = re.compile(r"((?:[<>]=?|==|!=)\s*)(\d+(?:\.\d+)?)")
DURATION = re.compile(r"(\d+)(s|m|h)")
SECONDS = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True)
class Mutant:
    """An alert that was broken on purpose, and the tests that must notice."""

    what: str
    alert: dict
    tests: dict | None


def mutants(alert: dict) -> Iterator[Mutant]:
    """Ways to break an alert: it never fires, it always fires, it waits not at all or a little longer, and each number that it compares with is a fifth more or less
    (small whole numbers, which count things: one more or less)."""
    name = alert["alert"]
    coverage = _coverage(name)
    yield Mutant(f"{name} never fires", alert | {"expr": "vector(0) > 1"}, coverage.firing)
    yield Mutant(f"{name} always fires", alert | {"expr": "vector(1)"}, coverage.silent)
    expr = alert["expr"]
    for found in COMPARED.finditer(expr):
        number = float(found[2])
        for changed in (number + 1, number - 1) if number in range(10) else (number * 1.2, number * 0.8):
            replaced = f"{expr[: found.start()]}{found[1]}{changed:g}{expr[found.end() :]}"
            yield Mutant(f"{name}: {found[0]} becomes {changed:g}", alert | {"expr": replaced}, coverage.both)
    if "for" in alert:
        amount, unit = DURATION.fullmatch(alert["for"]).groups()
        seconds = int(amount) * SECONDS[unit]
        yield Mutant(f"{name} does not wait", {key: alert[key] for key in alert if key != "for"}, coverage.both)
        yield Mutant(f"{name} waits {seconds + 15} s", alert | {"for": f"{seconds + 15}s"}, coverage.both)


def _with(rules: dict, mutant: Mutant) -> dict:
    """The broken alert alone, with all that is recorded."""
    recorded = [group | {"rules": [rule for rule in group["rules"] if "record" in rule]} for group in rules["groups"]]
    return {"groups": [group for group in recorded if group["rules"]] + [{"name": "broken", "rules": [mutant.alert]}]}


def _survives(rules: dict, files: list[dict]) -> bool:
    """Whether the unit tests of all these files pass on broken rules."""
    return all(_run_tests(rules, tests) is None for tests in files)


def mutation() -> Iterator[str]:
    """Each alert, broken in each way, fails its unit tests, and so do the rules without one of those that record."""
    rules = shipped()
    broken = [(mutant.what, _with(rules, mutant), [mutant.tests] if mutant.tests else []) for alert in alerts(rules) for mutant in mutants(alert)]
    # The dead band first: it is quick, and most of them are its own.
    files = sorted(_tests().values(), key=lambda tests: tests is not _tests()["dead_band.yaml"])
    for missing in (rule for group in rules["groups"] for rule in group["rules"] if "record" in rule):
        rest = {"groups": [group | {"rules": [rule for rule in group["rules"] if rule is not missing]} for group in rules["groups"]]}
        broken.append((f"{missing['record']} {missing.get('labels', '')} is not recorded", rest, files))
    with ThreadPoolExecutor(2) as pool:
        for (what, _, _), survives in zip(broken, pool.map(lambda case: _survives(*case[1:]), broken)):
            if survives:
                yield f"{what}: no unit test notices"
