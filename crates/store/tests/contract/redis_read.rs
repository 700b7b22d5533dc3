//! How values are read from Redis: never much more of them than is taken, and what is told is what was so at some moment.

use crate::peer::{Peer, Reply, any_bytes};
use crate::program::{is_there, redis};
use larder_store::{Fault, Found, Limits, RedisStore, Store};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};

/// Longest value that the stores here take.
const VALUE_BYTES_MAX: u64 = 1_000;

fn at(address: SocketAddr) -> RedisStore {
    let limits = Limits { value_bytes_max: VALUE_BYTES_MAX, ..Limits::default() };
    RedisStore::new(&format!("redis://{address}"), limits).unwrap()
}

/// Passes on what is said to and by the server on `port`; counts the bytes that the server says.
async fn counted(port: u16) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, said) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let count = said.clone();
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            let count = count.clone();
            tokio::spawn(async move {
                let ((mut asks, mut hears), (mut says, mut is_asked)) = (client.split(), server.split());
                let answers = async {
                    let mut bytes = vec![0; 1 << 16];
                    while let Ok(len @ 1..) = says.read(&mut bytes).await {
                        count.fetch_add(len, SeqCst);
                        hears.write_all(&bytes[..len]).await.unwrap();
                    }
                };
                tokio::select! {
                    () = answers => {}
                    _ = copy(&mut asks, &mut is_asked) => {}
                }
            });
        }
    });
    (address, said)
}

#[tokio::test]
async fn of_a_value_above_the_limit_hardly_more_than_the_limit_is_read() {
    if !is_there("redis-server") {
        return;
    }
    let (_server, port) = redis(&[]);
    let direct = RedisStore::new(&format!("redis://127.0.0.1:{port}"), Limits::default()).unwrap();
    let value = |len: usize| vec![b'x'; len];
    for (key, len) in [("just", 1_000), ("above", 1_001), ("large", 3_000_000)] {
        direct.set(key.as_bytes(), value(len).into(), larder_store::Expiry::NEVER).await.unwrap();
    }
    let (address, said) = counted(port).await;
    let store = at(address);
    assert_eq!(store.get(b"just").await, Ok(Some(Found::fresh(value(1_000)))));
    assert_eq!(store.get_uncopied(b"just").await, Ok(Some(Found::fresh(value(1_000)))));
    for (key, len) in [("above", 1_001), ("large", 3_000_000)] {
        let before = said.load(SeqCst);
        for found in [store.get(key.as_bytes()).await, store.get_uncopied(key.as_bytes()).await] {
            assert_eq!(found.unwrap_err().fault(), &Fault::AnswerTooLarge { len, max: VALUE_BYTES_MAX });
        }
        let read = said.load(SeqCst) - before;
        assert!((2_002..2_200).contains(&read), "{key}: {read} bytes for two answers");
    }
}

/// A server that gives these answers, one after the other, and a store there.
async fn answering(answers: &[&'static str]) -> (Peer, RedisStore) {
    let mut answers = VecDeque::from(answers.to_vec());
    let peer = Peer::start(b"", any_bytes, move |_| Reply::keep(answers.pop_front().unwrap())).await;
    let store = at(peer.address);
    (peer, store)
}

#[tokio::test]
async fn a_value_that_nobody_copies_is_read_with_one_command() {
    let (peer, store) = answering(&["$5\r\nvalue\r\n"]).await;
    assert_eq!(store.get_uncopied(b"k").await, Ok(Some(Found::fresh("value"))));
    assert_eq!(peer.requests(), ["*4\r\n$8\r\nGETRANGE\r\n$1\r\nk\r\n$1\r\n0\r\n$4\r\n1000\r\n"]);
}

#[tokio::test]
async fn an_entry_that_comes_between_two_commands_is_no_empty_value() {
    let came = ["$0\r\n\r\n:-1\r\n", "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n$5\r\nvalue\r\n:-1\r\n"];
    let (_peer, store) = answering(&came).await;
    assert_eq!(store.get(b"k").await, Ok(Some(Found::fresh("value"))));
    let (_peer, store) = answering(&[&["$0\r\n\r\n"], &came[..]].concat()).await;
    assert_eq!(store.get_uncopied(b"k").await, Ok(Some(Found::fresh("value"))));
}

#[tokio::test]
async fn a_value_that_was_too_large_is_refused_even_if_it_is_gone_when_its_length_is_asked_for() {
    let long: &str = Box::leak(format!("$1001\r\n{}\r\n", "x".repeat(1_001)).into_boxed_str());
    for then in [":0\r\n", "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"] {
        let (_peer, store) = answering(&[long, then]).await;
        let error = store.get_uncopied(b"k").await.unwrap_err();
        assert_eq!(error.fault(), &Fault::AnswerTooLarge { len: 1_001, max: VALUE_BYTES_MAX }, "{then}");
    }
}
