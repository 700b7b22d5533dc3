//! Files in a directory of the test's own.

use crate::suite;
use larder_store::{Expiry, Fault, FileStore, Found, Freshness, Remaining, Store, file_header, file_name};
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

/// The keys that are still there, and the size of all files.
async fn left(store: &FileStore, directory: &TempDir) -> (Vec<u32>, u64) {
    let mut keys = Vec::new();
    for number in 0..1_000_u32 {
        if store.exists(&number.to_be_bytes()).await.unwrap() {
            keys.push(number);
        }
    }
    let files = fs::read_dir(directory.path()).unwrap();
    (keys, files.map(|file| file.unwrap().metadata().unwrap().len()).sum())
}

#[tokio::test]
async fn a_directory_with_a_limit_loses_its_oldest_entries_and_never_has_more() {
    const LIMIT: u64 = 10_000;
    let directory = TempDir::new().unwrap();
    let store = FileStore::new(directory.path()).unwrap().limited_to(LIMIT);
    for number in 0..1_000_u32 {
        store.set(&number.to_be_bytes(), vec![7; 86].into(), Expiry::NEVER).await.unwrap();
        let written = fs::File::open(directory.path().join(file_name(&number.to_be_bytes()))).unwrap();
        // Times of its own, so that the order is seen whatever the file system's resolution.
        written.set_modified(std::time::UNIX_EPOCH + Duration::from_secs(number.into())).unwrap();
        let files = fs::read_dir(directory.path()).unwrap();
        assert!(files.map(|file| file.unwrap().metadata().unwrap().len()).sum::<u64>() <= LIMIT, "{number}");
    }
    let (keys, used) = left(&store, &directory).await;
    assert!(used >= LIMIT - LIMIT / 8 - 100, "no more went than had to: {used}");
    assert_eq!(keys, (1_000 - keys.len() as u32..1_000).collect::<Vec<_>>(), "the newest are left");
}

#[tokio::test]
async fn overwriting_evicts_nobody() {
    let directory = TempDir::new().unwrap();
    let store = FileStore::new(directory.path()).unwrap().limited_to(1_000);
    store.set(b"other", vec![7; 86].into(), Expiry::NEVER).await.unwrap();
    for _ in 0..100 {
        store.set(b"k", vec![7; 86].into(), Expiry::NEVER).await.unwrap();
    }
    assert!(store.exists(b"other").await.unwrap());
}

#[tokio::test]
async fn a_value_that_the_directory_has_no_room_for_is_refused() {
    let directory = TempDir::new().unwrap();
    let store = FileStore::new(directory.path()).unwrap().limited_to(100);
    let error = store.set(b"k", vec![7; 87].into(), Expiry::NEVER).await.unwrap_err();
    assert_eq!(error.fault(), &Fault::ValueTooLarge { len: 87, max: 86 });
    assert_eq!(store.set(b"k", vec![7; 86].into(), Expiry::NEVER).await, Ok(()));
}

#[tokio::test]
async fn what_a_process_left_half_written_goes_with_the_first_write() {
    let now_ms = larder_store::Clock::unix_ms(&larder_store::SystemClock);
    for (later_ms, is_left) in [(30_000, true), (300_000, false)] {
        let directory = TempDir::new().unwrap();
        let half = directory.path().join(format!("{}.tmp.1.1", file_name(b"k")));
        let foreign = directory.path().join("notes.tmp.1.1");
        fs::write(&half, b"CK").unwrap();
        fs::write(&foreign, b"not ours").unwrap();
        let store = FileStore::with_clock(directory.path(), move || now_ms + later_ms).unwrap();
        store.set(b"other", "v".into(), Expiry::NEVER).await.unwrap();
        assert_eq!((half.exists(), foreign.exists()), (is_left, true), "after {later_ms} ms");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_may_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let parent = TempDir::new().unwrap();
    let directory = parent.path().join("cache");
    let store = FileStore::new(&directory).unwrap();
    store.set(b"k", "v".into(), Expiry::NEVER).await.unwrap();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&directory), mode(&directory.join(file_name(b"k")))), (0o700, 0o600));
}
