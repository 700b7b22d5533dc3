//! The SDK of Larder: typed values in a cache that services in several languages share.
//!
//! # Keep a value
//!
//! A [`Cache`] is a store with copies near at hand. A value is what `serde` can write as MessagePack and read again: maps have
//! text for keys, numbers at most 64 bits and an end, and `Some(None)` is read as `None`.
//!
//! ```
//! use larder_client::{Cache, Error, store::{EngineStore, SystemClock}};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct User {
//!     name: String,
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let store = EngineStore::with_bytes(64 << 20, SystemClock)?;
//! let cache = Cache::production(store).namespace("users").build()?;
//! cache.set("42", &User { name: "alice".into() }).await?;
//! let user: Option<User> = cache.get("42").await?;
//! # assert_eq!(user.unwrap().name, "alice");
//! # Ok::<(), Error>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Compute it once
//!
//! Of many callers who miss at once one computes: in this process, and among processes where the store has locks.
//!
//! ```
//! # use larder_client::{Cache, Error, store::{EngineStore, SystemClock}};
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! # let cache = Cache::production(EngineStore::with_bytes(1 << 20, SystemClock)?).build()?;
//! async fn slow_report(year: i32) -> Result<String, Error> {
//!     Ok(format!("the report of {year}"))
//! }
//! let report = cache.get_or_compute("report:2026", || slow_report(2026)).await?;
//! # assert_eq!(report, "the report of 2026");
//! # Ok::<(), Error>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Share it with other languages
//!
//! An interop key is computed alike by every CacheKit SDK, and its value is one plain MessagePack document.
//!
//! ```
//! use larder_client::Key;
//!
//! // Python: @cache(interop="get_user", namespace="users") def get_user(user_id): …
//! let key = Key::interop("users", "get_user", (42,))?;
//! assert_eq!(
//!     key.as_str(),
//!     "users:get_user:61598716255080080f6456eb065c2e51badfaa4320b0efe97469c29cffee8875"
//! );
//! # Ok::<(), larder_client::KeyError>(())
//! ```
//!
//! # Keep it secret
//!
//! [`Cache::secure`] encrypts before anything leaves the process, the near cache included, and fails closed.
//!
//! ```
//! use larder_client::crypto::Keyring;
//! # use larder_client::{Cache, ConfigError, Error, store::{EngineStore, SystemClock}};
//! # let hex_from_your_secrets = "61".repeat(32);
//! let keyring = Keyring::from_hex(&hex_from_your_secrets, "").map_err(ConfigError::from)?;
//! let cache = Cache::secure(EngineStore::with_bytes(1 << 20, SystemClock)?).keyring(keyring).build()?;
//! # assert!(cache.is_secure());
//! # Ok::<(), Error>(())
//! ```
//!
//! # Cache a function
//!
//! [`cachekit`](macro@cachekit) and [`cached`](macro@cached) do all this for a function:
//!
//! ```
//! # use larder_client::cachekit;
//! #[cachekit(interop = "get_user", namespace = "users", ttl = 300)]
//! async fn get_user(id: i64) -> String {
//!     format!("user {id}")
//! }
//! ```
//!
//! # Live through an outage
//!
//! With the presets for services a store that is unwell is retried, then spared ([`layer`]); [`Cache::get_or_compute`] goes on
//! without it. [`Cache::stats`] and `tracing` events tell. Functions that are not asynchronous use [`Cache::blocking`].
//!
//! # On a runtime
//!
//! Stores on a network and on disk need a tokio runtime; without one their calls are errors. What a store has opened belongs to
//! the runtime that was used first: it answers there and, as long as that one runs on several threads, elsewhere. A runtime of one
//! thread that is left idle answers nobody; let each such runtime have a cache of its own.
//!
//! # Where to look
//!
//! | question | answer |
//! | --- | --- |
//! | what can be set? | [`Builder`], [`Preset`]; from the environment, [`Cache::from_env`] |
//! | where can entries live? | [`store`] |
//! | when is a copy refreshed? | [`RefreshOptions`] |
//! | what if decoding each time costs too much? | [`Cache::get_shared`] |
//! | who computes when many want it? | [`StampedeOptions`] |
//! | what is an entry that I did not write? | [`OnForeign`], [`Foreign`] |
//! | which limits are there? | [`limits`] |
#![forbid(unsafe_code)]

mod blocking;
mod builder;
mod cache;
mod codec;
mod compute;
mod env;
mod error;
mod event;
mod flight;
mod function;
mod key;
pub mod layer;
pub mod limits;
mod near;
mod preset;
mod random;
mod refresh;
mod stampede;
mod stats;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use blocking::Blocking;
pub use builder::{Builder, Reliability};
pub use cache::{Cache, OnForeign};
pub use codec::Format;
pub use error::{ConfigError, Error, Foreign, KeyError, ValueError};
#[doc(hidden)]
pub use function::support as __private;
pub use function::{AlreadyInstalled, cached, cachekit};
pub use key::{Arguments, Key, Profile};
/// Encryption keys.
pub use larder_cachekit::crypto;
pub use larder_cachekit::{DateTime, Set, Value};
/// Where entries live.
pub use larder_store as store;
pub use near::NearOptions;
pub use preset::Preset;
pub use random::Random;
pub use refresh::RefreshOptions;
pub use stampede::StampedeOptions;
pub use stats::Stats;
