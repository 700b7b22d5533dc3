//! memcached itself.

use crate::program::{is_there, memcached};
use crate::suite;
use larder_store::{Expiry, Fault, Found, Limits, MemcachedStore, Store};
use std::time::Duration;

#[tokio::test]
async fn memcached_keeps_the_contract() {
    if !is_there("memcached") {
        return;
    }
    let (_server, port) = memcached();
    let store = MemcachedStore::new(&format!("127.0.0.1:{port}"), Limits::default()).unwrap();
    suite::run(&store).await;
    assert!(store.health().await.unwrap().version.unwrap().starts_with('1'));

    // Longer than the server takes as a duration: without care it would be a date long past.
    let century = Expiry::after(Duration::from_secs(3_000_000_000));
    store.set(b"k", "v".into(), century).await.unwrap();
    assert_eq!(store.get(b"k").await, Ok(Some(Found::fresh("v"))));

    // The server's own limit is a little lower than the protocol's, for its overhead.
    let large = vec![0; 1 << 20];
    let refused = store.set(b"k", large.into(), Expiry::NEVER).await.unwrap_err();
    assert!(matches!(refused.fault(), Fault::Refused(_)), "{refused}");
    assert_eq!(store.get(b"other").await, Ok(None), "the connection goes on");
}
