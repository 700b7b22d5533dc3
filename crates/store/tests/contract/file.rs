//! Files in a directory of the test's own.

use crate::suite;
use larder_store::{Expiry, FileStore, Found, Freshness, Remaining, Store, file_header, file_name};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tempfile::TempDir;

#[tokio::test]
async fn files_keep_the_contract() {
    let directory = TempDir::new().unwrap();
    suite::run(&FileStore::new(directory.path()).unwrap()).await;
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "nothing is left behind");
}

struct Timed {
    directory: TempDir,
    store: FileStore,
    time: Arc<AtomicU64>,
}

impl Timed {
    /// A store at second 1,000 and a half, whose time is moved by hand.
    fn new() -> Self {
        let (directory, time) = (TempDir::new().unwrap(), Arc::new(AtomicU64::new(1_000_500)));
        let clock = time.clone();
        let store = FileStore::with_clock(directory.path(), move || clock.load(Relaxed)).unwrap();
        Self { directory, store, time }
    }

    fn path(&self, key: &[u8]) -> PathBuf {
        self.directory.path().join(file_name(key))
    }
}

#[tokio::test]
async fn a_file_is_as_other_sdks_write_it_and_expires_at_its_second() {
    let timed = Timed::new();
    timed.store.set(b"k", "v".into(), Expiry::after(Duration::from_secs(2))).await.unwrap();
    let file = fs::read(timed.path(b"k")).unwrap();
    assert_eq!(file, [&file_header(1_003)[..], b"v"].concat());
    timed.time.store(1_002_999, Relaxed);
    let found = timed.store.get(b"k").await.unwrap().unwrap();
    assert_eq!(found.freshness, Freshness::Fresh { fresh_for: Some(Duration::from_millis(1)) });
    timed.time.store(1_003_000, Relaxed);
    assert_eq!(timed.store.remaining(b"k").await, Ok(None));
    assert_eq!(timed.store.get(b"k").await, Ok(None));
    assert!(!timed.path(b"k").exists(), "what has expired goes");
}

#[tokio::test]
async fn a_new_time_changes_eight_bytes_and_nothing_else() {
    let timed = Timed::new();
    timed.store.set(b"k", "value".into(), Expiry::NEVER).await.unwrap();
    assert_eq!(timed.store.set_ttl(b"k", Some(Duration::from_secs(10))).await, Ok(true));
    let file = fs::read(timed.path(b"k")).unwrap();
    assert_eq!(file, [&file_header(1_011)[..], b"value"].concat());
    assert_eq!(timed.store.set_ttl(b"k", None).await, Ok(true));
    assert_eq!(timed.store.remaining(b"k").await, Ok(Some(Remaining::Forever)));
}

#[tokio::test]
async fn what_a_later_version_wrote_is_a_miss_and_stays() {
    let timed = Timed::new();
    let foreign = b"CK\x01\0\0\x01\0\0\0\0\0\0\0\x01value";
    fs::write(timed.path(b"k"), foreign).unwrap();
    assert_eq!(timed.store.get(b"k").await, Ok(None));
    assert_eq!(timed.store.exists(b"k").await, Ok(false));
    assert_eq!(timed.store.delete(b"k").await, Ok(false));
    assert_eq!(timed.store.set_ttl(b"k", None).await, Ok(false));
    assert_eq!(fs::read(timed.path(b"k")).unwrap(), foreign);
}

#[tokio::test]
async fn a_damaged_file_is_a_miss_and_gives_way() {
    let timed = Timed::new();
    for damaged in [&b""[..], b"CK", b"CK\x01\0\0\0\0\0\0\0\0\0\0", b"XX\x01\0\0\0\0\0\0\0\0\0\0\0value"] {
        fs::write(timed.path(b"k"), damaged).unwrap();
        assert_eq!(timed.store.get(b"k").await, Ok(None));
        timed.store.set(b"k", "v".into(), Expiry::NEVER).await.unwrap();
        assert_eq!(timed.store.get(b"k").await, Ok(Some(Found::fresh("v"))));
    }
}

#[tokio::test]
async fn a_directory_in_the_way_is_an_error_and_not_a_panic() {
    let timed = Timed::new();
    fs::create_dir(timed.path(b"k")).unwrap();
    assert!(timed.store.set(b"k", "v".into(), Expiry::NEVER).await.is_err());
    assert!(timed.store.get(b"k").await.is_err());
    assert_eq!(fs::read_dir(timed.directory.path()).unwrap().count(), 1, "no half-written file is left");
    timed.directory.close().unwrap();
    assert!(timed.store.health().await.is_err());
}
