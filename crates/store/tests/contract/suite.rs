//! The contract: what every store does alike, as far as its capabilities go. Keys are prefixed, so that stores that share a
//! server do not meet.

use bytes::Bytes;
use larder_store::{Expiry, Fault, Freshness, LockToken, Remaining, Store};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

/// Runs all of it against a store that holds none of these keys.
pub(crate) async fn run(store: &dyn Store) {
    let keys = Keys { prefix: "contract" };
    health(store).await;
    values_come_back(store, &keys).await;
    what_is_missing_is_missing(store, &keys).await;
    a_set_replaces_value_and_expiry(store, &keys).await;
    expiry_is_kept_or_refused(store, &keys).await;
    ttl_updates(store, &keys).await;
    locks(store, &keys).await;
    keys_against_the_rules_are_refused(store).await;
    values_against_the_rules_are_refused(store, &keys).await;
    many_at_once(store, &keys).await;
    abandoned_calls_leave_no_trace(store, &keys).await;
}

struct Keys {
    prefix: &'static str,
}

impl Keys {
    fn key(&self, name: &str) -> Vec<u8> {
        format!("{}:{name}", self.prefix).into_bytes()
    }
}

/// A value that every store takes.
fn json(number: usize) -> Bytes {
    Bytes::from(format!("{{\"n\":{number}}}"))
}

async fn bytes_of(store: &dyn Store, key: &[u8]) -> Option<Bytes> {
    let uncopied =
        store.get_uncopied(key).await.unwrap().map(|found| (found.bytes, found.freshness.is_stale()));
    store.get(key).await.unwrap().map(|found| {
        assert!(!found.freshness.is_stale(), "{}: what was just stored is fresh", store.name());
        assert_eq!(uncopied, Some((found.bytes.clone(), false)), "{}", store.name());
        found.bytes
    })
}

async fn health(store: &dyn Store) {
    store.health().await.unwrap();
    assert!(!store.name().is_empty());
}

async fn values_come_back(store: &dyn Store, keys: &Keys) {
    let able = store.capabilities();
    let key = keys.key("values");
    let mut values = vec![json(1), json(22), Bytes::from(format!("\"{}\"", "x".repeat(300_000)))];
    if !able.json_only {
        values.push((0..=255).collect::<Vec<u8>>().into());
        values.push(b"\r\nEND\r\nVALUE 0 0\r\n$-1\r\n"[..].into());
        values.push(vec![0; 1].into());
    }
    if able.empty_values {
        values.push(Bytes::new());
    }
    for value in values {
        store.set(&key, value.clone(), Expiry::NEVER).await.unwrap();
        assert_eq!(bytes_of(store, &key).await, Some(value));
    }
    assert!(store.delete(&key).await.unwrap());
}

async fn what_is_missing_is_missing(store: &dyn Store, keys: &Keys) {
    let able = store.capabilities();
    let key = keys.key("missing");
    assert_eq!(store.get(&key).await.unwrap(), None);
    assert_eq!(store.get_uncopied(&key).await.unwrap(), None);
    assert!(!store.exists(&key).await.unwrap());
    assert_eq!(store.delete(&key).await.unwrap(), !able.tells_missing);
    if able.ttl_query {
        assert_eq!(store.remaining(&key).await.unwrap(), None);
    }
    if able.ttl_update {
        assert_eq!(store.set_ttl(&key, Some(MINUTE)).await.unwrap(), !able.tells_missing);
        assert_eq!(store.get(&key).await.unwrap(), None, "a new time to live makes no entry");
    }
    store.set(&key, json(1), Expiry::NEVER).await.unwrap();
    assert!(store.exists(&key).await.unwrap());
    assert!(store.delete(&key).await.unwrap());
    assert!(!store.exists(&key).await.unwrap());
    assert_eq!(store.get(&key).await.unwrap(), None);
}

async fn a_set_replaces_value_and_expiry(store: &dyn Store, keys: &Keys) {
    let able = store.capabilities();
    let key = keys.key("replaced");
    if able.expiry {
        store.set(&key, json(1), Expiry::after(MINUTE)).await.unwrap();
    }
    store.set(&key, json(2), Expiry::NEVER).await.unwrap();
    assert_eq!(bytes_of(store, &key).await, Some(json(2)));
    if able.ttl_query {
        assert_eq!(store.remaining(&key).await.unwrap(), Some(Remaining::Forever));
    }
    store.delete(&key).await.unwrap();
}

async fn expiry_is_kept_or_refused(store: &dyn Store, keys: &Keys) {
    let able = store.capabilities();
    let key = keys.key("expiry");
    if !able.expiry {
        let refused = store.set(&key, json(1), Expiry::after(MINUTE)).await.unwrap_err();
        assert!(matches!(refused.fault(), Fault::Unsupported(_)), "{refused}");
        return;
    }
    let zero = store.set(&key, json(1), Expiry::after(Duration::ZERO)).await.unwrap_err();
    assert!(matches!(zero.fault(), Fault::Expiry(_)), "{zero}");
    assert_eq!(store.get(&key).await.unwrap(), None, "a refused set stores nothing");

    for stale in [Duration::ZERO, MINUTE] {
        store.set(&key, json(1), Expiry::after(MINUTE).and_stale_for(stale)).await.unwrap();
        let found = store.get(&key).await.unwrap().unwrap();
        match found.freshness {
            Freshness::Fresh { fresh_for: Some(bound) } => {
                assert!(bound <= MINUTE + able.ttl_step && bound > MINUTE / 2);
            }
            Freshness::Fresh { fresh_for: None } => {}
            Freshness::Stale => panic!("it is fresh for a minute"),
        }
        if able.ttl_query {
            let whole = if able.stale_window { MINUTE + stale } else { MINUTE };
            let left = store.remaining(&key).await.unwrap().unwrap().at_most().unwrap();
            assert!(left <= whole + able.ttl_step && left > whole - MINUTE / 2, "{left:?} of {whole:?}");
        }
    }
    let half_second = Duration::from_millis(500);
    store.set(&key, json(1), Expiry::after(MINUTE + half_second)).await.unwrap();
    if able.ttl_query {
        let left = store.remaining(&key).await.unwrap().unwrap().at_most().unwrap();
        assert!(left <= MINUTE + half_second + able.ttl_step, "{left:?}");
    }
    store.delete(&key).await.unwrap();
}

async fn ttl_updates(store: &dyn Store, keys: &Keys) {
    let able = store.capabilities();
    let key = keys.key("ttl");
    if !able.ttl_update {
        let refused = store.set_ttl(&key, Some(MINUTE)).await.unwrap_err();
        assert!(matches!(refused.fault(), Fault::Unsupported(_)), "{refused}");
        return;
    }
    store.set(&key, json(1), Expiry::after(10 * MINUTE)).await.unwrap();
    assert!(store.set_ttl(&key, Some(MINUTE)).await.unwrap());
    if able.ttl_query {
        let left = store.remaining(&key).await.unwrap().unwrap().at_most().unwrap();
        assert!(left <= MINUTE + able.ttl_step && left > MINUTE / 2, "{left:?}");
    }
    assert_eq!(bytes_of(store, &key).await, Some(json(1)));
    match store.set_ttl(&key, None).await {
        Ok(done) => {
            assert!(done);
            if able.ttl_query {
                assert_eq!(store.remaining(&key).await.unwrap(), Some(Remaining::Forever));
            }
        }
        Err(refused) => assert!(matches!(refused.fault(), Fault::Unsupported(_)), "{refused}"),
    }
    let zero = store.set_ttl(&key, Some(Duration::ZERO)).await.unwrap_err();
    assert!(matches!(zero.fault(), Fault::Expiry(_)), "{zero}");
    store.delete(&key).await.unwrap();
}

async fn locks(store: &dyn Store, keys: &Keys) {
    let (key, other) = (keys.key("locked"), keys.key("unlocked"));
    let forged = LockToken::new("00000000-0000-4000-8000-000000000000");
    if !store.capabilities().locks {
        for refused in
            [store.lock(&key, MINUTE).await.unwrap_err(), store.unlock(&key, &forged).await.unwrap_err()]
        {
            assert!(matches!(refused.fault(), Fault::Unsupported(_)), "{refused}");
        }
        return;
    }
    let token = store.lock(&key, MINUTE).await.unwrap().unwrap();
    assert_eq!(store.lock(&key, MINUTE).await.unwrap(), None, "it is held");
    let elsewhere = store.lock(&other, MINUTE).await.unwrap().unwrap();
    assert!(!store.unlock(&key, &forged).await.unwrap(), "a forged token releases nothing");
    assert!(!store.unlock(&key, &elsewhere).await.unwrap(), "nor does that of another lock");
    assert_eq!(store.lock(&key, MINUTE).await.unwrap(), None, "it is still held");

    store.set(&key, json(1), Expiry::NEVER).await.unwrap();
    assert!(store.delete(&key).await.unwrap());
    assert_eq!(store.lock(&key, MINUTE).await.unwrap(), None, "entries do not touch locks");
    assert_eq!(store.get(&key).await.unwrap(), None, "nor locks entries");

    assert!(store.unlock(&key, &token).await.unwrap());
    assert!(!store.unlock(&key, &token).await.unwrap(), "it is released once");
    let next = store.lock(&key, MINUTE).await.unwrap().unwrap();
    assert_ne!(next, token);
    assert!(store.unlock(&key, &next).await.unwrap());
    assert!(store.unlock(&other, &elsewhere).await.unwrap());
}

async fn keys_against_the_rules_are_refused(store: &dyn Store) {
    let rules = store.capabilities().keys;
    let mut bad =
        vec![vec![b'k'; rules.bytes_max + 1], b"new\r\nline".to_vec(), b"\xff\xfe".to_vec(), Vec::new()];
    bad.extend(rules.reserved.iter().map(|word| word.as_bytes().to_vec()));
    for key in bad {
        let Err(fault) = rules.check(&key) else { continue };
        let expected = Fault::Key(fault);
        let token = LockToken::new("t");
        assert_eq!(store.get(&key).await.unwrap_err().fault(), &expected);
        assert_eq!(store.set(&key, json(1), Expiry::NEVER).await.unwrap_err().fault(), &expected);
        assert_eq!(store.delete(&key).await.unwrap_err().fault(), &expected);
        assert_eq!(store.exists(&key).await.unwrap_err().fault(), &expected);
        let able = store.capabilities();
        if able.ttl_query {
            assert_eq!(store.remaining(&key).await.unwrap_err().fault(), &expected);
        }
        if able.ttl_update {
            assert_eq!(store.set_ttl(&key, Some(MINUTE)).await.unwrap_err().fault(), &expected);
        }
        if able.locks {
            assert_eq!(store.lock(&key, MINUTE).await.unwrap_err().fault(), &expected);
            assert_eq!(store.unlock(&key, &token).await.unwrap_err().fault(), &expected);
        }
    }
    let longest = vec![b'k'; rules.bytes_max.min(65_536)];
    store.set(&longest, json(3), Expiry::NEVER).await.unwrap();
    assert_eq!(bytes_of(store, &longest).await, Some(json(3)));
    store.delete(&longest).await.unwrap();
}

async fn values_against_the_rules_are_refused(store: &dyn Store, keys: &Keys) {
    let able = store.capabilities();
    let key = keys.key("refused");
    if able.json_only {
        let refused = store.set(&key, "{".into(), Expiry::NEVER).await.unwrap_err();
        assert!(matches!(refused.fault(), Fault::Value(_)), "{refused}");
    }
    if !able.empty_values {
        let refused = store.set(&key, Bytes::new(), Expiry::NEVER).await.unwrap_err();
        assert!(matches!(refused.fault(), Fault::Value(_)), "{refused}");
    }
    if let Some(max) = able.value_bytes_max.filter(|&max| max <= 32 << 20) {
        let long = vec![b'1'; max as usize + 1];
        let refused = store.set(&key, long.into(), Expiry::NEVER).await.unwrap_err();
        assert_eq!(refused.fault(), &Fault::ValueTooLarge { len: max + 1, max });
    }
    assert_eq!(store.get(&key).await.unwrap(), None, "a refused set stores nothing");
}

/// More calls at once than any pool has connections: each gets its own answer.
async fn many_at_once(store: &dyn Store, keys: &Keys) {
    let one = |number: usize| async move {
        let key = keys.key(&format!("many:{number}"));
        store.set(&key, json(number), Expiry::NEVER).await.unwrap();
        assert_eq!(bytes_of(store, &key).await, Some(json(number)));
        assert!(store.delete(&key).await.unwrap());
    };
    all((0..64).map(one).collect()).await;
}

/// Calls that are dropped in the middle do not confuse the answers of those that follow.
async fn abandoned_calls_leave_no_trace(store: &dyn Store, keys: &Keys) {
    let (kept, abandoned) = (keys.key("kept"), keys.key("abandoned"));
    store.set(&abandoned, json(1), Expiry::NEVER).await.unwrap();
    store.set(&kept, json(2), Expiry::NEVER).await.unwrap();
    for polls in 1..12 {
        give_up(store.get(&abandoned), polls).await;
        assert_eq!(bytes_of(store, &kept).await, Some(json(2)), "after {polls} polls");
    }
    store.delete(&abandoned).await.unwrap();
    store.delete(&kept).await.unwrap();
}

/// Polls a future so many times at most, then drops it.
async fn give_up<F: Future + Unpin>(mut future: F, polls: usize) {
    let mut left = polls;
    std::future::poll_fn(|context| {
        if left == 0 {
            return std::task::Poll::Ready(());
        }
        left -= 1;
        std::pin::Pin::new(&mut future).poll(context).map(drop)
    })
    .await;
}

/// Waits for all of these at once, in this task.
async fn all<F: Future<Output = ()>>(futures: Vec<F>) {
    let mut futures: Vec<_> = futures.into_iter().map(|future| Some(Box::pin(future))).collect();
    std::future::poll_fn(|context| {
        for slot in &mut futures {
            if let Some(future) = slot
                && future.as_mut().poll(context).is_ready()
            {
                *slot = None;
            }
        }
        if futures.iter().all(Option::is_none) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
}
