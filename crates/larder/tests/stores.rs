//! The stores' contract against Larder itself: each protocol that the server speaks, reached by the store that speaks it. It is
//! here because a crate of the server's side and one of the stores' are both needed.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use larder_server::config::{Config, Listen, Token};
use larder_server::{Handle, ManualClock, Server};
use larder_store::{Class, Expiry, Found, Limits, PaperStore, SeriputStore, Store};
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
        (config.rest.listen, config.admin.listen) = (Listen::Off, Listen::Off);
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
async fn every_protocol_sees_the_same_entries() {
    let larder = Larder::start(|_| {});
    let (paper, seriput) = (larder.paper(None), larder.seriput());
    let second = Duration::from_secs(1);
    paper.set(b"k", "{\"n\":1}".into(), Expiry::after(second)).await.unwrap();
    assert_eq!(seriput.get(b"k").await, Ok(Some(Found::fresh("{\"n\":1}"))));
    larder.clock.advance(second);
    assert_eq!(seriput.get(b"k").await, Ok(None));
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
        config.seriput.listen = Listen::Off;
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
    let (paper, seriput) = (larder.paper(None), larder.seriput());
    paper.set(b"k", "1".into(), Expiry::NEVER).await.unwrap();
    assert_eq!(seriput.get(b"k").await, Ok(Some(Found::fresh("1"))));
    larder.handle.shutdown();
    for store in [&paper as &dyn Store, &seriput] {
        let error = store.get(b"k").await.unwrap_err();
        assert_eq!(error.class(), Class::Transient, "{error}");
    }
}
