//! larder-client beside the CacheKit SDK for Rust and moka, in one run and in turns: a hit in the near cache, and a set with a get
//! over Redis without one. Each figure is the median of the rounds; every row is printed, lost or won.
//!
//! A hit is measured in three ways: with `get`, where ours and cachekit-rs decode and moka clones an object; with a clone of what
//! `get_shared` gives, which is what moka does; and with that itself, beside a moka whose values are `Arc`s.
//!
//!     cargo run --release [REDIS_URL]        without a URL, it starts a redis-server of its own

use std::hint::black_box;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cachekit::CacheKit;
use larder_client::Cache;
use larder_client::store::{EngineStore, Limits, RedisStore, SystemClock};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

const ROUNDS: usize = 31;
const HITS: u32 = 50_000;
const TRIPS: u32 = 1_000;
const TTL: Duration = Duration::from_secs(300);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct User {
    id: u64,
    name: String,
    email: String,
    tags: Vec<String>,
}

fn user() -> User {
    User {
        id: 42,
        name: "Ada Lovelace".into(),
        email: "ada@example.org".into(),
        tags: vec!["admin".into(), "math".into()],
    }
}

/// The contestants of one row: a name, and nanoseconds per operation in each round.
struct Row {
    what: String,
    times: Vec<(&'static str, Vec<f64>)>,
}

impl Row {
    fn new(what: impl Into<String>, names: &[&'static str]) -> Self {
        Self { what: what.into(), times: names.iter().map(|name| (*name, Vec::new())).collect() }
    }

    /// Who goes first in a round, and who after that: each has each turn.
    fn order(&self, round: usize) -> Vec<usize> {
        let count = self.times.len();
        (0..count).map(|turn| (round + turn) % count).collect()
    }

    fn print(mut self) {
        for (_, times) in &mut self.times {
            times.sort_by(f64::total_cmp);
        }
        let ours = median(&self.times[0].1);
        for (name, times) in &self.times {
            let ratio = median(times) / ours;
            let verdict = match () {
                () if *name == self.times[0].0 => "",
                () if ratio < 1.0 => "  LOST",
                () => "",
            };
            println!(
                "{:42} {:14} {:>12.0} ns  {:>10.0} .. {:<10.0} x{ratio:.2}{verdict}",
                self.what,
                name,
                median(times),
                times[0],
                times[times.len() - 1]
            );
        }
    }
}

fn median(sorted: &[f64]) -> f64 {
    sorted[sorted.len() / 2]
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (_server, url) = match std::env::args().nth(1) {
        Some(url) => (None, url),
        None => {
            let (server, url) = redis();
            (Some(server), url)
        }
    };
    println!("{:42} {:14} {:>15}  {:>24} of ours", "", "", "median", "least .. most");
    hits("struct of 5 strings", &url, user()).await;
    hits("text of 64 bytes", &url, "x".repeat(64)).await;
    trips(&url).await;
}

async fn theirs(url: &str, near: bool) -> CacheKit {
    let builder = CacheKit::minimal(url).await.expect("Redis").default_ttl(TTL);
    if near { builder } else { builder.no_l1() }.build().expect("a client")
}

fn ours() -> Cache {
    Cache::minimal(EngineStore::with_bytes(1 << 20, SystemClock).expect("a store")).build().expect("a cache")
}

/// Nanoseconds per operation of this expression, which is run so often.
macro_rules! timed {
    ($operations:expr, $operation:expr) => {{
        let start = Instant::now();
        for _ in 0..$operations {
            black_box($operation);
        }
        start.elapsed().as_nanos() as f64 / f64::from($operations)
    }};
}

/// Hits of one value.
async fn hits<T>(what: &str, url: &str, value: T)
where
    T: Clone + Send + Sync + Serialize + DeserializeOwned + 'static,
{
    let theirs = theirs(url, true).await;
    let ours = ours();
    let (moka, moka_of_arcs) = (moka(value.clone()), moka(Arc::new(value.clone())));
    ours.set("key", &value).await.expect("set");
    theirs.set("key", &value).await.expect("set");
    let shared = async || ours.get_shared::<T>(black_box("key")).await.expect("get").expect("hit");

    let mut by_get = Row::new(format!("{what}: get"), &["larder-client", "cachekit-rs", "moka"]);
    let mut cloned = Row::new(format!("{what}: clone of the shared"), &["larder-client", "moka"]);
    let mut by_arc = Row::new(format!("{what}: shared"), &["larder-client", "moka of Arc"]);
    for round in 0..ROUNDS {
        for contestant in by_get.order(round) {
            by_get.times[contestant].1.push(match contestant {
                0 => timed!(HITS, ours.get::<T>(black_box("key")).await.expect("get").expect("hit")),
                1 => timed!(HITS, theirs.get::<T>(black_box("key")).await.expect("get").expect("hit")),
                _ => timed!(HITS, moka.get(black_box("key")).expect("hit")),
            });
        }
        for contestant in cloned.order(round) {
            cloned.times[contestant].1.push(match contestant {
                0 => timed!(HITS, T::clone(&*shared().await)),
                _ => timed!(HITS, moka.get(black_box("key")).expect("hit")),
            });
        }
        for contestant in by_arc.order(round) {
            by_arc.times[contestant].1.push(match contestant {
                0 => timed!(HITS, shared().await),
                _ => timed!(HITS, moka_of_arcs.get(black_box("key")).expect("hit")),
            });
        }
    }
    by_get.print();
    cloned.print();
    by_arc.print();
}

fn moka<V: Clone + Send + Sync + 'static>(value: V) -> moka::sync::Cache<String, V> {
    let cache = moka::sync::Cache::builder().max_capacity(1000).time_to_live(TTL).build();
    cache.insert("key".to_owned(), value);
    cache
}

/// A set and a get over Redis, one after the other, without a near cache. By the clock most of it is waiting for the other process
/// to wake up; the caller's CPU time is what a client can be better at.
async fn trips(url: &str) {
    let theirs = theirs(url, false).await;
    let store = RedisStore::new(url, Limits::default()).expect("a URL");
    let ours = Cache::minimal(store).no_near().build().expect("a cache");
    let user = user();
    let names = ["larder-client", "cachekit-rs"];
    let mut by_clock = Row::new("set and get over Redis", &names);
    let mut by_cpu = Row::new("set and get over Redis: CPU of the caller", &names);
    for round in 0..ROUNDS {
        for contestant in by_clock.order(round) {
            let before = thread_cpu_ns();
            let time = match contestant {
                0 => timed!(TRIPS, {
                    ours.set("trip:ours", &user).await.expect("set");
                    ours.get::<User>("trip:ours").await.expect("get").expect("hit")
                }),
                _ => timed!(TRIPS, {
                    theirs.set("trip:theirs", &user).await.expect("set");
                    theirs.get::<User>("trip:theirs").await.expect("get").expect("hit")
                }),
            };
            by_clock.times[contestant].1.push(time);
            by_cpu.times[contestant].1.push((thread_cpu_ns() - before) / f64::from(TRIPS));
        }
    }
    by_clock.print();
    by_cpu.print();
}

/// How long this thread, which runs all of both clients, has been on a processor.
fn thread_cpu_ns() -> f64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    let ns = told.split_whitespace().next().and_then(|ns| ns.parse().ok());
    ns.expect("nanoseconds first")
}

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A redis-server on a port that is free.
fn redis() -> (Server, String) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its number").port().to_string();
    drop(listener);
    let mut child = Command::new("redis-server")
        .args(["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("redis-server is installed");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    while !lines.next().expect("it starts").expect("it speaks").contains("Ready to accept") {}
    std::thread::spawn(move || lines.for_each(drop));
    (Server(child), format!("redis://127.0.0.1:{port}/0"))
}
