//! The seam: what every place and every layer implements. It is object-safe, so layers stack at run time.

use crate::capabilities::Capabilities;
use crate::entry::{Expiry, Found, Health, LockToken, Remaining};
use crate::error::Error;
use bytes::Bytes;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// An answer under way. Dropping it gives up waiting; whether the call was carried out is then not known, and the next call
/// is not disturbed.
///
/// ```
/// use larder_store::{Pending, Store};
///
/// fn at_least_there<'a>(store: &'a dyn Store, key: &'a [u8]) -> Pending<'a, bool> {
///     Box::pin(async move { Ok(store.exists(key).await? || store.health().await.is_ok()) })
/// }
/// ```
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// A place where entries live, or a layer around one.
///
/// Every call is bounded in time by the store's own limits. A key that [`Capabilities::keys`] does not allow is refused with
/// [`Fault::Key`](crate::Fault::Key) before any byte is sent; a call that the place cannot carry out, with
/// [`Fault::Unsupported`](crate::Fault::Unsupported).
///
/// ```
/// use larder_store::{EngineStore, Error, Expiry, Store, SystemClock};
///
/// /// A layer or a place: code above does not see which.
/// async fn swap(store: &dyn Store, key: &[u8], value: &'static str) -> Result<Option<Vec<u8>>, Error> {
///     let before = store.get(key).await?;
///     store.set(key, value.into(), Expiry::NEVER).await?;
///     Ok(before.map(|found| found.bytes.to_vec()))
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let store = EngineStore::with_bytes(1 << 20, SystemClock)?;
/// assert_eq!(swap(&store, b"k", "one").await?, None);
/// assert_eq!(swap(&store, b"k", "two").await?, Some(b"one".to_vec()));
/// # Ok::<(), Error>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Store: Send + Sync {
    /// Where it is, for messages: without credentials.
    ///
    /// ```
    /// # use larder_store::{EngineStore, Expiry, Store};
    /// # use std::time::Duration;
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// # let store = EngineStore::with_bytes(1 << 20, || 0)?;
    /// assert_eq!(store.name(), "engine");
    /// # Ok::<(), larder_store::Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn name(&self) -> &str;

    /// What it can do. Constant for the life of the store.
    ///
    /// ```
    /// # use larder_store::{EngineStore, Expiry, Store};
    /// # use std::time::Duration;
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// # let store = EngineStore::with_bytes(1 << 20, || 0)?;
    /// assert!(store.capabilities().locks);
    /// # Ok::<(), larder_store::Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn capabilities(&self) -> Capabilities;

    /// The entry of a key, fresh or stale.
    ///
    /// ```
    /// # use larder_store::{EngineStore, Expiry, Store};
    /// # use std::time::Duration;
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// # let store = EngineStore::with_bytes(1 << 20, || 0)?;
    /// assert_eq!(store.get(b"k").await?, None);
    /// # Ok::<(), larder_store::Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn get<'a>(&'a self, key: &'a [u8]) -> Pending<'a, Option<Found>>;

    /// As [`get`](Store::get), for somebody who keeps no copy: a place need not find out how long one may be kept, if that is extra work.
    /// Whether the entry is stale is told as there.
    ///
    /// ```
    /// # use larder_store::{EngineStore, Expiry, Store};
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// # let store = EngineStore::with_bytes(1 << 20, || 0)?;
    /// store.set(b"k", "value".into(), Expiry::NEVER).await?;
    /// assert_eq!(store.get_uncopied(b"k").await?.map(|found| found.bytes), Some("value".into()));
    /// # Ok::<(), larder_store::Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn get_uncopied<'a>(&'a self, key: &'a [u8]) -> Pending<'a, Option<Found>> {
        self.get(key)
    }

    /// Stores a value. An entry that was there gives way, its expiry included.
    ///
    /// ```
    /// # use larder_store::{EngineStore, Expiry, Store};
    /// # use std::time::Duration;
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// # let store = EngineStore::with_bytes(1 << 20, || 0)?;
    /// store.set(b"k", "value".into(), Expiry::after(Duration::from_secs(60))).await?;
    /// # Ok::<(), larder_store::Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn set<'a>(&'a self, key: &'a [u8], value: Bytes, expiry: Expiry) -> Pending<'a, ()>;

    /// Removes an entry; false if there was none. A place that does not tell answers true.
    ///
    /// ```
    /// # use larder_store::{EngineStore, Expiry, Store};
    /// # use std::time::Duration;
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// # let store = EngineStore::with_bytes(1 << 20, || 0)?;
    /// assert!(!store.delete(b"k").await?);
    /// # Ok::<(), larder_store::Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn delete<'a>(&'a self, key: &'a [u8]) -> Pending<'a, bool>;

    /// Whether there is an entry, fresh or stale.
    ///
    /// ```
    /// # use larder_store::{EngineStore, Expiry, Store};
    /// # use std::time::Duration;
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// # let store = EngineStore::with_bytes(1 << 20, || 0)?;
    /// assert!(!store.exists(b"k").await?);
    /// # Ok::<(), larder_store::Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn exists<'a>(&'a self, key: &'a [u8]) -> Pending<'a, bool>;

    /// How long an entry has left until it is gone; `None` if there is none.
    ///
    /// ```
    /// # use larder_store::{EngineStore, Expiry, Store};
    /// # use std::time::Duration;
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// # let store = EngineStore::with_bytes(1 << 20, || 0)?;
    /// assert_eq!(store.remaining(b"k").await?, None);
    /// # Ok::<(), larder_store::Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn remaining<'a>(&'a self, key: &'a [u8]) -> Pending<'a, Option<Remaining>>;

    /// Sets how long an entry is fresh, counted from now, `None` for ever; false if there is no entry. A place that does not
    /// tell answers true. A stale window keeps its length; a stale entry does not become fresh again: that is refused.
    ///
    /// ```
    /// # use larder_store::{EngineStore, Expiry, Store};
    /// # use std::time::Duration;
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// # let store = EngineStore::with_bytes(1 << 20, || 0)?;
    /// assert!(!store.set_ttl(b"k", Some(Duration::from_secs(60))).await?);
    /// # Ok::<(), larder_store::Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn set_ttl<'a>(&'a self, key: &'a [u8], ttl: Option<Duration>) -> Pending<'a, bool>;

    /// Tries to take the lock of a key without waiting; `None` if somebody else holds it. It falls open after `hold` if it is
    /// not released before. Locks and entries do not touch each other.
    ///
    /// ```
    /// # use larder_store::{EngineStore, Expiry, Store};
    /// # use std::time::Duration;
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// # let store = EngineStore::with_bytes(1 << 20, || 0)?;
    /// let token = store.lock(b"k", Duration::from_secs(30)).await?.expect("nobody holds it");
    /// assert_eq!(store.lock(b"k", Duration::from_secs(30)).await?, None);
    /// # Ok::<(), larder_store::Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn lock<'a>(&'a self, key: &'a [u8], hold: Duration) -> Pending<'a, Option<LockToken>>;

    /// Releases a lock; false if the token does not hold it (any more).
    ///
    /// ```
    /// # use larder_store::{EngineStore, Expiry, Store};
    /// # use std::time::Duration;
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// # let store = EngineStore::with_bytes(1 << 20, || 0)?;
    /// if let Some(token) = store.lock(b"k", Duration::from_secs(30)).await? {
    ///     assert!(store.unlock(b"k", &token).await?);
    /// }
    /// # Ok::<(), larder_store::Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn unlock<'a>(&'a self, key: &'a [u8], token: &'a LockToken) -> Pending<'a, bool>;

    /// Asks the place whether it is there and well.
    ///
    /// ```
    /// # use larder_store::{EngineStore, Expiry, Store};
    /// # use std::time::Duration;
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// # let store = EngineStore::with_bytes(1 << 20, || 0)?;
    /// store.health().await?;
    /// # Ok::<(), larder_store::Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn health(&self) -> Pending<'_, Health>;
}

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        impl<S: Store + ?Sized> Store for $pointer {
            fn name(&self) -> &str {
                (**self).name()
            }
            fn capabilities(&self) -> Capabilities {
                (**self).capabilities()
            }
            fn get<'a>(&'a self, key: &'a [u8]) -> Pending<'a, Option<Found>> {
                (**self).get(key)
            }
            fn get_uncopied<'a>(&'a self, key: &'a [u8]) -> Pending<'a, Option<Found>> {
                (**self).get_uncopied(key)
            }
            fn set<'a>(&'a self, key: &'a [u8], value: Bytes, expiry: Expiry) -> Pending<'a, ()> {
                (**self).set(key, value, expiry)
            }
            fn delete<'a>(&'a self, key: &'a [u8]) -> Pending<'a, bool> {
                (**self).delete(key)
            }
            fn exists<'a>(&'a self, key: &'a [u8]) -> Pending<'a, bool> {
                (**self).exists(key)
            }
            fn remaining<'a>(&'a self, key: &'a [u8]) -> Pending<'a, Option<Remaining>> {
                (**self).remaining(key)
            }
            fn set_ttl<'a>(&'a self, key: &'a [u8], ttl: Option<Duration>) -> Pending<'a, bool> {
                (**self).set_ttl(key, ttl)
            }
            fn lock<'a>(&'a self, key: &'a [u8], hold: Duration) -> Pending<'a, Option<LockToken>> {
                (**self).lock(key, hold)
            }
            fn unlock<'a>(&'a self, key: &'a [u8], token: &'a LockToken) -> Pending<'a, bool> {
                (**self).unlock(key, token)
            }
            fn health(&self) -> Pending<'_, Health> {
                (**self).health()
            }
        }
    )*};
}

forward!(&S, Box<S>, Arc<S>);

/// Sockets, timers and threads for what blocks are tokio's: without its runtime there is an error, not a panic.
#[cfg(any(
    feature = "file",
    feature = "memcached",
    feature = "paper",
    feature = "redis",
    feature = "rest",
    feature = "seriput"
))]
pub(crate) fn on_runtime() -> Result<(), crate::Fault> {
    let runtime = tokio::runtime::Handle::try_current();
    runtime
        .map(drop)
        .map_err(|_| crate::Fault::Unsupported("it needs a tokio runtime, and this thread is on none"))
}

/// An answer of the store `name` to a call about `key`, which is refused first if it breaks the rules.
#[cfg(any(
    feature = "file",
    feature = "memcached",
    feature = "paper",
    feature = "redis",
    feature = "rest",
    feature = "seriput"
))]
pub(crate) fn answer<'a, T: Send + 'a>(
    name: &'a Arc<str>,
    rules: crate::KeyRules,
    operation: crate::Operation,
    key: &[u8],
    call: impl Future<Output = Result<T, crate::Fault>> + Send + 'a,
) -> Pending<'a, T> {
    let checked = rules.check(key);
    let call = async move {
        checked?;
        call.await
    };
    Box::pin(
        async move { call.await.map_err(|fault: crate::Fault| Error::new(name.clone(), operation, fault)) },
    )
}

/// The answer that the store `name` cannot do this.
#[cfg(any(feature = "memcached", feature = "paper", feature = "file", feature = "seriput"))]
pub(crate) fn unsupported<'a, T: Send + 'a>(
    name: &Arc<str>,
    operation: crate::Operation,
    why: &'static str,
) -> Pending<'a, T> {
    let error = Error::new(name.clone(), operation, crate::Fault::Unsupported(why));
    Box::pin(std::future::ready(Err(error)))
}
