"""k8s/README.md: its links lead somewhere, and it names what there is."""

import re
from collections.abc import Iterator

from .build import COMPONENTS, K8S, OVERLAYS, base_files

README = K8S / "README.md"


def _anchors(markdown: str) -> set[str]:
    """The anchors of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", markdown, re.MULTILINE)
    return {re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links() -> Iterator[str]:
    """Links to files and headings, also those of other files."""
    text = README.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", text):
        path, _, anchor = target.partition("#")
        file = (K8S / path) if path else README
        if not file.exists():
            yield f"README.md links to {target}, which does not exist"
        elif anchor and anchor not in _anchors(file.read_text(encoding="utf-8")):
            yield f"README.md links to {target}, and there is no such heading"


def files() -> Iterator[str]:
    """Every file of the base, component and overlay is named."""
    text = README.read_text(encoding="utf-8")
    named = [f"base/{path.name}" for path in base_files()] + [f"components/{path.parent.name}" for path in COMPONENTS.glob("*/kustomization.yaml")]
    for name in named:
        if f"`{name}`" not in text:
            yield f"README.md does not name {name}"
    for name in re.findall(r"`((?:components|base)/[a-z0-9.-]+)`", text):
        if not (K8S / name).exists():
            yield f"README.md names {name}, which does not exist"
    for path in OVERLAYS.glob("*/kustomization.yaml"):
        if path.parent.name not in text:
            yield f"README.md does not name the overlay {path.parent.name}"
