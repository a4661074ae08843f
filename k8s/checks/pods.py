"""What the pods of a build are made of; the rules of lint.py read it."""

from collections.abc import Iterator
from dataclasses import dataclass

from .build import Object, name_of


@dataclass(frozen=True)
class Pods:
    """The pods that one object makes."""

    owner: Object
    template: Object

    @property
    def name(self) -> str:
        """Kind and name of what makes them."""
        return name_of(self.owner)

    @property
    def namespace(self) -> str | None:
        """Where they run."""
        return self.owner["metadata"].get("namespace")

    @property
    def labels(self) -> dict:
        """Their labels."""
        return self.template.get("metadata", {}).get("labels", {})

    @property
    def spec(self) -> dict:
        """Their PodSpec."""
        return self.template["spec"]

    @property
    def containers(self) -> list[dict]:
        """Their containers, those of the start too."""
        return self.spec.get("initContainers", []) + self.spec["containers"]

    @property
    def ports(self) -> dict[str, int]:
        """Their named ports."""
        return {port["name"]: port["containerPort"] for container in self.containers for port in container.get("ports", []) if "name" in port}

    def selected(self, labels: dict | None) -> bool:
        """Whether a selector with these labels takes them. No labels take all pods."""
        return all(self.labels.get(key) == value for key, value in (labels or {}).items())

    def port_exists(self, port: int | str) -> bool:
        """Whether they have a port of this name or number."""
        return port in self.ports or port in self.ports.values()


def pods(items: list[Object]) -> Iterator[Pods]:
    """The pods of every workload among `items`."""
    for item in items:
        match item["kind"]:
            case "Deployment" | "StatefulSet" | "DaemonSet" | "Job":
                yield Pods(item, item["spec"]["template"])
            case "CronJob":
                yield Pods(item, item["spec"]["jobTemplate"]["spec"]["template"])
            case "Pod":
                yield Pods(item, item)


def of_kind(items: list[Object], *kinds: str) -> Iterator[Object]:
    """The objects of these kinds."""
    return (item for item in items if item["kind"] in kinds)
