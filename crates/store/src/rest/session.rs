//! Which process asks, as servers that count by session are told (`spec/cachekit.md`, section 6, headers): an id that says nothing of
//! anybody, and since when.

use crate::clock::{Clock, SystemClock};
use reqwest::header::{HeaderName, HeaderValue};
use std::sync::LazyLock;

struct Session {
    id: String,
    start_ms: u64,
}

/// One for the process, whatever the number of its stores.
static SESSION: LazyLock<Session> =
    LazyLock::new(|| Session { id: uuid(rand::random()), start_ms: SystemClock.unix_ms() });

/// The headers that every request has.
pub(super) fn headers() -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    let id = HeaderValue::try_from(&SESSION.id).map(|id| ("x-cachekit-session-id", id));
    let start = ("x-cachekit-session-start", HeaderValue::from(SESSION.start_ms));
    id.into_iter().chain([start]).map(|(name, value)| (HeaderName::from_static(name), value))
}

/// A UUID of version 4 out of random bits.
fn uuid(bits: u128) -> String {
    let bits = bits & !(0xf << 76) & !(0b11 << 62) | (4 << 76) | (0b10 << 62);
    let digits = format!("{bits:032x}");
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_uuid_of_version_4() {
        assert_eq!(uuid(0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(uuid(u128::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
