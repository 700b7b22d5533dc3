//! Ctrl-C and SIGTERM for a command that has something to put right before it ends: the first signal asks it to come to an
//! end, a second one ends the process at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread;

use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};

/// Whether the command has been asked to end.
#[derive(Clone, Debug)]
pub(crate) struct Interrupt(Arc<AtomicI32>);

impl Interrupt {
    /// Takes both signals over for this process, until it ends.
    ///
    /// # Errors
    ///
    /// What the system says when it refuses.
    pub(crate) fn catch() -> io::Result<Interrupt> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let (mut terminate, mut interrupt) = {
            let _context = runtime.enter();
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?)
        };
        let caught = Arc::new(AtomicI32::new(0));
        let seen = Arc::clone(&caught);
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            runtime.block_on(async {
                loop {
                    let number = tokio::select! {
                        _ = terminate.recv() => SignalKind::terminate().as_raw_value(),
                        _ = interrupt.recv() => SignalKind::interrupt().as_raw_value(),
                    };
                    if seen.swap(number, Ordering::Relaxed) != 0 {
                        std::process::exit(128 + number);
                    }
                }
            });
        })?;
        Ok(Interrupt(caught))
    }

    /// The number of the signal that has come.
    pub(crate) fn signal(&self) -> Option<i32> {
        Some(self.0.load(Ordering::Relaxed)).filter(|number| *number != 0)
    }
}
