//! The world as a client sees it: bodies are spawned and removed over gRPC, and every tick of its log is checked and timed.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use futures_util::{StreamExt, TryStreamExt, stream};
use jaguar_client::{Client, Material, NewBody, Region, Status};
use jaguar_proto::v1::log_client::LogClient;
use jaguar_proto::v1::stream_log_response::Item;
use jaguar_proto::v1::{EntrySummary, LogContent, StreamLogRequest};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// Port of gRPC.
const PORT: u16 = 50051;

/// Pause before another pod is tried.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// Silence after which another pod's log is followed.
const SILENCE: Duration = Duration::from_secs(10);

/// Bodies that are removed at the same time.
const REMOVALS: usize = 256;

/// Distance between bodies, m: they never touch.
const SPACING: f64 = 4.0;

/// Bodies along an edge of the cube that they fill.
const EDGE: u64 = 32;

/// Bodies sink through something like honey, 9.81 / 20 = 0.5 m/s: light to compute, and each crosses a border of a tile every half minute.
const DAMPING: f32 = 20.0;

/// What has been seen of the log, tick by tick.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// The last entry.
    pub(crate) index: u64,
    /// The world's tick after it.
    pub(crate) tick: u64,
    /// Bodies that changed pods since the world began.
    pub(crate) handed_over: u64,
    /// Bodies in the world.
    pub(crate) entities: u64,
    /// Pods, and what each holds.
    pub(crate) pods: Vec<(u32, u64)>,
    /// Entries in which the bodies were not as many as spawned less removed.
    pub(crate) wrong_entries: u64,
    /// Longest time between two ticks since this was last reset.
    pub(crate) longest_gap: Duration,
    /// Times that the log was followed on another pod.
    pub(crate) moves: u64,
    last: Option<Instant>,
}

/// A client of the world that knows all its pods and outlives any of them.
#[derive(Debug)]
pub(crate) struct World {
    seen: Arc<Mutex<Seen>>,
    addresses: Arc<Mutex<BTreeSet<String>>>,
    follower: JoinHandle<()>,
    /// The bodies that should be there.
    alive: BTreeSet<u64>,
    spawned: u64,
    removed: u64,
}

/// The bodies that are there, compared with those that should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    /// Should be there and are not.
    pub(crate) lost: usize,
    /// Are there twice, or should not be.
    pub(crate) duplicated: usize,
    /// Spawned in all.
    pub(crate) spawned: u64,
    /// Removed in all.
    pub(crate) removed: u64,
    /// Are there.
    pub(crate) there: usize,
}

impl World {
    /// Follows the world that the pod at `address` is a member of.
    pub(crate) fn follow(address: &str) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let addresses = Arc::new(Mutex::new(BTreeSet::from([format!("{address}:{PORT}")])));
        let follower = tokio::spawn(follow(seen.clone(), addresses.clone()));
        Self {
            seen,
            addresses,
            follower,
            alive: BTreeSet::new(),
            spawned: 0,
            removed: 0,
        }
    }

    /// What has been seen of the log.
    pub(crate) fn seen(&self) -> Seen {
        lock(&self.seen).clone()
    }

    /// Begins a new search for the longest time between two ticks.
    pub(crate) fn reset_gap(&self) {
        lock(&self.seen).longest_gap = Duration::ZERO;
    }

    /// A connection to some pod that answers.
    async fn client(&self) -> anyhow::Result<(Client, Status)> {
        any_pod(&self.addresses).await
    }

    /// Spawns bodies until there are `count`, by a stream.
    pub(crate) async fn grow_to(&mut self, count: u64) -> anyhow::Result<()> {
        let from = self.spawned;
        let wanted = count.saturating_sub(self.alive.len() as u64);
        let bodies = stream::iter((from..from + wanted).map(body));
        let (mut client, _) = self.client().await?;
        let ids = client.spawn_many(bodies).await.context("cannot spawn")?;
        if ids.len() as u64 != wanted {
            bail!("{wanted} bodies were sent and {} ids came back", ids.len());
        }
        self.spawned += wanted;
        self.alive.extend(ids);
        Ok(())
    }

    /// Removes bodies until there are `count`, each by a call of its own.
    pub(crate) async fn shrink_to(&mut self, count: u64) -> anyhow::Result<()> {
        let excess = (self.alive.len() as u64).saturating_sub(count);
        let leaving: Vec<u64> = self.alive.iter().copied().take(usize::try_from(excess)?).collect();
        let (client, _) = self.client().await?;
        let removals = leaving.iter().map(|id| {
            let mut client = client.clone();
            async move {
                client
                    .despawn(*id)
                    .await
                    .with_context(|| format!("cannot remove body {id}"))
            }
        });
        stream::iter(removals)
            .buffer_unordered(REMOVALS)
            .try_collect::<()>()
            .await?;
        for id in leaving {
            self.alive.remove(&id);
            self.removed += 1;
        }
        Ok(())
    }

    /// Reads all bodies of the world and compares them one by one with those that should be there.
    pub(crate) async fn count(&self) -> anyhow::Result<Count> {
        let (mut client, _) = self.client().await?;
        let bodies = client.query(Region::everywhere()).await?;
        let there: BTreeSet<u64> = bodies.iter().map(|body| body.id).collect();
        Ok(Count {
            lost: self.alive.difference(&there).count(),
            duplicated: bodies.len() - there.len() + there.difference(&self.alive).count(),
            spawned: self.spawned,
            removed: self.removed,
            there: there.len(),
        })
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.follower.abort();
    }
}

fn body(number: u64) -> NewBody {
    let place = |index: u64| (index as f64 - EDGE as f64 / 2.0) * SPACING;
    // Bodies that come later fill the same cube again, a little beside those of before.
    let layer = (number / EDGE.pow(3)) as f64;
    NewBody {
        position: [
            place(number % EDGE) + layer * 1.3,
            place(number / EDGE % EDGE),
            place(number / EDGE.pow(2) % EDGE) + layer * 1.3,
        ],
        radius: 0.25,
        mass: 1.0,
        material: Material {
            linear_damping: DAMPING,
            ..Material::default()
        },
        ..NewBody::default()
    }
}

async fn any_pod(addresses: &Mutex<BTreeSet<String>>) -> anyhow::Result<(Client, Status)> {
    let known: Vec<String> = lock(addresses).iter().cloned().collect();
    let mut last = anyhow::anyhow!("no pod is known");
    for address in known.iter().rev() {
        let attempt = async {
            let mut client = Client::connect(address).await?;
            let status = client.status().await?;
            anyhow::Ok((client, status))
        };
        match timeout(Duration::from_secs(3), attempt).await {
            Ok(Ok((client, status))) => {
                *lock(addresses) = status.pods.iter().map(|pod| pod.address.clone()).collect();
                return Ok((client, status));
            }
            Ok(Err(error)) => last = error.context(address.clone()),
            Err(_) => last = anyhow::anyhow!("{address} does not answer"),
        }
    }
    Err(last)
}

/// Follows the log for ever, from pod to pod as they leave.
async fn follow(seen: Arc<Mutex<Seen>>, addresses: Arc<Mutex<BTreeSet<String>>>) {
    loop {
        if let Ok((_, status)) = any_pod(&addresses).await {
            // The pod that has been a member longest knows the log furthest back.
            if let Some(oldest) = status.pods.iter().min_by_key(|pod| pod.pod) {
                // That a stream ends is how pods leave.
                drop(follow_one(&oldest.address, &seen, &addresses).await);
            }
        }
        note_move(&mut lock(&seen));
        sleep(RETRY_PAUSE).await;
    }
}

/// What comes next was late because of this client, not because of the world.
fn note_move(seen: &mut Seen) {
    seen.moves += 1;
    seen.last = None;
}

async fn follow_one(address: &str, seen: &Mutex<Seen>, addresses: &Mutex<BTreeSet<String>>) -> anyhow::Result<()> {
    let from_index = lock(seen).index + 1;
    let request = StreamLogRequest {
        from_index,
        content: LogContent::Summaries.into(),
    };
    let mut stream = LogClient::connect(format!("http://{address}"))
        .await?
        .stream_log(request)
        .await?
        .into_inner();
    let mut looked = Instant::now();
    // What was sealed before comes at once and says nothing about the pace.
    let mut timed_from = None;
    while let Some(message) = timeout(SILENCE, stream.message()).await?? {
        if let Some(Item::Summary(summary)) = message.item {
            let now = Instant::now();
            let begin = *timed_from.get_or_insert(now + Duration::from_millis(500));
            note(&mut lock(seen), &summary, (now >= begin).then_some(now));
        }
        if looked.elapsed() > Duration::from_secs(1) {
            looked = Instant::now();
            any_pod(addresses).await?;
        }
    }
    Ok(())
}

fn note(seen: &mut Seen, summary: &EntrySummary, now: Option<Instant>) {
    if summary.index <= seen.index {
        return;
    }
    seen.index = summary.index;
    seen.handed_over = summary.handed_over;
    seen.entities = summary.entities;
    seen.pods = summary.pods.iter().map(|pod| (pod.pod, pod.entities)).collect();
    if summary.spawned - summary.despawned != summary.entities {
        seen.wrong_entries += 1;
    }
    if summary.advanced {
        seen.tick = summary.tick;
        if let (Some(now), Some(last)) = (now, seen.last) {
            seen.longest_gap = seen.longest_gap.max(now - last);
        }
        seen.last = now;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_bodies_of_a_run_touch() {
        let bodies: Vec<NewBody> = (0..2 * EDGE.pow(3)).map(body).collect();
        let cells: BTreeSet<[i64; 3]> = bodies
            .iter()
            .map(|body| body.position.map(|x| (x * 10.0).round() as i64))
            .collect();
        assert_eq!(cells.len(), bodies.len());
    }
}
