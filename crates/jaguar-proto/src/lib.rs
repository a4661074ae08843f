//! The gRPC types of `proto/jaguar/v1`, generated at build time.
//!
//! Holds no logic: conversions to and from the protocol's types live in `jaguar-cluster`.

/// Package `jaguar.v1`.
pub mod v1 {
    tonic::include_proto!("jaguar.v1");
}

/// The encoded `FileDescriptorSet` of the package, with comments, for gRPC reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = tonic::include_file_descriptor_set!("jaguar_descriptor");
