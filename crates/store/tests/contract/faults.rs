//! What stores do when the other side is away, silent, or talks nonsense: a typed error in bounded time, and the next call is not
//! the worse for it.

use crate::peer::{Framing, Peer, Reply, any_bytes, http_request};
use larder_store::{Class, Error, Expiry, Fault, Found, Limits, Store};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Longest value that the stores here read.
const VALUE_BYTES_MAX: u64 = 1_000;

/// How a kind of store talks.
struct Kind {
    name: &'static str,
    /// What its server says on a new connection.
    hello: &'static [u8],
    framing: Framing,
    make: fn(&str, Limits) -> Box<dyn Store>,
    /// The answer to a get that finds `value`.
    value: &'static [u8],
    /// No answer of its protocol.
    garbage: &'static [u8],
    /// The beginning of an answer that announces too much, if its length is what tells.
    oversized: &'static [u8],
}

fn kinds() -> Vec<Kind> {
    vec![
        Kind {
            name: "paper",
            hello: b"!",
            framing: any_bytes,
            make: |address, limits| Box::new(larder_store::PaperStore::new(address, None, limits).unwrap()),
            value: b"!\x05\0\0\0value",
            garbage: b"HTTP/1.1 400 Bad Request\r\n\r\n",
            oversized: b"!\xff\xff\xff\xff",
        },
        Kind {
            name: "seriput",
            hello: b"",
            framing: any_bytes,
            make: |address, limits| Box::new(larder_store::SeriputStore::new(address, limits).unwrap()),
            value: b"\0\x01\0\0\0\x05value",
            garbage: b"HTTP/1.1 400 Bad Request\r\n\r\n",
            oversized: b"\0\x01\x7f\xff\xff\xff",
        },
        Kind {
            name: "rest",
            hello: b"",
            framing: http_request,
            make: |address, limits| {
                let options = larder_store::RestOptions::new(format!("http://{address}"), "ck_live_x");
                let hosts = larder_store::Hosts::Private;
                Box::new(
                    larder_store::RestStore::new(larder_store::RestOptions { limits, hosts, ..options })
                        .unwrap(),
                )
            },
            value: b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nvalue",
            garbage: b"$-1\r\n$-1\r\n\r\n\r\n",
            oversized: b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        },
        Kind {
            name: "memcached",
            hello: b"",
            framing: any_bytes,
            make: |address, limits| Box::new(larder_store::MemcachedStore::new(address, limits).unwrap()),
            value: b"VALUE k 0 5\r\nvalue\r\nEND\r\n",
            garbage: b"HTTP/1.1 400 Bad Request\r\n\r\n",
            oversized: b"VALUE k 0 99999999999\r\n",
        },
        Kind {
            name: "redis",
            hello: b"",
            framing: any_bytes,
            make: |address, limits| {
                Box::new(larder_store::RedisStore::new(&format!("redis://{address}"), limits).unwrap())
            },
            value: b"$5\r\nvalue\r\n:-1\r\n",
            garbage: b"HTTP/1.1 400 Bad Request\r\n\r\n",
            // It is asked for no more than is taken, see `redis_read.rs`.
            oversized: b"",
        },
    ]
}

fn limits() -> Limits {
    Limits { value_bytes_max: VALUE_BYTES_MAX, timeout: Duration::from_secs(30), ..Limits::default() }
}

/// Limits under which silence is noticed at once.
fn impatient() -> Limits {
    Limits { timeout: Duration::from_millis(60), ..limits() }
}

impl Kind {
    /// A server that gives these answers, then the value for ever; and a store there.
    async fn with(&self, answers: &[Reply], limits: Limits) -> (Peer, Box<dyn Store>) {
        let answers = Arc::new(Mutex::new(VecDeque::from(answers.to_vec())));
        let value = self.value;
        let next = move |_: &[u8]| answers.lock().pop_front().unwrap_or_else(|| Reply::keep(value));
        let peer = Peer::start(self.hello, self.framing, next).await;
        let store = (self.make)(&peer.address.to_string(), limits);
        (peer, store)
    }

    async fn fails_then_works(&self, answer: Reply, limits: Limits, expected: impl Fn(&Error) -> bool) {
        let (_peer, store) = self.with(&[answer], limits).await;
        let error = store.get(b"k").await.unwrap_err();
        assert!(expected(&error), "{}: {error}", self.name);
        assert_eq!(store.get(b"k").await, Ok(Some(Found::fresh("value"))), "{}", self.name);
    }
}

#[tokio::test]
async fn a_server_that_is_away_at_first_is_found_when_it_is_there() {
    for kind in kinds() {
        let (peer, store) = kind.with(&[], limits()).await;
        let address = peer.address;
        drop(peer);
        let error = store.get(b"k").await.unwrap_err();
        assert_eq!(error.class(), Class::Transient, "{}: {error}", kind.name);
        assert!(error.to_string().contains(&address.to_string()), "{error}");
        let set = store.set(b"k", "1".into(), Expiry::NEVER).await.unwrap_err();
        assert!(matches!(set.fault(), Fault::Connect(_)), "{}: {set}", kind.name);
    }
}

#[tokio::test]
async fn a_connection_that_was_closed_while_idle_costs_nothing() {
    for kind in kinds() {
        let (peer, store) = kind.with(&[Reply::close(kind.value), Reply::close(kind.value)], limits()).await;
        for _ in 0..4 {
            assert_eq!(store.get(b"k").await, Ok(Some(Found::fresh("value"))), "{}", kind.name);
        }
        assert_eq!(peer.connections(), 3, "{}", kind.name);
    }
}

#[tokio::test]
async fn a_server_that_keeps_closing_is_not_called_for_ever() {
    for kind in kinds() {
        let (peer, store) = kind.with(&vec![Reply::close(""); 50], limits()).await;
        let error = store.get(b"k").await.unwrap_err();
        assert_eq!(error.fault(), &Fault::Closed, "{}", kind.name);
        assert_eq!(error.class(), Class::Transient);
        assert!(peer.connections() <= 2, "{}: {}", kind.name, peer.connections());
    }
}

#[tokio::test]
async fn silence_ends_at_the_limit_and_half_an_answer_as_well() {
    for kind in kinds() {
        for bytes in [&b""[..], &kind.value[..kind.value.len() - 2]] {
            let timed_out = |error: &Error| error.fault() == &Fault::TimedOut(impatient().timeout);
            kind.fails_then_works(Reply::hang(bytes), impatient(), timed_out).await;
        }
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_never_a_value() {
    for kind in kinds() {
        for end in 1..kind.value.len() {
            let closed = |error: &Error| error.fault() == &Fault::Closed;
            kind.fails_then_works(Reply::close(&kind.value[..end]), limits(), closed).await;
        }
    }
}

#[tokio::test]
async fn garbage_is_named_as_such_and_its_connection_given_up() {
    for kind in kinds() {
        // The crate for Redis closes the connection and does not say why.
        let is_redis = kind.name == "redis";
        let garbage = |error: &Error| match error.fault() {
            Fault::NotTheProtocol(_) => true,
            Fault::Closed => is_redis,
            _ => false,
        };
        kind.fails_then_works(Reply::keep(kind.garbage), limits(), garbage).await;
    }
}

#[tokio::test]
async fn an_answer_above_the_limit_is_refused_from_its_length() {
    for kind in kinds().into_iter().filter(|kind| !kind.oversized.is_empty()) {
        let too_large = |error: &Error| matches!(error.fault(), Fault::AnswerTooLarge { len, max: VALUE_BYTES_MAX } if *len > VALUE_BYTES_MAX);
        kind.fails_then_works(Reply::hang(kind.oversized), limits(), too_large).await;
    }
}

#[tokio::test]
async fn a_call_that_is_given_up_leaves_its_answer_to_nobody() {
    for kind in kinds() {
        let value = kind.value;
        let other = String::from_utf8_lossy(value).replace("value", "other").into_bytes();
        let answer = move |request: &[u8]| match request.windows(5).any(|part| part == b"other") {
            true => Reply::keep(other.clone()),
            false => Reply::keep(value),
        };
        let peer = Peer::start(kind.hello, kind.framing, answer).await;
        let store = (kind.make)(&peer.address.to_string(), limits());
        assert_eq!(store.get(b"k").await, Ok(Some(Found::fresh("value"))), "{}", kind.name);
        for round in 1..4 {
            let mut abandoned = store.get(b"other");
            // Until the request has arrived, so that its answer is on the way or there.
            while !peer.requests().last().is_some_and(|request| request.contains("other")) {
                tokio::select! {
                    biased;
                    _ = &mut abandoned => break,
                    () = tokio::task::yield_now() => {}
                }
            }
            drop(abandoned);
            assert_eq!(store.get(b"k").await, Ok(Some(Found::fresh("value"))), "{} {round}", kind.name);
        }
    }
}

#[tokio::test]
async fn calls_beyond_the_limits_are_refused_as_busy() {
    for kind in kinds() {
        let tight = Limits { connections_max: 1, waiting_max: 1, ..limits() };
        let (_peer, store) = kind.with(&[], tight).await;
        // No other task has a turn before the third call is refused, so nothing is answered until then.
        let (mut first, mut second) = (store.get(b"k"), store.get(b"k"));
        tokio::select! {
            biased;
            _ = &mut first => panic!("{}: it is under way", kind.name),
            _ = &mut second => panic!("{}: it waits", kind.name),
            refused = store.get(b"k") => assert_eq!(refused.unwrap_err().class(), Class::Busy, "{}", kind.name),
        }
        drop(first);
        assert_eq!(second.await, Ok(Some(Found::fresh("value"))), "{}", kind.name);
    }
}

#[tokio::test]
async fn bytes_after_an_answer_are_not_taken_for_the_next() {
    for kind in kinds().into_iter().filter(|kind| !matches!(kind.name, "rest" | "redis")) {
        let twice = [kind.value, kind.value].concat();
        let garbage = |error: &Error| matches!(error.fault(), Fault::NotTheProtocol(_));
        kind.fails_then_works(Reply::keep(twice), limits(), garbage).await;
    }
}
