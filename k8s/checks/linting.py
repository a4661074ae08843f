"""Applies the rules of lint.py, links.py and promises.py to every build."""

from collections.abc import Iterator

from .build import K8S, Object, build, kustomizations
from .lint import GENERAL, Rule
from .links import LINKS
from .promises import PROMISES

RULES: tuple[Rule, ...] = GENERAL + LINKS + PROMISES


def complaints(items: list[Object]) -> Iterator[tuple[str, str]]:
    """The rule's name and what it says."""
    for rule in RULES:
        for complaint in rule(items):
            yield rule.__name__, complaint


def every_build() -> Iterator[str]:
    """The base, every overlay, and every component on the base; a complaint about several is one."""
    found: dict[str, list[str]] = {}
    for directory in kustomizations():
        for rule, complaint in complaints(build(directory)):
            found.setdefault(f"{rule}: {complaint}", []).append(str(directory.relative_to(K8S)))
    for complaint, where in found.items():
        yield f"{complaint} ({', '.join(where)})"
