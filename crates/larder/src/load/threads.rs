//! Many connections on few threads: each thread has an event loop of its own and drives its share of the connections.

use crate::failure::Failure;
use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use tokio::runtime;
use tokio::task::{JoinSet, LocalSet};

/// Set when a connection has failed: the others should not begin anything new.
pub(crate) type Stop = Arc<AtomicBool>;

/// Runs `one` for each of `inputs`, side by side, on as many threads as the machine has cores. The inputs of a thread
/// share one `T`; those of all threads are returned.
///
/// # Errors
///
/// The first failure that was noticed.
pub(crate) fn on_threads<I, T, F>(
    inputs: Vec<I>,
    one: impl Fn(I, Rc<RefCell<T>>, Stop) -> F + Sync,
) -> Result<Vec<T>, Failure>
where
    I: Send,
    T: Default + Send + 'static,
    F: Future<Output = Result<(), Failure>> + 'static,
{
    let threads = thread::available_parallelism().map_or(1, usize::from).clamp(1, inputs.len().max(1));
    let mut shares: Vec<Vec<I>> = (0..threads).map(|_| Vec::new()).collect();
    for (index, input) in inputs.into_iter().enumerate() {
        shares[index % threads].push(input);
    }
    let stop = Stop::default();
    thread::scope(|scope| {
        let workers: Vec<_> =
            shares.into_iter().map(|share| scope.spawn(|| on_this_thread(share, &one, &stop))).collect();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

fn on_this_thread<I, T, F>(
    inputs: Vec<I>,
    one: &impl Fn(I, Rc<RefCell<T>>, Stop) -> F,
    stop: &Stop,
) -> Result<T, Failure>
where
    T: Default + 'static,
    F: Future<Output = Result<(), Failure>> + 'static,
{
    let shared = Rc::new(RefCell::new(T::default()));
    let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::EventLoop)?;
    let outcome = LocalSet::new().block_on(&runtime, async {
        let mut tasks = JoinSet::new();
        for input in inputs {
            tasks.spawn_local(one(input, Rc::clone(&shared), Arc::clone(stop)));
        }
        let mut outcome = Ok(());
        while let Some(joined) = tasks.join_next().await {
            let ended = match joined {
                Ok(ended) => ended,
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                // Given up after a failure, which is already the outcome.
                Err(_) => Ok(()),
            };
            if outcome.is_ok() && ended.is_err() {
                outcome = ended;
                stop.store(true, Ordering::Relaxed);
                tasks.abort_all();
            }
        }
        outcome
    });
    outcome.map(|()| shared.take())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_input_is_run_and_the_shares_come_back() {
        let shares: Vec<Vec<u32>> =
            on_threads((0..10).collect(), |n: u32, share: Rc<RefCell<Vec<u32>>>, _| async move {
                share.borrow_mut().push(n);
                Ok(())
            })
            .unwrap();
        let mut all = shares.concat();
        all.sort_unstable();
        assert_eq!(all, (0..10).collect::<Vec<_>>());
    }

    #[test]
    fn a_failure_stops_the_others_also_on_other_threads() {
        let outcome: Result<Vec<()>, Failure> = on_threads((0..8).collect(), |n: u32, _, stop| async move {
            if n == 3 {
                return Err(Failure::Usage("three".into()));
            }
            while !stop.load(Ordering::Relaxed) {
                tokio::task::yield_now().await;
            }
            Ok(())
        });
        assert_eq!(outcome.unwrap_err().to_string(), "three");
    }
}
