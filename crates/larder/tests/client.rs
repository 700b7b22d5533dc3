//! The client commands against scripted bytes: what they send, what they print, and how they exit.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use larder_wire::paper::{Booleans, Request, Status, reply};
use std::io::Write;
use std::process::Stdio;
use support::{Scripted, larder, outcome, run};

/// Arguments, the request they make, its answer, and the status and line that come of it.
type JsonCase = (&'static [&'static str], Request<'static>, Vec<u8>, i32, &'static str);

/// What a bad server says first, what it then expects and answers, and what is said of it.
type BadServer = (Vec<u8>, Vec<(Vec<u8>, Vec<u8>)>, &'static str);

const OK: &[u8] = &[33];
const NOT_FOUND: &[u8] = &[63, 0, 1];

fn bytes(request: &Request<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    request.encode(&mut out).unwrap();
    out
}

fn value(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    reply::bytes(&mut out, value);
    out
}

/// Runs a command against a server that expects `request` and answers `answer`.
fn one(args: &[&str], request: &Request<'_>, answer: &[u8]) -> (i32, String, String) {
    let server = Scripted::start(vec![(bytes(request), answer.to_vec())]);
    let output = run(args.iter().copied().chain(["--server", &server.url]));
    server.finish();
    outcome(&output)
}

#[test]
fn each_command_sends_its_bytes_and_prints_what_it_got() {
    let mut size = Vec::new();
    reply::size(&mut size, 5);
    let (key, ttl_s) = (&b"k"[..], 7);
    let cases: [(&[&str], Request<'_>, Vec<u8>, &str); 11] = [
        (&["version"], Request::Version, value(b"1.2.3"), "1.2.3\n"),
        (&["get", "k"], Request::Get { key }, value(b"v\0\xff"), "v\0\u{fffd}"),
        (&["peek", "k"], Request::Peek { key }, value(b""), ""),
        (&["set", "k", "v", "--ttl", "7"], Request::Set { key, value: b"v", ttl_s }, OK.to_vec(), "done\n"),
        (&["set", "k", "-5"], Request::Set { key, value: b"-5", ttl_s: 0 }, OK.to_vec(), "done\n"),
        (&["del", "k"], Request::Del { key }, OK.to_vec(), "done\n"),
        (&["has", "k"], Request::Has { key }, vec![33, 33], "true\n"),
        (&["ttl", "k", "7"], Request::Ttl { key, ttl_s }, OK.to_vec(), "done\n"),
        (&["size", "k"], Request::Size { key }, size, "5\n"),
        (&["wipe"], Request::Wipe, OK.to_vec(), "done\n"),
        (
            &["resize", "1.5GiB"],
            Request::Resize { size: 3 << 29 },
            OK.to_vec(),
            "done: the cache may hold 1.5 GiB\n",
        ),
    ];
    for (args, request, answer, stdout) in cases {
        assert_eq!(one(args, &request, &answer), (0, stdout.to_owned(), String::new()), "{args:?}");
    }
    let (status, stdout, _) = one(&["policy", "arc"], &Request::Policy { name: b"arc" }, OK);
    assert_eq!((status, &*stdout), (0, "done\n"));
    let (status, stdout, _) = one(&["ping"], &Request::Ping, &value(b"pong"));
    assert!(status == 0 && stdout.starts_with("pong (") && stdout.ends_with(" ms)\n"), "{stdout}");
}

#[test]
fn a_missing_key_is_a_negative_answer() {
    let key = b"k";
    for (args, request) in [
        (&["get", "k"][..], Request::Get { key }),
        (&["peek", "k"], Request::Peek { key }),
        (&["del", "k"], Request::Del { key }),
        (&["ttl", "k", "0"], Request::Ttl { key, ttl_s: 0 }),
        (&["size", "k"], Request::Size { key }),
    ] {
        let expected = (1, String::new(), "larder: there is no key \"k\"\n".to_owned());
        assert_eq!(one(args, &request, NOT_FOUND), expected, "{args:?}");
    }
    let (status, stdout, _) = one(&["has", "k"], &Request::Has { key }, &[33, 63]);
    assert_eq!((status, &*stdout), (1, "false\n"));
}

#[test]
fn json_is_one_object_per_line() {
    let key: &[u8] = b"k";
    let cases: [JsonCase; 8] = [
        (&["get", "k"], Request::Get { key }, value(b"v"), 0, r#"{"key":"k","value":"v"}"#),
        (&["get", "k"], Request::Get { key }, value(&[255]), 0, r#"{"key":"k","value":{"base64":"/w=="}}"#),
        (&["get", "k"], Request::Get { key }, NOT_FOUND.to_vec(), 1, r#"{"key":"k","value":null}"#),
        (&["has", "k"], Request::Has { key }, vec![33, 63], 1, r#"{"has":false,"key":"k"}"#),
        (&["del", "k"], Request::Del { key }, NOT_FOUND.to_vec(), 1, r#"{"deleted":false,"key":"k"}"#),
        (&["size", "k"], Request::Size { key }, NOT_FOUND.to_vec(), 1, r#"{"bytes":null,"key":"k"}"#),
        (
            &["ttl", "k", "9"],
            Request::Ttl { key, ttl_s: 9 },
            OK.to_vec(),
            0,
            r#"{"found":true,"key":"k","ttl_s":9}"#,
        ),
        (
            &["set", "k", "v"],
            Request::Set { key, value: b"v", ttl_s: 0 },
            OK.to_vec(),
            0,
            r#"{"bytes":1,"key":"k","ttl_s":null}"#,
        ),
    ];
    for (args, request, answer, expected, line) in cases {
        let args: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
        let (status, stdout, _) = one(&args, &request, &answer);
        assert_eq!((status, &*stdout), (expected, &*format!("{line}\n")), "{args:?}");
    }
}

#[test]
fn a_value_comes_from_standard_input_or_a_file_byte_for_byte() {
    let content = [0, 255, b'\n', 0];
    let request = bytes(&Request::Set { key: b"k", value: &content, ttl_s: 0 });
    let server = Scripted::start(vec![(request.clone(), OK.to_vec())]);
    let mut child = larder(["set", "k", "-", "--server", &server.url])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&content).unwrap();
    assert!(child.wait().unwrap().success());
    server.finish();

    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), content).unwrap();
    let server = Scripted::start(vec![(request, OK.to_vec())]);
    let output = run(["set", "k", "--file", file.path().to_str().unwrap(), "--server", &server.url]);
    assert!(output.status.success());
    server.finish();

    let (status, _, stderr) = outcome(&run(["set", "k", "--file", "/nowhere/at/all"]));
    assert_eq!(status, 2);
    assert!(stderr.starts_with("larder: cannot read /nowhere/at/all: "), "{stderr}");
}

#[cfg(unix)]
#[test]
fn a_key_may_be_any_bytes() {
    use std::os::unix::ffi::OsStrExt;
    let key = [0xff, 0x01];
    let server = Scripted::start(vec![(bytes(&Request::Get { key: &key }), value(b"v"))]);
    let output =
        larder(["get", "--server", &server.url]).arg(std::ffi::OsStr::from_bytes(&key)).output().unwrap();
    assert_eq!(output.stdout, b"v");
    server.finish();
}

#[test]
fn a_token_is_sent_first_from_the_option_or_the_variable() {
    let script = || {
        vec![
            (bytes(&Request::Auth { token: b"secret" }), OK.to_vec()),
            (bytes(&Request::Get { key: b"k" }), value(b"v")),
        ]
    };
    let server = Scripted::start(script());
    assert!(run(["get", "k", "--token", "secret", "--server", &server.url]).status.success());
    server.finish();
    let server = Scripted::start(script());
    let output = larder(["get", "k"])
        .env("LARDER_TOKEN", "secret")
        .env("LARDER_SERVER", &server.url)
        .output()
        .unwrap();
    assert!(output.status.success());
    server.finish();
}

#[test]
fn what_the_server_refuses_is_said_with_what_to_try() {
    let key = b"k";
    let (status, _, stderr) = one(&["get", "k"], &Request::Get { key }, &[63, 3]);
    assert_eq!(status, 1);
    assert!(
        stderr.ends_with(": GET: not authorized; give the server's token with --token or LARDER_TOKEN\n"),
        "{stderr}"
    );
    assert_eq!(stderr.lines().count(), 1);
    let (status, _, stderr) = one(&["policy", "x"], &Request::Policy { name: b"x" }, &[63, 0, 6]);
    assert!(status == 1 && stderr.contains("POLICY: there is no such policy; policies are lfu"), "{stderr}");
    let (status, _, stderr) = one(&["ping"], &Request::Ping, &[63, 1]);
    assert!(status == 3 && stderr.contains("PING: an internal error"), "{stderr}");
}

#[test]
fn no_server_is_status_3() {
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (status, stdout, stderr) = outcome(&run(["ping", "--server", &format!("paper://{unused}")]));
    assert_eq!((status, &*stdout), (3, ""));
    assert!(stderr.starts_with(&format!("larder: paper://{unused}: cannot connect: ")), "{stderr}");
    assert!(stderr.contains("`larder serve` starts one") && stderr.lines().count() == 1, "{stderr}");
}

#[test]
fn a_server_that_is_full_closes_or_speaks_something_else_is_status_3() {
    let ping = bytes(&Request::Ping);
    let cases: [BadServer; 4] = [
        (vec![63, 2], vec![], "as many connections as it may have; try again later"),
        (vec![], vec![], "the server closed the connection before it had answered"),
        (vec![33], vec![(ping, vec![33, 4, 0])], "PING: the server closed the connection"),
        (b"HTTP/1.1 400".to_vec(), vec![], "not an answer of this protocol: a reply begins with 72"),
    ];
    for (greeting, script, expected) in cases {
        let server = Scripted::greeting(greeting, script);
        let (status, _, stderr) = outcome(&run(["ping", "--server", &server.url]));
        assert!(status == 3 && stderr.contains(expected), "{stderr}");
        server.finish();
    }
}

#[test]
fn silence_is_given_up_after_the_timeout() {
    // Nobody accepts: the system completes the connection, and no greeting ever comes.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("paper://{}", listener.local_addr().unwrap());
    let (status, _, stderr) = outcome(&run(["ping", "--server", &url, "--timeout", "0.05"]));
    assert_eq!(status, 3);
    assert!(stderr.contains("no answer within 0.05 s; --timeout allows more"), "{stderr}");
}

fn status_reply(is_auto: bool) -> Vec<u8> {
    let status = Status {
        pid: 42,
        max_size: 2 << 30,
        used_size: 1 << 30,
        num_objects: 1234,
        rss: 5,
        hwm: 6,
        gets: 100,
        sets: 50,
        dels: 3,
        miss_ratio: 0.25,
        policies: vec!["lfu".into(), "lru".into()],
        policy: "lru".into(),
        is_auto,
        uptime_ms: 61_000,
    };
    let mut out = Vec::new();
    reply::status(&mut out, &status, Booleans::Clients);
    out
}

#[test]
fn status_is_a_table_and_an_object() {
    let script =
        || vec![(bytes(&Request::Version), value(b"0.1.0")), (bytes(&Request::Status), status_reply(true))];
    let server = Scripted::start(script());
    let (status, stdout, _) = outcome(&run(["status", "--server", &server.url]));
    server.finish();
    assert_eq!(status, 0);
    assert!(stdout.contains("\npolicy      auto (lru)\n"), "{stdout}");
    assert!(stdout.contains("\nused        1 GiB of 2 GiB (50.00 %)\n"), "{stdout}");
    let server = Scripted::start(script());
    let (_, stdout, _) = outcome(&run(["status", "--json", "--server", &server.url]));
    server.finish();
    let object = &support::json_lines(&stdout)[0];
    assert_eq!(object["policy"], "lru");
    assert_eq!(object["is_auto"], true);
    assert_eq!(object["num_objects"], 1234);
}

#[test]
fn watching_repeats_until_the_reader_leaves_or_the_server_does() {
    let mut script = vec![(bytes(&Request::Version), value(b"0.1.0"))];
    script.extend(std::iter::repeat_n((bytes(&Request::Status), status_reply(false)), 3));
    let server = Scripted::start(script);
    let (status, stdout, _) =
        outcome(&run(["status", "--watch", "0.001", "--json", "--server", &server.url]));
    server.finish();
    assert_eq!((status, stdout.lines().count()), (3, 3), "the fourth time the server is gone");
}

#[test]
fn policies_are_listed_with_the_one_in_force() {
    let (_, stdout, _) = one(&["policy"], &Request::Status, &status_reply(false));
    assert_eq!(stdout, "lfu\nlru *\n");
    let (_, stdout, _) = one(&["policy"], &Request::Status, &status_reply(true));
    assert_eq!(stdout, "lfu\nlru * (chosen by auto)\n");
}
