//! The CacheKit REST API (`spec/cachekit.md`, section 6): one tenant of a Larder server, or of any other that speaks it. What a
//! call is, is here; how it travels is in `rest/http.rs`.

mod http;
mod session;

use crate::capabilities::{Capabilities, KeyRules};
use crate::entry::{Expiry, Found, Health, LockToken, Remaining};
use crate::error::{Error, Fault, Operation};
use crate::freshness::{FRESH_FOR, FRESHNESS, TTL_S_MAX, read_freshness};
use crate::gate::Gate;
use crate::host::Hosts;
use crate::limits::Limits;
use crate::path::{ENCODABLE, path_segment};
use crate::store::{Pending, Store, answer};
use bytes::Bytes;
use http::{Answer, Http};
use reqwest::{Method, RequestBuilder, StatusCode};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Longest key in bytes: what servers take.
const KEY_BYTES_MAX: usize = 400;
/// Longest answer in bytes that is not a value.
const TEXT_BYTES_MAX: u64 = 64 << 10;

const TTL: &str = "x-cachekit-ttl";
const STALE_TTL: &str = "x-cachekit-stale-ttl";
const LOCK_ID: &str = "x-cachekit-lock-id";

/// What a near cache in front of the store is to tell the server of itself.
///
/// ```
/// use larder_store::{NearCache, RestOptions};
///
/// let options = RestOptions::new("https://cache.example.org", "ck_live_0123");
/// let options = RestOptions { near_cache: NearCache::Missed, ..options };
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NearCache {
    /// There is none.
    #[default]
    Disabled,
    /// There is one, and a call means that it did not have the entry.
    Missed,
}

/// Where the API is, and how to talk to it.
///
/// ```
/// use larder_store::{Hosts, RestOptions, RestStore};
///
/// let options = RestOptions::new("https://cache.example.org", "ck_live_0123");
/// assert!(RestStore::new(options).is_ok());
///
/// // A server of one's own, without TLS, is to be allowed by name or by number.
/// let own = RestOptions::new("http://127.0.0.1:3147", "ck_live_0123");
/// assert!(RestStore::new(own.clone()).is_err());
/// assert!(RestStore::new(RestOptions { hosts: Hosts::Private, ..own }).is_ok());
/// ```
#[derive(Clone)]
pub struct RestOptions {
    /// `https://HOST[:PORT][/PREFIX]`; `http://` for private hosts that are allowed.
    pub url: String,
    /// The key that says which tenant this is.
    pub api_key: String,
    /// Limits on connections, time and size.
    pub limits: Limits,
    /// Which hosts may be talked to.
    pub hosts: Hosts,
    /// The certificate authorities to be trusted, as PEM; those of the system if there are none.
    pub ca_pem: Option<Bytes>,
    /// What is told of the near cache.
    pub near_cache: NearCache,
}

impl RestOptions {
    /// Options with the default limits, for public hosts.
    ///
    /// ```
    /// use larder_store::{Hosts, RestOptions};
    ///
    /// assert_eq!(RestOptions::new("https://cache.example.org", "ck_live_0123").hosts, Hosts::Public);
    /// ```
    #[must_use]
    pub fn new(url: impl Into<String>, api_key: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            api_key: api_key.into(),
            limits: Limits::default(),
            hosts: Hosts::default(),
            ca_pem: None,
            near_cache: NearCache::default(),
        }
    }
}

impl fmt::Debug for RestOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RestOptions")
            .field("url", &self.url)
            .field("limits", &self.limits)
            .field("hosts", &self.hosts)
            .finish_non_exhaustive()
    }
}

/// A tenant of a server that speaks the CacheKit REST API.
///
/// `delete` and `set_ttl` answer true whether or not there was an entry, since servers do not tell. Redirects are not followed.
///
/// ```no_run
/// use larder_store::{Expiry, RestOptions, RestStore, Store};
/// use std::time::Duration;
///
/// # async fn example() -> Result<(), larder_store::Error> {
/// let store = RestStore::new(RestOptions::new("https://cache.example.org", "ck_live_0123"))?;
/// let minute = Duration::from_secs(60);
/// store.set(b"users:1", "Ada".into(), Expiry::after(minute).and_stale_for(minute)).await?;
/// let found = store.get(b"users:1").await?;
/// # Ok(())
/// # }
/// ```
pub struct RestStore {
    name: Arc<str>,
    http: Http,
    gate: Gate,
    capabilities: Capabilities,
}

impl RestStore {
    /// A store; nothing is sent yet. Its connections will belong to the runtime that they are opened on.
    ///
    /// ```
    /// use larder_store::{Class, RestOptions, RestStore};
    ///
    /// let store = RestStore::new(RestOptions::new("https://cache.example.org", "ck_live_0123"))?;
    /// let inside = RestStore::new(RestOptions::new("https://169.254.169.254", "ck_live_0123"));
    /// assert_eq!(inside.err().map(|error| error.class()), Some(Class::Permanent));
    /// # Ok::<(), larder_store::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Fault::Address`] for a URL that is none, or a host that is not allowed; [`Fault::Unauthorized`] for a key that no server
    /// could have given; [`Fault::Refused`] for certificates that are none.
    pub fn new(options: RestOptions) -> Result<Self, Error> {
        let limits = options.limits;
        let http = Http::new(&options)
            .map_err(|fault| Error::new(http::shown(&options.url), Operation::Open, fault))?;
        let keys = KeyRules { bytes_max: KEY_BYTES_MAX, ..ENCODABLE };
        Ok(Self {
            name: http.name().into(),
            http,
            gate: Gate::new(limits.connections_max, &limits),
            capabilities: Capabilities {
                ttl_query: true,
                ttl_update: true,
                locks: true,
                stale_window: true,
                tells_missing: false,
                shared: true,
                value_bytes_max: Some(limits.value_bytes_max),
                ttl_max: Some(Duration::from_secs(TTL_S_MAX.into())),
                ..Capabilities::plain(keys)
            },
        })
    }

    fn call<'a, T: Send + 'a>(
        &'a self,
        operation: Operation,
        key: &'a [u8],
        call: impl Future<Output = Result<T, Fault>> + Send + 'a,
    ) -> Pending<'a, T> {
        answer(&self.name, self.capabilities.keys, operation, key, self.gate.pass(call))
    }

    /// A request about a key, or about a part of it.
    fn request(&self, method: Method, key: &[u8], part: &str) -> Result<RequestBuilder, Fault> {
        Ok(self.http.request(method, &format!("{}{part}", path_segment(key)?)))
    }

    /// Sends a request whose answer is short.
    async fn short(&self, request: RequestBuilder) -> Result<Answer, Fault> {
        self.http.send(request, TEXT_BYTES_MAX).await
    }
}

/// A time to live in the whole seconds that the API takes, rounded up.
fn seconds(ttl: Duration) -> Result<u64, Fault> {
    let seconds = ttl.as_nanos().div_ceil(1_000_000_000);
    match u64::try_from(seconds) {
        Ok(seconds) if (1..=u64::from(TTL_S_MAX)).contains(&seconds) => Ok(seconds),
        _ => Err(Fault::Expiry(format!("{seconds} s; 1 to {TTL_S_MAX} s are possible"))),
    }
}

/// The time to live and the stale window of an entry in seconds.
fn timing(expiry: Expiry) -> Result<Option<(u64, u64)>, Fault> {
    let Some(ttl) = expiry.ttl() else { return Ok(None) };
    let fresh = seconds(ttl)?;
    if expiry.stale().is_zero() {
        return Ok(Some((fresh, 0)));
    }
    let stale = seconds(expiry.stale())?;
    if fresh + stale > u64::from(TTL_S_MAX) {
        return Err(Fault::Expiry(format!(
            "{fresh} s and {stale} s stale; {TTL_S_MAX} s in all are possible"
        )));
    }
    Ok(Some((fresh, stale)))
}

impl Store for RestStore {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn get<'a>(&'a self, key: &'a [u8]) -> Pending<'a, Option<Found>> {
        self.call(Operation::Get, key, async move {
            let max = self.capabilities.value_bytes_max.unwrap_or(u64::MAX);
            let answer = self.http.send(self.request(Method::GET, key, "")?, max).await?;
            if answer.status == StatusCode::NOT_FOUND {
                return Ok(None);
            }
            answer.success()?;
            let freshness = read_freshness(answer.values(FRESHNESS), answer.values(FRESH_FOR));
            Ok(Some(Found { bytes: answer.body, freshness }))
        })
    }

    fn set<'a>(&'a self, key: &'a [u8], value: Bytes, expiry: Expiry) -> Pending<'a, ()> {
        self.call(Operation::Set, key, async move {
            let (len, max) = (value.len() as u64, self.capabilities.value_bytes_max.unwrap_or(u64::MAX));
            if len > max {
                return Err(Fault::ValueTooLarge { len, max });
            }
            let mut request = self.request(Method::PUT, key, "")?;
            if let Some((fresh, stale)) = timing(expiry)? {
                request = request.header(TTL, fresh);
                if stale > 0 {
                    request = request.header(STALE_TTL, stale);
                }
            }
            if len == 0 {
                // Left out otherwise, and some servers insist on it.
                request = request.header("content-length", 0);
            }
            request = request.header("content-type", "application/octet-stream").body(value);
            self.short(request).await?.success()
        })
    }

    fn delete<'a>(&'a self, key: &'a [u8]) -> Pending<'a, bool> {
        self.call(Operation::Delete, key, async move {
            let answer = self.short(self.request(Method::DELETE, key, "")?).await?;
            if answer.status == StatusCode::NOT_FOUND {
                return Ok(false);
            }
            answer.success().map(|()| true)
        })
    }

    fn exists<'a>(&'a self, key: &'a [u8]) -> Pending<'a, bool> {
        self.call(Operation::Exists, key, async move {
            let answer = self.short(self.request(Method::HEAD, key, "")?).await?;
            if answer.status == StatusCode::NOT_FOUND {
                return Ok(false);
            }
            answer.success().map(|()| true)
        })
    }

    fn remaining<'a>(&'a self, key: &'a [u8]) -> Pending<'a, Option<Remaining>> {
        self.call(Operation::Remaining, key, async move {
            let answer = self.short(self.request(Method::GET, key, "/ttl")?).await?;
            if answer.status == StatusCode::NOT_FOUND {
                return Ok(None);
            }
            answer.success()?;
            match answer.json()?.get("ttl") {
                Some(serde_json::Value::Null) => Ok(Some(Remaining::Forever)),
                Some(ttl) => match ttl.as_u64() {
                    Some(seconds) => Ok(Some(Remaining::For(Duration::from_secs(seconds)))),
                    None => Err(Fault::NotTheProtocol(format!("a time to live of {ttl}"))),
                },
                None => Err(Fault::NotTheProtocol("an object without \"ttl\"".to_owned())),
            }
        })
    }

    fn set_ttl<'a>(&'a self, key: &'a [u8], ttl: Option<Duration>) -> Pending<'a, bool> {
        self.call(Operation::SetTtl, key, async move {
            let Some(ttl) = ttl else {
                return Err(Fault::Unsupported("a time to live cannot be taken away; set the value anew"));
            };
            let body = format!("{{\"ttl\":{}}}", seconds(ttl)?);
            let request =
                self.request(Method::PATCH, key, "/ttl")?.header("content-type", "application/json");
            let answer = self.short(request.body(body)).await?;
            if answer.status == StatusCode::NOT_FOUND {
                return Ok(false);
            }
            answer.success().map(|()| true)
        })
    }

    fn lock<'a>(&'a self, key: &'a [u8], hold: Duration) -> Pending<'a, Option<LockToken>> {
        self.call(Operation::Lock, key, async move {
            let hold_ms = hold.as_nanos().div_ceil(1_000_000);
            if hold_ms == 0 {
                return Err(Fault::Expiry("a lock of no duration".to_owned()));
            }
            let body = format!("{{\"timeout_ms\":{hold_ms}}}");
            let request =
                self.request(Method::POST, key, "/lock")?.header("content-type", "application/json");
            let answer = self.short(request.body(body)).await?;
            if answer.status == StatusCode::CONFLICT {
                return Ok(None);
            }
            answer.success()?;
            match answer.json()?.get("lock_id") {
                Some(serde_json::Value::Null) => Ok(None),
                Some(serde_json::Value::String(token)) if !token.is_empty() => {
                    Ok(Some(LockToken::new(token)))
                }
                _ => Err(Fault::NotTheProtocol("an object without a \"lock_id\" that is one".to_owned())),
            }
        })
    }

    fn unlock<'a>(&'a self, key: &'a [u8], token: &'a LockToken) -> Pending<'a, bool> {
        self.call(Operation::Unlock, key, async move {
            let request = self.request(Method::DELETE, key, "/lock")?.header(LOCK_ID, token.as_str());
            let answer = self.short(request).await?;
            if matches!(answer.status, StatusCode::NOT_FOUND | StatusCode::CONFLICT) {
                return Ok(false);
            }
            answer.success()?;
            // A server that answers any token alike says in its body whether this one held the lock.
            let said = answer.json().ok();
            Ok(!said.is_some_and(|said| said.get("success") == Some(&serde_json::Value::Bool(false))))
        })
    }

    fn health(&self) -> Pending<'_, Health> {
        let call = async move {
            let answer = self.short(self.http.request(Method::GET, "health")).await?;
            answer.success()?;
            let version =
                answer.json()?.get("version").and_then(|version| version.as_str().map(str::to_owned));
            Ok(Health { version })
        };
        let fail = |fault| Error::new(self.name.clone(), Operation::Health, fault);
        Box::pin(async move { self.gate.pass(call).await.map_err(fail) })
    }
}
