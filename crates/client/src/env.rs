//! A cache from the environment, under the variable names that the CacheKit SDKs have published. What names a store is exclusive:
//! two of them are an error, not a ranking. A master key is only a source of keys; what it is for, the program says.

use std::time::Duration;

use larder_cachekit::crypto::Keyring;
use larder_store::{FileStore, Hosts, Limits, MemcachedStore, RedisStore, RestOptions, RestStore, Store};

use crate::builder::Builder;
use crate::cache::{Cache, OnForeign};
use crate::error::{ConfigError, Error};
use crate::near::NearOptions;
use crate::preset::Preset;

/// The variables that name a store; exactly one of them is set.
const STORES: [&str; 4] =
    ["CACHEKIT_API_KEY", "CACHEKIT_REDIS_URL", "CACHEKIT_MEMCACHED_SERVERS", "CACHEKIT_FILE_CACHE_DIR"];
const STORES_TEXT: &str =
    "CACHEKIT_API_KEY, CACHEKIT_REDIS_URL, CACHEKIT_MEMCACHED_SERVERS or CACHEKIT_FILE_CACHE_DIR";
/// How much a directory takes by default, in MiB: that of the CacheKit SDK for Python.
const FILE_MIB_MAX: u64 = 1024;
const PUBLIC_API: &str = "https://api.cachekit.io";

impl Cache {
    /// A cache as the environment describes it, with the preset that goes with its store: [`Io`](Preset::Io) for REST,
    /// [`Production`](Preset::Production) otherwise. If there is a master key, call [`secure`](Builder::secure) or
    /// [`plaintext`](Builder::plaintext) before [`build`](Builder::build).
    ///
    /// | variable | |
    /// | --- | --- |
    /// | `CACHEKIT_API_KEY` | a store behind the REST API |
    /// | `CACHEKIT_API_URL` | where that is; `https://api.cachekit.io` otherwise |
    /// | `CACHEKIT_ALLOW_CUSTOM_HOST` | `true`: it may be a private host or this machine |
    /// | `CACHEKIT_REDIS_URL` | Redis or Valkey; `REDIS_URL` is read if nothing else names a store |
    /// | `CACHEKIT_MEMCACHED_SERVERS` | `HOST:PORT` |
    /// | `CACHEKIT_FILE_CACHE_DIR` | a directory |
    /// | `CACHEKIT_FILE_MAX_SIZE_MB` | how much its files take at most, in MiB; 1024 otherwise |
    /// | `CACHEKIT_TIMEOUT`, `CACHEKIT_SOCKET_TIMEOUT` | seconds that a call may take |
    /// | `CACHEKIT_SOCKET_CONNECT_TIMEOUT` | seconds that connecting may take |
    /// | `CACHEKIT_CONNECTION_POOL_SIZE` | most connections |
    /// | `CACHEKIT_MASTER_KEY` | hex, 32 bytes |
    /// | `CACHEKIT_PREVIOUS_MASTER_KEYS` | up to three more that still decrypt, separated by commas |
    /// | `CACHEKIT_DEPLOYMENT_UUID` | the tenant that keys are derived for; `default` otherwise |
    /// | `CACHEKIT_ENCRYPTION_FAIL_CLOSED` | `true`: entries that cannot be read are errors |
    /// | `CACHEKIT_MAX_VALUE_SIZE` | longest stored value in bytes |
    /// | `CACHEKIT_L1_MAX_SIZE_MB` | size of the near cache in MiB, 0 for none; 1000 entries otherwise |
    ///
    /// No variable sets a time to live for the whole process.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), larder_client::Error> {
    /// let cache = larder_client::Cache::from_env()?.namespace("users").secure().build()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Config`] and [`Error::Store`]. Nothing is sent.
    pub fn from_env() -> Result<Builder, Error> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    /// As [`from_env`](Cache::from_env), with variables from elsewhere.
    ///
    /// ```
    /// use larder_client::{Cache, ConfigError, Error};
    ///
    /// let variables = |name: &str| match name {
    ///     "CACHEKIT_REDIS_URL" => Some("redis://127.0.0.1:6379".to_owned()),
    ///     "CACHEKIT_MASTER_KEY" => Some("61".repeat(32)),
    ///     _ => None,
    /// };
    /// let unstated = Cache::from_variables(variables)?.build();
    /// assert_eq!(unstated.err(), Some(Error::Config(ConfigError::NoIntent)));
    /// assert!(Cache::from_variables(variables)?.secure().build()?.is_secure());
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// As there.
    pub fn from_variables(lookup: impl Fn(&str) -> Option<String>) -> Result<Builder, Error> {
        let variables = Variables { lookup };
        let (store, preset) = variables.store()?;
        variables.configure(Builder::new(store, preset))
    }
}

struct Variables<L> {
    lookup: L,
}

impl<L: Fn(&str) -> Option<String>> Variables<L> {
    /// A variable that is set to something.
    fn get(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|value| !value.is_empty())
    }

    fn store(&self) -> Result<(Box<dyn Store>, Preset), Error> {
        let named: Vec<_> = STORES.iter().filter_map(|name| Some((*name, self.get(name)?))).collect();
        let (name, value) = match &named[..] {
            [(name, value)] => (*name, value.clone()),
            [] => match self.get("REDIS_URL") {
                Some(url) => ("CACHEKIT_REDIS_URL", url),
                None => return Err(ConfigError::NoStore { wanted: STORES_TEXT }.into()),
            },
            [(first, _), (second, _), ..] => {
                return Err(invalid(second, format!("{first} names a store already; set one of them")));
            }
        };
        let limits = self.limits()?;
        Ok(match name {
            "CACHEKIT_API_KEY" => (Box::new(self.rest(value, limits)?), Preset::Io),
            "CACHEKIT_MEMCACHED_SERVERS" => {
                if value.contains(',') {
                    return Err(invalid(STORES[2], "one server; keys are not spread over several".into()));
                }
                // The SDK for Python takes a JSON list.
                let address = value.trim_matches(|c| matches!(c, '[' | ']' | '"' | ' '));
                (Box::new(MemcachedStore::new(address, limits)?), Preset::Production)
            }
            "CACHEKIT_FILE_CACHE_DIR" => {
                let mib = self.number("CACHEKIT_FILE_MAX_SIZE_MB")?.unwrap_or(FILE_MIB_MAX);
                let store = FileStore::new(value)?.limited_to(mib.saturating_mul(1 << 20));
                (Box::new(store), Preset::Production)
            }
            _ => (Box::new(RedisStore::new(&value, limits)?), Preset::Production),
        })
    }

    fn rest(&self, api_key: String, limits: Limits) -> Result<RestStore, Error> {
        let url = self.get("CACHEKIT_API_URL").unwrap_or_else(|| PUBLIC_API.to_owned());
        let hosts = match self.flag("CACHEKIT_ALLOW_CUSTOM_HOST")? {
            Some(true) => Hosts::Private,
            Some(false) | None => Hosts::Public,
        };
        // The near cache is in front of every call unless it is turned off.
        let near_cache = match self.near()? {
            Some(None) => larder_store::NearCache::Disabled,
            Some(Some(_)) | None => larder_store::NearCache::Missed,
        };
        Ok(RestStore::new(RestOptions { limits, hosts, near_cache, ..RestOptions::new(url, api_key) })?)
    }

    fn limits(&self) -> Result<Limits, Error> {
        let usual = Limits::default();
        let call = self.seconds("CACHEKIT_TIMEOUT")?;
        let socket = self.seconds("CACHEKIT_SOCKET_TIMEOUT")?;
        Ok(Limits {
            timeout: call.or(socket).unwrap_or(usual.timeout),
            connect_timeout: self
                .seconds("CACHEKIT_SOCKET_CONNECT_TIMEOUT")?
                .unwrap_or(usual.connect_timeout),
            connections_max: self
                .number("CACHEKIT_CONNECTION_POOL_SIZE")?
                .map_or(usual.connections_max, |size| usize::try_from(size).unwrap_or(usize::MAX)),
            ..usual
        })
    }

    fn configure(&self, mut builder: Builder) -> Result<Builder, Error> {
        if let Some(current) = self.get("CACHEKIT_MASTER_KEY") {
            let previous = self.get("CACHEKIT_PREVIOUS_MASTER_KEYS").unwrap_or_default();
            let keyring = Keyring::from_hex(&current, &previous).map_err(ConfigError::Keyring)?;
            builder = builder.keyring(keyring);
        } else if self.get("CACHEKIT_PREVIOUS_MASTER_KEYS").is_some() {
            return Err(invalid(
                "CACHEKIT_PREVIOUS_MASTER_KEYS",
                "it is set, but not CACHEKIT_MASTER_KEY".into(),
            ));
        }
        if let Some(tenant) = self.get("CACHEKIT_DEPLOYMENT_UUID") {
            builder = builder.tenant(tenant);
        }
        if self.flag("CACHEKIT_ENCRYPTION_FAIL_CLOSED")? == Some(true) {
            builder = builder.on_foreign(OnForeign::Error);
        }
        if let Some(bytes) = self.number("CACHEKIT_MAX_VALUE_SIZE")? {
            builder = builder.value_bytes_max(usize::try_from(bytes).unwrap_or(usize::MAX));
        }
        Ok(match self.near()? {
            None => builder,
            Some(None) => builder.no_near(),
            Some(Some(options)) => builder.near(options),
        })
    }

    /// Whether anything is said about the near cache, and what.
    fn near(&self) -> Result<Option<Option<NearOptions>>, Error> {
        let mib = self.maybe_zero("CACHEKIT_L1_MAX_SIZE_MB")?;
        Ok(mib.map(|mib| (mib > 0).then(|| NearOptions::bytes(mib.saturating_mul(1 << 20)))))
    }

    fn seconds(&self, name: &'static str) -> Result<Option<Duration>, Error> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let seconds = text.trim().parse::<f64>().ok().filter(|seconds| *seconds > 0.0);
        match seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
            Some(duration) => Ok(Some(duration)),
            None => Err(invalid(name, format!("{text:?} is not a number of seconds above 0"))),
        }
    }

    fn number(&self, name: &'static str) -> Result<Option<u64>, Error> {
        match self.maybe_zero(name)? {
            Some(0) => Err(invalid(name, "it is 0; 1 or more is possible".into())),
            number => Ok(number),
        }
    }

    fn maybe_zero(&self, name: &'static str) -> Result<Option<u64>, Error> {
        let Some(text) = self.get(name) else { return Ok(None) };
        match text.trim().parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(invalid(name, format!("{text:?} is not a whole number"))),
        }
    }

    fn flag(&self, name: &'static str) -> Result<Option<bool>, Error> {
        let Some(text) = self.get(name) else { return Ok(None) };
        match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(Some(true)),
            "false" | "0" | "no" | "off" => Ok(Some(false)),
            _ => Err(invalid(name, format!("{text:?} is neither true nor false"))),
        }
    }
}

fn invalid(name: &'static str, problem: String) -> Error {
    ConfigError::Setting { name, problem }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "6161616161616161616161616161616161616161616161616161616161616161";

    fn builder(variables: &[(&str, &str)]) -> Result<Builder, Error> {
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name);
        Cache::from_variables(|name| find(name).map(|(_, value)| (*value).to_owned()))
    }

    fn build(variables: &[(&str, &str)]) -> Result<Cache, Error> {
        builder(variables)?.build()
    }

    fn store_name(variables: &[(&str, &str)]) -> String {
        build(variables).unwrap().inner.store.name().to_owned()
    }

    fn setting(result: Result<Cache, Error>) -> &'static str {
        match result {
            Err(Error::Config(ConfigError::Setting { name, .. })) => name,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_variable_names_its_store() {
        assert!(store_name(&[("CACHEKIT_API_KEY", "ck_live_1")]).contains("api.cachekit.io"));
        assert!(store_name(&[("CACHEKIT_REDIS_URL", "redis://h:1/0")]).contains("h:1"));
        assert!(store_name(&[("CACHEKIT_MEMCACHED_SERVERS", "[\"h:2\"]")]).contains("h:2"));
        assert!(store_name(&[("REDIS_URL", "redis://fallback/0")]).contains("fallback"));
        let both = [("REDIS_URL", "redis://fallback"), ("CACHEKIT_REDIS_URL", "redis://named")];
        assert!(store_name(&both).contains("named"));
    }

    #[test]
    fn no_store_and_two_stores_are_errors() {
        assert!(matches!(build(&[]), Err(Error::Config(ConfigError::NoStore { .. }))));
        assert!(matches!(
            build(&[("CACHEKIT_API_KEY", "")]),
            Err(Error::Config(ConfigError::NoStore { .. }))
        ));
        let two = [("CACHEKIT_API_KEY", "ck_live_1"), ("CACHEKIT_REDIS_URL", "redis://h")];
        assert_eq!(setting(build(&two)), "CACHEKIT_REDIS_URL");
    }

    #[test]
    fn a_private_host_is_to_be_allowed() {
        let own = [("CACHEKIT_API_KEY", "ck_live_1"), ("CACHEKIT_API_URL", "http://127.0.0.1:3147")];
        assert!(matches!(build(&own), Err(Error::Store(_))));
        assert!(build(&[own[0], own[1], ("CACHEKIT_ALLOW_CUSTOM_HOST", "true")]).is_ok());
        let unclear = [own[0], own[1], ("CACHEKIT_ALLOW_CUSTOM_HOST", "maybe")];
        assert_eq!(setting(build(&unclear)), "CACHEKIT_ALLOW_CUSTOM_HOST");
    }

    #[test]
    fn a_master_key_without_intent_is_an_error_at_build() {
        let with_key = [("CACHEKIT_REDIS_URL", "redis://h"), ("CACHEKIT_MASTER_KEY", KEY)];
        assert_eq!(build(&with_key).err(), Some(ConfigError::NoIntent.into()));
        assert!(builder(&with_key).unwrap().secure().build().unwrap().is_secure());
        assert!(!builder(&with_key).unwrap().plaintext().build().unwrap().is_secure());
        let no_key = builder(&with_key[..1]).unwrap().secure().build();
        assert_eq!(no_key.err(), Some(ConfigError::NoKey.into()));
    }

    #[test]
    fn previous_keys_without_a_current_one_are_an_error() {
        let only_previous = [("CACHEKIT_REDIS_URL", "redis://h"), ("CACHEKIT_PREVIOUS_MASTER_KEYS", KEY)];
        assert_eq!(setting(build(&only_previous)), "CACHEKIT_PREVIOUS_MASTER_KEYS");
    }

    #[test]
    fn bad_keys_are_errors_that_do_not_show_them() {
        let redis = ("CACHEKIT_REDIS_URL", "redis://h");
        let same = KEY.to_uppercase();
        for (current, previous) in [("0x61", ""), (&KEY[2..], ""), (KEY, &*same), (KEY, "zz")] {
            let variables =
                [redis, ("CACHEKIT_MASTER_KEY", current), ("CACHEKIT_PREVIOUS_MASTER_KEYS", previous)];
            let error = builder(&variables).map(|_| ()).unwrap_err();
            assert!(matches!(error, Error::Config(ConfigError::Keyring(_))), "{error:?}");
            assert!(!error.to_string().contains("6161"));
        }
    }

    #[test]
    fn numbers_are_checked() {
        let redis = ("CACHEKIT_REDIS_URL", "redis://h");
        for (name, bad) in [
            ("CACHEKIT_TIMEOUT", "0"),
            ("CACHEKIT_TIMEOUT", "soon"),
            ("CACHEKIT_SOCKET_TIMEOUT", "-1"),
            ("CACHEKIT_SOCKET_CONNECT_TIMEOUT", "inf"),
            ("CACHEKIT_CONNECTION_POOL_SIZE", "0"),
            ("CACHEKIT_MAX_VALUE_SIZE", "1.5"),
            ("CACHEKIT_L1_MAX_SIZE_MB", "big"),
        ] {
            assert_eq!(setting(build(&[redis, (name, bad)])), name);
        }
        let directory = std::env::temp_dir();
        let files = ("CACHEKIT_FILE_CACHE_DIR", directory.to_str().unwrap());
        let size = "CACHEKIT_FILE_MAX_SIZE_MB";
        assert_eq!(setting(build(&[files, (size, "0")])), size);
        let limit = |cache: Cache| cache.inner.capabilities.value_bytes_max.unwrap();
        assert!(limit(build(&[files, (size, "1")]).unwrap()) < 1 << 20);
        assert!(limit(build(&[files]).unwrap()) > 1 << 20);
        assert!(build(&[redis, ("CACHEKIT_L1_MAX_SIZE_MB", "0")]).unwrap().inner.near.is_none());
        assert!(build(&[redis, ("CACHEKIT_L1_MAX_SIZE_MB", "16")]).unwrap().inner.near.is_some());
    }
}
