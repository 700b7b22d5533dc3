//! The published presets: what a cache is before anything is said about it. Source: the table of presets of the CacheKit documents.

use std::time::Duration;

/// A starting point for a [`Builder`](crate::Builder).
///
/// | preset | TTL | near cache | refresh ahead | encryption | reliability |
/// | --- | --- | --- | --- | --- | --- |
/// | [`Minimal`](Preset::Minimal) | 300 s | on | off | off | off |
/// | [`Production`](Preset::Production) | 600 s | on | on | off | on |
/// | [`Secure`](Preset::Secure) | 600 s | on, ciphertext only | on | required | on |
/// | [`Io`](Preset::Io) | 3600 s, and as long stale | on | on | off | on |
///
/// Reliability is a retry schedule, a circuit breaker and bounded concurrency around the store.
///
/// ```
/// # use larder_client::{Cache, store::{EngineStore, SystemClock}};
/// # let store = EngineStore::with_bytes(1 << 20, SystemClock)?;
/// use larder_client::{Builder, Preset};
///
/// let cache = Builder::new(store, Preset::Production).build()?;
/// # Ok::<(), larder_client::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Preset {
    /// A store and copies near at hand, nothing else.
    Minimal,
    /// For services.
    Production,
    /// For what nobody else may read.
    Secure,
    /// For a store behind the CacheKit REST API.
    Io,
}

pub(crate) struct Defaults {
    pub(crate) ttl: Duration,
    pub(crate) stale: Duration,
    pub(crate) refreshes: bool,
    pub(crate) encrypts: bool,
    pub(crate) is_reliable: bool,
}

impl Preset {
    pub(crate) const fn defaults(self) -> Defaults {
        const NO_TIME: Duration = Duration::ZERO;
        let (ttl, stale, refreshes, encrypts, is_reliable) = match self {
            Self::Minimal => (300, NO_TIME, false, false, false),
            Self::Production => (600, NO_TIME, true, false, true),
            Self::Secure => (600, NO_TIME, true, true, true),
            Self::Io => (3600, Duration::from_secs(3600), true, false, true),
        };
        Defaults { ttl: Duration::from_secs(ttl), stale, refreshes, encrypts, is_reliable }
    }
}
