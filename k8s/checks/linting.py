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
    """The base, every overlay, and every component on the base."""
    for directory in kustomizations():
        for rule, complaint in complaints(build(directory)):
            yield f"{directory.relative_to(K8S)}: {rule}: {complaint}"
