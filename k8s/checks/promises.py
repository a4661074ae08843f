"""Rules for what Jaguar's operators are promised (docs and README), and for the traps that manifests of such a system fall into."""

import re
from collections.abc import Iterator
from functools import cache

from .build import BASE, K8S, OVERLAYS, Object, build, name_of
from .lint import Rule
from .pods import of_kind, pods

CONFIG_REFERENCE = K8S.parent / "docs" / "configuration.md"
# What a pod may take after the deadline of its drain: 20 s for a last scrape (bins/jaguard/src/leaving.rs), 2 s for answers, and some to end in.
DRAIN_MARGIN_SECONDS = 25
STARTUP_SECONDS = 300
# What a pod may do with the API, and nothing more: group, resource, verbs.
RIGHTS = {
    ("discovery.k8s.io", "endpointslices"): {"get", "list", "watch"},
    ("", "pods"): {"patch"},
    ("coordination.k8s.io", "leases"): {"create", "get", "update"},
}
SCALE_UP = {"stabilizationWindowSeconds": 30, "selectPolicy": "Min", "policies": {("Percent", 100, 15), ("Pods", 10, 60)}}
SCALE_DOWN = {"stabilizationWindowSeconds": 300, "selectPolicy": "Min", "policies": {("Percent", 10, 60), ("Pods", 5, 120)}}
TARGETS = {
    ("Pods", "jaguar_autoscale_entities"): "7000",
    ("Pods", "jaguar_autoscale_cpu_percent"): "70",
    ("Pods", "jaguar_autoscale_memory_percent"): "75",
    ("Resource", "cpu"): 70,
    ("Resource", "memory"): 75,
}


def scaling(items: list[Object]) -> Iterator[str]:
    """Both caps hold in each direction (selectPolicy Min), with the promised windows and targets; the number of replicas is the HPA's alone."""
    for hpa in of_kind(items, "HorizontalPodAutoscaler"):
        spec = hpa["spec"]
        if not 1 <= spec["minReplicas"] <= spec["maxReplicas"] <= 100:
            yield f"{name_of(hpa)}: {spec['minReplicas']} to {spec['maxReplicas']} replicas is not within 1 to 100"
        for direction, wanted in (("scaleUp", SCALE_UP), ("scaleDown", SCALE_DOWN)):
            given = spec.get("behavior", {}).get(direction, {})
            policies = {(policy["type"], policy["value"], policy["periodSeconds"]) for policy in given.get("policies", [])}
            if given | {"policies": policies} != wanted:
                yield f"{name_of(hpa)}: behavior.{direction} is not {wanted}"
        targets = {}
        for metric in spec["metrics"]:
            source = metric[metric["type"].lower()]
            name = source.get("name") or source["metric"]["name"]
            targets[metric["type"], name] = source["target"].get("averageValue") or source["target"].get("averageUtilization")
        if targets != TARGETS:
            yield f"{name_of(hpa)}: the targets are {targets}, not {TARGETS}"
        for deployment in of_kind(items, "Deployment"):
            if deployment["metadata"]["name"] == spec["scaleTargetRef"]["name"] and "replicas" in deployment["spec"]:
                yield f"{name_of(deployment)}: it sets replicas, which takes them from the HPA with each apply"


def one_autoscaler(items: list[Object]) -> Iterator[str]:
    """A VPA beside the HPA recommends only."""
    for vpa in of_kind(items, "VerticalPodAutoscaler"):
        if vpa["spec"].get("updatePolicy", {}).get("updateMode") != "Off":
            yield f"{name_of(vpa)}: updateMode is not Off, and the HPA acts on the same CPU and memory"


def lifecycle(items: list[Object]) -> Iterator[str]:
    """A pod has time to start and to drain, no update takes one away before its successor is ready, and peers reach it all the while."""
    configured = _configuration(items)
    for deployment in of_kind(items, "Deployment"):
        if deployment["metadata"]["name"] != "jaguar-engine":
            continue
        spec = deployment["spec"]["template"]["spec"]
        grace, drain = spec.get("terminationGracePeriodSeconds", 30), int(configured.get("migration_timeout_seconds", 30))
        if grace < drain + DRAIN_MARGIN_SECONDS:
            yield f"{name_of(deployment)}: terminationGracePeriodSeconds {grace} leaves no {DRAIN_MARGIN_SECONDS} s beyond migration_timeout_seconds {drain}"
        if deployment["spec"].get("strategy", {}).get("rollingUpdate", {}).get("maxUnavailable") != 0:
            yield f"{name_of(deployment)}: rollingUpdate.maxUnavailable is not 0"
        [container] = spec["containers"]
        startup = container.get("startupProbe", {})
        if startup.get("periodSeconds", 10) * startup.get("failureThreshold", 3) != STARTUP_SECONDS:
            yield f"{name_of(deployment)}: the startup probe does not allow {STARTUP_SECONDS} s"
        for probe, path in (("startupProbe", "startup"), ("livenessProbe", "live"), ("readinessProbe", "ready")):
            if container.get(probe, {}).get("httpGet", {}).get("path") != f"/health/{path}":
                yield f"{name_of(deployment)}: the {probe} does not ask /health/{path}"
        if "lifecycle" in container:
            yield f"{name_of(deployment)}: it has a lifecycle hook; on SIGTERM a pod drains by itself"
        for mount in container.get("volumeMounts", []):
            if "subPath" in mount:
                yield f"{name_of(deployment)}: {mount['mountPath']} is mounted by subPath, which is never updated"
    for service in of_kind(items, "Service"):
        if service["spec"].get("clusterIP") == "None" and service["spec"].get("publishNotReadyAddresses") is not True:
            yield f"{name_of(service)}: publishNotReadyAddresses is not true, so a draining pod's peers lose it"


def rights(items: list[Object]) -> Iterator[str]:
    """Rights end at the namespace and at what a pod needs; only the Lease of the coordinator can be changed."""
    for item in of_kind(items, "ClusterRole", "ClusterRoleBinding"):
        yield f"{name_of(item)}: rights on the whole cluster"
    for role in of_kind(items, "Role"):
        for rule in role["rules"]:
            for group in rule["apiGroups"]:
                for resource in rule["resources"]:
                    excess = set(rule["verbs"]) - RIGHTS.get((group, resource), set())
                    if excess:
                        yield f"{name_of(role)}: {', '.join(sorted(excess))} on {resource} is more than a pod needs"
                    if resource == "leases" and set(rule["verbs"]) != {"create"} and rule.get("resourceNames") != ["jaguar-engine-coordinator"]:
                        yield f"{name_of(role)}: rights on leases other than jaguar-engine-coordinator"


@cache
def known_keys() -> frozenset[str]:
    """The keys of docs/configuration.md, which is generated from the code."""
    return frozenset(re.findall(r"^\| `([a-z0-9_]+)` \|", CONFIG_REFERENCE.read_text(encoding="utf-8"), re.MULTILINE))


def _configuration(items: list[Object]) -> dict:
    return {
        key: value
        for item in of_kind(items, "ConfigMap")
        if item["metadata"]["name"] == "jaguar-engine-config"
        for key, value in item["data"].items()
    }


def configuration(items: list[Object]) -> Iterator[str]:
    """Every key of the ConfigMap and every JAGUAR_ variable is one that the code knows."""
    for key in _configuration(items):
        if key not in known_keys():
            yield f"ConfigMap/jaguar-engine-config: docs/configuration.md has no key {key}"
    for made in pods(items):
        for container in made.containers:
            if container["name"] != "jaguard":
                continue
            for variable in container.get("env", []):
                name = variable["name"]
                if name.startswith("JAGUAR_") and name.removeprefix("JAGUAR_").lower() not in known_keys():
                    yield f"{made.name}: docs/configuration.md has no key for the variable {name}"


PROMISES: tuple[Rule, ...] = (scaling, one_autoscaler, lifecycle, rights, configuration)


def base() -> Iterator[str]:
    """`kubectl apply -k k8s/base` needs no CRD, and has the promised names and sizes."""
    items = build(BASE)
    for item in items:
        if "." in item["apiVersion"].partition("/")[0] and not item["apiVersion"].partition("/")[0].endswith(".k8s.io"):
            yield f"{name_of(item)}: not a kind that every cluster knows"
        if item["kind"] == "VerticalPodAutoscaler":
            yield f"{name_of(item)}: not a kind that every cluster knows"
    names = {name_of(item) for item in items}
    promised = (
        "ConfigMap/jaguar-engine-config Deployment/jaguar-engine HorizontalPodAutoscaler/jaguar-engine-hpa NetworkPolicy/jaguar-engine PodDisruptionBudget/jaguar-engine-pdb "
        "Role/jaguar-engine RoleBinding/jaguar-engine Service/jaguar-engine Service/jaguar-engine-external Service/jaguar-engine-headless ServiceAccount/jaguar-engine"
    )
    for name in promised.split():
        if name not in names:
            yield f"{name} is missing"
    for made in pods(items):
        sizes = made.containers[0]["resources"]
        if sizes != {"requests": {"cpu": "1", "memory": "2Gi"}, "limits": {"cpu": "4", "memory": "8Gi"}}:
            yield f"{made.name}: {sizes} is not what was promised"


def production() -> Iterator[str]:
    """What makes the overlay 'production' one: encrypted, logged as JSON, restricted by the namespace itself, never a single pod, not throttled."""
    items = build(OVERLAYS / "production")
    configured = _configuration(items)
    for key, value in (("tls_enabled", "true"), ("log_format", "json")):
        if configured.get(key) != value:
            yield f"ConfigMap/jaguar-engine-config: {key} is {configured.get(key)!r}, not {value!r}"
    for namespace in of_kind(items, "Namespace"):
        if namespace["metadata"]["labels"].get("pod-security.kubernetes.io/enforce") != "restricted":
            yield f"{name_of(namespace)}: the pod security standard 'restricted' is not enforced"
    kinds = {item["kind"] for item in items}
    for kind in ("Namespace", "PodDisruptionBudget", "NetworkPolicy", "PrometheusRule", "ServiceMonitor", "PodMonitor", "VerticalPodAutoscaler", "Certificate", "CronJob"):
        if kind not in kinds:
            yield f"no {kind}"
    for hpa in of_kind(items, "HorizontalPodAutoscaler"):
        if hpa["spec"]["minReplicas"] < 2:
            yield f"{name_of(hpa)}: minReplicas {hpa['spec']['minReplicas']} lets the PodDisruptionBudget block every drain of a node"
    for made in pods(items):
        if made.name == "Deployment/jaguar-engine" and "cpu" in made.containers[0]["resources"]["limits"]:
            yield f"{made.name}: a CPU limit throttles the lockstep"
