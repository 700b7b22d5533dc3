//! Reading a body: no more of it than its route allows, no faster than memory is there for, no slower than is bearable. A length that
//! a client merely announces costs nothing.

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use hyper::{
    HeaderMap, Version,
    body::{Body, Bytes, Frame, Incoming},
    header,
    http::request::Parts,
};
use larder_engine::Millis;
use tokio::task;

use super::{BODY_BYTES_PER_S_MIN, answer::Answer, line::Line, refusal::Refusal};
use crate::{
    budget::Lease,
    limits::{BUFFER_BYTES, COPY_STEP_BYTES, LINGER_BYTES},
    net::watch::{Listed, Order, Watch},
};

/// A body that is all here.
pub(crate) enum Whole {
    /// Part of what was read from the socket.
    Shared(Bytes),
    /// In memory of its own, which counts as in flight meanwhile.
    Own { bytes: Bytes, _lease: Lease },
}

/// Why a request is not done, and whether the connection can go on.
pub(crate) struct Failure {
    refusal: Refusal,
    is_last: bool,
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Failure {
        Failure { refusal, is_last: false }
    }
}

impl From<Failure> for Answer {
    fn from(failure: Failure) -> Answer {
        let answer = Answer::from(failure.refusal);
        if failure.is_last { answer.last() } else { answer }
    }
}

fn last(refusal: Refusal) -> Failure {
    Failure { refusal, is_last: true }
}

/// Reads a body of at most `max` bytes; a longer one is refused as `too_large`, from its announced length if it has one.
pub(crate) async fn read(
    body: Incoming,
    max: u64,
    too_large: Refusal,
    line: &Line,
    headers: &HeaderMap,
) -> Result<Whole, Failure> {
    let announced = body.size_hint().exact();
    let mut reader = Reader { body, pace: Pace::new(line), line };
    if announced.is_some_and(|len| len > max) {
        return Err(reader.discard(announced.unwrap_or(max), too_large, headers).await);
    }
    let Some(first) = reader.next().await? else { return Ok(Whole::Shared(Bytes::new())) };
    if announced == Some(first.len() as u64) {
        return Ok(Whole::Shared(first));
    }
    let mut lease = line.shared.budget.lease();
    let mut whole = Vec::new();
    let mut next = Some(first);
    // Bytes since others on this thread had their turn.
    let mut since_turn = 0;
    while let Some(chunk) = next {
        let len = whole.len() + chunk.len();
        if len as u64 > max {
            return Err(last(too_large));
        }
        if len > whole.capacity() {
            grow(&mut whole, len, announced.unwrap_or(max), &mut lease)?;
        }
        whole.extend_from_slice(&chunk);
        since_turn += chunk.len();
        if since_turn >= COPY_STEP_BYTES {
            since_turn = 0;
            task::yield_now().await;
        }
        next = reader.next().await?;
    }
    Ok(Whole::Own { bytes: Bytes::from(whole.into_boxed_slice()), _lease: lease })
}

/// Reads past the body of a request that is answered without it, if it comes unasked, in time, and is not too long for that: whether
/// nothing is left of it. Over HTTP/1.1 the connection ends with what is left, and over HTTP/2 an answer that comes before the body is
/// over resets the stream, and clients report that in place of the answer; so that is worth reading more for.
pub(crate) async fn pass(body: Incoming, line: &Line, parts: &Parts) -> bool {
    let limit = line.shared.limits.discard_bytes;
    let max = if parts.version == Version::HTTP_2 { limit } else { limit.min(LINGER_BYTES as u64) };
    if parts.headers.contains_key(header::EXPECT) || body.size_hint().lower() > max {
        return false;
    }
    let mut reader = Reader { body, pace: Pace::new(line), line };
    let mut passed = 0;
    while passed <= max {
        match reader.next().await {
            Ok(Some(bytes)) => passed += bytes.len() as u64,
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
    false
}

/// Makes room for `len` bytes in all: at most twice what is there, and not more than `max`, which is what was announced or can be taken.
fn grow(whole: &mut Vec<u8>, len: usize, max: u64, lease: &mut Lease) -> Result<(), Failure> {
    let max = usize::try_from(max).unwrap_or(usize::MAX);
    let room = (whole.capacity() * 2).max(4 * BUFFER_BYTES).min(max).max(len);
    lease.resize(room as u64).map_err(|_| last(Refusal::Busy))?;
    whole.reserve_exact(room - whole.len());
    Ok(())
}

struct Reader<'l> {
    body: Incoming,
    pace: Pace<'l>,
    line: &'l Line,
}

impl Reader<'_> {
    /// The next bytes; `None` at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            let frame = poll_fn(|cx| self.poll_frame(cx)).await?;
            let Some(frame) = frame else { return Ok(None) };
            // Trailers say nothing to us.
            if let Ok(bytes) = frame.into_data() {
                return Ok(Some(bytes));
            }
        }
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Frame<Bytes>>, Failure>> {
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                self.pace.note(frame.data_ref().map_or(0, Bytes::len));
                Poll::Ready(Ok(Some(frame)))
            }
            Poll::Ready(Some(Err(_))) => Poll::Ready(Err(last(Refusal::BodyBroken))),
            Poll::Ready(None) => Poll::Ready(Ok(None)),
            Poll::Pending if self.pace.is_over(cx) => Poll::Ready(Err(last(Refusal::BodySlow))),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Reads past a body that is too long, if that is worth keeping the connection. Whoever waits to be asked for it is not.
    async fn discard(&mut self, announced: u64, too_large: Refusal, headers: &HeaderMap) -> Failure {
        let waits = headers.contains_key(header::EXPECT);
        if waits || announced > self.line.shared.limits.discard_bytes {
            return last(too_large);
        }
        loop {
            match self.next().await {
                Ok(Some(_)) => {}
                Ok(None) => return too_large.into(),
                Err(failure) => return failure,
            }
        }
    }
}

/// How fast a body has to come: what it is waited for is counted only from when it is first waited for.
struct Pace<'l> {
    line: &'l Line,
    received: u64,
    waiting: Option<(Listed, Millis)>,
}

impl<'l> Pace<'l> {
    fn new(line: &'l Line) -> Pace<'l> {
        Pace { line, received: 0, waiting: None }
    }

    fn note(&mut self, bytes: usize) {
        self.received += bytes as u64;
        if let Some((listed, since)) = &self.waiting {
            let now = self.line.now();
            self.line.watch().touch(now);
            self.give_time(listed, *since, now);
        }
    }

    /// The time for a stall, and a second for each so many bytes that have come.
    fn give_time(&self, listed: &Listed, since: Millis, now: Millis) {
        let earned = Duration::from_secs(self.received / BODY_BYTES_PER_S_MIN);
        let passed = Duration::from_millis(now.0.saturating_sub(since.0));
        let stall = self.line.shared.limits.stall_time;
        listed.watch.send_within(now, stall.map(|stall| (stall + earned).saturating_sub(passed)));
    }

    /// Whether there is no time left to wait.
    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        if self.waiting.is_none() {
            let now = self.line.now();
            let listed = self.line.watchlist.add(Watch::new(self.line.watch().peer, now, None));
            listed.watch.wake_with(cx.waker().clone());
            self.give_time(&listed, now, now);
            self.waiting = Some((listed, now));
        }
        let waiting = self.waiting.as_ref();
        waiting.is_some_and(|(listed, _)| matches!(listed.watch.order(), Some(Order::Drop(_))))
    }
}
