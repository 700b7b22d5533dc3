//! SIGTERM and SIGINT: the first one stops the server in an orderly way, a second one ends the process at once. SIGHUP has the
//! certificate read again, where there is one.

use std::io;

use tokio::{
    runtime::{self, Runtime},
    signal::unix::{Signal, SignalKind, signal},
};
use tracing::{info, warn};

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
            // Without a certificate this signal means what it means to every program.
            let mut hangup = handle.has_tls().then(|| signal(SignalKind::hangup()).ok()).flatten();
            loop {
                let hung_up = async {
                    match &mut hangup {
                        Some(hangup) => hangup.recv().await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    _ = terminate.recv() => break,
                    _ = interrupt.recv() => break,
                    _ = hung_up => match handle.reload_tls() {
                        Ok(()) => info!("certificate read again"),
                        Err(error) => warn!(%error, "certificate not changed: the new one cannot be used"),
                    },
                }
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
