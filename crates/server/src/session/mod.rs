//! A connection from the handshake to the end. What has arrived is decoded whole, all keys are hashed and prefetched, the
//! requests are executed in order, and their replies leave in one write. The session holds no more than its limits allow:
//! it reads nothing more while too much waits to be written, and executes a bounded batch before others get their turn.

mod batch;
pub(crate) mod input;
pub(crate) mod output;
pub(crate) mod protocol;
pub(crate) mod round;

use std::{
    future::{Future, poll_fn},
    io::{self, IoSlice},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::BufMut;
use larder_engine::{KeyHash, Millis};
use larder_wire::Decoded;
use socket2::SockRef;
use tokio::{
    io::{AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    task, time,
};
use tracing::debug;

use self::{
    batch::{Batch, Behind},
    input::{Input, Room},
    output::{Output, PIECES_MAX},
    protocol::{Done, Keyed, Next, Protocol, Wait},
    round::{Round, step_back},
};
use crate::{
    budget::{Exhausted, Lease},
    clock::millis,
    jobs,
    limits::{BUFFER_BYTES, COPY_STEP_BYTES, LINGER_BYTES, LINGER_TIME, WATCH_PERIOD},
    meter::{Connected, Meter},
    net::{
        slots::Slot,
        watch::{Listed, Order, Reason, Watch, Watchlist},
    },
    shared::Shared,
};

/// Of how many batches of a connection one is timed, the first included: asking for the time twice in each would cost as much
/// as a lookup.
pub(crate) const TIMED_BATCHES: u8 = 8;

/// A longer request is not enlisted for a round: what its key waits for is little beside the rest.
const ENLISTED_BYTES_MAX: usize = 1 << 10;

/// Replies of more bytes leave at once: beside writing them, waking a client costs little.
const GATHERED_BYTES_MAX: usize = 16 << 10;

/// What belongs to the worker that a session runs on.
pub(crate) struct Local {
    pub(crate) watchlist: Arc<Watchlist>,
    pub(crate) meter: Arc<Meter>,
    pub(crate) round: Arc<Round>,
}

/// Serves a client until either side ends it, and keeps its place until then. Runs on the worker whose `local` it is.
pub(crate) async fn serve<P: Protocol>(
    stream: std::net::TcpStream,
    protocol: P,
    slot: Slot,
    shared: Arc<Shared>,
    local: Local,
) {
    let session = converse(stream, protocol, shared, local).await;
    // Whoever sees the connection end finds its place free.
    drop(slot);
    drop(session);
}

async fn converse<P: Protocol>(
    stream: std::net::TcpStream,
    protocol: P,
    shared: Arc<Shared>,
    local: Local,
) -> Option<Session<P>> {
    let opened = stream.peer_addr().and_then(|peer| Ok((peer, TcpStream::from_std(stream)?)));
    // An error means that the client is gone already.
    let Ok((peer, stream)) = opened else { return None };
    let listed = local.watchlist.add(Watch::new(peer, shared.clock.now(), protocol.idle_time()));
    debug!(%peer, "connected");
    let mut session = Session::new(stream, protocol, shared, listed, local);
    let end = session.run().await;
    session.finish(end).await;
    Some(session)
}

struct Session<P> {
    stream: TcpStream,
    protocol: P,
    shared: Arc<Shared>,
    listed: Listed,
    round: Arc<Round>,
    input: Input,
    output: Output,
    output_lease: Lease,
    /// Whether the socket took nothing the last time it was offered something.
    is_blocked: bool,
    /// Whether the client has been given a deadline for taking replies.
    has_take_deadline: bool,
    /// Whether the client has been given a deadline for sending more of a request.
    has_send_deadline: bool,
    /// Whether the client is gone and replies are written for nobody: what it had sent is executed all the same.
    is_mute: bool,
    /// Whether the replies that wait take more memory than all connections together may have.
    is_over_budget: bool,
    /// Whether the client has been given a deadline for authorising itself.
    is_awaiting_auth: bool,
    meter: Arc<Meter>,
    _connected: Connected,
    /// Batches since one was timed.
    untimed: u8,
    /// When a batch that is timed began, and its requests; until its replies have been offered to the socket.
    timed: Option<(Duration, u64)>,
}

/// How a session ends.
#[derive(Debug)]
enum End {
    /// The client has closed, or the server stops: all that arrived whole has been answered.
    Closed,
    /// What the client sent cannot be read on.
    Refused,
    /// A deadline has passed.
    Dropped(Reason),
    /// The socket failed.
    Failed(io::Error),
}

/// How to go on after a batch.
enum Turn {
    /// The next request has at least so many bytes, of which some are missing.
    Need(usize),
    /// There may be more to execute at once.
    More,
    /// As after a single request.
    Next(Next),
}

/// When to come back from the socket.
#[derive(Clone, Copy)]
enum Until {
    /// Something has arrived.
    Read,
    /// There is room for more replies.
    Room,
    /// Everything has been written.
    Written,
}

impl<P: Protocol> Session<P> {
    fn new(stream: TcpStream, protocol: P, shared: Arc<Shared>, listed: Listed, local: Local) -> Session<P> {
        let input = Input::new(shared.budget.lease());
        let output_lease = shared.budget.lease();
        let output = Output::new();
        Session {
            stream,
            protocol,
            shared,
            listed,
            round: local.round,
            input,
            output,
            output_lease,
            is_blocked: false,
            has_take_deadline: false,
            has_send_deadline: false,
            is_mute: false,
            is_over_budget: false,
            is_awaiting_auth: false,
            _connected: local.meter.connection(P::FACE),
            meter: local.meter,
            untimed: 0,
            timed: None,
        }
    }

    async fn run(&mut self) -> End {
        let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
        self.listed.watch.wake_with(waker);
        if self.protocol.is_awaiting_auth() {
            self.is_awaiting_auth = true;
            self.listed.watch.authorise_within(self.shared.clock.now(), self.shared.limits.auth_time);
        }
        self.protocol.greet(&mut self.output);
        loop {
            let went_on = match self.turn() {
                Turn::Need(bytes) => {
                    self.gather().await;
                    self.fetch(bytes).await
                }
                Turn::More => self.give_way().await,
                Turn::Next(next) => self.follow(next).await,
            };
            if let Err(end) = went_on {
                return end;
            }
        }
    }

    /// Decodes, executes and answers one batch of what has arrived. Does not touch the socket.
    fn turn(&mut self) -> Turn {
        if self.is_full() {
            return Turn::More;
        }
        let now = self.shared.clock.now();
        self.listed.watch.touch(now);
        self.protocol.prepare();
        let start = (self.untimed == 0).then(|| self.shared.clock.elapsed());
        let (requests, consumed, turn) = self.run_batch(now);
        if requests > 0 {
            self.untimed = (self.untimed + 1) % TIMED_BATCHES;
            self.timed = start.map(|start| (start, requests));
        }
        self.input.consume(consumed);
        self.set_deadlines(now);
        turn
    }

    /// Deadlines come and go with what the session has seen; most batches change none.
    fn set_deadlines(&mut self, now: Millis) {
        let (watch, limits) = (&self.listed.watch, &self.shared.limits);
        if self.is_awaiting_auth && !self.protocol.is_awaiting_auth() {
            self.is_awaiting_auth = false;
            watch.authorised();
        }
        if self.input.is_large() {
            self.has_send_deadline = true;
            watch.send_within(now, limits.stall_time);
        } else if self.has_send_deadline {
            self.has_send_deadline = false;
            watch.sent();
        }
    }

    /// Returns how many requests have been executed, and how many bytes of the input are done with.
    fn run_batch(&mut self, now: Millis) -> (u64, usize, Turn) {
        let cache = &self.shared.cache;
        let mut batch = Batch::new();
        batch.decode(self.input.unread(), &self.protocol, cache);
        let mut keys = batch.keys.iter().copied().enumerate();
        let (mut requests, mut consumed) = (0, 0);
        for &(request, end) in &batch.requests {
            let key = request.key().and_then(|_| keys.next()).map(|(at, key)| {
                batch.look_ahead(at, cache);
                key
            });
            let next = self.protocol.execute(request, key, now, &mut self.output);
            if next == Next::Again {
                return (requests, consumed, Turn::Next(next));
            }
            (requests, consumed) = (requests + 1, end);
            self.meter.request(P::FACE, request.command());
            if next != Next::Go {
                return (requests, consumed, Turn::Next(next));
            }
            if self.output.len() >= self.shared.limits.output_bytes {
                return (requests, consumed, Turn::More);
            }
        }
        match batch.behind {
            Behind::Maybe => (requests, consumed, Turn::More),
            Behind::Need(bytes) => (requests, consumed, Turn::Need(bytes)),
            Behind::Violation(violation) => {
                self.shared.note_violation(self.listed.watch.peer, &violation);
                self.protocol.refuse(&violation, &mut self.output);
                (requests, consumed, Turn::Next(Next::Close))
            }
        }
    }

    /// Whether more must wait to be written than the limits allow, so that nothing is executed.
    fn is_full(&self) -> bool {
        self.output.len() >= self.shared.limits.output_bytes || self.is_over_budget
    }

    /// Lets the others that are ready execute what they have before replies leave. Then the replies of all leave one after another:
    /// a client with several connections is woken for the first and is still awake for the rest.
    async fn gather(&self) {
        if (1..=GATHERED_BYTES_MAX).contains(&self.output.len()) {
            step_back().await;
        }
    }

    /// Writes the replies and reads more of a request of `bytes` bytes.
    async fn fetch(&mut self, bytes: usize) -> Result<(), End> {
        match self.input.make_room(bytes) {
            Ok(Room::Here) => {
                self.receive().await?;
                if self.input.is_large() {
                    // More of it may have arrived already; others come first.
                    task::yield_now().await;
                }
                Ok(())
            }
            Ok(Room::Moving) => {
                task::yield_now().await;
                Ok(())
            }
            Err(Exhausted) => {
                self.shared.note_starved(self.listed.watch.peer);
                let next = self.protocol.starve(self.input.unread(), &mut self.output);
                Box::pin(self.follow(next)).await
            }
        }
    }

    /// Waits for more to arrive. If that is a single request, its key is brought closer together with those of others.
    async fn receive(&mut self) -> Result<(), End> {
        self.exchange(Until::Read).await?;
        if let Some(key) = self.only_key() {
            self.round.enlist(key);
            step_back().await;
            self.round.prefetch(&self.shared.cache);
        }
        Ok(())
    }

    /// The key of what has arrived, if that is one whole request, and one that costs little to be decoded twice.
    fn only_key(&self) -> Option<KeyHash> {
        let input = self.input.unread();
        if input.len() > ENLISTED_BYTES_MAX {
            return None;
        }
        match self.protocol.decode(input) {
            Ok(Decoded::Frame { value: request, used }) if used == input.len() => {
                request.key().map(|key| self.shared.cache.key(key).to_hash())
            }
            _ => None,
        }
    }

    /// Writes what the socket takes and lets other connections have their turn.
    async fn give_way(&mut self) -> Result<(), End> {
        self.exchange(Until::Room).await?;
        task::yield_now().await;
        Ok(())
    }

    async fn follow(&mut self, next: Next) -> Result<(), End> {
        match next {
            Next::Go => Ok(()),
            Next::Again => {
                task::yield_now().await;
                Ok(())
            }
            Next::Discard(bytes) => self.discard(bytes).await,
            Next::Wait(wait) => {
                self.exchange(Until::Written).await?;
                let done = self.wait(wait).await;
                self.protocol.resume(done, &mut self.output);
                Ok(())
            }
            Next::Close => {
                self.exchange(Until::Written).await?;
                Err(End::Refused)
            }
        }
    }

    async fn wait(&self, wait: Wait) -> Done {
        match wait {
            Wait::Delay(delay) => {
                self.pause(delay).await;
                Done::Delay
            }
            Wait::Job(job) => Done::Job(jobs::run(&self.shared, job).await),
        }
    }

    /// Lets so much time pass by the server's clock, which need not be the machine's.
    async fn pause(&self, delay: Duration) {
        let clock = &self.shared.clock;
        let until = clock.now().0.saturating_add(millis(delay));
        loop {
            let left = until.saturating_sub(clock.now().0);
            if left == 0 {
                break;
            }
            time::sleep(Duration::from_millis(left).min(WATCH_PERIOD)).await;
        }
    }

    /// Reads past `bytes` bytes, keeping none of them.
    async fn discard(&mut self, bytes: u64) -> Result<(), End> {
        let mut left = self.input.skip(bytes);
        while left > 0 {
            // Room for one byte is there: the buffer is empty.
            if self.input.make_room(1).is_ok() {
                self.exchange(Until::Read).await?;
            }
            self.listed.watch.touch(self.shared.clock.now());
            left = self.input.skip(left);
        }
        Ok(())
    }

    /// Writes what there is to write and, if that is wanted and not too much is waiting, reads once.
    async fn exchange(&mut self, until: Until) -> Result<(), End> {
        poll_fn(|cx| self.poll_exchange(cx, until)).await
    }

    fn poll_exchange(&mut self, cx: &mut Context<'_>, until: Until) -> Poll<Result<(), End>> {
        match self.listed.watch.order() {
            Some(Order::Drop(reason)) => return Poll::Ready(Err(End::Dropped(reason))),
            Some(Order::Drain) => self.stop_receiving(),
            None => {}
        }
        if !self.output.is_empty() && self.poll_write(cx).is_ready() {
            self.unblock();
        }
        self.note_time();
        match until {
            Until::Written if self.output.is_empty() => Poll::Ready(Ok(())),
            Until::Room if !self.is_full() => Poll::Ready(Ok(())),
            Until::Read if !self.is_full() => self.poll_read(cx),
            _ => Poll::Pending,
        }
    }

    /// The replies of a batch have been offered to the socket.
    fn note_time(&mut self) {
        if let Some((start, requests)) = self.timed.take() {
            self.meter.took(P::FACE, self.shared.clock.elapsed().saturating_sub(start), requests);
        }
    }

    /// After this the client's requests that have arrived can still be read, then there is an end.
    fn stop_receiving(&self) {
        // An error means that the client is gone, which the next read finds out.
        let _ = SockRef::from(&self.stream).shutdown(std::net::Shutdown::Read);
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), End>> {
        let mut room = self.input.buffer().limit(COPY_STEP_BYTES);
        let read = pin!(self.stream.read_buf(&mut room));
        read.poll(cx).map(|read| match read {
            Ok(0) => Err(End::Closed),
            Ok(_) => Ok(()),
            Err(error) => Err(End::Failed(error)),
        })
    }

    /// Ready when everything has been written.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_mute {
            self.output.clear();
        }
        while !self.output.is_empty() {
            let stream = Pin::new(&mut self.stream);
            let written = match self.output.single() {
                Some(bytes) => stream.poll_write(cx, bytes),
                None => {
                    let mut slices = [IoSlice::new(&[]); PIECES_MAX];
                    let count = self.output.pieces(&mut slices);
                    stream.poll_write_vectored(cx, &slices[..count])
                }
            };
            match written {
                Poll::Ready(Ok(written)) => {
                    self.output.advance(written);
                    self.is_blocked = false;
                }
                Poll::Ready(Err(error)) => {
                    debug!(peer = %self.listed.watch.peer, %error, "cannot reply");
                    self.is_mute = true;
                    self.output.clear();
                }
                Poll::Pending => {
                    self.block();
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(())
    }

    /// The socket takes nothing more: from here on, and again from each time that it takes something, the client has
    /// so much time. What waits counts as in flight.
    fn block(&mut self) {
        if !self.is_blocked {
            self.is_blocked = true;
            self.has_take_deadline = true;
            self.listed.watch.take_within(self.shared.clock.now(), self.shared.limits.stall_time);
        }
        let held = self.output.held().saturating_sub(BUFFER_BYTES);
        self.is_over_budget = self.output_lease.resize(held as u64).is_err();
    }

    /// Nothing waits any more.
    fn unblock(&mut self) {
        if self.has_take_deadline {
            self.has_take_deadline = false;
            self.is_over_budget = false;
            self.listed.watch.taken();
            self.output_lease.release();
        }
    }

    /// Lets the last replies reach the client, and says how it ended.
    async fn finish(&mut self, end: End) {
        let peer = self.listed.watch.peer;
        match end {
            End::Closed => {
                // The client may have half-closed; an error here means that it is gone altogether.
                let _ = self.exchange(Until::Written).await;
                debug!(%peer, "disconnected");
            }
            End::Refused => {
                debug!(%peer, "closing: the rest of what the client sent cannot be read");
                let _ = time::timeout(LINGER_TIME, self.linger()).await;
            }
            End::Dropped(reason) => {
                self.shared.note_dropped(peer, reason);
                // Nothing that is still in the socket's buffers is kept for a client that does not take it.
                let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
            }
            End::Failed(error) => debug!(%peer, %error, "connection failed"),
        }
    }

    /// Ends the replies, and reads what the client still has under way: closing a socket with unread bytes would reset the
    /// connection, and the last reply with it.
    async fn linger(&mut self) -> io::Result<()> {
        self.stream.shutdown().await?;
        let mut buffer = [0; 512];
        let mut read = 0;
        while read < LINGER_BYTES {
            match self.stream.read(&mut buffer).await? {
                0 => break,
                n => read += n,
            }
        }
        Ok(())
    }
}
