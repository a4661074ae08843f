//! End to end: real daemons as processes of their own, asked over gRPC and HTTP.

mod cluster;
#[path = "../common/mod.rs"]
mod common;
mod joints;
mod rays;
mod reload;
mod service;
mod support;
mod traces;
