"""`python -m checks [--mutate] [JAGUARD]`, in k8s/; `k8s/check` calls it."""

import argparse
import sys
from pathlib import Path

from . import build, rules, schemas
from .report import Report


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
    report.run("promtool accepts the rules", rules.accepted)
    report.run("unit tests of the rules", rules.unit_tests)
    report.run("every alert is described and tested", rules.described)
    if arguments.mutate:
        report.run("every broken alert is noticed", rules.mutation)
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
