//! The variables of a container.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use anyhow::{Context, bail};
use k8s_openapi::api::core::v1::{Container, EnvVar, ObjectFieldSelector, Pod, ResourceFieldSelector};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::quantity::in_units_of;
use crate::network::{HUB, KUBERNETES_SERVICE};

/// The variables of `container`, in the order in which they are set. Later ones may name earlier ones as `$(NAME)`.
///
/// # Errors
/// When a variable comes from something that is not there, or from what this kubelet does not know.
pub(super) fn variables(pod: &Pod, container: &Container, address: Ipv4Addr) -> anyhow::Result<Vec<(String, String)>> {
    if container.env_from.as_ref().is_some_and(|sources| !sources.is_empty()) {
        bail!("envFrom is not something this kubelet knows");
    }
    let mut variables = vec![
        ("KUBERNETES_SERVICE_HOST".to_owned(), KUBERNETES_SERVICE.to_string()),
        ("KUBERNETES_SERVICE_PORT".to_owned(), "443".to_owned()),
        ("KUBERNETES_SERVICE_PORT_HTTPS".to_owned(), "443".to_owned()),
    ];
    for variable in container.env.iter().flatten() {
        let value = value(pod, container, variable, address).with_context(|| format!("variable {}", variable.name))?;
        let value = expanded(&value, &variables);
        variables.push((variable.name.clone(), value));
    }
    Ok(variables)
}

fn value(pod: &Pod, container: &Container, variable: &EnvVar, address: Ipv4Addr) -> anyhow::Result<String> {
    let Some(source) = &variable.value_from else {
        return Ok(variable.value.clone().unwrap_or_default());
    };
    match (&source.field_ref, &source.resource_field_ref) {
        (Some(field), _) => field_value(pod, field, address),
        (_, Some(resource)) => resource_value(container, resource),
        _ => bail!("comes from neither a field of the pod nor a resource, which is all this kubelet knows"),
    }
}

/// A field of the pod, as the downward API gives it.
pub(super) fn field_value(pod: &Pod, field: &ObjectFieldSelector, address: Ipv4Addr) -> anyhow::Result<String> {
    let (metadata, spec) = (&pod.metadata, pod.spec.as_ref());
    let value = match field.field_path.as_str() {
        "metadata.name" => metadata.name.clone(),
        "metadata.namespace" => metadata.namespace.clone(),
        "metadata.uid" => metadata.uid.clone(),
        "spec.nodeName" => spec.and_then(|spec| spec.node_name.clone()),
        "spec.serviceAccountName" => spec.and_then(|spec| spec.service_account_name.clone()),
        "status.podIP" | "status.podIPs" => Some(address.to_string()),
        "status.hostIP" | "status.hostIPs" => Some(HUB.to_string()),
        path => match path.strip_suffix("']").and_then(|path| path.split_once("['")) {
            Some(("metadata.labels", key)) => metadata.labels.as_ref().and_then(|labels| labels.get(key).cloned()),
            Some(("metadata.annotations", key)) => {
                metadata.annotations.as_ref().and_then(|found| found.get(key).cloned())
            }
            _ => bail!("{path} is not a field that this kubelet knows"),
        },
    };
    Ok(value.unwrap_or_default())
}

fn resource_value(container: &Container, wanted: &ResourceFieldSelector) -> anyhow::Result<String> {
    let other = wanted
        .container_name
        .as_ref()
        .is_some_and(|name| *name != container.name);
    if other {
        bail!("resources of another container are not something this kubelet knows");
    }
    let resources = container.resources.as_ref().context("the container has no resources")?;
    let (list, name) = match wanted.resource.split_once('.') {
        Some(("requests", name)) => (&resources.requests, name),
        Some(("limits", name)) => (&resources.limits, name),
        _ => bail!("{} is not a resource", wanted.resource),
    };
    let quantity = list
        .as_ref()
        .and_then(|list: &BTreeMap<String, Quantity>| list.get(name));
    let quantity = quantity.with_context(|| format!("the container has no {}", wanted.resource))?;
    // The API fills in '0' for 'no divisor given'.
    let one = Quantity("1".to_owned());
    let divisor = wanted
        .divisor
        .as_ref()
        .filter(|divisor| divisor.0 != "0")
        .unwrap_or(&one);
    Ok(in_units_of(quantity, divisor)?.to_string())
}

/// Puts the values of earlier variables in the place of `$(NAME)`; `$$` stands for `$`, and what is unknown stays as it is.
fn expanded(text: &str, known: &[(String, String)]) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        result.push_str(before);
        let reference = after.strip_prefix('(').and_then(|inner| inner.split_once(')'));
        // The last of two variables with one name counts.
        let found = reference.and_then(|(name, tail)| Some((known.iter().rfind(|(key, _)| key == name)?, tail)));
        if let Some(((_, value), tail)) = found {
            result.push_str(value);
            rest = tail;
        } else {
            result.push('$');
            rest = after.strip_prefix('$').unwrap_or(after);
        }
    }
    result + rest
}

#[cfg(test)]
mod tests {
    use k8s_openapi::serde_json::{from_value, json};

    use super::*;

    const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 244, 1, 7);

    fn pod() -> Pod {
        from_value(json!({
            "metadata": { "name": "engine-1", "namespace": "games", "labels": { "app": "engine" } },
            "spec": { "containers": [{
                "name": "main",
                "resources": { "requests": { "cpu": "1", "memory": "2Gi" } },
                "env": [
                    { "name": "NAME", "valueFrom": { "fieldRef": { "fieldPath": "metadata.name" } } },
                    { "name": "APP", "valueFrom": { "fieldRef": { "fieldPath": "metadata.labels['app']" } } },
                    { "name": "IP", "valueFrom": { "fieldRef": { "fieldPath": "status.podIP" } } },
                    { "name": "CPU", "valueFrom": { "resourceFieldRef": { "resource": "requests.cpu", "divisor": "1m" } } },
                    { "name": "MEMORY", "valueFrom": { "resourceFieldRef": { "resource": "requests.memory", "divisor": "0" } } },
                    { "name": "URL", "value": "http://$(IP):9090/$(NAME)?price=$$5&$(UNKNOWN)" },
                ],
            }] },
        }))
        .expect("this is a pod")
    }

    #[test]
    fn variables_come_from_the_pod_and_from_each_other() {
        let pod = pod();
        let container = &pod.spec.as_ref().unwrap().containers[0];
        let variables = variables(&pod, container, ADDRESS).unwrap();
        let get = |name: &str| &variables.iter().find(|(key, _)| key == name).unwrap().1;
        assert_eq!(get("KUBERNETES_SERVICE_HOST"), "10.96.0.1");
        assert_eq!(get("NAME"), "engine-1");
        assert_eq!(get("APP"), "engine");
        assert_eq!(get("IP"), "10.244.1.7");
        assert_eq!(get("CPU"), "1000");
        assert_eq!(get("MEMORY"), "2147483648");
        assert_eq!(get("URL"), "http://10.244.1.7:9090/engine-1?price=$5&$(UNKNOWN)");
    }

    #[test]
    fn what_cannot_be_had_is_an_error_that_names_the_variable() {
        let mut pod = pod();
        let container = &mut pod.spec.as_mut().unwrap().containers[0];
        container.resources = None;
        let container = container.clone();
        let error = variables(&pod, &container, ADDRESS).unwrap_err();
        assert!(format!("{error:#}").contains("variable CPU"), "{error:#}");
    }
}
