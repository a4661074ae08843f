//! Reloading: the sources are read again when the daemon asks, and only what may change while a pod runs is taken over.

use crate::config::{Config, keys};
use crate::error::{ConfigError, Warning};
use crate::key::Reload;
use crate::load::{Loaded, assemble};
use crate::source::{Reading, Sources};

/// Watches the sources by reading them again: forty small files, compared by content, so that no swap of links, clock or copy with an old date is missed.
/// The daemon calls [`Watch::poll`] about once a second, from a thread that may block.
pub struct Watch {
    sources: Sources,
    seen: Reading,
    config: Config,
    given: Vec<&'static str>,
}

/// What a [`Watch::poll`] found.
#[must_use]
#[derive(Clone, Debug, PartialEq)]
pub enum Poll {
    /// Nothing that has an effect has changed since the last poll.
    Unchanged,
    /// Something changed, and [`Watch::config`] is the configuration that is in force now.
    Changed(Reloaded),
    /// Something changed and is wrong; the old configuration stays. Reported once, until the sources change again.
    Rejected(ConfigError),
}

/// The outcome of a reload.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reloaded {
    /// In force on this pod from now on.
    pub applied: Vec<Change>,
    /// For the world to agree on. [`Watch::config`] has the new value, which is this pod's wish.
    pub proposed: Vec<Change>,
    /// Takes effect at restart; the old value stays in force.
    pub at_restart: Vec<Change>,
    /// Keys that do not exist.
    pub warnings: Vec<Warning>,
}

/// A key whose value in the sources is another than the one in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The key.
    pub key: &'static str,
    /// The value that was in force.
    pub old: String,
    /// The value in the sources.
    pub new: String,
}

impl Watch {
    /// Reads the sources for the first time.
    ///
    /// # Errors
    /// As [`load`](crate::load).
    pub fn new(sources: Sources) -> Result<(Self, Loaded), ConfigError> {
        let seen = sources.read();
        let loaded = assemble(&seen, &sources.host_name)?;
        let watch = Self {
            sources,
            seen,
            config: loaded.config.clone(),
            given: loaded.given.clone(),
        };
        Ok((watch, loaded))
    }

    /// The configuration in force.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The keys that a source named when they were read first, whatever their value.
    #[must_use]
    pub fn given(&self) -> &[&'static str] {
        &self.given
    }

    /// Reads the sources again. Blocks on files, never on anything else.
    pub fn poll(&mut self) -> Poll {
        let reading = self.sources.read();
        if reading == self.seen {
            return Poll::Unchanged;
        }
        self.seen = reading;
        // The rules between keys hold in the mixture of old and new as well: the keys of a rule are all reloadable or none is (tested).
        match assemble(&self.seen, &self.sources.host_name) {
            Ok(loaded) => self.take_over(loaded),
            Err(error) => Poll::Rejected(error),
        }
    }

    fn take_over(&mut self, loaded: Loaded) -> Poll {
        let mut reloaded = Reloaded {
            warnings: loaded.warnings,
            ..Reloaded::default()
        };
        let old_config = self.config.clone();
        for key in keys() {
            let (old, new) = (key.show(&old_config), key.show(&loaded.config));
            if old == new {
                continue;
            }
            let change = Change {
                key: key.name,
                old,
                new,
            };
            let changes = match key.reload {
                Reload::AtRestart => {
                    reloaded.at_restart.push(change);
                    continue;
                }
                Reload::AtOnce => &mut reloaded.applied,
                Reload::Agreed => &mut reloaded.proposed,
            };
            let taken = (key.slot)(&mut self.config).set(&change.new, &key.allowed);
            assert!(taken, "{} = {} was valid a moment ago", key.name, change.new);
            changes.push(change);
        }
        if reloaded == Reloaded::default() {
            Poll::Unchanged
        } else {
            Poll::Changed(reloaded)
        }
    }
}
