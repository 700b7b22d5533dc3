//! Redis itself: one server, in the clear and over TLS, and a cluster of six nodes that loses one.

use crate::program::{Program, free_ports, is_there, redis, redis_at, redis_with_tls};
use crate::suite;
use larder_store::{Class, Expiry, Fault, Found, Limits, RedisOptions, RedisStore, Remaining, Store};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;
use tokio::time::timeout;

/// Longer than anything here takes: so that a test that has gone wrong ends.
const PATIENCE: Duration = Duration::from_secs(60);

fn at(port: u16) -> RedisStore {
    RedisStore::new(&format!("redis://127.0.0.1:{port}/0"), Limits::default()).unwrap()
}

/// What a server answers to a command that is written as one line.
fn ask(port: u16, command: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[tokio::test]
async fn redis_keeps_the_contract() {
    if !is_there("redis-server") {
        return;
    }
    let (_server, port) = redis(&[]);
    let store = at(port);
    suite::run(&store).await;
    assert!(store.health().await.unwrap().version.is_some());
    assert!(ask(port, "DBSIZE").starts_with(":0\r\n"), "nothing is left behind");
}

#[tokio::test]
async fn entries_and_locks_are_as_other_sdks_have_them() {
    if !is_there("redis-server") {
        return;
    }
    let (_server, port) = redis(&[]);
    let store = at(port);
    store.set(b"k", "v".into(), Expiry::after(Duration::from_millis(60_500))).await.unwrap();
    assert!(ask(port, "GET k").starts_with("$1\r\nv\r\n"));
    let token = store.lock(b"k", Duration::from_secs(60)).await.unwrap().unwrap();
    assert!(ask(port, "GET k:lock").contains(token.as_str()));
    assert_ne!(ask(port, "PTTL k:lock"), ":-1\r\n+OK\r\n");
    assert!(ask(port, "SET foreign:lock theirs NX PX 60000").starts_with("+OK"));
    assert_eq!(store.lock(b"foreign", Duration::from_secs(1)).await, Ok(None));
    assert!(store.unlock(b"k", &token).await.unwrap());
    ask(port, "SET k forever");
    assert_eq!(store.remaining(b"k").await, Ok(Some(Remaining::Forever)));
    ask(port, "LPUSH list 1");
    let error = store.get(b"list").await.unwrap_err();
    assert!(matches!(error.fault(), Fault::Refused(reason) if reason.contains("WRONGTYPE")), "{error}");
}

#[tokio::test]
async fn a_wrong_password_and_none_are_authentication_errors() {
    if !is_there("redis-server") {
        return;
    }
    let (_server, port) = redis(&["--requirepass", "secret"]);
    let with =
        |user: &str| RedisStore::new(&format!("redis://{user}127.0.0.1:{port}"), Limits::default()).unwrap();
    assert_eq!(with(":secret@").get(b"k").await, Ok(None));
    for user in [":wrong@", "nobody:wrong@", ""] {
        let error = with(user).get(b"k").await.unwrap_err();
        assert_eq!(error.class(), Class::Authentication, "{user}: {error}");
        assert!(!error.to_string().contains("wrong@"), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_comes_back_is_used_again() {
    if !is_there("redis-server") {
        return;
    }
    let (server, port) = redis(&[]);
    let store = at(port);
    store.set(b"k", "1".into(), Expiry::NEVER).await.unwrap();
    drop(server);
    let error = store.get(b"k").await.unwrap_err();
    assert_eq!(error.class(), Class::Transient, "{error}");
    let _server = redis_at(port, &[]);
    assert_eq!(store.get(b"k").await, Ok(None));
}

#[tokio::test]
async fn a_server_without_memory_left_is_a_transient_failure() {
    if !is_there("redis-server") {
        return;
    }
    let (_server, port) = redis(&["--maxmemory", "1mb", "--maxmemory-policy", "noeviction"]);
    let error = at(port).set(b"k", vec![0; 1 << 20].into(), Expiry::NEVER).await.err();
    let error = match error {
        Some(error) => error,
        None => at(port).set(b"l", vec![0; 1 << 20].into(), Expiry::NEVER).await.unwrap_err(),
    };
    assert_eq!(error.class(), Class::Transient, "{error}");
}

#[tokio::test]
async fn redis_keeps_the_contract_over_tls() {
    if !is_there("redis-server") || !is_there("openssl") {
        return;
    }
    let directory = tempfile::TempDir::new().unwrap();
    let (_server, port) = redis_with_tls(directory.path());
    let ca_pem = Some(std::fs::read(directory.path().join("certificate.pem")).unwrap().into());
    let ours = RedisOptions { ca_pem, ..RedisOptions::default() };
    for host in ["localhost", "127.0.0.1"] {
        let store = RedisStore::new(&format!("rediss://{host}:{port}"), ours.clone()).unwrap();
        assert_eq!(store.name(), format!("rediss://{host}:{port}/0"));
        suite::run(&store).await;
    }
    let stranger = RedisStore::new(&format!("rediss://localhost:{port}"), Limits::default()).unwrap();
    let error = stranger.get(b"k").await.unwrap_err();
    assert!(matches!(error.fault(), Fault::Connect(_)), "not an authority of the system's: {error}");
    let clear = RedisStore::new(&format!("redis://localhost:{port}"), Limits::default()).unwrap();
    assert!(clear.get(b"k").await.is_err(), "nothing is said in the clear there");
}

#[test]
fn what_would_weaken_tls_is_refused_before_anything_is_sent() {
    let fault = |url: &str, ca_pem: Option<&'static str>| {
        let options = RedisOptions { ca_pem: ca_pem.map(Into::into), ..RedisOptions::default() };
        let alone = RedisStore::new(url, options.clone()).err().unwrap();
        let cluster = RedisStore::cluster(&[url], options).err().unwrap();
        assert_eq!(alone.fault(), cluster.fault());
        alone.fault().clone()
    };
    assert!(matches!(fault("rediss://localhost/#insecure", None), Fault::Address(_)));
    assert!(
        matches!(fault("redis://localhost", Some("a PEM")), Fault::Address(_)),
        "it is not used in the clear"
    );
    for pem in ["", "no PEM", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"] {
        assert!(matches!(fault("rediss://localhost", Some(pem)), Fault::Refused(_)), "{pem}");
    }
}

/// Six nodes, three of them with a copy each, and their ports. A node that is silent for a second is given up by the others.
fn cluster() -> (Vec<Program>, [u16; 6], Vec<tempfile::TempDir>) {
    let ports: [u16; 12] = free_ports();
    let (clients, buses) = ports.split_at(6);
    let directories: Vec<_> = (0..6).map(|_| tempfile::TempDir::new().unwrap()).collect();
    let mut nodes = Vec::new();
    for ((port, bus), directory) in clients.iter().zip(buses).zip(&directories) {
        let bus = bus.to_string();
        let settings =
            ["--cluster-enabled", "yes", "--cluster-port", &bus, "--cluster-node-timeout", "1000", "--dir"];
        let directory = directory.path().to_str().unwrap();
        nodes.push(redis_at(*port, &[&settings[..], &[directory]].concat()));
    }
    let mut create = Command::new("redis-cli");
    create.args(["--cluster", "create"]).args(clients.iter().map(|port| format!("127.0.0.1:{port}")));
    let created = create.args(["--cluster-replicas", "1", "--cluster-yes"]).output().unwrap();
    assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stdout));
    // Each node finds out for itself that the cluster is whole.
    while !clients.iter().all(|&port| ask(port, "CLUSTER INFO").contains("cluster_state:ok")) {
        std::thread::yield_now();
    }
    (nodes, clients.try_into().unwrap(), directories)
}

#[tokio::test]
async fn a_cluster_of_six_nodes_keeps_the_contract() {
    if !is_there("redis-server") || !is_there("redis-cli") {
        return;
    }
    let (_nodes, ports, _directories) = tokio::task::spawn_blocking(cluster).await.unwrap();
    let urls = [format!("redis://127.0.0.1:{}", ports[0]), format!("redis://127.0.0.1:{}", ports[1])];
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    let store = RedisStore::cluster(&urls, Limits::default()).unwrap();
    suite::run(&store).await;
    for number in 0..50 {
        let key = format!("spread:{number}");
        store.set(key.as_bytes(), key.clone().into(), Expiry::NEVER).await.unwrap();
    }
    let counts = ports.map(|port| ask(port, "DBSIZE"));
    assert!(counts.iter().filter(|count| !count.starts_with(":0\r\n")).count() >= 3, "{counts:?}");
    for number in 0..50 {
        let key = format!("spread:{number}");
        assert_eq!(store.get(key.as_bytes()).await, Ok(Some(Found::fresh(key))));
    }
}

/// The number after a name in what a server says of itself.
fn number(info: &str, name: &str) -> Option<u64> {
    info.split(name).nth(1)?.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[tokio::test]
async fn when_a_node_dies_its_copy_takes_over_with_all_entries() {
    if !is_there("redis-server") || !is_there("redis-cli") {
        return;
    }
    let (mut nodes, ports, _directories) = tokio::task::spawn_blocking(cluster).await.unwrap();
    let urls = [format!("redis://127.0.0.1:{}", ports[0]), format!("redis://127.0.0.1:{}", ports[1])];
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    let limits = Limits { timeout: Duration::from_secs(1), ..Limits::default() };
    let store = RedisStore::cluster(&urls, limits).unwrap();
    let keys: Vec<String> = (0..50).map(|number| format!("spread:{number}")).collect();
    for key in &keys {
        store.set(key.as_bytes(), key.clone().into(), Expiry::NEVER).await.unwrap();
    }
    // A copy is made after the answer was given: what it does not have yet would be lost with the node.
    let is_copied = |info: &str| {
        let written = number(info, "master_repl_offset:");
        info.contains("role:master") && written.is_some() && number(info, ",offset=") == written
    };
    let copied = async {
        while !is_copied(&ask(ports[0], "INFO replication")) {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, copied).await.unwrap();
    // The first node is a master, and one of the two that the store knew from the beginning.
    drop(nodes.remove(0));
    let mut failures = 0;
    let served = async {
        for key in &keys {
            loop {
                match store.get(key.as_bytes()).await {
                    Ok(found) => {
                        assert_eq!(found, Some(Found::fresh(key.clone())));
                        break;
                    }
                    Err(error) => {
                        assert!(error.class().is_temporary(), "{error}");
                        failures += 1;
                    }
                }
            }
        }
    };
    timeout(PATIENCE, served).await.unwrap();
    assert!(failures > 0, "a node was gone, which somebody must have noticed");
    store.set(b"spread:new", "v".into(), Expiry::NEVER).await.unwrap();
    let _ = nodes;
}
