//! The details of the REST API, against a server that answers as it is told. Larder's own API keeps the contract in the tests of
//! the binary.

use crate::peer::{Peer, Reply};
use crate::program::{https, is_there};
use larder_store::{
    Class, Error, Expiry, Fault, Found, Freshness, Health, Hosts, LockToken, NearCache, Remaining,
    RestOptions, RestStore, Store,
};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

fn options(url: impl Into<String>) -> RestOptions {
    RestOptions { hosts: Hosts::Private, ..RestOptions::new(url, "ck_live_secret") }
}

fn store(peer: &Peer) -> RestStore {
    RestStore::new(options(format!("http://{}", peer.address))).unwrap()
}

/// A server that answers everything alike, and a store there.
async fn always(status: u16, headers: &'static str, body: &'static str) -> (Peer, RestStore) {
    let peer = Peer::http(move |_| Reply::http(status, headers, body)).await;
    let store = store(&peer);
    (peer, store)
}

/// The first line and the headers of a request.
fn head(request: &str) -> (&str, Vec<&str>) {
    let mut lines = request.split("\r\n");
    (lines.next().unwrap(), lines.take_while(|line| !line.is_empty()).collect())
}

#[tokio::test]
async fn a_set_says_key_time_and_value_as_the_api_wants_them() {
    let (peer, store) = always(200, "", "{}").await;
    let expiry = Expiry::after(Duration::from_millis(1_500)).and_stale_for(MINUTE);
    store.set(b"ns:users:a/b", "value".into(), expiry).await.unwrap();
    store.set(b"k", "".into(), Expiry::NEVER).await.unwrap();
    let requests = peer.requests();
    let (line, headers) = head(&requests[0]);
    assert_eq!(line, "PUT /v1/cache/ns%3Ausers%3Aa%2Fb HTTP/1.1");
    for header in [
        "authorization: Bearer ck_live_secret",
        "x-cachekit-l1-status: disabled",
        "x-cachekit-ttl: 2",
        "x-cachekit-stale-ttl: 60",
        "content-type: application/octet-stream",
        "content-length: 5",
    ] {
        assert!(headers.contains(&header), "{header} is not in {headers:?}");
    }
    let session = |headers: &[&str]| -> Vec<String> {
        let ours = headers.iter().filter(|header| header.starts_with("x-cachekit-session-"));
        ours.map(|header| (*header).to_owned()).collect()
    };
    let told = session(&headers);
    assert!(matches!(&told[..], [id, start] if id.len() == 59 && start.contains("start: 1")), "{told:?}");
    assert!(requests[0].ends_with("\r\n\r\nvalue"));
    let (_, headers) = head(&requests[1]);
    assert!(headers.contains(&"content-length: 0"), "{headers:?}");
    assert_eq!(session(&headers), told, "a process is one session");
    assert!(!headers.iter().any(|header| header.contains("-ttl")), "{headers:?}");
    assert_eq!(peer.connections(), 1, "the connection is used again");
}

#[tokio::test]
async fn a_near_cache_is_told_and_a_prefix_kept() {
    let peer = Peer::http(|_| Reply::http(404, "", "")).await;
    let url = format!("http://{}/behind/a/proxy/", peer.address);
    let store = RestStore::new(RestOptions { near_cache: NearCache::Missed, ..options(url) }).unwrap();
    assert_eq!(store.get(b"k").await, Ok(None));
    let requests = peer.requests();
    let (line, headers) = head(&requests[0]);
    assert_eq!(line, "GET /behind/a/proxy/v1/cache/k HTTP/1.1");
    assert!(headers.contains(&"x-cachekit-l1-status: miss"), "{headers:?}");
}

#[tokio::test]
async fn freshness_is_what_the_headers_say_and_no_more() {
    let cases = [
        ("", Freshness::UNBOUNDED),
        (
            "X-CacheKit-Freshness: fresh\r\nX-CacheKit-Fresh-For: 60\r\n",
            Freshness::Fresh { fresh_for: Some(MINUTE) },
        ),
        ("X-CacheKit-Freshness: stale\r\n", Freshness::Stale),
        ("X-CacheKit-Freshness: fresh\r\nX-CacheKit-Freshness: stale\r\n", Freshness::Stale),
        (
            "X-CacheKit-Fresh-For: 1\r\nX-CacheKit-Fresh-For: 1\r\n",
            Freshness::Fresh { fresh_for: Some(Duration::ZERO) },
        ),
        ("X-CacheKit-Fresh-For: 6\u{b2}\r\n", Freshness::Fresh { fresh_for: Some(Duration::ZERO) }),
    ];
    for (headers, freshness) in cases {
        let (_peer, store) = always(200, headers, "value").await;
        assert_eq!(store.get(b"k").await, Ok(Some(Found { bytes: "value".into(), freshness })), "{headers}");
    }
}

#[tokio::test]
async fn a_contested_lock_is_none_however_the_server_says_it() {
    let token = Some(LockToken::new("5f0c"));
    let cases = [(200, r#"{"lock_id":"5f0c"}"#, token), (200, r#"{"lock_id":null}"#, None), (409, "", None)];
    for (status, body, expected) in cases {
        let (peer, store) = always(status, "", body).await;
        assert_eq!(store.lock(b"k", Duration::from_micros(4_999_001)).await, Ok(expected));
        assert!(peer.requests()[0].starts_with("POST /v1/cache/k/lock "));
        assert!(peer.requests()[0].ends_with("{\"timeout_ms\":5000}"));
    }
    let (_peer, store) = always(200, "", "{\"lock\":1}").await;
    let error = store.lock(b"k", MINUTE).await.unwrap_err();
    assert!(matches!(error.fault(), Fault::NotTheProtocol(_)), "{error}");
}

#[tokio::test]
async fn a_lock_is_released_by_header_and_its_loss_is_told() {
    let token = LockToken::new("5f0c");
    let cases = [
        (200, "{\"success\":true}", true),
        (204, "", true),
        (404, "", false),
        (200, "{\"success\":false}", false),
    ];
    for (status, body, expected) in cases {
        let (peer, store) = always(status, "", body).await;
        assert_eq!(store.unlock(b"k", &token).await, Ok(expected), "{status} {body}");
        let requests = peer.requests();
        let (line, headers) = head(&requests[0]);
        assert_eq!(line, "DELETE /v1/cache/k/lock HTTP/1.1");
        assert!(headers.contains(&"x-cachekit-lock-id: 5f0c"), "{headers:?}");
    }
}

#[tokio::test]
async fn the_time_left_is_read_and_set() {
    let (peer, store) = always(200, "", "{\"ttl\":60}").await;
    assert_eq!(store.remaining(b"k").await, Ok(Some(Remaining::For(MINUTE))));
    assert_eq!(store.set_ttl(b"k", Some(MINUTE)).await, Ok(true));
    assert!(peer.requests()[0].starts_with("GET /v1/cache/k/ttl "));
    assert!(
        peer.requests()[1].starts_with("PATCH /v1/cache/k/ttl ")
            && peer.requests()[1].ends_with("{\"ttl\":60}")
    );
    let (_peer, store) = always(200, "", "{\"ttl\":null}").await;
    assert_eq!(store.remaining(b"k").await, Ok(Some(Remaining::Forever)));
    let (_peer, store) = always(404, "", "").await;
    assert_eq!(store.remaining(b"k").await, Ok(None));
    assert_eq!(store.delete(b"k").await, Ok(false));
    assert_eq!(store.exists(b"k").await, Ok(false));
    for body in ["{}", "{\"ttl\":-1}", "{\"ttl\":\"1\"}", "not json", ""] {
        let (_peer, store) = always(200, "", body).await;
        assert!(
            matches!(store.remaining(b"k").await.unwrap_err().fault(), Fault::NotTheProtocol(_)),
            "{body}"
        );
    }
}

#[tokio::test]
async fn health_takes_either_form_of_json() {
    let (_peer, store) = always(200, "", r#"{"status":"ok","cache_entries":1,"active_locks":0}"#).await;
    assert_eq!(store.health().await, Ok(Health { version: None }));
    let (_peer, store) = always(200, "", r#"{"version":"1.2"}"#).await;
    assert_eq!(store.health().await, Ok(Health { version: Some("1.2".into()) }));
    let (_peer, store) = always(503, "", "").await;
    assert_eq!(store.health().await.unwrap_err().class(), Class::Transient);
}

#[tokio::test]
async fn each_status_has_its_class() {
    let retry = "Retry-After: 2\r\n";
    let cases = [
        (400, "", Class::Permanent, None),
        (401, "", Class::Authentication, None),
        (403, "", Class::Authentication, None),
        (405, "", Class::Permanent, None),
        (408, "", Class::Transient, None),
        (413, "", Class::Permanent, None),
        (429, retry, Class::Transient, Some(Duration::from_secs(2))),
        (429, "Retry-After: 2\r\nX-CacheKit-Deny-Reason: quota\r\n", Class::Permanent, None),
        (500, "", Class::Transient, None),
        (503, retry, Class::Transient, Some(Duration::from_secs(2))),
        (
            503,
            "Retry-After: Wed, 21 Oct 2026 07:28:00 GMT\r\nDate: Wed, 21 Oct 2026 07:27:57 GMT\r\n",
            Class::Transient,
            Some(Duration::from_secs(3)),
        ),
        (503, "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n", Class::Transient, Some(Duration::ZERO)),
        (503, "Retry-After: when it is well\r\n", Class::Transient, None),
    ];
    for (status, headers, class, retry_after) in cases {
        let (_peer, store) = always(status, headers, "because").await;
        let error = store.set(b"k", "v".into(), Expiry::NEVER).await.unwrap_err();
        assert_eq!((error.class(), error.retry_after()), (class, retry_after), "{status} {headers}");
        assert!(error.to_string().contains(&format!("HTTP status {status}: because")), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (elsewhere, _) = always(200, "", "stolen").await;
    let location = format!("Location: http://{}/\r\n", elsewhere.address);
    let peer = Peer::http(move |_| Reply::http(307, &location, "")).await;
    let error = store(&peer).get(b"k").await.unwrap_err();
    assert_eq!(error.class(), Class::Permanent, "{error}");
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn times_that_the_api_refuses_are_not_sent() {
    let (peer, store) = always(200, "", "").await;
    let month = Duration::from_secs(2_592_000);
    for expiry in [
        Expiry::after(Duration::ZERO),
        Expiry::after(month + Duration::from_nanos(1)),
        Expiry::after(month).and_stale_for(Duration::from_secs(1)),
        Expiry::after(Duration::from_secs(1)).and_stale_for(Duration::MAX),
    ] {
        let error = store.set(b"k", "v".into(), expiry).await.unwrap_err();
        assert!(matches!(error.fault(), Fault::Expiry(_)), "{error}");
    }
    assert_eq!(peer.connections(), 0);
    store.set(b"k", "v".into(), Expiry::after(month)).await.unwrap();
}

fn refusal(url: &str, hosts: Hosts) -> Option<Error> {
    RestStore::new(RestOptions { hosts, ..RestOptions::new(url, "ck_live_secret") }).err()
}

#[test]
fn addresses_that_could_be_forged_are_refused() {
    for (url, hosts) in [
        ("https://127.0.0.1", Hosts::Public),
        ("https://[::1]:8443", Hosts::Public),
        ("https://localhost", Hosts::Public),
        ("https://10.0.0.1", Hosts::Public),
        ("https://2130706433", Hosts::Public),
        ("https://0x7f.1", Hosts::Public),
        ("https://[::ffff:169.254.169.254]", Hosts::Private),
        ("http://169.254.169.254", Hosts::Private),
        ("http://cache.example.org", Hosts::Public),
        ("http://93.184.216.34", Hosts::Any),
        ("ftp://cache.example.org", Hosts::Any),
        ("https://user:pw@cache.example.org", Hosts::Any),
        ("https://cache.example.org/?q", Hosts::Any),
        ("cache.example.org", Hosts::Any),
        ("https://", Hosts::Any),
    ] {
        let error = refusal(url, hosts).unwrap_or_else(|| panic!("{url} was taken"));
        assert!(matches!(error.fault(), Fault::Address(_)), "{url}: {error}");
        assert!(!error.to_string().contains("pw"), "{error}");
    }
    for (url, hosts) in [
        ("https://cache.example.org", Hosts::Public),
        ("http://127.0.0.1:1", Hosts::Private),
        ("http://localhost:1", Hosts::Private),
        ("https://169.254.169.254", Hosts::Any),
    ] {
        assert_eq!(refusal(url, hosts), None, "{url}");
    }
}

#[tokio::test]
async fn a_name_is_judged_by_what_it_stands_for() {
    let peer = Peer::http(|_| Reply::http(404, "", "")).await;
    let port = peer.address.port();
    let near = RestStore::new(options(format!("http://localhost:{port}"))).unwrap();
    assert_eq!(near.get(b"k").await, Ok(None));
}

#[test]
fn keys_and_certificates_that_cannot_be_are_refused_at_once() {
    for key in ["", "=", "a b", "ck_live_\r\nX: y", "schl\u{fc}ssel"] {
        let error = RestStore::new(RestOptions::new("https://cache.example.org", key)).err().unwrap();
        assert_eq!(error.class(), Class::Authentication, "{key:?}");
    }
    let shown = format!("{:?}", options("https://cache.example.org"));
    assert!(!shown.contains("secret"), "{shown}");
    for pem in ["", "not a certificate"] {
        let options = RestOptions { ca_pem: Some(pem.into()), ..options("https://cache.example.org") };
        assert!(matches!(RestStore::new(options).err().unwrap().fault(), Fault::Refused(_)), "{pem:?}");
    }
}

#[tokio::test]
async fn a_server_is_trusted_by_the_given_authority_and_by_no_other() {
    if !is_there("openssl") {
        return;
    }
    let (right, wrong) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (_server, port) = https(right.path());
    let _other = https(wrong.path());
    let trusting = |directory: &tempfile::TempDir| {
        let pem = std::fs::read(directory.path().join("certificate.pem")).unwrap();
        let options = options(format!("https://localhost:{port}"));
        RestStore::new(RestOptions { ca_pem: Some(pem.into()), ..options }).unwrap()
    };
    // It answers everything with a page about the connection.
    let found = trusting(&right).get(b"k").await.unwrap().unwrap();
    assert!(!found.bytes.is_empty());
    let error = trusting(&wrong).get(b"k").await.unwrap_err();
    assert!(matches!(error.fault(), Fault::Untrusted(_)), "{error}");
}
