"""Every object fits the schema of its kind, and has no field that the schema does not know.

Kinds that Kubernetes brings: the schemas of the package kubernetes-validate, for several releases; the oldest it has is 1.25, so what 1.25 added to 1.24 is
listed here. Kinds of CRDs: schemas/*.json, written from the CRDs' documentation for the fields that are used; a field that they do not list is an error, so using one means looking it up.
"""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import jsonschema
import kubernetes_validate

from .build import K8S, Object, base_files, build, documents, kustomizations, name_of

# The oldest with a schema, that of k8s/e2e's control plane, and the newest when this was written.
RELEASES = ("1.25", "1.35", "1.37")
SCHEMAS = Path(__file__).parent / "schemas"

# Fields of the kinds used here that 1.24 does not know and 1.25 does (Kubernetes changelog 1.25).
ADDED_IN_1_25 = frozenset({"matchLabelKeys", "nodeAffinityPolicy", "nodeTaintsPolicy", "hostUsers", "podFailurePolicy"})
# Kinds that came after 1.24; they stand in components that say so.
NEWER_KINDS = {"ValidatingAdmissionPolicy": "1.30", "ValidatingAdmissionPolicyBinding": "1.30"}


@cache
def _custom(api_version: str, kind: str) -> dict | None:
    group, _, version = api_version.partition("/")
    path = SCHEMAS / f"{kind.lower()}-{group}-{version}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def complaints(item: Object) -> tuple[str, ...]:
    """What is wrong with one object."""
    return _complaints(json.dumps(item, sort_keys=True))


# Most objects are the same in most builds.
@cache
def _complaints(text: str) -> tuple[str, ...]:
    return tuple(_validate(json.loads(text)))


def _validate(item: Object) -> Iterator[str]:
    api_version, kind = item.get("apiVersion", ""), item.get("kind", "")
    custom = _custom(api_version, kind)
    if custom is not None:
        for error in jsonschema.Draft202012Validator(custom).iter_errors(item):
            yield f"{name_of(item)}: {error.json_path}: {error.message}"
        return
    for release in RELEASES:
        if kind in NEWER_KINDS and _number(release) < _number(NEWER_KINDS[kind]):
            continue
        try:
            kubernetes_validate.validate(item, release, strict=True)
        except kubernetes_validate.ValidationError as error:
            path = ".".join(str(step) for step in error.path)
            yield f"{name_of(item)}: Kubernetes {release}: {path}: {error.message}"
        except kubernetes_validate.SchemaNotFoundError:
            yield f"{name_of(item)}: Kubernetes {release} has no {api_version} {kind}, and checks/schemas has no schema of it"
    for field in sorted(_fields(item) & ADDED_IN_1_25):
        yield f"{name_of(item)}: Kubernetes 1.24 does not know the field {field}"


def _number(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split("."))


def _fields(value: object) -> set[str]:
    if isinstance(value, dict):
        return set(value) | {field for inner in value.values() for field in _fields(inner)}
    if isinstance(value, list):
        return {field for inner in value for field in _fields(inner)}
    return set()


def single_files() -> Iterator[str]:
    """The files of the base, each for itself."""
    for path in base_files():
        for item in documents(path):
            for complaint in complaints(item):
                yield f"{path.relative_to(K8S)}: {complaint}"


def built() -> Iterator[str]:
    """What kustomize builds."""
    for directory in kustomizations():
        for item in build(directory):
            for complaint in complaints(item):
                yield f"{directory.relative_to(K8S)}: {complaint}"
