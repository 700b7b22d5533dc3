//! Get, set, delete, exists, and what of them asks the store.

use super::*;
use crate::{ConfigError, Format, Key, KeyError, NearOptions, OnForeign};
use larder_store::{Expiry, Freshness, KeyFault};
use tokio::time::advance;

#[tokio::test(start_paused = true)]
async fn what_people_read_as_text_comes_back() {
    let cache = cache(&store());
    let address: std::net::SocketAddr = "[2001:db8::1]:443".parse().unwrap();
    cache.set("k", &address).await.unwrap();
    assert_eq!(cache.get("k").await, Ok(Some(address)));
}

#[tokio::test(start_paused = true)]
async fn the_stale_window_ends_where_the_store_does() {
    let day = 86_400 * SECOND;
    let store = Arc::new(Scripted::with(|store| store.ttl_max = Some(30 * day)));
    let builder = || builder(&store).ttl(30 * day).stale_for(3600 * SECOND);
    let cache = builder().build().unwrap();
    cache.set("usual", &1).await.unwrap();
    cache.set_with_ttl("short", &1, day).await.unwrap();
    cache.set_with_ttl("long", &1, 30 * day - SECOND).await.unwrap();
    let stale = |key: &str| store.expiries.lock()[key.as_bytes()].stale();
    assert_eq!([stale("usual"), stale("short"), stale("long")], [Duration::ZERO, 3600 * SECOND, SECOND]);
    let too_long = builder().ttl(30 * day + SECOND).build();
    assert!(matches!(too_long, Err(Error::Config(ConfigError::Setting { name: "ttl", .. }))));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_takes_no_such_entries_is_refused() {
    let name = |store: Scripted| match Cache::minimal(store).build() {
        Err(Error::Config(ConfigError::Setting { name, .. })) => name,
        other => panic!("{other:?}"),
    };
    assert_eq!(name(Scripted::with(|store| store.json_only = true)), "store");
    assert_eq!(name(Scripted::with(|store| store.has_no_expiry = true)), "ttl");
    assert!(Cache::minimal(Scripted::with(|store| store.has_no_expiry = true)).no_ttl().build().is_ok());
}

#[tokio::test]
async fn a_blocking_call_works_in_a_local_set() {
    let waited = std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let call = async {
            let cache = cache(&store());
            let task = tokio::task::spawn_local(async move {
                cache.blocking().get_or_compute("k", || Ok::<u8, Error>(2))
            });
            task.await.unwrap()
        };
        runtime.block_on(tokio::task::LocalSet::new().run_until(call))
    });
    assert_eq!(waited.join().unwrap(), Ok(2));
}

#[tokio::test(start_paused = true)]
async fn what_was_set_is_read_without_the_store() {
    let store = store();
    let cache = cache(&store);
    cache.set("k", &vec![1, 2]).await.unwrap();
    assert_eq!(cache.get::<Vec<u8>>("k").await.unwrap(), Some(vec![1, 2]));
    assert!(cache.exists("k").await.unwrap());
    assert_eq!(store.calls(), ["set"]);
}

#[tokio::test(start_paused = true)]
async fn an_entry_has_the_caches_time_to_live_or_its_own() {
    let store = store();
    let cache = builder(&store).ttl(60 * SECOND).stale_for(5 * SECOND).build().unwrap();
    cache.set("usual", &1).await.unwrap();
    cache.set_with_ttl("own", &1, SECOND).await.unwrap();
    let expiry = |key: &str| store.expiries.lock()[key.as_bytes()];
    assert_eq!(expiry("usual"), Expiry::after(60 * SECOND).and_stale_for(5 * SECOND));
    assert_eq!(expiry("own"), Expiry::after(SECOND).and_stale_for(5 * SECOND));
    let forever = builder(&store).no_ttl().build().unwrap();
    forever.set("forever", &1).await.unwrap();
    assert_eq!(expiry("forever"), Expiry::NEVER);
}

#[tokio::test(start_paused = true)]
async fn a_copy_lives_as_long_as_the_store_allows() {
    let store = store();
    let cache = cache(&store);
    for (fresh_for, life) in [(Some(5 * SECOND), 5), (Some(1000 * SECOND), 300), (None, 30)] {
        store.plant("k", "\x07", Freshness::Fresh { fresh_for });
        cache.delete("other").await.unwrap();
        assert_eq!(cache.get::<u8>("k").await.unwrap(), Some(7));
        store.entries.lock().clear();
        advance(life * SECOND - Duration::from_millis(1)).await;
        assert_eq!(cache.get::<u8>("k").await.unwrap(), Some(7), "{fresh_for:?}");
        advance(Duration::from_millis(1)).await;
        assert_eq!(cache.get::<u8>("k").await.unwrap(), None, "{fresh_for:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_copy_is_kept_of_what_the_store_forbids_or_calls_stale() {
    for freshness in [Freshness::Fresh { fresh_for: Some(Duration::ZERO) }, Freshness::Stale] {
        let store = store();
        let cache = cache(&store);
        store.plant("k", "\x07", freshness);
        let read = cache.get::<u8>("k").await.unwrap();
        assert_eq!(read.is_none(), freshness.is_stale());
        cache.get::<u8>("k").await.unwrap();
        assert_eq!(store.calls(), ["get", "get"]);
    }
}

#[tokio::test(start_paused = true)]
async fn deleted_is_gone_here_and_there() {
    let store = store();
    let cache = cache(&store);
    cache.set("k", &1).await.unwrap();
    assert!(cache.delete("k").await.unwrap());
    assert!(!cache.delete("k").await.unwrap());
    assert_eq!(cache.get::<u8>("k").await.unwrap(), None);
    assert!(!cache.exists("k").await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_namespace_goes_in_front_of_text_keys_only() {
    let store = store();
    let cache = builder(&store).namespace("ns").build().unwrap();
    let shared = Key::interop("users", "get_user", (42,)).unwrap();
    cache.set("k", &1).await.unwrap();
    cache.set(&shared, &1).await.unwrap();
    let mut keys: Vec<_> =
        store.entries.lock().keys().map(|key| String::from_utf8_lossy(key).into_owned()).collect();
    keys.sort();
    assert_eq!(keys, ["ns:k", shared.as_str()]);
}

#[tokio::test(start_paused = true)]
async fn keys_that_are_refused_are_never_sent() {
    let store = store();
    let cache = cache(&store);
    let refused = |fault: KeyFault| Error::Key(KeyError::Fault(fault));
    let too_long_there = "k".repeat(251);
    let faults = [
        ("", KeyFault::Empty),
        ("a\nb", KeyFault::Byte { byte: b'\n', at: 1 }),
        (&*too_long_there, KeyFault::TooLong { len: 251, max: 250 }),
    ];
    for (key, fault) in faults {
        assert_eq!(cache.get::<u8>(key).await, Err(refused(fault.clone())));
        assert_eq!(cache.set(key, &1).await, Err(refused(fault.clone())));
        assert_eq!(cache.delete(key).await, Err(refused(fault.clone())));
        assert_eq!(cache.exists(key).await, Err(refused(fault.clone())));
        let source = Source::default();
        let computed = cache.get_or_compute(key, || source.clone().next()).await;
        assert_eq!((computed, source.made()), (Err(refused(fault)), 0));
    }
    assert_eq!(store.calls(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_absence_is_remembered_where_that_is_wanted() {
    let store = store();
    let cache = builder(&store).negative_life(SECOND).build().unwrap();
    for _ in 0..3 {
        assert_eq!(cache.get::<u8>("k").await.unwrap(), None);
    }
    assert!(!cache.exists("k").await.unwrap());
    assert_eq!(store.calls(), ["get"]);
    advance(SECOND).await;
    cache.get::<u8>("k").await.unwrap();
    assert_eq!(store.calls(), ["get", "get"]);
    cache.set("k", &1).await.unwrap();
    assert_eq!(cache.get::<u8>("k").await.unwrap(), Some(1), "a write ends it");
}

#[tokio::test(start_paused = true)]
async fn what_is_known_to_be_absent_is_computed_without_asking() {
    let store = store();
    let cache = builder(&store).negative_life(SECOND).build().unwrap();
    let source = Source::default();
    cache.get::<u8>("k").await.unwrap();
    assert_eq!(computed(&cache, &source).await, 1);
    assert_eq!(store.calls(), ["get", "set"]);
}

#[tokio::test(start_paused = true)]
async fn foreign_entries_are_misses_or_errors_as_configured() {
    let frame: &[u8] = b"CK\x03\0\0\0\x02{}\x2a";
    let envelope = larder_cachekit::envelope::store(b"\x07", "msgpack").unwrap();
    for foreign in [frame, &envelope, b"", b"\x93\x01", b"\xc1", b"\x01\x02", b"\xa4text"] {
        let store = store();
        store.plant("k", foreign.to_vec(), Freshness::UNBOUNDED);
        let lenient = cache(&store);
        assert_eq!(lenient.get::<u8>("k").await.unwrap(), None);
        assert_eq!(lenient.stats().foreign, 1);
        let strict = builder(&store).on_foreign(OnForeign::Error).build().unwrap();
        assert!(matches!(strict.get::<u8>("k").await, Err(Error::Foreign(_))), "{foreign:?}");
        let source = Source::default();
        let failed = strict.get_or_compute("k", || source.clone().next()).await;
        assert!(matches!(failed, Err(Error::Foreign(_))));
        assert_eq!((computed(&lenient, &source).await, source.made()), (1, 1), "and a miss is computed anew");
        assert_eq!(strict.get::<u8>("k").await.unwrap(), Some(1));
    }
}

#[tokio::test(start_paused = true)]
async fn an_envelope_is_read_where_envelopes_are_expected() {
    let store = store();
    let cache = builder(&store).format(Format::Envelope).build().unwrap();
    let envelope = larder_cachekit::envelope::store(b"\x07", "msgpack").unwrap();
    store.plant("k", envelope, Freshness::UNBOUNDED);
    assert_eq!(cache.get::<u8>("k").await.unwrap(), Some(7));
    assert_eq!(cache.get::<u8>("k").await.unwrap(), Some(7), "and its copy");
}

#[tokio::test(start_paused = true)]
async fn without_a_near_cache_every_read_asks_the_store() {
    let store = store();
    let cache = builder(&store).no_near().build().unwrap();
    cache.set("k", &1).await.unwrap();
    cache.get::<u8>("k").await.unwrap();
    cache.get::<u8>("k").await.unwrap();
    assert_eq!(store.calls(), ["set", "get", "get"]);
}

#[tokio::test(start_paused = true)]
async fn the_near_cache_can_be_bounded_in_bytes() {
    let store = store();
    let cache = builder(&store).near(NearOptions::bytes(10_000)).build().unwrap();
    for key in 0..200 {
        cache.set(key.to_string(), &"x".repeat(200)).await.unwrap();
    }
    let stats = cache.stats();
    assert!(stats.near_used <= 10_000 && stats.near_entries > 10, "{stats:?}");
}

#[test]
fn blocking_callers_share_all_of_it() {
    let store = store();
    let cache = builder(&store).build().unwrap();
    let blocking = cache.blocking();
    blocking.set("k", &1).unwrap();
    assert_eq!(blocking.get::<u8>("k").unwrap(), Some(1));
    assert!(blocking.delete("k").unwrap());
    assert_eq!(blocking.get_or_compute("k", || Ok::<u8, Error>(2)).unwrap(), 2);
    assert_eq!(blocking.get_or_compute("k", || Ok::<u8, Error>(3)).unwrap(), 2);
    assert_eq!(
        blocking.get_or_compute("", || Ok::<u8, Error>(3)),
        Err(KeyError::Fault(KeyFault::Empty).into())
    );
    assert_eq!(cache.stats().computations, 1);
}

#[tokio::test]
async fn a_blocking_call_works_on_the_only_thread_of_a_runtime() {
    let cache = cache(&store());
    assert_eq!(cache.blocking().get_or_compute("k", || Ok::<u8, Error>(2)).unwrap(), 2);
}
