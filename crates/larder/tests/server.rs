//! The command line against the server that it starts itself.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Stdio};
use support::{gets, json_lines, larder, outcome, run};

/// `larder serve` on a port of the system's choice; stopped when dropped.
struct Server {
    child: Child,
    url: String,
    _stdout: BufReader<ChildStdout>,
}

impl Server {
    fn start(args: &[&str]) -> Self {
        let mut child = larder(["serve", "--paper", "127.0.0.1:0"])
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("paper listening on ").unwrap_or_else(|| panic!("{line:?}"));
        let url = format!("paper://{address}");
        Self { child, url, _stdout: stdout }
    }

    fn run(&self, args: &[&str]) -> (i32, String, String) {
        outcome(&run(args.iter().chain(&["--server", &self.url])))
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
    let server = Server::start(&["--token", "open sesame"]);
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
