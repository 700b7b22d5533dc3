//! A miss that is to be computed: once per key in this process, once among processes where the store has locks, and in the
//! background while a stale value is served. The flow is cut in two – look up, then keep what was computed – so that
//! asynchronous and blocking callers share all of it but the computation.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::cache::Cache;
use crate::codec::Encoded;
use crate::error::Error;
use crate::event;
use crate::flight::{Leader, Role};
use crate::key::Key;
use crate::near::{Known, Shared};
use crate::refresh::Claim;
use crate::stampede::{Lease, Settled};

/// What a lookup came to.
pub(crate) enum Lookup<T> {
    /// A value.
    Hit(T),
    /// A value that may be served, and the duty to replace it.
    Stale(T, Refresh),
    /// Nothing: compute.
    Miss(Turn),
}

/// The right and duty to compute a value. Dropped before it is [kept](Turn::keep), the next in line gets it.
pub(crate) struct Turn {
    pub(crate) cache: Cache,
    key: Key<'static>,
    leader: Option<Leader>,
    claim: Option<Claim>,
    lease: Option<Lease>,
    /// The store has just failed: it is not waited for a second time.
    is_store_away: bool,
}

/// The right and duty to replace a value that is still served.
pub(crate) struct Refresh {
    cache: Cache,
    key: Key<'static>,
    claim: Claim,
    /// Whether another process may have replaced it in the store already.
    may_be_done: bool,
}

/// How a refresh begins.
#[expect(clippy::large_enum_variant, reason = "it is taken apart where it is made")]
pub(crate) enum Begun<T> {
    /// It was done by another process: this is the new value.
    Done(T),
    /// It falls to this caller.
    Compute(Turn),
    /// Another process is at it.
    NotNow,
}

impl Cache {
    /// The value of a key; if there is none, what `compute` makes, which is then stored.
    ///
    /// Of many callers who miss at once one computes and the others get its result. If it is cancelled or fails, the next one
    /// computes; so where all computations fail, one comes after the other until those who wait have waited for
    /// [`StampedeOptions::wait_max`](crate::StampedeOptions::wait_max), and a computation that asks for its own key waits as
    /// long. A value that is stale, or a copy that is old enough for a refresh, is replaced by one caller while the others are
    /// served; [`get_or_refresh`](Cache::get_or_refresh) lets nobody wait.
    ///
    /// If the store is away, the value is computed. A cache that encrypts, or one built with
    /// [`fail_closed`](crate::Builder::fail_closed), returns the error instead.
    ///
    /// ```
    /// use larder_client::{Cache, Error, Key, store::{EngineStore, SystemClock}};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// # let cache = Cache::minimal(EngineStore::with_bytes(1 << 20, SystemClock)?).build()?;
    /// let key = Key::interop("numbers", "square", (12,))?;
    /// let square: u64 = cache.get_or_compute(&key, || async { Ok::<_, Error>(12 * 12) }).await?;
    /// assert_eq!(square, 144);
    /// assert_eq!(cache.get::<u64>(&key).await?, Some(144));
    /// # Ok::<(), Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// What `compute` returns, and this cache's own errors as that type.
    pub async fn get_or_compute<'k, T, E, F, C>(&self, key: impl Into<Key<'k>>, compute: F) -> Result<T, E>
    where
        T: Serialize + DeserializeOwned,
        E: From<Error>,
        F: FnOnce() -> C,
        C: Future<Output = Result<T, E>>,
    {
        let mut key = key.into();
        self.complete(&mut key)?;
        self.resolve(key, None, compute, |error| Err(error.into())).await
    }

    /// As [`get_or_compute`](Cache::get_or_compute), but who is served from the near cache shares the value with all others who are,
    /// as with [`get_shared`](Cache::get_shared).
    ///
    /// ```
    /// use larder_client::{Cache, Error, store::{EngineStore, SystemClock}};
    /// use std::sync::Arc;
    ///
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// # let cache = Cache::minimal(EngineStore::with_bytes(1 << 20, SystemClock)?).build()?;
    /// let primes = || async { Ok::<_, Error>(vec![2, 3, 5, 7]) };
    /// let primes: Arc<Vec<u32>> = cache.get_or_compute_shared("primes", primes).await?;
    /// assert_eq!(primes.len(), 4);
    /// # Ok::<(), Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`get_or_compute`](Cache::get_or_compute).
    pub async fn get_or_compute_shared<'k, T, E, F, C>(
        &self,
        key: impl Into<Key<'k>>,
        compute: F,
    ) -> Result<Arc<T>, E>
    where
        T: Serialize + DeserializeOwned + Send + Sync + 'static,
        E: From<Error>,
        F: FnOnce() -> C,
        C: Future<Output = Result<T, E>>,
    {
        let mut key = key.into();
        self.complete(&mut key)?;
        let known = self.look_near_shared(&key);
        let compute = || async { compute().await.map(Shared::new) };
        let Shared(value) = self.resolve_from(known, key, None, compute, |error| Err(error.into())).await?;
        Ok(value)
    }

    /// As [`get_or_compute`](Cache::get_or_compute), but a value that is old enough for a refresh is served at once, and
    /// replaced in the background. So the computation must not borrow from its caller.
    ///
    /// ```
    /// use larder_client::{Cache, Error, store::{EngineStore, SystemClock}};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// # let cache = Cache::minimal(EngineStore::with_bytes(1 << 20, SystemClock)?).build()?;
    /// async fn rates() -> Result<Vec<f64>, Error> {
    ///     Ok(vec![1.08, 0.93])
    /// }
    /// let rates: Vec<f64> = cache.get_or_refresh("rates", rates).await?;
    /// # Ok::<(), Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`get_or_compute`](Cache::get_or_compute). Errors of a computation in the background are only counted.
    pub async fn get_or_refresh<'k, T, E, F, C>(&self, key: impl Into<Key<'k>>, compute: F) -> Result<T, E>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
        E: From<Error>,
        F: FnOnce() -> C + Send + 'static,
        C: Future<Output = Result<T, E>> + Send + 'static,
    {
        let mut key = key.into();
        self.complete(&mut key)?;
        self.resolve_later(key, None, compute, |error| Err(error.into())).await
    }

    /// Looks up, computes, keeps. `fault` turns an error of the cache into the caller's, or into `Ok`: go on without the cache.
    pub(crate) async fn resolve<T, E, F, C>(
        &self,
        key: Key<'_>,
        ttl: Option<Duration>,
        compute: F,
        fault: impl Fn(Error) -> Result<(), E>,
    ) -> Result<T, E>
    where
        T: Serialize + DeserializeOwned,
        F: FnOnce() -> C,
        C: Future<Output = Result<T, E>>,
    {
        let known = self.look_near(&key);
        self.resolve_from(known, key, ttl, compute, fault).await
    }

    /// Goes on from what the near cache knows.
    async fn resolve_from<T, E, F, C>(
        &self,
        known: Result<Option<Known<T>>, Error>,
        key: Key<'_>,
        ttl: Option<Duration>,
        compute: F,
        fault: impl Fn(Error) -> Result<(), E>,
    ) -> Result<T, E>
    where
        T: Serialize + DeserializeOwned,
        F: FnOnce() -> C,
        C: Future<Output = Result<T, E>>,
    {
        let looked_up = match known {
            Ok(known) => self.lookup_from(known, key).await,
            Err(error) => Err(error),
        };
        match looked_up {
            Ok(Lookup::Hit(value)) => Ok(value),
            Ok(Lookup::Miss(turn)) => turn.run(ttl, compute, fault).await,
            Ok(Lookup::Stale(old, refresh)) => match refresh.begin().await {
                Begun::Done(value) => Ok(value),
                Begun::NotNow => Ok(old),
                Begun::Compute(turn) => {
                    let cache = turn.cache.clone();
                    // What is served until it is replaced is also served if replacing it fails.
                    Ok(turn.run(ttl, compute, fault).await.unwrap_or_else(|_| {
                        cache.refresh_failed();
                        old
                    }))
                }
            },
            Err(error) => {
                fault(error)?;
                compute().await
            }
        }
    }

    /// As [`resolve`](Cache::resolve), with refreshes in the background.
    pub(crate) async fn resolve_later<T, E, F, C>(
        &self,
        key: Key<'_>,
        ttl: Option<Duration>,
        compute: F,
        fault: impl Fn(Error) -> Result<(), E>,
    ) -> Result<T, E>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
        F: FnOnce() -> C + Send + 'static,
        C: Future<Output = Result<T, E>> + Send + 'static,
    {
        match self.lookup(key).await {
            Ok(Lookup::Hit(value)) => Ok(value),
            Ok(Lookup::Miss(turn)) => turn.run(ttl, compute, fault).await,
            Ok(Lookup::Stale(old, refresh)) => {
                let cache = self.clone();
                tokio::spawn(async move {
                    if let Begun::Compute(turn) = refresh.begin::<T>().await {
                        let kept = match turn.cache.counted(compute()).await.ok() {
                            Some(value) => {
                                let encoded = turn.encode(&value);
                                turn.keep(encoded, ttl).await.is_ok()
                            }
                            None => false,
                        };
                        if !kept {
                            cache.refresh_failed();
                        }
                    }
                });
                Ok(old)
            }
            Err(error) => {
                fault(error)?;
                compute().await
            }
        }
    }

    async fn lookup<T: DeserializeOwned>(&self, key: Key<'_>) -> Result<Lookup<T>, Error> {
        let known = self.look_near(&key)?;
        self.lookup_from(known, key).await
    }

    /// Goes on from what the near cache knows.
    pub(crate) async fn lookup_from<T: DeserializeOwned>(
        &self,
        known: Option<Known<T>>,
        key: Key<'_>,
    ) -> Result<Lookup<T>, Error> {
        let inner = &*self.inner;
        let is_absent = match known {
            Some(Known::Copy { read, is_due: false }) => return Ok(Lookup::Hit(read)),
            Some(Known::Copy { read, is_due: true }) => return Ok(self.stale(&key, read, true)),
            Some(Known::Absent) => true,
            None => false,
        };
        let leader = match inner.flights.join(key.as_str(), inner.settings.stampede.wait_max).await {
            Role::Lead(leader) => Some(leader),
            Role::Alone => None,
            Role::Follow(held) => match inner.codec.read(&key, &held) {
                Ok(value) => {
                    inner.counters.shared_hits.add();
                    return Ok(Lookup::Hit(value));
                }
                Err(foreign) => {
                    self.foreign(&key, foreign)?;
                    None
                }
            },
        };
        let mut turn = Turn {
            cache: self.clone(),
            key: key.into_owned(),
            leader,
            claim: None,
            lease: None,
            is_store_away: false,
        };
        // Between the look at the near cache and the seat in the flight, another flight may have landed.
        if let Some(held) = inner.near.as_ref().and_then(|near| near.peek(turn.key.as_str()))
            && let Ok(value) = inner.codec.read(&turn.key, &held)
        {
            inner.counters.near_hits.add();
            turn.land(held);
            return Ok(Lookup::Hit(value));
        }
        if !is_absent {
            match self.fetch::<T>(&turn.key).await {
                Ok(Some(read)) if !read.freshness.is_stale() => {
                    inner.counters.store_hits.add();
                    turn.land(read.held);
                    return Ok(Lookup::Hit(read.value));
                }
                Ok(Some(read)) if inner.settings.refresh.is_some() => {
                    inner.counters.store_hits.add();
                    inner.counters.stale_hits.add();
                    turn.land(read.held);
                    return Ok(self.stale(&turn.key, read.value, false));
                }
                Ok(_) => {}
                Err(error @ Error::Store(_)) if inner.settings.fails_open => {
                    self.going_without(&error);
                    turn.is_store_away = true;
                }
                Err(error) => return Err(error),
            }
        }
        // Who gave up waiting for a caller in this process does not wait for others after that.
        if self.has_locks() && turn.leader.is_some() && !turn.is_store_away {
            match self.settle::<T>(&turn.key).await {
                Settled::Ours(lease) => turn.lease = Some(lease),
                Settled::Theirs(read) => {
                    inner.counters.store_hits.add();
                    turn.land(read.held);
                    return Ok(Lookup::Hit(read.value));
                }
                Settled::Unsettled => {}
            }
        }
        inner.counters.misses.add();
        event::miss(&turn.key);
        Ok(Lookup::Miss(turn))
    }

    /// A value that is to be replaced, by this caller if it is the first to see that.
    fn stale<T>(&self, key: &Key<'_>, value: T, may_be_done: bool) -> Lookup<T> {
        let Some(refresh) = self.inner.settings.refresh else { return Lookup::Hit(value) };
        match self.inner.refreshes.claim(key.as_str(), refresh.pause, Instant::now()) {
            None => Lookup::Hit(value),
            Some(claim) => {
                let (cache, key) = (self.clone(), key.clone().into_owned());
                Lookup::Stale(value, Refresh { cache, key, claim, may_be_done })
            }
        }
    }

    pub(crate) async fn counted<R>(&self, computation: impl Future<Output = R>) -> R {
        self.inner.counters.computations.add();
        computation.await
    }

    pub(crate) fn going_without(&self, error: &Error) {
        self.inner.counters.failed_open.add();
        event::going_without(error);
    }

    pub(crate) fn refresh_failed(&self) {
        self.inner.counters.failed_refreshes.add();
    }
}

impl Refresh {
    /// Finds out whether the value has to be computed here and now.
    pub(crate) async fn begin<T: DeserializeOwned>(self) -> Begun<T> {
        let Self { cache, key, claim, may_be_done } = self;
        cache.inner.counters.refreshes.add();
        if may_be_done && cache.inner.capabilities.shared {
            match cache.fetch::<T>(&key).await {
                Ok(Some(read)) if cache.is_young(&read.freshness) => {
                    claim.done();
                    return Begun::Done(read.value);
                }
                Ok(_) => {}
                Err(_) => {
                    cache.refresh_failed();
                    return Begun::NotNow;
                }
            }
        }
        let lease = match cache.has_locks() {
            false => None,
            true => match cache.try_lock(&key).await {
                Ok(Some(lease)) => Some(lease),
                Ok(None) | Err(_) => return Begun::NotNow,
            },
        };
        Begun::Compute(Turn { cache, key, leader: None, claim: Some(claim), lease, is_store_away: false })
    }
}

impl Turn {
    /// Computes and keeps.
    async fn run<T, E, F, C>(
        self,
        ttl: Option<Duration>,
        compute: F,
        fault: impl Fn(Error) -> Result<(), E>,
    ) -> Result<T, E>
    where
        T: Serialize,
        F: FnOnce() -> C,
        C: Future<Output = Result<T, E>>,
    {
        let value = self.cache.counted(compute()).await?;
        let encoded = self.encode(&value);
        if let Err(error) = self.keep(encoded, ttl).await {
            fault(error)?;
        }
        Ok(value)
    }

    /// What was computed, ready to be [kept](Turn::keep).
    pub(crate) fn encode<T: Serialize + ?Sized>(&self, value: &T) -> Result<Encoded, Error> {
        Ok(self.cache.inner.codec.encode(&self.key, value)?)
    }

    /// Stores what was computed and gives it to everybody who waits for it. What has no stored form is given to nobody: all who wait
    /// compute for themselves, at once.
    pub(crate) async fn keep(
        mut self,
        encoded: Result<Encoded, Error>,
        ttl: Option<Duration>,
    ) -> Result<(), Error> {
        let inner = &*self.cache.inner;
        let expiry = self.cache.expiry(ttl);
        let encoded = match encoded {
            Ok(encoded) => encoded,
            Err(error) => {
                if let Some(leader) = self.leader.take() {
                    leader.disband();
                }
                if inner.settings.fails_open {
                    self.cache.going_without(&error);
                    return Ok(());
                }
                return Err(error);
            }
        };
        let held = encoded.held.clone();
        let stored = match self.is_store_away {
            true => Ok(false),
            false => self.cache.write(&self.key, encoded, expiry).await.map(|()| true),
        };
        match stored {
            Ok(true) => {}
            Ok(false) => self.cache.keep_near_only(&self.key, &held, expiry),
            Err(error) if inner.settings.fails_open => {
                self.cache.going_without(&error);
                self.cache.keep_near_only(&self.key, &held, expiry);
            }
            Err(error) => return Err(error),
        }
        self.land(held);
        if let Some(claim) = self.claim.take() {
            claim.done();
        }
        Ok(())
    }

    fn land(&mut self, held: bytes::Bytes) {
        if let Some(leader) = self.leader.take() {
            leader.land(held);
        }
    }
}
