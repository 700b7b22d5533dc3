//! `GET /v1/cache/{key}/ttl`: in how many seconds the entry is gone, rounded up, its stale window included. `PATCH` lets a fresh entry
//! live for so long from now and keeps its stale window; where there is no entry it does nothing, and says so as if it had.

use larder_engine::{Millis, Renewed};
use serde::Deserialize;

use super::{
    JSON_BYTES_MAX, TTL_S_MAX,
    answer::Answer,
    header::{check_ttl, ttl},
    json,
    refusal::Refusal,
    route::{Call, Outcome, Payload},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    ttl: serde_json::Number,
}

pub(crate) fn get(call: &Call<'_>) -> Answer {
    let Some(expiry) = call.cache.peek_stale(call.key, call.now, |entry| entry.expiry) else {
        return Refusal::Missing.into();
    };
    let left_s = |Millis(end)| end.saturating_sub(call.now.0).div_ceil(1_000);
    match expiry.map(|expiry| left_s(expiry.evict_at)) {
        Some(left_s) => Answer::json(format!(r#"{{"ttl":{left_s}}}"#)),
        None => Answer::json(&br#"{"ttl":null}"#[..]),
    }
}

pub(crate) fn limit(_: &Call<'_>) -> Result<u64, Refusal> {
    Ok(JSON_BYTES_MAX)
}

pub(crate) fn patch(call: &Call<'_>, body: Payload<'_>) -> Outcome {
    let asked = match read_time(body.as_slice()) {
        Ok(asked) => ttl(asked),
        Err(refusal) => return refusal.into(),
    };
    let (Some(asked), Some(longest)) = (asked, ttl(TTL_S_MAX)) else { return Refusal::Ttl.into() };
    match call.cache.renew(call.key, asked, longest, call.now) {
        Renewed::Done | Renewed::Missing => Answer::success().into(),
        Renewed::Stale => Refusal::Stale.into(),
        Renewed::TooLong { .. } => Refusal::Lifetime.into(),
    }
}

/// The seconds that a body asks for.
pub(super) fn read_time(body: &[u8]) -> Result<u64, Refusal> {
    let expected = r#"the body is a JSON object with exactly one field, {"ttl":N}"#;
    let request: Request = json::object(body).ok_or(Refusal::Json(expected))?;
    json::whole(&request.ttl).and_then(check_ttl).ok_or(Refusal::Ttl)
}
