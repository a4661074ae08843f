//! The manifests of this build, so that `plan` works from anywhere: what an operator applies and what is planned with are one file.

use jaguar_autoscale::{Manifest, ManifestError};
use jaguar_config::{ConfigError, Loaded, load_text};

/// `k8s/base/hpa.yaml`.
pub(crate) const HPA: &str = include_str!("../../../k8s/base/hpa.yaml");
/// `k8s/base/configmap.yaml`.
pub(crate) const CONFIG_MAP: &str = include_str!("../../../k8s/base/configmap.yaml");

/// The autoscaler that is deployed.
pub(crate) fn hpa() -> Result<Manifest, ManifestError> {
    Manifest::read(HPA)
}

/// The configuration that is deployed, with `key=value` overrides.
pub(crate) fn configuration(overrides: Vec<String>) -> Result<Loaded, ConfigError> {
    load_text("k8s/base/configmap.yaml".as_ref(), CONFIG_MAP, overrides)
}

#[cfg(test)]
mod policy_tests;
