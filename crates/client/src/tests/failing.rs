//! A store that is away: what falls open and what does not.

use super::*;
use crate::layer::CircuitState;
use crate::testing::fault;
use crate::{Reliability, ValueError};
use larder_store::{Class, Fault, Freshness};
use tokio::time::{Instant, advance};

#[tokio::test(start_paused = true)]
async fn a_plain_call_tells_of_a_store_that_is_away() {
    let store = store();
    let cache = cache(&store);
    store.fail(vec![Fault::Closed; 4]);
    let class = |error: Error| error.class().unwrap();
    assert_eq!(class(cache.get::<u8>("k").await.unwrap_err()), Class::Transient);
    assert_eq!(class(cache.set("k", &1).await.unwrap_err()), Class::Transient);
    assert_eq!(class(cache.delete("k").await.unwrap_err()), Class::Transient);
    assert_eq!(class(cache.exists("k").await.unwrap_err()), Class::Transient);
    assert_eq!(cache.stats().store_errors, 4);
}

#[tokio::test(start_paused = true)]
async fn a_computation_goes_on_without_the_store_and_asks_it_once() {
    let store = store();
    let cache = cache(&store);
    store.fail([fault::timeout()]);
    let source = Source::default();
    assert_eq!(computed(&cache, &source).await, 1);
    assert_eq!(computed(&cache, &source).await, 1, "a copy is kept for a while");
    assert_eq!(store.calls(), ["get"], "what just failed is not waited for again");
    advance(30 * SECOND).await;
    assert_eq!(computed(&cache, &source).await, 2);
    assert_eq!(store.calls(), ["get", "get", "set"]);
    assert_eq!(cache.stats().failed_open, 1);
}

#[tokio::test(start_paused = true)]
async fn a_value_that_cannot_be_stored_is_still_the_callers() {
    let store = store();
    let cache = builder(&store).value_bytes_max(10).build().unwrap();
    let long = "x".repeat(100);
    let value = cache.get_or_compute("k", || async { Ok::<_, Error>(long.clone()) }).await;
    assert_eq!(value, Ok(long.clone()));
    assert_eq!(cache.set("k", &long).await, Err(Error::Value(ValueError::TooLarge { len: 102, max: 10 })));
    assert_eq!(store.calls(), ["get"]);
}

#[tokio::test(start_paused = true)]
async fn closed_means_that_an_outage_is_an_error() {
    let store = store();
    let cache = builder(&store).fail_closed(true).build().unwrap();
    store.fail([Fault::Closed]);
    let source = Source::default();
    let failed = cache.get_or_compute("k", || source.clone().next()).await;
    assert_eq!(failed.unwrap_err().class(), Some(Class::Transient));
    assert_eq!(source.made(), 0);
}

#[tokio::test(start_paused = true)]
async fn after_a_write_that_failed_the_copy_is_gone() {
    let store = store();
    let cache = cache(&store);
    cache.set("k", &1).await.unwrap();
    store.fail([fault::timeout()]);
    cache.set("k", &2).await.unwrap_err();
    store.plant("k", "\x02", Freshness::UNBOUNDED);
    assert_eq!(cache.get::<u8>("k").await.unwrap(), Some(2), "the write had arrived after all");
}

#[tokio::test(start_paused = true)]
async fn what_the_computation_says_is_passed_on_and_not_stored() {
    let store = store();
    let cache = cache(&store);
    let failed = cache.get_or_compute::<u8, _, _, _>("k", || async { Err(Error::NotSecure) }).await;
    assert_eq!(failed, Err(Error::NotSecure));
    let source = Source::default();
    assert_eq!(computed(&cache, &source).await, 1);
}

#[tokio::test(start_paused = true)]
async fn the_layers_of_a_reliable_cache_work_together() {
    let store = store();
    let cache = builder(&store).no_near().reliability(Reliability::default()).build().unwrap();
    store.fail([Fault::Closed, Fault::Closed]);
    let start = Instant::now();
    assert_eq!(cache.get::<u8>("k").await, Ok(None), "the third try succeeds");
    assert_eq!(start.elapsed(), Duration::from_millis(300));
    store.fail(vec![Fault::Closed; 3]);
    let error = cache.get::<u8>("k").await.unwrap_err();
    assert_eq!(error.class(), Some(Class::Transient));
    assert_eq!(cache.circuit(), Some(CircuitState::Open), "five failures in a minute");
    let calls = store.calls().len();
    assert_eq!(cache.get::<u8>("k").await.unwrap_err().class(), Some(Class::OpenCircuit));
    assert_eq!(store.calls().len(), calls);
    advance(5 * SECOND).await;
    assert_eq!(cache.get::<u8>("k").await, Ok(None), "a probe");
}
