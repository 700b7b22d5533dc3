//! `GET /v1/cache/{key}` and `HEAD`: the bytes of an entry, and whether there is one. A stale entry is served, and said to be stale.

use hyper::body::Bytes;
use larder_engine::Entry;

use super::{
    answer::{Answer, Freshness},
    refusal::Refusal,
    route::Call,
};

pub(crate) fn get(call: &Call<'_>) -> Answer {
    // Under the cache's lock a small value is copied, of a large one a reference is taken.
    let take = |entry: Entry<'_>| {
        let value = entry.shared.cloned().unwrap_or_else(|| Bytes::copy_from_slice(entry.value));
        (value, entry.expiry)
    };
    match call.cache.get_stale(call.key, call.now, take) {
        Some((value, expiry)) => Answer::value(value, Freshness::of(expiry, call.now)),
        None => Refusal::Missing.into(),
    }
}

pub(crate) fn head(call: &Call<'_>) -> Answer {
    let look = |entry: Entry<'_>| (entry.value.len() as u64, entry.expiry);
    match call.cache.peek_stale(call.key, call.now, look) {
        Some((len, expiry)) => Answer::present(len, Freshness::of(expiry, call.now)),
        None => Refusal::Missing.into(),
    }
}
