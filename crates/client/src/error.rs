//! What can go wrong, by whose fault it is. Errors can be compared. No key material is in them, and
//! nothing of an entry that was encrypted, nor what `serde` quotes of another; one about what the caller gave says where in it, and may quote that.

use larder_cachekit::ConvertError;
use larder_cachekit::crypto::{KeyringError, NonceExhausted, OpenError, SealError, TenantError};
use larder_cachekit::envelope::EnvelopeError;
use larder_cachekit::msgpack::{DecodeError, EncodeError};
use larder_store::{Class, KeyFault};
use thiserror::Error;

/// Why a call on a [`Cache`](crate::Cache) failed.
///
/// ```
/// use larder_client::{Cache, Error, KeyError, store::{EngineStore, KeyFault, SystemClock}};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let cache = Cache::minimal(EngineStore::with_bytes(1 << 20, SystemClock)?).build()?;
/// let refused = cache.get::<u64>("").await;
/// assert_eq!(refused, Err(Error::Key(KeyError::Fault(KeyFault::Empty))));
/// # Ok::<(), Error>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum Error {
    /// The store: where, doing what, and why.
    #[error(transparent)]
    Store(#[from] larder_store::Error),
    /// There is no such key. Nothing was sent.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The value has no form in the cache. Nothing was sent.
    #[error("the value cannot be stored: {0}")]
    Value(#[from] ValueError),
    /// The store has an entry under this key that this cache did not write, or not like this.
    #[error("the entry cannot be read: {0}")]
    Foreign(#[from] Foreign),
    /// Encryption is wanted where there is none.
    #[error("this cache does not encrypt; build it with `secure()` and a keyring")]
    NotSecure,
    /// A function that must not go without a cache was called before one was installed.
    #[error("no cache is installed; call `Cache::install`, or name one with `cache = …`")]
    NotInstalled,
    /// The cache cannot be built like this.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

impl Error {
    /// Whether the same call may succeed a little later with nothing changed.
    ///
    /// ```
    /// use larder_client::Error;
    /// use larder_client::store::{Error as StoreError, Fault, Operation};
    ///
    /// let away = Error::Store(StoreError::new("redis", Operation::Get, Fault::Closed));
    /// assert!(away.is_temporary() && !Error::NotInstalled.is_temporary());
    /// ```
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Store(error) if error.class().is_temporary())
    }

    /// The class of the store's error, if it is one.
    ///
    /// ```
    /// use larder_client::Error;
    /// use larder_client::store::{Class, Error as StoreError, Fault, Operation};
    ///
    /// let busy = Error::Store(StoreError::new("redis", Operation::Get, Fault::Busy("full".into())));
    /// assert_eq!((busy.class(), Error::NotSecure.class()), (Some(Class::Busy), None));
    /// ```
    #[must_use]
    pub fn class(&self) -> Option<Class> {
        match self {
            Self::Store(error) => Some(error.class()),
            _ => None,
        }
    }
}

/// Why text or arguments are not a key.
///
/// ```
/// use larder_client::{Key, KeyError};
///
/// let refused = Key::interop("Users", "get_user", (42,));
/// assert!(matches!(refused, Err(KeyError::Interop(_))), "names are in lower case");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The key breaks a rule of all SDKs or of the store.
    #[error(transparent)]
    Fault(#[from] KeyFault),
    /// An argument has no canonical form, or a name breaks the grammar.
    #[error(transparent)]
    Interop(#[from] larder_cachekit::key::KeyError),
    /// An argument is outside the protocol's model.
    #[error("argument {position}: {source}")]
    Argument {
        /// Counted from 1.
        position: usize,
        /// What it holds.
        source: ConvertError,
    },
}

/// Why a value was not stored.
///
/// ```
/// use larder_client::{Cache, Error, ValueError, store::{EngineStore, SystemClock}};
///
/// let small = Cache::minimal(EngineStore::with_bytes(1 << 20, SystemClock)?).value_bytes_max(4).build()?;
/// let refused = small.blocking().set("k", "too long");
/// assert_eq!(refused, Err(Error::Value(ValueError::TooLarge { len: 9, max: 4 })));
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum ValueError {
    /// It holds what a document cannot.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// Its envelope cannot be made.
    #[error(transparent)]
    Envelope(EnvelopeError),
    /// It cannot be encrypted.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// All nonces of two encryptors in a row are used.
    #[error(transparent)]
    Nonces(#[from] NonceExhausted),
    /// It is longer than the cache was built for.
    #[error("{len} bytes; at most {max} are stored")]
    TooLarge {
        /// Bytes of the stored form.
        len: usize,
        /// The limit in bytes.
        max: usize,
    },
}

/// Why an entry is not one of ours.
///
/// ```
/// use larder_client::Foreign;
///
/// assert_eq!(Foreign::TooLarge { len: 9, max: 4 }.to_string(), "9 bytes; at most 4 are read");
/// ```
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum Foreign {
    /// It does not decrypt: another key, tenant or cache key, altered, or never encrypted.
    #[error(transparent)]
    Decrypt(#[from] OpenError),
    /// It is not a document, or one that does not fit the type that was asked for.
    #[error(transparent)]
    Document(#[from] DecodeError),
    /// It is not an envelope, or a damaged one.
    #[error(transparent)]
    Envelope(EnvelopeError),
    /// It is an envelope around something else.
    #[error("an envelope of the format {format:?} where \"msgpack\" is expected")]
    Format {
        /// The format that it names.
        format: String,
    },
    /// It is an envelope where a plain document is expected.
    #[error("an envelope where a plain document is expected")]
    UnexpectedEnvelope,
    /// It is longer than the cache was built for.
    #[error("{len} bytes; at most {max} are read")]
    TooLarge {
        /// Bytes of the stored form.
        len: usize,
        /// The limit in bytes.
        max: usize,
    },
}

/// Why a cache cannot be built.
///
/// ```
/// use larder_client::{Cache, ConfigError, Error};
///
/// let nothing_set = Cache::from_variables(|_| None).err();
/// assert!(matches!(nothing_set, Some(Error::Config(ConfigError::NoStore { .. }))));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A key, and no word about what it is for.
    #[error(
        "there is a master key, but the cache does not say whether it encrypts; call `secure()` or `plaintext()`"
    )]
    NoIntent,
    /// Encryption without a key.
    #[error("the cache is to encrypt, but there is no key; call `keyring()`, or set CACHEKIT_MASTER_KEY")]
    NoKey,
    /// Keys that are none.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// A tenant that keys cannot be derived for.
    #[error(transparent)]
    Tenant(#[from] TenantError),
    /// Encryption fails closed, and this does not.
    #[error("an encrypted cache never fails open; {what}")]
    FailsOpen {
        /// What would.
        what: &'static str,
    },
    /// A namespace that keys cannot begin with.
    #[error("the namespace {found:?} cannot be part of a key: {fault}")]
    Namespace {
        /// The namespace.
        found: String,
        /// Why.
        fault: KeyFault,
    },
    /// A setting outside its range.
    #[error("{name}: {problem}")]
    Setting {
        /// The setting, by the name that the caller knows.
        name: &'static str,
        /// What is wrong, and what would be right.
        problem: String,
    },
    /// The environment names no store.
    #[error("no store: set {wanted}")]
    NoStore {
        /// The variables that would name one.
        wanted: &'static str,
    },
}
