//! `PUT /v1/cache/{key}`: stores the bytes of the body in place of what was there, its times included. Everything else is looked at
//! before the body is read, and a body that is announced as too long is not read at all. A large value is stored in steps.

use hyper::{body::Bytes, header};
use larder_engine::{Error as CacheError, Kind, Lifetime, Value};
use larder_wire::seriput::ValueType;

use super::{
    answer::Answer,
    header::lifetime,
    refusal::{KeyFault, Refusal},
    route::{Call, Outcome, Payload},
};
use crate::limits::STEPPED_BYTES_MIN;

pub(crate) fn limit(call: &Call<'_>) -> Result<u64, Refusal> {
    let life = lifetime(call.headers)?;
    let (key_len, max) = (call.key.bytes().len(), call.value_bytes_max);
    match call.cache.admits(key_len, max, life.is_some()) {
        Ok(()) => Ok(max),
        Err(CacheError::ValueTooLarge { capacity, .. }) => Ok(max.min(capacity)),
        Err(error) => Err(refusal(&error)),
    }
}

pub(crate) fn put(call: &Call<'_>, body: Payload<'_>) -> Outcome {
    let life = match lifetime(call.headers) {
        Ok(life) => life,
        Err(refusal) => return refusal.into(),
    };
    // Whoever reads an entry of this kind relies on it.
    let is_json = says_json(call) && ValueType::Json.check(body.as_slice()).is_ok();
    let kind = if is_json { Kind::Json } else { Kind::Opaque };
    let is_large = body.as_slice().len() >= STEPPED_BYTES_MIN;
    let stored = match body {
        Payload::Slice(bytes) if is_large => {
            return begin(call, Bytes::copy_from_slice(bytes), kind, life);
        }
        Payload::Whole(bytes) if is_large => return begin(call, bytes, kind, life),
        Payload::Slice(bytes) => call.cache.set_for(call.key, Value::Slice(bytes), kind, life, call.now),
        Payload::Whole(bytes) => call.cache.set_for(call.key, Value::Shared(bytes), kind, life, call.now),
    };
    done(stored).into()
}

fn begin(call: &Call<'_>, value: Bytes, kind: Kind, life: Option<Lifetime>) -> Outcome {
    match call.cache.start_set(call.key, value, kind, life, call.now) {
        Ok(storing) => Outcome::Storing(storing),
        Err(error) => refusal(&error).into(),
    }
}

/// The answer when a value has been stored, or has not.
pub(crate) fn done(stored: Result<(), CacheError>) -> Answer {
    match stored {
        Ok(()) => Answer::success(),
        Err(error) => refusal(&error).into(),
    }
}

fn refusal(error: &CacheError) -> Refusal {
    match error {
        CacheError::KeyTooLong { .. } => Refusal::Key(KeyFault::Limit),
        _ => Refusal::ValueTooLarge,
    }
}

/// Whether the body is said to be JSON, whatever further the type says.
fn says_json(call: &Call<'_>) -> bool {
    let said = call.headers.get(header::CONTENT_TYPE).and_then(|said| said.to_str().ok());
    said.and_then(|said| said.split(';').next())
        .is_some_and(|media| media.trim().eq_ignore_ascii_case("application/json"))
}
