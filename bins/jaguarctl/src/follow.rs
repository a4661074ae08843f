//! Follows the log of a running cluster from its first entry, moving from pod to pod as they leave, without a gap.

use std::time::Duration;

use anyhow::Context;
use jaguar_client::Credentials;
use jaguar_proto::v1::{StreamLogRequest, StreamLogResponse};
use tokio::sync::{mpsc, watch};
use tonic::Streaming;

use crate::connection::{log_client, say};
use crate::convert;
use crate::daemon::Ready;
use crate::local_cluster::LocalCluster;
use crate::recording::LogItem;

/// Items on their way to the consumer: enough to hide its pauses, too few to matter.
const BUFFERED_ITEMS: usize = 1024;

/// Streams in a row that may break without having brought anything.
const ATTEMPTS: u32 = 10;

/// Time between two of them.
const PAUSE: Duration = Duration::from_millis(200);

/// The log as a stream of items, in order; after a change of pod some come again.
#[derive(Debug)]
pub(crate) struct LogFollower {
    items: mpsc::Receiver<anyhow::Result<LogItem>>,
}

impl LogFollower {
    /// Follows the log of this cluster until dropped.
    pub(crate) fn start(cluster: &LocalCluster) -> Self {
        let (members, credentials) = (cluster.watch_members(), cluster.credentials().clone());
        let (sender, items) = mpsc::channel(BUFFERED_ITEMS);
        tokio::spawn(async move {
            let mut position = Position { entry: 1, summary: 1 };
            if let Err(error) = follow(members, &credentials, &mut position, &sender).await {
                // Nobody listens any more when the consumer is gone, and nobody needs to.
                let _ = sender.send(Err(error)).await;
            }
        });
        Self { items }
    }

    /// The next item.
    pub(crate) async fn next(&mut self) -> anyhow::Result<LogItem> {
        self.items.recv().await.context("the log follower has ended")?
    }
}

/// What is to come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Position {
    entry: u64,
    summary: u64,
}

impl Position {
    fn pass(&mut self, item: &LogItem) {
        match item {
            LogItem::Entry(entry) => self.entry = self.entry.max(entry.index.0 + 1),
            LogItem::Summary(summary) => self.summary = self.summary.max(summary.index.0 + 1),
        }
    }

    /// Where a new stream has to begin. Some items come a second time, none is left out.
    fn resume(self) -> u64 {
        self.entry.min(self.summary)
    }
}

/// Returns when the consumer is gone.
async fn follow(
    mut members: watch::Receiver<Vec<Ready>>,
    credentials: &Credentials,
    position: &mut Position,
    sender: &mpsc::Sender<anyhow::Result<LogItem>>,
) -> anyhow::Result<()> {
    let mut failures = 0;
    loop {
        let current = members.borrow_and_update().clone();
        // A pod whose stream broke is the last one to be asked again.
        let Some(&pod) = current.get(failures as usize % current.len().max(1)) else {
            if members.changed().await.is_err() {
                return Ok(());
            }
            continue;
        };
        let before = *position;
        let Err(error) = follow_one(pod, credentials, &mut members, position, sender).await else {
            if sender.is_closed() {
                return Ok(());
            }
            failures = 0;
            continue;
        };
        failures = if *position == before { failures + 1 } else { 1 };
        if failures >= ATTEMPTS {
            return Err(error.context(format!(
                "cannot follow the log any further than entry {}",
                position.resume()
            )));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Follows one pod until it is no longer a member or the consumer is gone.
async fn follow_one(
    pod: Ready,
    credentials: &Credentials,
    members: &mut watch::Receiver<Vec<Ready>>,
    position: &mut Position,
    sender: &mpsc::Sender<anyhow::Result<LogItem>>,
) -> anyhow::Result<()> {
    let mut stream = open_log(pod, credentials, position.resume()).await?;
    loop {
        tokio::select! {
            message = stream.message() => {
                let message = message.map_err(say)?.context("the pod ended its log stream")?;
                let item = convert::log_item(message)?;
                position.pass(&item);
                if sender.send(Ok(item)).await.is_err() {
                    return Ok(());
                }
            }
            changed = members.changed() => {
                let gone = !members.borrow_and_update().iter().any(|member| member.pod == pod.pod);
                if changed.is_err() || gone {
                    return Ok(());
                }
            }
            () = sender.closed() => return Ok(()),
        }
    }
}

async fn open_log(
    pod: Ready,
    credentials: &Credentials,
    from_index: u64,
) -> anyhow::Result<Streaming<StreamLogResponse>> {
    let request = StreamLogRequest {
        from_index,
        ..StreamLogRequest::default()
    };
    let stream = log_client(pod.grpc, credentials)
        .await?
        .stream_log(request)
        .await
        .map_err(say)?;
    Ok(stream.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jaguar_migration::id::{LogIndex, Tick};
    use jaguar_migration::record::Entry;

    #[test]
    fn a_new_stream_begins_where_the_summaries_are_behind() {
        let mut position = Position { entry: 1, summary: 1 };
        for index in 1..=4 {
            position.pass(&LogItem::Entry(Entry {
                index: LogIndex(index),
                tick: Tick(0),
                advance: false,
                records: Vec::new(),
            }));
        }
        assert_eq!(position.resume(), 1);
    }
}
