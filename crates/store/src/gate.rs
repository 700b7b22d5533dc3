//! The way into a store that talks to a network: so many calls at once, so many more that wait, all of them bounded in time.

use crate::error::Fault;
use crate::limits::Limits;
use crate::store::on_runtime;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;

pub(crate) struct Gate {
    /// One permit for each call that may be carried out now.
    permits: Semaphore,
    /// Calls under way or waiting.
    inside: AtomicUsize,
    inside_max: usize,
    timeout: Duration,
}

impl Gate {
    /// A gate for `at_once` calls at a time.
    pub(crate) fn new(at_once: usize, limits: &Limits) -> Self {
        let at_once = at_once.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            permits: Semaphore::new(at_once),
            inside: AtomicUsize::new(0),
            inside_max: at_once.saturating_add(limits.waiting_max),
            timeout: limits.timeout,
        }
    }

    /// Carries out a call when there is room for it. The limit on time holds from now on.
    pub(crate) async fn pass<T>(&self, call: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        on_runtime()?;
        timeout(self.timeout, self.pass_untimed(call)).await.unwrap_or(Err(Fault::TimedOut(self.timeout)))
    }

    /// As [`pass`](Self::pass), for a call that keeps to the limit on time itself.
    pub(crate) async fn pass_untimed<T>(
        &self,
        call: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        let _inside = self.enter()?;
        // The semaphore is never closed.
        let _permit = self.permits.acquire().await;
        call.await
    }

    fn enter(&self) -> Result<Inside<'_>, Fault> {
        on_runtime()?;
        let was = self.inside.fetch_add(1, Relaxed);
        let inside = Inside(&self.inside);
        if was >= self.inside_max {
            return Err(Fault::Busy(format!("{was} calls are under way or waiting")));
        }
        Ok(inside)
    }
}

/// A call that is counted; it is not any more when this is dropped, however the call ended.
struct Inside<'g>(&'g AtomicUsize);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};

    const LIMITS: Limits = Limits {
        connections_max: 1,
        waiting_max: 1,
        connect_timeout: Duration::from_secs(1),
        timeout: Duration::from_secs(3_600),
        value_bytes_max: 1,
    };

    #[test]
    fn a_call_off_a_runtime_is_refused() {
        let gate = Gate::new(1, &LIMITS);
        let mut context = Context::from_waker(Waker::noop());
        for mut call in [
            Box::pin(gate.pass(async { Ok(1) })) as Pin<Box<dyn Future<Output = _>>>,
            Box::pin(gate.pass_untimed(async { Ok(1) })),
        ] {
            assert!(matches!(call.as_mut().poll(&mut context), Poll::Ready(Err(Fault::Unsupported(_)))));
        }
    }

    #[tokio::test]
    async fn one_runs_one_waits_and_the_third_is_refused() {
        let gate = Gate::new(1, &LIMITS);
        let mut context = Context::from_waker(Waker::noop());
        let mut running = Box::pin(gate.pass(pending::<Result<(), Fault>>()));
        let mut waiting = Box::pin(gate.pass(async { Ok(2) }));
        assert!(running.as_mut().poll(&mut context).is_pending());
        assert!(waiting.as_mut().poll(&mut context).is_pending());
        assert!(matches!(gate.pass(async { Ok(3) }).await, Err(Fault::Busy(_))));

        drop(running);
        assert_eq!(waiting.as_mut().poll(&mut context), Poll::Ready(Ok(2)));
        drop(waiting);
        assert_eq!(gate.pass(async { Ok(4) }).await, Ok(4));
    }

    #[tokio::test]
    async fn a_call_ends_at_its_limit() {
        let limits = Limits { timeout: Duration::from_millis(1), ..LIMITS };
        let gate = Gate::new(1, &limits);
        let answer = gate.pass(pending::<Result<(), Fault>>()).await;
        assert_eq!(answer, Err(Fault::TimedOut(limits.timeout)));
        assert_eq!(gate.pass(async { Ok(1) }).await, Ok(1));
    }
}
