//! Stale-while-revalidate: copies that are due, entries that are stale.

use super::*;
use crate::RefreshOptions;
use larder_store::{Fault, Freshness};
use tokio::sync::Notify;
use tokio::time::advance;

fn refreshing(store: &Arc<Scripted>) -> Cache {
    builder(store).ttl(100 * SECOND).refresh(RefreshOptions::default()).build().unwrap()
}

async fn refreshed(cache: &Cache, source: &Source) -> u32 {
    let source = source.clone();
    cache.get_or_refresh("k", move || source.next()).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_copy_past_half_its_life_is_served_and_replaced_in_the_background() {
    let store = store();
    let (cache, source) = (refreshing(&store), Source::default());
    assert_eq!(refreshed(&cache, &source).await, 1);
    advance(50 * SECOND - Duration::from_millis(1)).await;
    assert_eq!(refreshed(&cache, &source).await, 1);
    settle().await;
    assert_eq!(source.made(), 1, "it is not due yet");
    advance(Duration::from_millis(1)).await;
    assert_eq!(refreshed(&cache, &source).await, 1, "served at once");
    settle().await;
    assert_eq!(refreshed(&cache, &source).await, 2, "and replaced");
}

#[tokio::test(start_paused = true)]
async fn many_readers_of_a_due_copy_refresh_it_once() {
    let store = store();
    let (cache, source) = (refreshing(&store), Source::default());
    refreshed(&cache, &source).await;
    advance(50 * SECOND).await;
    for _ in 0..32 {
        assert_eq!(refreshed(&cache, &source).await, 1);
    }
    settle().await;
    assert_eq!((source.made(), cache.stats().refreshes), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_borrowing_caller_replaces_it_while_the_others_are_served() {
    let store = store();
    let (cache, source) = (refreshing(&store), Source::default());
    computed(&cache, &source).await;
    advance(50 * SECOND).await;
    let gate = Arc::new(Notify::new());
    let first = tokio::spawn({
        let (cache, source, gate) = (cache.clone(), source.clone(), Arc::clone(&gate));
        async move {
            let compute = || async {
                gate.notified().await;
                source.clone().next().await
            };
            cache.get_or_compute("k", compute).await.unwrap()
        }
    });
    settle().await;
    assert_eq!(computed(&cache, &source).await, 1, "the old value, without waiting");
    gate.notify_one();
    assert_eq!(first.await.unwrap(), 2);
    assert_eq!(computed(&cache, &source).await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_fails_leaves_the_old_value_and_is_not_repeated_for_a_while() {
    let store = store();
    let (cache, source) = (refreshing(&store), Source::default());
    refreshed(&cache, &source).await;
    advance(50 * SECOND).await;
    let failing = || cache.get_or_refresh("k", || async { Err::<u32, _>(Error::NotSecure) });
    assert_eq!(failing().await, Ok(1));
    settle().await;
    assert_eq!(cache.stats().failed_refreshes, 1);
    advance(9 * SECOND).await;
    assert_eq!(refreshed(&cache, &source).await, 1);
    settle().await;
    assert_eq!(source.made(), 1, "within its pause");
    advance(SECOND).await;
    refreshed(&cache, &source).await;
    settle().await;
    assert_eq!(source.made(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_cannot_compute_has_a_due_copy_fetched_anew() {
    let store = store();
    let cache = refreshing(&store);
    cache.set("k", &1).await.unwrap();
    store.plant("k", "\x02", Freshness::UNBOUNDED);
    advance(50 * SECOND).await;
    assert_eq!(cache.get::<u8>("k").await.unwrap(), Some(1));
    settle().await;
    assert_eq!(cache.get::<u8>("k").await.unwrap(), Some(2));
    assert_eq!(store.calls(), ["set", "get"]);
}

#[tokio::test(start_paused = true)]
async fn a_stale_entry_is_served_while_it_is_replaced() {
    let store = store();
    let (cache, source) = (refreshing(&store), Source::default());
    store.plant("k", "\x63", Freshness::Stale);
    assert_eq!(refreshed(&cache, &source).await, 99);
    settle().await;
    assert_eq!(refreshed(&cache, &source).await, 1);
    assert_eq!(store.calls(), ["get", "set"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_stale_is_served_where_refreshes_are_off() {
    let store = store();
    let (cache, source) = (cache(&store), Source::default());
    store.plant("k", "\x63", Freshness::Stale);
    assert_eq!(computed(&cache, &source).await, 1);
}

#[tokio::test(start_paused = true)]
async fn what_another_process_has_just_replaced_is_taken_over() {
    let store = Arc::new(Scripted::with_locks());
    let (cache, source) = (refreshing(&store), Source::default());
    computed(&cache, &source).await;
    advance(50 * SECOND).await;
    store.plant("k", "\x63", Freshness::Fresh { fresh_for: Some(90 * SECOND) });
    assert_eq!(computed(&cache, &source).await, 99);
    assert_eq!(source.made(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_another_process_is_replacing_is_left_to_it() {
    let store = Arc::new(Scripted::with_locks());
    let (cache, source) = (refreshing(&store), Source::default());
    computed(&cache, &source).await;
    settle().await;
    advance(50 * SECOND).await;
    store.plant("k", "\x01", Freshness::Fresh { fresh_for: Some(50 * SECOND) });
    store.hold_lock("k", true);
    assert_eq!(computed(&cache, &source).await, 1);
    assert_eq!(source.made(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_does_not_hurt_who_reads_a_due_copy() {
    let store = store();
    let (cache, source) = (refreshing(&store), Source::default());
    computed(&cache, &source).await;
    advance(50 * SECOND).await;
    store.fail(vec![Fault::Closed; 10]);
    assert_eq!(cache.get::<u32>("k").await, Ok(Some(1)));
    settle().await;
    assert_eq!(cache.get::<u32>("k").await, Ok(Some(1)));
    assert_eq!(cache.stats().failed_refreshes, 1);
}
