//! What a request is refused for: a status, a code for programs and a sentence for people, which say what was wrong in our own
//! words. Nothing that a client sent is in them.

use hyper::StatusCode;

use super::route::Place;

/// Why a request is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// HTTP/1.1 without a `Host`.
    NoHost,
    /// More than one `Host`.
    Hosts,
    /// A `Host` that names none.
    Host,
    /// The body is coded in a way that is not read here.
    Coding,
    /// There is no API key, or none that could be one.
    NoKey,
    /// The API key is nobody's.
    WrongKey,
    /// The tenant has made too many requests; in how many seconds there may be another.
    TooFast(u64),
    /// An SDK has to say how its own cache fared.
    L1Status,
    /// Keys of this class do not write where this one belongs.
    Space,
    /// No such path.
    NoRoute,
    /// The place does not have this method.
    Method { allowed: Place },
    /// What the key breaks.
    Key(KeyFault),
    /// The time to live is none.
    Ttl,
    /// The stale window is none.
    StaleTtl,
    /// A stale window without a time to live.
    StaleAlone,
    /// Time to live and stale window are too long together.
    Lifetime,
    /// A header is there more than once.
    Repeated,
    /// The body is not the JSON that is asked for.
    Json(&'static str),
    /// The time of a lock is out of range.
    LockTime,
    /// There is no lock id.
    NoLockId,
    /// The lock id in the query has a bad escape.
    LockIdEscape,
    /// There is no entry.
    Missing,
    /// The lock is not held with this id.
    NotHeld,
    /// A stale entry does not become fresh by a new time to live.
    Stale,
    /// The value is too long.
    ValueTooLarge,
    /// The JSON body is too long.
    BodyTooLarge,
    /// The body ended before its announced length, or cannot be read.
    BodyBroken,
    /// The body did not come in time.
    BodySlow,
    /// Too much is in flight on all connections together.
    Busy,
    /// Too many locks are held.
    TooManyLocks,
}

/// What is wrong with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyFault {
    Empty,
    Escape,
    TooLong,
    Character,
    Dots,
    Reserved,
    Namespace,
    Limit,
}

impl Refusal {
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Refusal::NoRoute | Refusal::Missing | Refusal::NotHeld => StatusCode::NOT_FOUND,
            Refusal::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Refusal::NoKey | Refusal::WrongKey => StatusCode::UNAUTHORIZED,
            Refusal::TooFast(_) => StatusCode::TOO_MANY_REQUESTS,
            Refusal::Space => StatusCode::FORBIDDEN,
            Refusal::Stale => StatusCode::CONFLICT,
            Refusal::ValueTooLarge | Refusal::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::BodySlow => StatusCode::REQUEST_TIMEOUT,
            Refusal::Busy | Refusal::TooManyLocks => StatusCode::SERVICE_UNAVAILABLE,
            Refusal::Coding => StatusCode::NOT_IMPLEMENTED,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// For programs; the same for ever.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Refusal::NoHost | Refusal::Hosts | Refusal::Host => "invalid_host",
            Refusal::Coding => "unknown_coding",
            Refusal::NoKey | Refusal::WrongKey => "unauthorized",
            Refusal::TooFast(_) => "rate_limited",
            Refusal::L1Status => "missing_l1_status",
            Refusal::Space => "forbidden",
            Refusal::NoRoute => "no_such_route",
            Refusal::Method { .. } => "method_not_allowed",
            Refusal::Key(_) => "invalid_key",
            Refusal::Ttl => "invalid_ttl",
            Refusal::StaleTtl | Refusal::StaleAlone => "invalid_stale_ttl",
            Refusal::Lifetime => "lifetime_too_long",
            Refusal::Repeated => "repeated_header",
            Refusal::Json(_) => "invalid_body",
            Refusal::LockTime => "invalid_timeout",
            Refusal::NoLockId => "missing_lock_id",
            Refusal::LockIdEscape => "invalid_lock_id",
            Refusal::Missing => "not_found",
            Refusal::NotHeld => "lock_not_held",
            Refusal::Stale => "stale",
            Refusal::ValueTooLarge => "value_too_large",
            Refusal::BodyTooLarge => "body_too_large",
            Refusal::BodyBroken => "incomplete_body",
            Refusal::BodySlow => "body_too_slow",
            Refusal::Busy => "busy",
            Refusal::TooManyLocks => "too_many_locks",
        }
    }

    /// For people.
    pub(crate) fn message(self) -> &'static str {
        match self {
            Refusal::NoHost => "HTTP/1.1 asks for a Host header, and there is none",
            Refusal::Hosts => "there is more than one Host header",
            Refusal::Host => "the Host header is not a host and a port",
            Refusal::Coding => "the only Transfer-Encoding that is read here is chunked, once",
            Refusal::NoKey => "an API key is needed: Authorization: Bearer ck_…",
            Refusal::WrongKey => "the API key is not known here",
            Refusal::TooFast(_) => "too many requests of this tenant; try again later",
            Refusal::L1Status => "with a key of an SDK, X-CacheKit-L1-Status is hit, miss or disabled, once",
            Refusal::Space => "keys of this class do not write here: ns: is for SDKs, nsapi: for others",
            Refusal::NoRoute => "there is nothing here; the API is at /v1/cache/{key}",
            Refusal::Method { .. } => {
                "this path does not have this method; the Allow header says which it has"
            }
            Refusal::Key(fault) => fault.message(),
            Refusal::Ttl => "a time to live is a whole number of seconds from 1 to 2592000",
            Refusal::StaleTtl => "a stale window is a whole number of seconds from 0 to 2591999",
            Refusal::StaleAlone => "a stale window needs a time to live, X-CacheKit-TTL, in the same request",
            Refusal::Lifetime => "time to live and stale window together are at most 2592000 seconds",
            Refusal::Repeated => "a header of the API is there more than once",
            Refusal::Json(expected) => expected,
            Refusal::LockTime => "timeout_ms is a whole number from 1 to 86400000",
            Refusal::NoLockId => "the lock id is missing: send it in X-CacheKit-Lock-Id",
            Refusal::LockIdEscape => {
                "a % in lock_id, in the query, is not followed by two hexadecimal digits"
            }
            Refusal::Missing => "there is no entry with this key",
            Refusal::NotHeld => "the lock is not held with this id; it may have run out",
            Refusal::Stale => "the entry is stale: only a PUT of new bytes makes it fresh",
            Refusal::ValueTooLarge => "the value is longer than this cache stores",
            Refusal::BodyTooLarge => "the body is longer than 4096 bytes",
            Refusal::BodyBroken => "the body ended before its announced length, or its chunks cannot be read",
            Refusal::BodySlow => "the body did not arrive in time",
            Refusal::Busy => "too much is in flight on all connections together; try again",
            Refusal::TooManyLocks => "too many locks are held; try again",
        }
    }

    /// Whether what else comes on the connection cannot be trusted to be what it seems.
    pub(crate) fn is_last(self) -> bool {
        matches!(self, Refusal::NoHost | Refusal::Hosts | Refusal::Host | Refusal::Coding)
    }

    /// In how many seconds it may be worth trying again.
    pub(crate) fn retry_after_s(self) -> Option<u64> {
        match self {
            Refusal::Busy | Refusal::TooManyLocks => Some(1),
            Refusal::TooFast(seconds) => Some(seconds),
            _ => None,
        }
    }
}

impl KeyFault {
    /// For people.
    pub(crate) fn message(self) -> &'static str {
        match self {
            KeyFault::Empty => "the key is empty",
            KeyFault::Escape => "a % in the key is not followed by two hexadecimal digits",
            KeyFault::TooLong => "the key is longer than 400 characters",
            KeyFault::Character => "a key has letters, digits, and _ . : - only",
            KeyFault::Dots => "a key has no two dots in a row",
            KeyFault::Reserved => "health, ttl, lock and . are no keys",
            KeyFault::Namespace => {
                "ns: and nsapi: are followed by a name of 1 to 64 letters, digits, _ or -, and another colon"
            }
            KeyFault::Limit => "the key is longer than this cache stores",
        }
    }
}
