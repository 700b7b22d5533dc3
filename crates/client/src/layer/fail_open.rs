//! Takes a store that is away for one that holds nothing: reads find nothing, writes do nothing, no lock is granted. For
//! callers that would rather compute than fail. What the caller did wrong stays an error, and so does a store that does not
//! know the caller. An encrypted cache refuses to be built on it.

use larder_store::{
    Capabilities, Class, Error, Expiry, Found, Health, LockToken, Operation, Pending, Remaining, Store,
};
use std::time::Duration;

use crate::event;

/// A store whose outages look like an empty store.
///
/// ```
/// use larder_client::layer::FailOpen;
/// use larder_client::store::{EngineStore, SystemClock};
///
/// let store = FailOpen::new(EngineStore::with_bytes(1 << 20, SystemClock)?);
/// # Ok::<(), larder_client::store::Error>(())
/// ```
#[derive(Debug)]
pub struct FailOpen<S> {
    inner: S,
}

impl<S: Store> FailOpen<S> {
    /// Around a store.
    ///
    /// ```
    /// # use larder_client::store::{EngineStore, SystemClock};
    /// # let place = EngineStore::with_bytes(1 << 20, SystemClock)?;
    /// use larder_client::layer::FailOpen;
    /// use larder_client::store::Store;
    ///
    /// assert!(FailOpen::new(place).capabilities().fails_open);
    /// # Ok::<(), larder_client::store::Error>(())
    /// ```
    pub fn new(inner: S) -> Self {
        Self { inner }
    }
}

/// The answer, or what an empty store would have answered.
async fn or<T>(call: Pending<'_, T>, empty: T) -> Result<T, Error> {
    match call.await {
        Err(error) if is_outage(&error) => {
            event::failed_open(&error);
            Ok(empty)
        }
        answer => answer,
    }
}

fn is_outage(error: &Error) -> bool {
    let is_away =
        matches!(error.class(), Class::Transient | Class::Timeout | Class::Busy | Class::OpenCircuit);
    is_away && error.operation() != Operation::Open
}

impl<S: Store> Store for FailOpen<S> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { fails_open: true, ..self.inner.capabilities() }
    }

    fn get<'a>(&'a self, key: &'a [u8]) -> Pending<'a, Option<Found>> {
        Box::pin(or(self.inner.get(key), None))
    }

    fn get_uncopied<'a>(&'a self, key: &'a [u8]) -> Pending<'a, Option<Found>> {
        Box::pin(or(self.inner.get_uncopied(key), None))
    }

    fn set<'a>(&'a self, key: &'a [u8], value: bytes::Bytes, expiry: Expiry) -> Pending<'a, ()> {
        Box::pin(or(self.inner.set(key, value, expiry), ()))
    }

    fn delete<'a>(&'a self, key: &'a [u8]) -> Pending<'a, bool> {
        Box::pin(or(self.inner.delete(key), false))
    }

    fn exists<'a>(&'a self, key: &'a [u8]) -> Pending<'a, bool> {
        Box::pin(or(self.inner.exists(key), false))
    }

    fn remaining<'a>(&'a self, key: &'a [u8]) -> Pending<'a, Option<Remaining>> {
        Box::pin(or(self.inner.remaining(key), None))
    }

    fn set_ttl<'a>(&'a self, key: &'a [u8], ttl: Option<Duration>) -> Pending<'a, bool> {
        Box::pin(or(self.inner.set_ttl(key, ttl), false))
    }

    /// An outage stays an error here: "somebody else holds it" would make the caller wait for nobody.
    fn lock<'a>(&'a self, key: &'a [u8], hold: Duration) -> Pending<'a, Option<LockToken>> {
        self.inner.lock(key, hold)
    }

    fn unlock<'a>(&'a self, key: &'a [u8], token: &'a LockToken) -> Pending<'a, bool> {
        Box::pin(or(self.inner.unlock(key, token), false))
    }

    fn health(&self) -> Pending<'_, Health> {
        self.inner.health()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Scripted, fault};
    use larder_store::Fault;

    #[tokio::test]
    async fn an_outage_looks_like_an_empty_store() {
        for outage in [Fault::Closed, fault::timeout(), Fault::OpenCircuit, Fault::Busy("full".into())] {
            let store = FailOpen::new(Scripted::failing(vec![outage; 7]));
            assert_eq!(store.get(b"k").await, Ok(None));
            assert_eq!(store.set(b"k", "v".into(), Expiry::NEVER).await, Ok(()));
            assert_eq!(store.exists(b"k").await, Ok(false));
            assert_eq!(store.delete(b"k").await, Ok(false));
            assert_eq!(store.remaining(b"k").await, Ok(None));
            assert_eq!(store.set_ttl(b"k", None).await, Ok(false));
            assert_eq!(store.unlock(b"k", &LockToken::new("t")).await, Ok(false));
        }
    }

    #[tokio::test]
    async fn what_the_caller_did_wrong_stays_an_error() {
        for refusal in [Fault::Unauthorized("who".into()), Fault::ValueTooLarge { len: 2, max: 1 }] {
            let store = FailOpen::new(Scripted::failing([refusal.clone()]));
            assert_eq!(*store.get(b"k").await.unwrap_err().fault(), refusal);
        }
    }

    #[tokio::test]
    async fn a_lock_that_cannot_be_asked_for_is_not_held_by_others() {
        let store = FailOpen::new(Scripted::failing([Fault::Closed]));
        assert!(store.lock(b"k", Duration::from_secs(1)).await.is_err());
    }

    #[test]
    fn it_tells_that_it_fails_open() {
        assert!(FailOpen::new(Scripted::default()).capabilities().fails_open);
    }
}
