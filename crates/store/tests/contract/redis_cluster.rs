//! A cluster of six nodes, three of them with a copy each: in the clear, over TLS, of Redis and of Valkey, and when it loses a node.

use crate::program::{
    Program, RedisProgram, ask, certify, free_ports, is_there, redis_program, redis_tls, valkey,
};
use crate::suite;
use larder_store::{Expiry, Fault, Found, Limits, RedisOptions, RedisStore, Store};
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::timeout;

/// Longer than anything here takes: so that a test that has gone wrong ends.
const PATIENCE: Duration = Duration::from_secs(60);

/// The nodes, which end with this. One that is silent for a second is given up by the others.
struct Cluster {
    nodes: Vec<Program>,
    ports: [u16; 6],
    /// Where the certificate is that all nodes have, if they speak nothing but TLS.
    tls: Option<TempDir>,
    _directories: Vec<TempDir>,
}

impl Cluster {
    async fn start(program: RedisProgram, has_tls: bool) -> Self {
        tokio::task::spawn_blocking(move || Self::start_here(&program, has_tls)).await.unwrap()
    }

    fn start_here(program: &RedisProgram, has_tls: bool) -> Self {
        let ports: [u16; 12] = free_ports();
        let (clients, buses) = ports.split_at(6);
        let tls = has_tls.then(|| TempDir::new().unwrap());
        if let Some(tls) = &tls {
            certify(tls.path());
        }
        let directories: Vec<_> = (0..6).map(|_| TempDir::new().unwrap()).collect();
        let mut nodes = Vec::new();
        for ((port, bus), directory) in clients.iter().zip(buses).zip(&directories) {
            let mut settings = match &tls {
                Some(tls) => redis_tls(*port, tls.path()),
                None => Vec::new(),
            };
            if has_tls {
                settings.extend(["--tls-cluster", "yes", "--tls-replication", "yes"].map(str::to_owned));
            }
            let (bus, directory) = (bus.to_string(), directory.path().to_str().unwrap());
            let enabled =
                ["--cluster-enabled", "yes", "--cluster-port", &bus, "--cluster-node-timeout", "1000"];
            settings.extend(enabled.into_iter().chain(["--dir", directory]).map(str::to_owned));
            nodes.push(program.start(*port, &settings.iter().map(String::as_str).collect::<Vec<_>>()));
        }
        let cluster = Self { nodes, ports: clients.try_into().unwrap(), tls, _directories: directories };
        let mut create = cluster.cli();
        create.args(["--cluster", "create"]).args(clients.iter().map(|port| format!("127.0.0.1:{port}")));
        let created = create.args(["--cluster-replicas", "1", "--cluster-yes"]).output().unwrap();
        assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stdout));
        // Each node finds out for itself that the cluster is whole.
        while !clients.iter().all(|&port| cluster.ask(port, "CLUSTER INFO").contains("cluster_state:ok")) {
            std::thread::yield_now();
        }
        cluster
    }

    fn certificate(directory: &Path) -> String {
        directory.join("certificate.pem").to_str().unwrap().to_owned()
    }

    fn cli(&self) -> Command {
        let mut cli = Command::new("redis-cli");
        if let Some(tls) = &self.tls {
            cli.args(["--tls", "--cacert", &Self::certificate(tls.path())]);
        }
        cli
    }

    /// What a node answers to a command.
    fn ask(&self, port: u16, command: &str) -> String {
        if self.tls.is_none() {
            return ask(port, command);
        }
        let mut cli = self.cli();
        cli.args(["-h", "127.0.0.1", "-p", &port.to_string(), "--no-raw"]).args(command.split(' '));
        String::from_utf8(cli.output().unwrap().stdout).unwrap()
    }

    /// A store that knows two of the nodes, the first of them a master.
    fn store(&self, limits: Limits) -> RedisStore {
        let scheme = if self.tls.is_some() { "rediss" } else { "redis" };
        let urls = [0, 1].map(|node: usize| format!("{scheme}://127.0.0.1:{}", self.ports[node]));
        let ca_pem =
            self.tls.as_ref().map(|tls| std::fs::read(Self::certificate(tls.path())).unwrap().into());
        RedisStore::cluster(&urls.each_ref().map(String::as_str), RedisOptions { limits, ca_pem }).unwrap()
    }

    /// Runs the contract, then writes to and reads from all masters.
    async fn keeps_the_contract(&self) {
        let store = self.store(Limits::default());
        suite::run(&store).await;
        let keys = spread(&store).await;
        let counts = self.ports.map(|port| self.ask(port, "DBSIZE"));
        let holds_some = |count: &&String| count.contains(|c| ('1'..='9').contains(&c));
        assert!(counts.iter().filter(holds_some).count() >= 3, "{counts:?}");
        for key in keys {
            assert_eq!(store.get(key.as_bytes()).await, Ok(Some(Found::fresh(key))));
        }
    }
}

/// Entries that are on all masters, each under its own value.
async fn spread(store: &RedisStore) -> Vec<String> {
    let keys: Vec<String> = (0..50).map(|number| format!("spread:{number}")).collect();
    for key in &keys {
        store.set(key.as_bytes(), key.clone().into(), Expiry::NEVER).await.unwrap();
    }
    keys
}

/// Whether Redis is there to make a cluster of.
fn can_make() -> bool {
    is_there("redis-server") && is_there("redis-cli")
}

#[tokio::test]
async fn a_cluster_of_six_nodes_keeps_the_contract() {
    if can_make() {
        Cluster::start(redis_program(), false).await.keeps_the_contract().await;
    }
}

#[tokio::test]
async fn a_cluster_of_valkey_keeps_the_contract() {
    let Some(valkey) = valkey().filter(|_| is_there("redis-cli")) else { return };
    Cluster::start(valkey, false).await.keeps_the_contract().await;
}

#[tokio::test]
async fn a_cluster_over_tls_keeps_the_contract() {
    if !can_make() || !is_there("openssl") {
        return;
    }
    let cluster = Cluster::start(redis_program(), true).await;
    cluster.keeps_the_contract().await;
    let url = format!("rediss://127.0.0.1:{}", cluster.ports[0]);
    let stranger = RedisStore::cluster(&[&url], Limits::default()).unwrap();
    let error = stranger.get(b"k").await.unwrap_err();
    assert!(matches!(error.fault(), Fault::Connect(_)), "not an authority of the system's: {error}");
    let clear = RedisStore::cluster(&[&url.replace("rediss", "redis")], Limits::default()).unwrap();
    assert!(clear.get(b"k").await.is_err(), "nothing is said in the clear there");
}

/// The number after a name in what a server says of itself.
fn number(info: &str, name: &str) -> Option<u64> {
    info.split(name).nth(1)?.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[tokio::test]
async fn when_a_node_dies_its_copy_takes_over_with_all_entries() {
    if !can_make() {
        return;
    }
    let mut cluster = Cluster::start(redis_program(), false).await;
    let limits = Limits { timeout: Duration::from_secs(1), ..Limits::default() };
    let store = cluster.store(limits);
    let keys = spread(&store).await;
    // A copy is made after the answer was given: what it does not have yet would be lost with the node.
    let is_copied = |info: &str| {
        let written = number(info, "master_repl_offset:");
        info.contains("role:master") && written.is_some() && number(info, ",offset=") == written
    };
    let copied = async {
        while !is_copied(&cluster.ask(cluster.ports[0], "INFO replication")) {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, copied).await.unwrap();
    // The first node is a master, and one of the two that the store knew from the beginning.
    drop(cluster.nodes.remove(0));
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
}
