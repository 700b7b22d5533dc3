//! memcached over its text protocol (`spec/cachekit.md`, section 7). Keys of 250 printable bytes, values of 1 MiB, times to live
//! of 30 days at most in whole seconds, which cannot be asked for; no locks.

mod reply;

use crate::capabilities::{Capabilities, KeyAlphabet, KeyRules};
use crate::entry::{Expiry, Found, Health, LockToken, Remaining};
use crate::error::{Error, Fault, Operation};
use crate::limits::Limits;
use crate::store::{Pending, Store, answer, unsupported};
use crate::tcp::{NoGreeting, Pool, Progress, host_and_port};
use bytes::Bytes;
use reply::{Said, read_get, read_line};
use std::sync::Arc;
use std::time::Duration;

const SCHEME: &str = "memcached";

/// Longest key in bytes.
const KEY_BYTES_MAX: usize = 250;
/// Longest value in bytes.
const VALUE_BYTES_MAX: u64 = 1 << 20;
/// Longest time to live in seconds: above, the server takes the number for a date.
const TTL_S_MAX: u64 = 2_592_000;

const KEYS: KeyRules =
    KeyRules { empty: false, bytes_max: KEY_BYTES_MAX, alphabet: KeyAlphabet::Graphic, reserved: &[] };

/// A memcached server.
///
/// A time to live above 30 days becomes one of 30 days.
///
/// ```no_run
/// use larder_store::{Expiry, Limits, MemcachedStore, Store};
/// use std::time::Duration;
///
/// # async fn example() -> Result<(), larder_store::Error> {
/// let store = MemcachedStore::new("memcached://127.0.0.1:11211", Limits::default())?;
/// store.set(b"greeting", "hello".into(), Expiry::after(Duration::from_secs(60))).await?;
/// assert!(store.set_ttl(b"greeting", Some(Duration::from_secs(600))).await?);
/// # Ok(())
/// # }
/// ```
pub struct MemcachedStore {
    name: Arc<str>,
    pool: Pool<NoGreeting>,
    capabilities: Capabilities,
}

impl MemcachedStore {
    /// A store at `HOST:PORT`, or `memcached://HOST:PORT`. Nothing is sent yet.
    ///
    /// # Errors
    /// [`Fault::Address`].
    ///
    /// ```
    /// use larder_store::{Limits, MemcachedStore, Store};
    ///
    /// let store = MemcachedStore::new("localhost:11211", Limits::default())?;
    /// assert_eq!(store.capabilities().keys.bytes_max, 250);
    /// # Ok::<(), larder_store::Error>(())
    /// ```
    pub fn new(address: &str, limits: Limits) -> Result<Self, Error> {
        let address =
            host_and_port(SCHEME, address).map_err(|fault| Error::new(SCHEME, Operation::Open, fault))?;
        Ok(Self {
            name: format!("{SCHEME}://{address}").into(),
            pool: Pool::new(address, NoGreeting, limits),
            capabilities: Capabilities {
                ttl_update: true,
                shared: true,
                value_bytes_max: Some(limits.value_bytes_max.min(VALUE_BYTES_MAX)),
                ttl_max: Some(Duration::from_secs(TTL_S_MAX)),
                ..Capabilities::plain(KEYS)
            },
        })
    }

    /// Sends a command whose answer is a line.
    async fn line(&self, command: &[u8]) -> Result<Said, Fault> {
        Ok(self.pool.call(command, read_line).await?.0)
    }

    async fn value_of(&self, key: &[u8]) -> Result<Option<Bytes>, Fault> {
        let max = self.capabilities.value_bytes_max.unwrap_or(VALUE_BYTES_MAX);
        let command = [b"get ", key, b"\r\n"].concat();
        let read = |input: &[u8]| -> Result<Progress<_>, Fault> { read_get(input, key, max) };
        let (place, reply) = self.pool.call(&command, read).await?;
        match place {
            Ok(place) => Ok(place.map(|place| reply.slice(place))),
            Err(said) => Err(unexpected(said)),
        }
    }

    fn call<'a, T: Send + 'a>(
        &'a self,
        operation: Operation,
        key: &'a [u8],
        call: impl Future<Output = Result<T, Fault>> + Send + 'a,
    ) -> Pending<'a, T> {
        answer(&self.name, KEYS, operation, key, call)
    }
}

/// An answer that is not among those to the command.
fn unexpected(said: Said) -> Fault {
    match said {
        Said::Failed(reason) => Fault::Failed { reason, retry_after: None },
        Said::Refused(reason) => Fault::Refused(reason),
        other => Fault::NotTheProtocol(format!("{other:?}")),
    }
}

/// A time to live in whole seconds, rounded up; 0 for none.
fn seconds(ttl: Option<Duration>) -> Result<u64, Fault> {
    let Some(ttl) = ttl else { return Ok(0) };
    match u64::try_from(ttl.as_nanos().div_ceil(1_000_000_000)) {
        Ok(0) => Err(Fault::Expiry("it is zero".to_owned())),
        Ok(seconds) => Ok(seconds.min(TTL_S_MAX)),
        Err(_) => Ok(TTL_S_MAX),
    }
}

impl Store for MemcachedStore {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn get<'a>(&'a self, key: &'a [u8]) -> Pending<'a, Option<Found>> {
        self.call(Operation::Get, key, async move { Ok(self.value_of(key).await?.map(Found::fresh)) })
    }

    fn set<'a>(&'a self, key: &'a [u8], value: Bytes, expiry: Expiry) -> Pending<'a, ()> {
        self.call(Operation::Set, key, async move {
            let (len, max) =
                (value.len() as u64, self.capabilities.value_bytes_max.unwrap_or(VALUE_BYTES_MAX));
            if len > max {
                return Err(Fault::ValueTooLarge { len, max });
            }
            let timing = format!(" 0 {} {len}\r\n", seconds(expiry.ttl())?);
            let command = [b"set ", key, timing.as_bytes(), &value, b"\r\n"].concat();
            match self.line(&command).await? {
                Said::Stored => Ok(()),
                Said::Failed(reason) if reason.contains("too large") => Err(Fault::Refused(reason)),
                other => Err(unexpected(other)),
            }
        })
    }

    fn delete<'a>(&'a self, key: &'a [u8]) -> Pending<'a, bool> {
        self.call(Operation::Delete, key, async move {
            match self.line(&[b"delete ", key, b"\r\n"].concat()).await? {
                Said::Deleted => Ok(true),
                Said::NotFound => Ok(false),
                other => Err(unexpected(other)),
            }
        })
    }

    fn exists<'a>(&'a self, key: &'a [u8]) -> Pending<'a, bool> {
        self.call(Operation::Exists, key, async move { Ok(self.value_of(key).await?.is_some()) })
    }

    fn remaining<'a>(&'a self, _: &'a [u8]) -> Pending<'a, Option<Remaining>> {
        unsupported(&self.name, Operation::Remaining, "memcached does not tell a time to live")
    }

    fn set_ttl<'a>(&'a self, key: &'a [u8], ttl: Option<Duration>) -> Pending<'a, bool> {
        self.call(Operation::SetTtl, key, async move {
            let timing = format!(" {}\r\n", seconds(ttl)?);
            match self.line(&[b"touch ", key, timing.as_bytes()].concat()).await? {
                Said::Touched => Ok(true),
                Said::NotFound => Ok(false),
                other => Err(unexpected(other)),
            }
        })
    }

    fn lock<'a>(&'a self, _: &'a [u8], _: Duration) -> Pending<'a, Option<LockToken>> {
        unsupported(&self.name, Operation::Lock, "memcached has no locks")
    }

    fn unlock<'a>(&'a self, _: &'a [u8], _: &'a LockToken) -> Pending<'a, bool> {
        unsupported(&self.name, Operation::Unlock, "memcached has no locks")
    }

    fn health(&self) -> Pending<'_, Health> {
        let call = async move {
            match self.line(b"version\r\n").await? {
                Said::Version(version) => Ok(Health { version: Some(version) }),
                other => Err(unexpected(other)),
            }
        };
        let fail = |fault| Error::new(self.name.clone(), Operation::Health, fault);
        Box::pin(async move { call.await.map_err(fail) })
    }
}
