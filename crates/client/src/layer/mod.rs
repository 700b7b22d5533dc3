//! Resilience as layers: each is a [`Store`](crate::store::Store) around any other store, so they stack in any order. A
//! [`Cache`](crate::Cache) with reliability on has them like this, from the caller inwards: [`Limit`], [`Retry`], [`Breaker`], the store.
//!
//! ```
//! use larder_client::layer::{Backoff, Breaker, CircuitOptions, Limit, LimitOptions, Retry};
//! use larder_client::store::{EngineStore, Store, SystemClock};
//!
//! let place = EngineStore::with_bytes(1 << 20, SystemClock)?;
//! let careful = Breaker::new(place, CircuitOptions::default());
//! let patient = Retry::new(careful, Backoff::default());
//! let store = Limit::new(patient, LimitOptions::default());
//! assert_eq!(store.name(), "engine");
//! # Ok::<(), larder_client::store::Error>(())
//! ```

mod backoff;
mod breaker;
mod circuit;
mod fail_open;
mod limit;
mod retry;

pub use backoff::Backoff;
pub use breaker::Breaker;
pub use circuit::{Circuit, CircuitOptions, CircuitState, Permit, Refused};
pub use fail_open::FailOpen;
pub use limit::{Limit, LimitOptions};
pub use retry::Retry;

/// Implements [`Store`](larder_store::Store) for a layer with the fields `inner` and a method
/// `around(operation, call)` that makes the call, or does not, or makes it more than once. Health is asked of the store
/// itself: what a layer would refuse or repeat is just what the question is about.
macro_rules! store_around {
    ($layer:ident) => {
        impl<S: larder_store::Store> larder_store::Store for $layer<S> {
            fn name(&self) -> &str {
                self.inner.name()
            }

            fn capabilities(&self) -> larder_store::Capabilities {
                self.inner.capabilities()
            }

            fn get<'a>(&'a self, key: &'a [u8]) -> larder_store::Pending<'a, Option<larder_store::Found>> {
                Box::pin(self.around(larder_store::Operation::Get, move || self.inner.get(key)))
            }

            fn get_uncopied<'a>(
                &'a self,
                key: &'a [u8],
            ) -> larder_store::Pending<'a, Option<larder_store::Found>> {
                Box::pin(self.around(larder_store::Operation::Get, move || self.inner.get_uncopied(key)))
            }

            fn set<'a>(
                &'a self,
                key: &'a [u8],
                value: bytes::Bytes,
                expiry: larder_store::Expiry,
            ) -> larder_store::Pending<'a, ()> {
                let call = move || self.inner.set(key, value.clone(), expiry);
                Box::pin(self.around(larder_store::Operation::Set, call))
            }

            fn delete<'a>(&'a self, key: &'a [u8]) -> larder_store::Pending<'a, bool> {
                Box::pin(self.around(larder_store::Operation::Delete, move || self.inner.delete(key)))
            }

            fn exists<'a>(&'a self, key: &'a [u8]) -> larder_store::Pending<'a, bool> {
                Box::pin(self.around(larder_store::Operation::Exists, move || self.inner.exists(key)))
            }

            fn remaining<'a>(
                &'a self,
                key: &'a [u8],
            ) -> larder_store::Pending<'a, Option<larder_store::Remaining>> {
                Box::pin(self.around(larder_store::Operation::Remaining, move || self.inner.remaining(key)))
            }

            fn set_ttl<'a>(
                &'a self,
                key: &'a [u8],
                ttl: Option<std::time::Duration>,
            ) -> larder_store::Pending<'a, bool> {
                Box::pin(self.around(larder_store::Operation::SetTtl, move || self.inner.set_ttl(key, ttl)))
            }

            fn lock<'a>(
                &'a self,
                key: &'a [u8],
                hold: std::time::Duration,
            ) -> larder_store::Pending<'a, Option<larder_store::LockToken>> {
                Box::pin(self.around(larder_store::Operation::Lock, move || self.inner.lock(key, hold)))
            }

            fn unlock<'a>(
                &'a self,
                key: &'a [u8],
                token: &'a larder_store::LockToken,
            ) -> larder_store::Pending<'a, bool> {
                Box::pin(self.around(larder_store::Operation::Unlock, move || self.inner.unlock(key, token)))
            }

            fn health(&self) -> larder_store::Pending<'_, larder_store::Health> {
                self.inner.health()
            }
        }
    };
}
use store_around;
