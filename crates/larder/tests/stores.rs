//! The stores' contract against Larder itself: each protocol that the server speaks, reached by the store that speaks it. It is
//! here because a crate of the server's side and one of the stores' are both needed.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use larder_server::config::{Config, Listen, Token};
use larder_server::{Handle, ManualClock, Server};
use larder_store::{
    Class, Expiry, Found, Freshness, Hosts, Limits, PaperStore, Remaining, RestOptions, RestStore,
    SeriputStore, Store,
};
use std::sync::Arc;
use std::time::Duration;

#[path = "../../store/tests/contract/suite.rs"]
mod suite;

/// A server in this process, and the clock that it goes by.
struct Larder {
    handle: Handle,
    clock: Arc<ManualClock>,
}

impl Larder {
    fn start(configure: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config { workers: 1, ..Config::default() };
        let anywhere = || Listen::Address("127.0.0.1:0".to_owned());
        (config.paper.listen, config.seriput.listen) = (anywhere(), anywhere());
        config.rest.listen = anywhere();
        config.admin.listen = Listen::Off;
        config.limits.auth_delay = Duration::ZERO;
        configure(&mut config);
        let clock = Arc::new(ManualClock::new());
        let handle = Server::start(&config, clock.clone()).unwrap();
        Self { handle, clock }
    }

    fn paper(&self, token: Option<&str>) -> PaperStore {
        let address = self.handle.paper_addr().unwrap().to_string();
        PaperStore::new(&address, token, Limits::default()).unwrap()
    }

    fn rest(&self) -> RestStore {
        let url = format!("http://{}", self.handle.rest_addr().unwrap());
        RestStore::new(RestOptions { hosts: Hosts::Private, ..RestOptions::new(url, "ck_live_any") }).unwrap()
    }

    fn seriput(&self) -> SeriputStore {
        let address = self.handle.seriput_addr().unwrap().to_string();
        SeriputStore::new(&address, Limits::default()).unwrap()
    }
}

#[tokio::test]
async fn larder_keeps_the_contract_over_paper() {
    suite::run(&Larder::start(|_| {}).paper(None)).await;
}

#[tokio::test]
async fn larder_keeps_the_contract_over_seriput() {
    suite::run(&Larder::start(|_| {}).seriput()).await;
}

#[tokio::test]
async fn larder_keeps_the_contract_over_rest() {
    suite::run(&Larder::start(|_| {}).rest()).await;
}

#[tokio::test]
async fn over_rest_an_entry_is_fresh_then_stale_then_gone() {
    let larder = Larder::start(|_| {});
    let (rest, paper) = (larder.rest(), larder.paper(None));
    let second = Duration::from_secs(1);
    rest.set(b"k", "v".into(), Expiry::after(10 * second).and_stale_for(10 * second)).await.unwrap();
    larder.clock.advance(9 * second);
    let found = rest.get(b"k").await.unwrap().unwrap();
    let Freshness::Fresh { fresh_for: Some(bound) } = found.freshness else { panic!("{found:?}") };
    assert!(bound <= second, "{bound:?}");
    larder.clock.advance(second);
    assert_eq!(rest.get(b"k").await, Ok(Some(Found { bytes: "v".into(), freshness: Freshness::Stale })));
    assert_eq!(rest.exists(b"k").await, Ok(true));
    assert!(matches!(rest.remaining(b"k").await, Ok(Some(Remaining::For(left))) if left <= 10 * second));
    let refused = rest.set_ttl(b"k", Some(second)).await.unwrap_err();
    assert_eq!(refused.class(), Class::Permanent, "a stale entry does not become fresh again: {refused}");
    assert_eq!(paper.get(b"k").await, Ok(None), "a protocol that cannot say stale does not show it");
    larder.clock.advance(10 * second);
    assert_eq!(rest.get(b"k").await, Ok(None));
}

#[tokio::test]
async fn over_rest_a_lock_falls_open_at_its_time() {
    let larder = Larder::start(|_| {});
    let rest = larder.rest();
    let second = Duration::from_secs(1);
    let token = rest.lock(b"k", second).await.unwrap().unwrap();
    assert_eq!(rest.lock(b"k", second).await, Ok(None));
    larder.clock.advance(second);
    assert!(rest.lock(b"k", second).await.unwrap().is_some());
    assert_eq!(rest.unlock(b"k", &token).await, Ok(false));
}

#[tokio::test]
async fn every_protocol_sees_the_same_entries() {
    let larder = Larder::start(|_| {});
    let (paper, seriput, rest) = (larder.paper(None), larder.seriput(), larder.rest());
    let second = Duration::from_secs(1);
    paper.set(b"k", "{\"n\":1}".into(), Expiry::after(second)).await.unwrap();
    assert_eq!(seriput.get(b"k").await, Ok(Some(Found::fresh("{\"n\":1}"))));
    assert_eq!(rest.get(b"k").await.unwrap().unwrap().bytes, "{\"n\":1}");
    larder.clock.advance(second);
    assert_eq!(seriput.get(b"k").await, Ok(None));
    assert_eq!(rest.get(b"k").await, Ok(None));
    assert_eq!(paper.get(b"k").await, Ok(None));

    paper.set(b"k", "not JSON".into(), Expiry::NEVER).await.unwrap();
    let error = seriput.get(b"k").await.unwrap_err();
    assert_eq!(error.class(), Class::Permanent, "{error}");
    assert!(seriput.delete(b"k").await.unwrap());
}

#[tokio::test]
async fn a_wrong_token_and_none_are_told_apart_from_a_failure() {
    let larder = Larder::start(|config| {
        config.tokens = vec![Token::new("secret").unwrap()];
        (config.seriput.listen, config.rest.listen) = (Listen::Off, Listen::Off);
    });
    assert_eq!(larder.paper(Some("secret")).get(b"k").await, Ok(None));
    for token in [Some("wrong"), Some(""), None] {
        let error = larder.paper(token).get(b"k").await.unwrap_err();
        assert_eq!(error.class(), Class::Authentication, "{token:?}: {error}");
        assert!(!error.to_string().contains("wrong"), "{error}");
    }
}

#[tokio::test]
async fn a_server_without_room_is_busy() {
    let larder = Larder::start(|config| config.limits.connections = 1);
    let (first, second) = (larder.paper(None), larder.paper(None));
    assert_eq!(first.get(b"k").await, Ok(None));
    assert_eq!(second.get(b"k").await.unwrap_err().class(), Class::Busy);
    drop(first);
}

#[tokio::test]
async fn a_server_that_stops_in_the_middle_is_a_transient_error() {
    let larder = Larder::start(|_| {});
    let (paper, seriput, rest) = (larder.paper(None), larder.seriput(), larder.rest());
    assert_eq!(rest.get(b"k").await, Ok(None));
    paper.set(b"k", "1".into(), Expiry::NEVER).await.unwrap();
    assert_eq!(seriput.get(b"k").await, Ok(Some(Found::fresh("1"))));
    larder.handle.shutdown();
    for store in [&paper as &dyn Store, &seriput, &rest] {
        let error = store.get(b"k").await.unwrap_err();
        assert_eq!(error.class(), Class::Transient, "{error}");
    }
}
