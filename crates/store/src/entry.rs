//! What goes into a store and comes out: how long an entry lives, what a reader finds, a lock's token.

use bytes::Bytes;
use std::time::Duration;

/// How long an entry lives: fresh for a while, then perhaps stale for a while, then gone.
///
/// ```
/// use larder_store::Expiry;
/// use std::time::Duration;
///
/// let minute = Duration::from_secs(60);
/// let expiry = Expiry::after(minute).and_stale_for(minute);
/// assert_eq!((expiry.ttl(), expiry.stale()), (Some(minute), minute));
/// assert_eq!(Expiry::NEVER.ttl(), None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Expiry {
    ttl: Option<Duration>,
    stale: Duration,
}

impl Expiry {
    /// The entry stays until it is deleted or evicted.
    ///
    /// ```
    /// use larder_store::Expiry;
    ///
    /// assert_eq!(Expiry::NEVER, Expiry::default());
    /// ```
    pub const NEVER: Self = Self { ttl: None, stale: Duration::ZERO };

    /// The entry is fresh for `ttl` and then gone. Stores round up to what they can say (a second, mostly) and refuse zero.
    ///
    /// ```
    /// use larder_store::Expiry;
    /// use std::time::Duration;
    ///
    /// assert_eq!(Expiry::after(Duration::from_secs(60)).stale(), Duration::ZERO);
    /// ```
    #[must_use]
    pub const fn after(ttl: Duration) -> Self {
        Self { ttl: Some(ttl), stale: Duration::ZERO }
    }

    /// After its time to live the entry may still be read as stale for this long. A store without
    /// [`stale_window`](crate::Capabilities::stale_window) ends the entry with its time to live instead, so that nothing stale
    /// is ever read as fresh. An entry that never expires has no stale window.
    ///
    /// ```
    /// use larder_store::Expiry;
    /// use std::time::Duration;
    ///
    /// let minute = Duration::from_secs(60);
    /// assert_eq!(Expiry::after(minute).and_stale_for(minute).stale(), minute);
    /// assert_eq!(Expiry::NEVER.and_stale_for(minute), Expiry::NEVER);
    /// ```
    #[must_use]
    pub const fn and_stale_for(self, stale: Duration) -> Self {
        match self.ttl {
            Some(_) => Self { ttl: self.ttl, stale },
            None => self,
        }
    }

    /// How long the entry is fresh; `None` for ever.
    ///
    /// ```
    /// assert_eq!(larder_store::Expiry::NEVER.ttl(), None);
    /// ```
    #[must_use]
    pub const fn ttl(&self) -> Option<Duration> {
        self.ttl
    }

    /// How long it is stale after that.
    ///
    /// ```
    /// assert!(larder_store::Expiry::NEVER.stale().is_zero());
    /// ```
    #[must_use]
    pub const fn stale(&self) -> Duration {
        self.stale
    }
}

/// Whether an entry that was read is still within its time to live.
///
/// ```
/// use larder_store::Freshness;
/// use std::time::Duration;
///
/// let fresh = Freshness::Fresh { fresh_for: Some(Duration::from_secs(5)) };
/// assert!(!fresh.is_stale() && Freshness::Stale.is_stale());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Freshness {
    /// It is.
    Fresh {
        /// Whoever keeps a copy may keep it this long. `None`: the store sets no bound (the entry does not expire, or the store
        /// does not say with a read when it does). Zero: no copy may be kept.
        fresh_for: Option<Duration>,
    },
    /// It is not: it may be used while a new one is made, and no copy may be kept.
    Stale,
}

impl Freshness {
    /// Fresh, and the store sets no bound.
    ///
    /// ```
    /// use larder_store::Freshness;
    ///
    /// assert_eq!(Freshness::UNBOUNDED, Freshness::Fresh { fresh_for: None });
    /// ```
    pub const UNBOUNDED: Self = Self::Fresh { fresh_for: None };

    /// Whether the entry is stale.
    ///
    /// ```
    /// # use larder_store::Freshness;
    /// assert!(Freshness::Stale.is_stale() && !Freshness::UNBOUNDED.is_stale());
    /// ```
    #[must_use]
    pub const fn is_stale(self) -> bool {
        matches!(self, Self::Stale)
    }

    /// How long a copy may be kept by somebody who would keep it for `own`; `None` if none may be kept.
    ///
    /// ```
    /// # use larder_store::Freshness;
    /// # use std::time::Duration;
    /// let (own, bound) = (Duration::from_secs(300), Duration::from_secs(5));
    /// assert_eq!(Freshness::UNBOUNDED.bound(own), Some(own));
    /// assert_eq!(Freshness::Fresh { fresh_for: Some(bound) }.bound(own), Some(bound));
    /// assert_eq!(Freshness::Fresh { fresh_for: Some(Duration::ZERO) }.bound(own), None);
    /// assert_eq!(Freshness::Stale.bound(own), None);
    /// ```
    #[must_use]
    pub fn bound(self, own: Duration) -> Option<Duration> {
        let bound = match self {
            Self::Fresh { fresh_for } => fresh_for.map_or(own, |fresh_for| fresh_for.min(own)),
            Self::Stale => Duration::ZERO,
        };
        (!bound.is_zero()).then_some(bound)
    }
}

/// An entry that was read.
///
/// ```
/// use larder_store::{Found, Freshness};
///
/// let found = Found::fresh("value");
/// assert_eq!(found, Found { bytes: "value".into(), freshness: Freshness::UNBOUNDED });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The value as it was stored.
    pub bytes: Bytes,
    /// How fresh it is.
    pub freshness: Freshness,
}

impl Found {
    /// A fresh entry without a bound.
    ///
    /// ```
    /// assert_eq!(larder_store::Found::fresh("value").bytes, "value");
    /// ```
    #[must_use]
    pub fn fresh(bytes: impl Into<Bytes>) -> Self {
        Self { bytes: bytes.into(), freshness: Freshness::UNBOUNDED }
    }
}

/// How long an entry has left until it is gone, its stale window included.
///
/// ```
/// use larder_store::Remaining;
/// use std::time::Duration;
///
/// assert_eq!(Remaining::Forever.at_most(), None);
/// assert_eq!(Remaining::For(Duration::from_secs(3)).at_most(), Some(Duration::from_secs(3)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Remaining {
    /// It does not expire.
    Forever,
    /// It expires after this time, rounded up to what the store can say.
    For(Duration),
}

impl Remaining {
    /// The time, if there is an end to it.
    ///
    /// ```
    /// assert_eq!(larder_store::Remaining::Forever.at_most(), None);
    /// ```
    #[must_use]
    pub const fn at_most(self) -> Option<Duration> {
        match self {
            Self::Forever => None,
            Self::For(left) => Some(left),
        }
    }
}

/// Proof of holding a lock. Whoever has it may release the lock; it is not to be shown to others.
///
/// ```
/// use larder_store::LockToken;
///
/// let token = LockToken::new("5d1f");
/// assert_eq!(token.as_str(), "5d1f");
/// assert_eq!(format!("{token:?}"), "LockToken(..)");
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct LockToken(String);

impl LockToken {
    /// A token as a store gave it.
    ///
    /// ```
    /// assert_eq!(larder_store::LockToken::new("5d1f").as_str(), "5d1f");
    /// ```
    #[must_use]
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    /// One that nobody guesses.
    #[cfg(any(feature = "engine", feature = "redis"))]
    pub(crate) fn random() -> Self {
        Self(format!("{:032x}", rand::random::<u128>()))
    }

    /// The token as the store wants it back.
    ///
    /// ```
    /// assert_eq!(larder_store::LockToken::new("5d1f").as_str(), "5d1f");
    /// ```
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for LockToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LockToken(..)")
    }
}

/// What a store in good health says of itself.
///
/// ```
/// let health = larder_store::Health::default();
/// assert_eq!(health.version, None);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// The version of the program behind it, if it tells.
    pub version: Option<String>,
}
