//! What `#[cachekit]` and `#[cached]` are, and what the code that they generate calls. Nothing in [`support`] is for people.

use std::convert::Infallible;
use std::fmt;
use std::sync::OnceLock;

use crate::cache::Cache;

/// Keeps the results of a function in a cache, under a key of its arguments.
///
/// ```
/// use larder_client::{Cache, cachekit, store::{EngineStore, SystemClock}};
///
/// #[cachekit(interop = "square", namespace = "numbers", ttl = 300)]
/// async fn square(number: i64) -> i64 {
///     number * number
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let cache = Cache::production(EngineStore::with_bytes(1 << 20, SystemClock)?).build()?;
/// cache.install()?;
/// assert_eq!(square(12).await, 144);
/// assert_eq!(square(12).await, 144, "and this time it was not computed");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// | option | |
/// | --- | --- |
/// | `interop = "get_user"`, `namespace = "users"` | the key is the one that every SDK computes for this operation and these arguments |
/// | `profile = "draft"` | by the rules of the first draft instead of `"v1"` |
/// | `skip(db, log)` | these arguments are not part of the key |
/// | `key = format!("user:{id}")` | a text key instead, in the namespace of the cache; `key = "settings"` only where no argument is left that is not skipped |
/// | `ttl = 300` | how long results live, in seconds; otherwise as the cache was built |
/// | `cache = &self.cache` | which cache; otherwise the one that was [installed](Cache::install) |
/// | `secure` | only an encrypting cache will do, and errors of the cache are the function's errors |
/// | `refresh` | a result that is old enough is served at once and computed anew in the background |
/// | `key_fn = get_user_key` | a function of the same arguments that returns the key, to delete it for instance |
///
/// **Async or not**: both. A function that is not async waits as [`Blocking`](crate::Blocking) does.
///
/// **What is kept** is what the function returns; of a `Result` (written so, not under another name) only what is `Ok`. It
/// must be `Serialize` and `DeserializeOwned`, and serde must be able to read it again from MessagePack: maps have text keys, numbers are
/// finite and have at most 64 bits, and what serde writes alike comes back alike (`Some(None)` as `None`). A value that has no such form
/// cannot be stored, and one that is not read again is never found: the function computes each time, and `tracing` tells why.
///
/// **Sets** among the arguments of an interop key: a `HashSet` or `BTreeSet` that is an argument is taken as the set that it is. One inside
/// another type, or behind an alias, must be in a [`Set`](crate::Set) (`Option<Set<HashSet<u32>>>`), because serde shows a set as a
/// list, whose order is part of the key. Where the macro can see it, it refuses it; behind an alias it cannot.
///
/// **What can go wrong** – the store is away, an argument has no canonical form, no cache was installed – makes the function run as if
/// there were no cache, and is told through `tracing`. With `secure` it is returned instead; the error type must be
/// `From<larder_client::Error>`.
///
/// **In the background**: with `refresh` what is computed outlives the call, so the body uses only arguments that are owned.
///
/// **Methods**: what a method is called on is not part of its key.
///
/// ```
/// use larder_client::{Cache, Error, cached, store::{EngineStore, SystemClock}};
///
/// struct Users {
///     cache: Cache,
/// }
///
/// impl Users {
///     #[cached(interop = "get_user", namespace = "users", cache = &self.cache, key_fn = name_key)]
///     async fn name(&self, id: u64) -> Result<String, Error> {
///         Ok(format!("user {id}"))
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let cache = Cache::production(EngineStore::with_bytes(1 << 20, SystemClock)?).build()?;
/// let users = Users { cache };
/// assert_eq!(users.name(42).await?, "user 42");
/// assert!(users.cache.delete(&users.name_key(42)?).await?);
/// # Ok::<(), Error>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub use larder_macros::cachekit;

/// The same as [`cachekit`](macro@crate::cachekit), under Larder's own name.
pub use larder_macros::cached;

static INSTALLED: OnceLock<Cache> = OnceLock::new();

/// A cache was installed before.
///
/// ```
/// assert!(larder_client::AlreadyInstalled.to_string().starts_with("a cache was installed before"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlreadyInstalled;

impl fmt::Display for AlreadyInstalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a cache was installed before; there is one for the process")
    }
}

impl std::error::Error for AlreadyInstalled {}

impl Cache {
    /// Makes this the cache of functions that do not name one.
    ///
    /// ```
    /// use larder_client::{AlreadyInstalled, Cache, store::{EngineStore, SystemClock}};
    ///
    /// let cache = Cache::production(EngineStore::with_bytes(1 << 20, SystemClock)?).build()?;
    /// assert_eq!(cache.install(), Ok(()));
    /// assert_eq!(cache.install(), Err(AlreadyInstalled));
    /// # Ok::<(), larder_client::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`AlreadyInstalled`]; the first one stays.
    pub fn install(&self) -> Result<(), AlreadyInstalled> {
        INSTALLED.set(self.clone()).map_err(|_| AlreadyInstalled)
    }
}

/// What generated code calls.
#[doc(hidden)]
pub mod support {
    use std::time::Duration;

    use larder_cachekit::{ConvertError, Value, to_value};
    use serde::Serialize;
    use serde::de::DeserializeOwned;

    use super::{INSTALLED, Infallible};
    use crate::cache::Cache;
    use crate::error::{Error, KeyError};
    use crate::event;
    use crate::key::{Key, Profile};

    pub fn cache(cache: &Cache) -> Option<Cache> {
        Some(cache.clone())
    }

    pub fn installed() -> Option<Cache> {
        INSTALLED.get().cloned()
    }

    /// Never anything: it only has a type.
    pub fn no_result<T>() -> Option<T> {
        None
    }

    pub fn key<'k>(key: impl Into<Key<'k>>) -> Result<Key<'static>, Error> {
        Ok(key.into().into_owned())
    }

    pub fn argument<T: Serialize + ?Sized>(argument: &T) -> Result<Value, ConvertError> {
        to_value(argument)
    }

    pub fn interop_key<const N: usize>(
        profile: Profile,
        namespace: &str,
        operation: &str,
        arguments: [Result<Value, ConvertError>; N],
    ) -> Result<Key<'static>, Error> {
        let values = arguments
            .into_iter()
            .enumerate()
            .map(|(index, value)| value.map_err(|source| KeyError::Argument { position: index + 1, source }));
        let values = values.collect::<Result<Vec<_>, _>>()?;
        Ok(Key::interop_with(profile, namespace, operation, values)?)
    }

    /// The cache and the complete key, unless one of them is missing, which is told.
    fn open(cache: Option<Cache>, key: Result<Key<'static>, Error>) -> Option<(Cache, Key<'static>)> {
        let Some(cache) = cache else {
            event::not_installed();
            return None;
        };
        let complete = |mut key| cache.complete(&mut key).map(|()| key);
        match key.and_then(complete) {
            Ok(key) => Some((cache, key)),
            Err(error) => {
                cache.going_without(&error);
                None
            }
        }
    }

    fn secured<E: From<Error>>(
        cache: Option<Cache>,
        key: Result<Key<'static>, Error>,
    ) -> Result<(Cache, Key<'static>), E> {
        let cache = cache.ok_or(Error::NotInstalled)?;
        if !cache.is_secure() {
            return Err(Error::NotSecure.into());
        }
        let mut key = key?;
        cache.complete(&mut key)?;
        Ok((cache, key))
    }

    /// Tells of an error and goes on.
    fn forgive<E>(cache: &Cache) -> impl Fn(Error) -> Result<(), E> {
        let cache = cache.clone();
        move |error| {
            cache.going_without(&error);
            Ok(())
        }
    }

    fn never<T>(result: Result<T, Infallible>) -> T {
        match result {
            Ok(value) => value,
        }
    }

    pub async fn value<T, C>(
        cache: Option<Cache>,
        key: Result<Key<'static>, Error>,
        ttl: Option<Duration>,
        compute: impl FnOnce() -> C,
    ) -> T
    where
        T: Serialize + DeserializeOwned,
        C: Future<Output = T>,
    {
        let compute = || async { Ok(compute().await) };
        never(result(cache, key, ttl, compute).await)
    }

    pub async fn value_refreshed<T, C>(
        cache: Option<Cache>,
        key: Result<Key<'static>, Error>,
        ttl: Option<Duration>,
        compute: impl FnOnce() -> C + Send + 'static,
    ) -> T
    where
        T: Serialize + DeserializeOwned + Send + 'static,
        C: Future<Output = T> + Send + 'static,
    {
        let compute = || async { Ok(compute().await) };
        never(result_refreshed(cache, key, ttl, compute).await)
    }

    pub fn value_blocking<T>(
        cache: Option<Cache>,
        key: Result<Key<'static>, Error>,
        ttl: Option<Duration>,
        compute: impl FnOnce() -> T,
    ) -> T
    where
        T: Serialize + DeserializeOwned + Send + 'static,
    {
        never(result_blocking(cache, key, ttl, || Ok(compute())))
    }

    pub async fn result<T, E, C>(
        cache: Option<Cache>,
        key: Result<Key<'static>, Error>,
        ttl: Option<Duration>,
        compute: impl FnOnce() -> C,
    ) -> Result<T, E>
    where
        T: Serialize + DeserializeOwned,
        C: Future<Output = Result<T, E>>,
    {
        match open(cache, key) {
            Some((cache, key)) => cache.resolve(key, ttl, compute, forgive(&cache)).await,
            None => compute().await,
        }
    }

    pub async fn result_refreshed<T, E, C>(
        cache: Option<Cache>,
        key: Result<Key<'static>, Error>,
        ttl: Option<Duration>,
        compute: impl FnOnce() -> C + Send + 'static,
    ) -> Result<T, E>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
        C: Future<Output = Result<T, E>> + Send + 'static,
    {
        match open(cache, key) {
            Some((cache, key)) => cache.resolve_later(key, ttl, compute, forgive(&cache)).await,
            None => compute().await,
        }
    }

    pub fn result_blocking<T, E>(
        cache: Option<Cache>,
        key: Result<Key<'static>, Error>,
        ttl: Option<Duration>,
        compute: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
    {
        match open(cache, key) {
            Some((cache, key)) => cache.blocking().resolve(key, ttl, compute, forgive(&cache)),
            None => compute(),
        }
    }

    pub async fn secure<T, E, C>(
        cache: Option<Cache>,
        key: Result<Key<'static>, Error>,
        ttl: Option<Duration>,
        compute: impl FnOnce() -> C,
    ) -> Result<T, E>
    where
        T: Serialize + DeserializeOwned,
        E: From<Error>,
        C: Future<Output = Result<T, E>>,
    {
        let (cache, key) = secured::<E>(cache, key)?;
        cache.resolve(key, ttl, compute, |error| Err(error.into())).await
    }

    pub async fn secure_refreshed<T, E, C>(
        cache: Option<Cache>,
        key: Result<Key<'static>, Error>,
        ttl: Option<Duration>,
        compute: impl FnOnce() -> C + Send + 'static,
    ) -> Result<T, E>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
        E: From<Error>,
        C: Future<Output = Result<T, E>> + Send + 'static,
    {
        let (cache, key) = secured::<E>(cache, key)?;
        cache.resolve_later(key, ttl, compute, |error| Err(error.into())).await
    }

    pub fn secure_blocking<T, E>(
        cache: Option<Cache>,
        key: Result<Key<'static>, Error>,
        ttl: Option<Duration>,
        compute: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
        E: From<Error>,
    {
        let (cache, key) = secured::<E>(cache, key)?;
        cache.blocking().resolve(key, ttl, compute, |error| Err(error.into()))
    }
}
