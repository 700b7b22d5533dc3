//! The acceptor of a listener: accepts, counts, and hands over to a worker. Nothing that a client does or omits makes it
//! wait. A client for whom there is no place is told so, if its protocol has words for it. When the process is out of descriptors, a reserve one is given up
//! for a moment so that the client can be told as well; then accepting pauses instead of spinning.

use std::{
    fs::File,
    future::poll_fn,
    io::{self, Read, Write},
    net::{self, Shutdown, SocketAddr, TcpStream},
    sync::Arc,
    task::Poll,
};

use socket2::SockRef;
use tokio::{net::TcpListener, sync::Semaphore, time};
use tracing::{debug, warn};

use super::worker::Worker;
use crate::{
    clock::millis,
    execute::Face,
    limits::{ACCEPT_PAUSE, BUFFER_BYTES, LINGER_BYTES, LINGER_TIME, LINGERING_MAX},
    shared::Shared,
    throttle::Throttle,
};

pub(crate) struct Acceptor {
    face: Face,
    listener: TcpListener,
    workers: Arc<Vec<Worker>>,
    shared: Arc<Shared>,
    reserve: Option<File>,
    lingering: Arc<Semaphore>,
    troubles: Throttle,
    refusals: Throttle,
}

impl Acceptor {
    /// `listener` must not block; it belongs to the runtime that this is called on.
    pub(crate) fn new(
        face: Face,
        listener: net::TcpListener,
        workers: Arc<Vec<Worker>>,
        shared: Arc<Shared>,
    ) -> io::Result<Acceptor> {
        Ok(Acceptor {
            face,
            listener: TcpListener::from_std(listener)?,
            workers,
            shared,
            reserve: open_reserve(),
            lingering: Arc::new(Semaphore::new(LINGERING_MAX)),
            troubles: Throttle::default(),
            refusals: Throttle::default(),
        })
    }

    /// Accepts until dropped.
    pub(crate) async fn run(mut self) {
        loop {
            match self.listener.accept().await.and_then(|(stream, peer)| Ok((stream.into_std()?, peer))) {
                Ok((stream, peer)) => self.admit(stream, peer),
                // The client was gone before it was accepted.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => self.recover(&error).await,
            }
        }
    }

    fn admit(&self, stream: TcpStream, peer: SocketAddr) {
        // Small replies must not wait for acknowledgements. That this fails means that the client is gone.
        if stream.set_nodelay(true).is_err() {
            return;
        }
        match (self.shared.slots.take(), self.workers.iter().min_by_key(|worker| worker.load())) {
            (Some(slot), Some(worker)) => {
                self.shared.counts.accepted();
                worker.serve(self.face, stream, peer, slot, Arc::clone(&self.shared));
            }
            _ => {
                // First, so that whoever is told that there is no place may find one when it comes again.
                self.make_room();
                self.refuse(stream, peer);
            }
        }
    }

    /// Ends the connection that has been silent for the longest, if that is longer than is good while others are refused. So
    /// clients that only hold their places cannot keep everybody out.
    fn make_room(&self) {
        let Some(time) = self.shared.limits.crowded_time else { return };
        let silent = self.workers.iter().filter_map(Worker::most_silent).min_by_key(|&(since, _)| since);
        if let Some((since, watch)) = silent
            && since.0.saturating_add(millis(time)) <= self.shared.clock.now().0
        {
            watch.end_for_others();
        }
    }

    /// Tells a client that there is no place for it.
    fn refuse(&self, mut stream: TcpStream, peer: SocketAddr) {
        self.shared.counts.refused();
        if let Some(suppressed) = self.refusals.pass(self.shared.clock.now()) {
            warn!(%peer, limit = self.shared.limits.connections, suppressed, "connection limit reached, client refused");
        } else {
            debug!(%peer, "client refused");
        }
        let reply = self.farewell();
        // The buffer of a new socket takes a few bytes; if not, the client is gone.
        if stream.write_all(&reply).and_then(|()| stream.shutdown(Shutdown::Write)).is_err() {
            return;
        }
        // A close with unread bytes would reset the connection, and the reply with it.
        if let Ok(permit) = Arc::clone(&self.lingering).try_acquire_owned() {
            tokio::spawn(async move {
                let _ = time::timeout(LINGER_TIME, linger(stream)).await;
                drop(permit);
            });
        }
    }

    /// What a client is told for whom there is no place. Before a TLS handshake there are no words.
    fn farewell(&self) -> Vec<u8> {
        let mut reply = Vec::with_capacity(2);
        if self.face != Face::Rest || self.shared.tls.is_none() {
            self.face.turn_away(&mut reply);
        }
        reply
    }

    /// After an error of accept: almost always out of descriptors, which does not go away by itself.
    async fn recover(&mut self, error: &io::Error) {
        if let Some(suppressed) = self.troubles.pass(self.shared.clock.now()) {
            warn!(%error, suppressed, "accept failed; is the limit on open files too low?");
        }
        if self.reserve.take().is_some() {
            let accepted = poll_fn(|cx| Poll::Ready(self.listener.poll_accept(cx))).await;
            if let Poll::Ready(Ok((stream, peer))) = accepted
                && let Ok(stream) = stream.into_std()
            {
                self.refuse_and_close(stream, peer);
            }
        }
        time::sleep(ACCEPT_PAUSE).await;
        if self.reserve.is_none() {
            self.reserve = open_reserve();
        }
    }

    /// As [`refuse`](Self::refuse), but the descriptor is needed back at once.
    fn refuse_and_close(&self, mut stream: TcpStream, peer: SocketAddr) {
        self.shared.counts.refused();
        debug!(%peer, "client refused: out of descriptors");
        let reply = self.farewell();
        let _ = stream.write_all(&reply);
        // What has arrived is taken away, so that the close does not reset the connection.
        let _ = stream.read(&mut [0; BUFFER_BYTES]);
    }
}

fn open_reserve() -> Option<File> {
    File::open("/dev/null").ok()
}

/// Reads what a client still has under way, up to a limit.
async fn linger(stream: TcpStream) -> io::Result<()> {
    let stream = tokio::net::TcpStream::from_std(stream)?;
    let mut buffer = [0; 512];
    let mut read = 0;
    while read < LINGER_BYTES {
        stream.readable().await?;
        match stream.try_read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => read += n,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A listener that does not block, on the first of the addresses that a name stands for.
pub(crate) fn listen(address: SocketAddr) -> io::Result<net::TcpListener> {
    let socket = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM, None)?;
    // A server that is started again must not wait for connections of its predecessor to time out.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(1024)?;
    let listener = net::TcpListener::from(socket);
    SockRef::from(&listener).set_nonblocking(true)?;
    Ok(listener)
}
