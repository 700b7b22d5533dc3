//! A cache that encrypts: nothing readable leaves it, and nothing falls open.

use super::*;
use crate::crypto::{Keyring, MasterKey, OpenError};
use crate::layer::FailOpen;
use crate::{ConfigError, Foreign, Format, Key, OnForeign};
use larder_store::{Class, Fault, Freshness};
use tokio::time::advance;

const SECRET: &str = "nobody else may read this sentence";

fn keyring(digits: &str, previous: &[&str]) -> Keyring {
    let key = |digits: &str| MasterKey::from_hex(&digits.repeat(32)).unwrap();
    Keyring::new(key(digits), previous.iter().map(|digits| key(digits)).collect()).unwrap()
}

fn secure_builder(store: &Arc<Scripted>) -> Builder {
    Cache::secure(Arc::clone(store)).no_reliability().keyring(keyring("61", &[]))
}

fn secure(store: &Arc<Scripted>) -> Cache {
    secure_builder(store).build().unwrap()
}

fn shows_secret(bytes: &[u8]) -> bool {
    bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes())
}

#[tokio::test(start_paused = true)]
async fn neither_the_store_nor_the_near_cache_sees_a_value() {
    for format in [Format::Document, Format::Envelope] {
        let store = store();
        let cache = secure_builder(&store).format(format).build().unwrap();
        cache.set("k", SECRET).await.unwrap();
        assert!(!shows_secret(&store.entries.lock()[&b"k"[..]].bytes));
        assert!(!shows_secret(&cache.inner.near.as_ref().unwrap().peek("k").unwrap()));
        assert_eq!(cache.get::<String>("k").await.unwrap().as_deref(), Some(SECRET));
        assert_eq!(store.calls(), ["set"], "read from ciphertext near at hand");
    }
}

#[tokio::test(start_paused = true)]
async fn a_value_of_another_type_does_not_show_in_the_error() {
    #[derive(Debug, serde::Deserialize)]
    enum Colour {
        Red,
    }
    let cache = secure(&store());
    cache.set("k", SECRET).await.unwrap();
    let error = cache.get::<Colour>("k").await.unwrap_err();
    assert!(!shows_secret(format!("{error} {error:?}").as_bytes()), "{error}");
    assert!(error.to_string().contains("no more is told"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_cache_is_not_to_encrypt_and_not_to() {
    let both = secure_builder(&store()).plaintext().build();
    assert!(matches!(both, Err(Error::Config(ConfigError::Setting { name: "plaintext", .. }))));
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_was_fetched_is_ciphertext_too() {
    let store = store();
    secure(&store).set("k", SECRET).await.unwrap();
    let other = secure(&store);
    assert_eq!(other.get::<String>("k").await.unwrap().as_deref(), Some(SECRET));
    assert!(!shows_secret(&other.inner.near.as_ref().unwrap().peek("k").unwrap()));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_ours_is_an_error_and_never_a_value() {
    let store = store();
    let cache = secure(&store);
    cache.set("k", SECRET).await.unwrap();
    let good = store.entries.lock()[&b"k"[..]].bytes.clone();
    let plain = larder_cachekit::msgpack::to_vec(SECRET).unwrap();
    let mut altered = good.to_vec();
    altered[20] ^= 1;
    for foreign in
        [&plain[..], &altered, &good[..good.len() - 1], &good[..27], b"", b"CK\x03\0\0\0\x02{}\x2a"]
    {
        let reader = secure(&store);
        store.plant("k", foreign.to_vec(), Freshness::UNBOUNDED);
        for _ in 0..2 {
            let refused = Err(Error::Foreign(Foreign::Decrypt(OpenError)));
            assert_eq!(reader.get::<String>("k").await, refused);
        }
        let source = Source::default();
        let failed = reader.get_or_compute("k", || source.clone().next()).await;
        assert_eq!((failed.is_err(), source.made()), (true, 0));
        assert_eq!(reader.stats().near_entries, 0, "no copy of it is kept");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_ours_is_replaced_where_that_is_wanted() {
    let store = store();
    store.plant("k", "\x07", Freshness::UNBOUNDED);
    let cache = secure_builder(&store).on_foreign(OnForeign::Miss).build().unwrap();
    let source = Source::default();
    assert_eq!(cache.get::<u32>("k").await.unwrap(), None);
    assert_eq!(computed(&cache, &source).await, 1);
    assert!(store.entries.lock()[&b"k"[..]].bytes.len() > 28);
}

#[tokio::test(start_paused = true)]
async fn another_master_key_tenant_or_key_reads_nothing() {
    let store = store();
    secure(&store).set("k", SECRET).await.unwrap();
    let moved = store.entries.lock()[&b"k"[..]].bytes.clone();
    store.plant("moved", moved, Freshness::UNBOUNDED);
    let readers = [
        secure_builder(&store).keyring(keyring("62", &[])).build().unwrap(),
        secure_builder(&store).tenant("another").build().unwrap(),
    ];
    for reader in readers {
        assert!(matches!(reader.get::<String>("k").await, Err(Error::Foreign(Foreign::Decrypt(_)))));
    }
    assert!(secure(&store).get::<String>("moved").await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_previous_key_still_reads_and_no_longer_writes() {
    let store = store();
    secure(&store).set("k", SECRET).await.unwrap();
    let rotated = secure_builder(&store).keyring(keyring("62", &["61"])).build().unwrap();
    assert_eq!(rotated.get::<String>("k").await.unwrap().as_deref(), Some(SECRET));
    rotated.set("k", SECRET).await.unwrap();
    assert!(secure(&store).get::<String>("k").await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_is_an_error() {
    let store = store();
    let cache = secure(&store);
    store.fail([Fault::Closed]);
    let source = Source::default();
    let failed = cache.get_or_compute("k", || source.clone().next()).await;
    assert_eq!((failed.unwrap_err().class(), source.made()), (Some(Class::Transient), 0));
}

#[tokio::test(start_paused = true)]
async fn followers_are_handed_ciphertext_and_read_it() {
    let store = store();
    let (cache, source) = (secure(&store), Source::default());
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let (cache, source) = (cache.clone(), source.clone());
            tokio::spawn(async move { computed(&cache, &source).await })
        })
        .collect();
    for caller in callers {
        assert_eq!(caller.await.unwrap(), 1);
    }
    assert_eq!(source.made(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_writes_ciphertext() {
    let store = store();
    let cache = secure(&store);
    let fresh = || async { Ok::<_, Error>(SECRET.to_owned()) };
    cache.get_or_refresh("k", fresh).await.unwrap();
    advance(331 * SECOND).await;
    cache.get_or_refresh("k", fresh).await.unwrap();
    settle().await;
    assert_eq!(store.calls(), ["get", "set", "set"]);
    assert!(!shows_secret(&store.entries.lock()[&b"k"[..]].bytes));
}

#[test]
fn a_key_without_a_word_what_it_is_for_is_an_error() {
    let error = |builder: Builder| builder.build().unwrap_err();
    let with_key = || Cache::production(store()).keyring(keyring("61", &[]));
    assert_eq!(error(with_key()), ConfigError::NoIntent.into());
    assert!(with_key().secure().build().unwrap().is_secure());
    assert!(!with_key().plaintext().build().unwrap().is_secure());
    assert_eq!(error(Cache::minimal(store()).secure()), ConfigError::NoKey.into());
    assert_eq!(error(Cache::secure(store())), ConfigError::NoKey.into());
}

#[test]
fn nothing_that_fails_open_goes_with_encryption() {
    let asked_for = secure_builder(&store()).fail_closed(false).build();
    assert!(matches!(asked_for, Err(Error::Config(ConfigError::FailsOpen { .. }))));
    let layered = Cache::secure(FailOpen::new(store())).keyring(keyring("61", &[])).build();
    assert!(matches!(layered, Err(Error::Config(ConfigError::FailsOpen { .. }))));
}

#[tokio::test(start_paused = true)]
async fn an_interop_entry_is_what_the_other_sdks_encrypt() {
    let store = store();
    let cache = secure_builder(&store).namespace("not-in-front").build().unwrap();
    let key = Key::interop("users", "get_user", (42,)).unwrap();
    cache.set(&key, "alice").await.unwrap();
    let stored = store.entries.lock()[key.as_str().as_bytes()].bytes.clone();
    let theirs = keyring("61", &[]).for_tenant("default").unwrap();
    let aad = crate::crypto::Aad::interop("default", key.as_str());
    assert_eq!(theirs.open(&aad, &stored).unwrap(), b"\xa5alice");
}
