//! A set as a row of short steps, for a value so large that thousands of small entries may have to go for it.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::cache::Cache;
use crate::entry::{Kind, Value};
use crate::error::Error;
use crate::hash::Key;
use crate::job::Progress;
use crate::policy::Origin;
use crate::room::Attempt;
use crate::store::Incoming;
use crate::time::{Expiry, Lifetime, Millis};

/// A set under way. Nothing of it can be read before its last step, and what was stored under the key before can until then
/// (unless it is evicted, as anything may be). Dropped before that, it has evicted for nothing.
#[must_use = "a set does its work in `step`"]
pub struct Storing {
    cache: Arc<Cache>,
    key: Box<[u8]>,
    value: Value<'static>,
    kind: Kind,
    life: Option<Lifetime>,
    /// As in a turn.
    alone: bool,
    origin: Option<Origin>,
    is_noted: bool,
}

impl Cache {
    /// Starts to store a value, as [`set_for`](Cache::set_for) does, in steps that evict a bounded number of entries each.
    ///
    /// # Errors
    /// As there.
    pub fn start_set(
        self: &Arc<Self>,
        key: Key<'_>,
        value: Bytes,
        kind: Kind,
        life: Option<Lifetime>,
        now: Millis,
    ) -> Result<Storing, Error> {
        let timing = Expiry::timing(life.map(|life| Expiry::of(life, now)));
        self.check_set(key, value.len() as u64, timing)?;
        let (cache, value) = (Arc::clone(self), Value::Shared(value));
        let alone = self.shards.len() == 1;
        Ok(Storing {
            cache,
            key: key.bytes().into(),
            value,
            kind,
            life,
            alone,
            origin: None,
            is_noted: false,
        })
    }
}

impl Storing {
    /// Does a short step: evicts some entries or, when there is room, stores the value, to live from `now` on.
    ///
    /// # Errors
    /// [`Error::ValueTooLarge`] where a resize has overtaken it.
    pub fn step(&mut self, now: Millis) -> Result<Progress, Error> {
        let cache = &*self.cache;
        let key = cache.key(&self.key);
        let expiry = self.life.map(|life| Expiry::of(life, now));
        let incoming = Incoming { key: &self.key, value: &self.value, kind: self.kind, expiry };
        let mut turn = cache.turn(now);
        turn.credit = cache.kept.take(u64::MAX);
        (turn.alone, turn.origin, turn.is_noted) = (self.alone, self.origin, self.is_noted);
        let tried = cache.attempt(key, &mut turn, |shard, turn| shard.set(key, &incoming, turn));
        (self.alone, self.origin, self.is_noted) = (turn.alone, turn.origin, turn.is_noted);
        match tried {
            Ok(Attempt::Done(())) => {
                cache.budget.give(turn.credit);
                cache.watch_stored(key, self.value.as_slice().len(), expiry, now);
                Ok(Progress::Done)
            }
            // What holds a step up is under way on other threads, or is waited for by nobody.
            Ok(Attempt::Again | Attempt::Stuck { .. }) => {
                cache.kept.put(turn.credit);
                Ok(Progress::More)
            }
            Err(error) => {
                cache.budget.give(turn.credit);
                Err(error)
            }
        }
    }
}

impl Drop for Storing {
    /// What other sets have gathered goes with it; they gather anew.
    fn drop(&mut self) {
        self.cache.budget.give(self.cache.kept.take(u64::MAX));
    }
}

impl fmt::Debug for Storing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Storing").field("key", &self.key).finish_non_exhaustive()
    }
}
