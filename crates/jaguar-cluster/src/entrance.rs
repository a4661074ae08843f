//! How a process comes to a world: it joins one, or it is the pod that founds it. The only place where that is decided.
//!
//! | way | joins | founds |
//! |---|---|---|
//! | [`Way::Found`] | never | at once |
//! | [`Way::Peers`] | through given hosts | never |
//! | [`Way::Dns`] | through every address of a name | as the lowest address, when no address was a member for a while (`lowest.rs`) |
//! | [`Way::Kubernetes`] | through the holder of the Lease, or any endpoint of the service | when it has won the Lease ([`crate::election`]) |

use std::time::Duration;

use jaguar_config::HostPort;
use jaguar_migration::id::WorldId;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tracing::{debug, info};

use crate::discovery::{Resolver, resolve_all};
use crate::election::{self, Keeper, Record, Step, Written};
use crate::join::{Candidate, Round, round};
use crate::kubernetes::{Endpoints, Keeping, Kubernetes};
use crate::limits::{JOIN_PATIENCE, JOIN_WAIT, JOIN_WAIT_LONGEST, WAIT_LOGGED_EVERY};
use crate::lowest::{Lowest, Turn};
use crate::security::Security;
use crate::simulation::Simulation;
use crate::simulation_thread::Clock;

/// How this process finds its world.
#[derive(Clone, Debug)]
pub enum Way {
    /// It founds one.
    Found,
    /// It joins through these hosts.
    Peers(Vec<HostPort>),
    /// It joins through whatever these names resolve to, or founds as the lowest of them.
    Dns {
        /// The names.
        names: Vec<HostPort>,
        /// What resolves them.
        resolver: Resolver,
    },
    /// It asks the API of Kubernetes.
    Kubernetes {
        /// The API.
        api: Kubernetes,
        /// The pods of the world.
        endpoints: Endpoints,
    },
}

/// What a process has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entrance {
    /// A world takes it in: bytes for [`jaguar_migration::pod::Pod::join`].
    Welcome(Vec<u8>),
    /// It must found a world of this identity.
    Found(WorldId),
}

/// What is known when a process has come to its world.
#[derive(Debug)]
pub struct Entered {
    /// To join or to found.
    pub entrance: Entrance,
    /// Keeps the record of who coordinates, where there is one; to be ended last.
    pub keeping: Option<Keeping>,
}

/// A process came to no world.
#[derive(Debug, thiserror::Error)]
pub enum EnterError {
    /// No peer said yes in time; the operator checks the names and that a pod of the world runs there.
    #[error(
        "could not join a world within {patience:?}: {last}; check cluster_peers and that a pod of the world runs there"
    )]
    NoPeer {
        /// How long it was tried.
        patience: Duration,
        /// What went wrong last.
        last: String,
    },
    /// It was told to end before it was a member; nobody misses it.
    #[error("told to end before this pod was a member of a world")]
    Stopped,
    /// The system gives no random numbers.
    #[error("the system gives no random numbers, so a new world cannot be told from others")]
    Random,
}

/// The process that looks for its world.
#[derive(Debug)]
pub struct Seeker {
    /// As the peers will know it.
    pub candidate: Candidate,
    /// How the peers are dialled.
    pub security: Security,
    /// Its pod, once there is one.
    pub simulation: Simulation,
    /// The pod's clock.
    pub clock: Clock,
    /// Becomes true when the process is told to end. What is under way is finished first, so that no world waits for a pod that it has let in.
    pub stop: watch::Receiver<bool>,
}

impl Way {
    /// Comes to a world.
    ///
    /// # Errors
    /// When there is none in time, or the process is told to end first.
    pub async fn enter(&self, mut seeker: Seeker) -> Result<Entered, EnterError> {
        let entrance = match self {
            Self::Found => Entrance::Found(draw_world()?),
            Self::Peers(peers) => {
                let peers: Vec<String> = peers.iter().map(ToString::to_string).collect();
                seeker.join(peers).await?
            }
            Self::Dns { names, resolver } => seeker.join_or_be_lowest(names, resolver).await?,
            Self::Kubernetes { api, endpoints } => return seeker.stand_for_election(api, endpoints).await,
        };
        Ok(Entered {
            entrance,
            keeping: None,
        })
    }

    /// Whether something starts this process again when it ends, so that it had better end when its world has halted.
    pub fn is_restarted(&self) -> bool {
        matches!(self, Self::Dns { .. } | Self::Kubernetes { .. })
    }
}

impl Seeker {
    async fn join(&mut self, peers: Vec<String>) -> Result<Entrance, EnterError> {
        let mut attempts = Attempts::new();
        loop {
            let last = match round(None, peers.clone(), &self.candidate, &self.security).await {
                Round::Welcome(welcome) => return Ok(Entrance::Welcome(welcome)),
                Round::NotYet(reason) | Round::Nobody(reason) => reason,
            };
            self.pause(attempts.next_wait(last)?).await?;
        }
    }

    async fn join_or_be_lowest(&mut self, names: &[HostPort], resolver: &Resolver) -> Result<Entrance, EnterError> {
        let mut attempts = Attempts::new();
        let mut lowest = Lowest::new(self.candidate.address.clone());
        loop {
            let last = match resolve_all(resolver, names).await {
                Err(unresolved) => {
                    lowest.forget();
                    unresolved.to_string()
                }
                Ok(addresses) => match round(None, addresses.clone(), &self.candidate, &self.security).await {
                    Round::Welcome(welcome) => return Ok(Entrance::Welcome(welcome)),
                    Round::NotYet(reason) => {
                        lowest.forget();
                        reason
                    }
                    Round::Nobody(reason) => match lowest.nobody(self.clock.now(), &addresses) {
                        Turn::Found => {
                            info!(
                                ?addresses,
                                "no pod is a member of a world, and this one has the lowest address"
                            );
                            return Ok(Entrance::Found(draw_world()?));
                        }
                        Turn::Wait(turn) => format!("{turn}; {reason}"),
                    },
                },
            };
            self.pause(attempts.next_wait(last)?).await?;
        }
    }

    /// Joins, or founds after winning the Lease. Without a deadline: the startup probe has one.
    async fn stand_for_election(&mut self, api: &Kubernetes, endpoints: &Endpoints) -> Result<Entered, EnterError> {
        let objects = api.objects();
        let world = draw_world()?;
        let own = Record {
            // The same pod with a restarted container is another holder.
            holder: format!("{}_{:016x}", objects.pod, draw()?),
            address: self.candidate.address.clone(),
            world: Some(world),
            duration: objects.lease_duration,
        };
        let mut register = api.register();
        let mut election = election::Candidate::new(own.clone());
        let mut told = Told::default();
        loop {
            match election.step(self.clock.now()) {
                Step::Read => match register.read().await {
                    Some(seen) => election.seen(self.clock.now(), seen),
                    None => election.unreadable(),
                },
                Step::Ask { holder } => {
                    let peers = endpoints.addresses();
                    let known = peers.is_some();
                    match round(holder, peers.unwrap_or_default(), &self.candidate, &self.security).await {
                        Round::Welcome(welcome) => {
                            let keeping = Keeping::of_a_member(register, own, self.simulation.clone(), self.clock);
                            return Ok(Entered {
                                entrance: Entrance::Welcome(welcome),
                                keeping: Some(keeping),
                            });
                        }
                        Round::Nobody(_) if known => election.nobody(self.clock.now()),
                        Round::Nobody(_) => {
                            told.wait(format!("the endpoints of {} are not known yet", endpoints.service()));
                            election.somebody(self.clock.now());
                        }
                        Round::NotYet(reason) => {
                            told.wait(reason);
                            election.somebody(self.clock.now());
                        }
                    }
                }
                Step::Write { over } => {
                    let written = register.write(&own, over.as_ref()).await;
                    if written == Written::Lost {
                        debug!("another pod was elected");
                    }
                    election.written(self.clock.now(), written);
                }
                Step::Rest { until } => {
                    if let Some(holder) = election.holder() {
                        told.wait(format!(
                            "the Lease names {holder} as the coordinator, and no peer is a member of a world"
                        ));
                    }
                    self.pause(until.since(self.clock.now())).await?;
                }
                Step::Found { version } => {
                    let keeper = Keeper::of_the_founder(own, version, self.clock.now());
                    info!(record = %keeper.own(), "elected: this pod founds");
                    let (simulation, clock) = (self.simulation.clone(), self.clock);
                    let keeping = Keeping::of_the_founder(register, keeper, simulation, clock);
                    return Ok(Entered {
                        entrance: Entrance::Found(world),
                        keeping: Some(keeping),
                    });
                }
            }
        }
    }

    /// Waits, or ends at once when the process is told to.
    async fn pause(&mut self, wait: Duration) -> Result<(), EnterError> {
        tokio::select! {
            () = sleep(wait) => Ok(()),
            // If nobody can say it any more, the process ends anyway.
            _ = self.stop.wait_for(|stop| *stop) => Err(EnterError::Stopped),
        }
    }
}

/// Waits that grow, up to a deadline.
struct Attempts {
    deadline: Instant,
    wait: Duration,
    told: Told,
}

impl Attempts {
    fn new() -> Self {
        Self {
            deadline: Instant::now() + JOIN_PATIENCE,
            wait: JOIN_WAIT,
            told: Told::default(),
        }
    }

    /// How long to wait after this failure.
    fn next_wait(&mut self, last: String) -> Result<Duration, EnterError> {
        let wait = self.wait;
        if Instant::now() + wait >= self.deadline {
            return Err(EnterError::NoPeer {
                patience: JOIN_PATIENCE,
                last,
            });
        }
        self.told.wait(last);
        self.wait = (wait * 2).min(JOIN_WAIT_LONGEST);
        Ok(wait)
    }
}

/// Says now and then why a pod waits.
#[derive(Default)]
struct Told(Option<Instant>);

impl Told {
    fn wait(&mut self, reason: String) {
        if self.0.is_none_or(|told| told.elapsed() >= WAIT_LOGGED_EVERY) {
            info!(reason, "not a member of a world yet; asking again");
            self.0 = Some(Instant::now());
        } else {
            debug!(reason, "not a member of a world yet; asking again");
        }
    }
}

/// The identity of a new world.
fn draw_world() -> Result<WorldId, EnterError> {
    draw().map(WorldId)
}

/// 64 bits that nobody else draws.
fn draw() -> Result<u64, EnterError> {
    let mut bytes = [0; 8];
    let random = rustls::crypto::ring::default_provider().secure_random;
    random.fill(&mut bytes).map_err(|_| EnterError::Random)?;
    Ok(u64::from_le_bytes(bytes))
}
