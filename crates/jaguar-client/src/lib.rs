//! The async client of a Jaguar world, in plain types.
//!
//! Any pod answers for the whole world, so a client needs the address of one. Lengths are in m, masses in kg, times in s, angles in rad.
//! What the protocol offers beyond this (the log, rays) is in `jaguar_proto`.
//!
//! ```no_run
//! use jaguar_client::{Client, NewBody, Region};
//!
//! # async fn example() -> Result<(), jaguar_client::ClientError> {
//! let mut world = Client::connect("127.0.0.1:50051").await?;
//! let ball = world.spawn(NewBody { position: [0.0, 20.0, 0.0], radius: 0.5, mass: 1.0, ..NewBody::default() }).await?;
//! world.run_to(120).await?;
//! println!("after two seconds: {:?}", world.body(ball).await?.position);
//!
//! let mut frames = world.watch(Region::everywhere()).await?;
//! while let Some(frame) = frames.next().await? {
//!     println!("tick {}: {} bodies", frame.tick, frame.bodies.len());
//! }
//! # Ok(())
//! # }
//! ```

mod body;
mod client;
mod credentials;
mod error;
mod frames;
mod joint;
mod kind;
mod status;

pub use body::{Body, NewBody, Region};
pub use client::Client;
pub use credentials::{Authorization, Connection, Credentials};
pub use error::ClientError;
pub use frames::{Frame, Frames};
pub use joint::{JointEnd, JointKind, JointedBody, Motor, NewJoint, Spring};
pub use kind::{CombineRule, Domain, Filter, Material, Shape};
pub use status::{PodStatus, Settings, State, Status};
/// The codes that [`ClientError::code`] gives.
pub use tonic::Code;
