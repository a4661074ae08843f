//! Probes: startup first, then readiness and liveness, each with its period, timeout and thresholds.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context, bail};
use k8s_openapi::api::core::v1::{Container, Probe};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use reqwest::Client;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::container::{port, url};

/// What is asked, how often, and how many answers in a row change the verdict.
#[derive(Clone, Debug)]
pub(super) struct HttpProbe {
    client: Client,
    url: String,
    initial_delay: Duration,
    period: Duration,
    thresholds: Thresholds,
}

/// Answers of one kind in a row that change the verdict.
#[derive(Clone, Copy, Debug)]
struct Thresholds {
    successes: u32,
    failures: u32,
}

/// Counts answers of one kind in a row.
#[derive(Clone, Copy, Debug)]
struct Streak {
    thresholds: Thresholds,
    last: bool,
    length: u32,
}

impl Streak {
    fn new(thresholds: Thresholds) -> Self {
        Self {
            thresholds,
            last: false,
            length: 0,
        }
    }

    /// Counts an answer; gives the verdict if there are enough of its kind in a row.
    fn count(&mut self, success: bool) -> Option<bool> {
        self.length = if success == self.last { self.length + 1 } else { 1 };
        self.last = success;
        let needed = if success {
            self.thresholds.successes
        } else {
            self.thresholds.failures
        };
        (self.length >= needed).then_some(success)
    }
}

/// The probes of a container.
#[derive(Clone, Debug)]
pub(super) struct Probes {
    startup: Option<HttpProbe>,
    readiness: Option<HttpProbe>,
    liveness: Option<HttpProbe>,
}

impl Probes {
    /// # Errors
    /// When a probe is not an HTTP GET, or names a port that the container does not have.
    pub(super) fn of(container: &Container, address: Ipv4Addr) -> anyhow::Result<Self> {
        let probe = |spec: &Option<Probe>, kind: &str| {
            let made = spec.as_ref().map(|spec| HttpProbe::new(spec, container, address));
            made.transpose().with_context(|| format!("{kind} probe"))
        };
        Ok(Self {
            startup: probe(&container.startup_probe, "startup")?,
            readiness: probe(&container.readiness_probe, "readiness")?,
            liveness: probe(&container.liveness_probe, "liveness")?,
        })
    }

    /// Probes until the container has to be killed, and gives why. Calls `started` once, and `ready` with every verdict of the readiness probe.
    pub(super) async fn watch(&self, started: impl Fn(), ready: impl Fn(bool)) -> String {
        if let Some(startup) = &self.startup
            && !startup.verdict().await
        {
            return format!("{} failed: it has not started", startup.url);
        }
        started();
        let liveness = async {
            match &self.liveness {
                Some(probe) => probe.until_failed().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = liveness => format!("{} failed: it does not live", self.liveness.as_ref().map_or("", |probe| &probe.url)),
            () = self.watch_readiness(ready) => "the readiness probe ended".to_owned(),
        }
    }

    /// Calls `ready` with every verdict of the readiness probe, for ever. A container without one is always ready.
    pub(super) async fn watch_readiness(&self, ready: impl Fn(bool)) {
        match &self.readiness {
            Some(probe) => probe.each_verdict(ready).await,
            None => {
                ready(true);
                std::future::pending::<()>().await;
            }
        }
    }
}

impl HttpProbe {
    fn new(spec: &Probe, container: &Container, address: Ipv4Addr) -> anyhow::Result<Self> {
        let get = spec
            .http_get
            .as_ref()
            .context("is not an HTTP GET, which is all this kubelet knows")?;
        if get.scheme.as_deref().is_some_and(|scheme| scheme != "HTTP") || get.host.is_some() {
            bail!("goes over HTTPS or to another host, which this kubelet does not do");
        }
        let number = match &get.port {
            IntOrString::Int(number) => u16::try_from(*number)?,
            IntOrString::String(name) => port(container, name)?,
        };
        let seconds =
            |value: Option<i32>, default: u32| value.and_then(|value| u32::try_from(value).ok()).unwrap_or(default);
        let duration = |value, default| Duration::from_secs(seconds(value, default).into());
        // The defaults are those of the API, which has filled them in already.
        Ok(Self {
            client: Client::builder().timeout(duration(spec.timeout_seconds, 1)).build()?,
            url: url(address, number, get.path.as_deref().unwrap_or("/")),
            initial_delay: duration(spec.initial_delay_seconds, 0),
            period: duration(spec.period_seconds, 10),
            thresholds: Thresholds {
                successes: seconds(spec.success_threshold, 1),
                failures: seconds(spec.failure_threshold, 3),
            },
        })
    }

    async fn succeeds(&self) -> bool {
        // As the kubelet has it: 200 to 399 is a success.
        let answer = self.client.get(&self.url).send().await;
        answer.is_ok_and(|answer| (200..400).contains(&answer.status().as_u16()))
    }

    /// The first verdict.
    async fn verdict(&self) -> bool {
        let mut streak = Streak::new(self.thresholds);
        sleep(self.initial_delay).await;
        let mut ticks = self.ticks();
        loop {
            ticks.tick().await;
            if let Some(verdict) = streak.count(self.succeeds().await) {
                return verdict;
            }
        }
    }

    async fn until_failed(&self) {
        while self.verdict().await {
            sleep(self.period).await;
        }
    }

    async fn each_verdict(&self, mut told: impl FnMut(bool)) {
        let mut streak = Streak::new(self.thresholds);
        sleep(self.initial_delay).await;
        let mut ticks = self.ticks();
        loop {
            ticks.tick().await;
            if let Some(verdict) = streak.count(self.succeeds().await) {
                told(verdict);
            }
        }
    }

    fn ticks(&self) -> tokio::time::Interval {
        let mut ticks = interval(self.period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_changes_after_as_many_answers_in_a_row_as_its_threshold_says() {
        let mut streak = Streak::new(Thresholds {
            successes: 2,
            failures: 3,
        });
        let verdicts = [true, true, false, false, true, false, false, false].map(|answer| streak.count(answer));
        assert_eq!(verdicts, [None, Some(true), None, None, None, None, None, Some(false)]);
    }
}
