//! An answer before it is HTTP: what the routes make. Every answer forbids that anything between server and client keeps it, because
//! the address of an entry says nothing about whose it is.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use hyper::{
    HeaderMap, Response, StatusCode,
    body::{Body, Bytes, Frame, SizeHint},
    header::{self, HeaderName, HeaderValue},
};
use larder_engine::{Expiry, Millis};
use serde_json::json;

use super::{
    header::{FRESH_FOR, FRESHNESS},
    refusal::Refusal,
};

const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const AUTHORIZATION: HeaderValue = HeaderValue::from_static("Authorization");

/// What a client is told.
#[derive(Debug)]
pub(crate) struct Answer {
    status: StatusCode,
    pub(super) body: Bytes,
    kind: Kind,
    freshness: Option<Freshness>,
    /// A further header.
    extra: Option<(HeaderName, HeaderValue)>,
    /// The connection ends with this answer.
    is_last: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// There is no body and there never is one.
    None,
    Octets,
    /// There is no body, but elsewhere it would have so many bytes.
    OctetsOf(u64),
    Json,
    /// As `OctetsOf`.
    JsonOf(u64),
}

/// How an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Freshness {
    is_fresh: bool,
    /// Whole seconds that it is still fresh; `None` if it always is.
    fresh_for_s: Option<u64>,
}

impl Freshness {
    pub(crate) fn of(expiry: Option<Expiry>, now: Millis) -> Freshness {
        let left_ms = |expiry: Expiry| expiry.fresh_until().0.saturating_sub(now.0);
        let left_ms = expiry.map(left_ms);
        Freshness { is_fresh: left_ms != Some(0), fresh_for_s: left_ms.map(|left_ms| left_ms / 1_000) }
    }

    /// Without the time, which only those are told who get the value.
    pub(crate) fn without_time(self) -> Freshness {
        Freshness { fresh_for_s: None, ..self }
    }
}

impl Answer {
    fn new(status: StatusCode, kind: Kind, body: Bytes) -> Answer {
        Answer { status, body, kind, freshness: None, extra: None, is_last: false }
    }

    /// The bytes of an entry.
    pub(crate) fn value(value: Bytes, freshness: Freshness) -> Answer {
        Answer { freshness: Some(freshness), ..Answer::new(StatusCode::OK, Kind::Octets, value) }
    }

    /// That there is an entry of so many bytes.
    pub(crate) fn present(len: u64, freshness: Freshness) -> Answer {
        let freshness = Some(freshness.without_time());
        Answer { freshness, ..Answer::new(StatusCode::OK, Kind::OctetsOf(len), Bytes::new()) }
    }

    /// A JSON text.
    pub(crate) fn json(text: impl Into<Bytes>) -> Answer {
        Answer::new(StatusCode::OK, Kind::Json, text.into())
    }

    /// `{"success":true}`.
    pub(crate) fn success() -> Answer {
        Answer::json(&br#"{"success":true}"#[..])
    }

    /// Nothing, to whoever asks what may be asked.
    pub(crate) fn options(allow: Option<String>) -> Answer {
        let extra = allow.and_then(|allow| Some((header::ALLOW, HeaderValue::from_str(&allow).ok()?)));
        Answer { extra, ..Answer::new(StatusCode::NO_CONTENT, Kind::None, Bytes::new()) }
    }

    /// The same for whoever wants no body.
    pub(crate) fn without_body(self) -> Answer {
        let kind = match self.kind {
            Kind::Json => Kind::JsonOf(self.body.len() as u64),
            other => other,
        };
        Answer { kind, body: Bytes::new(), ..self }
    }

    /// The connection ends with this answer.
    pub(crate) fn last(self) -> Answer {
        Answer { is_last: true, ..self }
    }

    /// As HTTP. `headers` is an empty map, perhaps one that has room already.
    pub(crate) fn into_response(self, mut headers: HeaderMap) -> Response<Content> {
        headers.insert(header::CACHE_CONTROL, NO_STORE);
        headers.insert(header::VARY, AUTHORIZATION);
        match self.kind {
            Kind::None => {}
            // HTTP/2 would leave the length away where there is nothing.
            Kind::Octets if self.body.is_empty() => {
                headers.insert(header::CONTENT_TYPE, OCTETS);
                headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
            }
            Kind::Octets => drop(headers.insert(header::CONTENT_TYPE, OCTETS)),
            Kind::OctetsOf(len) => {
                headers.insert(header::CONTENT_TYPE, OCTETS);
                headers.insert(header::CONTENT_LENGTH, len.into());
            }
            Kind::Json => drop(headers.insert(header::CONTENT_TYPE, JSON)),
            Kind::JsonOf(len) => {
                headers.insert(header::CONTENT_TYPE, JSON);
                headers.insert(header::CONTENT_LENGTH, len.into());
            }
        }
        if let Some(Freshness { is_fresh, fresh_for_s }) = self.freshness {
            headers.insert(FRESHNESS, HeaderValue::from_static(if is_fresh { "fresh" } else { "stale" }));
            if let Some(fresh_for_s) = fresh_for_s {
                headers.insert(FRESH_FOR, fresh_for_s.into());
            }
        }
        if let Some((name, value)) = self.extra {
            headers.insert(name, value);
        }
        if self.is_last {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        let mut response = Response::new(Content(Some(self.body).filter(|body| !body.is_empty())));
        *response.status_mut() = self.status;
        *response.headers_mut() = headers;
        response
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Answer {
        let extra = match refusal {
            Refusal::Method { allowed } => {
                HeaderValue::from_str(&allowed.methods()).ok().map(|allow| (header::ALLOW, allow))
            }
            Refusal::NoKey | Refusal::WrongKey => {
                Some((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")))
            }
            _ => refusal.retry_after_s().map(|seconds| (header::RETRY_AFTER, seconds.into())),
        };
        let text = error_text(refusal.code(), refusal.message());
        let is_last = refusal.is_last();
        Answer { extra, is_last, ..Answer::new(refusal.status(), Kind::Json, text.into()) }
    }
}

/// The body of an error.
pub(crate) fn error_text(code: &str, message: &str) -> String {
    json!({ "error": { "code": code, "message": message } }).to_string()
}

/// The body of a response: one piece, or none.
pub(crate) struct Content(Option<Bytes>);

impl Body for Content {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

#[cfg(test)]
mod tests {
    use larder_engine::{Lifetime, Ttl};

    use super::*;

    #[test]
    fn freshness_is_rounded_down_and_never_promises_what_is_over() {
        let ttl = Ttl::new(2_000).unwrap();
        let expiry = Some(Expiry::of(Lifetime { ttl, stale_ms: 500 }, Millis(0)));
        let at = |now| {
            let Freshness { is_fresh, fresh_for_s } = Freshness::of(expiry, Millis(now));
            (is_fresh, fresh_for_s)
        };
        assert_eq!(at(0), (true, Some(2)));
        assert_eq!(at(1), (true, Some(1)));
        assert_eq!(at(1_001), (true, Some(0)));
        assert_eq!(at(1_999), (true, Some(0)));
        assert_eq!(at(2_000), (false, Some(0)));
        assert_eq!(at(2_499), (false, Some(0)));
        assert_eq!(Freshness::of(None, Millis(9)), Freshness { is_fresh: true, fresh_for_s: None });
    }
}
