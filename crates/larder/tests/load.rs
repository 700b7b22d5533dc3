//! `larder replay --server` and `larder bench` against a server in this process.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::HashMap;
use support::{Model, State, gets, json_lines, outcome, run};

fn trace(bytes: &[u8]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    file
}

#[test]
fn a_replay_over_the_wire_counts_what_the_server_answers() {
    let keys: Vec<u64> = (0..5000_u64).map(|n| n * n % 701).collect();
    let distinct = keys.iter().collect::<std::collections::HashSet<_>>().len() as u64;
    let file = trace(&gets(keys));
    for (connections, pipeline) in [("1", "1"), ("1", "64"), ("5", "1"), ("7", "32")] {
        let server = Model::start(State::default());
        let (status, stdout, stderr) = outcome(&run([
            "replay",
            file.path().to_str().unwrap(),
            "--server",
            &server.url,
            "--connections",
            connections,
            "--pipeline",
            pipeline,
            "--json",
        ]));
        assert_eq!((status, &*stderr), (0, ""));
        let object = &json_lines(&stdout)[0];
        assert_eq!(object["requests"], 5000);
        assert_eq!(object["misses"], distinct, "each object misses once: {connections} x {pipeline}");
        assert_eq!(object["sent"], 5000 + distinct);
        assert_eq!([&object["policy"], &object["unit"]], ["lru", "bytes"]);
        assert_eq!(object["capacity"], 1 << 20);
        assert_eq!(object["get_us"]["count"], 5000);
        assert_eq!(object["set_us"]["count"], distinct);
        assert!(object["get_us"]["p99.9"].as_f64() > Some(0.0));
        let state = server.state.lock().unwrap();
        assert!(state.values.values().all(|value| value.len() == 100));
        assert!(state.values.contains_key(&b"1"[..]), "keys are decimal text");
    }
}

#[test]
fn the_accesses_to_a_key_stay_on_one_connection_and_in_order() {
    let file = trace(&gets((0..4000_u64).map(|n| n % 97)));
    let server = Model::start(State::default());
    let args = ["--connections", "4", "--pipeline", "16", "--server", &server.url];
    let path = file.path().to_str().unwrap();
    assert!(run(["replay", path].iter().chain(&args)).status.success());
    let state = server.state.lock().unwrap();
    assert_eq!(state.by_connection.len(), 4);
    let mut home = HashMap::new();
    for (connection, keys) in &state.by_connection {
        for key in keys {
            assert_eq!(home.entry(key).or_insert(connection), &connection);
        }
    }
    assert_eq!(home.len(), 97);
}

#[test]
fn nothing_is_wiped_or_switched_unless_it_is_asked_for() {
    let file = trace(&gets([1, 2, 1]));
    let path = file.path().to_str().unwrap();
    let held = || State { values: HashMap::from([(b"1".to_vec(), vec![0; 100])]), ..State::default() };

    let server = Model::start(held());
    let (status, stdout, stderr) = outcome(&run(["replay", path, "--json", "--server", &server.url]));
    assert_eq!((status, server.log()), (0, vec![]));
    assert_eq!(json_lines(&stdout)[0]["misses"], 1);
    assert!(
        stderr.contains("holds 1 entries already, which may be hit; --wipe deletes them first"),
        "{stderr}"
    );

    let two = ["--policy", "fifo", "--policy", "lru"];
    let server = Model::start(held());
    let (status, _, stderr) = outcome(&run(["replay", path, "--server", &server.url].iter().chain(&two)));
    assert_eq!((status, server.log()), (2, vec![]));
    assert!(stderr.contains("2 runs in one server need --wipe"), "{stderr}");

    let (status, stdout, stderr) =
        outcome(&run(["replay", path, "--wipe", "--json", "--server", &server.url].iter().chain(&two)));
    assert_eq!(status, 0, "{stderr}");
    assert_eq!(server.log(), ["POLICY fifo", "WIPE", "POLICY lru", "WIPE", "POLICY lru"]);
    assert_eq!(stderr.lines().count(), 5, "each is said: {stderr}");
    let objects = json_lines(&stdout);
    assert_eq!([&objects[0]["policy"], &objects[1]["policy"]], ["fifo", "lru"]);
    assert!(objects.iter().all(|object| object["misses"] == 2));
}

#[test]
fn a_policy_that_the_server_lacks_is_refused_before_anything_is_wiped() {
    let file = trace(&gets([1]));
    let server = Model::start(State::default());
    let path = file.path().to_str().unwrap();
    let replay = ["replay", path, "--wipe", "--policy", "2q-0.1-0.1", "--server", &server.url];
    let (status, _, stderr) = outcome(&run(replay));
    assert_eq!((status, server.log()), (1, vec![]));
    assert!(stderr.contains("has no policy 2q-0.1-0.1; it has "), "{stderr}");
}

#[test]
fn values_that_the_server_will_not_have_are_counted() {
    let file = trace(&gets([1, 2, 1]));
    let server = Model::start(State { value_bytes_max: 50, ..State::default() });
    let path = file.path().to_str().unwrap();
    let (status, stdout, _) = outcome(&run(["replay", path, "--json", "--server", &server.url]));
    let object = &json_lines(&stdout)[0];
    assert_eq!((status, &object["misses"], &object["refused"]), (0, &3.into(), &3.into()));
}

#[test]
fn objects_above_64_mib_are_not_sent() {
    let file = trace(&support::record(0, 0, 1, u32::MAX, 0));
    let server = Model::start(State::default());
    let path = file.path().to_str().unwrap();
    let (status, stdout, _) = outcome(&run(["replay", path, "--json", "--server", &server.url]));
    assert_eq!((status, &json_lines(&stdout)[0]["refused"]), (0, &1.into()));
}

#[test]
fn a_batch_with_large_values_does_not_wait_for_ever() {
    // Reads of large values and writes of large values in turn, more than the system buffers: a server that is told all
    // at once would stop reading until its answers are read.
    let stored = (0..200).step_by(2).map(|key| (1, key));
    let in_turn = (0..200).map(|key| ((key % 2) as u8, key));
    let keys: Vec<u8> =
        stored.chain(in_turn).flat_map(|(op, key)| support::record(0, op, key, 200_000, 0)).collect();
    let file = trace(&keys);
    let server = Model::start(State::default());
    let path = file.path().to_str().unwrap();
    let (status, stdout, stderr) =
        outcome(&run(["replay", path, "--json", "--pipeline", "256", "--server", &server.url]));
    assert_eq!(status, 0, "{stderr}");
    let object = &json_lines(&stdout)[0];
    assert_eq!([&object["set_records"], &object["hits"], &object["misses"]], [200, 100, 0]);
}

#[test]
fn a_server_that_goes_away_ends_a_replay_with_status_3() {
    let file = trace(&gets(0..50_000));
    let server = Model::start(State { close_after: 1000, ..State::default() });
    let path = file.path().to_str().unwrap();
    let (status, stdout, stderr) =
        outcome(&run(["replay", path, "--connections", "3", "--pipeline", "8", "--server", &server.url]));
    assert_eq!((status, &*stdout), (3, ""));
    assert!(stderr.contains("the server closed the connection before it had answered"), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
}

#[test]
fn what_ended_a_replay_is_told_though_the_policy_cannot_be_put_back() {
    let file = trace(&gets(0..50_000));
    let server = Model::start(State { close_after: 1000, stays_away: true, ..State::default() });
    let path = file.path().to_str().unwrap();
    let (status, _, stderr) = outcome(&run(["replay", path, "--policy", "fifo", "--server", &server.url]));
    assert_eq!(status, 3, "{stderr}");
    let lines: Vec<_> = stderr.lines().collect();
    let [_, cannot, last] = lines[..] else { panic!("{stderr}") };
    assert!(cannot.contains("the policy cannot be put back: "), "{stderr}");
    assert!(last.contains("GET: the server closed the connection before it had answered"), "{stderr}");
}

#[test]
fn damage_in_a_trace_is_located_over_the_wire_too() {
    let file = trace(&gets(0..10)[..240]);
    let server = Model::start(State::default());
    let path = file.path().to_str().unwrap();
    let (status, _, stderr) = outcome(&run(["replay", path, "--server", &server.url]));
    assert!(status == 2 && stderr.contains("record 10, byte 225: the trace is cut off"), "{stderr}");
}

fn bench(server: &Model, args: &[&str]) -> (i32, String, String) {
    outcome(&run(["bench", "--keys", "100", "--server", &server.url].iter().chain(args)))
}

#[test]
fn a_benchmark_does_as_many_requests_as_it_is_told_to() {
    for dist in ["uniform", "zipf"] {
        let server = Model::start(State::default());
        let args = ["--requests", "1003", "--connections", "3", "--pipeline", "10", "--dist", dist, "--json"];
        let (status, stdout, stderr) = bench(&server, &args);
        assert_eq!((status, &*stderr), (0, ""));
        let object = &json_lines(&stdout)[0];
        assert_eq!(object["requests"], 1003);
        let gets = object["get_us"]["count"].as_u64().unwrap();
        assert_eq!(gets + object["set_us"]["count"].as_u64().unwrap(), 1003);
        assert!((850..950).contains(&gets), "9 in 10 are GETs: {gets}");
        assert_eq!([&object["hits"], &object["misses"]], [gets, 0], "a value is stored for every key first");
        let state = server.state.lock().unwrap();
        assert_eq!(state.values.len(), 100);
        assert!(state.values.iter().all(|(key, value)| key.starts_with(b"bench:") && value.len() == 64));
    }
}

#[test]
fn a_benchmark_of_some_time_ends() {
    let server = Model::start(State::default());
    let (status, stdout, _) =
        bench(&server, &["--duration", "0.05", "--get-ratio", "0", "--value-size", "1KiB"]);
    assert_eq!(status, 0);
    assert!(stdout.contains("throughput  ") && stdout.contains("\nSET "), "{stdout}");
    assert!(!stdout.contains("\nGET ") && !stdout.contains("miss ratio"), "{stdout}");
}

#[test]
fn a_value_of_a_wrong_length_ends_a_benchmark() {
    let server = Model::start(State { spoil_gets: true, ..State::default() });
    let (status, stdout, stderr) = bench(&server, &["--requests", "100"]);
    assert_eq!((status, &*stdout), (3, ""));
    assert!(stderr.contains("GET: a value of 63 bytes where 64 were stored"), "{stderr}");
}

#[test]
fn a_server_that_goes_away_ends_a_benchmark_with_status_3() {
    let server = Model::start(State { close_after: 500, ..State::default() });
    let (status, _, stderr) = bench(&server, &["--requests", "100000", "--connections", "4"]);
    assert_eq!(status, 3);
    assert!(stderr.contains("the server closed the connection"), "{stderr}");
}
