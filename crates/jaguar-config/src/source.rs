//! Where configuration comes from: reading the layers, each as key and value with a name for its origin.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use figment::providers::{Format, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Metadata, Profile, Provider};

use crate::error::Problem;
use crate::key::Key;
use crate::value::is_name_character;

/// Where a ConfigMap is mounted unless `JAGUAR_CONFIG` or a flag says otherwise.
pub(crate) const DEFAULT_PATH: &str = "/etc/jaguar";
/// The variable that names the directory or file to read.
pub(crate) const PATH_VARIABLE: &str = "JAGUAR_CONFIG";
/// What the name of every variable starts with.
pub(crate) const PREFIX: &str = "JAGUAR_";

/// A ConfigMap holds at most 1 MiB, so no honest file is larger.
const MAX_FILE_BYTES: u64 = 1 << 20;
/// More files than this are not a ConfigMap with a file per key.
const MAX_FILES: usize = 1000;
/// A directory that is swapped while it is read is read again; kubelet swaps it about once a minute.
const MAX_READS: usize = 5;

/// What to read, lowest layer first. Plain values, so that a test needs no process environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// A directory with one file per key, or a `.yaml`, `.yml` or `.toml` file; the YAML may also be the manifest of a ConfigMap. It must exist; `None` reads neither.
    pub path: Option<PathBuf>,
    /// Variables by name. Those that do not start with `JAGUAR_` are not looked at.
    pub environment: BTreeMap<String, String>,
    /// `key=value` overrides of the command line; of several for one key the last one counts.
    pub overrides: Vec<String>,
    /// The pod's name when no layer gives one.
    pub host_name: String,
}

impl Sources {
    /// The sources of this process. The path is `flag`, else the variable `JAGUAR_CONFIG`, else `/etc/jaguar` if that exists.
    #[must_use]
    pub fn from_process(flag: Option<PathBuf>, overrides: Vec<String>) -> Self {
        let environment: BTreeMap<String, String> = std::env::vars_os()
            .map(|(name, value)| {
                (
                    name.to_string_lossy().into_owned(),
                    value.to_string_lossy().into_owned(),
                )
            })
            .filter(|(name, _)| name.starts_with(PREFIX))
            .collect();
        let default = || Path::new(DEFAULT_PATH).exists().then(|| PathBuf::from(DEFAULT_PATH));
        let path = flag
            .or_else(|| environment.get(PATH_VARIABLE).map(PathBuf::from))
            .or_else(default);
        let host_name = fs::read_to_string("/proc/sys/kernel/hostname")
            .map(|name| name.trim().replace(|c| !is_name_character(c), "-"))
            .ok()
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| "localhost".to_owned());
        Self {
            path,
            environment,
            overrides,
            host_name,
        }
    }

    /// Reads all layers. What cannot be read is a problem, and the other layers are still there.
    pub(crate) fn read(&self) -> Reading {
        let mut reading = Reading::default();
        if let Some(path) = &self.path {
            match read_path(path) {
                Ok(layer) => reading.layers.push(layer),
                Err(problem) => reading.problems.push(problem),
            }
        }
        reading.layers.push(Layer {
            origin: Origin::Environment,
            values: read_environment(&self.environment),
        });
        let mut values = Dict::new();
        for text in &self.overrides {
            match text.split_once('=') {
                Some((key, value)) => drop(values.insert(key.trim().to_owned(), value.trim().into())),
                None => reading.problems.push(Problem::Override { text: text.clone() }),
            }
        }
        reading.layers.push(Layer {
            origin: Origin::CommandLine,
            values,
        });
        reading
    }
}

/// What the sources said at one moment. Two readings are equal when nothing has changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Reading {
    pub(crate) layers: Vec<Layer>,
    pub(crate) problems: Vec<Problem>,
}

/// The values of one layer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Layer {
    pub(crate) origin: Origin,
    pub(crate) values: Dict,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        let origin = self.origin.clone();
        Metadata::named("Jaguar").interpolater(move |_, keys| origin.of(&keys.join(".")))
    }

    fn data(&self) -> figment::Result<Map<Profile, Dict>> {
        Ok(Map::from([(Profile::Default, self.values.clone())]))
    }
}

/// Where a layer came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Default,
    Directory(PathBuf),
    File(PathBuf),
    Environment,
    CommandLine,
}

impl Origin {
    /// The place where this layer gives `key`, as an operator would name it.
    pub(crate) fn of(&self, key: &str) -> String {
        match self {
            Self::Default => "the default".to_owned(),
            Self::Directory(path) => path.join(key).display().to_string(),
            Self::File(path) => path.display().to_string(),
            Self::Environment => format!("the variable {PREFIX}{}", key.to_ascii_uppercase()),
            Self::CommandLine => "the command line".to_owned(),
        }
    }
}

fn read_path(path: &Path) -> Result<Layer, Problem> {
    let unreadable = |error: io::Error| Problem::Unreadable {
        path: path.display().to_string(),
        reason: error.to_string(),
    };
    let metadata = fs::metadata(path).map_err(unreadable)?;
    if metadata.is_dir() {
        let values = read_directory(path).map_err(unreadable)?;
        return Ok(Layer {
            origin: Origin::Directory(path.to_owned()),
            values,
        });
    }
    parse_file(path, &read_file(path).map_err(unreadable)?)
}

/// The layer that the text of a file makes.
pub(crate) fn parse_file(path: &Path, text: &str) -> Result<Layer, Problem> {
    let values = parse(path, text).map_err(|reason| Problem::Syntax {
        path: path.display().to_string(),
        reason,
    })?;
    Ok(Layer {
        origin: Origin::File(path.to_owned()),
        values,
    })
}

fn parse(path: &Path, text: &str) -> Result<Dict, String> {
    // A YAML document without content is null, which is no map; for an operator it is a file that sets nothing.
    let says_nothing = |line: &str| line.is_empty() || line.starts_with('#') || line == "---";
    if text.lines().map(str::trim).all(says_nothing) {
        return Ok(Dict::new());
    }
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("toml") => {
            let mut profiles = Toml::string(text).data().map_err(|error| error.to_string())?;
            Ok(profiles.remove(&Profile::Default).unwrap_or_default())
        }
        Some("yaml" | "yml") => parse_yaml(text),
        _ => Err("its name must end in .yaml, .yml or .toml".to_owned()),
    }
}

/// A map of keys; or the manifest of a ConfigMap, which holds that map as `data`.
fn parse_yaml(text: &str) -> Result<Dict, String> {
    let mut values: Dict = serde_saphyr::from_str(text).map_err(|error| error.without_snippet().to_string())?;
    if values.get("kind").and_then(Value::as_str) != Some("ConfigMap") {
        return Ok(values);
    }
    match values.remove("data") {
        Some(Value::Dict(_, keys)) => Ok(keys),
        Some(_) => Err("the data of a ConfigMap is a map of keys".to_owned()),
        None => Ok(Dict::new()),
    }
}

/// Reads one file per key. A mounted ConfigMap is a link `..data` to the current version, and links to the files in it; kubelet replaces it by renaming a
/// new `..data` over the old one, and removes the old version after that. So all files are read from one version, and when that is still the current one
/// afterwards, it was complete.
fn read_directory(path: &Path) -> io::Result<Dict> {
    let current = || fs::canonicalize(path.join("..data")).unwrap_or_else(|_| path.to_owned());
    for _ in 0..MAX_READS {
        let version = current();
        let values = read_files(&version);
        if current() == version {
            return values;
        }
    }
    Err(io::Error::other(format!(
        "it was replaced while it was read, {MAX_READS} times in a row"
    )))
}

fn read_files(directory: &Path) -> io::Result<Dict> {
    let mut values = Dict::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{name}: {error}"));
        if name.starts_with('.') || !fs::metadata(entry.path()).map_err(named)?.is_file() {
            continue;
        }
        if values.len() == MAX_FILES {
            return Err(io::Error::other(format!(
                "more than {MAX_FILES} files, so this is no directory with a file per key"
            )));
        }
        let text = read_file(&entry.path()).map_err(named)?;
        values.insert(name, text.trim().into());
    }
    Ok(values)
}

fn read_file(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(io::Error::other(format!("larger than {MAX_FILE_BYTES} bytes")));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::other("not UTF-8 text"))
}

fn read_environment(environment: &BTreeMap<String, String>) -> Dict {
    environment
        .iter()
        .filter(|(name, value)| name.as_str() != PATH_VARIABLE && !is_service_link(name, value))
        .filter_map(|(name, value)| Some((name.strip_prefix(PREFIX)?.to_ascii_lowercase(), value.trim().into())))
        .collect()
}

/// Kubernetes gives each pod variables for each service of its namespace. A service `jaguar-engine` gives `JAGUAR_ENGINE_SERVICE_HOST` and more, and a
/// service `jaguar-grpc` even `JAGUAR_GRPC_PORT=tcp://10.0.0.1:50051`, which is not our `grpc_port`.
fn is_service_link(name: &str, value: &str) -> bool {
    let Some(name) = name.strip_prefix(PREFIX) else {
        return false;
    };
    let is_url = value.starts_with("tcp://") || value.starts_with("udp://") || value.starts_with("sctp://");
    let is_part = name.contains("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || ["_TCP", "_UDP", "_SCTP"]
            .iter()
            .any(|protocol| name.contains(&format!("{protocol}_")));
    (name.ends_with("_PORT") || name.contains("_PORT_")) && is_url
        || is_part && Key::find(&name.to_ascii_lowercase()).is_none()
}
