//! PaperCache: each request becomes a call of the engine, and what that returns becomes the reply. Where the published page
//! is silent, section 0 of the spec of the protocol decides.

use std::{borrow::Cow, net::IpAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use larder_engine::{Entry, Error as CacheError, Key, Kind, Millis, PolicyChoice, Progress, Ttl, Value};
use larder_wire::{
    Decoded,
    paper::{self, Command, Error, Limits, Part, Request, Status, Violation, reply},
};
use subtle::{Choice, ConstantTimeEq};

use super::Face;
use super::large::LargeSet;
use crate::{
    jobs::{Job, JobError},
    limits::{AUTH_FAILURES_MAX, BUFFER_BYTES, STEPPED_BYTES_MIN, TEXT_BYTES_MIN, UNCOPIED_BYTES_MIN},
    session::{
        output::Output,
        protocol::{Done, Keyed, Next, Protocol, Wait},
    },
    shared::Shared,
};

/// What PING is answered with.
const PONG: &[u8] = b"pong";

/// The names of [`Command::ALL`], in its order.
pub(super) const COMMANDS: [&str; Command::ALL.len()] = [
    "ping", "version", "auth", "get", "set", "del", "has", "peek", "ttl", "size", "wipe", "resize", "policy",
    "status",
];

/// One client of this protocol.
pub(crate) struct Paper {
    shared: Arc<Shared>,
    peer: IpAddr,
    is_authorised: bool,
    /// Wrong tokens so far.
    failures: u32,
    /// Whether the token that came last, whose answer may wait, is a right one.
    is_token_right: bool,
    /// Whether the key of a SET has been read past, and the rest of it comes next.
    is_at_rest: bool,
    large: LargeSet,
    limits: Limits,
}

impl Paper {
    pub(crate) fn new(shared: Arc<Shared>, peer: IpAddr) -> Paper {
        let token_bytes = shared.tokens.iter().map(|token| token.bytes().len()).max().unwrap_or(0);
        let limits = Limits {
            key_bytes_max: 0,
            value_bytes_max: 0,
            text_bytes_max: u32::try_from(token_bytes).unwrap_or(u32::MAX).max(TEXT_BYTES_MIN),
        };
        let is_authorised = shared.tokens.is_empty();
        let (is_token_right, is_at_rest, large) = (false, false, LargeSet::default());
        Paper { shared, peer, is_authorised, failures: 0, is_token_right, is_at_rest, large, limits }
    }

    fn authorise(&mut self, token: &[u8], now: Millis, out: &mut Vec<u8>) -> Next {
        if self.shared.tokens.is_empty() {
            match std::str::from_utf8(token) {
                Ok(_) => reply::ok(out),
                Err(_) => reply::error(out, Error::Unauthorized),
            }
            return Next::Go;
        }
        if self.failures >= AUTH_FAILURES_MAX && !self.is_authorised {
            // Not looked at any more, so nothing can be learned from how soon this answer comes.
            self.shared.note_wrong_token(self.peer, now);
            reply::error(out, Error::Unauthorized);
            return Next::Close;
        }
        // Every token is compared, and each comparison takes the same time whatever the bytes are.
        let compared = self.shared.tokens.iter().map(|known| known.bytes().ct_eq(token));
        let is_known: bool = compared.fold(Choice::from(0), |any, equal| any | equal).into();
        self.is_token_right = is_known || self.is_authorised;
        let delay = match (self.is_authorised, is_known) {
            (true, _) => Duration::ZERO,
            (false, true) => self.shared.guesses.wait(self.peer, now),
            (false, false) => {
                self.failures += 1;
                self.shared.note_wrong_token(self.peer, now)
            }
        };
        if delay.is_zero() {
            self.answer_token(out);
            return Next::Go;
        }
        Next::Wait(Wait::Delay(delay))
    }

    fn answer_token(&mut self, out: &mut Vec<u8>) {
        if self.is_token_right {
            self.is_authorised = true;
            reply::ok(out);
        } else {
            reply::error(out, Error::Unauthorized);
        }
    }

    /// A request with a part that is too long: answered from its lengths, its body never kept.
    fn answer_oversized(&self, command: Command, part: Part, out: &mut Vec<u8>) {
        match (self.is_authorised, part, command) {
            (false, ..) => reply::error(out, Error::Unauthorized),
            // It is authorised already, whatever it sends.
            (true, Part::Text, Command::Auth) => reply::ok(out),
            (true, Part::Text, _) => reply::error(out, Error::InvalidPolicy),
            // A key counts as part of what has to fit.
            (true, Part::Value, _) | (true, Part::Key, Command::Set) => {
                reply::error(out, Error::ExceedingValueSize);
            }
            // No key in the cache is as long as this.
            (true, Part::Key, Command::Has) => reply::boolean(out, false, self.shared.booleans),
            (true, Part::Key, _) => reply::error(out, Error::KeyNotFound),
        }
    }

    /// Reads past `bytes` bytes, of which `len` are of one part of a request that has been answered.
    fn read_past(&self, bytes: u64, len: u64) -> Next {
        if len > self.shared.limits.discard_bytes { Next::Close } else { Next::Discard(bytes) }
    }

    fn set(&mut self, key: Key<'_>, value: &[u8], ttl_s: u32, now: Millis, out: &mut Vec<u8>) -> Next {
        let (cache, ttl) = (&self.shared.cache, ttl(ttl_s));
        let stored = if value.is_empty() {
            reply::error(out, Error::ZeroValueSize);
            return Next::Go;
        } else if value.len() < STEPPED_BYTES_MIN {
            cache.set(key, Value::Slice(value), Kind::Opaque, ttl, now)
        } else {
            match self.large.step(cache, key, value, Kind::Opaque, ttl.map(Into::into), now) {
                Ok(Progress::More) => return Next::Again,
                Ok(Progress::Done) => Ok(()),
                Err(error) => Err(error),
            }
        };
        match stored {
            Ok(()) => reply::ok(out),
            Err(error) => reply::error(out, error_of(&error)),
        }
        Next::Go
    }

    fn resize(&self, size: u64, out: &mut Vec<u8>) -> Next {
        if size == 0 {
            reply::error(out, Error::ZeroCacheSize);
            return Next::Go;
        }
        Next::Wait(Wait::Job(Job::Resize(size)))
    }

    fn switch(&self, name: &[u8], out: &mut Vec<u8>) -> Next {
        let Ok(name) = std::str::from_utf8(name) else {
            reply::error(out, Error::Internal);
            return Next::Close;
        };
        match name.parse::<PolicyChoice>() {
            Ok(choice) => Next::Wait(Wait::Job(Job::Switch(choice))),
            Err(_) => {
                reply::error(out, Error::InvalidPolicy);
                Next::Go
            }
        }
    }

    fn status(&self, now: Millis, out: &mut Vec<u8>) {
        let Shared { cache, process, started, booleans, .. } = &*self.shared;
        let memory = process.memory();
        let status = cache.status();
        let name = |policy: &larder_engine::PolicyName| Cow::Owned(policy.to_string());
        let status = Status {
            pid: std::process::id(),
            max_size: status.capacity.amount(),
            used_size: status.used,
            num_objects: status.entries,
            rss: memory.resident,
            hwm: memory.resident_max,
            gets: status.since_wipe.gets(),
            sets: status.since_wipe.sets,
            dels: status.since_wipe.deleted,
            miss_ratio: status.miss_ratio(),
            policies: status.policies.iter().map(name).collect(),
            policy: name(&status.policy),
            is_auto: status.is_auto,
            uptime_ms: now.0.saturating_sub(started.0),
        };
        reply::status(out, &status, *booleans);
    }
}

impl Protocol for Paper {
    type Request<'b> = Request<'b>;
    type Violation = Violation;

    const FACE: Face = Face::Paper;

    fn greet(&self, out: &mut Output) {
        reply::admitted(out.small());
    }

    /// Values are refused from their length if they cannot fit into the cache as it is now. A client that is not
    /// authorised stores and reads nothing, so of its keys and values not a byte is waited for.
    fn prepare(&mut self) {
        // A value under way has been taken: its request stays what it was when a resize overtakes it, and the cache refuses it.
        if !self.is_authorised || self.large.is_under_way() {
            return;
        }
        let max = self.shared.limits.value_bytes;
        self.limits.key_bytes_max = self.shared.limits.key_bytes;
        self.limits.value_bytes_max = match self.shared.cache.admits(0, u64::from(max), false) {
            Err(CacheError::ValueTooLarge { capacity, .. }) => {
                max.min(u32::try_from(capacity).unwrap_or(max))
            }
            _ => max,
        };
    }

    fn decode<'b>(&self, input: &'b [u8]) -> Result<Decoded<Request<'b>>, Violation> {
        if self.is_at_rest {
            return Ok(paper::decode_rest(input));
        }
        match paper::decode(input, &self.limits) {
            Ok(Decoded::Need(bytes)) if bytes > BUFFER_BYTES => self.decode_large(input),
            decoded => decoded,
        }
    }

    /// AUTH and RESIZE change the limits that what follows is decoded with; behind an oversized request there is no next
    /// one yet.
    fn ends_batch(&self, request: &Request<'_>) -> bool {
        matches!(
            request,
            Request::Auth { .. }
                | Request::Wipe
                | Request::Resize { .. }
                | Request::Policy { .. }
                | Request::Oversized { .. }
                | Request::Rest { .. }
        )
    }

    fn execute(&mut self, request: Request<'_>, key: Option<Key<'_>>, now: Millis, out: &mut Output) -> Next {
        let small = out.small();
        match request {
            Request::Ping => reply::bytes(small, PONG),
            Request::Version => reply::bytes(small, crate::VERSION.as_bytes()),
            Request::Auth { token } => return self.authorise(token, now, small),
            Request::Oversized { command, part, len, discard, .. } => {
                self.answer_oversized(command, part, small);
                self.is_at_rest = request.has_rest();
                return self.read_past(discard, len.into());
            }
            Request::Rest { discard } => {
                self.is_at_rest = false;
                return self.read_past(discard, discard - 4);
            }
            _ if !self.is_authorised => reply::error(small, Error::Unauthorized),
            Request::Wipe => return Next::Wait(Wait::Job(Job::Wipe)),
            Request::Resize { size } => return self.resize(size, small),
            Request::Policy { name } => return self.switch(name, small),
            Request::Status => self.status(now, small),
            Request::Set { value, ttl_s, .. } => {
                if let Some(key) = key {
                    return self.set(key, value, ttl_s, now, small);
                }
            }
            keyed => {
                if let Some(key) = key {
                    self.execute_keyed(keyed, key, now, out);
                }
            }
        }
        Next::Go
    }

    fn resume(&mut self, done: Done, out: &mut Output) {
        match done {
            Done::Delay => self.answer_token(out.small()),
            Done::Job(Ok(())) => reply::ok(out.small()),
            Done::Job(Err(JobError::Refused(error))) => reply::error(out.small(), error_of(&error)),
            Done::Job(Err(JobError::Broken)) => reply::error(out.small(), Error::InternalCache),
        }
    }

    fn refuse(&self, _: &Violation, out: &mut Output) {
        reply::error(out.small(), Error::Internal);
    }

    /// Only the part that comes next has a known length, so there is no reading past such a request.
    fn starve(&self, _: &[u8], out: &mut Output) -> Next {
        reply::error(out.small(), Error::Internal);
        Next::Close
    }

    fn idle_time(&self) -> Option<Duration> {
        self.shared.limits.idle_time
    }

    fn is_awaiting_auth(&self) -> bool {
        !self.is_authorised
    }
}

impl<'b> Keyed<'b> for Request<'b> {
    fn key(&self) -> Option<&'b [u8]> {
        match *self {
            Request::Get { key }
            | Request::Set { key, .. }
            | Request::Del { key }
            | Request::Has { key }
            | Request::Peek { key }
            | Request::Ttl { key, .. }
            | Request::Size { key } => Some(key),
            _ => None,
        }
    }

    fn command(&self) -> usize {
        match self {
            // Its beginning has been counted.
            Request::Rest { .. } => usize::MAX,
            request => usize::from(Request::command(request).byte()),
        }
    }
}

impl Paper {
    /// A request that is too large for a buffer at rest and has not arrived whole: before it is waited for, the lengths of key
    /// and value together are held against the cache.
    #[cold]
    fn decode_large<'b>(&self, input: &'b [u8]) -> Result<Decoded<Request<'b>>, Violation> {
        let mut limits = self.limits;
        if let Some((key_len, value_len)) = paper::set_lengths(input)
            && self.shared.cache.admits(key_len as usize, value_len.into(), false).is_err()
        {
            limits.value_bytes_max = limits.value_bytes_max.min(value_len.saturating_sub(1));
        }
        paper::decode(input, &limits)
    }

    fn execute_keyed(&self, request: Request<'_>, key: Key<'_>, now: Millis, out: &mut Output) {
        let cache = &self.shared.cache;
        let found = match request {
            Request::Get { .. } => {
                let read = cache.get(key, now, |entry| take(&entry, out.small()));
                return send(read, out);
            }
            Request::Peek { .. } => {
                let read = cache.peek(key, now, |entry| take(&entry, out.small()));
                return send(read, out);
            }
            Request::Has { .. } => {
                return reply::boolean(out.small(), cache.has(key, now), self.shared.booleans);
            }
            Request::Size { .. } => {
                return match cache.size(key, now) {
                    Some(size) => reply::size(out.small(), u32::try_from(size).unwrap_or(u32::MAX)),
                    None => reply::error(out.small(), Error::KeyNotFound),
                };
            }
            Request::Del { .. } => cache.delete(key, now),
            Request::Ttl { ttl_s, .. } => cache.set_ttl(key, ttl(ttl_s), now),
            _ => return,
        };
        match found {
            true => reply::ok(out.small()),
            false => reply::error(out.small(), Error::KeyNotFound),
        }
    }
}

/// What a read brought out of the cache's lock.
enum Taken {
    /// The whole reply, written already.
    Replied,
    /// A value to be written outside of the lock.
    Value(Bytes),
}

/// Runs under the cache's lock: a small value is copied, of a large one a reference is taken.
fn take(entry: &Entry<'_>, out: &mut Vec<u8>) -> Taken {
    match entry.shared {
        Some(shared) => Taken::Value(shared.clone()),
        None => {
            reply::bytes(out, entry.value);
            Taken::Replied
        }
    }
}

fn send(read: Option<Taken>, out: &mut Output) {
    match read {
        Some(Taken::Replied) => {}
        Some(Taken::Value(value)) if value.len() < UNCOPIED_BYTES_MIN => reply::bytes(out.small(), &value),
        Some(Taken::Value(value)) => match u32::try_from(value.len()) {
            Ok(len) => {
                reply::bytes_header(out.small(), len);
                out.push_large(value);
            }
            // Another protocol may have stored what this one has no length for.
            Err(_) => reply::error(out.small(), Error::InternalCache),
        },
        None => reply::error(out.small(), Error::KeyNotFound),
    }
}

/// Seconds on the wire, 0 for none, as the engine's milliseconds.
fn ttl(ttl_s: u32) -> Option<Ttl> {
    Ttl::new(u64::from(ttl_s) * 1000)
}

fn error_of(error: &CacheError) -> Error {
    match error {
        CacheError::ValueTooLarge { .. } => Error::ExceedingValueSize,
        CacheError::ZeroCapacity => Error::ZeroCacheSize,
        CacheError::UnconfiguredPolicy(_) => Error::UnconfiguredPolicy,
        _ => Error::InternalCache,
    }
}
