//! What the freshness headers of the CacheKit REST API say (`spec/cachekit.md`, section 6). Pure: values of a header as bytes
//! in, an answer out. Whatever is not understood is read the careful way: stale, and no copy to be kept.

use crate::entry::Freshness;
use std::time::Duration;

/// `X-CacheKit-Freshness`.
pub(crate) const FRESHNESS: &str = "x-cachekit-freshness";
/// `X-CacheKit-Fresh-For`.
pub(crate) const FRESH_FOR: &str = "x-cachekit-fresh-for";

/// Longest time to live, in seconds: 30 days.
pub(crate) const TTL_S_MAX: u32 = 2_592_000;

/// Most digits that a number of seconds may have.
const DIGITS_MAX: usize = 7;

/// Whether an answer with these values of `X-CacheKit-Freshness` is stale. Without the header it is fresh; otherwise it is only
/// if each is exactly `fresh`.
///
/// ```
/// use larder_store::is_stale;
///
/// assert!(!is_stale([]));
/// assert!(!is_stale([&b"fresh"[..]]));
/// assert!(is_stale([&b"Fresh"[..]]));
/// assert!(is_stale([&b"fresh"[..], b"stale"]));
/// ```
pub fn is_stale<'v>(freshness: impl IntoIterator<Item = &'v [u8]>) -> bool {
    freshness.into_iter().any(|value| value != b"fresh")
}

/// For how many seconds a copy may be kept, by the values of `X-CacheKit-Fresh-For`; `None` without the header: no bound. Zero
/// unless it is there once, with 1 to 7 ASCII digits, and at most 2,592,000.
///
/// ```
/// use larder_store::fresh_for_s;
///
/// assert_eq!(fresh_for_s([]), None);
/// assert_eq!(fresh_for_s([&b"60"[..]]), Some(60));
/// assert_eq!(fresh_for_s([&b"+60"[..]]), Some(0));
/// assert_eq!(fresh_for_s([&b"60"[..], b"60"]), Some(0));
/// ```
pub fn fresh_for_s<'v>(fresh_for: impl IntoIterator<Item = &'v [u8]>) -> Option<u32> {
    let mut values = fresh_for.into_iter();
    let value = values.next()?;
    let is_number = (1..=DIGITS_MAX).contains(&value.len()) && value.iter().all(u8::is_ascii_digit);
    if !is_number || values.next().is_some() {
        return Some(0);
    }
    let seconds = value.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0'));
    Some(if seconds <= TTL_S_MAX { seconds } else { 0 })
}

/// Both headers together.
///
/// ```
/// use larder_store::{Freshness, read_freshness};
/// use std::time::Duration;
///
/// let minute = Freshness::Fresh { fresh_for: Some(Duration::from_secs(60)) };
/// assert_eq!(read_freshness([&b"fresh"[..]], [&b"60"[..]]), minute);
/// assert_eq!(read_freshness([], []), Freshness::UNBOUNDED);
/// assert_eq!(read_freshness([&b"stale"[..]], [&b"60"[..]]), Freshness::Stale);
/// ```
pub fn read_freshness<'v>(
    freshness: impl IntoIterator<Item = &'v [u8]>,
    fresh_for: impl IntoIterator<Item = &'v [u8]>,
) -> Freshness {
    if is_stale(freshness) {
        return Freshness::Stale;
    }
    let seconds = fresh_for_s(fresh_for);
    Freshness::Fresh { fresh_for: seconds.map(|seconds| Duration::from_secs(seconds.into())) }
}
