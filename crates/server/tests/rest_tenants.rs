//! API keys and tenants: who gets in, what each class of keys may do, and that no tenant sees or disturbs another.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::time::Duration;

use hyper::Method;
use larder_server::config::{SETTINGS, Sources, resolve};
use support::{
    TestServer,
    http::{Http, path},
};

const L1: (&str, &str) = ("x-cachekit-l1-status", "miss");

/// A server with these keys and tenants, as the command line takes them.
fn server(keys: &[&str], tenants: &[&str], max_size: u64) -> TestServer {
    let flag = |key: &str, values: &[&str]| {
        let setting = SETTINGS.iter().find(|setting| setting.key == key).unwrap();
        (setting, values.iter().map(|value| (*value).to_owned()).collect())
    };
    let flags = vec![flag("api_key", keys), flag("tenant", tenants)];
    let resolved = resolve(&Sources { file: None, variable: &|_| None, flags }).unwrap();
    TestServer::start_rest(|config| {
        config.rest.keys = resolved.config.rest.keys;
        config.rest.tenants = resolved.config.rest.tenants;
        config.max_size = max_size;
    })
}

fn with_key(server: &TestServer, key: &str) -> Http {
    let mut http = server.http();
    http.headers.push(("authorization".to_owned(), format!("Bearer {key}")));
    http
}

#[test]
fn only_a_key_opens_and_it_is_asked_for_before_anything_else() {
    let server = server(&["ck_live_one_0123456789=one", "ck_test_two_0123456789=two"], &[], 64 << 20);
    let mut http = server.http();
    let long = format!("Bearer ck_live_{}", "x".repeat(10_000));
    for wrong in [
        "",
        "Bearer",
        "Bearer ",
        "Bearer ck_live_one_012345678",
        "Bearer ck_live_one_01234567891",
        "Bearer ck_other_one",
        "Basic ck_live_one_0123456789",
        "ck_live_one_0123456789",
        "Bearer ck_live_one_0123456789 ck_live_one_0123456789",
        "Bearer ck_live_\u{e9}",
        &long,
    ] {
        for (method, path) in [
            (Method::GET, path("k")),
            (Method::PUT, path("..")),
            (Method::GET, "/nowhere".to_owned()),
            (Method::TRACE, path("k")),
        ] {
            let reply = http.send(method, &path, &[("authorization", wrong)], b"");
            assert_eq!(reply.error(), (401, "unauthorized".to_owned()), "{wrong}");
            assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
        }
    }
    assert_eq!(http.get("k").status, 401, "none at all");
    let twice = [
        ("authorization", "Bearer ck_live_one_0123456789"),
        ("authorization", "Bearer ck_live_one_0123456789"),
    ];
    assert_eq!(http.send(Method::GET, &path("k"), &twice, b"").status, 401);
    assert_eq!(
        http.send(Method::OPTIONS, &path("k"), &[], b"").status,
        204,
        "but who asks what may be asked"
    );
    for key in ["ck_live_one_0123456789", "ck_test_two_0123456789"] {
        for scheme in ["Bearer", "bearer", "BEARER"] {
            let reply =
                http.send(Method::GET, &path("k"), &[("authorization", &format!("{scheme} {key}"))], b"");
            assert_eq!(reply.status, 404, "{scheme} {key}");
        }
    }
}

#[test]
fn a_client_that_shows_no_key_in_time_is_dropped() {
    let server = server(&["ck_live_one_0123456789=one"], &[], 64 << 20);
    let (mut one, mut none) = (with_key(&server, "ck_live_one_0123456789"), server.http());
    assert_eq!((one.get("k").status, none.get("k").status), (404, 401));
    server.clock.advance(Duration::from_secs(11));
    support::until("it is dropped", || server.handle.events().dropped == 1);
    assert_eq!(one.get("k").status, 404);
}

#[test]
fn an_sdk_says_how_its_own_cache_fared() {
    let server = server(&["ck_sdk_a_0123456789=one", "ck_live_b_0123456789=one"], &[], 64 << 20);
    let mut sdk = with_key(&server, "ck_sdk_a_0123456789");
    for wrong in [
        &[][..],
        &[("x-cachekit-l1-status", "HIT")],
        &[("x-cachekit-l1-status", "")],
        &[("x-cachekit-l1-status", "hit, miss")],
    ] {
        let reply = sdk.send(Method::GET, &path("k"), wrong, b"");
        assert_eq!(reply.error(), (400, "missing_l1_status".to_owned()), "{wrong:?}");
    }
    assert_eq!(sdk.send(Method::GET, &path("k"), &[L1, L1], b"").error().0, 400);
    for status in ["hit", "miss", "disabled"] {
        assert_eq!(sdk.send(Method::GET, &path("k"), &[("x-cachekit-l1-status", status)], b"").status, 404);
    }
    assert_eq!(with_key(&server, "ck_live_b_0123456789").get("k").status, 404, "others need not");
}

#[test]
fn each_class_writes_its_own_space_and_reads_both() {
    let keys = [
        "ck_sdk_a_0123456789=one",
        "ck_api_b_0123456789=one",
        "ck_live_c_0123456789=one",
        "ck_test_d_0123456789=one",
    ];
    let server = server(&keys, &[], 64 << 20);
    for (key, ns, nsapi) in [
        ("ck_sdk_a_0123456789", 200, 403),
        ("ck_api_b_0123456789", 403, 200),
        ("ck_live_c_0123456789", 200, 200),
        ("ck_test_d_0123456789", 200, 200),
    ] {
        let mut http = with_key(&server, key);
        http.headers.push((L1.0.to_owned(), L1.1.to_owned()));
        for (entry, expected) in [("ns:a:k", ns), ("nsapi:a:k", nsapi), ("plain", 200)] {
            let lock = format!("{}/lock", path(entry));
            assert_eq!(http.put(entry, &[], b"v").status, expected, "{key} {entry}");
            assert_eq!(http.renew(entry, r#"{"ttl":9}"#).status, expected, "{key} {entry}");
            let locked = http.send(Method::POST, &lock, &[], br#"{"timeout_ms":1}"#);
            assert_eq!(locked.status, expected, "{key} {entry}");
            let unlocked = http.send(Method::DELETE, &lock, &[("x-cachekit-lock-id", "x")], b"").status;
            assert_eq!(unlocked, if expected == 200 { 404 } else { 403 }, "{key} {entry}");
            assert!([200, 404].contains(&http.get(entry).status), "{key} {entry}");
            assert_eq!(http.head(entry).status, http.get(entry).status, "{key} {entry}");
            assert_eq!(http.ttl(entry).status, http.get(entry).status, "{key} {entry}");
            assert_eq!(http.delete(entry).status, expected, "{key} {entry}");
        }
    }
}

#[test]
fn no_tenant_sees_anothers_entries_locks_or_counts() {
    let server = server(
        &["ck_live_a_0123456789=one", "ck_live_b_0123456789=two", "ck_live_c_0123456789=default"],
        &[],
        64 << 20,
    );
    let [mut one, mut two, mut default] =
        ["ck_live_a_0123456789", "ck_live_b_0123456789", "ck_live_c_0123456789"]
            .map(|key| with_key(&server, key));
    one.put("k", &[], b"of one");
    two.put("k", &[], b"of two");
    assert_eq!(default.get("k").status, 404);
    assert_eq!(one.get("k").body, b"of one");
    let held = one.lock("k", 60_000).unwrap();
    let other = two.lock("k", 60_000).unwrap();
    assert_eq!(two.unlock("k", &held).status, 404);
    two.delete("k");
    assert_eq!(one.get("k").body, b"of one");
    let counts = |http: &mut Http| {
        let health = http.send(Method::GET, "/v1/cache/health", &[], b"").json();
        (health["cache_entries"].as_u64().unwrap(), health["active_locks"].as_u64().unwrap())
    };
    assert_eq!([counts(&mut one), counts(&mut two), counts(&mut default)], [(1, 1), (0, 1), (0, 0)]);
    assert_eq!(two.unlock("k", &other).status, 200);
    assert_eq!(one.unlock("k", &held).status, 200);
    // The default tenant is who the other protocols serve.
    let mut paper = server.client();
    paper.set(b"k", b"of all protocols").unwrap();
    assert_eq!(default.get("k").body, b"of all protocols");
    assert_eq!(one.get("k").body, b"of one");
}

#[test]
fn a_tenant_that_fills_its_memory_pushes_nobody_elses_out() {
    let server =
        server(&["ck_live_a_0123456789=one", "ck_live_b_0123456789=two"], &["one,max_size=100k"], 10_000_000);
    let (mut one, mut two) =
        (with_key(&server, "ck_live_a_0123456789"), with_key(&server, "ck_live_b_0123456789"));
    two.put("k", &[], &[7; 50_000]);
    for number in 0..300 {
        assert_eq!(one.put(&format!("k{number}"), &[], &[0; 1_000]).status, 200);
    }
    assert_eq!(one.put("k", &[], &[0; 200_000]).error(), (413, "value_too_large".to_owned()));
    let used = |tenant| server.handle.tenant_cache(tenant).unwrap().status().used;
    assert!((50_000..=100_000).contains(&used("one")), "{}", used("one"));
    assert_eq!(two.get("k").body.len(), 50_000);
    let capacity = |tenant| server.handle.tenant_cache(tenant).unwrap().status().capacity.amount();
    assert_eq!(capacity("one") + capacity("two") + capacity("default"), 10_000_000);
}

#[test]
fn a_tenant_has_so_many_requests_a_second() {
    let server = server(
        &["ck_live_a_0123456789=one", "ck_live_b_0123456789=two"],
        &["one,requests_per_second=3"],
        64 << 20,
    );
    let (mut one, mut two) =
        (with_key(&server, "ck_live_a_0123456789"), with_key(&server, "ck_live_b_0123456789"));
    for second in 0..3 {
        for _ in 0..3 {
            assert_eq!(one.get("k").status, 404, "{second}");
        }
        let reply = one.put("k", &[], b"v");
        assert_eq!(reply.error(), (429, "rate_limited".to_owned()));
        assert_eq!(reply.header("retry-after"), Some("1"));
        assert_eq!(two.get("k").status, 404, "others are not held to it");
        server.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(one.get("k").status, 404, "nothing was stored");
}
