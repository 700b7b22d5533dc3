//! What a store can do, and which keys it takes, as data: so that a key is refused before any byte is sent, and a layer
//! above can ask instead of trying.

use std::time::Duration;

/// What a store can do.
///
/// ```
/// use larder_store::{Capabilities, KeyRules};
///
/// let plain = Capabilities::plain(KeyRules::ANY);
/// assert!(plain.expiry && !plain.locks && !plain.stale_window);
/// let locking = Capabilities { locks: true, ..plain };
/// assert!(locking.locks);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Entries can have a time to live. Without it, a `set` with one is refused as unsupported.
    pub expiry: bool,
    /// [`Store::remaining`](crate::Store::remaining) answers.
    pub ttl_query: bool,
    /// [`Store::set_ttl`](crate::Store::set_ttl) works.
    pub ttl_update: bool,
    /// [`Store::lock`](crate::Store::lock) works.
    pub locks: bool,
    /// Entries can be read as stale for a while after their time to live.
    pub stale_window: bool,
    /// [`Store::delete`](crate::Store::delete) and [`Store::set_ttl`](crate::Store::set_ttl) tell whether there was an entry;
    /// otherwise they answer true.
    pub tells_missing: bool,
    /// Other processes see the same entries and locks.
    pub shared: bool,
    /// Values may have no bytes.
    pub empty_values: bool,
    /// Values must be JSON text.
    pub json_only: bool,
    /// Longest value in bytes; `None`: only the place itself knows.
    pub value_bytes_max: Option<u64>,
    /// Longest time to live, stale window included; `None`: no limit worth mentioning.
    pub ttl_max: Option<Duration>,
    /// Times to live are rounded up to a multiple of this.
    pub ttl_step: Duration,
    /// Outages look like an empty store. Nothing that must fail closed may be built on it.
    pub fails_open: bool,
    /// Which keys it takes.
    pub keys: KeyRules,
}

impl Capabilities {
    /// Get, set with a time to live in whole seconds, delete; nothing else.
    ///
    /// ```
    /// use larder_store::{Capabilities, KeyRules};
    ///
    /// let shared = Capabilities { shared: true, ..Capabilities::plain(KeyRules::ANY) };
    /// assert!(shared.expiry && !shared.locks);
    /// ```
    #[must_use]
    pub const fn plain(keys: KeyRules) -> Self {
        Self {
            expiry: true,
            ttl_query: false,
            ttl_update: false,
            locks: false,
            stale_window: false,
            tells_missing: true,
            shared: false,
            empty_values: true,
            json_only: false,
            value_bytes_max: None,
            ttl_max: None,
            ttl_step: Duration::from_secs(1),
            fails_open: false,
            keys,
        }
    }
}

/// Which bytes a key may have.
///
/// ```
/// use larder_store::{KeyAlphabet, KeyFault, KeyRules};
///
/// let text = KeyRules { alphabet: KeyAlphabet::Utf8, ..KeyRules::ANY };
/// assert_eq!(text.check(b"a\xff"), Err(KeyFault::NotUtf8 { at: 1 }));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyAlphabet {
    /// Any.
    Bytes,
    /// Those of UTF-8 text.
    Utf8,
    /// Those of printable ASCII, space not among them.
    Graphic,
}

/// Which keys a store takes.
///
/// ```
/// use larder_store::{KeyAlphabet, KeyFault, KeyRules};
///
/// let rules = KeyRules { bytes_max: 250, alphabet: KeyAlphabet::Graphic, ..KeyRules::ANY };
/// assert_eq!(rules.check(b"users:1"), Ok(()));
/// assert_eq!(rules.check(b""), Err(KeyFault::Empty));
/// assert_eq!(rules.check(b"a b"), Err(KeyFault::Byte { byte: b' ', at: 1 }));
/// assert_eq!(rules.check(&[b'x'; 251]), Err(KeyFault::TooLong { len: 251, max: 250 }));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyRules {
    /// Whether the empty key is one.
    pub empty: bool,
    /// Longest key in bytes.
    pub bytes_max: usize,
    /// Which bytes it may have.
    pub alphabet: KeyAlphabet,
    /// Keys that mean something else to the place.
    pub reserved: &'static [&'static str],
}

impl KeyRules {
    /// Any bytes but none at all, up to 64 KiB, which is as long as the engine stores.
    ///
    /// ```
    /// assert!(larder_store::KeyRules::ANY.check(b"\0\xff").is_ok());
    /// ```
    pub const ANY: Self =
        Self { empty: false, bytes_max: 65_536, alphabet: KeyAlphabet::Bytes, reserved: &[] };

    /// Whether a key keeps the rules.
    ///
    /// ```
    /// use larder_store::{KeyFault, KeyRules};
    ///
    /// assert_eq!(KeyRules::ANY.check(b""), Err(KeyFault::Empty));
    /// ```
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn check(&self, key: &[u8]) -> Result<(), KeyFault> {
        if key.is_empty() && !self.empty {
            return Err(KeyFault::Empty);
        }
        if key.len() > self.bytes_max {
            return Err(KeyFault::TooLong { len: key.len(), max: self.bytes_max });
        }
        match self.alphabet {
            KeyAlphabet::Bytes => {}
            KeyAlphabet::Utf8 => {
                if let Err(error) = std::str::from_utf8(key) {
                    return Err(KeyFault::NotUtf8 { at: error.valid_up_to() });
                }
            }
            KeyAlphabet::Graphic => {
                if let Some((at, &byte)) = key.iter().enumerate().find(|(_, byte)| !byte.is_ascii_graphic()) {
                    return Err(KeyFault::Byte { byte, at });
                }
            }
        }
        match self.reserved.iter().find(|word| word.as_bytes() == key) {
            Some(word) => Err(KeyFault::Reserved(word)),
            None => Ok(()),
        }
    }
}

/// Why a key is refused.
///
/// ```
/// use larder_store::{KeyFault, KeyRules};
///
/// let rules = KeyRules { reserved: &["health"], ..KeyRules::ANY };
/// assert_eq!(rules.check(b"health"), Err(KeyFault::Reserved("health")));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFault {
    /// It has no bytes.
    #[error("the key is empty")]
    Empty,
    /// It is too long.
    #[error("the key has {len} bytes; at most {max} are possible")]
    TooLong {
        /// Its length in bytes.
        len: usize,
        /// The limit in bytes.
        max: usize,
    },
    /// It has a byte that no key may have.
    #[error("the key has the byte 0x{byte:02x} at {at}, which no key may have")]
    Byte {
        /// The byte.
        byte: u8,
        /// Where it is.
        at: usize,
    },
    /// It is not text.
    #[error("the key is not UTF-8 at byte {at}")]
    NotUtf8 {
        /// Where it stops being text.
        at: usize,
    },
    /// It means something else there.
    #[error("the key {0:?} means something else there")]
    Reserved(&'static str),
}
