//! A watched region: deltas are put together, so that every frame is whole.

use std::collections::BTreeMap;

use jaguar_proto::v1;
use tonic::Streaming;

use crate::body::{Body, motion};
use crate::error::ClientError;

/// All bodies of a region after a tick.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// The tick.
    pub tick: u64,
    /// Ascending by id.
    pub bodies: Vec<Body>,
}

/// Frames as they come. Ends when the pod ends them.
#[derive(Debug)]
pub struct Frames {
    messages: Streaming<v1::WatchRegionResponse>,
    bodies: BTreeMap<u64, Body>,
    /// Whether the next message begins a frame.
    is_new_frame: bool,
}

impl Frames {
    pub(crate) fn new(messages: Streaming<v1::WatchRegionResponse>) -> Self {
        Self {
            messages,
            bodies: BTreeMap::new(),
            is_new_frame: true,
        }
    }

    /// The next frame.
    ///
    /// # Errors
    /// When the pod leaves, or the world halts.
    pub async fn next(&mut self) -> Result<Option<Frame>, ClientError> {
        while let Some(message) = self.messages.message().await? {
            let (tick, continued) = (message.tick, message.continued);
            self.take(message)?;
            self.is_new_frame = !continued;
            if !continued {
                return Ok(Some(Frame {
                    tick,
                    bodies: self.bodies.values().copied().collect(),
                }));
            }
        }
        Ok(None)
    }

    fn take(&mut self, message: v1::WatchRegionResponse) -> Result<(), ClientError> {
        if self.is_new_frame && message.kind() == v1::FrameKind::Keyframe {
            self.bodies.clear();
        }
        for id in &message.left_ids {
            self.bodies.remove(id);
        }
        for body in message.entered {
            self.bodies.insert(body.id, body.try_into()?);
        }
        for moved in message.moved {
            let (position, orientation, velocity, angular_velocity) = motion(
                moved.position,
                moved.orientation,
                moved.velocity,
                moved.angular_velocity,
            )?;
            if let Some(body) = self.bodies.get_mut(&moved.id) {
                *body = Body {
                    position,
                    orientation,
                    velocity,
                    angular_velocity,
                    ..*body
                };
            }
        }
        Ok(())
    }
}
