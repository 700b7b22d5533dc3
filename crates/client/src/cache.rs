//! The cache as a caller sees it: typed values under keys, a near cache in front of a store. What happens on a miss that is to be
//! computed is in `compute.rs`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use larder_store::{Capabilities, Expiry, Freshness, Health, Remaining, Store};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::codec::{Codec, Encoded};
use crate::error::{Error, Foreign, KeyError};
use crate::event;
use crate::flight::Flights;
use crate::key::Key;
use crate::layer::CircuitState;
use crate::limits::{CENTURY, STALE_MAX};
use crate::near::{Known, Life, Near, Shared};
use crate::random::Random;
use crate::refresh::{RefreshOptions, Refreshes};
use crate::stampede::StampedeOptions;
use crate::stats::{Counters, Stats};

/// What becomes of an entry that cannot be read: written by somebody else, damaged, under another key.
///
/// ```
/// use larder_client::store::{EngineStore, Expiry, Store, SystemClock};
/// use larder_client::{Cache, Error, OnForeign};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let store = std::sync::Arc::new(EngineStore::with_bytes(1 << 20, SystemClock)?);
/// store.set(b"k", "no MessagePack".into(), Expiry::NEVER).await?;
/// let lenient = Cache::minimal(store.clone()).build()?;
/// assert_eq!(lenient.get::<String>("k").await, Ok(None));
/// let strict = Cache::minimal(store).on_foreign(OnForeign::Error).build()?;
/// assert!(matches!(strict.get::<String>("k").await, Err(Error::Foreign(_))));
/// # Ok::<(), Error>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnForeign {
    /// It counts as absent.
    Miss,
    /// It is an [`Error::Foreign`].
    Error,
}

/// A cache: typed values in a store, with copies near at hand. Clones share everything.
///
/// ```
/// use larder_client::{Cache, Error, store::{EngineStore, SystemClock}};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let cache = Cache::production(EngineStore::with_bytes(64 << 20, SystemClock)?).namespace("users").build()?;
///
/// cache.set("42", &("alice", 30)).await?;
/// let user: Option<(String, u32)> = cache.get("42").await?;
/// assert_eq!(user, Some(("alice".into(), 30)));
/// assert!(cache.delete("42").await?);
/// # Ok::<(), Error>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Cache {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) capabilities: Capabilities,
    pub(crate) circuit: Option<Box<dyn Fn() -> CircuitState + Send + Sync>>,
    pub(crate) settings: Settings,
    pub(crate) codec: Codec,
    pub(crate) near: Option<Near>,
    pub(crate) flights: Arc<Flights>,
    pub(crate) refreshes: Arc<Refreshes>,
    pub(crate) counters: Counters,
}

pub(crate) struct Settings {
    pub(crate) namespace: Option<String>,
    pub(crate) expiry: Expiry,
    /// The stale window that was asked for.
    pub(crate) stale: Duration,
    pub(crate) refresh: Option<RefreshOptions>,
    pub(crate) negative_life: Option<Duration>,
    pub(crate) fails_open: bool,
    pub(crate) on_foreign: OnForeign,
    pub(crate) stampede: StampedeOptions,
    pub(crate) random: Random,
}

/// An entry of the store, read.
#[derive(Debug)]
pub(crate) struct Read<T> {
    pub(crate) value: T,
    pub(crate) held: Bytes,
    pub(crate) freshness: Freshness,
}

impl Cache {
    /// The value of a key, if there is a fresh one. A stale one is left to [`get_or_compute`](Cache::get_or_compute), which can
    /// do something about it.
    ///
    /// ```
    /// # use larder_client::{Cache, Error, store::{EngineStore, SystemClock}};
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// # let cache = Cache::minimal(EngineStore::with_bytes(1 << 20, SystemClock)?).build()?;
    /// let nobody: Option<String> = cache.get("42").await?;
    /// assert_eq!(nobody, None);
    /// # Ok::<(), Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Key`] and [`Error::Store`]; [`Error::Foreign`] if the cache was built to tell of such entries.
    pub async fn get<'k, T: DeserializeOwned>(&self, key: impl Into<Key<'k>>) -> Result<Option<T>, Error> {
        let mut key = key.into();
        self.complete(&mut key)?;
        match self.look_near(&key)? {
            Some(Known::Copy { read, is_due: false }) => Ok(Some(read)),
            known => self.get_from(known, &key).await,
        }
    }

    /// As [`get`](Cache::get), but the value is decoded once, and all who ask share it: the fastest way to read what is read
    /// often. A cache that encrypts keeps no such values, and decodes each time.
    ///
    /// Such values are beside the near cache's copies, and end when the copies' time is over or this process writes the key;
    /// [`NearOptions::shared_bytes_max`](crate::NearOptions::shared_bytes_max) says how many there may be.
    ///
    /// ```
    /// # use larder_client::{Cache, Error, store::{EngineStore, SystemClock}};
    /// use std::sync::Arc;
    ///
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// # let cache = Cache::minimal(EngineStore::with_bytes(1 << 20, SystemClock)?).build()?;
    /// cache.set("rates", &[1.08, 0.93]).await?;
    /// let one: Option<Arc<Vec<f64>>> = cache.get_shared("rates").await?;
    /// let two: Option<Arc<Vec<f64>>> = cache.get_shared("rates").await?;
    /// assert!(one.zip(two).is_some_and(|(one, two)| Arc::ptr_eq(&one, &two)));
    /// # Ok::<(), Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`get`](Cache::get).
    pub async fn get_shared<'k, T>(&self, key: impl Into<Key<'k>>) -> Result<Option<Arc<T>>, Error>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        let mut key = key.into();
        self.complete(&mut key)?;
        match self.look_near_shared(&key)? {
            Some(Known::Copy { read: Shared(value), is_due: false }) => Ok(Some(value)),
            known => Ok(self.get_from(known, &key).await?.map(|Shared(value)| value)),
        }
    }

    /// Goes on from what the near cache knows.
    pub(crate) async fn get_from<T: DeserializeOwned>(
        &self,
        known: Option<Known<T>>,
        key: &Key<'_>,
    ) -> Result<Option<T>, Error> {
        match known {
            Some(Known::Copy { read, is_due }) => {
                if is_due {
                    self.fetch_later(key);
                }
                return Ok(Some(read));
            }
            Some(Known::Absent) => {
                self.inner.counters.misses.add();
                return Ok(None);
            }
            None => {}
        }
        match self.fetch(key).await? {
            Some(read) if !read.freshness.is_stale() => {
                self.inner.counters.store_hits.add();
                Ok(Some(read.value))
            }
            _ => {
                self.inner.counters.misses.add();
                Ok(None)
            }
        }
    }

    /// Stores a value for the time to live that the cache was built with.
    ///
    /// ```
    /// # use larder_client::{Cache, Error, store::{EngineStore, SystemClock}};
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// # let cache = Cache::minimal(EngineStore::with_bytes(1 << 20, SystemClock)?).build()?;
    /// cache.set("42", "alice").await?;
    /// assert_eq!(cache.get::<String>("42").await?.as_deref(), Some("alice"));
    /// # Ok::<(), Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Key`], [`Error::Value`] and [`Error::Store`]. After the last it is not known which value the store has; this
    /// process keeps no copy of either.
    pub async fn set<'k, T: Serialize + ?Sized>(
        &self,
        key: impl Into<Key<'k>>,
        value: &T,
    ) -> Result<(), Error> {
        let mut key = key.into();
        self.complete(&mut key)?;
        let encoded = self.inner.codec.encode(&key, value)?;
        self.write(&key, encoded, self.inner.settings.expiry).await
    }

    /// Stores a value for a time to live of its own. It is rounded up to whole seconds, or to what the store can say.
    ///
    /// ```
    /// # use larder_client::{Cache, Error, store::{EngineStore, Remaining, SystemClock}};
    /// # use std::time::Duration;
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// # let cache = Cache::minimal(EngineStore::with_bytes(1 << 20, || 0)?).build()?;
    /// cache.set_with_ttl("session", "s3cr3t", Duration::from_secs(60)).await?;
    /// assert_eq!(cache.remaining("session").await?, Some(Remaining::For(Duration::from_secs(60))));
    /// # Ok::<(), Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`set`](Cache::set).
    pub async fn set_with_ttl<'k, T: Serialize + ?Sized>(
        &self,
        key: impl Into<Key<'k>>,
        value: &T,
        ttl: Duration,
    ) -> Result<(), Error> {
        let mut key = key.into();
        self.complete(&mut key)?;
        let encoded = self.inner.codec.encode(&key, value)?;
        self.write(&key, encoded, self.expiry(Some(ttl))).await
    }

    /// Removes an entry, here and in the store; false if the store had none. Copies in other processes end with their time.
    ///
    /// ```
    /// # use larder_client::{Cache, Error, store::{EngineStore, SystemClock}};
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// # let cache = Cache::minimal(EngineStore::with_bytes(1 << 20, SystemClock)?).build()?;
    /// cache.set("42", "alice").await?;
    /// assert!(cache.delete("42").await?);
    /// assert!(!cache.delete("42").await?);
    /// # Ok::<(), Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Key`] and [`Error::Store`].
    pub async fn delete<'k>(&self, key: impl Into<Key<'k>>) -> Result<bool, Error> {
        let mut key = key.into();
        self.complete(&mut key)?;
        let inner = &*self.inner;
        let write = inner.near.as_ref().map(|near| (near, near.begin_write(key.as_str())));
        let deleted = inner.store.delete(key.as_str().as_bytes()).await;
        if let Some((near, mark)) = write {
            near.end_write(key.as_str(), mark, None);
        }
        let deleted = deleted.map_err(|error| self.failed(error))?;
        inner.counters.deletes.add();
        Ok(deleted)
    }

    /// Whether there is an entry, here or in the store, fresh or stale. It need not be one that can be read.
    ///
    /// ```
    /// # use larder_client::{Cache, Error, store::{EngineStore, SystemClock}};
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// # let cache = Cache::minimal(EngineStore::with_bytes(1 << 20, SystemClock)?).build()?;
    /// cache.set("42", "alice").await?;
    /// assert!(cache.exists("42").await? && !cache.exists("43").await?);
    /// # Ok::<(), Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Key`] and [`Error::Store`].
    pub async fn exists<'k>(&self, key: impl Into<Key<'k>>) -> Result<bool, Error> {
        let mut key = key.into();
        self.complete(&mut key)?;
        let near = self.inner.near.as_ref();
        match near.and_then(|near| near.get(key.as_str(), |_| ())) {
            Some(Known::Copy { .. }) => Ok(true),
            Some(Known::Absent) => Ok(false),
            None => {
                let answer = self.inner.store.exists(key.as_str().as_bytes()).await;
                answer.map_err(|error| self.failed(error))
            }
        }
    }

    /// How long an entry has left in the store; `None` if there is none.
    ///
    /// ```
    /// # use larder_client::{Cache, Error, store::{EngineStore, SystemClock}};
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// # let cache = Cache::minimal(EngineStore::with_bytes(1 << 20, SystemClock)?).build()?;
    /// assert_eq!(cache.remaining("42").await?, None);
    /// # Ok::<(), Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Key`] and [`Error::Store`], the latter also if the store cannot tell.
    pub async fn remaining<'k>(&self, key: impl Into<Key<'k>>) -> Result<Option<Remaining>, Error> {
        let mut key = key.into();
        self.complete(&mut key)?;
        let answer = self.inner.store.remaining(key.as_str().as_bytes()).await;
        answer.map_err(|error| self.failed(error))
    }

    /// Asks the store whether it is there and well. No layer repeats or refuses this call.
    ///
    /// ```
    /// # use larder_client::{Cache, Error, store::{EngineStore, SystemClock}};
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// # let cache = Cache::minimal(EngineStore::with_bytes(1 << 20, SystemClock)?).build()?;
    /// cache.health().await?;
    /// # Ok::<(), Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn health(&self) -> Result<Health, Error> {
        Ok(self.inner.store.health().await?)
    }

    /// What this cache has done so far.
    ///
    /// ```
    /// # use larder_client::{Cache, store::{EngineStore, SystemClock}};
    /// # let cache = Cache::minimal(EngineStore::with_bytes(1 << 20, SystemClock)?).build()?;
    /// assert_eq!(cache.stats().misses, 0);
    /// # Ok::<(), larder_client::Error>(())
    /// ```
    #[must_use]
    pub fn stats(&self) -> Stats {
        let near = self.inner.near.as_ref();
        Stats {
            near_entries: near.map_or(0, Near::len),
            near_used: near.map_or(0, Near::used),
            flights: self.inner.flights.len() as u64,
            ..self.inner.counters.snapshot()
        }
    }

    /// What the circuit breaker is now; `None` if the cache was built without one.
    ///
    /// ```
    /// # use larder_client::{Cache, store::{EngineStore, SystemClock}};
    /// # let store = EngineStore::with_bytes(1 << 20, SystemClock)?;
    /// use larder_client::layer::CircuitState;
    ///
    /// let cache = Cache::production(store).build()?;
    /// assert_eq!(cache.circuit(), Some(CircuitState::Closed));
    /// # Ok::<(), larder_client::Error>(())
    /// ```
    #[must_use]
    pub fn circuit(&self) -> Option<CircuitState> {
        self.inner.circuit.as_ref().map(|state| state())
    }

    /// Whether values leave this process encrypted.
    ///
    /// ```
    /// # use larder_client::{Cache, store::{EngineStore, SystemClock}};
    /// # let cache = Cache::minimal(EngineStore::with_bytes(1 << 20, SystemClock)?).build()?;
    /// assert!(!cache.is_secure());
    /// # Ok::<(), larder_client::Error>(())
    /// ```
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.inner.codec.cipher.is_some()
    }

    /// Makes it the key as the store knows it, or refuses it before anything is sent.
    #[inline]
    pub(crate) fn complete(&self, key: &mut Key<'_>) -> Result<(), Error> {
        let inner = &*self.inner;
        let known = key.complete(inner.settings.namespace.as_deref());
        let known = known.and_then(|()| inner.capabilities.keys.check(key.as_str().as_bytes()));
        known.map_err(|fault| KeyError::Fault(fault).into())
    }

    /// What this process knows of a key; a copy is counted as a hit.
    pub(crate) fn look_near<T: DeserializeOwned>(&self, key: &Key<'_>) -> Result<Option<Known<T>>, Error> {
        let inner = &*self.inner;
        let Some(near) = &inner.near else { return Ok(None) };
        self.near_hit(key, near.get(key.as_str(), |held| inner.codec.read(key, held)))
    }

    /// As [`look_near`](Cache::look_near), for a value that its readers share.
    pub(crate) fn look_near_shared<T>(&self, key: &Key<'_>) -> Result<Option<Known<Shared<T>>>, Error>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        let inner = &*self.inner;
        let Some(near) = &inner.near else { return Ok(None) };
        self.near_hit(key, near.get_shared(key.as_str(), |held| inner.codec.read(key, held)))
    }

    fn near_hit<R>(
        &self,
        key: &Key<'_>,
        known: Option<Known<Result<R, Foreign>>>,
    ) -> Result<Option<Known<R>>, Error> {
        match known {
            None => Ok(None),
            Some(Known::Absent) => Ok(Some(Known::Absent)),
            Some(Known::Copy { read: Ok(read), is_due }) => {
                self.inner.counters.near_hits.add();
                if is_due {
                    self.inner.counters.stale_hits.add();
                }
                event::near_hit(key);
                Ok(Some(Known::Copy { read, is_due }))
            }
            Some(Known::Copy { read: Err(foreign), .. }) => self.foreign(key, foreign).map(|()| None),
        }
    }

    /// The entry of the store, if there is one that can be read. A copy of it is kept, if that is allowed.
    pub(crate) async fn fetch<T: DeserializeOwned>(&self, key: &Key<'_>) -> Result<Option<Read<T>>, Error> {
        let inner = &*self.inner;
        let near = inner.near.as_ref().map(|near| (near, near.mark(key.as_str())));
        let found = match near {
            Some(_) => inner.store.get(key.as_str().as_bytes()),
            None => inner.store.get_uncopied(key.as_str().as_bytes()),
        };
        let found = found.await.map_err(|error| self.failed(error))?;
        let Some(found) = found else {
            if let (Some((near, mark)), Some(life)) = (near, inner.settings.negative_life) {
                near.keep_absence(key.as_str(), mark, life);
            }
            return Ok(None);
        };
        let read = inner.codec.accept(key, &found.bytes).and_then(|held| {
            let value = inner.codec.read(key, &held)?;
            Ok(Read { value, held, freshness: found.freshness })
        });
        let read = match read {
            Ok(read) => read,
            Err(foreign) => return self.foreign(key, foreign).map(|()| None),
        };
        if let Some((near, mark)) = near
            && let Some(ends_after) = self.copy_life(near, read.freshness)
        {
            near.keep(key.as_str(), mark, &read.held, self.life(ends_after));
        }
        Ok(Some(read))
    }

    /// Stores a value, and keeps a copy.
    pub(crate) async fn write(&self, key: &Key<'_>, encoded: Encoded, expiry: Expiry) -> Result<(), Error> {
        let inner = &*self.inner;
        let near = inner.near.as_ref().map(|near| (near, near.begin_write(key.as_str())));
        let stored = inner.store.set(key.as_str().as_bytes(), encoded.stored, expiry).await;
        if let Some((near, mark)) = near {
            let ends_after = expiry.ttl().unwrap_or(near.options().unknown_life_max);
            let held = (&*encoded.held, self.life(ends_after));
            near.end_write(key.as_str(), mark, stored.is_ok().then_some(held));
        }
        stored.map_err(|error| self.failed(error))?;
        inner.counters.sets.add();
        Ok(())
    }

    /// Keeps a copy of a value that the store could not be given.
    pub(crate) fn keep_near_only(&self, key: &Key<'_>, held: &[u8], expiry: Expiry) {
        if let Some(near) = &self.inner.near {
            let bound = near.options().unknown_life_max;
            let life = self.life(expiry.ttl().unwrap_or(bound).min(bound));
            let mark = near.begin_write(key.as_str());
            near.end_write(key.as_str(), mark, Some((held, life)));
        }
    }

    /// Fetches a key anew in the background, so that the next reader finds a younger copy.
    fn fetch_later(&self, key: &Key<'_>) {
        let (Some(refresh), Ok(runtime)) = (self.inner.settings.refresh, Handle::try_current()) else {
            return;
        };
        let claim = self.inner.refreshes.claim(key.as_str(), refresh.pause, Instant::now());
        let Some(claim) = claim else { return };
        let (cache, key) = (self.clone(), key.clone().into_owned());
        self.inner.counters.refreshes.add();
        runtime.spawn(async move {
            // Whether the bytes make sense to a reader is for the reader to find out.
            match cache.fetch::<serde::de::IgnoredAny>(&key).await {
                Ok(_) => claim.done(),
                Err(_) => cache.inner.counters.failed_refreshes.add(),
            }
        });
    }

    /// The expiry of an entry with this time to live, or with the cache's own.
    pub(crate) fn expiry(&self, ttl: Option<Duration>) -> Expiry {
        let Settings { expiry, stale, .. } = self.inner.settings;
        ttl.map_or(expiry, |ttl| expiry_within(&self.inner.capabilities, ttl, stale))
    }

    /// How long a copy of an entry of this freshness may live here, if it may.
    fn copy_life(&self, near: &Near, freshness: Freshness) -> Option<Duration> {
        let own = self.inner.settings.expiry.ttl().unwrap_or(Duration::MAX);
        match freshness {
            Freshness::Fresh { fresh_for: None } => Some(own.min(near.options().unknown_life_max)),
            _ => freshness.bound(own),
        }
    }

    /// Whether an entry is too young to be due for a refresh: another process has just replaced it.
    pub(crate) fn is_young(&self, freshness: &Freshness) -> bool {
        let Settings { refresh: Some(refresh), expiry, .. } = &self.inner.settings else { return false };
        match (freshness, expiry.ttl()) {
            (Freshness::Fresh { fresh_for: Some(left) }, Some(ttl)) => {
                ttl.saturating_sub(*left) < refresh.age(ttl, 0.0)
            }
            _ => false,
        }
    }

    fn life(&self, ends_after: Duration) -> Life {
        let Settings { refresh, random, .. } = &self.inner.settings;
        let ends_after = ends_after.min(CENTURY);
        let due_after = refresh.map(|refresh| refresh.age(ends_after, random.draw()));
        Life { ends_after, due_after }
    }

    pub(crate) fn failed(&self, error: larder_store::Error) -> Error {
        self.inner.counters.store_errors.add();
        error.into()
    }

    pub(crate) fn foreign(&self, key: &Key<'_>, foreign: Foreign) -> Result<(), Error> {
        self.inner.counters.foreign.add();
        event::foreign(key, &foreign);
        match self.inner.settings.on_foreign {
            OnForeign::Miss => Ok(()),
            OnForeign::Error => Err(foreign.into()),
        }
    }
}

/// The expiry of an entry, with no more of a stale window than the store can keep.
pub(crate) fn expiry_within(capabilities: &Capabilities, ttl: Duration, stale: Duration) -> Expiry {
    let left = capabilities.ttl_max.map_or(STALE_MAX, |max| max.saturating_sub(ttl));
    Expiry::after(ttl).and_stale_for(stale.min(left).min(STALE_MAX))
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("store", &self.inner.store.name())
            .field("namespace", &self.inner.settings.namespace)
            .field("is_secure", &self.is_secure())
            .finish_non_exhaustive()
    }
}
