//! Every store that talks to a network, behind a proxy that cuts, delays and corrupts what its server says: a value, a miss or an
//! error, never a wrong value, and all is well again afterwards.

use std::any::Any;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::Duration;

use larder_client::crypto::Keyring;
use larder_client::store::{
    Class, Expiry, Hosts, Limits, MemcachedStore, PaperStore, RedisStore, RestOptions, RestStore,
    SeriputStore, Store,
};
use larder_client::{Cache, Format};

use crate::program::{is_there, memcached, redis};
use crate::proxy::{Fault, Proxy};
use crate::support::larder;

/// JSON, because one of them takes nothing else.
const VALUE: &str = "\"a value that is long enough to be hit by a fault somewhere in its middle\"";

/// A kind of store, and a server for it.
struct Kind {
    name: &'static str,
    /// The server runs until this is dropped.
    _server: Box<dyn Any>,
    port: u16,
    open: Open,
}

struct Larder(Child);

impl Drop for Larder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A Larder with one listener, and its port.
fn larder_with(listener: &str) -> (Box<dyn Any>, u16) {
    let mut arguments = vec!["serve".to_owned()];
    for name in ["paper", "seriput", "rest"] {
        let address = if name == listener { "127.0.0.1:0" } else { "off" };
        arguments.extend([format!("--{name}"), address.to_owned()]);
    }
    let mut server = larder(arguments).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let port = line.trim().rsplit(':').next().unwrap().parse().unwrap();
    (Box::new(Larder(server)), port)
}

type Open = fn(u16, Limits) -> Box<dyn Store>;

/// All of them whose servers are there.
fn kinds() -> Vec<Kind> {
    let paper: Open =
        |port, limits| Box::new(PaperStore::new(&format!("127.0.0.1:{port}"), None, limits).unwrap());
    let seriput: Open =
        |port, limits| Box::new(SeriputStore::new(&format!("127.0.0.1:{port}"), limits).unwrap());
    let rest: Open = |port, limits| {
        let options = RestOptions::new(format!("http://127.0.0.1:{port}"), "ck_live_any");
        Box::new(RestStore::new(RestOptions { limits, hosts: Hosts::Private, ..options }).unwrap())
    };
    let mut kinds = Vec::new();
    for (name, open) in [("paper", paper), ("seriput", seriput), ("rest", rest)] {
        let (server, port) = larder_with(name);
        kinds.push(Kind { name, _server: server, port, open });
    }
    if is_there("redis-server") {
        let (server, port) = redis(&[]);
        let open: Open =
            |port, limits| Box::new(RedisStore::new(&format!("redis://127.0.0.1:{port}"), limits).unwrap());
        kinds.push(Kind { name: "redis", _server: Box::new(server), port, open });
    }
    if is_there("memcached") {
        let (server, port) = memcached();
        let open: Open =
            |port, limits| Box::new(MemcachedStore::new(&format!("127.0.0.1:{port}"), limits).unwrap());
        kinds.push(Kind { name: "memcached", _server: Box::new(server), port, open });
    }
    kinds
}

/// Limits under which silence is noticed at once: the proxy answers at once, or never.
fn impatient() -> Limits {
    Limits { timeout: Duration::from_millis(250), ..Limits::default() }
}

#[tokio::test]
async fn an_answer_that_is_cut_anywhere_is_an_error_or_asked_for_again() {
    for kind in kinds() {
        let proxy = Proxy::start(kind.port).await;
        let store = (kind.open)(proxy.port, Limits::default());
        store.set(b"k", VALUE.into(), Expiry::NEVER).await.unwrap();
        for at in [0, 1, 2, 5, 9, 20, 50, 1_000] {
            proxy.set(Fault::CutAt(at));
            match store.get(b"k").await {
                Ok(found) => assert_eq!(found.unwrap().bytes, VALUE, "{}, cut at {at}", kind.name),
                Err(error) => {
                    assert_eq!(error.class(), Class::Transient, "{}, cut at {at}: {error}", kind.name);
                }
            }
            proxy.set(Fault::None);
            let found = store.get(b"k").await.unwrap_or_else(|error| panic!("after a cut at {at}: {error}"));
            assert_eq!(found.unwrap().bytes, VALUE, "{}", kind.name);
        }
    }
}

#[tokio::test]
async fn silence_costs_the_timeout_and_no_more() {
    for kind in kinds() {
        let proxy = Proxy::start(kind.port).await;
        let store = (kind.open)(proxy.port, impatient());
        store.set(b"k", VALUE.into(), Expiry::NEVER).await.unwrap();
        proxy.set(Fault::Stop);
        for _ in 0..2 {
            let error = store.get(b"k").await.unwrap_err();
            assert_eq!(error.class(), Class::Timeout, "{}: {error}", kind.name);
        }
        proxy.set(Fault::None);
        assert_eq!(store.get(b"k").await.unwrap().unwrap().bytes, VALUE, "{}", kind.name);
    }
}

#[tokio::test]
async fn an_answer_that_is_late_reaches_the_call_that_waits_for_it() {
    for kind in kinds() {
        let proxy = Proxy::start(kind.port).await;
        let store = (kind.open)(proxy.port, Limits::default());
        for key in ["a", "b"] {
            let value = format!("\"{key}\"");
            store.set(key.as_bytes(), value.clone().into(), Expiry::NEVER).await.unwrap();
            let late = async {
                proxy.hold_one().await;
                proxy.set(Fault::None);
            };
            let (found, ()) = tokio::join!(store.get(key.as_bytes()), late);
            assert_eq!(found.unwrap().unwrap().bytes, value, "{}", kind.name);
        }
        // Whoever gave up does not leave the late answer to the next.
        tokio::select! {
            biased;
            _ = store.get(b"a") => panic!("{}: it is held back", kind.name),
            () = proxy.hold_one() => {}
        }
        proxy.set(Fault::None);
        assert_eq!(store.get(b"b").await.map(Option::unwrap).unwrap().bytes, "\"b\"", "{}", kind.name);
    }
}

#[tokio::test]
async fn whatever_byte_is_another_no_wrong_value_comes_out() {
    let keyring = || Keyring::from_hex(&"61".repeat(32), "").unwrap();
    for kind in kinds() {
        let proxy = Proxy::start(kind.port).await;
        if (kind.open)(proxy.port, impatient()).capabilities().json_only {
            // The documents of the SDK are not JSON: it has nothing there.
            continue;
        }
        let open = || (kind.open)(proxy.port, impatient());
        let checked = Cache::minimal(open()).no_near().format(Format::Envelope).build().unwrap();
        let sealed = Cache::secure(open()).no_near().no_reliability().keyring(keyring()).build().unwrap();
        for (cache, key) in [(&checked, "checked"), (&sealed, "sealed")] {
            cache.set(key, VALUE).await.unwrap();
            let mut unread = 0;
            for at in (0..400).step_by(3) {
                proxy.set(Fault::FlipAt(at));
                match cache.get::<String>(key).await {
                    Ok(Some(read)) => assert_eq!(read, VALUE, "{}: {key}, byte {at}", kind.name),
                    Ok(None) | Err(_) => unread += 1,
                }
                proxy.set(Fault::None);
            }
            assert!(unread > 10, "{}: {key}: the flips were seen: {unread}", kind.name);
            // A connection that is out of step ends with the call that notices.
            let mut again = cache.get::<String>(key).await;
            if again.is_err() {
                again = cache.get::<String>(key).await;
            }
            assert_eq!(again.unwrap().as_deref(), Some(VALUE), "{}: it is well again", kind.name);
        }
    }
}
