"""Rules for every workload, in the manner of kube-linter: each takes the objects of one build and yields complaints. test_lint.py breaks each of them."""

from collections import Counter
from collections.abc import Callable, Iterator

from .build import Object, name_of
from .pods import Pods, of_kind, pods

Rule = Callable[[list[Object]], Iterator[str]]

# The volumes that the pod security standard 'restricted' allows.
RESTRICTED_VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
HOST_NAMESPACES = ("hostNetwork", "hostPID", "hostIPC")


def unique_names(items: list[Object]) -> Iterator[str]:
    """No two objects have the same kind, namespace and name."""
    counted = Counter((name_of(item), item["metadata"].get("namespace")) for item in items)
    for (name, _), times in counted.items():
        if times > 1:
            yield f"{name}: there are {times} of it"


def labels(items: list[Object]) -> Iterator[str]:
    """Every object has the label app; those of the world itself have jaguar-engine, other workloads have their own, so that no selector takes them in."""
    for item in items:
        app = item["metadata"].get("labels", {}).get("app", "")
        if not app.startswith("jaguar"):
            yield f"{name_of(item)}: the label app is {app!r}, not jaguar-engine or another name with jaguar"
    for made in pods(items):
        if (made.labels.get("app") == "jaguar-engine") != (made.name == "Deployment/jaguar-engine"):
            yield f"{made.name}: its pods have the label app {made.labels.get('app')!r}; jaguar-engine is that of the Deployment jaguar-engine and of no other"


def images(items: list[Object]) -> Iterator[str]:
    """Every image says which version it is."""
    for made in pods(items):
        for container in made.containers:
            image = container["image"]
            tag = image.rpartition("/")[2].partition(":")[2]
            if "@sha256:" not in image and tag in ("", "latest"):
                yield f"{made.name}: the image {image} has no version"


def resources(items: list[Object]) -> Iterator[str]:
    """Every container requests CPU and memory, and has a limit of memory. A limit of CPU is each overlay's own choice (trap 14)."""
    for made in pods(items):
        for container in made.containers:
            given = container.get("resources", {})
            for kind, resource in (("requests", "cpu"), ("requests", "memory"), ("limits", "memory")):
                if resource not in given.get(kind, {}):
                    yield f"{made.name}: the container {container['name']} has no {kind}.{resource}"


def probes(items: list[Object]) -> Iterator[str]:
    """Containers that run on have a readiness and a liveness probe, on a port that exists."""
    for made in pods(items):
        if made.owner["kind"] in ("Job", "CronJob"):
            continue
        for container in made.spec["containers"]:
            for probe in ("readinessProbe", "livenessProbe"):
                if probe not in container:
                    yield f"{made.name}: the container {container['name']} has no {probe}"
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                port = container.get(probe, {}).get("httpGet", {}).get("port")
                if port is not None and not made.port_exists(port):
                    yield f"{made.name}: the {probe} asks port {port}, which the pod does not have"


def restricted(items: list[Object]) -> Iterator[str]:
    """The pod security standard 'restricted', and a root file system that cannot be written."""
    for made in pods(items):
        for field in HOST_NAMESPACES:
            if made.spec.get(field):
                yield f"{made.name}: {field}"
        for volume in made.spec.get("volumes", []):
            if not set(volume) - {"name"} <= RESTRICTED_VOLUMES:
                yield f"{made.name}: the volume {volume['name']} is of a kind that 'restricted' refuses"
        for container in made.containers:
            yield from (f"{made.name}: the container {container['name']}: {complaint}" for complaint in _restricted(made, container))


def _restricted(made: Pods, container: dict) -> Iterator[str]:
    own, shared = container.get("securityContext", {}), made.spec.get("securityContext", {})
    both = shared | own
    if both.get("runAsNonRoot") is not True or both.get("runAsUser") == 0:
        yield "may run as root"
    if both.get("seccompProfile", {}).get("type") not in ("RuntimeDefault", "Localhost"):
        yield "has no seccomp profile"
    if own.get("allowPrivilegeEscalation") is not False:
        yield "may gain privileges"
    if own.get("privileged"):
        yield "is privileged"
    if own.get("readOnlyRootFilesystem") is not True:
        yield "may write to its root file system"
    capabilities = own.get("capabilities", {})
    if capabilities.get("drop") != ["ALL"] or capabilities.get("add"):
        yield "keeps capabilities"
    if any("hostPort" in port for port in container.get("ports", [])):
        yield "takes a port of its node"


def spread(items: list[Object]) -> Iterator[str]:
    """What can have several replicas is spread over nodes and zones."""
    scaled = {hpa["spec"]["scaleTargetRef"]["name"] for hpa in of_kind(items, "HorizontalPodAutoscaler")}
    for made in pods(items):
        if made.owner["kind"] != "Deployment":
            continue
        if made.owner["metadata"]["name"] not in scaled and made.owner["spec"].get("replicas", 1) < 2:
            continue
        constraints = made.spec.get("topologySpreadConstraints", [])
        for key in ("kubernetes.io/hostname", "topology.kubernetes.io/zone"):
            found = [constraint for constraint in constraints if constraint["topologyKey"] == key]
            if not any(made.selected(constraint.get("labelSelector", {}).get("matchLabels")) for constraint in found):
                yield f"{made.name}: nothing spreads its pods over {key}"


def tokens(items: list[Object]) -> Iterator[str]:
    """Only pods that talk to the Kubernetes API get a token for it, and say so."""
    bound = {subject["name"] for binding in of_kind(items, "RoleBinding", "ClusterRoleBinding") for subject in binding["subjects"]}
    for made in pods(items):
        mounts, needs = made.spec.get("automountServiceAccountToken"), made.spec.get("serviceAccountName") in bound
        if mounts is not needs:
            yield f"{made.name}: automountServiceAccountToken is {mounts}, but its account {'has' if needs else 'has no'} rights"


def no_secrets(items: list[Object]) -> Iterator[str]:
    """Secrets come from elsewhere: cert-manager, or an operator's own hands."""
    for item in of_kind(items, "Secret"):
        yield f"{name_of(item)}: a Secret in the repository is none"


GENERAL: tuple[Rule, ...] = (unique_names, labels, images, resources, probes, restricted, spread, tokens, no_secrets)
