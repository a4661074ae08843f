//! The life of one pod on a node: volumes, container, probes, restarts, and an end in order.

use std::future::pending;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use k8s_openapi::api::core::v1::{Container, Pod};
use k8s_openapi::jiff::Timestamp;
use kube::api::{DeleteParams, Preconditions};
use kube::{Api, Client, ResourceExt};
use tokio::sync::watch;
use tokio::time::{interval, sleep, timeout};

use super::container::{Runtime, Started};
use super::probe::Probes;
use super::status::{Reporter, State};
use super::volumes::{Laid, Volumes, namespace};
use crate::network::{Host, Network};
use crate::progress::say;

/// Time between two looks at whether a ConfigMap or Secret has changed. A kubelet takes up to a minute.
const VOLUME_PERIOD: Duration = Duration::from_secs(5);

/// Wait before the second restart of a container that does not last; doubled every time.
const FIRST_DELAY: Duration = Duration::from_secs(10);
const LONGEST_DELAY: Duration = Duration::from_secs(300);

/// A container that ran as long as this starts again at once.
const GOOD_RUN: Duration = Duration::from_secs(600);

/// Wait before the API server is asked again for what it could not give.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// What all pods of this kubelet share.
pub(super) struct Machine {
    pub(super) client: Client,
    pub(super) network: Network,
    pub(super) runtime: Runtime,
    /// Folder of the pods' volumes.
    pub(super) folder: PathBuf,
}

/// What the API server last said of a pod.
#[derive(Clone, Debug)]
pub(super) enum Wanted {
    /// It is to be.
    Alive,
    /// It is to end within some seconds.
    Ending(Duration),
    /// It is not there any more.
    Gone,
}

/// Why a container does not run any more.
enum Ended {
    Exited(i32),
    /// The pod is to end.
    Told(Duration),
}

/// Runs a pod until it is gone from the API server.
pub(super) async fn live(machine: Arc<Machine>, pod: Pod, mut wanted: watch::Receiver<Wanted>) {
    let name = pod.name_any();
    let Some(container) = pod.spec.as_ref().and_then(|spec| spec.containers.first()).cloned() else {
        return;
    };
    let reporter = Reporter::start(machine.client.clone(), &pod, &container);
    let mut place = None;
    let mut life = Life {
        machine: &machine,
        pod: &pod,
        container: &container,
        reporter: &reporter,
    };
    let mut wanted_inside = wanted.clone();
    let result = tokio::select! {
        result = life.run(&mut wanted_inside, &mut place) => result,
        () = gone(&mut wanted) => Ok(()),
    };
    if let Err(error) = result {
        say(format_args!("kubelet: pod {name}: {error:#}"));
        reporter.change(|status| status.state = State::Waiting("CreateContainerError", format!("{error:#}")));
        // It stays like this until it is deleted, as a pod that cannot be run does.
        drop(wanted.wait_for(|wanted| !matches!(wanted, Wanted::Alive)).await);
    }
    if let Some(place) = place {
        if let Some(started) = &place.started {
            started.remove().await;
        }
        if let Err(error) = machine.network.remove(&place.host).await {
            say(format_args!("kubelet: pod {name}: {error:#}"));
        }
    }
    reporter.finish().await;
    confirm_end(&machine.client, &pod, &wanted).await;
}

async fn gone(wanted: &mut watch::Receiver<Wanted>) {
    if wanted.wait_for(|wanted| matches!(wanted, Wanted::Gone)).await.is_err() {
        pending::<()>().await;
    }
}

async fn told_to_end(wanted: &mut watch::Receiver<Wanted>) -> Duration {
    loop {
        if let Wanted::Ending(grace) = *wanted.borrow_and_update() {
            return grace;
        }
        if wanted.changed().await.is_err() {
            pending::<()>().await;
        }
    }
}

/// Where a pod runs, kept apart from its life so that it can be cleared away whenever that ends.
struct Place {
    host: Host,
    started: Option<Started>,
}

struct Life<'a> {
    machine: &'a Machine,
    pod: &'a Pod,
    container: &'a Container,
    reporter: &'a Reporter,
}

impl Life<'_> {
    /// Starts the container, again and again as the restart policy says, until the pod is told to end.
    async fn run(&mut self, wanted: &mut watch::Receiver<Wanted>, place: &mut Option<Place>) -> anyhow::Result<()> {
        self.refuse_what_is_not_known()?;
        let host = self.machine.network.host().await?;
        let place = place.insert(Place { host, started: None });
        let address = place.host.address;
        self.reporter.change(|status| status.address = Some(address));
        let folder = self
            .machine
            .folder
            .join(self.pod.metadata.uid.as_deref().unwrap_or_default());
        let mut volumes = Volumes::new(self.machine.client.clone(), folder, address);
        let laid = self.lay_out(&mut volumes, wanted).await;
        let Some(laid) = laid else { return Ok(()) };
        let probes = Probes::of(self.container, address)?;

        let mut delay = None;
        for attempt in 0.. {
            let began = Timestamp::now();
            let started = self
                .machine
                .runtime
                .start(self.pod, self.container, &place.host, &laid, attempt)
                .await?;
            place.started = Some(started.clone());
            self.reporter.change(|status| {
                status.state = State::Running(began);
                (status.started, status.ready, status.restarts) = (false, false, attempt);
                status.id = format!("{}-{attempt}", self.pod.name_any());
            });
            let ended = self.watch_over(&started, &probes, &mut volumes, wanted).await?;
            let code = match ended {
                Ended::Exited(code) => code,
                Ended::Told(grace) => self.end(&started, &probes, grace).await?,
            };
            let state = State::Terminated(code, began, Timestamp::now());
            let is_told = matches!(ended, Ended::Told(_));
            if is_told || !self.restarts_after(code) {
                self.reporter
                    .change(|status| (status.state, status.ready) = (state, false));
                if !is_told {
                    drop(wanted.wait_for(|wanted| !matches!(wanted, Wanted::Alive)).await);
                }
                return Ok(());
            }
            say(format_args!(
                "kubelet: pod {}: its container ended with {code}",
                self.pod.name_any()
            ));
            started.remove().await;
            let pause = next_delay(delay, Timestamp::now().duration_since(began).unsigned_abs());
            delay = Some(pause);
            self.reporter.change(|status| {
                status.last = Some(state);
                status.state = State::Waiting("CrashLoopBackOff", format!("starts again in {pause:?}"));
                (status.started, status.ready, status.restarts) = (false, false, attempt + 1);
            });
            tokio::select! {
                () = sleep(pause) => {}
                _ = wanted.wait_for(|wanted| !matches!(wanted, Wanted::Alive)) => return Ok(()),
            }
        }
        Ok(())
    }

    fn refuse_what_is_not_known(&self) -> anyhow::Result<()> {
        let spec = self.pod.spec.as_ref().context("it has no spec")?;
        if spec.containers.len() != 1 || spec.init_containers.as_ref().is_some_and(|init| !init.is_empty()) {
            bail!("several containers, or such that run first, are not something this kubelet knows");
        }
        if self.container.lifecycle.is_some() {
            bail!(
                "container {}: lifecycle hooks are not something this kubelet knows",
                self.container.name
            );
        }
        Ok(())
    }

    fn restarts_after(&self, code: i32) -> bool {
        match self.pod.spec.as_ref().and_then(|spec| spec.restart_policy.as_deref()) {
            Some("Never") => false,
            Some("OnFailure") => code != 0,
            _ => true,
        }
    }

    /// Lays the volumes out, however long the API server takes; nothing if the pod is told to end before.
    async fn lay_out(&self, volumes: &mut Volumes, wanted: &mut watch::Receiver<Wanted>) -> Option<Vec<Laid>> {
        loop {
            match volumes.lay_out(self.pod).await {
                Ok(laid) => return Some(laid),
                Err(error) => {
                    let message = format!("{error:#}");
                    self.reporter
                        .change(|status| status.state = State::Waiting("ContainerCreating", message));
                }
            }
            tokio::select! {
                () = sleep(RETRY_PAUSE) => {}
                _ = wanted.wait_for(|wanted| !matches!(wanted, Wanted::Alive)) => return None,
            }
        }
    }

    /// Probes the container and keeps its volumes current until it ends or has to.
    async fn watch_over(
        &self,
        started: &Started,
        probes: &Probes,
        volumes: &mut Volumes,
        wanted: &mut watch::Receiver<Wanted>,
    ) -> anyhow::Result<Ended> {
        let unhealthy = probes.watch(
            || self.reporter.change(|status| status.started = true),
            |ready| self.reporter.change(|status| status.ready = ready),
        );
        let keep_current = async {
            let mut ticks = interval(VOLUME_PERIOD);
            loop {
                ticks.tick().await;
                // A source that is away for now leaves the files as they are.
                let _ = volumes.lay_out(self.pod).await;
            }
        };
        tokio::select! {
            code = started.wait() => Ok(Ended::Exited(code?)),
            reason = unhealthy => {
                say(format_args!("kubelet: pod {}: {reason}; it is started again", self.pod.name_any()));
                Ok(Ended::Exited(self.end(started, probes, grace_of_spec(self.pod)).await?))
            }
            () = keep_current => pending().await,
            grace = told_to_end(wanted) => Ok(Ended::Told(grace)),
        }
    }

    /// SIGTERM, the grace period, SIGKILL. Readiness is probed on, as a kubelet does: what serves until its end is shown as serving.
    async fn end(&self, started: &Started, probes: &Probes, grace: Duration) -> anyhow::Result<i32> {
        started.signal("TERM").await;
        let ended = async {
            tokio::select! {
                code = started.wait() => code,
                () = probes.watch_readiness(|ready| self.reporter.change(|status| status.ready = ready)) => pending().await,
            }
        };
        if let Ok(code) = timeout(grace, ended).await {
            return code;
        }
        say(format_args!(
            "kubelet: pod {}: killed after {grace:?}",
            self.pod.name_any()
        ));
        started.signal("KILL").await;
        started.wait().await
    }
}

fn grace_of_spec(pod: &Pod) -> Duration {
    let seconds = pod.spec.as_ref().and_then(|spec| spec.termination_grace_period_seconds);
    Duration::from_secs(seconds.and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or(30))
}

/// The wait before a restart, from the one before it. The first restart comes at once, the next ones later and later.
fn next_delay(last: Option<Duration>, ran: Duration) -> Duration {
    match last {
        Some(last) if ran < GOOD_RUN => (last * 2).clamp(FIRST_DELAY, LONGEST_DELAY),
        _ => Duration::ZERO,
    }
}

/// Tells the API server that nothing of the pod is left, so that it forgets it.
async fn confirm_end(client: &Client, pod: &Pod, wanted: &watch::Receiver<Wanted>) {
    let api: Api<Pod> = Api::namespaced(client.clone(), namespace(pod));
    let parameters = DeleteParams::default().grace_period(0).preconditions(Preconditions {
        uid: pod.metadata.uid.clone(),
        resource_version: None,
    });
    while !matches!(*wanted.borrow(), Wanted::Gone) {
        match api.delete(&pod.name_any(), &parameters).await {
            Ok(_) => return,
            Err(kube::Error::Api(answer)) if answer.code == 404 || answer.code == 409 => return,
            Err(_) => sleep(RETRY_PAUSE).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restarts_come_later_and_later_until_a_run_was_good() {
        let mut delay = None;
        let mut after = |seconds| {
            let next = next_delay(delay, Duration::from_secs(seconds));
            delay = Some(next);
            next.as_secs()
        };
        assert_eq!(
            [1, 1, 1, 1, 1, 1, 1, 1].map(&mut after),
            [0, 10, 20, 40, 80, 160, 300, 300]
        );
        assert_eq!([600, 1].map(after), [0, 10]);
    }
}
