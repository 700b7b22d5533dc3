//! How a call of the REST store travels: the URL and the host rules, headers that every request has, an answer read up to a
//! limit, and what a status means. No redirect is followed and no proxy used; each address that a name stands for is judged.

use super::{NearCache, RestOptions, session};
use crate::clock::{Clock, SystemClock};
use crate::error::Fault;
use crate::host::{Hosts, is_near};
use crate::trust::is_untrusted;
use bytes::{Bytes, BytesMut};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{AUTHORIZATION, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Certificate, Client, Method, RequestBuilder, Response, StatusCode, Url, redirect};
use std::error::Error as _;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

/// Characters of an error's body that become part of the message.
const REASON_CHARS_MAX: usize = 256;
/// Idle connections are closed after this time.
const IDLE_MAX: Duration = Duration::from_secs(390);

pub(super) struct Http {
    client: Client,
    /// `https://host:port/prefix/v1/cache/`
    base: String,
    name: String,
}

/// A URL as it may be shown: without what could be a password.
pub(super) fn shown(url: &str) -> String {
    match Url::parse(url) {
        Ok(url) if url.has_host() => {
            format!("{}://{}{}", url.scheme(), url.host_str().unwrap_or_default(), port_of(&url))
        }
        _ => "rest".to_owned(),
    }
}

fn port_of(url: &Url) -> String {
    url.port().map(|port| format!(":{port}")).unwrap_or_default()
}

impl Http {
    pub(super) fn new(options: &RestOptions) -> Result<Self, Fault> {
        let url = check_url(&options.url)?;
        let rule = Rule { hosts: options.hosts, in_the_clear: url.scheme() == "http" };
        rule.check_host(&url)?;
        let limits = options.limits;
        let mut builder = Client::builder()
            .default_headers(headers(options)?)
            .user_agent(concat!("larder-store/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy()
            .http1_only()
            .tcp_nodelay(true)
            .connect_timeout(limits.connect_timeout)
            .pool_max_idle_per_host(limits.connections_max)
            .pool_idle_timeout(IDLE_MAX)
            .dns_resolver(Arc::new(rule));
        if let Some(pem) = &options.ca_pem {
            let refuse = |error: reqwest::Error| Fault::Refused(format!("certificates: {}", chain(&error)));
            let certificates = Certificate::from_pem_bundle(pem).map_err(refuse)?;
            if certificates.is_empty() {
                return Err(Fault::Refused("certificates: there is none in the PEM".to_owned()));
            }
            builder = builder.tls_certs_only(certificates);
        }
        let client = builder.build().map_err(|error| Fault::Refused(chain(&error)))?;
        let base = format!("{}/v1/cache/", url.as_str().trim_end_matches('/'));
        Ok(Self { client, base, name: shown(&options.url) })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// A request to a path below `/v1/cache/`, which is in its encoded form.
    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    /// Sends a request and reads the whole answer, its body up to a limit.
    pub(super) async fn send(&self, request: RequestBuilder, body_max: u64) -> Result<Answer, Fault> {
        let mut response = request.send().await.map_err(|error| fault_of(&error))?;
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        let body = read_body(response, body_max).await?;
        Ok(Answer { status, headers, body })
    }
}

fn check_url(text: &str) -> Result<Url, Fault> {
    let refuse = |why: &str| Fault::Address(format!("not an address of the API: {why}"));
    let url = Url::parse(text).map_err(|error| refuse(&error.to_string()))?;
    if !matches!(url.scheme(), "https" | "http") || !url.has_host() {
        return Err(refuse("https://HOST[:PORT] is expected"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse("it has a user name or password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refuse("it has a query or fragment"));
    }
    Ok(url)
}

fn headers(options: &RestOptions) -> Result<HeaderMap, Fault> {
    let key = &options.api_key;
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    let body = key.trim_end_matches('=');
    if body.is_empty() || !body.bytes().all(is_token) {
        return Err(Fault::Unauthorized("the API key is empty or has characters that no key has".to_owned()));
    }
    let mut bearer = HeaderValue::try_from(format!("Bearer {key}"))
        .map_err(|_| Fault::Unauthorized("the API key cannot be sent".to_owned()))?;
    bearer.set_sensitive(true);
    let near_cache = HeaderValue::from_static(match options.near_cache {
        NearCache::Disabled => "disabled",
        NearCache::Missed => "miss",
    });
    let level = HeaderName::from_static("x-cachekit-l1-status");
    let mut headers = HeaderMap::from_iter([(AUTHORIZATION, bearer), (level, near_cache)]);
    headers.extend(session::headers());
    Ok(headers)
}

/// Which addresses are connected to.
#[derive(Clone, Copy)]
struct Rule {
    hosts: Hosts,
    /// Without TLS: only where nobody outside can listen.
    in_the_clear: bool,
}

impl Rule {
    fn check_host(self, url: &Url) -> Result<(), Fault> {
        let host = url.host_str().unwrap_or_default();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        match bare.parse() {
            Ok(address) => self.check(address).map_err(Fault::Address),
            Err(_) if self.in_the_clear && self.hosts == Hosts::Public => {
                Err(Fault::Address(format!("{host} is to be talked to with https")))
            }
            Err(_) if !self.hosts.allows_name(bare) => {
                Err(Fault::Address(format!("{host} is a private host, which is not allowed")))
            }
            Err(_) => Ok(()),
        }
    }

    fn check(self, address: IpAddr) -> Result<(), String> {
        if !self.hosts.allows(address) {
            return Err(format!("{address} is a private or reserved address, which is not allowed"));
        }
        if self.in_the_clear && !is_near(address) {
            return Err(format!("{address} is not a private address: it is to be talked to with https"));
        }
        Ok(())
    }
}

/// Resolves a name and keeps only the addresses that may be talked to, so that a name cannot lead where its owner likes.
impl Resolve for Rule {
    fn resolve(&self, name: Name) -> Resolving {
        let rule = *self;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let (mut allowed, mut refused) = (Vec::<SocketAddr>::new(), None);
            for address in found {
                match rule.check(address.ip()) {
                    Ok(()) => allowed.push(address),
                    Err(why) => refused = Some(why),
                }
            }
            match refused {
                Some(why) if allowed.is_empty() => Err(RefusedHost(why).into()),
                _ => Ok(Box::new(allowed.into_iter()) as Addrs),
            }
        })
    }
}

/// All addresses of a name are refused.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct RefusedHost(String);

async fn read_body(mut response: Response, max: u64) -> Result<Bytes, Fault> {
    let announced = response.content_length().unwrap_or(0);
    if announced > max {
        return Err(Fault::AnswerTooLarge { len: announced, max });
    }
    let Some(first) = response.chunk().await.map_err(|error| fault_of(&error))? else {
        return Ok(Bytes::new());
    };
    let mut body = BytesMut::from(first);
    loop {
        if body.len() as u64 > max {
            return Err(Fault::AnswerTooLarge { len: body.len() as u64, max });
        }
        match response.chunk().await.map_err(|error| fault_of(&error))? {
            Some(chunk) => body.extend_from_slice(&chunk),
            None => return Ok(body.freeze()),
        }
    }
}

/// The messages of an error and of what caused it. None has the URL, in which the key is.
fn chain(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}{}{error}", if text.is_empty() { "" } else { ": " });
        source = error.source();
    }
    if text.is_empty() { "the request failed".to_owned() } else { text }
}

fn fault_of(error: &reqwest::Error) -> Fault {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(cause) = source {
        if let Some(RefusedHost(why)) = cause.downcast_ref() {
            return Fault::Address(why.clone());
        }
        source = cause.source();
    }
    let text = chain(error);
    if is_untrusted(error) {
        return Fault::Untrusted(text);
    }
    if error.is_connect() {
        return Fault::Connect(text);
    }
    if let Some(cause) = hyper_fault(error) {
        return cause;
    }
    Fault::Io(text)
}

/// Tells apart a connection that ended from bytes that are not HTTP.
fn hyper_fault(error: &reqwest::Error) -> Option<Fault> {
    let text = chain(error);
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
            return Some(match io.kind() {
                BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof => Fault::Closed,
                _ => Fault::Io(text),
            });
        }
        source = cause.source();
    }
    let closed = ["connection closed", "end of file"].iter().any(|end| text.contains(end));
    let garbled = ["invalid", "parse"].iter().any(|word| text.contains(word));
    match (closed, garbled) {
        (true, _) => Some(Fault::Closed),
        (_, true) => Some(Fault::NotTheProtocol(text)),
        _ => None,
    }
}

/// What a server answered.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    /// The values of a header, as bytes.
    pub(super) fn values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.headers.get_all(name).into_iter().map(HeaderValue::as_bytes)
    }

    pub(super) fn json(&self) -> Result<serde_json::Value, Fault> {
        serde_json::from_slice(&self.body)
            .map_err(|error| Fault::NotTheProtocol(format!("not JSON: {error}")))
    }

    /// What a status outside 200 to 299 means.
    pub(super) fn success(&self) -> Result<(), Fault> {
        if self.status.is_success() {
            return Ok(());
        }
        let said: String = String::from_utf8_lossy(&self.body).chars().take(REASON_CHARS_MAX).collect();
        let reason =
            format!("HTTP status {}{}{said}", self.status.as_u16(), if said.is_empty() { "" } else { ": " });
        Err(match self.status.as_u16() {
            401 | 403 => Fault::Unauthorized(reason),
            // A quota is not a rate: waiting does not help.
            429 if self.headers.contains_key("x-cachekit-deny-reason") => Fault::Refused(reason),
            408 | 429 | 500.. => Fault::Failed { reason, retry_after: self.retry_after() },
            _ => Fault::Refused(reason),
        })
    }

    /// How long `Retry-After` asks to wait: so many seconds, or until a date. The date is the server's, so it is compared with the
    /// server's clock, if that is told.
    fn retry_after(&self) -> Option<Duration> {
        let asked = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        if let Ok(seconds) = asked.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let until = httpdate::parse_http_date(asked).ok()?;
        let date = self.headers.get(DATE).and_then(|date| date.to_str().ok());
        let now = date.and_then(|date| httpdate::parse_http_date(date).ok());
        let now = now.unwrap_or_else(|| UNIX_EPOCH + Duration::from_millis(SystemClock.unix_ms()));
        Some(until.duration_since(now).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_that_leads_inside_is_refused_when_it_is_resolved() {
        let resolve =
            |hosts, in_the_clear| Rule { hosts, in_the_clear }.resolve("localhost".parse().unwrap());
        let refused = resolve(Hosts::Public, false).await.err().unwrap();
        assert!(refused.downcast_ref::<RefusedHost>().is_some(), "{refused}");
        assert!(resolve(Hosts::Private, true).await.unwrap().count() > 0);
    }
}
