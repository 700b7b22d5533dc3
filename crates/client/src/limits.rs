//! Every limit of the SDK in one place. The tests of each cross it.

use std::time::Duration;

/// Longest key in bytes, namespace included: what the SDKs agree on. A store may take less.
///
/// ```
/// assert_eq!(larder_client::limits::KEY_BYTES_MAX, 1024);
/// ```
pub const KEY_BYTES_MAX: usize = 1024;

/// Longest stale window: what the CacheKit REST API takes. A store may take less.
///
/// ```
/// assert_eq!(larder_client::limits::STALE_MAX, std::time::Duration::from_secs(2_592_000));
/// ```
pub const STALE_MAX: Duration = Duration::from_secs(30 * 86_400);

/// Durations are computed with up to here: whatever is longer lasts for ever. Moments of the system's clock have an end.
pub(crate) const CENTURY: Duration = Duration::from_secs(100 * 365 * 86_400);

/// Longest stored value in bytes, unless the builder says otherwise: that of the CacheKit SDK for Rust.
///
/// ```
/// assert_eq!(larder_client::limits::VALUE_BYTES_MAX, 5 << 20);
/// ```
pub const VALUE_BYTES_MAX: usize = 5 << 20;

/// Entries of the near cache, unless the builder says otherwise: that of the CacheKit SDK for Rust.
///
/// ```
/// assert_eq!(larder_client::limits::NEAR_ENTRIES_MAX, 1000);
/// ```
pub const NEAR_ENTRIES_MAX: u64 = 1000;

/// Values that readers of the near cache share, in bytes, unless [`NearOptions`](crate::NearOptions) says otherwise.
///
/// ```
/// assert_eq!(larder_client::limits::NEAR_SHARED_BYTES_MAX, 16 << 20);
/// ```
pub const NEAR_SHARED_BYTES_MAX: u64 = 16 << 20;

/// Longest a caller waits for somebody else's computation, in this process or another.
///
/// ```
/// assert_eq!(larder_client::limits::STAMPEDE_WAIT_MAX, std::time::Duration::from_secs(5));
/// ```
pub const STAMPEDE_WAIT_MAX: Duration = Duration::from_secs(5);

/// Longest a computation holds the lock that keeps other processes from doing the same.
///
/// ```
/// assert_eq!(larder_client::limits::LOCK_HOLD, std::time::Duration::from_secs(30));
/// ```
pub const LOCK_HOLD: Duration = Duration::from_secs(30);

/// Keys that are being refreshed, or left alone after a refresh that failed.
///
/// ```
/// assert_eq!(larder_client::limits::REFRESH_PAUSES_MAX, 4096);
/// ```
pub const REFRESH_PAUSES_MAX: usize = 4096;
