//! What a program with a `tracing` subscriber gets to see: what happened, and neither keys nor values.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use larder_client::crypto::Keyring;
use larder_client::layer::{Backoff, CircuitOptions};
use larder_client::store::{EngineStore, Expiry, Limits, PaperStore, Store};
use larder_client::{Cache, Error, Reliability, cached};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Keeps each event as one line: its level, and its fields.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    fn has(&self, level: &str, message: &str) -> bool {
        self.0.lock().unwrap().iter().any(|line| line.starts_with(level) && line.contains(message))
    }

    fn mentions(&self, what: &str) -> bool {
        self.0.lock().unwrap().iter().any(|line| line.contains(what))
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}

impl Subscriber for Seen {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

async fn computed(cache: &Cache, key: &str) -> Result<String, Error> {
    cache.get_or_compute(key, || async { Ok("a value that nobody is told".to_owned()) }).await
}

#[tokio::test]
async fn hits_misses_and_foreign_entries_are_told_by_the_hash_of_the_key() {
    let seen = Seen::default();
    let _seeing = tracing::subscriber::set_default(seen.clone());
    let store = Arc::new(EngineStore::with_bytes(1 << 20, || 0).unwrap());
    let keyring = Keyring::from_hex(&"61".repeat(32), "").unwrap();
    let cache = Cache::secure(store.clone()).keyring(keyring).build().unwrap();
    computed(&cache, "user:42").await.unwrap();
    assert!(seen.has("DEBUG", "a miss: the value is computed"));
    computed(&cache, "user:42").await.unwrap();
    assert!(seen.has("TRACE", "served from a copy"));
    store.set(b"foreign", "neither ciphertext nor ours".into(), Expiry::NEVER).await.unwrap();
    assert!(cache.get::<String>("foreign").await.is_err());
    assert!(seen.has("WARN", "an entry cannot be read"));

    // From Python: hashlib.blake2b(b"user:42", digest_size=16).hexdigest()
    assert!(seen.mentions("fdd48118d77004ffecb66c1b1e69dc3c"));
    for secret in ["user:42", "nobody is told", "neither ciphertext", "6161"] {
        assert!(!seen.mentions(secret), "{secret}");
    }
}

#[tokio::test]
async fn an_outage_is_told_from_the_first_retry_to_the_open_circuit() {
    let seen = Seen::default();
    let _seeing = tracing::subscriber::set_default(seen.clone());
    // Nobody listens on the port of a socket that is closed again.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = listener.local_addr().unwrap().to_string();
    drop(listener);
    let store = PaperStore::new(&nobody, None, Limits::default()).unwrap();
    let reliability = Reliability {
        retry: Backoff { tries_max: 2, first: Duration::from_millis(1), ..Backoff::default() },
        circuit: CircuitOptions { failures_max: 2, ..CircuitOptions::default() },
        ..Reliability::default()
    };
    let cache = Cache::production(store).reliability(reliability).build().unwrap();
    computed(&cache, "user:42").await.unwrap();
    assert!(seen.has("DEBUG", "a call is tried again"));
    assert!(seen.has("WARN", "the circuit opens"));
    assert!(seen.has("WARN", "going on without the cache"));
    assert!(seen.mentions(&nobody), "it is told where");
    assert!(!seen.mentions("user:42"));
}

#[cached(interop = "uninstalled", namespace = "n", secure)]
async fn uninstalled_secure() -> Result<u32, Error> {
    Ok(1)
}

#[cached(interop = "uninstalled", namespace = "n")]
async fn uninstalled() -> u32 {
    1
}

#[tokio::test]
async fn that_no_cache_is_installed_is_told_where_a_function_computes_without_one() {
    let seen = Seen::default();
    let _seeing = tracing::subscriber::set_default(seen.clone());
    assert_eq!(uninstalled_secure().await, Err(Error::NotInstalled));
    assert!(!seen.mentions("no cache is installed"), "it did not compute");
    assert_eq!(uninstalled().await, 1);
    assert!(seen.has("WARN", "no cache is installed"));
}
