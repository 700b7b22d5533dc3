//! How a cache is made: a store, a preset, and what is to be different from it. Contradictions are errors of
//! [`build`](Builder::build), not surprises later.

use std::sync::Arc;
use std::time::Duration;

use larder_cachekit::crypto::{DEFAULT_TENANT, Keyring};
use larder_store::{Expiry, Store};

use crate::cache::{Cache, Inner, OnForeign, Settings, expiry_within};
use crate::codec::{Cipher, Codec, Format};
use crate::error::{ConfigError, Error};
use crate::flight::Flights;
use crate::key;
use crate::layer::{Backoff, Breaker, CircuitOptions, Limit, LimitOptions, Retry};
use crate::limits::VALUE_BYTES_MAX;
use crate::near::{Near, NearOptions};
use crate::preset::Preset;
use crate::random::Random;
use crate::refresh::{RefreshOptions, Refreshes};
use crate::stampede::StampedeOptions;
use crate::stats::Counters;

/// The three layers that keep a store in bad health from hurting its callers, and the other way round.
///
/// ```
/// use larder_client::Reliability;
/// use larder_client::layer::Backoff;
///
/// let once = Reliability { retry: Backoff { tries_max: 1, ..Backoff::default() }, ..Reliability::default() };
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reliability {
    /// When a failed call is tried again.
    pub retry: Backoff,
    /// When calls are refused without a try.
    pub circuit: CircuitOptions,
    /// How many calls are under way.
    pub limit: LimitOptions,
}

/// Whether values are encrypted, as far as anybody has said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Intent {
    Unstated,
    Encrypt,
    Plain,
    /// Both were said.
    Contradictory,
}

impl Intent {
    fn and(self, said: Self) -> Self {
        match self {
            Self::Unstated => said,
            _ if self == said => said,
            _ => Self::Contradictory,
        }
    }
}

/// A cache in the making.
///
/// ```
/// use larder_client::{Cache, Format, NearOptions, store::{EngineStore, SystemClock}};
/// use std::time::Duration;
///
/// let cache = Cache::production(EngineStore::with_bytes(64 << 20, SystemClock)?)
///     .namespace("reports")
///     .ttl(Duration::from_secs(3600))
///     .near(NearOptions::bytes(16 << 20))
///     .format(Format::Envelope)
///     .build()?;
/// # Ok::<(), larder_client::Error>(())
/// ```
#[must_use]
pub struct Builder {
    store: Arc<dyn Store>,
    namespace: Option<String>,
    ttl: Option<Duration>,
    stale: Duration,
    near: Option<NearOptions>,
    refresh: Option<RefreshOptions>,
    negative_life: Option<Duration>,
    format: Format,
    value_bytes_max: usize,
    intent: Intent,
    keyring: Option<Keyring>,
    tenant: String,
    reliability: Option<Reliability>,
    fail_closed: Option<bool>,
    on_foreign: Option<OnForeign>,
    stampede: StampedeOptions,
    random: Random,
}

impl Cache {
    /// A cache with as little around the store as possible.
    ///
    /// ```
    /// # use larder_client::{Cache, store::{EngineStore, SystemClock}};
    /// # let store = EngineStore::with_bytes(1 << 20, SystemClock)?;
    /// let cache = Cache::minimal(store).build()?;
    /// assert!(cache.circuit().is_none());
    /// # Ok::<(), larder_client::Error>(())
    /// ```
    pub fn minimal(store: impl Store + 'static) -> Builder {
        Builder::new(store, Preset::Minimal)
    }

    /// A cache for services: refreshes ahead of expiry, retries, a circuit breaker, bounded concurrency.
    ///
    /// ```
    /// # use larder_client::{Cache, store::{EngineStore, SystemClock}};
    /// # let store = EngineStore::with_bytes(1 << 20, SystemClock)?;
    /// let cache = Cache::production(store).build()?;
    /// assert!(cache.circuit().is_some());
    /// # Ok::<(), larder_client::Error>(())
    /// ```
    pub fn production(store: impl Store + 'static) -> Builder {
        Builder::new(store, Preset::Production)
    }

    /// A cache that encrypts. Its keys never leave this process, and it fails closed: what does not decrypt, and a store that is
    /// away, are errors.
    ///
    /// ```
    /// use larder_client::crypto::Keyring;
    /// use larder_client::{Cache, ConfigError, Error, store::{EngineStore, SystemClock}};
    ///
    /// let keyring = Keyring::from_hex(&"61".repeat(32), "").map_err(ConfigError::from)?;
    /// let cache = Cache::secure(EngineStore::with_bytes(1 << 20, SystemClock)?).keyring(keyring).build()?;
    /// assert!(cache.is_secure());
    ///
    /// let keyless = Cache::secure(EngineStore::with_bytes(1 << 20, SystemClock)?).build();
    /// assert_eq!(keyless.err(), Some(Error::Config(ConfigError::NoKey)));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn secure(store: impl Store + 'static) -> Builder {
        Builder::new(store, Preset::Secure)
    }

    /// A cache for a store behind the CacheKit REST API.
    ///
    /// ```
    /// use larder_client::{Cache, store::{RestOptions, RestStore}};
    ///
    /// let store = RestStore::new(RestOptions::new("https://cache.example.org", "ck_live_0123"))?;
    /// let cache = Cache::io(store).namespace("reports").build()?;
    /// # Ok::<(), larder_client::Error>(())
    /// ```
    pub fn io(store: impl Store + 'static) -> Builder {
        Builder::new(store, Preset::Io)
    }
}

impl Builder {
    /// A cache on this store, with the defaults of a preset.
    ///
    /// ```
    /// # use larder_client::{Cache, store::{EngineStore, SystemClock}};
    /// # let store = EngineStore::with_bytes(1 << 20, SystemClock)?;
    /// use larder_client::{Builder, Preset};
    ///
    /// let cache = Builder::new(store, Preset::Minimal).build()?;
    /// # Ok::<(), larder_client::Error>(())
    /// ```
    pub fn new(store: impl Store + 'static, preset: Preset) -> Self {
        let defaults = preset.defaults();
        Self {
            store: Arc::new(store),
            namespace: None,
            ttl: Some(defaults.ttl),
            stale: defaults.stale,
            near: Some(NearOptions::default()),
            refresh: defaults.refreshes.then(RefreshOptions::default),
            negative_life: None,
            format: Format::default(),
            value_bytes_max: VALUE_BYTES_MAX,
            intent: if defaults.encrypts { Intent::Encrypt } else { Intent::Unstated },
            keyring: None,
            tenant: DEFAULT_TENANT.to_owned(),
            reliability: defaults.is_reliable.then(Reliability::default),
            fail_closed: None,
            on_foreign: None,
            stampede: StampedeOptions::default(),
            random: Random::default(),
        }
    }

    /// Goes in front of every text key, with a colon. Interop keys have their own.
    ///
    /// ```
    /// use larder_client::{Cache, Error, store::{EngineStore, SystemClock}};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let store = std::sync::Arc::new(EngineStore::with_bytes(1 << 20, SystemClock)?);
    /// let users = Cache::minimal(store.clone()).namespace("users").build()?;
    /// let all = Cache::minimal(store).build()?;
    /// users.set("42", "alice").await?;
    /// assert_eq!(all.get::<String>("users:42").await?.as_deref(), Some("alice"));
    /// # Ok::<(), Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn namespace(self, namespace: impl Into<String>) -> Self {
        Self { namespace: Some(namespace.into()), ..self }
    }

    /// How long entries live.
    ///
    /// ```
    /// # use larder_client::{Cache, store::{EngineStore, SystemClock}};
    /// # let store = EngineStore::with_bytes(1 << 20, SystemClock)?;
    /// use std::time::Duration;
    ///
    /// let cache = Cache::minimal(store).ttl(Duration::from_secs(60)).build()?;
    /// # Ok::<(), larder_client::Error>(())
    /// ```
    pub fn ttl(self, ttl: Duration) -> Self {
        Self { ttl: Some(ttl), ..self }
    }

    /// Entries live until they are deleted or evicted. For stores without expiry this is the only possibility.
    ///
    /// ```
    /// # use larder_client::{Cache, store::{EngineStore, SystemClock}};
    /// # let store = EngineStore::with_bytes(1 << 20, SystemClock)?;
    /// let cache = Cache::minimal(store).no_ttl().build()?;
    /// # Ok::<(), larder_client::Error>(())
    /// ```
    pub fn no_ttl(self) -> Self {
        Self { ttl: None, ..self }
    }

    /// How long entries may be served as stale after their time to live, where the store can do that; with the time to live no
    /// longer than the store keeps entries, and at most [`STALE_MAX`](crate::limits::STALE_MAX).
    ///
    /// ```
    /// # use larder_client::{Cache, store::{EngineStore, SystemClock}};
    /// # let store = EngineStore::with_bytes(1 << 20, SystemClock)?;
    /// use std::time::Duration;
    ///
    /// let minute = Duration::from_secs(60);
    /// let cache = Cache::production(store).ttl(minute).stale_for(minute).build()?;
    /// # Ok::<(), larder_client::Error>(())
    /// ```
    pub fn stale_for(self, stale: Duration) -> Self {
        Self { stale, ..self }
    }

    /// Copies in this process.
    ///
    /// ```
    /// # use larder_client::{Cache, store::{EngineStore, SystemClock}};
    /// # let store = EngineStore::with_bytes(1 << 20, SystemClock)?;
    /// use larder_client::NearOptions;
    ///
    /// let cache = Cache::minimal(store).near(NearOptions::bytes(16 << 20)).build()?;
    /// # Ok::<(), larder_client::Error>(())
    /// ```
    pub fn near(self, options: NearOptions) -> Self {
        Self { near: Some(options), ..self }
    }

    /// No copies in this process.
    ///
    /// ```
    /// # use larder_client::{Cache, store::{EngineStore, SystemClock}};
    /// # let store = EngineStore::with_bytes(1 << 20, SystemClock)?;
    /// let cache = Cache::minimal(store).no_near().build()?;
    /// # Ok::<(), larder_client::Error>(())
    /// ```
    pub fn no_near(self) -> Self {
        Self { near: None, ..self }
    }

    /// When copies are refreshed before their end, and stale entries are served while they are replaced.
    ///
    /// ```
    /// # use larder_client::{Cache, store::{EngineStore, SystemClock}};
    /// # let store = EngineStore::with_bytes(1 << 20, SystemClock)?;
    /// use larder_client::RefreshOptions;
    ///
    /// let late = RefreshOptions { after: 0.8, ..RefreshOptions::default() };
    /// let cache = Cache::minimal(store).refresh(late).build()?;
    /// # Ok::<(), larder_client::Error>(())
    /// ```
    pub fn refresh(self, options: RefreshOptions) -> Self {
        Self { refresh: Some(options), ..self }
    }

    /// No refresh ahead of expiry; nothing stale is served.
    ///
    /// ```
    /// # use larder_client::{Cache, store::{EngineStore, SystemClock}};
    /// # let store = EngineStore::with_bytes(1 << 20, SystemClock)?;
    /// let cache = Cache::production(store).no_refresh().build()?;
    /// # Ok::<(), larder_client::Error>(())
    /// ```
    pub fn no_refresh(self) -> Self {
        Self { refresh: None, ..self }
    }

    /// Remembers for so long that the store has no entry, instead of asking again. Off unless it is called. An entry that another
    /// process writes meanwhile is seen that much later.
    ///
    /// ```
    /// # use larder_client::{Cache, store::{EngineStore, SystemClock}};
    /// # let store = EngineStore::with_bytes(1 << 20, SystemClock)?;
    /// use std::time::Duration;
    ///
    /// let cache = Cache::minimal(store).negative_life(Duration::from_secs(2)).build()?;
    /// # Ok::<(), larder_client::Error>(())
    /// ```
    pub fn negative_life(self, life: Duration) -> Self {
        Self { negative_life: Some(life), ..self }
    }

    /// How the values of text keys are stored.
    ///
    /// ```
    /// # use larder_client::{Cache, store::{EngineStore, SystemClock}};
    /// # let store = EngineStore::with_bytes(1 << 20, SystemClock)?;
    /// use larder_client::Format;
    ///
    /// let cache = Cache::minimal(store).format(Format::Envelope).build()?;
    /// # Ok::<(), larder_client::Error>(())
    /// ```
    pub fn format(self, format: Format) -> Self {
        Self { format, ..self }
    }

    /// The longest stored value in bytes, in both directions.
    ///
    /// ```
    /// # use larder_client::{Cache, store::{EngineStore, SystemClock}};
    /// # let store = EngineStore::with_bytes(1 << 20, SystemClock)?;
    /// let cache = Cache::minimal(store).value_bytes_max(64 << 20).build()?;
    /// # Ok::<(), larder_client::Error>(())
    /// ```
    pub fn value_bytes_max(self, value_bytes_max: usize) -> Self {
        Self { value_bytes_max, ..self }
    }

    /// The keys to encrypt with. It does not say that the cache encrypts: [`secure`](Builder::secure) does.
    ///
    /// ```
    /// # use larder_client::{Cache, store::{EngineStore, SystemClock}};
    /// # let store = EngineStore::with_bytes(1 << 20, SystemClock)?;
    /// use larder_client::{ConfigError, crypto::Keyring};
    ///
    /// let keyring = Keyring::from_hex(&"61".repeat(32), "").map_err(ConfigError::from)?;
    /// let cache = Cache::minimal(store).keyring(keyring).secure().build()?;
    /// # Ok::<(), larder_client::Error>(())
    /// ```
    pub fn keyring(self, keyring: Keyring) -> Self {
        Self { keyring: Some(keyring), ..self }
    }

    /// The cache encrypts.
    ///
    /// ```
    /// # use larder_client::{Cache, store::{EngineStore, SystemClock}};
    /// # let store = EngineStore::with_bytes(1 << 20, SystemClock)?;
    /// use larder_client::{ConfigError, crypto::Keyring};
    ///
    /// let keyring = Keyring::from_hex(&"61".repeat(32), "").map_err(ConfigError::from)?;
    /// let cache = Cache::production(store).keyring(keyring).secure().build()?;
    /// assert!(cache.is_secure());
    /// # Ok::<(), larder_client::Error>(())
    /// ```
    pub fn secure(self) -> Self {
        Self { intent: self.intent.and(Intent::Encrypt), ..self }
    }

    /// The cache does not encrypt, although there may be a key.
    ///
    /// ```
    /// # use larder_client::{Cache, store::{EngineStore, SystemClock}};
    /// # let store = EngineStore::with_bytes(1 << 20, SystemClock)?;
    /// let cache = Cache::production(store).plaintext().build()?;
    /// assert!(!cache.is_secure());
    /// # Ok::<(), larder_client::Error>(())
    /// ```
    pub fn plaintext(self) -> Self {
        Self { intent: self.intent.and(Intent::Plain), ..self }
    }

    /// Whose keys are derived from the master key: `default` unless it is called.
    ///
    /// ```
    /// # use larder_client::{Cache, store::{EngineStore, SystemClock}};
    /// # let store = EngineStore::with_bytes(1 << 20, SystemClock)?;
    /// use larder_client::{ConfigError, crypto::Keyring};
    ///
    /// let keyring = Keyring::from_hex(&"61".repeat(32), "").map_err(ConfigError::from)?;
    /// let cache = Cache::secure(store).keyring(keyring).tenant("customer-7").build()?;
    /// # Ok::<(), larder_client::Error>(())
    /// ```
    pub fn tenant(self, tenant: impl Into<String>) -> Self {
        Self { tenant: tenant.into(), ..self }
    }

    /// Retries, circuit breaker and bounded concurrency around the store.
    ///
    /// ```
    /// # use larder_client::{Cache, store::{EngineStore, SystemClock}};
    /// # let store = EngineStore::with_bytes(1 << 20, SystemClock)?;
    /// use larder_client::{Reliability, layer::Backoff};
    ///
    /// let retry = Backoff { tries_max: 5, ..Backoff::default() };
    /// let cache = Cache::minimal(store).reliability(Reliability { retry, ..Reliability::default() }).build()?;
    /// # Ok::<(), larder_client::Error>(())
    /// ```
    pub fn reliability(self, reliability: Reliability) -> Self {
        Self { reliability: Some(reliability), ..self }
    }

    /// Nothing around the store.
    ///
    /// ```
    /// # use larder_client::{Cache, store::{EngineStore, SystemClock}};
    /// # let store = EngineStore::with_bytes(1 << 20, SystemClock)?;
    /// let cache = Cache::production(store).no_reliability().build()?;
    /// assert_eq!(cache.circuit(), None);
    /// # Ok::<(), larder_client::Error>(())
    /// ```
    pub fn no_reliability(self) -> Self {
        Self { reliability: None, ..self }
    }

    /// Whether [`get_or_compute`](Cache::get_or_compute) returns an error when the store is away, instead of computing. A
    /// cache that encrypts always does.
    ///
    /// ```
    /// # use larder_client::{Cache, store::{EngineStore, SystemClock}};
    /// # let store = EngineStore::with_bytes(1 << 20, SystemClock)?;
    /// let cache = Cache::production(store).fail_closed(true).build()?;
    /// # Ok::<(), larder_client::Error>(())
    /// ```
    pub fn fail_closed(self, fail_closed: bool) -> Self {
        Self { fail_closed: Some(fail_closed), ..self }
    }

    /// What becomes of entries that cannot be read: misses, or errors if the cache encrypts, unless it is called.
    ///
    /// ```
    /// # use larder_client::{Cache, store::{EngineStore, SystemClock}};
    /// # let store = EngineStore::with_bytes(1 << 20, SystemClock)?;
    /// use larder_client::OnForeign;
    ///
    /// let cache = Cache::minimal(store).on_foreign(OnForeign::Error).build()?;
    /// # Ok::<(), larder_client::Error>(())
    /// ```
    pub fn on_foreign(self, on_foreign: OnForeign) -> Self {
        Self { on_foreign: Some(on_foreign), ..self }
    }

    /// How callers who want the same value at once wait for each other.
    ///
    /// ```
    /// # use larder_client::{Cache, store::{EngineStore, SystemClock}};
    /// # let store = EngineStore::with_bytes(1 << 20, SystemClock)?;
    /// use larder_client::StampedeOptions;
    ///
    /// let alone = StampedeOptions { locks: false, ..StampedeOptions::default() };
    /// let cache = Cache::minimal(store).stampede(alone).build()?;
    /// # Ok::<(), larder_client::Error>(())
    /// ```
    pub fn stampede(self, options: StampedeOptions) -> Self {
        Self { stampede: options, ..self }
    }

    /// Where jitter comes from.
    ///
    /// ```
    /// # use larder_client::{Cache, store::{EngineStore, SystemClock}};
    /// # let store = EngineStore::with_bytes(1 << 20, SystemClock)?;
    /// let cache = Cache::production(store).random(|| 0.5).build()?;
    /// # Ok::<(), larder_client::Error>(())
    /// ```
    pub fn random(self, random: impl Into<Random>) -> Self {
        Self { random: random.into(), ..self }
    }

    /// The cache.
    ///
    /// ```
    /// # use larder_client::{Cache, store::{EngineStore, SystemClock}};
    /// # let store = EngineStore::with_bytes(1 << 20, SystemClock)?;
    /// use larder_client::{ConfigError, Error};
    ///
    /// let refused = Cache::secure(store).build();
    /// assert_eq!(refused.err(), Some(Error::Config(ConfigError::NoKey)));
    /// # Ok::<(), larder_client::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Config`]: a key without a word whether it is to be used, encryption without a key or with something that fails open,
    /// settings outside their ranges, a store that takes no such entries.
    pub fn build(self) -> Result<Cache, Error> {
        self.check()?;
        let encrypts = self.intent == Intent::Encrypt;
        let cipher = self.cipher()?;
        // What readers would share is not encrypted.
        let near =
            self.near.map(|near| if encrypts { NearOptions { shared_bytes_max: 0, ..near } } else { near });
        let near = near.map(|options| Near::new(options, rand::random())).transpose();
        let near = near.map_err(|error| setting("near", error.to_string()))?;
        let capabilities = self.store.capabilities();
        let expiry = self.ttl.map_or(Expiry::NEVER, |ttl| expiry_within(&capabilities, ttl, self.stale));
        let settings = Settings {
            namespace: self.namespace,
            expiry,
            stale: self.stale,
            refresh: self.refresh,
            negative_life: self.negative_life,
            fails_open: !self.fail_closed.unwrap_or(encrypts),
            on_foreign: self.on_foreign.unwrap_or(if encrypts { OnForeign::Error } else { OnForeign::Miss }),
            stampede: self.stampede,
            random: self.random.clone(),
        };
        let (store, circuit) = match self.reliability {
            None => (self.store, None),
            Some(Reliability { retry, circuit, limit }) => {
                let breaker = Arc::new(Breaker::new(self.store, circuit));
                let retry = Retry::with_random(Arc::clone(&breaker), retry, self.random);
                let state: Box<dyn Fn() -> _ + Send + Sync> = Box::new(move || breaker.state());
                (Arc::new(Limit::new(retry, limit)) as Arc<dyn Store>, Some(state))
            }
        };
        let inner = Inner {
            store,
            capabilities,
            circuit,
            settings,
            codec: Codec { format: self.format, cipher, value_bytes_max: self.value_bytes_max },
            near,
            flights: Arc::new(Flights::default()),
            refreshes: Arc::new(Refreshes::default()),
            counters: Counters::default(),
        };
        Ok(Cache { inner: Arc::new(inner) })
    }

    fn check(&self) -> Result<(), ConfigError> {
        if self.ttl.is_some_and(|ttl| ttl.is_zero()) {
            return Err(setting("ttl", "it is zero; for entries that do not expire, call `no_ttl`".into()));
        }
        self.check_store()?;
        if self.value_bytes_max == 0 {
            return Err(setting("value_bytes_max", "it is zero; no value could be stored".into()));
        }
        if let Some(namespace) = &self.namespace {
            key::check(namespace)
                .map_err(|fault| ConfigError::Namespace { found: namespace.clone(), fault })?;
        }
        match self.intent {
            Intent::Unstated if self.keyring.is_some() => Err(ConfigError::NoIntent),
            Intent::Encrypt if self.fail_closed == Some(false) => {
                Err(ConfigError::FailsOpen { what: "`fail_closed(false)` asks for it" })
            }
            Intent::Encrypt if self.store.capabilities().fails_open => {
                Err(ConfigError::FailsOpen { what: "the store is behind the layer `FailOpen`" })
            }
            Intent::Contradictory => Err(setting(
                "plaintext",
                "the cache encrypts, by its preset or by `secure()`; one of the two has to go".into(),
            )),
            Intent::Unstated | Intent::Encrypt | Intent::Plain => Ok(()),
        }
    }

    /// Whether the store can keep such entries at all.
    fn check_store(&self) -> Result<(), ConfigError> {
        let (name, capabilities) = (self.store.name(), self.store.capabilities());
        if capabilities.json_only {
            let problem = format!(
                "{name} keeps nothing but JSON text, and entries are MessagePack; reach the same server over another protocol"
            );
            return Err(setting("store", problem));
        }
        match (self.ttl, capabilities.ttl_max) {
            (Some(_), _) if !capabilities.expiry => {
                Err(setting("ttl", format!("{name} knows no time to live; call `no_ttl`")))
            }
            (Some(ttl), Some(max)) if ttl > max => {
                Err(setting("ttl", format!("{name} keeps entries for {} s at most", max.as_secs())))
            }
            _ => Ok(()),
        }
    }

    fn cipher(&self) -> Result<Option<Cipher>, ConfigError> {
        if self.intent != Intent::Encrypt {
            return Ok(None);
        }
        let keyring = self.keyring.as_ref().ok_or(ConfigError::NoKey)?;
        Ok(Some(Cipher::new(self.tenant.clone(), keyring.for_tenant(&self.tenant)?)))
    }
}

fn setting(name: &'static str, problem: String) -> ConfigError {
    ConfigError::Setting { name, problem }
}
