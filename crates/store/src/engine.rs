//! Entries in this process, on `larder-engine`. The time is the caller's clock. Nothing here waits: each answer is ready when
//! it is first asked for.

use crate::capabilities::{Capabilities, KeyRules};
use crate::clock::Clock;
use crate::entry::{Expiry, Found, Freshness, Health, LockToken, Remaining};
use crate::error::{Error, Fault, Operation};
use crate::store::{Pending, Store};
use bytes::Bytes;
use larder_engine::{Cache, Kind, Millis, Options, Remaining as Left, Ttl, limits};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Most locks that are held at once.
const LOCKS_MAX: usize = 65_536;

const NAME: &str = "engine";

const CAPABILITIES: Capabilities = Capabilities {
    ttl_query: true,
    ttl_update: true,
    locks: true,
    ttl_step: Duration::from_millis(1),
    ..Capabilities::plain(KeyRules { bytes_max: limits::KEY_BYTES_MAX, ..KeyRules::ANY })
};

/// A store in this process.
///
/// ```
/// use larder_store::{EngineStore, Expiry, Remaining, Store};
/// use std::time::Duration;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let store = EngineStore::with_bytes(1 << 20, || 1_000)?;
/// store.set(b"k", "v".into(), Expiry::after(Duration::from_millis(20))).await?;
/// assert_eq!(store.remaining(b"k").await?, Some(Remaining::For(Duration::from_millis(20))));
/// # Ok::<(), larder_store::Error>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct EngineStore {
    cache: Arc<Cache>,
    clock: Box<dyn Clock>,
    locks: Mutex<Locks>,
}

#[derive(Default)]
struct Locks {
    held: HashMap<Box<[u8]>, Held>,
    taken: u64,
}

struct Held {
    token: u64,
    until: Millis,
}

impl EngineStore {
    /// A store on a cache that others may use as well.
    ///
    /// ```
    /// use larder_engine::{Cache, Options};
    /// use larder_store::{EngineStore, SystemClock};
    /// use std::sync::Arc;
    ///
    /// let cache = Arc::new(Cache::new(Options::entries(1_000))?);
    /// let store = EngineStore::new(cache.clone(), SystemClock);
    /// # Ok::<(), larder_engine::Error>(())
    /// ```
    pub fn new(cache: Arc<Cache>, clock: impl Clock + 'static) -> Self {
        Self { cache, clock: Box::new(clock), locks: Mutex::default() }
    }

    /// A store on a cache of its own with so many bytes.
    ///
    /// # Errors
    /// A size of zero.
    ///
    /// ```
    /// use larder_store::{EngineStore, SystemClock};
    ///
    /// assert!(EngineStore::with_bytes(1 << 20, SystemClock).is_ok());
    /// assert!(EngineStore::with_bytes(0, SystemClock).is_err());
    /// ```
    pub fn with_bytes(bytes_max: u64, clock: impl Clock + 'static) -> Result<Self, Error> {
        let cache = Cache::new(Options::bytes(bytes_max))
            .map_err(|error| Error::new(NAME, Operation::Open, Fault::Refused(error.to_string())))?;
        Ok(Self::new(Arc::new(cache), clock))
    }

    fn now(&self) -> Millis {
        Millis(self.clock.unix_ms())
    }

    fn answer<T: Send + 'static>(
        &self,
        operation: Operation,
        key: &[u8],
        call: impl FnOnce() -> Result<T, Fault>,
    ) -> Pending<'_, T> {
        let checked = CAPABILITIES.keys.check(key).map_err(Fault::Key);
        let answer = checked.and_then(|()| call()).map_err(|fault| Error::new(NAME, operation, fault));
        Box::pin(std::future::ready(answer))
    }
}

/// A time to live in milliseconds, rounded up.
fn ttl(ttl: Duration) -> Result<Ttl, Fault> {
    let ms = u64::try_from(ttl.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
    Ttl::new(ms).ok_or_else(|| Fault::Expiry("it is zero".to_owned()))
}

fn refusal(error: &larder_engine::Error) -> Fault {
    match *error {
        larder_engine::Error::ValueTooLarge { charge, capacity } => {
            Fault::ValueTooLarge { len: charge, max: capacity }
        }
        ref other => Fault::Refused(other.to_string()),
    }
}

impl Store for EngineStore {
    fn name(&self) -> &str {
        NAME
    }

    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    fn get<'a>(&'a self, key: &'a [u8]) -> Pending<'a, Option<Found>> {
        self.answer(Operation::Get, key, || {
            let (key, now) = (self.cache.key(key), self.now());
            let read = |entry: larder_engine::Entry<'_>| match entry.shared {
                Some(shared) => shared.clone(),
                None => Bytes::copy_from_slice(entry.value),
            };
            let Some(bytes) = self.cache.get(key, now, read) else { return Ok(None) };
            // If another call removed the entry in between, no copy is kept; if one replaced it, the successor's time holds.
            let fresh_for = match self.cache.remaining(key, now) {
                Some(Left::Forever) => None,
                Some(Left::For(left)) => Some(Duration::from_millis(left.get())),
                None => Some(Duration::ZERO),
            };
            Ok(Some(Found { bytes, freshness: Freshness::Fresh { fresh_for } }))
        })
    }

    fn set<'a>(&'a self, key: &'a [u8], value: Bytes, expiry: Expiry) -> Pending<'a, ()> {
        self.answer(Operation::Set, key, || {
            let ttl = expiry.ttl().map(ttl).transpose()?;
            let set = self.cache.set(self.cache.key(key), value.into(), Kind::Opaque, ttl, self.now());
            set.map_err(|error| refusal(&error))
        })
    }

    fn delete<'a>(&'a self, key: &'a [u8]) -> Pending<'a, bool> {
        self.answer(Operation::Delete, key, || Ok(self.cache.delete(self.cache.key(key), self.now())))
    }

    fn exists<'a>(&'a self, key: &'a [u8]) -> Pending<'a, bool> {
        self.answer(Operation::Exists, key, || Ok(self.cache.has(self.cache.key(key), self.now())))
    }

    fn remaining<'a>(&'a self, key: &'a [u8]) -> Pending<'a, Option<Remaining>> {
        self.answer(Operation::Remaining, key, || {
            Ok(self.cache.remaining(self.cache.key(key), self.now()).map(|left| match left {
                Left::Forever => Remaining::Forever,
                Left::For(left) => Remaining::For(Duration::from_millis(left.get())),
            }))
        })
    }

    fn set_ttl<'a>(&'a self, key: &'a [u8], new: Option<Duration>) -> Pending<'a, bool> {
        self.answer(Operation::SetTtl, key, || {
            let new = new.map(ttl).transpose()?;
            Ok(self.cache.set_ttl(self.cache.key(key), new, self.now()))
        })
    }

    fn lock<'a>(&'a self, key: &'a [u8], hold: Duration) -> Pending<'a, Option<LockToken>> {
        self.answer(Operation::Lock, key, || {
            let (until, now) = (self.now().after(ttl(hold)?), self.now());
            let mut locks = self.locks.lock();
            if locks.held.get(key).is_some_and(|held| held.until > now) {
                return Ok(None);
            }
            if locks.held.len() >= LOCKS_MAX {
                locks.held.retain(|_, held| held.until > now);
            }
            if locks.held.len() >= LOCKS_MAX {
                return Err(Fault::Busy(format!("{LOCKS_MAX} locks are held")));
            }
            locks.taken += 1;
            let token = locks.taken;
            locks.held.insert(key.into(), Held { token, until });
            Ok(Some(LockToken::new(token.to_string())))
        })
    }

    fn unlock<'a>(&'a self, key: &'a [u8], token: &'a LockToken) -> Pending<'a, bool> {
        self.answer(Operation::Unlock, key, || {
            let now = self.now();
            let mut locks = self.locks.lock();
            let is_ours = locks
                .held
                .get(key)
                .is_some_and(|held| held.token.to_string() == token.as_str() && held.until > now);
            if is_ours {
                locks.held.remove(key);
            }
            Ok(is_ours)
        })
    }

    fn health(&self) -> Pending<'_, Health> {
        Box::pin(std::future::ready(Ok(Health { version: Some(env!("CARGO_PKG_VERSION").to_owned()) })))
    }
}
