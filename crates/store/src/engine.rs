//! Entries in this process, on `larder-engine`. The time is the caller's clock. Nothing here waits: each answer is ready when
//! it is first asked for.

use crate::capabilities::{Capabilities, KeyRules};
use crate::clock::Clock;
use crate::entry::{Expiry, Found, Freshness, Health, LockToken, Remaining};
use crate::error::{Error, Fault, Operation};
use crate::store::{Pending, Store};
use bytes::Bytes;
use larder_engine::{Cache, Entry, Kind, Lifetime, Millis, Options, Renewed, Ttl, limits};
use std::sync::Arc;
use std::time::Duration;

const NAME: &str = "engine";

/// Longest stale window that the engine keeps, in milliseconds.
const STALE_MAX: Duration = Duration::from_millis(u32::MAX as u64);

const CAPABILITIES: Capabilities = Capabilities {
    ttl_query: true,
    ttl_update: true,
    locks: true,
    stale_window: true,
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
        Self { cache, clock: Box::new(clock) }
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

/// A duration in milliseconds, rounded up.
fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

fn ttl(ttl: Duration) -> Result<Ttl, Fault> {
    Ttl::new(ms(ttl)).ok_or_else(|| Fault::Expiry("it is zero".to_owned()))
}

fn lifetime(expiry: Expiry) -> Result<Option<Lifetime>, Fault> {
    let Some(fresh) = expiry.ttl() else { return Ok(None) };
    let Ok(stale_ms) = u32::try_from(ms(expiry.stale())) else {
        return Err(Fault::Expiry(format!("a stale window may have {} s at most", STALE_MAX.as_secs())));
    };
    Ok(Some(Lifetime { ttl: ttl(fresh)?, stale_ms }))
}

/// How fresh an entry is, and for how long.
fn freshness(entry: &Entry<'_>, now: Millis) -> Freshness {
    let Some(expiry) = entry.expiry else { return Freshness::UNBOUNDED };
    match expiry.fresh_until().0.checked_sub(now.0) {
        None | Some(0) => Freshness::Stale,
        Some(left) => Freshness::Fresh { fresh_for: Some(Duration::from_millis(left)) },
    }
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
            let now = self.now();
            let read = |entry: Entry<'_>| {
                let bytes = match entry.shared {
                    Some(shared) => shared.clone(),
                    None => Bytes::copy_from_slice(entry.value),
                };
                Found { bytes, freshness: freshness(&entry, now) }
            };
            Ok(self.cache.get_stale(self.cache.key(key), now, read))
        })
    }

    fn set<'a>(&'a self, key: &'a [u8], value: Bytes, expiry: Expiry) -> Pending<'a, ()> {
        self.answer(Operation::Set, key, || {
            let life = lifetime(expiry)?;
            let set = self.cache.set_for(self.cache.key(key), value.into(), Kind::Opaque, life, self.now());
            set.map_err(|error| refusal(&error))
        })
    }

    fn delete<'a>(&'a self, key: &'a [u8]) -> Pending<'a, bool> {
        self.answer(Operation::Delete, key, || Ok(self.cache.delete(self.cache.key(key), self.now())))
    }

    fn exists<'a>(&'a self, key: &'a [u8]) -> Pending<'a, bool> {
        self.answer(Operation::Exists, key, || {
            Ok(self.cache.peek_stale(self.cache.key(key), self.now(), |_| ()).is_some())
        })
    }

    fn remaining<'a>(&'a self, key: &'a [u8]) -> Pending<'a, Option<Remaining>> {
        self.answer(Operation::Remaining, key, || {
            let now = self.now();
            let left = |entry: Entry<'_>| match entry.expiry {
                None => Remaining::Forever,
                Some(expiry) => {
                    Remaining::For(Duration::from_millis(expiry.evict_at.0.saturating_sub(now.0)))
                }
            };
            Ok(self.cache.peek_stale(self.cache.key(key), now, left))
        })
    }

    fn set_ttl<'a>(&'a self, key: &'a [u8], new: Option<Duration>) -> Pending<'a, bool> {
        self.answer(Operation::SetTtl, key, || {
            let (key, now) = (self.cache.key(key), self.now());
            let Some(new) = new else { return Ok(self.cache.set_ttl(key, None, now)) };
            match self.cache.renew(key, ttl(new)?, Ttl::MAX, now) {
                Renewed::Done => Ok(true),
                Renewed::Missing => Ok(false),
                Renewed::Stale => Err(Fault::Refused("the entry is stale already".to_owned())),
                Renewed::TooLong { .. } => Err(Fault::Expiry("it is too long".to_owned())),
            }
        })
    }

    fn lock<'a>(&'a self, key: &'a [u8], hold: Duration) -> Pending<'a, Option<LockToken>> {
        self.answer(Operation::Lock, key, || {
            let token = LockToken::random();
            let taken =
                self.cache.lock(self.cache.key(key), token.as_str().as_bytes(), ttl(hold)?, self.now());
            match taken {
                Ok(taken) => Ok(taken.then_some(token)),
                Err(error @ larder_engine::Error::TooManyLeases { .. }) => {
                    Err(Fault::Busy(error.to_string()))
                }
                Err(error) => Err(refusal(&error)),
            }
        })
    }

    fn unlock<'a>(&'a self, key: &'a [u8], token: &'a LockToken) -> Pending<'a, bool> {
        self.answer(Operation::Unlock, key, || {
            Ok(self.cache.unlock(self.cache.key(key), token.as_str().as_bytes(), self.now()))
        })
    }

    fn health(&self) -> Pending<'_, Health> {
        Box::pin(std::future::ready(Ok(Health { version: Some(env!("CARGO_PKG_VERSION").to_owned()) })))
    }
}
