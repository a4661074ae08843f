"""Rules for what objects say about each other: whatever is referred to is there."""

from collections.abc import Iterator

from .build import Object, name_of
from .lint import Rule
from .pods import Pods, of_kind, pods


def selectors(items: list[Object]) -> Iterator[str]:
    """Whatever selects pods selects some, and a Deployment its own."""
    for made in pods(items):
        selector = made.owner["spec"].get("selector", {}).get("matchLabels")
        if selector is not None and not made.selected(selector):
            yield f"{made.name}: its selector does not take its own pods"
    for item in of_kind(items, "Service", "PodDisruptionBudget", "NetworkPolicy", "PodMonitor"):
        spec = item["spec"]
        wanted = {"Service": spec.get("selector"), "NetworkPolicy": spec.get("podSelector", {}).get("matchLabels")}
        selected = _selected(items, wanted.get(item["kind"], (spec.get("selector") or {}).get("matchLabels")))
        if not selected:
            yield f"{name_of(item)}: no pod has the labels that it selects"
        for made in selected:
            for port in _ports(item):
                if not made.port_exists(port):
                    yield f"{name_of(item)}: {made.name} has no port {port}"


def _selected(items: list[Object], labels: dict | None) -> list[Pods]:
    return [made for made in pods(items) if made.selected(labels)]


def _ports(item: Object) -> list[int | str]:
    """The ports of the pods that an object names."""
    spec = item["spec"]
    match item["kind"]:
        case "Service":
            return [port.get("targetPort", port["port"]) for port in spec.get("ports", [])]
        case "PodMonitor":
            return [endpoint["port"] for endpoint in spec["podMetricsEndpoints"]]
        case "NetworkPolicy":
            return [port["port"] for rule in spec.get("ingress", []) for port in rule.get("ports", [])]
    return []


def service_monitors(items: list[Object]) -> Iterator[str]:
    """A ServiceMonitor finds exactly one Service, so that no pod is read twice, and its port is one of it."""
    for monitor in of_kind(items, "ServiceMonitor"):
        labels = monitor["spec"]["selector"]["matchLabels"]
        found = [service for service in of_kind(items, "Service") if labels.items() <= service["metadata"].get("labels", {}).items()]
        if len(found) != 1:
            yield f"{name_of(monitor)}: {len(found)} Services have its labels, not one"
        for service in found:
            names = {port["name"] for port in service["spec"]["ports"]}
            for endpoint in monitor["spec"]["endpoints"]:
                if endpoint["port"] not in names:
                    yield f"{name_of(monitor)}: {name_of(service)} has no port {endpoint['port']}"


def accounts(items: list[Object]) -> Iterator[str]:
    """Accounts that pods run as, and roles and accounts that bindings name, are there, in the namespace that is named."""
    known = {(item["metadata"]["name"], item["metadata"].get("namespace", "default")) for item in of_kind(items, "ServiceAccount")}
    for made in pods(items):
        account = made.spec.get("serviceAccountName")
        if account is not None and (account, made.namespace or "default") not in known:
            yield f"{made.name}: there is no ServiceAccount {account}"
    roles = {name_of(item) for item in of_kind(items, "Role", "ClusterRole")}
    for binding in of_kind(items, "RoleBinding", "ClusterRoleBinding"):
        role = binding["roleRef"]
        if f"{role['kind']}/{role['name']}" not in roles:
            yield f"{name_of(binding)}: there is no {role['kind']} {role['name']}"
        for subject in binding["subjects"]:
            if (subject["name"], subject.get("namespace")) not in known:
                yield f"{name_of(binding)}: there is no ServiceAccount {subject['name']} in the namespace {subject.get('namespace')}"


def targets(items: list[Object]) -> Iterator[str]:
    """What autoscalers scale, routes reach and claims hold is there."""
    names = {name_of(item) for item in items}
    for scaler in of_kind(items, "HorizontalPodAutoscaler", "VerticalPodAutoscaler"):
        target = scaler["spec"].get("scaleTargetRef") or scaler["spec"]["targetRef"]
        if f"{target['kind']}/{target['name']}" not in names:
            yield f"{name_of(scaler)}: there is no {target['kind']} {target['name']}"
    services = {item["metadata"]["name"]: {port["port"] for port in item["spec"]["ports"]} for item in of_kind(items, "Service")}
    for route in of_kind(items, "GRPCRoute"):
        for parent in route["spec"]["parentRefs"]:
            if f"Gateway/{parent['name']}" not in names and "namespace" not in parent:
                yield f"{name_of(route)}: there is no Gateway {parent['name']}"
        for backend in (backend for rule in route["spec"]["rules"] for backend in rule["backendRefs"]):
            if backend["port"] not in services.get(backend["name"], ()):
                yield f"{name_of(route)}: there is no Service {backend['name']} with the port {backend['port']}"
    for ingress in of_kind(items, "Ingress"):
        for path in (path for rule in ingress["spec"]["rules"] for path in rule["http"]["paths"]):
            service = path["backend"]["service"]
            if service["port"].get("number") not in services.get(service["name"], ()):
                yield f"{name_of(ingress)}: there is no Service {service['name']} with the port {service['port']}"


def volumes(items: list[Object]) -> Iterator[str]:
    """ConfigMaps, claims and Secrets that pods mount or read are there (a Secret, when a Certificate makes it, or an operator may leave it out); mounts have a volume."""
    names = {name_of(item) for item in items}
    secrets = {item["spec"]["secretName"] for item in of_kind(items, "Certificate")}
    for made in pods(items):
        declared = {volume["name"] for volume in made.spec.get("volumes", [])}
        for container in made.containers:
            for mount in container.get("volumeMounts", []):
                if mount["name"] not in declared:
                    yield f"{made.name}: the container {container['name']} mounts {mount['name']}, which is no volume"
        for kind, name, optional in _references(made):
            if f"{kind}/{name}" not in names and not (kind == "Secret" and (optional or name in secrets)):
                yield f"{made.name}: there is no {kind} {name}"


def _references(made: Pods) -> Iterator[tuple[str, str, bool]]:
    """Kind, name, and whether the pod starts without it."""
    for volume in made.spec.get("volumes", []):
        for source in [volume, *volume.get("projected", {}).get("sources", [])]:
            for field, kind in (("configMap", "ConfigMap"), ("secret", "Secret")):
                if field in source:
                    name = source[field].get("name") or source[field].get("secretName")
                    yield kind, name, source[field].get("optional", False)
        if "persistentVolumeClaim" in volume:
            yield "PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"], False
    for container in made.containers:
        for source in container.get("envFrom", []):
            for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
                if field in source:
                    yield kind, source[field]["name"], source[field].get("optional", False)
        for variable in container.get("env", []):
            for field, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
                if field in variable.get("valueFrom", {}):
                    source = variable["valueFrom"][field]
                    yield kind, source["name"], source.get("optional", False)


def policies(items: list[Object]) -> Iterator[str]:
    """Some network policy limits what reaches each pod, and what it reaches."""
    for made in pods(items):
        for direction in ("Ingress", "Egress"):
            limiting = (
                policy
                for policy in of_kind(items, "NetworkPolicy")
                if direction in policy["spec"]["policyTypes"] and made.selected(policy["spec"]["podSelector"].get("matchLabels"))
            )
            if not any(limiting):
                yield f"{made.name}: no network policy limits its {direction.lower()}"


LINKS: tuple[Rule, ...] = (selectors, service_monitors, accounts, targets, volumes, policies)
