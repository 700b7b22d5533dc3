//! Many callers who want the same value at once, in this process and in others.

use super::*;
use larder_store::{Fault, Freshness};
use tokio::sync::Notify;
use tokio::time::{Instant, advance};

#[tokio::test(start_paused = true)]
async fn what_has_no_stored_form_keeps_nobody_waiting() {
    let cache = cache(&store());
    let began = tokio::time::Instant::now();
    let calls = (0..32).map(|number: u64| {
        let cache = cache.clone();
        tokio::spawn(async move {
            let compute = || async move {
                tokio::time::sleep(SECOND).await;
                Ok::<_, Error>(std::collections::HashMap::from([(number, number)]))
            };
            cache.get_or_compute("k", compute).await
        })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.unwrap().unwrap().len(), 1);
    }
    assert_eq!(began.elapsed(), 2 * SECOND, "one finds out, and all others compute at once");
}

#[tokio::test(start_paused = true)]
async fn options_without_an_end_are_taken() {
    use crate::layer::{Backoff, CircuitOptions};
    use crate::{RefreshOptions, Reliability, StampedeOptions};
    let forever = Duration::MAX;
    let store = Arc::new(Scripted::with_locks());
    let cache = Cache::production(Arc::clone(&store))
        .reliability(Reliability {
            retry: Backoff { tries_max: 1, ..Backoff::default() },
            circuit: CircuitOptions { failures_max: 1, open_time: forever, ..CircuitOptions::default() },
            ..Reliability::default()
        })
        .stampede(StampedeOptions {
            wait_max: forever,
            pause: forever,
            pause_max: forever,
            ..StampedeOptions::default()
        })
        .refresh(RefreshOptions { pause: forever, ..RefreshOptions::default() })
        .random(|| f64::NAN)
        .build()
        .unwrap();
    store.hold_lock("k", true);
    let waiting = tokio::spawn({
        let cache = cache.clone();
        async move { computed(&cache, &Source::default()).await }
    });
    settle().await;
    assert_eq!(cache.stats().lock_waits, 1);
    waiting.abort();
    store.fail([crate::testing::fault::timeout()]);
    cache.set("other", &1).await.unwrap_err();
    assert_eq!(cache.circuit(), Some(crate::layer::CircuitState::Open));
    drop(cache.inner.refreshes.claim("k", forever, tokio::time::Instant::now()));
}

#[tokio::test(start_paused = true)]
async fn many_callers_compute_once_and_ask_the_store_once() {
    for builder in [builder, |store: &Arc<Scripted>| super::builder(store).no_near()] {
        let store = store();
        let (cache, source) = (builder(&store).build().unwrap(), Source::default());
        let callers: Vec<_> = (0..32)
            .map(|_| {
                let (cache, source) = (cache.clone(), source.clone());
                tokio::spawn(async move { computed(&cache, &source).await })
            })
            .collect();
        for caller in callers {
            assert_eq!(caller.await.unwrap(), 1);
        }
        assert_eq!(store.calls(), ["get", "set"]);
        let stats = cache.stats();
        assert_eq!((stats.shared_hits, stats.misses, stats.flights), (31, 1, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_computation_is_taken_over() {
    let store = store();
    let (cache, source) = (cache(&store), Source::default());
    let cancelled = tokio::spawn({
        let cache = cache.clone();
        async move { cache.get_or_compute::<u32, Error, _, _>("k", std::future::pending).await }
    });
    settle().await;
    let next = tokio::spawn({
        let (cache, source) = (cache.clone(), source.clone());
        async move { computed(&cache, &source).await }
    });
    settle().await;
    assert_eq!(source.made(), 0, "the second caller waits");
    cancelled.abort();
    assert_eq!(next.await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_failed_computation_fails_its_caller_alone() {
    let store = store();
    let (cache, source) = (cache(&store), Source::default());
    let gate = Arc::new(Notify::new());
    let failing = tokio::spawn({
        let (cache, gate) = (cache.clone(), Arc::clone(&gate));
        async move {
            let compute = || async {
                gate.notified().await;
                Err(Error::NotSecure)
            };
            cache.get_or_compute::<u32, _, _, _>("k", compute).await
        }
    });
    settle().await;
    let next = tokio::spawn({
        let (cache, source) = (cache.clone(), source.clone());
        async move { computed(&cache, &source).await }
    });
    settle().await;
    gate.notify_one();
    assert_eq!(failing.await.unwrap(), Err(Error::NotSecure));
    assert_eq!(next.await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_the_bound_for_a_slow_computation() {
    let store = store();
    let (cache, source) = (cache(&store), Source::default());
    let _slow = tokio::spawn({
        let cache = cache.clone();
        async move { cache.get_or_compute::<u32, Error, _, _>("k", std::future::pending).await }
    });
    settle().await;
    let start = Instant::now();
    assert_eq!(computed(&cache, &source).await, 1);
    assert_eq!(start.elapsed(), 5 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn the_lock_is_held_during_the_computation_and_then_released() {
    let store = Arc::new(Scripted::with_locks());
    let (cache, source) = (cache(&store), Source::default());
    assert_eq!(computed(&cache, &source).await, 1);
    settle().await;
    assert_eq!(store.calls(), ["get", "lock", "get", "set", "unlock"]);
}

#[tokio::test(start_paused = true)]
async fn the_value_of_the_process_that_has_the_lock_is_waited_for() {
    let store = Arc::new(Scripted::with_locks());
    let (cache, source) = (cache(&store), Source::default());
    store.hold_lock("k", true);
    let waiting = tokio::spawn({
        let (cache, source) = (cache.clone(), source.clone());
        async move { computed(&cache, &source).await }
    });
    settle().await;
    store.plant("k", "\x63", Freshness::UNBOUNDED);
    assert_eq!(waiting.await.unwrap(), 99);
    let stats = cache.stats();
    assert_eq!((source.made(), stats.lock_waits), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_is_given_up_goes_to_who_waits() {
    let store = Arc::new(Scripted::with_locks());
    let (cache, source) = (cache(&store), Source::default());
    store.hold_lock("k", true);
    let waiting = tokio::spawn({
        let (cache, source) = (cache.clone(), source.clone());
        async move { computed(&cache, &source).await }
    });
    settle().await;
    store.hold_lock("k", false);
    let start = Instant::now();
    assert_eq!(waiting.await.unwrap(), 1);
    assert_eq!(start.elapsed(), Duration::from_millis(50), "at the second look");
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_is_never_given_up_costs_a_bounded_wait() {
    let store = Arc::new(Scripted::with_locks());
    let (cache, source) = (cache(&store), Source::default());
    store.hold_lock("k", true);
    let start = Instant::now();
    assert_eq!(computed(&cache, &source).await, 1);
    assert_eq!(start.elapsed(), 5 * SECOND);
    let locks = store.calls().iter().filter(|call| *call == "lock").count();
    assert!((10..20).contains(&locks), "pauses grow to half a second: {locks}");
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_cannot_be_asked_for_is_gone_without() {
    let store = Arc::new(Scripted::with_locks());
    let (cache, source) = (cache(&store), Source::default());
    store.fail([]);
    let reads = tokio::spawn({
        let (cache, source) = (cache.clone(), source.clone());
        async move { computed(&cache, &source).await }
    });
    assert_eq!(reads.await.unwrap(), 1);
    cache.delete("k").await.unwrap();
    settle().await;
    store.forget_calls();
    store.fail_at("lock", Fault::Refused("no locks today".into()));
    assert_eq!(computed(&cache, &source).await, 2);
    assert_eq!(store.calls(), ["get", "lock", "set"]);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_computation_releases_its_lock() {
    let store = Arc::new(Scripted::with_locks());
    let cache = cache(&store);
    let cancelled = tokio::spawn({
        let cache = cache.clone();
        async move { cache.get_or_compute::<u32, Error, _, _>("k", std::future::pending).await }
    });
    settle().await;
    cancelled.abort();
    settle().await;
    assert_eq!(store.calls(), ["get", "lock", "get", "unlock"]);
}

#[tokio::test(start_paused = true)]
async fn who_misses_again_after_the_flight_has_landed_finds_the_copy() {
    let store = store();
    let (cache, source) = (cache(&store), Source::default());
    assert_eq!(computed(&cache, &source).await, 1);
    advance(SECOND).await;
    assert_eq!(computed(&cache, &source).await, 1);
    assert_eq!(store.calls(), ["get", "set"]);
}
