//! `POST /v1/cache/{key}/lock` takes the lock of a key, `DELETE` releases it. A lock is a lease of the engine; its id is random, so
//! that only who took it can release it. That somebody else holds it is no error: the id is null then.

use hyper::HeaderMap;
use larder_engine::{Error as CacheError, Ttl};
use serde::Deserialize;
use uuid::{Builder, Uuid};

use super::{
    JSON_BYTES_MAX, LOCK_MS_MAX,
    answer::Answer,
    header::{LOCK_ID, single},
    json,
    path::parameter,
    refusal::{KeyFault, Refusal},
    route::{Call, Outcome, Payload},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    timeout_ms: serde_json::Number,
}

pub(crate) fn limit(_: &Call<'_>) -> Result<u64, Refusal> {
    Ok(JSON_BYTES_MAX)
}

pub(crate) fn lock(call: &Call<'_>, body: Payload<'_>) -> Outcome {
    let ttl = match read_time(body.as_slice()) {
        Ok(ttl) => ttl,
        Err(refusal) => return refusal.into(),
    };
    let id = Builder::from_random_bytes(rand::random()).into_uuid();
    match call.cache.lock(call.key, id.as_bytes(), ttl, call.now) {
        Ok(true) => Answer::json(format!(r#"{{"lock_id":"{id}"}}"#)).into(),
        Ok(false) => Answer::json(&br#"{"lock_id":null}"#[..]).into(),
        Err(CacheError::TooManyLeases { .. }) => Refusal::TooManyLocks.into(),
        Err(_) => Refusal::Key(KeyFault::Limit).into(),
    }
}

pub(super) fn read_time(body: &[u8]) -> Result<Ttl, Refusal> {
    let expected = r#"the body is a JSON object with exactly one field, {"timeout_ms":N}"#;
    let request: Request = json::object(body).ok_or(Refusal::Json(expected))?;
    let ms = json::whole(&request.timeout_ms).filter(|ms| *ms <= LOCK_MS_MAX);
    ms.and_then(Ttl::new).ok_or(Refusal::LockTime)
}

pub(crate) fn unlock(call: &Call<'_>) -> Answer {
    let id = match read_id(call.headers, call.query) {
        Ok(id) => id,
        Err(refusal) => return refusal.into(),
    };
    // What is no id that was ever given holds nothing.
    match id {
        Some(id) if call.cache.unlock(call.key, id.as_bytes(), call.now) => Answer::success(),
        _ => Refusal::NotHeld.into(),
    }
}

/// The id that a request names, if it is one: in the header, or else in the query. A blank one is none.
pub(super) fn read_id(headers: &HeaderMap, query: Option<&str>) -> Result<Option<Uuid>, Refusal> {
    let parse = |text: &[u8]| Uuid::try_parse_ascii(text.trim_ascii()).ok();
    if let Some(text) = single(headers, &LOCK_ID)?.filter(|text| !text.trim_ascii().is_empty()) {
        return Ok(parse(text));
    }
    let text = match query.map(|query| parameter(query, "lock_id")).transpose() {
        Ok(text) => text.flatten(),
        Err(KeyFault::TooLong) => return Ok(None),
        Err(_) => return Err(Refusal::LockIdEscape),
    };
    let text = text.filter(|text| !text.trim_ascii().is_empty()).ok_or(Refusal::NoLockId)?;
    Ok(parse(&text))
}
