//! What has arrived of a client's requests, decoded whole before any of it is executed, so that all keys are known and what their
//! lookups will touch can be brought closer.

use arrayvec::ArrayVec;
use larder_engine::{Cache, Key};
use larder_wire::Decoded;

use super::protocol::{Keyed, Protocol};
use crate::limits::BATCH_REQUESTS;

/// Fewer keys than this are not worth a prefetch of their own.
const PREFETCH_MIN: usize = 3;

/// So many are prefetched before the first of them is looked up: more push each other out of the processor's nearest cache.
const PREFETCH_MAX: usize = 32;

/// Requests that have arrived whole, decoded before any of them is executed.
pub(super) struct Batch<'b, P: Protocol> {
    /// Each with the position behind it.
    pub(super) requests: ArrayVec<(P::Request<'b>, usize), BATCH_REQUESTS>,
    /// The keys of those that have one, in the same order.
    pub(super) keys: ArrayVec<Key<'b>, BATCH_REQUESTS>,
    pub(super) behind: Behind<P::Violation>,
}

/// What stands behind the requests of a batch.
pub(super) enum Behind<V> {
    /// Perhaps more requests: the batch is full, or what follows depends on its last request.
    Maybe,
    /// The beginning of a request that has at least so many bytes.
    Need(usize),
    /// Bytes that are no request.
    Violation(V),
}

impl<'b, P: Protocol> Batch<'b, P> {
    pub(super) fn new() -> Batch<'b, P> {
        Batch { requests: ArrayVec::new(), keys: ArrayVec::new(), behind: Behind::Maybe }
    }

    /// Decodes what `input` begins with into an empty batch. (Filled in place: a batch is too large to be moved about.)
    pub(super) fn decode(&mut self, input: &'b [u8], protocol: &P, cache: &Cache) {
        let mut end = 0;
        while !self.requests.is_full() {
            match protocol.decode(&input[end..]) {
                Ok(Decoded::Frame { value: request, used }) => {
                    end += used;
                    let is_last = protocol.ends_batch(&request);
                    self.keys.extend(request.key().map(|key| cache.key(key)));
                    self.requests.push((request, end));
                    if is_last {
                        break;
                    }
                }
                Ok(Decoded::Need(bytes)) => {
                    self.behind = Behind::Need(bytes);
                    break;
                }
                Err(violation) => {
                    self.behind = Behind::Violation(violation);
                    break;
                }
            }
        }
    }

    /// Called before each key is looked up, in turn: brings closer what those from `at` on will need, so many at a time, if they are
    /// enough to be worth it.
    pub(super) fn look_ahead(&self, at: usize, cache: &Cache) {
        if !at.is_multiple_of(PREFETCH_MAX) {
            return;
        }
        let next = &self.keys[at..self.keys.len().min(at + PREFETCH_MAX)];
        if next.len() >= PREFETCH_MIN {
            cache.prefetch(next.iter().map(Key::to_hash));
        }
    }
}
