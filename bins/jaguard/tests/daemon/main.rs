//! End to end: real daemons as processes of their own, asked over gRPC and HTTP.

mod cluster;
mod service;
mod support;
