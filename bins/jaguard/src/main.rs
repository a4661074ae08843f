//! The Jaguar daemon: one pod of a world.

use std::process::ExitCode;

fn main() -> ExitCode {
    jaguard::run(std::env::args_os())
}
