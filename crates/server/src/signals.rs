//! SIGTERM and SIGINT: the first one stops the server in an orderly way, a second one ends the process at once.

use std::io;

use tokio::{
    runtime::{self, Runtime},
    signal::unix::{Signal, SignalKind, signal},
};
use tracing::warn;

use crate::server::{Handle, Stopped};

/// The exit status after a second signal.
const IMPATIENT: i32 = 130;

/// Catches the signals from the moment that it is made, so that none is lost while the server starts.
#[derive(Debug)]
pub struct Signals {
    runtime: Runtime,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Takes both signals over for this process.
    ///
    /// # Errors
    ///
    /// What the system says when it refuses.
    pub fn catch() -> io::Result<Signals> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let (terminate, interrupt) = {
            let _context = runtime.enter();
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?)
        };
        Ok(Signals { runtime, terminate, interrupt })
    }

    /// Waits for a signal and stops the server. A second signal meanwhile ends the process with status 130.
    pub fn serve_until_signal(self, handle: Handle) -> Stopped {
        let Signals { runtime, mut terminate, mut interrupt } = self;
        runtime.block_on(async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            let stopping = tokio::task::spawn_blocking(|| handle.shutdown());
            tokio::select! {
                stopped = stopping => stopped.unwrap_or(Stopped::Clean),
                _ = terminate.recv() => exit_now(),
                _ = interrupt.recv() => exit_now(),
            }
        })
    }
}

fn exit_now() -> Stopped {
    warn!("second signal: exiting at once");
    std::process::exit(IMPATIENT);
}
