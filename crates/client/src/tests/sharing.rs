//! Values that all readers of a near copy share.

use super::*;
use crate::near::Known;
use crate::{NearOptions, RefreshOptions};
use larder_store::Freshness;
use tokio::time::advance;

async fn shared(cache: &Cache) -> Arc<Vec<u8>> {
    cache.get_shared("k").await.unwrap().unwrap()
}

#[tokio::test(start_paused = true)]
async fn readers_of_a_copy_share_one_value() {
    let store = store();
    let cache = cache(&store);
    cache.set("k", &[1, 2]).await.unwrap();
    let (one, two) = (shared(&cache).await, shared(&cache).await);
    assert_eq!(*one, [1, 2]);
    assert!(Arc::ptr_eq(&one, &two));
    assert!(Arc::ptr_eq(&one, &cache.blocking().get_shared("k").unwrap().unwrap()));
    assert_eq!((cache.stats().near_hits, store.calls()), (3, vec!["set".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn what_is_near_as_bytes_or_only_in_the_store_is_found_too() {
    let store = store();
    let cache = cache(&store);
    store.plant("k", &b"\x92\x01\x02"[..], Freshness::UNBOUNDED);
    assert_eq!(*shared(&cache).await, [1, 2]);
    assert_eq!(cache.get::<Vec<u8>>("k").await.unwrap(), Some(vec![1, 2]));
    assert_eq!(*shared(&cache).await, [1, 2]);
    assert_eq!(cache.get_shared::<u8>("other").await.unwrap(), None);
    assert_eq!(store.calls(), ["get", "get"]);
}

#[tokio::test(start_paused = true)]
async fn a_write_and_a_delete_end_a_shared_value() {
    let cache = cache(&store());
    cache.set("k", &[1]).await.unwrap();
    let old = shared(&cache).await;
    cache.set("k", &[2]).await.unwrap();
    assert_eq!((&**old, &**shared(&cache).await), (&[1][..], &[2][..]));
    cache.delete("k").await.unwrap();
    assert_eq!(cache.get_shared::<Vec<u8>>("k").await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_failed_ends_a_shared_value() {
    let store = store();
    let cache = cache(&store);
    cache.set("k", &[1]).await.unwrap();
    shared(&cache).await;
    store.fail([crate::testing::fault::timeout()]);
    cache.set("k", &[2]).await.unwrap_err();
    store.plant("k", &b"\x91\x03"[..], Freshness::UNBOUNDED);
    assert_eq!(*shared(&cache).await, [3], "nobody knows what the store has until it is asked");
}

#[tokio::test(start_paused = true)]
async fn a_shared_value_ends_with_its_copy() {
    let store = store();
    let cache = builder(&store).ttl(10 * SECOND).build().unwrap();
    cache.set("k", &[1]).await.unwrap();
    advance(4 * SECOND).await;
    shared(&cache).await;
    store.entries.lock().clear();
    advance(6 * SECOND - Duration::from_millis(1)).await;
    shared(&cache).await;
    advance(Duration::from_millis(1)).await;
    assert_eq!(cache.get_shared::<Vec<u8>>("k").await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_shared_value_that_is_due_is_served_and_replaced() {
    let store = store();
    let cache = builder(&store).ttl(100 * SECOND).refresh(RefreshOptions::default()).build().unwrap();
    cache.set("k", &[1]).await.unwrap();
    shared(&cache).await;
    store.plant("k", &b"\x91\x02"[..], Freshness::Fresh { fresh_for: Some(100 * SECOND) });
    advance(50 * SECOND).await;
    assert_eq!(*shared(&cache).await, [1]);
    settle().await;
    assert_eq!(*shared(&cache).await, [2]);
    assert_eq!((cache.stats().stale_hits, cache.stats().refreshes), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_value_asked_for_as_another_type_is_read_as_that() {
    let cache = cache(&store());
    cache.set("k", &[1]).await.unwrap();
    shared(&cache).await;
    assert_eq!(cache.get_shared::<[u64; 1]>("k").await.unwrap().as_deref(), Some(&[1]));
    assert_eq!(*shared(&cache).await, [1]);
    assert_eq!(cache.get_shared::<String>("k").await.unwrap(), None, "no text: a miss as with `get`");
}

#[tokio::test(start_paused = true)]
async fn a_cache_that_encrypts_shares_nothing() {
    use crate::crypto::{Keyring, MasterKey};
    let key = MasterKey::from_hex(&"61".repeat(32)).unwrap();
    let cache = Cache::secure(store()).keyring(Keyring::new(key, vec![]).unwrap()).build().unwrap();
    cache.set("k", &[1]).await.unwrap();
    let (one, two) = (shared(&cache).await, shared(&cache).await);
    assert_eq!((&*one, cache.inner.near.as_ref().unwrap().shared_len()), (&vec![1], 0));
    assert!(!Arc::ptr_eq(&one, &two));
}

#[tokio::test(start_paused = true)]
async fn shared_values_are_bounded() {
    let max = 10_000;
    let near = NearOptions { shared_bytes_max: max, ..NearOptions::default() };
    let cache = builder(&store()).near(near).build().unwrap();
    for key in 0..500 {
        let key = key.to_string();
        cache.set(&key, &vec![0; 100]).await.unwrap();
        cache.get_shared::<Vec<u8>>(&key).await.unwrap().unwrap();
    }
    let near = cache.inner.near.as_ref().unwrap();
    assert!((5..=max / (128 + 100)).contains(&near.shared_len()), "{}", near.shared_len());
    cache.set("large", &vec![0; 20_000]).await.unwrap();
    let (one, two) = (cache.get_shared::<Vec<u8>>("large").await, cache.get_shared::<Vec<u8>>("large").await);
    assert_eq!(one.unwrap().unwrap().len(), two.unwrap().unwrap().len());
}

#[tokio::test(start_paused = true)]
async fn a_value_that_a_write_overtook_while_it_was_decoded_is_not_shared() {
    let cache = cache(&store());
    cache.set("k", &[1]).await.unwrap();
    let near = cache.inner.near.as_ref().unwrap();
    let known = near.get_shared("k", |held| {
        let write = near.begin_write("k");
        near.end_write("k", write, None);
        larder_cachekit::msgpack::from_slice::<crate::near::Shared<Vec<u8>>>(held)
    });
    assert!(matches!(known, Some(Known::Copy { read: Ok(_), .. })));
    assert_eq!(near.shared_len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_value_whose_copy_was_replaced_while_it_was_decoded_is_not_shared() {
    let cache = cache(&store());
    cache.set("k", &[1]).await.unwrap();
    let near = cache.inner.near.as_ref().unwrap();
    let life = crate::near::Life { ends_after: SECOND, due_after: None };
    let known = near.get_shared("k", |held| {
        near.keep("k", near.mark("k"), b"\x91\x02", life);
        larder_cachekit::msgpack::from_slice::<crate::near::Shared<Vec<u8>>>(held)
    });
    assert!(matches!(known, Some(Known::Copy { read: Ok(_), .. })));
    assert_eq!(*shared(&cache).await, [2]);
}

#[tokio::test(start_paused = true)]
async fn what_is_computed_is_shared_from_the_next_reader_on() {
    let cache = cache(&store());
    let source = Source::default();
    let compute = || cache.get_or_compute_shared("k", || source.clone().next());
    assert_eq!(*compute().await.unwrap(), 1);
    let (one, two) = (compute().await.unwrap(), compute().await.unwrap());
    assert!(Arc::ptr_eq(&one, &two));
    assert_eq!((*one, source.made()), (1, 1));
}
