//! One row of the table of keys, and the macro that turns rows into a typed struct.

use std::fmt;

use crate::config::{Config, keys};
use crate::value::Value;

/// Whether a key can change while a pod runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reload {
    /// A reload applies it to this pod.
    AtOnce,
    /// A reload proposes it to the world, which changes it on every pod before the same tick.
    Agreed,
    /// A reload reports it and keeps the old value.
    AtRestart,
}

impl Reload {
    /// The word for it in the reference.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AtOnce => "now",
            Self::Agreed => "agreed",
            Self::AtRestart => "restart",
        }
    }
}

/// What a key's value may be. Bounds are inclusive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Allowed {
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Whole {
        /// The smallest.
        min: u32,
        /// The largest.
        max: u32,
        /// The unit, empty for a plain number.
        unit: &'static str,
    },
    /// A whole number of bytes.
    Bytes,
    /// A finite decimal number.
    Real {
        /// The smallest.
        min: f64,
        /// The largest.
        max: f64,
        /// The unit, empty for a plain number.
        unit: &'static str,
    },
    /// Three finite decimal numbers, x, y and z.
    Vector {
        /// Largest magnitude of each.
        limit: f64,
        /// The unit.
        unit: &'static str,
    },
    /// One of a few words.
    Choice {
        /// The words.
        names: &'static [&'static str],
        /// What else there is to say about them, empty for nothing.
        note: &'static str,
    },
    /// An IP address to listen on.
    Address,
    /// A TCP port; 0 lets the system choose one.
    Port,
    /// `host` or `host:port`, or empty.
    Host,
    /// `http://host:port`, or empty.
    HttpEndpoint,
    /// Comma-separated `host:port`, or empty.
    HostPorts,
    /// The name of a pod, or empty.
    Name,
    /// The name of an object of Kubernetes (RFC 1123).
    Label {
        /// Whether it may not be empty.
        required: bool,
    },
    /// Printable text on one line, or empty.
    Text,
    /// Comma-separated `name=role`, or empty.
    CertificateRoles,
    /// The path of a file, or empty.
    Path,
    /// Where snapshots are kept, or empty.
    Store,
}

impl Allowed {
    /// The allowed range in words, as it stands in messages and in the reference.
    #[must_use]
    pub fn describe(&self) -> String {
        let with_unit = |range: String, unit: &str| {
            if unit.is_empty() {
                range
            } else {
                format!("{range} {unit}")
            }
        };
        match self {
            Self::Flag => "true or false".into(),
            Self::Whole { min, max, unit } => with_unit(format!("a whole number, {min} to {max}"), unit),
            Self::Bytes => "a whole number of bytes, without a unit".into(),
            Self::Real { min, max, unit } => with_unit(format!("a number, {min} to {max}"), unit),
            Self::Vector { limit, unit } => with_unit(format!("three numbers x,y,z, each within ±{limit}"), unit),
            Self::Choice { names, note: "" } => format!("one of {}", names.join(", ")),
            Self::Choice { names, note } => format!("one of {} ({note})", names.join(", ")),
            Self::Address => "an IPv4 or IPv6 address".into(),
            Self::Port => "a port, 1 to 65535, or 0 for any free one".into(),
            Self::Host => "host or host:port, or empty".into(),
            Self::HttpEndpoint => "http://host:port, or empty".into(),
            Self::HostPorts => "comma-separated host:port, or empty".into(),
            Self::Name => "at most 253 of the characters a-z, A-Z, 0-9, '-', '.' and '_', or empty".into(),
            Self::Label { required } => {
                let name =
                    "at most 253 of the characters a-z, 0-9, '-' and '.', the first and the last a letter or digit";
                if *required {
                    name.into()
                } else {
                    format!("{name}, or empty")
                }
            }
            Self::Text => "at most 1024 printable characters, or empty".into(),
            Self::CertificateRoles => "comma-separated name=role with a role of read, write, admin, or empty".into(),
            Self::Path => "a path, or empty".into(),
            Self::Store => "file:///DIRECTORY, s3://BUCKET or s3://BUCKET/PREFIX, or empty".into(),
        }
    }
}

/// A configuration key: one row of the table that [`keys`] walks.
pub struct Key {
    /// The name, flat and lower-case, as in the ConfigMap.
    pub name: &'static str,
    /// The heading it stands under in the reference.
    pub section: &'static str,
    /// The values it can have.
    pub allowed: Allowed,
    /// Whether it can change while a pod runs.
    pub reload: Reload,
    /// What it does.
    pub doc: &'static str,
    pub(crate) slot: fn(&mut Config) -> &mut dyn Value,
}

impl Key {
    /// The row of `name`, if there is such a key.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        keys().find(|key| key.name == name)
    }

    /// The value that this key has in `config`, as text that could be read back.
    #[must_use]
    pub fn show(&self, config: &Config) -> String {
        // One accessor serves reading and writing; a copy of some forty fields, off every hot path, buys a table half as wide.
        (self.slot)(&mut config.clone()).show()
    }
}

/// The value of a key and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The key.
    pub key: &'static str,
    /// Its value.
    pub value: String,
    /// The file, variable or flag that gave it.
    pub source_name: String,
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            key,
            value,
            source_name,
        } = self;
        write!(f, "{key} = {value:?} from {source_name}")
    }
}

/// Turns a table of keys into a struct with a field per key, its defaults, and a `&[Key]`.
///
/// `root => place` says where the struct sits inside [`Config`], so that each row can name its own field.
macro_rules! settings {
    (
        $(#[doc = $about:literal])+
        struct $group:ident, rows $rows:ident, at $root:ident => $place:expr;
        $( $(#[doc = $nested_doc:literal])+ group $nested:ident: $nested_type:ty; )*
        $( section $section:literal {
            $( $(#[doc = $doc:literal])+ $name:ident: $type:ty = $default:expr, $allowed:expr, $reload:ident; )+
        } )+
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug, PartialEq)]
        pub struct $group {
            $( $( $(#[doc = $doc])+ pub $name: $type, )+ )+
            $( $(#[doc = $nested_doc])+ pub $nested: $nested_type, )*
        }

        impl Default for $group {
            fn default() -> Self {
                Self {
                    $( $( $name: $default, )+ )+
                    $( $nested: Default::default(), )*
                }
            }
        }

        static $rows: &[$crate::key::Key] = &[
            $( $( $crate::key::Key {
                name: stringify!($name),
                section: $section,
                allowed: $allowed,
                reload: $crate::key::Reload::$reload,
                doc: concat!($($doc),+),
                slot: |$root: &mut Config| &mut $place.$name,
            }, )+ )+
        ];
    };
}
pub(crate) use settings;
