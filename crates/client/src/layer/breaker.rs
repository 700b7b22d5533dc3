//! Spares a store that is unwell, and its callers the wait: after repeated failures calls are refused at once, until probes
//! find that it is well again. What a circuit is, is in `circuit.rs`; here it gets a clock and a store.

use larder_store::{Class, Error, Fault, Operation, Pending, Store};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::{Circuit, CircuitOptions, CircuitState, Permit, store_around};
use crate::event;

/// A store behind a circuit breaker.
///
/// ```
/// use larder_client::layer::{Breaker, CircuitOptions, CircuitState};
/// use larder_client::store::{EngineStore, SystemClock};
///
/// let store = Breaker::new(EngineStore::with_bytes(1 << 20, SystemClock)?, CircuitOptions::default());
/// assert_eq!(store.state(), CircuitState::Closed);
/// # Ok::<(), larder_client::store::Error>(())
/// ```
#[derive(Debug)]
pub struct Breaker<S> {
    inner: S,
    circuit: Mutex<Circuit>,
}

impl<S: Store> Breaker<S> {
    /// Around a store, closed.
    ///
    /// ```
    /// # use larder_client::store::{EngineStore, SystemClock};
    /// # let place = EngineStore::with_bytes(1 << 20, SystemClock)?;
    /// use larder_client::layer::{Breaker, CircuitOptions};
    ///
    /// let store = Breaker::new(place, CircuitOptions { failures_max: 10, ..CircuitOptions::default() });
    /// # Ok::<(), larder_client::store::Error>(())
    /// ```
    pub fn new(inner: S, options: CircuitOptions) -> Self {
        Self { inner, circuit: Mutex::new(Circuit::new(options)) }
    }

    /// What the circuit is now.
    ///
    /// ```
    /// # use larder_client::store::{EngineStore, SystemClock};
    /// # let place = EngineStore::with_bytes(1 << 20, SystemClock)?;
    /// use larder_client::layer::{Breaker, CircuitOptions, CircuitState};
    ///
    /// assert_eq!(Breaker::new(place, CircuitOptions::default()).state(), CircuitState::Closed);
    /// # Ok::<(), larder_client::store::Error>(())
    /// ```
    pub fn state(&self) -> CircuitState {
        self.circuit.lock().state(Instant::now())
    }

    async fn around<'a, T>(
        &'a self,
        operation: Operation,
        call: impl Fn() -> Pending<'a, T> + Send,
    ) -> Result<T, Error> {
        let Some(probe) = self.admit() else {
            return Err(Error::new(self.inner.name(), operation, Fault::OpenCircuit));
        };
        let answer = call().await;
        probe.report(answer.as_ref().err());
        answer
    }

    fn admit(&self) -> Option<Call<'_, S>> {
        let permit = self.change(|circuit| circuit.admit(Instant::now())).ok()?;
        Some(Call { breaker: self, permit: Some(permit) })
    }

    /// Makes a transition, and tells of it if the circuit is another one then.
    fn change<R>(&self, transition: impl FnOnce(&mut Circuit) -> R) -> R {
        let now = Instant::now();
        let mut circuit = self.circuit.lock();
        let before = circuit.state(now);
        let result = transition(&mut circuit);
        let after = circuit.state(now);
        drop(circuit);
        if before != after {
            event::circuit(self.inner.name(), after);
        }
        result
    }
}

store_around!(Breaker);

/// A call that was let through. Dropped without a report, its caller gave up.
struct Call<'b, S: Store> {
    breaker: &'b Breaker<S>,
    permit: Option<Permit>,
}

impl<S: Store> Call<'_, S> {
    fn report(mut self, error: Option<&Error>) {
        let Some(permit) = self.permit.take() else { return };
        let is_unwell = error.is_some_and(|error| matches!(error.class(), Class::Transient | Class::Timeout));
        self.breaker.change(|circuit| match is_unwell {
            true => circuit.failed(permit, Instant::now()),
            false => circuit.succeeded(permit),
        });
    }
}

impl<S: Store> Drop for Call<'_, S> {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take() {
            self.breaker.change(|circuit| circuit.abandoned(permit));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Scripted, fault};
    use std::time::Duration;
    use tokio::time::{advance, timeout};

    fn breaker(store: &Scripted) -> Breaker<&Scripted> {
        Breaker::new(store, CircuitOptions::default())
    }

    #[tokio::test(start_paused = true)]
    async fn an_open_circuit_refuses_without_a_call() {
        let store = Scripted::failing(vec![Fault::Closed; 5]);
        let breaker = breaker(&store);
        for _ in 0..5 {
            assert_eq!(*breaker.get(b"k").await.unwrap_err().fault(), Fault::Closed);
        }
        assert_eq!(breaker.state(), CircuitState::Open);
        let error = breaker.delete(b"k").await.unwrap_err();
        assert_eq!((error.class(), error.operation()), (Class::OpenCircuit, Operation::Delete));
        assert_eq!(store.calls().len(), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn it_closes_after_three_probes_that_succeed() {
        let store = Scripted::failing(vec![fault::timeout(); 5]);
        let breaker = breaker(&store);
        for _ in 0..5 {
            breaker.get(b"k").await.unwrap_err();
        }
        advance(Duration::from_secs(5)).await;
        for state in [CircuitState::HalfOpen, CircuitState::HalfOpen, CircuitState::Closed] {
            breaker.get(b"k").await.unwrap();
            assert_eq!(breaker.state(), state);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_refuses_is_well() {
        let store = Scripted::failing(vec![Fault::Refused("no".into()); 10]);
        let breaker = breaker(&store);
        for _ in 0..10 {
            breaker.get(b"k").await.unwrap_err();
        }
        assert_eq!(breaker.state(), CircuitState::Closed);
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_whose_caller_gives_up_makes_place_for_another() {
        let store = Scripted::failing(vec![Fault::Closed; 5]);
        let breaker = breaker(&store);
        for _ in 0..5 {
            breaker.get(b"k").await.unwrap_err();
        }
        advance(Duration::from_secs(5)).await;
        store.hang();
        for _ in 0..4 {
            assert!(timeout(Duration::from_millis(1), breaker.get(b"k")).await.is_err(), "it is let through");
        }
        assert_eq!(breaker.state(), CircuitState::HalfOpen);
    }

    #[tokio::test(start_paused = true)]
    async fn health_is_asked_even_when_the_circuit_is_open() {
        let store = Scripted::failing(vec![Fault::Closed; 5]);
        let breaker = breaker(&store);
        for _ in 0..5 {
            breaker.get(b"k").await.unwrap_err();
        }
        assert!(breaker.health().await.is_ok());
    }
}
