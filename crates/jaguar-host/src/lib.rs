//! What the system says of a process: what it may use and what it uses. Linux; elsewhere nothing is known.
//!
//! A container on Kubernetes is a cgroup, whose files hold its limits and the kernel's account of it, in two versions (`cgroup`). A process outside of a
//! container shares its cgroup with others, so its account is the one in `/proc` (`process`).
//!
//! Knows nothing of the rest of Jaguar. What is not there or cannot be read is `None`; nothing panics, whatever the files say.

pub mod process;

mod account;
mod cgroup;

pub use account::{Account, Usage};
pub use cgroup::{Limits, Throttling, limits, thread_count};
