//! From layers to a [`Config`]: merge, read each key, check the rules between keys, look for keys that do not exist.

use std::collections::BTreeMap;
use std::path::Path;

use figment::value::{Dict, Num, Value as Given};
use figment::{Figment, Profile};

use crate::config::{Config, keys};
use crate::error::{ConfigError, Problem, Warning};
use crate::key::{Key, Setting};
use crate::source::{Layer, Origin, Reading, Sources, parse_file};

/// Longest part of a bad value that is repeated in a message, in characters.
const MAX_SHOWN: usize = 80;
/// Share of letter pairs that two keys must have in common for one to be suggested for the other, from 0 to 1: `grpc_prot` and `grpc_port` share 0.6.
const MIN_SIMILARITY: f64 = 0.5;

/// A configuration and what there is to say about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The configuration, valid as a whole.
    pub config: Config,
    /// Keys that do not exist.
    pub warnings: Vec<Warning>,
    /// The keys that a source names, whatever their value.
    pub given: Vec<&'static str>,
    /// The keys that were set to something other than their default, for the log and for `status`.
    pub settings: Vec<Setting>,
}

/// Reads `sources` and returns the configuration they make.
///
/// # Errors
/// Everything that is wrong with it, at once.
pub fn load(sources: &Sources) -> Result<Loaded, ConfigError> {
    assemble(&sources.read(), &sources.host_name)
}

/// Makes a configuration of the text of a file that has this name, and of `key=value` overrides, as [`load`] would with nothing else around.
///
/// # Errors
/// As [`load`].
pub fn load_text(name: &Path, text: &str, overrides: Vec<String>) -> Result<Loaded, ConfigError> {
    let sources = Sources {
        overrides,
        ..Sources::default()
    };
    let mut reading = sources.read();
    match parse_file(name, text) {
        Ok(layer) => reading.layers.insert(0, layer),
        Err(problem) => reading.problems.insert(0, problem),
    }
    assemble(&reading, &sources.host_name)
}

/// Makes a configuration of what was read.
pub(crate) fn assemble(reading: &Reading, host_name: &str) -> Result<Loaded, ConfigError> {
    let mut problems = reading.problems.clone();
    let mut config = Config::default();
    let mut origins = BTreeMap::new();
    let mut bad = Vec::new();

    let merged = reading
        .layers
        .iter()
        .fold(Figment::from(default_layer()), |merged, layer| merged.merge(layer));
    for key in keys() {
        // Every key has a default, so it is found; a key that is not would keep its default.
        let Ok(given) = merged.find_value(key.name) else {
            continue;
        };
        let metadata = merged.get_metadata(given.tag());
        let source_name = metadata
            .map(|metadata| metadata.interpolate(&Profile::Default, &[key.name]))
            .unwrap_or_default();
        let text = text_of(&given);
        let taken = text
            .as_ref()
            .is_some_and(|text| (key.slot)(&mut config).set(text, &key.allowed));
        if !taken {
            bad.push(key.name);
            let value = shorten(&text.unwrap_or_else(|| "a nested value".to_owned()));
            let setting = Setting {
                key: key.name,
                value,
                source_name: source_name.clone(),
            };
            problems.push(Problem::Value {
                setting,
                allowed: key.allowed.describe(),
            });
        }
        origins.insert(key.name, source_name);
    }
    if config.pod_name.is_empty() {
        config.pod_name = host_name.to_owned();
        origins.insert("pod_name", "the host name".to_owned());
    }
    problems.extend(broken_rules(&config, &origins, &bad));
    if !problems.is_empty() {
        return Err(ConfigError { problems });
    }

    let by_default = Origin::Default.of("");
    let is_given = |key: &&Key| {
        origins
            .get(key.name)
            .is_some_and(|source_name| *source_name != by_default)
    };
    let given = keys().filter(is_given).map(|key| key.name).collect();
    let defaults = Config::default();
    let settings = keys()
        .filter(|key| key.show(&config) != key.show(&defaults))
        .map(|key| Setting {
            key: key.name,
            value: key.show(&config),
            source_name: origins[key.name].clone(),
        })
        .collect();
    Ok(Loaded {
        config,
        warnings: unknown_keys(&reading.layers),
        given,
        settings,
    })
}

/// The defaults as the lowest layer, so that they take the same way as everything else.
fn default_layer() -> Layer {
    let defaults = Config::default();
    let values: Dict = keys()
        .map(|key| (key.name.to_owned(), key.show(&defaults).into()))
        .collect();
    Layer {
        origin: Origin::Default,
        values,
    }
}

/// The text of a value: a ConfigMap has nothing else, and YAML and TOML mean the same by `60` and `"60"`.
fn text_of(given: &Given) -> Option<String> {
    match given {
        Given::String(_, text) => Some(text.trim().to_owned()),
        Given::Char(_, c) => Some(c.to_string()),
        Given::Bool(_, flag) => Some(flag.to_string()),
        Given::Num(_, Num::F32(number)) => Some(number.to_string()),
        Given::Num(_, Num::F64(number)) => Some(number.to_string()),
        Given::Num(_, number) => number
            .to_i128()
            .map(|number| number.to_string())
            .or_else(|| number.to_u128().map(|number| number.to_string())),
        Given::Array(_, parts) => parts
            .iter()
            .map(text_of)
            .collect::<Option<Vec<_>>>()
            .map(|parts| parts.join(",")),
        Given::Empty(..) => Some(String::new()),
        Given::Dict(..) => None,
    }
}

fn shorten(value: &str) -> String {
    if value.chars().count() <= MAX_SHOWN {
        return value.to_owned();
    }
    value.chars().take(MAX_SHOWN).chain("...".chars()).collect()
}

/// What must hold between two keys. Both can be reloaded or neither, so that a reload cannot break a rule by taking over half of it (tested).
struct Rule {
    key: &'static str,
    other: &'static str,
    text: &'static str,
    holds: fn(&Config) -> bool,
}

const RULES: &[Rule] = &[
    Rule {
        key: "metrics_port",
        other: "grpc_port",
        text: "must differ from grpc_port",
        holds: |config| config.metrics_port != config.grpc_port || config.grpc_port == 0,
    },
    Rule {
        key: "tls_cert_file",
        other: "tls_enabled",
        text: "is needed for tls_enabled",
        holds: |config| config.tls_cert_file.is_some() || !config.tls_enabled,
    },
    Rule {
        key: "tls_key_file",
        other: "tls_enabled",
        text: "is needed for tls_enabled",
        holds: |config| config.tls_key_file.is_some() || !config.tls_enabled,
    },
    Rule {
        key: "tls_ca_file",
        other: "tls_enabled",
        text: "is needed for tls_enabled",
        holds: |config| config.tls_ca_file.is_some() || !config.tls_enabled,
    },
    Rule {
        key: "tls_peer_name",
        other: "tls_enabled",
        text: "is needed for tls_enabled",
        holds: |config| !config.tls_peer_name.is_empty() || !config.tls_enabled,
    },
    Rule {
        key: "auth_jwt_hs256_secret_file",
        other: "tls_enabled",
        text: "needs tls_enabled, or anybody on the way could read the tokens",
        holds: |config| config.auth_jwt_hs256_secret_file.is_none() || config.tls_enabled,
    },
    Rule {
        key: "auth_jwt_rs256_public_key_file",
        other: "tls_enabled",
        text: "needs tls_enabled, or anybody on the way could read the tokens",
        holds: |config| config.auth_jwt_rs256_public_key_file.is_none() || config.tls_enabled,
    },
    Rule {
        key: "auth_jwks_file",
        other: "tls_enabled",
        text: "needs tls_enabled, or anybody on the way could read the tokens",
        holds: |config| config.auth_jwks_file.is_none() || config.tls_enabled,
    },
    Rule {
        key: "auth_certificate_roles",
        other: "tls_enabled",
        text: "needs tls_enabled, or there are no certificates",
        holds: |config| config.auth_certificate_roles.is_empty() || config.tls_enabled,
    },
    Rule {
        key: "auth_jwt_rs256_public_key_file",
        other: "auth_jwt_hs256_secret_file",
        text: "must not be set together with auth_jwt_hs256_secret_file: tokens are of one kind",
        holds: |config| config.auth_jwt_rs256_public_key_file.is_none() || config.auth_jwt_hs256_secret_file.is_none(),
    },
    Rule {
        key: "auth_jwks_file",
        other: "auth_jwt_hs256_secret_file",
        text: "must not be set together with auth_jwt_hs256_secret_file: tokens are of one kind",
        holds: |config| config.auth_jwks_file.is_none() || config.auth_jwt_hs256_secret_file.is_none(),
    },
    Rule {
        key: "auth_jwks_file",
        other: "auth_jwt_rs256_public_key_file",
        text: "must not be set together with auth_jwt_rs256_public_key_file: tokens are of one kind",
        holds: |config| config.auth_jwks_file.is_none() || config.auth_jwt_rs256_public_key_file.is_none(),
    },
    Rule {
        key: "cluster_node_timeout_ms",
        other: "cluster_heartbeat_interval_ms",
        text: "must be at least twice cluster_heartbeat_interval_ms",
        holds: |config| config.cluster_node_timeout_ms / 2 >= config.cluster_heartbeat_interval_ms,
    },
    Rule {
        key: "entity_scale_down_threshold",
        other: "entity_scale_up_threshold",
        text: "must be below entity_scale_up_threshold",
        holds: |config| config.autoscale.entity_scale_down_threshold < config.autoscale.entity_scale_up_threshold,
    },
    Rule {
        key: "cpu_scale_down_threshold",
        other: "cpu_scale_up_threshold",
        text: "must be below cpu_scale_up_threshold",
        holds: |config| config.autoscale.cpu_scale_down_threshold < config.autoscale.cpu_scale_up_threshold,
    },
    Rule {
        key: "memory_scale_down_threshold",
        other: "memory_scale_up_threshold",
        text: "must be below memory_scale_up_threshold",
        holds: |config| config.autoscale.memory_scale_down_threshold < config.autoscale.memory_scale_up_threshold,
    },
];

/// The rules that `config` breaks, but for those with a `bad` key, whose value is not known.
fn broken_rules(config: &Config, origins: &BTreeMap<&'static str, String>, bad: &[&'static str]) -> Vec<Problem> {
    let setting = |name: &str| {
        let key = Key::find(name)?;
        let source_name = origins.get(name)?.clone();
        Some(Setting {
            key: key.name,
            value: key.show(config),
            source_name,
        })
    };
    let broken = |rule: &&Rule| !bad.contains(&rule.key) && !bad.contains(&rule.other) && !(rule.holds)(config);
    let problem = |rule: &Rule| {
        let (setting, other) = (setting(rule.key)?, setting(rule.other)?.into());
        Some(Problem::Conflict {
            setting,
            rule: rule.text,
            other,
        })
    };
    RULES.iter().filter(broken).filter_map(problem).collect()
}

fn unknown_keys(layers: &[Layer]) -> Vec<Warning> {
    let unknown = layers
        .iter()
        .flat_map(|layer| layer.values.keys().map(move |key| (layer, key)));
    unknown
        .filter(|(_, key)| Key::find(key).is_none())
        .map(|(layer, key)| Warning {
            key: shorten(key),
            source_name: layer.origin.of(&shorten(key)),
            nearest: nearest(key),
        })
        .collect()
}

fn nearest(unknown: &str) -> Option<&'static str> {
    let lower = unknown.to_ascii_lowercase().replace('-', "_");
    let similarity = |key: &Key| strsim::sorensen_dice(&lower, key.name);
    let best = keys().max_by(|a, b| similarity(a).total_cmp(&similarity(b)))?;
    (similarity(best) >= MIN_SIMILARITY).then_some(best.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_of_a_rule_exist_and_can_both_be_reloaded_or_neither() {
        for rule in RULES {
            let (key, other) = (Key::find(rule.key).unwrap(), Key::find(rule.other).unwrap());
            assert_eq!(key.reload, other.reload, "{} and {}", key.name, other.name);
            assert!((rule.holds)(&Config::default()), "{}", rule.text);
        }
    }
}
