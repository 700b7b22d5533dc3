//! Seriput: each request becomes a call of the engine, and what that returns becomes the response. Where the published
//! document is silent, section 0 of the spec of the protocol decides. A well-framed request that is wrong is answered and
//! read past: this protocol's clients do not reconnect, so a connection ends only when its lengths make no sense.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use larder_engine::{Entry, Error as CacheError, Key, Kind, Millis, Progress, Value};
use larder_wire::{
    Decoded,
    seriput::{self, Internal, Invalid, Limits, Request, ValueType, Violation, response},
};

use super::Face;
use super::large::LargeSet;
use crate::{
    config::Validate,
    limits::{BUFFER_BYTES, STEPPED_BYTES_MIN, UNCOPIED_BYTES_MIN},
    session::{
        output::Output,
        protocol::{Done, Keyed, Next, Protocol},
    },
    shared::Shared,
};

/// What its requests are counted as; `invalid` is any that is well framed and wrong.
pub(super) const COMMANDS: [&str; 4] = ["get", "put", "delete", "invalid"];

/// One client of this protocol.
pub(crate) struct Seriput {
    shared: Arc<Shared>,
    /// Whether values must be JSON.
    is_checking: bool,
    large: LargeSet,
    limits: Limits,
}

impl Seriput {
    pub(crate) fn new(shared: Arc<Shared>) -> Seriput {
        let limits = Limits { key_bytes_max: shared.limits.key_bytes, value_bytes_max: 0 };
        Seriput {
            is_checking: shared.seriput.validate == Validate::Json,
            large: LargeSet::default(),
            limits,
            shared,
        }
    }

    /// After a request, reads past those of its bytes that nobody looks at.
    fn read_past(&self, bytes: u64) -> Next {
        match bytes {
            0 => Next::Go,
            bytes if bytes > self.shared.limits.discard_bytes => Next::Close,
            bytes => Next::Discard(bytes),
        }
    }

    fn get(&self, key: Key<'_>, now: Millis, out: &mut Output) {
        let from = out.small().len();
        let read = self.shared.cache.get(key, now, |entry| self.take(&entry, out.small()));
        match read {
            None => response::not_found(out.small()),
            Some(Taken::Replied) => {}
            Some(Taken::Unchecked { len }) => check_copied(out.small(), from, len),
            Some(Taken::Value { value, is_trusted }) => send(value, is_trusted, out),
        }
    }

    /// Runs under the cache's lock: a small value is copied, of a large one a reference is taken. What has to be checked
    /// is checked behind the lock.
    fn take(&self, entry: &Entry<'_>, out: &mut Vec<u8>) -> Taken {
        let is_trusted = !self.is_checking || entry.kind == Kind::Json;
        if let Some(shared) = entry.shared {
            return Taken::Value { value: shared.clone(), is_trusted };
        }
        response::value(out, ValueType::Json, entry.value);
        if is_trusted { Taken::Replied } else { Taken::Unchecked { len: entry.value.len() } }
    }

    fn put(
        &mut self,
        key: Key<'_>,
        value_type: ValueType,
        value: &[u8],
        now: Millis,
        out: &mut Vec<u8>,
    ) -> Next {
        if self.is_checking
            && !self.large.is_under_way()
            && let Err(error) = value_type.check(value)
        {
            response::invalid(out, &Invalid::NotJson(error));
            return Next::Go;
        }
        let cache = &self.shared.cache;
        let stored = if value.len() < STEPPED_BYTES_MIN {
            cache.set(key, Value::Slice(value), Kind::Json, None, now)
        } else {
            match self.large.step(cache, key, value, Kind::Json, None, now) {
                Ok(Progress::More) => return Next::Again,
                Ok(Progress::Done) => Ok(()),
                Err(error) => Err(error),
            }
        };
        match stored {
            Ok(()) => response::ok(out),
            Err(CacheError::ValueTooLarge { .. }) => {
                let len = value.len() as u64;
                let max = self.longest_value(key.bytes().len(), len);
                response::invalid(out, &Invalid::ValueTooLong { len, max });
            }
            Err(error) => response::internal(out, &Internal::Failed(&error.to_string())),
        }
        Next::Go
    }

    /// As [`decode`](Protocol::decode), with the lengths of key and value together held against the cache.
    #[cold]
    fn decode_large<'b>(&self, input: &'b [u8]) -> Result<Decoded<Request<'b>>, Violation> {
        let mut limits = self.limits;
        if let Some((key_len, value_len)) = seriput::lengths(input)
            && self.shared.cache.admits(key_len as usize, value_len.into(), false).is_err()
        {
            let longest = self.longest_value(key_len as usize, value_len.into());
            limits.value_bytes_max = limits.value_bytes_max.min(u32::try_from(longest).unwrap_or(u32::MAX));
        }
        seriput::decode(input, &limits)
    }

    /// The longest value in bytes that the cache would take for a key of this length, below `refused`, which it would not.
    fn longest_value(&self, key_len: usize, refused: u64) -> u64 {
        let fits = |len| self.shared.cache.admits(key_len, len, false).is_ok();
        let (mut low, mut high) = (0, refused);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if fits(middle) { low = middle } else { high = middle }
        }
        low
    }
}

/// What a read brought out of the cache's lock.
enum Taken {
    /// The whole response, written already.
    Replied,
    /// The whole response, written already; whether its last `len` bytes are JSON is not known.
    Unchecked { len: usize },
    /// A value to be written outside of the lock.
    Value { value: Bytes, is_trusted: bool },
}

/// Takes back the response that begins at `from` if the value that it ends with is not JSON.
fn check_copied(out: &mut Vec<u8>, from: usize, len: usize) {
    let value = &out[out.len() - len..];
    if let Err(error) = ValueType::Json.check(value) {
        out.truncate(from);
        response::internal(out, &Internal::NotJson(error));
    }
}

fn send(value: Bytes, is_trusted: bool, out: &mut Output) {
    if !is_trusted && let Err(error) = ValueType::Json.check(&value) {
        return response::internal(out.small(), &Internal::NotJson(error));
    }
    if value.len() < UNCOPIED_BYTES_MIN {
        return response::value(out.small(), ValueType::Json, &value);
    }
    match response::value_header(out.small(), ValueType::Json, value.len()) {
        Ok(()) => out.push_large(value),
        // Another protocol may have stored what this one has no length for.
        Err(error) => response::internal(out.small(), &Internal::TooLong(error)),
    }
}

impl Protocol for Seriput {
    type Request<'b> = Request<'b>;
    type Violation = Violation;

    const FACE: Face = Face::Seriput;

    fn greet(&self, _: &mut Output) {}

    /// Values are refused from their length if they cannot fit into the cache as it is now.
    fn prepare(&mut self) {
        // A value under way has been taken: its request stays what it was when a resize overtakes it, and the cache refuses it.
        if self.large.is_under_way() {
            return;
        }
        let max = self.shared.limits.value_bytes;
        self.limits.value_bytes_max = match self.shared.cache.admits(0, u64::from(max), false) {
            Err(CacheError::ValueTooLarge { capacity, .. }) => {
                max.min(u32::try_from(capacity).unwrap_or(max))
            }
            _ => max,
        };
    }

    /// A request that is too large for a buffer at rest is held against the cache before it is waited for.
    fn decode<'b>(&self, input: &'b [u8]) -> Result<Decoded<Request<'b>>, Violation> {
        match seriput::decode(input, &self.limits) {
            Ok(Decoded::Need(bytes)) if bytes > BUFFER_BYTES => self.decode_large(input),
            decoded => decoded,
        }
    }

    /// Behind bytes that are read past there is no next request yet.
    fn ends_batch(&self, request: &Request<'_>) -> bool {
        request.discard() > 0
    }

    fn execute(&mut self, request: Request<'_>, key: Option<Key<'_>>, now: Millis, out: &mut Output) -> Next {
        match (request, key) {
            (Request::Get { .. }, Some(key)) => self.get(key, now, out),
            (Request::Put { value_type, value, .. }, Some(key)) => {
                return self.put(key, value_type, value, now, out.small());
            }
            (Request::Delete { .. }, Some(key)) => match self.shared.cache.delete(key, now) {
                true => response::ok(out.small()),
                false => response::not_found(out.small()),
            },
            (Request::Invalid { reason, .. }, _) => response::invalid(out.small(), &reason),
            (_, None) => {}
        }
        self.read_past(request.discard())
    }

    /// No request waits.
    fn resume(&mut self, _: Done, _: &mut Output) {}

    fn refuse(&self, violation: &Violation, out: &mut Output) {
        response::violation(out.small(), violation);
    }

    fn starve(&self, input: &[u8], out: &mut Output) -> Next {
        let reason =
            "too much is in flight on all connections together: try again, or raise limits.bytes_in_flight";
        response::internal(out.small(), &Internal::Failed(reason));
        seriput::frame_bytes(input).map_or(Next::Close, |bytes| self.read_past(bytes))
    }

    fn idle_time(&self) -> Option<Duration> {
        self.shared.seriput.idle_time
    }

    fn is_awaiting_auth(&self) -> bool {
        false
    }
}

impl<'b> Keyed<'b> for Request<'b> {
    fn key(&self) -> Option<&'b [u8]> {
        match *self {
            Request::Get { key, .. } | Request::Put { key, .. } | Request::Delete { key, .. } => {
                Some(key.as_bytes())
            }
            Request::Invalid { .. } => None,
        }
    }

    fn command(&self) -> usize {
        match self {
            Request::Get { .. } => 0,
            Request::Put { .. } => 1,
            Request::Delete { .. } => 2,
            Request::Invalid { .. } => 3,
        }
    }
}
