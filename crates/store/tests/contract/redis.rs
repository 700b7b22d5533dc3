//! Redis and Valkey themselves: one server, in the clear and over TLS. Clusters are in `redis_cluster.rs`.

use crate::program::{ask, free_ports, is_there, redis, redis_at, redis_with_tls, valkey};
use crate::suite;
use larder_store::{Class, Expiry, Fault, Limits, RedisOptions, RedisStore, Remaining, Store};
use std::time::Duration;

fn at(port: u16) -> RedisStore {
    RedisStore::new(&format!("redis://127.0.0.1:{port}/0"), Limits::default()).unwrap()
}

#[tokio::test]
async fn redis_keeps_the_contract() {
    if !is_there("redis-server") {
        return;
    }
    let (_server, port) = redis(&[]);
    let store = at(port);
    suite::run(&store).await;
    assert!(store.health().await.unwrap().version.is_some());
    assert!(ask(port, "DBSIZE").starts_with(":0\r\n"), "nothing is left behind");
}

#[tokio::test]
async fn valkey_keeps_the_contract() {
    let Some(valkey) = valkey() else { return };
    let [port] = free_ports();
    let _server = valkey.start(port, &[]);
    let store = at(port);
    suite::run(&store).await;
    let version = store.health().await.unwrap().version.unwrap();
    assert!(
        valkey.version().contains(&format!("v={version} ")),
        "its own, not that of the Redis it is like: {version}"
    );
    assert!(ask(port, "DBSIZE").starts_with(":0\r\n"), "nothing is left behind");
}

#[tokio::test]
async fn entries_and_locks_are_as_other_sdks_have_them() {
    if !is_there("redis-server") {
        return;
    }
    let (_server, port) = redis(&[]);
    let store = at(port);
    store.set(b"k", "v".into(), Expiry::after(Duration::from_millis(60_500))).await.unwrap();
    assert!(ask(port, "GET k").starts_with("$1\r\nv\r\n"));
    let token = store.lock(b"k", Duration::from_secs(60)).await.unwrap().unwrap();
    assert!(ask(port, "GET k:lock").contains(token.as_str()));
    assert_ne!(ask(port, "PTTL k:lock"), ":-1\r\n+OK\r\n");
    assert!(ask(port, "SET foreign:lock theirs NX PX 60000").starts_with("+OK"));
    assert_eq!(store.lock(b"foreign", Duration::from_secs(1)).await, Ok(None));
    assert!(store.unlock(b"k", &token).await.unwrap());
    ask(port, "SET k forever");
    assert_eq!(store.remaining(b"k").await, Ok(Some(Remaining::Forever)));
    ask(port, "LPUSH list 1");
    let error = store.get(b"list").await.unwrap_err();
    assert!(matches!(error.fault(), Fault::Refused(reason) if reason.contains("WRONGTYPE")), "{error}");
}

#[tokio::test]
async fn a_wrong_password_and_none_are_authentication_errors() {
    if !is_there("redis-server") {
        return;
    }
    let (_server, port) = redis(&["--requirepass", "secret"]);
    let with =
        |user: &str| RedisStore::new(&format!("redis://{user}127.0.0.1:{port}"), Limits::default()).unwrap();
    assert_eq!(with(":secret@").get(b"k").await, Ok(None));
    for user in [":wrong@", "nobody:wrong@", ""] {
        let error = with(user).get(b"k").await.unwrap_err();
        assert_eq!(error.class(), Class::Authentication, "{user}: {error}");
        assert!(!error.to_string().contains("wrong@"), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_comes_back_is_used_again() {
    if !is_there("redis-server") {
        return;
    }
    let (server, port) = redis(&[]);
    let store = at(port);
    store.set(b"k", "1".into(), Expiry::NEVER).await.unwrap();
    drop(server);
    let error = store.get(b"k").await.unwrap_err();
    assert_eq!(error.class(), Class::Transient, "{error}");
    let _server = redis_at(port, &[]);
    assert_eq!(store.get(b"k").await, Ok(None));
}

#[tokio::test]
async fn a_server_without_memory_left_is_a_transient_failure() {
    if !is_there("redis-server") {
        return;
    }
    let (_server, port) = redis(&["--maxmemory", "1mb", "--maxmemory-policy", "noeviction"]);
    let error = at(port).set(b"k", vec![0; 1 << 20].into(), Expiry::NEVER).await.err();
    let error = match error {
        Some(error) => error,
        None => at(port).set(b"l", vec![0; 1 << 20].into(), Expiry::NEVER).await.unwrap_err(),
    };
    assert_eq!(error.class(), Class::Transient, "{error}");
}

#[tokio::test]
async fn redis_keeps_the_contract_over_tls() {
    if !is_there("redis-server") || !is_there("openssl") {
        return;
    }
    let directory = tempfile::TempDir::new().unwrap();
    let (_server, port) = redis_with_tls(directory.path());
    let ca_pem = Some(std::fs::read(directory.path().join("certificate.pem")).unwrap().into());
    let ours = RedisOptions { ca_pem, ..RedisOptions::default() };
    for host in ["localhost", "127.0.0.1"] {
        let store = RedisStore::new(&format!("rediss://{host}:{port}"), ours.clone()).unwrap();
        assert_eq!(store.name(), format!("rediss://{host}:{port}/0"));
        suite::run(&store).await;
    }
    let stranger = RedisStore::new(&format!("rediss://localhost:{port}"), Limits::default()).unwrap();
    let error = stranger.get(b"k").await.unwrap_err();
    assert!(matches!(error.fault(), Fault::Untrusted(_)), "not an authority of the system's: {error}");
    let clear = RedisStore::new(&format!("redis://localhost:{port}"), Limits::default()).unwrap();
    assert!(clear.get(b"k").await.is_err(), "nothing is said in the clear there");
}

#[test]
fn what_would_weaken_tls_is_refused_before_anything_is_sent() {
    let fault = |url: &str, ca_pem: Option<&'static str>| {
        let options = RedisOptions { ca_pem: ca_pem.map(Into::into), ..RedisOptions::default() };
        let alone = RedisStore::new(url, options.clone()).err().unwrap();
        let cluster = RedisStore::cluster(&[url], options).err().unwrap();
        assert_eq!(alone.fault(), cluster.fault());
        alone.fault().clone()
    };
    assert!(matches!(fault("rediss://localhost/#insecure", None), Fault::Address(_)));
    assert!(
        matches!(fault("redis://localhost", Some("a PEM")), Fault::Address(_)),
        "it is not used in the clear"
    );
    for pem in ["", "no PEM", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"] {
        assert!(matches!(fault("rediss://localhost", Some(pem)), Fault::Refused(_)), "{pem}");
    }
}
