//! Entries of the CacheKit SDK for Python in the same Redis as ours. What is asked of both is in `entries.rs`; Larder's own
//! tests ask it of its REST API.

use larder_client::store::RedisStore;

use crate::entries::{Place, python};
use crate::program::{Program, is_there, redis};
use crate::{ask, redis_store, url};

/// A Redis, its port, and how it is reached; `None` says that the test has to skip.
fn place() -> Option<(Program, u16, Place<RedisStore>)> {
    let python = python()?;
    if !is_there("redis-server") {
        return None;
    }
    let (server, port) = redis(&[]);
    let environment = vec![("REDIS_URL", url(port).into())];
    let store = Box::new(move || redis_store(port));
    Some((server, port, Place { python, arguments: Vec::new(), environment, store }))
}

#[tokio::test]
async fn plain_entries_go_both_ways() {
    let Some((_server, _, place)) = place() else { return };
    place.shares_plain_entries().await;
}

#[tokio::test]
async fn encrypted_entries_go_both_ways() {
    let Some((_server, _, place)) = place() else { return };
    place.shares_encrypted_entries().await;
}

#[tokio::test]
async fn neither_reads_what_the_other_has_encrypted_for_somebody_else() {
    let Some((_server, _, place)) = place() else { return };
    place.keeps_plain_and_encrypted_apart().await;
}

#[tokio::test]
async fn a_private_frame_of_python_is_no_value() {
    let Some((_server, port, place)) = place() else { return };
    let find = move || {
        let keys = ask(port, "KEYS *");
        keys.lines().find(|line| line.contains("func:")).unwrap().to_owned()
    };
    place.takes_no_private_frame_for_a_value(find).await;
}
