//! A worker: one thread with a tokio runtime of its own, on which its connections live from the handshake to the end. The
//! acceptor gives each new connection to the worker that has the fewest.

use std::{
    io,
    net::{SocketAddr, TcpStream},
    sync::Arc,
    thread,
};

use tokio::{runtime, sync::oneshot, time};

use larder_engine::Millis;

use super::{
    slots::Slot,
    watch::{Watch, Watchlist},
};
use crate::{
    execute::{Face, paper::Paper, seriput::Seriput},
    limits::WATCH_PERIOD,
    meter::Meter,
    rest,
    session::{self, Local, protocol::Protocol, round::Round},
    shared::Shared,
};

/// A running worker.
#[derive(Debug)]
pub(crate) struct Worker {
    runtime: runtime::Handle,
    watchlist: Arc<Watchlist>,
    meter: Arc<Meter>,
    round: Arc<Round>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Worker {
    pub(crate) fn start(index: usize, shared: Arc<Shared>) -> io::Result<Worker> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let watchlist = Arc::new(Watchlist::default());
        let (stop, stopped) = oneshot::channel();
        let watched = Arc::clone(&watchlist);
        let meter = shared.meters.add();
        let thread = thread::Builder::new().name(format!("worker-{index}")).spawn(move || {
            runtime.spawn(keep_watch(watched, shared));
            // An error means that whoever could stop this worker is gone, which ends it as well.
            let _ = runtime.block_on(stopped);
        })?;
        let round = Arc::new(Round::default());
        Ok(Worker { runtime: handle, watchlist, meter, round, stop: Some(stop), thread: Some(thread) })
    }

    /// How many connections it has.
    pub(crate) fn load(&self) -> usize {
        self.watchlist.len()
    }

    /// Serves a connection from here on.
    pub(crate) fn serve(
        &self,
        face: Face,
        stream: TcpStream,
        peer: SocketAddr,
        slot: Slot,
        shared: Arc<Shared>,
    ) {
        match face {
            Face::Paper => self.serve_as(Paper::new(Arc::clone(&shared), peer.ip()), stream, slot, shared),
            Face::Seriput => self.serve_as(Seriput::new(Arc::clone(&shared)), stream, slot, shared),
            Face::Rest => {
                self.runtime.spawn(rest::serve(stream, slot, shared, self.local()));
            }
        }
    }

    fn serve_as(&self, protocol: impl Protocol, stream: TcpStream, slot: Slot, shared: Arc<Shared>) {
        self.runtime.spawn(session::serve(stream, protocol, slot, shared, self.local()));
    }

    fn local(&self) -> Local {
        Local {
            watchlist: Arc::clone(&self.watchlist),
            meter: Arc::clone(&self.meter),
            round: Arc::clone(&self.round),
        }
    }

    /// The connection that has been silent for the longest, and since when.
    pub(crate) fn most_silent(&self) -> Option<(Millis, Arc<Watch>)> {
        self.watchlist.most_silent()
    }

    /// Tells every connection to answer what has arrived and end.
    pub(crate) fn drain(&self) {
        self.watchlist.drain();
    }
}

impl Drop for Worker {
    /// Ends the thread, and with it whatever connections are left.
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // The receiver is gone only if the thread has ended already.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            // A panic has been reported by the thread itself.
            let _ = thread.join();
        }
    }
}

async fn keep_watch(watchlist: Arc<Watchlist>, shared: Arc<Shared>) {
    let mut ticks = time::interval(WATCH_PERIOD);
    ticks.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        watchlist.check(shared.clock.now());
    }
}
