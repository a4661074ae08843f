//! Where the pods of a world are to be found before this pod is one of them, by name or by address. (For the API of Kubernetes see [`crate::kubernetes`].)

mod dns;

pub use dns::{Resolver, Unresolved, resolve_all};
