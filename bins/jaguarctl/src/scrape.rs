//! Reads a pod's `/metrics`, as Prometheus would.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A scrape takes a millisecond; a pod that takes longer than this has no metrics, for the autoscaler too.
const SCRAPE_TIMEOUT: Duration = Duration::from_secs(2);

/// A page of metrics is some ten kilobytes.
const PAGE_BYTES: u64 = 4 << 20;

/// One page of metrics.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Metrics {
    samples: Vec<Sample>,
}

#[derive(Clone, Debug, PartialEq)]
struct Sample {
    name: String,
    labels: String,
    value: f64,
}

impl Metrics {
    /// Reads the page of one pod.
    pub(crate) async fn scrape(http: SocketAddr) -> anyhow::Result<Self> {
        let page = timeout(SCRAPE_TIMEOUT, get(http, "/metrics")).await.with_context(|| {
            format!(
                "http://{http}/metrics did not answer within {} s",
                SCRAPE_TIMEOUT.as_secs()
            )
        })??;
        Ok(Self::parse(&page))
    }

    /// Reads the text exposition format; lines that are not samples are left out.
    fn parse(page: &str) -> Self {
        let samples = page
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(parse_sample);
        Self {
            samples: samples.collect(),
        }
    }

    /// The value of a metric that has one sample.
    pub(crate) fn value(&self, name: &str) -> Option<f64> {
        self.samples
            .iter()
            .find(|sample| sample.name == name)
            .map(|sample| sample.value)
    }

    /// The cumulative buckets of a histogram: upper bounds and counts, ascending.
    pub(crate) fn buckets(&self, name: &str) -> Vec<(f64, f64)> {
        let bucket = format!("{name}_bucket");
        let mut buckets: Vec<(f64, f64)> = self
            .samples
            .iter()
            .filter(|sample| sample.name == bucket)
            .filter_map(|sample| Some((upper_bound(&sample.labels)?, sample.value)))
            .collect();
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        buckets
    }
}

/// `name{labels} value [timestamp]`; label values of ours hold no spaces or braces.
fn parse_sample(line: &str) -> Option<Sample> {
    let (series, rest) = match line.split_once('}') {
        Some((series, rest)) => (series, rest),
        None => line.split_once(' ')?,
    };
    let (name, labels) = series.split_once('{').unwrap_or((series, ""));
    Some(Sample {
        name: name.to_owned(),
        labels: labels.to_owned(),
        value: rest.split_whitespace().next()?.parse().ok()?,
    })
}

fn upper_bound(labels: &str) -> Option<f64> {
    let (_, rest) = labels.split_once("le=\"")?;
    rest.split_once('"')?.0.parse().ok()
}

/// HTTP/1.0, so that the connection's end is the answer's.
async fn get(address: SocketAddr, path: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(address)
        .await
        .with_context(|| format!("no pod answers at {address}"))?;
    stream
        .write_all(format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes())
        .await?;
    let mut answer = String::new();
    stream.take(PAGE_BYTES).read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").context("the answer is not HTTP")?;
    let status = head.lines().next().unwrap_or_default();
    if status.split_whitespace().nth(1) != Some("200") {
        bail!("http://{address}{path} answers {status}");
    }
    Ok(body.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"# HELP jaguar_entity_count Bodies
# TYPE jaguar_entity_count gauge
jaguar_entity_count 6012
# TYPE jaguar_simulation_frame_time_ms histogram
jaguar_simulation_frame_time_ms_bucket{le="1"} 10
jaguar_simulation_frame_time_ms_bucket{le="+Inf"} 30
jaguar_simulation_frame_time_ms_bucket{le="2.5"} 25
jaguar_simulation_frame_time_ms_count 30
jaguar_simulation_load{pod="2"} 0.75 1700000000
"#;

    #[test]
    fn samples_are_read_with_and_without_labels_and_times() {
        let metrics = Metrics::parse(PAGE);
        assert_eq!(metrics.value("jaguar_entity_count"), Some(6012.0));
        assert_eq!(metrics.value("jaguar_simulation_load"), Some(0.75));
        assert_eq!(metrics.value("jaguar_simulation_frame_time_ms_count"), Some(30.0));
        assert_eq!(metrics.value("absent"), None);
    }

    #[test]
    fn buckets_ascend() {
        let buckets = Metrics::parse(PAGE).buckets("jaguar_simulation_frame_time_ms");
        assert_eq!(buckets, [(1.0, 10.0), (2.5, 25.0), (f64::INFINITY, 30.0)]);
    }
}
