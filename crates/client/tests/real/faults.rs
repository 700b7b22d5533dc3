//! A backend that is away, that hangs, that breaks off and that lies: a value, a miss or an error, and never a wrong value.

use std::time::Duration;

use larder_client::crypto::Keyring;
use larder_client::store::{Class, Limits, RedisStore};
use larder_client::{Cache, Error, Format};

use crate::program::{free_ports, is_there, redis, redis_at};
use crate::proxy::{Fault, Proxy};
use crate::{redis_store, url};

const VALUE: &str = "a value that is long enough to be hit by a fault somewhere in its middle";

/// A store that does not wait long: the proxy answers at once, or never.
fn impatient(port: u16) -> RedisStore {
    let limits = Limits { timeout: Duration::from_millis(250), ..Limits::default() };
    RedisStore::new(&url(port), limits).unwrap()
}

fn keyring() -> Keyring {
    Keyring::from_hex(&"61".repeat(32), "").unwrap()
}

async fn computed(cache: &Cache, key: &str) -> Result<String, Error> {
    cache.get_or_compute(key, || async { Ok("computed".to_owned()) }).await
}

#[tokio::test]
async fn a_backend_that_is_down_at_the_start_is_used_when_it_comes() {
    if !is_there("redis-server") {
        return;
    }
    let [port] = free_ports();
    let plain = Cache::minimal(redis_store(port)).no_near().build().unwrap();
    let secure = Cache::secure(redis_store(port)).no_reliability().keyring(keyring()).build().unwrap();
    assert_eq!(plain.get::<String>("k").await.unwrap_err().class(), Some(Class::Transient));
    assert_eq!(computed(&plain, "k").await.unwrap(), "computed");
    assert_eq!(computed(&secure, "s").await.unwrap_err().class(), Some(Class::Transient));
    let _server = redis_at(port, &[]);
    assert_eq!(computed(&plain, "k").await.unwrap(), "computed");
    assert_eq!(plain.get::<String>("k").await.unwrap().as_deref(), Some("computed"));
    assert_eq!(computed(&secure, "s").await.unwrap(), "computed");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_asked_for_again() {
    if !is_there("redis-server") {
        return;
    }
    let (_server, port) = redis(&[]);
    let proxy = Proxy::start(port).await;
    let cache = Cache::production(redis_store(proxy.port)).no_near().build().unwrap();
    cache.set("k", VALUE).await.unwrap();
    for at in [0, 1, 5, 20, 60] {
        proxy.set(Fault::CutAt(at));
        assert_eq!(cache.get::<String>("k").await.unwrap().as_deref(), Some(VALUE), "cut at {at}");
    }
}

#[tokio::test]
async fn a_backend_that_hangs_costs_its_timeout_and_no_more() {
    if !is_there("redis-server") {
        return;
    }
    let (_server, port) = redis(&[]);
    let proxy = Proxy::start(port).await;
    let cache = Cache::minimal(impatient(proxy.port)).no_near().build().unwrap();
    cache.set("k", VALUE).await.unwrap();
    proxy.set(Fault::Stop);
    assert_eq!(cache.get::<String>("k").await.unwrap_err().class(), Some(Class::Timeout));
    assert_eq!(computed(&cache, "k").await.unwrap(), "computed");
    proxy.set(Fault::None);
    assert_eq!(cache.get::<String>("k").await.unwrap().as_deref(), Some(VALUE), "it is well again");
}

#[tokio::test]
async fn whatever_byte_is_flipped_no_wrong_value_comes_out() {
    if !is_there("redis-server") {
        return;
    }
    let (_server, port) = redis(&[]);
    let proxy = Proxy::start(port).await;
    let checked = Cache::minimal(impatient(proxy.port)).no_near().format(Format::Envelope).build().unwrap();
    let sealed = Cache::secure(impatient(proxy.port)).no_near().no_reliability().keyring(keyring());
    let sealed = sealed.build().unwrap();
    for (cache, key) in [(&checked, "checked"), (&sealed, "sealed")] {
        cache.set(key, VALUE).await.unwrap();
        let mut unread = 0;
        for at in 0..VALUE.len() + 60 {
            proxy.set(Fault::FlipAt(at));
            match cache.get::<String>(key).await {
                Ok(Some(read)) => assert_eq!(read, VALUE, "{key}, byte {at}"),
                Ok(None) | Err(_) => unread += 1,
            }
            proxy.set(Fault::None);
        }
        assert!(unread > VALUE.len() / 2, "{key}: the flips were seen: {unread}");
        // A connection that is out of step ends with the call that notices.
        let mut again = cache.get::<String>(key).await;
        if again.is_err() {
            again = cache.get::<String>(key).await;
        }
        assert_eq!(again.unwrap().as_deref(), Some(VALUE), "it is well again");
    }
}

#[tokio::test]
async fn a_backend_that_goes_away_in_the_middle_is_lived_through() {
    if !is_there("redis-server") {
        return;
    }
    let (server, port) = redis(&[]);
    let cache = Cache::minimal(redis_store(port)).no_near().build().unwrap();
    assert_eq!(computed(&cache, "k").await.unwrap(), "computed");
    drop(server);
    assert_eq!(computed(&cache, "k").await.unwrap(), "computed");
    assert_eq!(cache.stats().failed_open, 1);
    let _server = redis_at(port, &[]);
    assert_eq!(computed(&cache, "k").await.unwrap(), "computed");
    assert_eq!(cache.get::<String>("k").await.unwrap().as_deref(), Some("computed"));
}
