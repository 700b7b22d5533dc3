//! Tries again what failed in a way that may pass: transient errors and timeouts, never a refusal. A lock is asked for
//! once: an answer that got lost may have granted it.

use std::time::Duration;

use larder_store::{Class, Error, Operation, Pending};
use tokio::time::sleep;

use super::{Backoff, store_around};
use crate::event;
use crate::random::Random;

/// A store whose calls are tried more than once.
///
/// Every call that is repeated may have been carried out before, with only its answer lost. So [`delete`] and
/// [`set_ttl`] can answer false although the first try found the entry.
///
/// ```
/// use larder_client::layer::{Backoff, Retry};
/// use larder_client::store::{EngineStore, SystemClock};
///
/// let store = Retry::new(EngineStore::with_bytes(1 << 20, SystemClock)?, Backoff::default());
/// # Ok::<(), larder_client::store::Error>(())
/// ```
///
/// [`delete`]: larder_store::Store::delete
/// [`set_ttl`]: larder_store::Store::set_ttl
#[derive(Debug)]
pub struct Retry<S> {
    inner: S,
    backoff: Backoff,
    random: Random,
}

impl<S> Retry<S> {
    /// Around a store, on a schedule.
    ///
    /// ```
    /// # use larder_client::store::{EngineStore, SystemClock};
    /// # let place = EngineStore::with_bytes(1 << 20, SystemClock)?;
    /// use larder_client::layer::{Backoff, Retry};
    ///
    /// let store = Retry::new(place, Backoff { tries_max: 5, ..Backoff::default() });
    /// # Ok::<(), larder_client::store::Error>(())
    /// ```
    pub fn new(inner: S, backoff: Backoff) -> Self {
        Self::with_random(inner, backoff, Random::default())
    }

    /// With jitter from a source of one's own.
    ///
    /// ```
    /// # use larder_client::store::{EngineStore, SystemClock};
    /// # let place = EngineStore::with_bytes(1 << 20, SystemClock)?;
    /// use larder_client::{Random, layer::{Backoff, Retry}};
    ///
    /// let store = Retry::with_random(place, Backoff::default(), Random::from(|| 0.5));
    /// # Ok::<(), larder_client::store::Error>(())
    /// ```
    pub fn with_random(inner: S, backoff: Backoff, random: Random) -> Self {
        Self { inner, backoff, random }
    }

    async fn around<'a, T>(
        &'a self,
        operation: Operation,
        call: impl Fn() -> Pending<'a, T> + Send,
    ) -> Result<T, Error> {
        let mut failures = 0;
        loop {
            let error = match call().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            failures += 1;
            let Some(pause) = self.pause(operation, &error, failures) else { return Err(error) };
            event::retrying(&error, failures, pause);
            sleep(pause).await;
        }
    }

    /// How long to wait before the next try, if there is to be one. A store that says when it wants to be called again is
    /// not called before; if that is longer than any pause of the schedule, the error goes to the caller.
    fn pause(&self, operation: Operation, error: &Error, failures: u32) -> Option<Duration> {
        let may_pass = matches!(error.class(), Class::Transient | Class::Timeout);
        if !may_pass || operation == Operation::Lock {
            return None;
        }
        let pause = self.backoff.pause(failures, self.random.draw())?;
        match error.retry_after() {
            Some(asked) if asked > self.backoff.pause_max => None,
            Some(asked) => Some(pause.max(asked)),
            None => Some(pause),
        }
    }
}

store_around!(Retry);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Scripted, fault};
    use larder_store::{Expiry, Fault, Store};
    use tokio::time::Instant;

    fn retry(store: &Scripted) -> Retry<&Scripted> {
        Retry::with_random(store, Backoff::default(), Random::from(|| 0.5))
    }

    fn busy_until(seconds: u64) -> Fault {
        Fault::Failed { reason: "503".into(), retry_after: Some(Duration::from_secs(seconds)) }
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_pass_is_tried_again_after_growing_pauses() {
        let store = Scripted::failing([Fault::Closed, fault::timeout()]);
        let start = Instant::now();
        retry(&store).set(b"k", "v".into(), Expiry::NEVER).await.unwrap();
        assert_eq!(store.calls(), ["set", "set", "set"]);
        assert_eq!(start.elapsed(), Duration::from_millis(300));
    }

    #[tokio::test(start_paused = true)]
    async fn the_third_failure_is_the_callers() {
        let store = Scripted::failing([Fault::Closed, Fault::Closed, fault::timeout()]);
        let error = retry(&store).get(b"k").await.unwrap_err();
        assert_eq!(*error.fault(), fault::timeout());
        assert_eq!(store.calls().len(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_final() {
        for refusal in [
            Fault::Refused("no".into()),
            Fault::Unauthorized("who".into()),
            Fault::Busy("full".into()),
            Fault::OpenCircuit,
            Fault::NotTheProtocol("?".into()),
        ] {
            let store = Scripted::failing([refusal.clone()]);
            assert_eq!(*retry(&store).get(b"k").await.unwrap_err().fault(), refusal);
            assert_eq!(store.calls(), ["get"]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_lock_is_asked_for_once() {
        let store = Scripted::failing([Fault::Closed]);
        assert!(retry(&store).lock(b"k", Duration::from_secs(1)).await.is_err());
        assert_eq!(store.calls(), ["lock"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_is_not_called_before_it_asks_to_be() {
        let store = Scripted::failing([busy_until(2)]);
        let start = Instant::now();
        retry(&store).get(b"k").await.unwrap();
        assert_eq!(start.elapsed(), Duration::from_secs(2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_asks_for_a_long_wait_is_not_waited_for() {
        let store = Scripted::failing([busy_until(6)]);
        assert!(retry(&store).get(b"k").await.is_err());
        assert_eq!(store.calls(), ["get"]);
    }
}
