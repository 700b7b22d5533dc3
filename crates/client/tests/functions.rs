//! Cached functions: keys, results, what falls open and what does not.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use larder_client::crypto::Keyring;
use larder_client::store::{EngineStore, Expiry, Store};
use larder_client::{Cache, Error, Key, Profile, Set, Value, cached, cachekit};

fn engine() -> EngineStore {
    EngineStore::with_bytes(1 << 20, || 0).unwrap()
}

fn cache() -> Cache {
    Cache::minimal(engine()).build().unwrap()
}

fn secure_cache(store: impl Store + 'static) -> Cache {
    let keyring = Keyring::from_hex(&"61".repeat(32), "").unwrap();
    Cache::secure(store).keyring(keyring).build().unwrap()
}

/// Counts the calls of a function's body.
#[derive(Default)]
struct Calls(AtomicU32);

impl Calls {
    fn next(&self) -> u32 {
        self.0.fetch_add(1, Relaxed) + 1
    }

    fn made(&self) -> u32 {
        self.0.load(Relaxed)
    }
}

#[cachekit(interop = "get_user", namespace = "users", ttl = 300, cache = cache, skip(cache, calls))]
async fn get_user(cache: &Cache, calls: &Calls, user_id: i64) -> String {
    format!("user {user_id}, computed {}", calls.next())
}

#[tokio::test]
async fn a_result_is_computed_once_for_each_argument() {
    let (cache, calls) = (cache(), Calls::default());
    assert_eq!(get_user(&cache, &calls, 42).await, "user 42, computed 1");
    assert_eq!(get_user(&cache, &calls, 42).await, "user 42, computed 1");
    assert_eq!(get_user(&cache, &calls, 7).await, "user 7, computed 2");
}

#[tokio::test]
async fn the_key_is_the_one_that_other_languages_compute() {
    let (cache, calls) = (cache(), Calls::default());
    get_user(&cache, &calls, 42).await;
    let key = "users:get_user:61598716255080080f6456eb065c2e51badfaa4320b0efe97469c29cffee8875";
    assert_eq!(cache.get::<String>(key).await.unwrap().as_deref(), Some("user 42, computed 1"));
}

#[cached(interop = "sum", namespace = "numbers", cache = cache, skip(cache, calls))]
fn sum(cache: &Cache, calls: &Calls, numbers: &[i64]) -> i64 {
    let call = calls.next();
    if numbers.is_empty() {
        return -i64::from(call);
    }
    numbers.iter().sum()
}

#[test]
fn functions_that_are_not_async_are_cached_as_well() {
    let (cache, calls) = (cache(), Calls::default());
    assert_eq!(sum(&cache, &calls, &[1, 2]), 3);
    assert_eq!(sum(&cache, &calls, &[1, 2]), 3);
    assert_eq!(sum(&cache, &calls, &[]), -2, "an early return is a result");
    assert_eq!(sum(&cache, &calls, &[]), -2);
    assert_eq!(calls.made(), 2);
}

#[derive(Debug, PartialEq)]
enum Failure {
    Odd(u32),
    Cache(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Cache(error)
    }
}

#[cached(key = format!("half:{number}"), cache = cache)]
async fn half(cache: &Cache, calls: &Calls, number: u32) -> Result<u32, Failure> {
    calls.next();
    if number % 2 == 1 {
        return Err(Failure::Odd(number));
    }
    Ok(number / 2)
}

#[tokio::test]
async fn of_a_result_only_success_is_kept() {
    let (cache, calls) = (cache(), Calls::default());
    assert_eq!(half(&cache, &calls, 3).await, Err(Failure::Odd(3)));
    assert_eq!(half(&cache, &calls, 3).await, Err(Failure::Odd(3)));
    assert_eq!(calls.made(), 2);
    assert_eq!(half(&cache, &calls, 4).await, Ok(2));
    assert_eq!(half(&cache, &calls, 4).await, Ok(2));
    assert_eq!(calls.made(), 3);
    assert_eq!(cache.get::<u32>("half:4").await.unwrap(), Some(2));
}

#[cached(interop = "by_number", namespace = "n", cache = cache, skip(cache, calls))]
async fn by_number(cache: &Cache, calls: &Calls) -> HashMap<u32, u32> {
    HashMap::from([(1, calls.next())])
}

#[cached(interop = "by_number", namespace = "n", secure, cache = cache, skip(cache))]
async fn by_number_secure(cache: &Cache) -> Result<HashMap<u32, u32>, Error> {
    Ok(HashMap::from([(1, 1)]))
}

#[tokio::test]
async fn a_value_without_a_form_in_messagepack_is_computed_each_time_or_with_secure_an_error() {
    let (cache, calls) = (cache(), Calls::default());
    assert_eq!(by_number(&cache, &calls).await[&1], 1);
    assert_eq!(by_number(&cache, &calls).await[&1], 2);
    assert_eq!(cache.stats().failed_open, 2);
    assert!(matches!(by_number_secure(&secure_cache(engine())).await, Err(Error::Value(_))));
}

#[cached(interop = "unread", namespace = "n", key_fn = unread_key, cache = cache, skip(cache, calls))]
async fn unread(cache: &Cache, calls: &Calls) -> u32 {
    calls.next()
}

#[tokio::test]
async fn an_entry_of_another_type_is_computed_anew() {
    let (cache, calls) = (cache(), Calls::default());
    cache.set(&unread_key(&cache, &calls).unwrap(), "no number").await.unwrap();
    assert_eq!(unread(&cache, &calls).await, 1);
    assert_eq!(unread(&cache, &calls).await, 1);
}

type AnyError = Box<dyn std::error::Error + Send + Sync>;

#[cached(interop = "checked", namespace = "n", cache = cache, skip(cache))]
async fn checked(cache: &Cache, x: &str) -> Result<u8, Box<dyn std::error::Error>> {
    if x.is_empty() {
        return Err(Box::new(Error::NotSecure));
    }
    let parsed = x.parse::<i32>()?;
    match u8::try_from(parsed) {
        Ok(small) => Ok(small),
        Err(error) => Err(Box::new(error)),
    }
}

#[cached(interop = "described", namespace = "n", secure, cache = cache, skip(cache))]
async fn described<'a, T>(cache: &'a Cache, x: T, unit: &str) -> Result<String, AnyError>
where
    T: serde::Serialize + std::fmt::Display,
{
    if unit.is_empty() {
        return Err(Box::new(Error::NotSecure));
    }
    Ok(format!("{x} {unit}"))
}

#[cached(interop = "unnamed_error", namespace = "n", cache = cache, skip(cache))]
async fn unnamed_error(cache: &Cache, x: u8) -> Result<u8, impl std::fmt::Display + 'static> {
    if x == 0 { Err("nothing") } else { Ok(x) }
}

#[cached(interop = "unnamed_error", namespace = "n", cache = cache, skip(cache))]
fn unnamed_error_blocking(cache: &Cache, x: u8) -> Result<u8, impl std::fmt::Display + 'static> {
    if x == 0 { Err("nothing") } else { Ok(x) }
}

#[cached(interop = "fresh_checked", namespace = "n", refresh, cache = cache, skip(cache))]
async fn fresh_checked(cache: Cache, x: u8) -> Result<u8, AnyError> {
    if x == 0 {
        return Err(Box::new(Error::NotSecure));
    }
    Ok(x)
}

#[tokio::test]
async fn an_error_becomes_the_one_that_the_function_returns() {
    let cache = cache();
    assert_eq!(checked(&cache, "").await.unwrap_err().to_string(), Error::NotSecure.to_string());
    assert!(checked(&cache, "x").await.is_err());
    assert!(checked(&cache, "-1").await.is_err());
    assert_eq!(checked(&cache, "1").await.unwrap(), 1);
    assert_eq!(described(&secure_cache(engine()), 1, "m").await.unwrap(), "1 m");
    assert!(described(&secure_cache(engine()), 1, "").await.is_err());
    assert!(unnamed_error(&cache, 0).await.is_err());
    assert_eq!(unnamed_error_blocking(&cache, 1).ok(), Some(1));
    assert!(fresh_checked(cache.clone(), 0).await.is_err());
    assert_eq!(fresh_checked(cache, 2).await.unwrap(), 2);
}

#[cached(key = "settings", cache = cache, skip(cache, calls))]
async fn settings(cache: &Cache, calls: &Calls) -> u32 {
    calls.next()
}

#[tokio::test]
async fn a_literal_key_is_for_a_result_that_depends_on_no_argument() {
    let (cache, calls) = (cache(), Calls::default());
    assert_eq!(settings(&cache, &calls).await, 1);
    assert_eq!(settings(&cache, &calls).await, 1);
    assert_eq!(cache.get::<u32>("settings").await.unwrap(), Some(1));
}

#[cached(interop = "drafted", namespace = "n", profile = "draft", key_fn = drafted_key, cache = cache, skip(cache))]
async fn drafted(cache: &Cache, x: f64) -> f64 {
    x
}

#[tokio::test]
async fn the_draft_is_another_key_and_key_fn_tells_it() {
    let cache = cache();
    drafted(&cache, 2.0).await;
    let key = drafted_key(&cache, 2.0).unwrap();
    assert_eq!(key, Key::interop_with(Profile::Draft, "n", "drafted", (2.0,)).unwrap());
    assert_ne!(key, Key::interop("n", "drafted", (2.0,)).unwrap());
    assert!(cache.delete(&key).await.unwrap());
}

#[cached(interop = "by_set", namespace = "n", key_fn = by_set_key, cache = cache, skip(cache))]
async fn by_set(cache: &Cache, ids: HashSet<u32>) -> usize {
    ids.len()
}

#[tokio::test]
async fn a_set_has_no_order_in_the_key() {
    let cache = cache();
    by_set(&cache, HashSet::from([3, 1, 2])).await;
    let expected = Key::interop("n", "by_set", vec![Value::Set(vec![1.into(), 2.into(), 3.into()])]).unwrap();
    assert_eq!(by_set_key(&cache, HashSet::from([2, 3, 1])).unwrap(), expected);
    assert_eq!(Key::interop("n", "by_set", (Set([1, 2, 3]),)).unwrap(), expected);
    assert!(cache.exists(&expected).await.unwrap());
}

#[cached(interop = "by_optional_set", namespace = "n", key_fn = by_optional_set_key, cache = cache, skip(cache))]
async fn by_optional_set(cache: &Cache, ids: Option<Set<&HashSet<u32>>>) -> usize {
    ids.map_or(0, |ids| ids.0.len())
}

#[tokio::test]
async fn a_set_that_is_called_one_has_no_order_inside_another_type() {
    let cache = cache();
    let ids: HashSet<u32> = (0..100).collect();
    assert_eq!(by_optional_set(&cache, Some(Set(&ids))).await, 100);
    let same: HashSet<u32> = (0..100).rev().collect();
    let key = by_optional_set_key(&cache, Some(Set(&same))).unwrap();
    assert!(cache.exists(&key).await.unwrap());
}

#[cached(interop = "by_map", namespace = "n", key_fn = by_map_key, cache = cache, skip(cache))]
async fn by_map(cache: &Cache, sizes: &HashMap<String, u32>) -> usize {
    sizes.len()
}

#[tokio::test]
async fn a_map_has_no_order_in_the_key() {
    let cache = cache();
    let sizes: HashMap<String, u32> = (0..100).map(|size| (size.to_string(), size)).collect();
    assert_eq!(by_map(&cache, &sizes).await, 100);
    let same: HashMap<String, u32> = (0..100).rev().map(|size| (size.to_string(), size)).collect();
    assert!(cache.exists(&by_map_key(&cache, &same).unwrap()).await.unwrap());
}

struct Service {
    cache: Cache,
    calls: Calls,
}

impl Service {
    #[cached(key = "name", cache = self.cache)]
    fn name(&self) -> String {
        format!("service {}", self.calls.next())
    }

    #[cached(interop = "answer", namespace = "service", cache = self.cache)]
    async fn answer(&self, mut question: String) -> String {
        self.calls.next();
        question.push('!');
        question
    }
}

#[tokio::test]
async fn a_method_is_cached_by_its_arguments() {
    let service = Service { cache: cache(), calls: Calls::default() };
    assert_eq!(service.answer("why".into()).await, "why!");
    assert_eq!(service.answer("why".into()).await, "why!");
    assert_eq!(service.calls.made(), 1);
}

#[test]
fn a_method_without_arguments_takes_a_literal_key() {
    let service = Service { cache: cache(), calls: Calls::default() };
    assert_eq!(service.name(), "service 1");
    assert_eq!(service.name(), "service 1");
}

#[cached(interop = "square", namespace = "numbers", cache = cache, skip(cache, calls))]
async fn square(cache: &Cache, calls: &Calls, x: f64) -> f64 {
    calls.next();
    x * x
}

#[tokio::test]
async fn an_argument_without_a_canonical_form_is_computed_each_time() {
    let (cache, calls) = (cache(), Calls::default());
    assert!(square(&cache, &calls, f64::NAN).await.is_nan());
    assert!(square(&cache, &calls, f64::NAN).await.is_nan());
    assert_eq!(calls.made(), 2);
    assert_eq!(cache.stats().failed_open, 2);
}

#[cachekit(interop = "secret", namespace = "vault", secure, cache = cache, skip(cache, calls))]
async fn secret(cache: &Cache, calls: &Calls, x: f64) -> Result<String, Failure> {
    calls.next();
    Ok(format!("the secret of {x}"))
}

#[cachekit(interop = "secret", namespace = "vault", secure, cache = cache, skip(cache))]
fn secret_blocking(cache: &Cache, x: f64) -> Result<String, Failure> {
    Ok(format!("the secret of {x}, and late"))
}

#[tokio::test]
async fn a_secure_function_takes_only_an_encrypting_cache() {
    let calls = Calls::default();
    assert_eq!(secret(&cache(), &calls, 1.0).await, Err(Failure::Cache(Error::NotSecure)));
    assert_eq!(secret_blocking(&cache(), 1.0), Err(Failure::Cache(Error::NotSecure)));
    assert_eq!(calls.made(), 0);
    let cache = secure_cache(engine());
    assert_eq!(secret(&cache, &calls, 1.0).await.unwrap(), "the secret of 1");
    assert_eq!(secret_blocking(&cache, 1.0).unwrap(), "the secret of 1", "the same entry");
}

#[tokio::test]
async fn a_secure_function_does_not_run_without_a_key() {
    let calls = Calls::default();
    let failed = secret(&secure_cache(engine()), &calls, f64::NAN).await;
    assert!(matches!(failed, Err(Failure::Cache(Error::Key(_)))));
    assert_eq!(calls.made(), 0);
}

#[tokio::test]
async fn a_secure_function_does_not_run_over_an_entry_that_is_not_its_own() {
    let store = Arc::new(engine());
    let cache = secure_cache(Arc::clone(&store));
    let key = Key::interop("vault", "secret", (1.0,)).unwrap();
    let planted = b"\xa5plain".as_slice().into();
    store.set(key.as_str().as_bytes(), planted, Expiry::NEVER).await.unwrap();
    let calls = Calls::default();
    assert!(matches!(secret(&cache, &calls, 1.0).await, Err(Failure::Cache(Error::Foreign(_)))));
    assert_eq!(calls.made(), 0);
}

#[cached(interop = "uninstalled", namespace = "n", skip(calls))]
async fn uninstalled(calls: &Calls) -> u32 {
    calls.next()
}

#[cached(interop = "uninstalled", namespace = "n", secure)]
async fn uninstalled_secure() -> Result<u32, Error> {
    Ok(1)
}

#[tokio::test]
async fn without_a_cache_a_function_computes_and_a_secure_one_refuses() {
    let calls = Calls::default();
    assert_eq!(uninstalled(&calls).await, 1);
    assert_eq!(uninstalled(&calls).await, 2);
    assert_eq!(uninstalled_secure().await, Err(Error::NotInstalled));
}

#[rustfmt::skip]
#[deny(unused_braces, clippy::pedantic)]
mod without_warnings {
    use super::{Cache, cached};

    #[cached(interop = "one_line", namespace = "n", cache = cache, skip(cache))]
    pub(super) async fn one_line(cache: &Cache, x: u32) -> u32 { x.pow(2) }

    #[cached(interop = "with_an_item", namespace = "n", cache = cache, skip(cache))]
    pub(super) async fn with_an_item(cache: &Cache, x: u32) -> u32 {
        const MORE: u32 = 1;
        x + MORE
    }
}

#[tokio::test]
async fn a_cached_function_has_the_warnings_of_the_function_only() {
    let cache = cache();
    assert_eq!(without_warnings::one_line(&cache, 3).await, 9);
    assert_eq!(without_warnings::with_an_item(&cache, 3).await, 4);
}

#[cached(interop = "fresh", namespace = "n", refresh, cache = cache, skip(cache))]
async fn fresh(cache: Cache, x: u32) -> u32 {
    x
}

#[tokio::test]
async fn a_refreshing_function_is_cached_like_any_other() {
    let cache = cache();
    assert_eq!(fresh(cache.clone(), 1).await, 1);
    assert_eq!(fresh(cache.clone(), 1).await, 1);
    assert_eq!(cache.stats().near_hits, 1);
}
