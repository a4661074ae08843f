"""The manifests as a cluster gets them: single files, and what kustomize builds."""

import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import yaml

from .report import Skipped

K8S = Path(__file__).resolve().parent.parent
BASE = K8S / "base"
OVERLAYS = K8S / "overlays"
COMPONENTS = K8S / "components"

# The safe loader in C, which most installations of PyYAML have, is ten times as fast.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Object = dict

# Components that stand on others.
NEEDS = {"backup": ("snapshots", "tls"), "gateway-backend-tls": ("gateway", "tls")}


def name_of(item: Object) -> str:
    """Kind and name, as in messages of kubectl."""
    return f"{item.get('kind')}/{item.get('metadata', {}).get('name')}"


def documents(path: Path) -> list[Object]:
    """The objects of one file."""
    with path.open(encoding="utf-8") as file:
        return [item for item in yaml.load_all(file, Loader=LOADER) if item]


def base_files() -> list[Path]:
    """The files of the base that can be applied one by one."""
    return sorted(path for path in BASE.glob("*.yaml") if path.name != "kustomization.yaml")


def base_objects() -> list[Object]:
    """All objects of the base's files, those that kustomize leaves out too."""
    return [item for path in base_files() for item in documents(path)]


def kustomizations() -> list[Path]:
    """What is built: the base, the overlays, and each component on top of the base."""
    built = [BASE]
    built += sorted(path.parent for path in OVERLAYS.glob("*/kustomization.yaml"))
    built += sorted(path.parent for path in COMPONENTS.glob("*/kustomization.yaml"))
    return built


@cache
def _builder() -> tuple[str, ...]:
    for command in (("kubectl", "kustomize"), ("kustomize", "build")):
        if shutil.which(command[0]) is None:
            continue
        # An old kubectl knows no components.
        if subprocess.run([*command, str(BASE)], capture_output=True, check=False).returncode == 0:
            return command
    raise Skipped("there is neither a kubectl that builds k8s/base nor kustomize, and no Go to build it with")


@cache
def _build(directory: Path) -> str:
    built = subprocess.run([*_builder(), str(directory)], capture_output=True, text=True, check=False)
    if built.returncode != 0:
        raise ValueError(f"{directory.relative_to(K8S)}: {built.stderr.strip()}")
    return built.stdout


@cache
def _combined(component: Path) -> Path:
    """A kustomization in a namespace of its own with the base, one component, and those that it needs."""
    work = K8S / ".build" / component.name
    work.mkdir(parents=True, exist_ok=True)
    text = "\n".join(
        [
            "apiVersion: kustomize.config.k8s.io/v1beta1",
            "kind: Kustomization",
            "namespace: combined",
            "resources: [../../base]",
            "components:",
            *("  - ../../components/" + name for name in (*NEEDS.get(component.name, ()), component.name)),
            "",
        ]
    )
    (work / "kustomization.yaml").write_text(text, encoding="utf-8")
    return work


def build(directory: Path) -> list[Object]:
    """The objects of a kustomization; of a component, together with the base.

    Raises ValueError with kustomize's message when it does not build.
    """
    source = _combined(directory) if directory.parent == COMPONENTS else directory
    return [item for item in yaml.load_all(_build(source), Loader=LOADER) if item]


def builds() -> Iterator[str]:
    """Everything builds."""
    for directory in kustomizations():
        try:
            if not build(directory):
                yield f"{directory.relative_to(K8S)}: nothing in it"
        except ValueError as reason:
            yield str(reason)
