//! The command line against the server that it starts itself.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};
use support::{gets, json_lines, larder, outcome, run};

/// `larder serve` on a port of the system's choice; stopped when dropped.
struct Server {
    child: Child,
    url: String,
    /// The same server, in the other protocol.
    seriput: String,
    _stdout: BufReader<ChildStdout>,
}

impl Server {
    fn start(args: &[&str]) -> Self {
        let mut child = larder(["serve", "--paper", "127.0.0.1:0", "--seriput", "127.0.0.1:0"])
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut url = |protocol: &str| {
            let mut line = String::new();
            stdout.read_line(&mut line).unwrap();
            let address = line.trim().strip_prefix(&format!("{protocol} listening on "));
            format!("{protocol}://{}", address.unwrap_or_else(|| panic!("{line:?}")))
        };
        let (url, seriput) = (url("paper"), url("seriput"));
        Self { child, url, seriput, _stdout: stdout }
    }

    fn run(&self, args: &[&str]) -> (i32, String, String) {
        outcome(&run(args.iter().chain(&["--server", &self.url])))
    }

    fn run_seriput(&self, args: &[&str]) -> (i32, String, String) {
        outcome(&run(args.iter().chain(&["--server", &self.seriput])))
    }

    fn status(&self) -> serde_json::Value {
        json_lines(&self.run(&["status", "--json"]).1).remove(0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn is(outcome: (i32, String, String), status: i32, stdout: &str) {
    assert_eq!((outcome.0, &*outcome.1), (status, stdout), "{}", outcome.2);
}

#[test]
fn every_command_works_on_a_fresh_server() {
    let server = Server::start(&["--policy", "lru", "--max-size", "64MiB"]);
    assert_eq!(server.run(&["ping"]).0, 0);
    is(server.run(&["version"]), 0, &format!("{}\n", env!("CARGO_PKG_VERSION")));
    is(server.run(&["get", "k"]), 1, "");
    is(server.run(&["set", "k", "välue"]), 0, "done\n");
    is(server.run(&["get", "k"]), 0, "välue");
    is(server.run(&["peek", "k"]), 0, "välue");
    is(server.run(&["size", "k"]), 0, "6\n");
    is(server.run(&["has", "k"]), 0, "true\n");
    is(server.run(&["ttl", "k", "100"]), 0, "done\n");
    is(server.run(&["ttl", "other", "100"]), 1, "");
    is(server.run(&["policy", "sieve"]), 0, "done\n");
    is(server.run(&["policy", "LRU"]), 1, "");
    is(server.run(&["resize", "32MiB"]), 0, "done: the cache may hold 32 MiB\n");
    is(server.run(&["resize", "0"]), 1, "");
    let status = server.status();
    assert_eq!(
        [&status["policy"], &status["max_size"], &status["num_objects"]],
        [&serde_json::json!("sieve"), &serde_json::json!(32 << 20), &serde_json::json!(1)]
    );
    is(server.run(&["policy", "auto"]), 0, "done\n");
    assert!(server.run(&["status"]).1.contains("policy      auto (sieve)\n"));
    is(server.run(&["del", "k"]), 0, "done\n");
    is(server.run(&["del", "k"]), 1, "");
    is(server.run(&["has", "k"]), 1, "false\n");
    is(server.run(&["set", "k", ""]), 1, "");
    is(server.run(&["wipe"]), 0, "done\n");
    assert_eq!(server.status()["gets"], 0);
}

#[test]
fn a_token_opens_the_server() {
    let server = Server::start(&["--token", "open sesame", "--allow-insecure"]);
    let (status, _, stderr) = server.run(&["get", "k"]);
    assert!(status == 1 && stderr.contains("not authorized; give the server's token"), "{stderr}");
    let (status, _, stderr) = server.run(&["get", "k", "--token", "open barley"]);
    assert!(status == 1 && stderr.contains("AUTH: not authorized"), "{stderr}");
    is(server.run(&["set", "k", "v", "--token", "open sesame"]), 0, "done\n");
    let (status, stdout, stderr) = server.run(&["bench", "--requests", "10", "--token", "open sesame"]);
    assert!(status == 0 && stdout.contains("throughput"), "{stderr}");
}

#[test]
fn a_server_that_is_full_says_so() {
    let server = Server::start(&["--connections", "1"]);
    let mut held = TcpStream::connect(server.url.strip_prefix("paper://").unwrap()).unwrap();
    held.read_exact(&mut [0]).unwrap();
    let (status, _, stderr) = server.run(&["ping"]);
    assert!(status == 3 && stderr.contains("as many connections as it may have"), "{stderr}");
}

#[test]
fn a_replay_and_the_server_count_alike() {
    // A cache that holds part of the objects only.
    let trace = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(trace.path(), gets((0..20_000_u64).map(|n| n * n % 1009))).unwrap();
    let path = trace.path().to_str().unwrap();
    let server = Server::start(&["--max-size", "20KiB", "--policy", "lru"]);
    let (status, stdout, stderr) =
        server.run(&["replay", path, "--connections", "3", "--pipeline", "8", "--json"]);
    assert_eq!((status, &*stderr), (0, ""));
    let (replay, status) = (&json_lines(&stdout)[0], server.status());
    assert_eq!([&replay["requests"], &replay["capacity"]], [20_000, 20 << 10]);
    assert_eq!([&status["gets"], &status["sets"]], [&replay["requests"], &replay["misses"]]);
    let apart = status["miss_ratio"].as_f64().unwrap() - replay["miss_ratio"].as_f64().unwrap();
    assert!(apart.abs() < 1e-9, "{apart}");
    let misses = replay["misses"].as_u64().unwrap();
    assert!(misses > 5000 && misses < 20_000, "some are evicted, some are hit: {misses}");
}

#[test]
fn a_replay_leaves_the_policy_as_it_was() {
    let trace = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(trace.path(), gets(0..100)).unwrap();
    let server = Server::start(&["--policy", "arc"]);
    is(server.run(&["policy", "auto"]), 0, "done\n");
    let path = trace.path().to_str().unwrap();
    let args = ["replay", path, "--wipe", "--policy", "fifo", "--policy", "s3-fifo-0.1", "--json"];
    let (status, stdout, _) = server.run(&args);
    assert_eq!(status, 0);
    assert!(json_lines(&stdout).iter().all(|run| run["misses"] == 100));
    let status = server.status();
    assert_eq!(status["policy"], "arc");
    assert_eq!(status["is_auto"], true);
    assert_eq!(status["gets"], 100, "the cache was emptied between the runs");
}

#[test]
fn a_benchmark_finds_what_it_has_stored() {
    let server = Server::start(&[]);
    let args = [
        "bench",
        "--requests",
        "5000",
        "--connections",
        "8",
        "--pipeline",
        "32",
        "--value-size",
        "3000",
        "--json",
    ];
    let (status, stdout, stderr) = server.run(&[&args[..], &["--keys", "500"]].concat());
    assert_eq!(status, 0, "{stderr}");
    let object = &json_lines(&stdout)[0];
    assert_eq!([&object["requests"], &object["misses"], &object["refused"]], [5000, 0, 0]);
    assert_eq!(server.status()["num_objects"], 500);
}

#[test]
fn get_set_and_del_speak_seriput() {
    let server = Server::start(&[]);
    is(server.run_seriput(&["get", "k"]), 1, "");
    is(server.run_seriput(&["set", "k", "{\"a\":[1,2]}"]), 0, "done\n");
    is(server.run_seriput(&["get", "k"]), 0, "{\"a\":[1,2]}");
    is(server.run(&["get", "k"]), 0, "{\"a\":[1,2]}");
    is(server.run(&["set", "k", "nope"]), 0, "done\n");
    let (status, stdout, stderr) = server.run_seriput(&["get", "k"]);
    assert_eq!((status, &*stdout), (1, ""));
    assert!(stderr.contains("GET: the stored value is not JSON"), "{stderr}");
    let (status, _, stderr) = server.run_seriput(&["set", "k", "nope"]);
    assert!(status == 1 && stderr.contains("PUT: the value is not JSON"), "{stderr}");
    is(server.run_seriput(&["del", "k"]), 0, "done\n");
    is(server.run_seriput(&["del", "k"]), 1, "");
    let (_, stdout, _) = server.run_seriput(&["get", "k", "--json"]);
    assert_eq!(json_lines(&stdout)[0], serde_json::json!({ "key": "k", "value": null }));
}

#[test]
fn what_seriput_lacks_is_a_usage_error_before_anybody_is_asked() {
    // Nobody listens there.
    let server = ["--server", "seriput://127.0.0.1:1"];
    let cases: [&[&str]; 13] = [
        &["ping"],
        &["version"],
        &["has", "k"],
        &["peek", "k"],
        &["ttl", "k", "5"],
        &["size", "k"],
        &["wipe"],
        &["resize", "1MiB"],
        &["policy"],
        &["policy", "lru"],
        &["status"],
        &["set", "k", "1", "--ttl", "5"],
        &["replay", "/dev/null", "--wipe"],
    ];
    for args in cases {
        let (status, stdout, stderr) = outcome(&run(args.iter().chain(&server)));
        assert_eq!((status, &*stdout), (2, ""), "{args:?}: {stderr}");
        assert!(stderr.contains("the protocol ") && stderr.contains("paper://"), "{args:?}: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
    }
    let (status, _, stderr) = outcome(&run(["get", "k"].iter().chain(&server)));
    assert!(status == 3 && stderr.contains("cannot connect"), "{stderr}");
}

#[cfg(unix)]
#[test]
fn a_seriput_key_is_text() {
    use std::os::unix::ffi::OsStrExt;
    let mut command = larder(["get", "--server", "seriput://127.0.0.1:1"]);
    let (status, _, stderr) = outcome(&command.arg(std::ffi::OsStr::from_bytes(b"a\xff")).output().unwrap());
    assert!(status == 2 && stderr.contains("GET: the key is not UTF-8 at byte 1"), "{stderr}");
}

#[test]
fn a_seriput_benchmark_finds_what_it_has_stored() {
    let server = Server::start(&[]);
    for size in ["1", "2", "64", "3000"] {
        let args =
            ["bench", "--requests", "3000", "--connections", "5", "--pipeline", "16", "--value-size", size];
        let (status, stdout, stderr) =
            server.run_seriput(&[&args[..], &["--keys", "300", "--json"]].concat());
        assert_eq!(status, 0, "{stderr}");
        let object = &json_lines(&stdout)[0];
        assert_eq!([&object["requests"], &object["misses"], &object["refused"]], [3000, 0, 0]);
    }
    assert_eq!(server.status()["num_objects"], 300);
}

#[test]
fn a_seriput_replay_and_the_server_count_alike() {
    let trace = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(trace.path(), gets((0..5_000_u64).map(|n| n * n % 1009))).unwrap();
    let path = trace.path().to_str().unwrap();
    let server = Server::start(&["--max-size", "20KiB", "--policy", "lru"]);
    let (status, stdout, stderr) =
        server.run_seriput(&["replay", path, "--connections", "3", "--pipeline", "8", "--json"]);
    assert_eq!(status, 0, "{stderr}");
    assert!(stderr.contains("cannot be asked what it holds"), "{stderr}");
    let (replay, status) = (&json_lines(&stdout)[0], server.status());
    assert_eq!([&replay["policy"], &replay["capacity"]], [&serde_json::Value::Null; 2]);
    assert_eq!([&status["gets"], &status["sets"]], [&replay["requests"], &replay["misses"]]);
    let (status, stdout, _) = server.run_seriput(&["replay", path]);
    assert!(status == 0 && stdout.contains("cache of unknown size"), "{stdout}");
}

#[test]
fn beside_tokens_the_seriput_listener_is_off_and_a_line_says_why() {
    let mut child = larder(["serve", "--paper", "127.0.0.1:0", "--token", "secret"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    child.kill().unwrap();
    let log = String::from_utf8(child.wait_with_output().unwrap().stderr).unwrap();
    assert!(line.starts_with("paper listening on "), "{line:?}");
    assert!(log.contains("the Seriput listener is off: tokens are set"), "{log}");

    let args = ["serve", "--paper", "127.0.0.1:0", "--seriput", "127.0.0.1:0", "--token", "secret"];
    let (status, stdout, stderr) = outcome(&run(args));
    assert_eq!((status, &*stdout), (2, ""));
    assert!(stderr.contains("would let clients past the tokens"), "{stderr}");
}

#[test]
fn a_signal_lets_seriput_requests_in_flight_be_answered() {
    let mut server = Server::start(&[]);
    let mut client = TcpStream::connect(server.seriput.strip_prefix("seriput://").unwrap()).unwrap();
    let put = b"\x02\x01\x01\0\0\0\x01\0\0\0\x04knull";
    let mut answer = [0xff; 6];
    client.write_all(put).unwrap();
    client.read_exact(&mut answer).unwrap();
    assert_eq!(answer, [0; 6]);
    client.write_all(&put.repeat(1000)).unwrap();
    let sent = Command::new("kill").arg("-TERM").arg(server.child.id().to_string()).status().unwrap();
    assert!(sent.success());
    let mut answers = Vec::new();
    client.read_to_end(&mut answers).unwrap();
    assert!(answers == [0; 6000], "{} bytes", answers.len());
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
}

/// One access after the other, and so many that no machine is done before it is told to stop.
#[test]
fn a_replay_that_is_interrupted_gives_the_policy_back() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), gets(0..3_000_000)).unwrap();
    for (name, code) in [("-INT", 130), ("-TERM", 143)] {
        let server = Server::start(&["--policy", "sieve"]);
        let path = file.path().to_str().unwrap();
        let mut replay = larder(["replay", path, "--policy", "fifo", "--wipe", "--server", &server.url])
            .args(["--connections", "1", "--pipeline", "1"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        while server.status()["sets"] == 0 {}
        assert_eq!(server.status()["policy"], "fifo");
        let sent = Command::new("kill").arg(name).arg(replay.id().to_string()).status().unwrap();
        assert!(sent.success());
        let mut said = String::new();
        replay.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(replay.wait().unwrap().code(), Some(code), "{said}");
        assert!(said.contains("POLICY sieve, as it was before"), "{said}");
        assert_eq!(server.status()["policy"], "sieve");
    }
}
