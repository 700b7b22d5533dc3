//! The cache for functions that are not asynchronous. What is near is served on the spot; everything else runs on a thread of the
//! SDK's own while the caller waits. Computations run on the caller's thread.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::runtime::{Builder, Handle, Runtime, RuntimeFlavor};
use tokio::task::block_in_place;

use crate::cache::Cache;
use crate::compute::{Begun, Lookup, Turn};
use crate::error::{ConfigError, Error};
use crate::key::Key;
use crate::near::{Known, Shared};

static RUNTIME: LazyLock<Option<Runtime>> = LazyLock::new(|| {
    Builder::new_multi_thread().worker_threads(1).thread_name("larder-client").enable_all().build().ok()
});

/// The runtime of the SDK's own, unless the system gave no thread for it.
pub(crate) fn runtime() -> Option<&'static Handle> {
    RUNTIME.as_ref().map(Runtime::handle)
}

/// A cache whose calls wait. From [`Cache::blocking`].
///
/// It may be used anywhere, also on the threads of an asynchronous runtime, which it then keeps from other work while it waits. (In
/// a `LocalSet` on a runtime of several threads tokio's message about `block_in_place` is printed once; nothing is wrong.)
/// A store that was first used on a runtime of one thread cannot answer while that thread waits; such calls end with the
/// store's timeout. Let blocking and asynchronous code have a cache each there.
///
/// ```
/// use larder_client::{Cache, Error, store::{EngineStore, SystemClock}};
///
/// let cache = Cache::minimal(EngineStore::with_bytes(1 << 20, SystemClock)?).build()?;
/// let cache = cache.blocking();
/// cache.set("k", &1)?;
/// assert_eq!(cache.get::<u8>("k")?, Some(1));
/// assert_eq!(cache.get_or_compute("other", || Ok::<u8, Error>(2))?, 2);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Blocking<'c> {
    cache: &'c Cache,
}

impl Cache {
    /// This cache for functions that are not asynchronous.
    ///
    /// ```
    /// # use larder_client::{Cache, store::{EngineStore, SystemClock}};
    /// # let cache = Cache::minimal(EngineStore::with_bytes(1 << 20, SystemClock)?).build()?;
    /// cache.blocking().set("k", &1)?;
    /// # Ok::<(), larder_client::Error>(())
    /// ```
    #[must_use]
    pub fn blocking(&self) -> Blocking<'_> {
        Blocking { cache: self }
    }
}

impl Blocking<'_> {
    /// As [`Cache::get`].
    ///
    /// ```
    /// # use larder_client::{Cache, store::{EngineStore, SystemClock}};
    /// # let cache = Cache::minimal(EngineStore::with_bytes(1 << 20, SystemClock)?).build()?;
    /// assert_eq!(cache.blocking().get::<String>("42")?, None);
    /// # Ok::<(), larder_client::Error>(())
    /// ```
    ///
    /// # Errors
    /// As there.
    pub fn get<'k, T>(&self, key: impl Into<Key<'k>>) -> Result<Option<T>, Error>
    where
        T: DeserializeOwned + Send + 'static,
    {
        let mut key = key.into();
        self.cache.complete(&mut key)?;
        match self.cache.look_near(&key)? {
            Some(Known::Copy { read, is_due: false }) => Ok(Some(read)),
            known => {
                let (cache, key) = (self.cache.clone(), key.into_owned());
                wait(async move { cache.get_from(known, &key).await })?
            }
        }
    }

    /// As [`Cache::get_shared`].
    ///
    /// ```
    /// # use larder_client::{Cache, store::{EngineStore, SystemClock}};
    /// # let cache = Cache::minimal(EngineStore::with_bytes(1 << 20, SystemClock)?).build()?;
    /// cache.blocking().set("42", "alice")?;
    /// assert!(cache.blocking().get_shared::<String>("42")?.is_some_and(|name| *name == "alice"));
    /// # Ok::<(), larder_client::Error>(())
    /// ```
    ///
    /// # Errors
    /// As there.
    pub fn get_shared<'k, T>(&self, key: impl Into<Key<'k>>) -> Result<Option<Arc<T>>, Error>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        let mut key = key.into();
        self.cache.complete(&mut key)?;
        match self.cache.look_near_shared(&key)? {
            Some(Known::Copy { read: Shared(value), is_due: false }) => Ok(Some(value)),
            known => {
                let (cache, key) = (self.cache.clone(), key.into_owned());
                let found = wait(async move { cache.get_from(known, &key).await })??;
                Ok(found.map(|Shared(value)| value))
            }
        }
    }

    /// As [`Cache::set`].
    ///
    /// ```
    /// # use larder_client::{Cache, store::{EngineStore, SystemClock}};
    /// # let cache = Cache::minimal(EngineStore::with_bytes(1 << 20, SystemClock)?).build()?;
    /// cache.blocking().set("42", "alice")?;
    /// assert!(cache.blocking().get::<String>("42")?.is_some());
    /// # Ok::<(), larder_client::Error>(())
    /// ```
    ///
    /// # Errors
    /// As there.
    pub fn set<'k, T: Serialize + ?Sized>(&self, key: impl Into<Key<'k>>, value: &T) -> Result<(), Error> {
        let cache = self.cache.clone();
        let mut key = key.into().into_owned();
        cache.complete(&mut key)?;
        let encoded = cache.inner.codec.encode(&key, value)?;
        let expiry = cache.expiry(None);
        wait(async move { cache.write(&key, encoded, expiry).await })?
    }

    /// As [`Cache::delete`].
    ///
    /// ```
    /// # use larder_client::{Cache, store::{EngineStore, SystemClock}};
    /// # let cache = Cache::minimal(EngineStore::with_bytes(1 << 20, SystemClock)?).build()?;
    /// assert!(!cache.blocking().delete("42")?);
    /// # Ok::<(), larder_client::Error>(())
    /// ```
    ///
    /// # Errors
    /// As there.
    pub fn delete<'k>(&self, key: impl Into<Key<'k>>) -> Result<bool, Error> {
        let (cache, key) = (self.cache.clone(), key.into().into_owned());
        wait(async move { cache.delete(key).await })?
    }

    /// As [`Cache::get_or_compute`]; callers who block and callers who do not wait for each other's computations.
    ///
    /// ```
    /// # use larder_client::{Cache, store::{EngineStore, SystemClock}};
    /// # let cache = Cache::minimal(EngineStore::with_bytes(1 << 20, SystemClock)?).build()?;
    /// let square = cache.blocking().get_or_compute("12", || Ok::<i64, larder_client::Error>(12 * 12))?;
    /// assert_eq!(square, 144);
    /// # Ok::<(), larder_client::Error>(())
    /// ```
    ///
    /// # Errors
    /// As there.
    pub fn get_or_compute<'k, T, E>(
        &self,
        key: impl Into<Key<'k>>,
        compute: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
        E: From<Error>,
    {
        let mut key = key.into();
        self.cache.complete(&mut key)?;
        self.resolve(key, None, compute, |error| Err(error.into()))
    }

    /// As [`Cache::resolve`].
    pub(crate) fn resolve<T, E>(
        &self,
        key: Key<'_>,
        ttl: Option<Duration>,
        compute: impl FnOnce() -> Result<T, E>,
        fault: impl Fn(Error) -> Result<(), E>,
    ) -> Result<T, E>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
    {
        let run = |turn: Turn, compute: &mut dyn FnMut() -> Result<T, E>| {
            turn.cache.inner.counters.computations.add();
            let value = compute()?;
            let encoded = turn.encode(&value);
            if let Err(error) = wait(turn.keep(encoded, ttl)).and_then(|kept| kept) {
                fault(error)?;
            }
            Ok(value)
        };
        let mut compute = Some(compute);
        let mut once = || match compute.take() {
            Some(compute) => compute(),
            None => unreachable!("each way through computes once"),
        };
        match self.lookup(key) {
            Ok(Lookup::Hit(value)) => Ok(value),
            Ok(Lookup::Miss(turn)) => run(turn, &mut once),
            Ok(Lookup::Stale(old, refresh)) => match wait(refresh.begin()) {
                Ok(Begun::Done(value)) => Ok(value),
                Ok(Begun::NotNow) | Err(_) => Ok(old),
                Ok(Begun::Compute(turn)) => Ok(run(turn, &mut once).unwrap_or_else(|_| {
                    self.cache.refresh_failed();
                    old
                })),
            },
            Err(error) => {
                fault(error)?;
                once()
            }
        }
    }

    fn lookup<T>(&self, key: Key<'_>) -> Result<Lookup<T>, Error>
    where
        T: DeserializeOwned + Send + 'static,
    {
        match self.cache.look_near(&key)? {
            Some(Known::Copy { read, is_due: false }) => Ok(Lookup::Hit(read)),
            known => {
                let (cache, key) = (self.cache.clone(), key.into_owned());
                wait(async move { cache.lookup_from(known, key).await })?
            }
        }
    }
}

/// Runs a call on the SDK's runtime and waits for it.
fn wait<R: Send + 'static>(call: impl Future<Output = R> + Send + 'static) -> Result<R, Error> {
    let failed =
        |problem: &str| ConfigError::Setting { name: "blocking", problem: problem.to_owned() }.into();
    let runtime = runtime().ok_or_else(|| failed("the system gives no thread to run on"))?;
    let (answer, answered) = sync_channel(1);
    runtime.spawn(async move { answer.send(call.await) });
    aside(|| answered.recv()).map_err(|_| failed("the call panicked"))
}

thread_local! {
    /// Whether this thread's other tasks cannot go on elsewhere.
    static IS_BOUND: Cell<bool> = const { Cell::new(false) };
}

/// Waits, and lets the other tasks of this thread go on elsewhere meanwhile if that is possible.
fn aside<R>(wait: impl Fn() -> R) -> R {
    let on_many_threads =
        Handle::try_current().is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread);
    if on_many_threads && !IS_BOUND.get() {
        // Tasks of a LocalSet cannot, and nothing tells in advance: tokio panics before it begins to wait.
        match catch_unwind(AssertUnwindSafe(|| block_in_place(&wait))) {
            Ok(waited) => return waited,
            Err(_) => IS_BOUND.set(true),
        }
    }
    wait()
}
