//! How the daemon is told to end.

use std::io::{self, Read};
use std::process;
use std::thread;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::DaemonError;

/// The signals that mean 'leave'.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From now on the signals do not end the process by themselves.
    ///
    /// # Errors
    /// When the system does not let us.
    pub(crate) fn listen() -> Result<Self, DaemonError> {
        let listen = |kind| signal(kind).map_err(DaemonError::Signals);
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next signal and names it.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }

    /// Waits for an impatient user: from now on an interrupt ends the process at once.
    pub(crate) fn exit_at_next_interrupt(mut self) {
        tokio::spawn(async move {
            self.interrupt.recv().await;
            tracing::error!("interrupted again, exiting at once; what this pod holds is lost");
            process::exit(130);
        });
    }
}

/// Ends the process when standard input does: the parent has gone without saying so.
pub(crate) fn exit_with_stdin() {
    let watch = || {
        let mut buffer = [0; 64];
        loop {
            match io::stdin().read(&mut buffer) {
                Ok(0) | Err(_) => process::exit(1),
                Ok(_) => {}
            }
        }
    };
    if let Err(error) = thread::Builder::new().name("stdin".to_owned()).spawn(watch) {
        tracing::warn!(%error, "no thread to watch standard input");
    }
}
