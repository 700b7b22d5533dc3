//! One request: who asks, what for, and the answer.

use std::{convert::Infallible, sync::Arc};

use hyper::{
    HeaderMap, Method, Request, Response,
    body::{Bytes, Incoming},
    http::request::Parts,
};
use larder_engine::Millis;
use tokio::time;

use super::{
    UNLEASED_BYTES_MAX,
    access::Caller,
    answer::{Answer, Content},
    body,
    line::Line,
    path,
    refusal::Refusal,
    route::{self, Call, Payload, Run},
};
use crate::{budget::Lease, execute::Face};

/// Answers a request.
pub(crate) async fn answer(
    line: Arc<Line>,
    request: Request<Incoming>,
) -> Result<Response<Content>, Infallible> {
    let now = line.begin();
    let start = line.start_timing();
    let (parts, body) = request.into_parts();
    let answer = match run(&line, &parts, body, now).await {
        Ok(answer) => answer,
        Err(failure) => failure.into(),
    };
    let answer = answer.leased(&line.shared.budget);
    let answer = if parts.method == Method::HEAD { answer.without_body() } else { answer };
    line.end(start);
    // The map of the request has room for the answer's headers.
    let mut headers = parts.headers;
    headers.clear();
    Ok(answer.into_response(headers))
}

async fn run(line: &Line, parts: &Parts, body: Incoming, now: Millis) -> Result<Answer, body::Failure> {
    let found = path::place(parts.uri.path());
    if parts.method == Method::OPTIONS {
        return Ok(Answer::options(found.map(|(place, _)| place.methods())));
    }
    let caller = authenticate(line, &parts.headers, now).await?;
    let tenant = &line.shared.tenants[caller.tenant];
    tenant.admit(now).map_err(Refusal::TooFast)?;
    caller.check_headers(&parts.headers)?;
    let (place, segment) = found.ok_or(Refusal::NoRoute)?;
    let (number, route) = route::find(&parts.method, place)?;
    line.meter.request(Face::Rest, number);
    let key = if place.has_key() { path::key(segment).map_err(Refusal::Key)? } else { path::KeyBytes::new() };
    caller.check_space(route, &key)?;
    let cache = &tenant.cache;
    let call = Call {
        cache,
        key: cache.key(&key),
        headers: &parts.headers,
        query: parts.uri.query(),
        value_bytes_max: line.shared.limits.value_bytes.into(),
        now,
    };
    match &route.run {
        Run::Bare(run) => Ok(run(&call)),
        Run::Body { limit, run } => {
            let max = limit(&call)?;
            let too_large = match route.body {
                Some(route::Content::Bytes) => Refusal::ValueTooLarge,
                _ => Refusal::BodyTooLarge,
            };
            let body = body::read(body, max, too_large, line, &parts.headers).await?;
            let payload = match &body {
                body::Whole::Shared(bytes) => Payload::Slice(bytes),
                body::Whole::Own { bytes, .. } => Payload::Whole(bytes.clone()),
            };
            // The body may have taken a while.
            Ok(run(&Call { now: line.now(), ..call }, payload))
        }
    }
}

/// Who asks, before anything else is looked at.
async fn authenticate(line: &Line, headers: &HeaderMap, now: Millis) -> Result<Caller, Refusal> {
    let caller = line.shared.access.authenticate(headers);
    match caller {
        Ok(_) => line.authorised(),
        // Guesses are answered ever more slowly.
        Err(Refusal::WrongKey) => {
            let delay = line.shared.note_wrong_token(line.watch().peer.ip(), now);
            if !delay.is_zero() {
                time::sleep(delay).await;
            }
        }
        Err(_) => {}
    }
    caller
}

/// Bytes that count as in flight for as long as somebody holds them.
struct Leased {
    bytes: Bytes,
    _lease: Lease,
}

impl AsRef<[u8]> for Leased {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Answer {
    /// A long body counts as in flight until it is written; where there is no room for that, the answer is that there is none.
    fn leased(mut self, budget: &Arc<crate::budget::Budget>) -> Answer {
        if self.body.len() <= UNLEASED_BYTES_MAX {
            return self;
        }
        let mut lease = budget.lease();
        match lease.resize(self.body.len() as u64) {
            Ok(()) => {
                self.body = Bytes::from_owner(Leased { bytes: self.body, _lease: lease });
                self
            }
            Err(_) => Refusal::Busy.into(),
        }
    }
}
