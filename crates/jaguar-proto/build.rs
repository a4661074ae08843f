//! Compiles proto/jaguar/v1 without protoc: protox parses, tonic-prost-build generates.

use std::path::PathBuf;
use std::{env, fs};

use prost::Message;

const PROTO_ROOT: &str = "../../proto";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed={PROTO_ROOT}");
    let files = ["body", "joint", "world", "log", "admin", "peer"].map(|name| format!("jaguar/v1/{name}.proto"));
    let descriptors = protox::compile(files, [PROTO_ROOT])?;
    let out = PathBuf::from(env::var("OUT_DIR")?).join("jaguar_descriptor.bin");
    fs::write(out, descriptors.encode_to_vec())?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}
