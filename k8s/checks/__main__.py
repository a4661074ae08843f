"""`python -m checks [--mutate] [JAGUARD]`, in k8s/; `k8s/check` calls it."""

import argparse
import sys
from pathlib import Path

from . import breakages, build, linting, live, metric_names, promises, readme, rules, schemas
from .report import Report, Skipped


def main() -> int:
    """Runs the checks that the arguments ask for; the exit code says whether all held."""
    parser = argparse.ArgumentParser(prog="k8s/check", description="Checks the manifests without a cluster.")
    parser.add_argument("--mutate", action="store_true", help="break every alert on purpose and expect its unit tests to notice")
    parser.add_argument("jaguard", nargs="?", type=Path, help="start three pods of it and read them with a real Prometheus")
    arguments = parser.parse_args()

    report = Report()
    report.run("base, components and overlays build", build.builds)
    report.run("single files fit the schemas", schemas.single_files)
    report.run("what is built fits the schemas", schemas.built)
    report.run("every build keeps the rules", linting.every_build)
    report.run("the base is what was promised, without CRDs", promises.base)
    report.run("production is fit for production", promises.production)
    report.run("every rule notices what it is for", breakages.noticed)
    report.run("used metrics are in docs/metrics.md", metric_names.in_reference)
    report.run("the adapter serves what the HPA asks for", metric_names.adapter_serves_the_hpa)
    report.run("promtool accepts the rules", rules.accepted)
    report.run("unit tests of the rules", rules.unit_tests)
    report.run("every alert is described and tested", rules.described)
    report.run("the README's links lead somewhere", readme.links)
    report.run("the README names what there is", readme.files)
    if arguments.mutate:
        report.run("every broken alert is noticed", rules.mutation)
    if arguments.jaguard is not None:
        with_pods(report, arguments.jaguard)
    return report.close()


def with_pods(report: Report, jaguard: Path) -> None:
    """The checks that read three real pods."""
    try:
        with live.started(jaguard) as running:
            for name, check in (
                ("both monitors read three real pods", live.targets_answer),
                ("each series is read once", live.read_once),
                ("the rules give values on real pods", live.rules_hold),
                ("the dashboard shows real pods", live.dashboard_shows),
                ("used metrics are on a real pod", live.names_exist),
                ("promtool accepts what a pod exports", live.exposition),
            ):
                report.run(name, lambda check=check: check(running))
    except Skipped as reason:
        report.skip("three real pods and a real Prometheus", reason)
    except (OSError, RuntimeError) as error:
        report.run("three real pods and a real Prometheus start", lambda: [str(error)])


if __name__ == "__main__":
    sys.exit(main())
