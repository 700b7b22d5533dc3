//! The administration listener: its figures are what happened, and it tells monitoring apart from clients.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::{
    collections::HashMap,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    thread,
    time::Duration,
};

use larder_server::{Server, StartError, Stopped, SystemClock, config::Config, config::Listen};
use larder_wire::paper::Request;
use support::{PATIENCE, TestServer, encode, seriput::Told, test_config, token, until};

fn start(configure: impl FnOnce(&mut Config)) -> TestServer {
    TestServer::start_both(|config| {
        config.admin.listen = Listen::Address("127.0.0.1:0".to_owned());
        configure(config);
    })
}

fn admin(server: &TestServer) -> SocketAddr {
    server.handle.admin_addr().unwrap()
}

/// Sends a request as it is and returns the status, the head and the body.
fn ask(address: SocketAddr, request: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_ascii_lowercase(), body.to_owned())
}

fn get(address: SocketAddr, path: &str) -> (u16, String, String) {
    ask(address, &format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"))
}

/// Every series with its value.
fn figures(server: &TestServer) -> HashMap<String, f64> {
    let (status, _, page) = get(admin(server), "/metrics");
    assert_eq!(status, 200, "{page}");
    let lines = page.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            (series.to_owned(), value.parse().unwrap())
        })
        .collect()
}

#[track_caller]
fn expect(figures: &HashMap<String, f64>, expected: &[(&str, f64)]) {
    for (series, value) in expected {
        assert_eq!(figures.get(*series), Some(value), "{series} in {figures:#?}");
    }
}

#[test]
fn figures_are_what_happened() {
    let server = start(|config| {
        config.max_size = 1 << 20;
        config.limits.connections = 7;
        config.policy = "sieve".parse().unwrap();
    });
    let mut paper = server.client();
    paper.set(b"a", b"1").unwrap();
    paper.set(b"a", b"2").unwrap();
    paper.set(b"b", b"3").unwrap();
    paper.call(Request::Set { key: b"c", value: b"4", ttl_s: 1 }).unwrap();
    assert!(paper.get(b"a").is_some() && paper.get(b"nothing").is_none());
    paper.call(Request::Del { key: b"b" }).unwrap();
    server.clock.advance(Duration::from_secs(2));
    assert!(paper.get(b"c").is_none());
    let mut seriput = server.seriput();
    assert_eq!(seriput.put("d", b"5"), Told::Ok);
    assert_eq!(seriput.get("d"), Told::Value(b"5".to_vec()));
    let used = server.handle.cache().status().used as f64;
    let figures = figures(&server);
    expect(
        &figures,
        &[
            ("larder_requests_total{protocol=\"paper\",command=\"set\"}", 4.0),
            ("larder_requests_total{protocol=\"paper\",command=\"get\"}", 3.0),
            ("larder_requests_total{protocol=\"paper\",command=\"del\"}", 1.0),
            ("larder_requests_total{protocol=\"paper\",command=\"wipe\"}", 0.0),
            ("larder_requests_total{protocol=\"seriput\",command=\"put\"}", 1.0),
            ("larder_requests_total{protocol=\"seriput\",command=\"get\"}", 1.0),
            ("larder_connections{protocol=\"paper\"}", 1.0),
            ("larder_connections{protocol=\"seriput\"}", 1.0),
            ("larder_connections_limit", 7.0),
            ("larder_connections_accepted_total", 2.0),
            ("larder_cache_hits_total{tenant=\"default\"}", 2.0),
            ("larder_cache_misses_total{tenant=\"default\"}", 2.0),
            ("larder_cache_sets_total{tenant=\"default\"}", 5.0),
            ("larder_cache_removals_total{tenant=\"default\",cause=\"replaced\"}", 1.0),
            ("larder_cache_removals_total{tenant=\"default\",cause=\"deleted\"}", 1.0),
            ("larder_cache_removals_total{tenant=\"default\",cause=\"expired\"}", 1.0),
            ("larder_cache_removals_total{tenant=\"default\",cause=\"evicted\"}", 0.0),
            ("larder_cache_entries{tenant=\"default\"}", 2.0),
            ("larder_cache_capacity_bytes{tenant=\"default\"}", f64::from(1 << 20)),
            ("larder_cache_used_bytes{tenant=\"default\"}", used),
            ("larder_cache_policy_info{tenant=\"default\",policy=\"sieve\",auto=\"false\"}", 1.0),
            // The first batch of a connection is timed, and the clock stood still.
            ("larder_request_duration_seconds_count{protocol=\"paper\"}", 1.0),
            ("larder_request_duration_seconds_bucket{protocol=\"paper\",le=\"5e-06\"}", 1.0),
            ("larder_request_duration_seconds_bucket{protocol=\"paper\",le=\"+Inf\"}", 1.0),
            ("larder_request_duration_seconds_sum{protocol=\"paper\"}", 0.0),
            ("larder_uptime_seconds", 2.0),
        ],
    );
    assert!(figures["process_resident_memory_bytes"] > 1e6);
}

#[test]
fn a_batch_is_counted_whole_and_every_eighth_is_timed() {
    let server = start(|config| config.workers = 1);
    let mut client = server.client();
    for _ in 0..16 {
        client.send(&encode(&Request::Ping));
        client.expect(b"!\x04\0\0\0pong");
    }
    expect(
        &figures(&server),
        &[
            ("larder_requests_total{protocol=\"paper\",command=\"ping\"}", 16.0),
            ("larder_request_duration_seconds_count{protocol=\"paper\"}", 2.0),
        ],
    );
}

#[test]
fn troubles_are_counted() {
    let server = start(|config| {
        config.tokens = vec![token("secret")];
        config.allow_insecure = true;
        config.limits.connections = 2;
    });
    let mut client = server.client();
    assert!(client.call(Request::Auth { token: b"wrong" }).is_err());
    let mut bad = server.client();
    bad.send(&[0xff]);
    server.connect().expect(b"\x3f\x02");
    bad.receive(2);
    bad.expect_end();
    expect(
        &figures(&server),
        &[
            ("larder_authentication_failures_total", 1.0),
            ("larder_protocol_violations_total", 1.0),
            ("larder_connections_refused_total", 1.0),
        ],
    );
}

#[test]
fn the_connections_of_a_protocol_come_and_go() {
    let server = start(|_| {});
    let clients: Vec<_> = (0..5).map(|_| server.client()).collect();
    let open = |server: &TestServer| figures(server)["larder_connections{protocol=\"paper\"}"];
    assert_eq!(open(&server), 5.0);
    drop(clients);
    until("they are gone", || open(&server) == 0.0);
}

#[test]
fn monitoring_takes_no_place_of_a_client() {
    let server = start(|config| config.limits.connections = 1);
    let _open: Vec<_> = (0..3).map(|_| TcpStream::connect(admin(&server)).unwrap()).collect();
    server.client();
    assert_eq!(get(admin(&server), "/health").0, 200);
}

#[test]
fn half_a_request_holds_nobody_up() {
    let server = start(|_| {});
    let mut slow: Vec<_> = (0..8).map(|_| TcpStream::connect(admin(&server)).unwrap()).collect();
    slow.iter_mut().for_each(|stream| stream.write_all(b"GET /metrics HTTP/1.1\r\nhost:").unwrap());
    assert_eq!(get(admin(&server), "/health").0, 200);
}

#[test]
fn the_description_of_the_api_is_the_one_in_docs() {
    let server = start(|_| {});
    let (_, head, page) = get(admin(&server), "/openapi.json");
    assert!(head.contains("content-type: application/json"), "{head}");
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(parse(&page), parse(&std::fs::read_to_string(file).unwrap()));
}

#[test]
fn only_those_who_ask_for_openmetrics_get_it() {
    let server = start(|_| {});
    let (_, head, page) = get(admin(&server), "/metrics");
    assert!(head.contains("content-type: text/plain; version=0.0.4"), "{head}");
    assert!(!page.contains("# EOF"));
    let accept = "accept: application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.4";
    let request = format!("GET /metrics HTTP/1.1\r\nhost: x\r\n{accept}\r\nconnection: close\r\n\r\n");
    let (_, head, page) = ask(admin(&server), &request);
    assert!(head.contains("content-type: application/openmetrics-text; version=1.0.0"), "{head}");
    assert!(page.ends_with("# EOF\n"));
}

#[test]
fn bad_requests_are_answered_as_http_says_and_change_nothing() {
    let server = start(|_| {});
    let address = admin(&server);
    let long = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(32 << 10));
    for (request, status) in [
        ("GET /nothing HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", 404),
        ("POST /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n", 405),
        ("GET /../etc/passwd HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", 404),
        ("\x02\x03\0\0\0abc\r\n\r\n", 400),
        (&long, 431),
    ] {
        let (found, ..) = ask(address, request);
        assert_eq!(found, status, "{}", &request[..request.len().min(60)]);
    }
    assert_eq!(get(address, "/health"), (200, get(address, "/health").1, "alive\n".to_owned()));
}

#[test]
fn a_server_that_stops_is_alive_but_not_ready() {
    let server = start(|config| config.limits.stop_time = PATIENCE);
    let address = admin(&server);
    assert_eq!(get(address, "/ready").0, 200);
    let mut client = server.client();
    client.set(b"key", &vec![7; 1 << 20]).unwrap();
    client.send(&encode(&Request::Get { key: b"key" }).repeat(100));
    until("it is in the middle of it", || server.handle.cache().status().totals.hits > 0);
    let stopping = thread::spawn(move || server.handle.shutdown());
    until("it is not ready", || get(address, "/ready").0 == 503);
    assert_eq!(get(address, "/health").0, 200);
    for _ in 0..100 {
        client.receive(5 + (1 << 20));
    }
    drop(client);
    assert_eq!(stopping.join().unwrap(), Stopped::Clean);
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn only_this_machine_may_ask_unless_it_is_said() {
    let mut config = test_config();
    config.admin.listen = Listen::Address("0.0.0.0:0".to_owned());
    config.tokens = vec![token("secret")];
    let error = Server::start(&config, Arc::new(SystemClock::new())).unwrap_err();
    assert!(matches!(error, StartError::Unguarded { key: "admin.listen", .. }), "{error}");
    config.allow_insecure = true;
    let handle = Server::start(&config, Arc::new(SystemClock::new())).unwrap();
    let port = handle.admin_addr().unwrap().port();
    assert_eq!(get(SocketAddr::from(([127, 0, 0, 1], port)), "/health").0, 200);
}

#[test]
fn without_the_listener_there_is_nothing() {
    assert_eq!(TestServer::start(|_| {}).handle.admin_addr(), None);
}

/// A loop over a quarter more than fits, so that there is something to decide.
fn run_around(server: &TestServer) {
    let cache = server.handle.cache();
    for number in 0..60_000_u32 {
        let name = (number % 500).to_le_bytes();
        let key = cache.key(&name);
        if cache.get(key, larder_engine::Millis(0), |_| ()).is_none() {
            let value = [7; 100];
            cache
                .set(key, value[..].into(), larder_engine::Kind::Opaque, None, larder_engine::Millis(0))
                .unwrap();
        }
    }
}

fn page(server: &TestServer, path: &str) -> serde_json::Value {
    let (status, head, body) = get(admin(server), path);
    assert!(status == 200 && head.contains("content-type: application/json"), "{head}");
    serde_json::from_str::<serde_json::Value>(&body).unwrap()["default"].clone()
}

#[test]
fn how_the_policy_is_picked_is_told_as_json_and_in_figures() {
    let server = start(|config| {
        config.policy = "auto".parse().unwrap();
        config.max_size = 64 << 10;
    });
    run_around(&server);
    let report = page(&server, "/auto");
    assert_eq!((&report["is_auto"], &report["policy"]), (&true.into(), &"mru".into()), "{report}");
    assert_eq!(report["estimates"].as_array().unwrap().len(), 9);
    let history = report["history"].as_array().unwrap();
    let switch = history.iter().find(|decision| decision["outcome"] == "switched").unwrap();
    assert!(switch["to"] == "mru" && switch["advantage"].as_f64() > switch["margin"].as_f64(), "{switch}");
    let figures = figures(&server);
    let lru = figures["larder_cache_estimated_miss_ratio{tenant=\"default\",policy=\"lru\"}"];
    let mru = figures["larder_cache_estimated_miss_ratio{tenant=\"default\",policy=\"mru\"}"];
    assert!(lru > mru + 0.3, "lru {lru}, mru {mru}");
    assert!(figures["larder_cache_policy_switches_total{tenant=\"default\"}"] >= 1.0);
    assert!(figures["larder_cache_policy_decisions_total{tenant=\"default\"}"] >= 10.0);
    assert_eq!(figures["larder_cache_policy_info{tenant=\"default\",policy=\"mru\",auto=\"true\"}"], 1.0);
    let curve = page(&server, "/auto/curve");
    let ratios: Vec<f64> =
        curve["points"].as_array().unwrap().iter().map(|point| point["in_force"].as_f64().unwrap()).collect();
    assert_eq!(ratios.len(), 6);
    assert!(ratios[0] > ratios[5] + 0.3, "small caches miss more: {ratios:?}");

    server.handle.cache().wipe();
    let figures = self::figures(&server);
    assert!(
        figures.keys().all(|series| !series.starts_with("larder_cache_estimated")),
        "nothing is known after a wipe"
    );
    assert!(figures["larder_cache_policy_switches_total{tenant=\"default\"}"] >= 1.0);
}

#[test]
fn advice_is_told_and_the_policy_stays() {
    let server = start(|config| {
        config.policy = "lru".parse().unwrap();
        config.advise = true;
        config.max_size = 64 << 10;
    });
    run_around(&server);
    let report = page(&server, "/auto");
    assert_eq!((&report["policy"], &report["advised"]), (&"lru".into(), &"mru".into()), "{report}");
    assert_eq!(page(&server, "/auto/curve")["best"], "mru");
}

#[test]
fn where_nothing_is_watched_there_is_nothing_to_tell() {
    let server = start(|config| config.policy = "lru".parse().unwrap());
    run_around(&server);
    assert!(page(&server, "/auto").is_null() && page(&server, "/auto/curve").is_null());
    assert!(figures(&server).keys().all(|series| !series.starts_with("larder_cache_estimated")));
}
