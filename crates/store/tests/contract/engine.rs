//! Entries in this process.

use crate::suite;
use larder_store::{EngineStore, Error, Expiry, Fault, Freshness, Operation, Remaining, Store, SystemClock};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

#[tokio::test]
async fn the_engine_keeps_the_contract() {
    suite::run(&EngineStore::with_bytes(64 << 20, SystemClock).unwrap()).await;
}

#[tokio::test]
async fn layers_and_pointers_are_stores_as_well() {
    let store: Arc<dyn Store> = Arc::new(EngineStore::with_bytes(64 << 20, SystemClock).unwrap());
    suite::run(&store).await;
    suite::run(&Box::new(store)).await;
}

/// A store whose time is moved by hand.
fn timed() -> (EngineStore, Arc<AtomicU64>) {
    let time = Arc::new(AtomicU64::new(1_000_000));
    let clock = time.clone();
    (EngineStore::with_bytes(1 << 20, move || clock.load(Relaxed)).unwrap(), time)
}

#[tokio::test]
async fn an_entry_is_gone_at_its_time_and_not_before() {
    let (store, time) = timed();
    let second = Duration::from_secs(1);
    store.set(b"k", "v".into(), Expiry::after(second)).await.unwrap();
    time.fetch_add(999, Relaxed);
    let found = store.get(b"k").await.unwrap().unwrap();
    assert_eq!(found.freshness, Freshness::Fresh { fresh_for: Some(Duration::from_millis(1)) });
    assert_eq!(store.remaining(b"k").await.unwrap(), Some(Remaining::For(Duration::from_millis(1))));
    time.fetch_add(1, Relaxed);
    assert_eq!(store.get(b"k").await.unwrap(), None);
    assert!(!store.exists(b"k").await.unwrap());
}

#[tokio::test]
async fn a_stale_entry_is_there_until_its_window_ends_and_stays_stale() {
    let (store, time) = timed();
    let second = Duration::from_secs(1);
    store.set(b"k", "v".into(), Expiry::after(second).and_stale_for(second)).await.unwrap();
    assert!(store.set_ttl(b"k", Some(2 * second)).await.unwrap());
    time.fetch_add(2_000, Relaxed);
    assert_eq!(store.get(b"k").await.unwrap().unwrap().freshness, Freshness::Stale);
    assert!(store.exists(b"k").await.unwrap());
    assert_eq!(store.remaining(b"k").await.unwrap(), Some(Remaining::For(second)));
    let renewed = store.set_ttl(b"k", Some(second)).await.unwrap_err();
    assert!(matches!(renewed.fault(), Fault::Refused(_)), "{renewed}");
    time.fetch_add(1_000, Relaxed);
    assert_eq!(store.get(b"k").await.unwrap(), None);
}

#[tokio::test]
async fn a_lock_falls_open_at_its_time_and_its_token_with_it() {
    let (store, time) = timed();
    let second = Duration::from_secs(1);
    let first = store.lock(b"k", second).await.unwrap().unwrap();
    time.fetch_add(999, Relaxed);
    assert_eq!(store.lock(b"k", second).await.unwrap(), None);
    time.fetch_add(1, Relaxed);
    assert!(!store.unlock(b"k", &first).await.unwrap());
    let second_token = store.lock(b"k", second).await.unwrap().unwrap();
    assert!(!store.unlock(b"k", &first).await.unwrap());
    assert!(store.unlock(b"k", &second_token).await.unwrap());
}

#[tokio::test]
async fn a_value_larger_than_the_cache_is_refused_with_its_size() {
    let (store, _) = timed();
    let error = store.set(b"k", vec![0; 2 << 20].into(), Expiry::NEVER).await.unwrap_err();
    assert!(matches!(error.fault(), Fault::ValueTooLarge { len, max } if *len > 2 << 20 && *max == 1 << 20));
    let same = Error::new("engine", Operation::Set, error.fault().clone());
    assert_eq!(error, same);
}
