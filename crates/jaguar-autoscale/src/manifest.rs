//! An HPA as it is deployed: the manifest's YAML, read into a [`Spec`] and the metrics with their targets.
//!
//! The names are those of the `autoscaling/v2` API. In the parts that decide, a field that is not known here is an error, since it would decide something on Kubernetes; metadata and status
//! are for others.

use std::fmt;

use serde::Deserialize;

use crate::forecast::Gauge;
use crate::metric::Target;
use crate::quantity::Quantity;
use crate::signal::{Recorded, Signal};
use crate::spec::{Behavior, Spec, SpecError};

/// A HorizontalPodAutoscaler.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// `metadata.name`.
    pub name: String,
    /// Bounds and behaviour, with Kubernetes' default tolerance.
    pub spec: Spec,
    /// What it looks at; at least one.
    pub metrics: Vec<TargetedMetric>,
}

/// A metric and what it should be.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetedMetric {
    /// Where it comes from.
    pub source: MetricSource,
    /// What it should be.
    pub target: Target,
}

impl TargetedMetric {
    /// What the API looks at when nothing is said.
    fn by_default() -> Self {
        Self {
            source: MetricSource::Resource("cpu".to_owned()),
            target: Target::Utilization(80),
        }
    }
}

/// Where a metric comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetricSource {
    /// The custom metrics API: a metric of every pod, by its name.
    Pods(String),
    /// The resource metrics API: `cpu` or `memory` of every pod.
    Resource(String),
}

impl fmt::Display for MetricSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pods(name) => write!(f, "pods metric {name}"),
            Self::Resource(name) => write!(f, "resource {name}"),
        }
    }
}

/// A text that holds no HPA that can be understood; whoever wrote the manifest corrects it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ManifestError {
    /// The text is no YAML, or the HPA has a field or value that it cannot have.
    #[error("line {line}, column {column}: {message}")]
    Invalid {
        /// Line in the text, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What is there and what is allowed.
        message: String,
    },
    /// Not exactly one document of the text is an HPA.
    #[error("expected one document of kind HorizontalPodAutoscaler, found {found} among the kinds: {kinds}")]
    Count {
        /// How many there are.
        found: usize,
        /// The kinds of all documents.
        kinds: String,
    },
    /// Another version of the API, whose fields mean something else.
    #[error("HorizontalPodAutoscaler {name}: apiVersion is {version:?}, allowed: {API_VERSION}")]
    Version {
        /// `metadata.name`.
        name: String,
        /// The version given.
        version: String,
    },
    /// Bounds that no replica count satisfies.
    #[error("HorizontalPodAutoscaler {name}: {source}")]
    Spec {
        /// `metadata.name`.
        name: String,
        /// What is wrong.
        source: SpecError,
    },
    /// A metric that the API would refuse, or one of a type that is not understood here.
    #[error("HorizontalPodAutoscaler {name}: spec.metrics[{index}]: {message}")]
    Metric {
        /// `metadata.name`.
        name: String,
        /// Position in the list, from 0.
        index: usize,
        /// What is there and what is allowed.
        message: String,
    },
}

/// A metric that no load says anything about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the {metric} cannot be computed from a load; these can: the pods metrics {}, and the resources cpu and memory",
    known()
)]
pub struct UnknownMetric {
    /// The metric.
    pub metric: MetricSource,
}

fn known() -> String {
    Recorded::ALL.map(|recorded| recorded.metric).join(", ")
}

const KIND: &str = "HorizontalPodAutoscaler";
const API_VERSION: &str = "autoscaling/v2";

impl Manifest {
    /// Reads the one HPA of a YAML text, which may hold documents of other kinds too.
    ///
    /// # Errors
    /// [`ManifestError`], with the line and column in the whole text where there is one.
    pub fn read(text: &str) -> Result<Self, ManifestError> {
        let mut kinds = Vec::new();
        let mut found = Vec::new();
        for document in documents(text) {
            let Some(head) = parse::<Option<Head>>(&document)? else {
                continue;
            };
            if head.kind == KIND {
                found.push(document);
            }
            kinds.push(head.kind);
        }
        let [document] = found.as_slice() else {
            return Err(ManifestError::Count {
                found: found.len(),
                kinds: if kinds.is_empty() {
                    "none".to_owned()
                } else {
                    kinds.join(", ")
                },
            });
        };
        parse::<Document>(document)?.check()
    }

    /// The metrics as they are computed from a load.
    ///
    /// # Errors
    /// [`UnknownMetric`] for the first that is neither one of [`Recorded::ALL`] nor CPU or memory.
    pub fn gauges(&self) -> Result<Vec<Gauge>, UnknownMetric> {
        let gauge = |metric: &TargetedMetric| {
            let gauge = match (&metric.source, metric.target) {
                (MetricSource::Pods(name), Target::AverageValue(target)) => {
                    Recorded::find(name).map(|recorded| Gauge::Recorded(recorded, target))
                }
                (MetricSource::Resource(name), target) => [Signal::Cpu, Signal::Memory]
                    .into_iter()
                    .find(|signal| signal.name() == name)
                    .map(|signal| Gauge::Resource(signal, target)),
                _ => None,
            };
            gauge.ok_or_else(|| UnknownMetric {
                metric: metric.source.clone(),
            })
        };
        self.metrics.iter().map(gauge).collect()
    }
}

/// The documents of a stream, each with the lines before it left blank, so that line numbers are those of the whole text.
///
/// A line that begins with `---` ends a document wherever it stands: in a block scalar every line is indented.
fn documents(text: &str) -> Vec<String> {
    let mut documents = vec![String::new()];
    for (before, line) in text.lines().enumerate() {
        let is_separator = line
            .strip_prefix("---")
            .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']));
        if is_separator {
            documents.push("\n".repeat(before));
        }
        if let Some(document) = documents.last_mut() {
            // What follows the dashes on their line belongs to the document.
            let line = if is_separator { &line[3..] } else { line };
            document.push_str(line);
            document.push('\n');
        }
    }
    documents
}

fn parse<'a, T: Deserialize<'a>>(document: &'a str) -> Result<T, ManifestError> {
    serde_saphyr::from_str(document).map_err(|error| {
        let place = error.location();
        let (line, column) = place.map_or((1, 1), |place| (place.line() as usize, place.column() as usize));
        let message = error.without_snippet().to_string();
        // The place is said once.
        let message = message
            .trim_end_matches(&format!(" at line {line}, column {column}"))
            .to_owned();
        ManifestError::Invalid { line, column, message }
    })
}

#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    kind: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    api_version: String,
    metadata: Metadata,
    spec: SpecFields,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SpecFields {
    /// Which workload is meant matters to Kubernetes alone.
    #[serde(rename = "scaleTargetRef")]
    _scale_target_ref: serde::de::IgnoredAny,
    min_replicas: Option<u32>,
    max_replicas: u32,
    #[serde(default)]
    metrics: Vec<MetricFields>,
    behavior: Option<Behavior>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MetricFields {
    r#type: String,
    pods: Option<PodsFields>,
    resource: Option<ResourceFields>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PodsFields {
    metric: NameFields,
    target: TargetFields,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NameFields {
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ResourceFields {
    name: String,
    target: TargetFields,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TargetFields {
    r#type: String,
    average_value: Option<Quantity>,
    average_utilization: Option<u32>,
}

impl Document {
    fn check(self) -> Result<Manifest, ManifestError> {
        let name = self.metadata.name;
        if self.api_version != API_VERSION {
            return Err(ManifestError::Version {
                name,
                version: self.api_version,
            });
        }
        let fields = self.spec;
        let spec = Spec::new(
            fields.min_replicas.unwrap_or(1),
            fields.max_replicas,
            fields.behavior.unwrap_or_default(),
        );
        let spec = match spec {
            Ok(spec) => spec,
            Err(source) => return Err(ManifestError::Spec { name, source }),
        };
        let mut metrics = Vec::new();
        for (index, metric) in fields.metrics.into_iter().enumerate() {
            match metric.check() {
                Ok(metric) => metrics.push(metric),
                Err(message) => return Err(ManifestError::Metric { name, index, message }),
            }
        }
        if metrics.is_empty() {
            metrics.push(TargetedMetric::by_default());
        }
        Ok(Manifest { name, spec, metrics })
    }
}

impl MetricFields {
    fn check(self) -> Result<TargetedMetric, String> {
        match (self.r#type.as_str(), self.pods, self.resource) {
            ("Pods", Some(pods), None) => Ok(TargetedMetric {
                source: MetricSource::Pods(pods.metric.name),
                target: pods.target.average_value()?,
            }),
            ("Resource", None, Some(resource)) => Ok(TargetedMetric {
                source: MetricSource::Resource(resource.name),
                target: match resource.target.r#type.as_str() {
                    "Utilization" => resource.target.utilization()?,
                    _ => resource.target.average_value()?,
                },
            }),
            ("Pods" | "Resource", ..) => Err(format!(
                "a metric of type {} has exactly the part {:?}",
                self.r#type,
                self.r#type.to_lowercase()
            )),
            (other, ..) => Err(format!("type is {other:?}, allowed: Pods, Resource")),
        }
    }
}

impl TargetFields {
    fn average_value(self) -> Result<Target, String> {
        match self {
            Self {
                r#type,
                average_value: Some(Quantity(value)),
                average_utilization: None,
            } if r#type == "AverageValue" && value > 0.0 => Ok(Target::AverageValue(value)),
            _ => Err("expected target.type AverageValue with an averageValue above 0 and nothing else".to_owned()),
        }
    }

    fn utilization(self) -> Result<Target, String> {
        match self {
            Self {
                average_value: None,
                average_utilization: Some(percent @ 1..),
                ..
            } => Ok(Target::Utilization(percent)),
            _ => Err(
                "expected target.type Utilization with an averageUtilization of 1 or more and nothing else".to_owned(),
            ),
        }
    }
}
