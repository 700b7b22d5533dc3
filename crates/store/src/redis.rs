//! Redis or Valkey, one server or a cluster (`spec/cachekit.md`, section 7). Entries are plain strings, a lock is the string
//! `{key}:lock`, as other CacheKit SDKs have them; times are exact to a millisecond. How it is reached is in `redis/link.rs`.

mod link;

use crate::capabilities::{Capabilities, KeyRules};
use crate::entry::{Expiry, Found, Freshness, Health, LockToken, Remaining};
use crate::error::{Error, Fault, Operation};
use crate::gate::Gate;
use crate::limits::Limits;
use crate::store::{Pending, Store, answer};
use bytes::Bytes;
use link::{Link, shown};
use redis::{Cmd, FromRedisValue, Pipeline, cmd, pipe};
use std::sync::Arc;
use std::time::Duration;

/// What a server stores at most.
const VALUE_BYTES_MAX: u64 = 512 << 20;

/// Longest time to live in milliseconds that a server takes whatever the date, some 140,000 years.
const TTL_MS_MAX: u64 = 1 << 52;

/// What PTTL says where there is no entry.
const PTTL_OF_NONE: i64 = -2;

/// Deletes a lock only if it is still the caller's.
const RELEASE: &str =
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) else return 0 end";

/// What a store on Redis can be told beside its address. [`Limits`] alone will do wherever these are wanted.
///
/// ```no_run
/// use larder_store::{Limits, RedisOptions, RedisStore};
///
/// # fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let ca_pem = Some(std::fs::read("ca.pem")?.into());
/// let store = RedisStore::new("rediss://cache.example.org", RedisOptions { ca_pem, ..RedisOptions::default() })?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct RedisOptions {
    /// Limits on connections, time and size.
    pub limits: Limits,
    /// The certificate authorities to be trusted, as PEM, instead of the system's; for `rediss://`.
    pub ca_pem: Option<Bytes>,
}

impl From<Limits> for RedisOptions {
    fn from(limits: Limits) -> Self {
        Self { limits, ca_pem: None }
    }
}

/// Redis or Valkey.
///
/// Of a value above [`Limits::value_bytes_max`] one byte more than that is asked for, whatever its length: it is refused without having been
/// in memory. Values are read with GETRANGE for that, which a user of the server must be allowed beside PTTL, STRLEN and MULTI.
///
/// ```no_run
/// use larder_store::{Expiry, Limits, RedisStore, Store};
/// use std::time::Duration;
///
/// # async fn example() -> Result<(), larder_store::Error> {
/// let store = RedisStore::new("redis://:password@127.0.0.1:6379/0", Limits::default())?;
/// store.set(b"greeting", "hello".into(), Expiry::after(Duration::from_secs(60))).await?;
/// if let Some(token) = store.lock(b"greeting", Duration::from_secs(5)).await? {
///     store.unlock(b"greeting", &token).await?;
/// }
/// # Ok(())
/// # }
/// ```
pub struct RedisStore {
    name: Arc<str>,
    link: Link,
    gate: Gate,
    capabilities: Capabilities,
}

impl RedisStore {
    /// A store on one server, `redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]`, or `rediss://` for TLS. Nothing is sent yet. The
    /// calls of a store share a few connections, each with many under way.
    ///
    /// TLS is rustls, with the process's cryptography if one was chosen and aws-lc otherwise.
    ///
    /// # Errors
    /// [`Fault::Address`]; [`Fault::Refused`] for certificates that are none.
    ///
    /// ```
    /// use larder_store::{Limits, RedisStore, Store};
    ///
    /// let store = RedisStore::new("redis://:secret@localhost", Limits::default())?;
    /// assert_eq!(store.name(), "redis://localhost:6379/0");
    /// # Ok::<(), larder_store::Error>(())
    /// ```
    pub fn new(url: &str, options: impl Into<RedisOptions>) -> Result<Self, Error> {
        Self::open(std::slice::from_ref(&url), Link::single, &options.into())
    }

    /// A store on a cluster, known by some of its nodes, each as for [`new`](Self::new). Others are found from there.
    /// Over TLS each node's certificate is to be for the address that the node announces (`cluster-announce-ip`).
    ///
    /// # Errors
    /// As there.
    ///
    /// ```
    /// use larder_store::{Limits, RedisStore};
    ///
    /// let nodes = ["redis://10.0.0.1:6379", "redis://10.0.0.2:6379"];
    /// assert!(RedisStore::cluster(&nodes, Limits::default()).is_ok());
    /// assert!(RedisStore::cluster(&[], Limits::default()).is_err());
    /// ```
    pub fn cluster(urls: &[&str], options: impl Into<RedisOptions>) -> Result<Self, Error> {
        Self::open(urls, Link::cluster, &options.into())
    }

    fn open(
        urls: &[&str],
        link: impl FnOnce(&[&str], &RedisOptions) -> Result<Link, Fault>,
        options: &RedisOptions,
    ) -> Result<Self, Error> {
        let (name, limits): (Arc<str>, _) = (shown(urls).into(), options.limits);
        let link = link(urls, options).map_err(|fault| Error::new(name.clone(), Operation::Open, fault))?;
        // A connection has many calls under way: the limit is on calls, as many as would wait elsewhere.
        let at_once = limits.connections_max.saturating_add(limits.waiting_max);
        Ok(Self {
            name,
            link,
            gate: Gate::new(at_once, &Limits { waiting_max: 0, ..limits }),
            capabilities: Capabilities {
                ttl_query: true,
                ttl_update: true,
                locks: true,
                shared: true,
                value_bytes_max: Some(limits.value_bytes_max.min(VALUE_BYTES_MAX)),
                ttl_step: Duration::from_millis(1),
                ..Capabilities::plain(KeyRules { empty: true, ..KeyRules::ANY })
            },
        })
    }

    /// The command that reads a value, or one byte too much of one that is too large. It reads nothing where there is no entry.
    fn read(&self, key: &[u8]) -> Cmd {
        let mut command = cmd("GETRANGE");
        command.arg(key).arg(0).arg(self.value_bytes_max());
        command
    }

    /// A value with the time that is left, so that a copy of the entry does not outlive it.
    async fn read_timed(&self, key: &[u8]) -> Result<Option<Found>, Fault> {
        let mut commands = pipe();
        commands.add_command(self.read(key)).cmd("PTTL").arg(key);
        let (mut value, mut pttl): (Vec<u8>, i64) = self.ask_all(&commands).await?;
        if value.is_empty() && pttl != PTTL_OF_NONE {
            // An empty value, unless an entry came after its value was read: which of them, one moment tells.
            (value, pttl) = self.ask_all(commands.atomic()).await?;
        }
        if value.is_empty() && pttl == PTTL_OF_NONE {
            return Ok(None);
        }
        let fresh_for = remaining(pttl).map_or(Some(Duration::ZERO), Remaining::at_most);
        self.found(key, value, Freshness::Fresh { fresh_for }).await.map(Some)
    }

    /// A value that was read, unless it is too large to be taken.
    async fn found(&self, key: &[u8], value: Vec<u8>, freshness: Freshness) -> Result<Found, Fault> {
        let (read, max) = (value.len() as u64, self.value_bytes_max());
        if read <= max {
            return Ok(Found { bytes: value.into(), freshness });
        }
        drop(value);
        // It may have been replaced since then, and it was too large even if nobody says by how much.
        let len: u64 = self.ask(cmd("STRLEN").arg(key)).await.unwrap_or(read);
        Err(Fault::AnswerTooLarge { len: len.max(read), max })
    }

    fn value_bytes_max(&self) -> u64 {
        self.capabilities.value_bytes_max.unwrap_or(VALUE_BYTES_MAX)
    }

    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Fault> {
        let mut pipeline = Pipeline::new();
        pipeline.add_command(command.clone());
        let (answer,): (T,) = self.ask_all(&pipeline).await?;
        Ok(answer)
    }

    /// Sends commands about one key together.
    async fn ask_all<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, Fault> {
        self.link.ask(commands).await
    }

    fn call<'a, T: Send + 'a>(
        &'a self,
        operation: Operation,
        key: &[u8],
        call: impl Future<Output = Result<T, Fault>> + Send + 'a,
    ) -> Pending<'a, T> {
        answer(&self.name, self.capabilities.keys, operation, key, self.gate.pass_untimed(call))
    }
}

fn lock_name(key: &[u8]) -> Vec<u8> {
    [key, b":lock"].concat()
}

/// A duration in milliseconds, rounded up.
fn ms(duration: Duration) -> Result<u64, Fault> {
    match u64::try_from(duration.as_nanos().div_ceil(1_000_000)) {
        Ok(0) => Err(Fault::Expiry("it is zero".to_owned())),
        Ok(ms) => Ok(ms.min(TTL_MS_MAX)),
        Err(_) => Ok(TTL_MS_MAX),
    }
}

/// What PTTL says: nothing for no entry, and -1 for one that does not expire.
fn remaining(pttl: i64) -> Option<Remaining> {
    match u64::try_from(pttl) {
        Ok(ms) => Some(Remaining::For(Duration::from_millis(ms))),
        Err(_) => (pttl == -1).then_some(Remaining::Forever),
    }
}

impl Store for RedisStore {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn get<'a>(&'a self, key: &'a [u8]) -> Pending<'a, Option<Found>> {
        self.call(Operation::Get, key, self.read_timed(key))
    }

    fn get_uncopied<'a>(&'a self, key: &'a [u8]) -> Pending<'a, Option<Found>> {
        self.call(Operation::Get, key, async move {
            let value: Vec<u8> = self.ask(&self.read(key)).await?;
            if !value.is_empty() {
                return self.found(key, value, Freshness::UNBOUNDED).await.map(Some);
            }
            // An empty value or no entry.
            let found = self.read_timed(key).await?;
            Ok(found.map(|found| Found { freshness: Freshness::UNBOUNDED, ..found }))
        })
    }

    fn set<'a>(&'a self, key: &'a [u8], value: Bytes, expiry: Expiry) -> Pending<'a, ()> {
        self.call(Operation::Set, key, async move {
            let (len, max) = (value.len() as u64, self.value_bytes_max());
            if len > max {
                return Err(Fault::ValueTooLarge { len, max });
            }
            let mut command = cmd("SET");
            command.arg(key).arg(&value[..]);
            if let Some(ttl) = expiry.ttl() {
                command.arg("PX").arg(ms(ttl)?);
            }
            self.ask(&command).await
        })
    }

    fn delete<'a>(&'a self, key: &'a [u8]) -> Pending<'a, bool> {
        self.call(Operation::Delete, key, async move { self.ask(cmd("DEL").arg(key)).await })
    }

    fn exists<'a>(&'a self, key: &'a [u8]) -> Pending<'a, bool> {
        self.call(Operation::Exists, key, async move { self.ask(cmd("EXISTS").arg(key)).await })
    }

    fn remaining<'a>(&'a self, key: &'a [u8]) -> Pending<'a, Option<Remaining>> {
        self.call(
            Operation::Remaining,
            key,
            async move { Ok(remaining(self.ask(cmd("PTTL").arg(key)).await?)) },
        )
    }

    fn set_ttl<'a>(&'a self, key: &'a [u8], ttl: Option<Duration>) -> Pending<'a, bool> {
        self.call(Operation::SetTtl, key, async move {
            match ttl {
                Some(ttl) => self.ask(cmd("PEXPIRE").arg(key).arg(ms(ttl)?)).await,
                None => {
                    // PERSIST does not tell an entry that never expires from none.
                    let mut commands = pipe();
                    commands.cmd("PERSIST").arg(key).ignore().cmd("EXISTS").arg(key);
                    let (exists,): (bool,) = self.ask_all(&commands).await?;
                    Ok(exists)
                }
            }
        })
    }

    fn lock<'a>(&'a self, key: &'a [u8], hold: Duration) -> Pending<'a, Option<LockToken>> {
        self.call(Operation::Lock, key, async move {
            let token = LockToken::random();
            let mut command = cmd("SET");
            command.arg(lock_name(key)).arg(token.as_str()).arg("NX").arg("PX").arg(ms(hold)?);
            let taken: Option<String> = self.ask(&command).await?;
            Ok(taken.map(|_| token))
        })
    }

    fn unlock<'a>(&'a self, key: &'a [u8], token: &'a LockToken) -> Pending<'a, bool> {
        self.call(Operation::Unlock, key, async move {
            let mut command = cmd("EVAL");
            command.arg(RELEASE).arg(1).arg(lock_name(key)).arg(token.as_str());
            self.ask(&command).await
        })
    }

    fn health(&self) -> Pending<'_, Health> {
        let call = async move {
            self.ask::<()>(&cmd("PING")).await?;
            Ok(Health { version: self.link.version().await })
        };
        let fail = |fault| Error::new(self.name.clone(), Operation::Health, fault);
        Box::pin(async move { self.gate.pass_untimed(call).await.map_err(fail) })
    }
}
