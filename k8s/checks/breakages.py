"""Shows that each rule can complain: the shipped manifests, broken in one place, and the rule that must notice.

What is broken are all objects of the base's files. A complaint that they have unbroken does not count.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy

from .build import Object, base_objects
from .linting import RULES, complaints


def _one(items: list[Object], kind: str, name: str = "jaguar-engine") -> Object:
    [found] = [item for item in items if item["kind"] == kind and item["metadata"]["name"] == name]
    return found


def _pod(items: list[Object]) -> dict:
    return _one(items, "Deployment")["spec"]["template"]["spec"]


def _container(items: list[Object]) -> dict:
    return _pod(items)["containers"][0]


def _hpa(items: list[Object]) -> dict:
    return _one(items, "HorizontalPodAutoscaler", "jaguar-engine-hpa")["spec"]


def _config(items: list[Object]) -> dict:
    return _one(items, "ConfigMap", "jaguar-engine-config")["data"]


def _remove(items: list[Object], kind: str, name: str = "jaguar-engine") -> None:
    items.remove(_one(items, kind, name))


Breakage = tuple[str, str, Callable[[list[Object]], object]]

BREAKAGES: tuple[Breakage, ...] = (
    ("unique_names", "a Deployment twice", lambda items: items.append(_one(items, "Deployment"))),
    ("labels", "no label app", lambda items: _one(items, "Service")["metadata"]["labels"].pop("app")),
    ("labels", "pods of another workload with the label of the world", lambda items: _one(items, "Deployment")["metadata"].update(name="jaguar-other")),
    ("images", "the image latest", lambda items: _container(items).update(image="registry:5000/jaguar-engine:latest")),
    ("images", "an image without a tag", lambda items: _container(items).update(image="registry:5000/jaguar-engine")),
    ("resources", "no memory limit", lambda items: _container(items)["resources"]["limits"].pop("memory")),
    ("resources", "no CPU request", lambda items: _container(items)["resources"]["requests"].pop("cpu")),
    ("probes", "no liveness probe", lambda items: _container(items).pop("livenessProbe")),
    ("probes", "a probe of a port that is not there", lambda items: _container(items)["readinessProbe"]["httpGet"].update(port="http")),
    ("restricted", "root", lambda items: _pod(items)["securityContext"].update(runAsNonRoot=False)),
    ("restricted", "user 0", lambda items: _pod(items)["securityContext"].update(runAsUser=0)),
    ("restricted", "no seccomp profile", lambda items: _pod(items)["securityContext"].pop("seccompProfile")),
    ("restricted", "escalation", lambda items: _container(items)["securityContext"].pop("allowPrivilegeEscalation")),
    ("restricted", "a root file system to write to", lambda items: _container(items)["securityContext"].pop("readOnlyRootFilesystem")),
    ("restricted", "capabilities", lambda items: _container(items)["securityContext"]["capabilities"].update(add=["NET_ADMIN"])),
    ("restricted", "privileged", lambda items: _container(items)["securityContext"].update(privileged=True)),
    ("restricted", "the host's network", lambda items: _pod(items).update(hostNetwork=True)),
    ("restricted", "a directory of the host", lambda items: _pod(items)["volumes"].append({"name": "host", "hostPath": {"path": "/"}})),
    ("restricted", "a port of the host", lambda items: _container(items)["ports"][0].update(hostPort=50051)),
    ("spread", "no spreading over zones", lambda items: _pod(items)["topologySpreadConstraints"].pop()),
    ("spread", "spreading of other pods", lambda items: _pod(items)["topologySpreadConstraints"][0]["labelSelector"].update(matchLabels={"app": "other"})),
    ("tokens", "no token", lambda items: _pod(items).pop("automountServiceAccountToken")),
    ("no_secrets", "a Secret", lambda items: items.append({"kind": "Secret", "metadata": {"name": "s", "labels": {"app": "jaguar"}}})),
    ("selectors", "a Deployment that does not take its own pods", lambda items: _one(items, "Deployment")["spec"]["selector"]["matchLabels"].update(app="other")),
    ("selectors", "a Service of no pods", lambda items: _one(items, "Service")["spec"]["selector"].update(app="other")),
    ("selectors", "a port that the pods do not have", lambda items: _one(items, "Service")["spec"]["ports"][0].update(targetPort="http")),
    ("selectors", "a PodDisruptionBudget of no pods", lambda items: _one(items, "PodDisruptionBudget", "jaguar-engine-pdb")["spec"]["selector"]["matchLabels"].update(app="other")),
    ("service_monitors", "a ServiceMonitor of two Services", lambda items: _one(items, "Service")["metadata"]["labels"].update({"jaguar-engine/scrape": "true"})),
    ("service_monitors", "a ServiceMonitor of a port that is not there", lambda items: _one(items, "ServiceMonitor")["spec"]["endpoints"][0].update(port="http")),
    ("accounts", "no account", lambda items: _remove(items, "ServiceAccount")),
    ("accounts", "a binding to an account elsewhere", lambda items: _one(items, "RoleBinding")["subjects"][0].update(namespace="other")),
    ("accounts", "no role", lambda items: _remove(items, "Role")),
    ("targets", "an HPA of nothing", lambda items: _hpa(items)["scaleTargetRef"].update(name="other")),
    ("volumes", "no ConfigMap", lambda items: _remove(items, "ConfigMap", "jaguar-engine-config")),
    ("volumes", "a mount of no volume", lambda items: _container(items)["volumeMounts"].append({"name": "other", "mountPath": "/other"})),
    ("volumes", "a Secret that nothing makes", lambda items: _pod(items)["volumes"].append({"name": "s", "secret": {"secretName": "s"}})),
    ("policies", "no network policy", lambda items: _remove(items, "NetworkPolicy")),
    ("policies", "a network policy without egress", lambda items: _one(items, "NetworkPolicy")["spec"].update(policyTypes=["Ingress"])),
    ("scaling", "the larger of two caps", lambda items: _hpa(items)["behavior"]["scaleUp"].update(selectPolicy="Max")),
    ("scaling", "a faster way down", lambda items: _hpa(items)["behavior"]["scaleDown"]["policies"][1].update(value=6)),
    ("scaling", "a shorter window", lambda items: _hpa(items)["behavior"]["scaleDown"].update(stabilizationWindowSeconds=60)),
    ("scaling", "another target", lambda items: _hpa(items)["metrics"][0]["pods"]["target"].update(averageValue="8000")),
    ("scaling", "a metric less", lambda items: _hpa(items)["metrics"].pop()),
    ("scaling", "101 replicas", lambda items: _hpa(items).update(maxReplicas=101)),
    ("scaling", "replicas in the Deployment", lambda items: _one(items, "Deployment")["spec"].update(replicas=3)),
    ("one_autoscaler", "a VPA that acts", lambda items: _one(items, "VerticalPodAutoscaler", "jaguar-engine-vpa")["spec"]["updatePolicy"].update(updateMode="Auto")),
    ("lifecycle", "30 s to drain in 30 s", lambda items: _pod(items).update(terminationGracePeriodSeconds=30)),
    ("lifecycle", "a drain longer than the grace", lambda items: _config(items).update(migration_timeout_seconds="300")),
    ("lifecycle", "an update that takes pods away first", lambda items: _one(items, "Deployment")["spec"]["strategy"]["rollingUpdate"].update(maxUnavailable=1)),
    ("lifecycle", "a minute to start", lambda items: _container(items)["startupProbe"].update(failureThreshold=12)),
    ("lifecycle", "readiness by liveness", lambda items: _container(items)["readinessProbe"]["httpGet"].update(path="/health/live")),
    ("lifecycle", "a preStop hook", lambda items: _container(items).update(lifecycle={"preStop": {"exec": {"command": ["sleep", "5"]}}})),
    ("lifecycle", "a ConfigMap by subPath", lambda items: _container(items)["volumeMounts"][0].update(subPath="log_level")),
    ("lifecycle", "peers that cannot reach a draining pod", lambda items: _one(items, "Service", "jaguar-engine-headless")["spec"].pop("publishNotReadyAddresses")),
    ("rights", "a ClusterRole", lambda items: items.append(_one(items, "Role") | {"kind": "ClusterRole"})),
    ("rights", "deletion of pods", lambda items: _one(items, "Role")["rules"][1]["verbs"].append("delete")),
    ("rights", "any Lease", lambda items: _one(items, "Role")["rules"][3].pop("resourceNames")),
    ("rights", "Secrets", lambda items: _one(items, "Role")["rules"][1]["resources"].append("secrets")),
    ("configuration", "an unknown key", lambda items: _config(items).update(target_tickrate="60")),
    ("configuration", "an unknown variable", lambda items: _container(items)["env"].append({"name": "JAGUAR_POD", "value": "x"})),
)


def noticed() -> Iterator[str]:
    """Every breakage is noticed by the rule it is for, and every rule has one."""
    shipped = base_objects()
    sound = set(complaints(shipped))
    for rule, what, breaking in BREAKAGES:
        items = deepcopy(shipped)
        breaking(items)
        if rule not in {name for name, complaint in complaints(items) if (name, complaint) not in sound}:
            yield f"{rule} does not notice: {what}"
    for rule in RULES:
        if rule.__name__ not in {name for name, _, _ in BREAKAGES}:
            yield f"nothing shows that {rule.__name__} can complain"
