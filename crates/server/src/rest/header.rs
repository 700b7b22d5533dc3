//! What the API says in headers: names, and how times are read. A header of the API that is there twice is refused, because the two
//! ends of the connection might believe different ones.

use hyper::{HeaderMap, header::HeaderName};
use larder_engine::{Lifetime, Ttl};

use super::{TTL_S_MAX, refusal::Refusal};

pub(crate) const TTL: HeaderName = HeaderName::from_static("x-cachekit-ttl");
pub(crate) const LEGACY_TTL: HeaderName = HeaderName::from_static("x-ttl");
pub(crate) const STALE_TTL: HeaderName = HeaderName::from_static("x-cachekit-stale-ttl");
pub(crate) const FRESHNESS: HeaderName = HeaderName::from_static("x-cachekit-freshness");
pub(crate) const FRESH_FOR: HeaderName = HeaderName::from_static("x-cachekit-fresh-for");
pub(crate) const L1_STATUS: HeaderName = HeaderName::from_static("x-cachekit-l1-status");
pub(crate) const LOCK_ID: HeaderName = HeaderName::from_static("x-cachekit-lock-id");

/// The value of a header that may be there once.
pub(crate) fn single<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h [u8]>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let value = values.next();
    if values.next().is_some() {
        return Err(Refusal::Repeated);
    }
    Ok(value.map(|value| value.as_bytes()))
}

/// How long an entry is to live; `None` is for ever.
pub(crate) fn lifetime(headers: &HeaderMap) -> Result<Option<Lifetime>, Refusal> {
    let stated = match single(headers, &TTL)? {
        Some(stated) => Some(stated),
        None => single(headers, &LEGACY_TTL)?,
    };
    let ttl_s = stated.map(|stated| seconds(stated).and_then(check_ttl).ok_or(Refusal::Ttl)).transpose()?;
    let stale_s = match single(headers, &STALE_TTL)? {
        Some(stale) => seconds(stale).filter(|&stale_s| stale_s < TTL_S_MAX).ok_or(Refusal::StaleTtl)?,
        None => 0,
    };
    match ttl_s {
        None if headers.contains_key(&STALE_TTL) => Err(Refusal::StaleAlone),
        None => Ok(None),
        Some(ttl_s) if ttl_s + stale_s > TTL_S_MAX => Err(Refusal::Lifetime),
        // Both are under 2^32 milliseconds.
        Some(ttl_s) => Ok(ttl(ttl_s).map(|ttl| Lifetime { ttl, stale_ms: (stale_s * 1_000) as u32 })),
    }
}

/// A time to live, if it is one.
pub(crate) fn check_ttl(seconds: u64) -> Option<u64> {
    (1..=TTL_S_MAX).contains(&seconds).then_some(seconds)
}

/// So many seconds for the engine.
pub(crate) fn ttl(seconds: u64) -> Option<Ttl> {
    Ttl::new(seconds.saturating_mul(1_000))
}

/// A whole number in digits and nothing else.
fn seconds(text: &[u8]) -> Option<u64> {
    // More digits than any time needs, and no overflow.
    if text.is_empty() || text.len() > 12 || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(text.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    fn times(pairs: &[(&'static str, &str)]) -> Result<Option<(u64, u32)>, Refusal> {
        let life = lifetime(&headers(pairs))?;
        Ok(life.map(|life| (life.ttl.get() / 1_000, life.stale_ms / 1_000)))
    }

    #[test]
    fn a_time_to_live_is_whole_seconds_up_to_thirty_days() {
        assert_eq!(times(&[]), Ok(None));
        assert_eq!(times(&[("x-cachekit-ttl", "1")]), Ok(Some((1, 0))));
        assert_eq!(times(&[("x-cachekit-ttl", "2592000")]), Ok(Some((2_592_000, 0))));
        for bad in [
            "0",
            "-1",
            "+1",
            "1.5",
            "2592001",
            "",
            " ",
            "text",
            "1e3",
            "0x10",
            "99999999999999999999999",
            "1, 2",
        ] {
            assert_eq!(times(&[("x-cachekit-ttl", bad)]), Err(Refusal::Ttl), "{bad:?}");
            assert_eq!(times(&[("x-ttl", bad)]), Err(Refusal::Ttl), "{bad:?}");
        }
    }

    #[test]
    fn the_legacy_header_counts_only_without_the_other() {
        assert_eq!(times(&[("x-ttl", "5")]), Ok(Some((5, 0))));
        assert_eq!(times(&[("x-ttl", "5"), ("x-cachekit-ttl", "7")]), Ok(Some((7, 0))));
        assert_eq!(times(&[("x-ttl", "text"), ("x-cachekit-ttl", "7")]), Ok(Some((7, 0))));
        assert_eq!(times(&[("x-ttl", "5"), ("x-cachekit-ttl", "0")]), Err(Refusal::Ttl));
    }

    #[test]
    fn a_stale_window_needs_a_time_to_live_and_shares_its_limit() {
        assert_eq!(times(&[("x-cachekit-ttl", "5"), ("x-cachekit-stale-ttl", "0")]), Ok(Some((5, 0))));
        assert_eq!(times(&[("x-ttl", "1"), ("x-cachekit-stale-ttl", "2591999")]), Ok(Some((1, 2_591_999))));
        assert_eq!(times(&[("x-cachekit-stale-ttl", "5")]), Err(Refusal::StaleAlone));
        assert_eq!(
            times(&[("x-cachekit-ttl", "1"), ("x-cachekit-stale-ttl", "2592000")]),
            Err(Refusal::StaleTtl)
        );
        assert_eq!(
            times(&[("x-cachekit-ttl", "2"), ("x-cachekit-stale-ttl", "2591999")]),
            Err(Refusal::Lifetime)
        );
        assert_eq!(times(&[("x-cachekit-ttl", "2"), ("x-cachekit-stale-ttl", "-1")]), Err(Refusal::StaleTtl));
    }

    #[test]
    fn a_header_that_is_there_twice_is_refused() {
        for name in ["x-cachekit-ttl", "x-ttl"] {
            assert!(matches!(times(&[(name, "5"), (name, "5")]), Err(Refusal::Repeated)), "{name}");
        }
        let stale = [("x-cachekit-ttl", "5"), ("x-cachekit-stale-ttl", "5"), ("x-cachekit-stale-ttl", "5")];
        assert!(matches!(times(&stale), Err(Refusal::Repeated)));
    }
}
