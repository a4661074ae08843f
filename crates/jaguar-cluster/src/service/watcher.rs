//! A client that watches a region: frames at an interval, each the whole region or what has changed in it.

use std::cmp::Ordering;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jaguar_metrics::Metrics;
use jaguar_migration::definition::Region;
use jaguar_proto::v1;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep_until, timeout};
use tonic::Status;

use crate::convert;
use crate::limits::{BODIES_PER_MESSAGE, LAG_INTERVAL};
use crate::query::Question;
use crate::reader::{Cut, Reader};
use crate::simulation::{Simulation, Stage};
use crate::tuning::Frames;

type Client = mpsc::Sender<Result<v1::WatchRegionResponse, Status>>;

/// Watches a region for one client.
pub(super) struct Watcher {
    simulation: Simulation,
    reader: Reader,
    question: Question,
    /// What the client asked for; 0 follows the settings.
    interval_ms: u32,
    settings: watch::Receiver<Frames>,
    metrics: Arc<Metrics>,
    /// The frame before, ascending by id.
    before: Option<Cut>,
}

impl Watcher {
    pub(super) fn new(
        simulation: Simulation,
        reader: Reader,
        region: Region,
        interval_ms: u32,
        settings: watch::Receiver<Frames>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            simulation,
            reader,
            question: Question::Region(region),
            interval_ms,
            settings,
            metrics,
            before: None,
        }
    }

    /// Sends frames until the client or the pod is gone, or the world cannot be read.
    pub(super) async fn run(mut self, client: Client) {
        self.follow(client).await;
        // Who watches still sets it again with the next frame; when nobody does, nothing lags.
        self.metrics.state_sync_lag_ms.set(0.0);
    }

    async fn follow(&mut self, client: Client) {
        let mut progress = self.simulation.progress();
        let mut stages = self.simulation.stage();
        loop {
            let sent_at = Instant::now();
            if let Err(status) = self.send_frame(&client).await {
                drop(client.send(Err(status)).await);
                return;
            }
            let shown = self.before.as_ref().map(|cut| cut.index);
            tokio::select! {
                () = self.pause_since(sent_at) => {}
                () = client.closed() => return,
            }
            // A wait fails when the simulation thread is gone, which is as if the pod had left.
            let left = tokio::select! {
                biased;
                _ = stages.wait_for(|now| *now == Stage::Left) => true,
                news = progress.wait_for(|now| Some(now.index) != shown) => news.is_err(),
                () = client.closed() => return,
            };
            if left {
                drop(
                    client
                        .send(Err(Status::unavailable(
                            "this pod has left the world; watch at another pod",
                        )))
                        .await,
                );
                return;
            }
        }
    }

    /// Waits until the next frame is due, and looks again when the settings change meanwhile.
    async fn pause_since(&mut self, sent_at: Instant) {
        loop {
            let interval = match self.interval_ms {
                0 => self.settings.borrow_and_update().interval,
                asked => Duration::from_millis(asked.into()),
            };
            let changed = tokio::select! {
                () = sleep_until((sent_at + interval).into()) => return,
                changed = self.settings.changed() => changed,
            };
            if changed.is_err() {
                // The settings never change again: the process ends.
                return;
            }
        }
    }

    async fn send_frame(&mut self, client: &Client) -> Result<(), Status> {
        let asked_at = Instant::now();
        let cut = self.read(asked_at).await?;
        let deltas = self.settings.borrow().deltas;
        let messages = match self.before.as_ref().filter(|_| deltas) {
            Some(before) => delta(before, &cut),
            None => keyframe(&cut),
        };
        for message in messages {
            if client.send(Ok(message)).await.is_err() {
                return Ok(());
            }
        }
        // The state was taken when it was read; what came after is the way through this pod.
        self.note_lag(asked_at);
        self.before = Some(cut);
        Ok(())
    }

    /// Reads the region from all pods. The lag grows while a pod does not answer, so that an alert sees a world that stands still.
    async fn read(&self, asked_at: Instant) -> Result<Cut, Status> {
        let mut read = pin!(self.reader.read(&self.question));
        loop {
            match timeout(LAG_INTERVAL, &mut read).await {
                Ok(cut) => return cut,
                Err(_) => self.note_lag(asked_at),
            }
        }
    }

    fn note_lag(&self, asked_at: Instant) {
        let lag = asked_at.elapsed();
        self.metrics.state_sync_lag_ms.set(lag.as_secs_f64() * 1e3);
    }
}

fn keyframe(cut: &Cut) -> Vec<v1::WatchRegionResponse> {
    let chunks = cut
        .bodies
        .chunks(BODIES_PER_MESSAGE)
        .map(|bodies| v1::WatchRegionResponse {
            kind: v1::FrameKind::Keyframe.into(),
            entered: bodies.to_vec(),
            ..v1::WatchRegionResponse::default()
        });
    finish(chunks.collect(), v1::FrameKind::Keyframe, cut)
}

/// What has changed between two cuts of a region, both ascending by id.
fn delta(before: &Cut, now: &Cut) -> Vec<v1::WatchRegionResponse> {
    let mut messages = Vec::new();
    let mut message = v1::WatchRegionResponse::default();
    let (mut old, mut new) = (before.bodies.iter().peekable(), now.bodies.iter().peekable());
    loop {
        let order = match (old.peek(), new.peek()) {
            (Some(old), Some(new)) => old.id.cmp(&new.id),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => break,
        };
        match order {
            Ordering::Less => message.left_ids.extend(old.next().map(|body| body.id)),
            Ordering::Greater => message.entered.extend(new.next().copied()),
            Ordering::Equal => {
                let motion = new.next().map(convert::motion_of);
                if old.next().map(convert::motion_of) != motion {
                    message.moved.extend(motion);
                }
            }
        }
        if message.entered.len() + message.moved.len() + message.left_ids.len() == BODIES_PER_MESSAGE {
            messages.push(std::mem::take(&mut message));
        }
    }
    messages.push(message);
    finish(messages, v1::FrameKind::Delta, now)
}

/// Fills in what all messages of a frame say.
fn finish(mut messages: Vec<v1::WatchRegionResponse>, kind: v1::FrameKind, cut: &Cut) -> Vec<v1::WatchRegionResponse> {
    if messages.is_empty() {
        messages.push(v1::WatchRegionResponse::default());
    }
    let last = messages.len() - 1;
    for (number, message) in messages.iter_mut().enumerate() {
        message.kind = kind.into();
        message.tick = cut.tick.0;
        message.count = cut.bodies.len() as u64;
        message.continued = number < last;
    }
    messages
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(bodies: &[(u64, f64)]) -> Cut {
        let body = |&(id, x): &(u64, f64)| v1::Body {
            id,
            position: Some(v1::Point { x, y: 0.0, z: 0.0 }),
            ..v1::Body::default()
        };
        Cut {
            bodies: bodies.iter().map(body).collect(),
            ..Cut::default()
        }
    }

    #[test]
    fn a_delta_names_what_entered_moved_and_left_and_nothing_else() {
        let frames = delta(
            &cut(&[(1, 0.0), (2, 0.0), (4, 0.0)]),
            &cut(&[(2, 1.0), (3, 0.0), (4, 0.0)]),
        );
        let [frame] = &frames[..] else {
            panic!("a small frame is one message: {frames:?}")
        };
        assert_eq!(frame.left_ids, [1]);
        assert_eq!(frame.moved.iter().map(|body| body.id).collect::<Vec<_>>(), [2]);
        assert_eq!(frame.entered.iter().map(|body| body.id).collect::<Vec<_>>(), [3]);
        assert_eq!(
            (frame.count, frame.kind(), frame.continued),
            (3, v1::FrameKind::Delta, false)
        );
    }

    #[test]
    fn a_large_frame_comes_in_several_messages_of_which_the_last_ends_it() {
        let bodies: Vec<(u64, f64)> = (0..2 * BODIES_PER_MESSAGE as u64 + 1).map(|id| (id, 0.0)).collect();
        for frame in [keyframe(&cut(&bodies)), delta(&cut(&[]), &cut(&bodies))] {
            let continued: Vec<bool> = frame.iter().map(|message| message.continued).collect();
            assert_eq!(continued, [true, true, false]);
            assert_eq!(
                frame.iter().map(|message| message.entered.len()).sum::<usize>(),
                bodies.len()
            );
        }
    }

    #[test]
    fn an_empty_region_has_frames_too() {
        assert_eq!(keyframe(&cut(&[])).len(), 1);
        assert_eq!(delta(&cut(&[]), &cut(&[])).len(), 1);
    }
}
