//! One request: who asks, what for, and the answer.

use std::{convert::Infallible, sync::Arc, time::Duration};

use hyper::{
    HeaderMap, Method, Request, Response, Version,
    body::{Body, Bytes, Incoming},
    http::request::Parts,
};
use larder_engine::{Cache, Millis, Progress, Storing};
use tokio::{task, time};

use super::{
    UNLEASED_BYTES_MAX,
    access::Caller,
    answer::{Answer, Content},
    body, framing,
    line::Line,
    path, put,
    refusal::Refusal,
    route::{self, Call, Outcome, Payload, Run},
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
    let mut body = Some(body);
    let answer = match begin(&line, &parts, now) {
        Ok(Begun::Answer(answer)) => answer,
        // Only what may have to wait has a task's worth of memory of its own: the future of a request is moved about.
        Ok(Begun::Body(ask)) => Box::pin(finish(&line, &parts, ask, &mut body)).await,
        Ok(Begun::Guess(delay)) => {
            time::sleep(delay).await;
            Refusal::WrongKey.into()
        }
        Err(refusal) => refusal.into(),
    };
    let is_unread = match body.take_if(|body| !body.is_end_stream()) {
        Some(body) => !Box::pin(body::pass(body, &line, &parts)).await,
        None => false,
    };
    // A stream of HTTP/2 ends without its connection.
    let answer = if is_unread && parts.version != Version::HTTP_2 { answer.last() } else { answer };
    let answer = answer.leased(&line.shared.budget);
    let answer = if parts.method == Method::HEAD { answer.without_body() } else { answer };
    line.end(start);
    // The map of the request has room for the answer's headers.
    let mut headers = parts.headers;
    headers.clear();
    Ok(answer.into_response(headers))
}

/// What can be said of a request before its body.
enum Begun {
    Answer(Answer),
    /// Its body is wanted.
    Body(Box<Ask>),
    /// A wrong key, whose answer waits so long: guesses are answered ever more slowly.
    Guess(Duration),
}

/// A request that is to be done when its body is here.
struct Ask {
    tenant: usize,
    key: path::KeyBytes,
    content: Option<route::Content>,
    limit: fn(&Call<'_>) -> Result<u64, Refusal>,
    run: fn(&Call<'_>, Payload<'_>) -> Outcome,
}

fn begin(line: &Line, parts: &Parts, now: Millis) -> Result<Begun, Refusal> {
    framing::check(parts)?;
    let found = path::place(parts.uri.path());
    if parts.method == Method::OPTIONS {
        return Ok(Begun::Answer(Answer::options(found.map(|(place, _)| place.methods()))));
    }
    let caller = match authenticate(line, &parts.headers) {
        Err(Refusal::WrongKey) => {
            let delay = line.shared.note_wrong_token(line.watch().peer.ip(), now);
            return if delay.is_zero() { Err(Refusal::WrongKey) } else { Ok(Begun::Guess(delay)) };
        }
        caller => caller?,
    };
    let tenant = &line.shared.tenants[caller.tenant];
    tenant.admit(now).map_err(Refusal::TooFast)?;
    caller.check_headers(&parts.headers)?;
    let (place, segment) = found.ok_or(Refusal::NoRoute)?;
    let (number, route) = route::find(&parts.method, place)?;
    line.meter.request(Face::Rest, number);
    let key = if place.has_key() { path::key(segment).map_err(Refusal::Key)? } else { path::KeyBytes::new() };
    caller.check_space(route, &key)?;
    match route.run {
        Run::Bare(run) => Ok(Begun::Answer(run(&call(line, &tenant.cache, &key, parts, now)))),
        Run::Body { limit, run } => {
            Ok(Begun::Body(Box::new(Ask { tenant: caller.tenant, key, content: route.body, limit, run })))
        }
    }
}

/// Reads the body, unless that needs no body to be refused, and does what is asked.
async fn finish(line: &Line, parts: &Parts, ask: Box<Ask>, body: &mut Option<Incoming>) -> Answer {
    match read_and_run(line, parts, &ask, body).await {
        Ok(answer) => answer,
        Err(failure) => failure.into(),
    }
}

async fn read_and_run(
    line: &Line,
    parts: &Parts,
    ask: &Ask,
    body: &mut Option<Incoming>,
) -> Result<Answer, body::Failure> {
    let cache = &line.shared.tenants[ask.tenant].cache;
    let max = (ask.limit)(&call(line, cache, &ask.key, parts, line.now()))?;
    let too_large = match ask.content {
        Some(route::Content::Bytes) => Refusal::ValueTooLarge,
        _ => Refusal::BodyTooLarge,
    };
    let body = body.take().ok_or(Refusal::BodyBroken)?;
    let body = body::read(body, max, too_large, line, &parts.headers).await?;
    let payload = match &body {
        body::Whole::Shared(bytes) => Payload::Slice(bytes),
        body::Whole::Own { bytes, .. } => Payload::Whole(bytes.clone()),
    };
    // The body may have taken a while.
    match (ask.run)(&call(line, cache, &ask.key, parts, line.now()), payload) {
        Outcome::Answer(answer) => Ok(answer),
        Outcome::Storing(storing) => Ok(store(storing, line).await),
    }
}

/// Stores a large value, for which many small ones may have to go: others on this thread get their turn after each step.
async fn store(mut storing: Storing, line: &Line) -> Answer {
    loop {
        match storing.step(line.now()) {
            Ok(Progress::More) => task::yield_now().await,
            Ok(Progress::Done) => return put::done(Ok(())),
            Err(error) => return put::done(Err(error)),
        }
    }
}

fn call<'c>(line: &Line, cache: &'c Arc<Cache>, key: &'c [u8], parts: &'c Parts, now: Millis) -> Call<'c> {
    Call {
        cache,
        key: cache.key(key),
        headers: &parts.headers,
        query: parts.uri.query(),
        value_bytes_max: line.shared.limits.value_bytes.into(),
        now,
    }
}

/// Who asks, before anything else is looked at.
fn authenticate(line: &Line, headers: &HeaderMap) -> Result<Caller, Refusal> {
    if let Some(caller) = line.recognise(headers) {
        return Ok(caller);
    }
    let caller = line.shared.access.authenticate(headers)?;
    line.authorised(headers, caller);
    Ok(caller)
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
