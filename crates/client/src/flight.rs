//! One computation per key in a process. The first caller leads, the others wait for what it finds. A leader that is
//! dropped – its task was cancelled, its computation failed – fails nobody: the next in line leads.
//!
//! A flight is a semaphore of one permit. Who holds the permit leads; to land is to leave the result and close the
//! semaphore, which wakes everybody at once; to be dropped is to give the permit to the next. A leader whose result cannot be
//! shared disbands the flight: it closes the semaphore without a result, and each computes for itself.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// The computations under way in this process.
#[derive(Debug, Default)]
pub(crate) struct Flights {
    by_key: Mutex<HashMap<Arc<str>, Arc<Flight>>>,
}

#[derive(Debug)]
struct Flight {
    turn: Arc<Semaphore>,
    result: OnceLock<Bytes>,
}

/// What a caller is to do.
#[derive(Debug)]
pub(crate) enum Role {
    /// Compute, then [`land`](Leader::land).
    Lead(Leader),
    /// Take what the leader has found.
    Follow(Bytes),
    /// The wait is over without a result, or there is none that can be shared: compute, for oneself.
    Alone,
}

impl Flights {
    /// Joins the computation of a key, or begins it; waits for another's result no longer than `wait_max`.
    pub(crate) async fn join(self: &Arc<Self>, key: &str, wait_max: Duration) -> Role {
        let seat = self.seat(key);
        let turn = Arc::clone(&seat.flight.turn);
        // The first comer finds the permit free and never touches the timer.
        let permit = match Arc::clone(&turn).try_acquire_owned() {
            Ok(permit) => Some(permit),
            Err(_) => match timeout(wait_max, turn.acquire_owned()).await {
                Ok(permit) => permit.ok(),
                Err(_) => return Role::Alone,
            },
        };
        match (permit, seat.flight.result.get()) {
            (_, Some(result)) => Role::Follow(result.clone()),
            (Some(permit), None) => Role::Lead(Leader { seat, _permit: permit }),
            // The flight was disbanded.
            (None, None) => Role::Alone,
        }
    }

    /// Flights under way.
    pub(crate) fn len(&self) -> usize {
        self.by_key.lock().len()
    }

    fn seat(self: &Arc<Self>, key: &str) -> Seat {
        let mut by_key = self.by_key.lock();
        let (key, flight) = match by_key.get_key_value(key) {
            Some((key, flight)) => (Arc::clone(key), Arc::clone(flight)),
            None => {
                let key: Arc<str> = key.into();
                let flight = Arc::new(Flight { turn: Arc::new(Semaphore::new(1)), result: OnceLock::new() });
                by_key.insert(Arc::clone(&key), Arc::clone(&flight));
                (key, flight)
            }
        };
        Seat { flights: Arc::clone(self), key, flight }
    }
}

/// A caller's place in a flight. The last to leave takes the flight off the table.
#[derive(Debug)]
struct Seat {
    flights: Arc<Flights>,
    key: Arc<str>,
    flight: Arc<Flight>,
}

impl Seat {
    fn take_off(&self, only_if_last: bool) {
        let mut by_key = self.flights.by_key.lock();
        // Another flight for the same key may have begun meanwhile. The table and this seat hold one reference each.
        let is_ours = by_key.get(&self.key).is_some_and(|flight| Arc::ptr_eq(flight, &self.flight));
        if is_ours && (!only_if_last || Arc::strong_count(&self.flight) == 2) {
            by_key.remove(&self.key);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.take_off(true);
    }
}

/// The caller that computes.
#[derive(Debug)]
pub(crate) struct Leader {
    seat: Seat,
    _permit: OwnedSemaphorePermit,
}

impl Leader {
    /// Gives the result to everybody who waits. Who comes from now on begins anew.
    pub(crate) fn land(self, result: Bytes) {
        // Off the table first: who joined before this gets the result, who comes after it finds what was stored.
        self.seat.take_off(false);
        let _ = self.seat.flight.result.set(result);
        self.seat.flight.turn.close();
    }

    /// Lets everybody who waits compute at once: there will be no result that can be shared.
    pub(crate) fn disband(self) {
        self.seat.take_off(false);
        self.seat.flight.turn.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::task::yield_now;
    use tokio::time::{Instant, advance};

    const WAIT: Duration = Duration::from_secs(5);

    fn lead(role: Role) -> Leader {
        match role {
            Role::Lead(leader) => leader,
            other => panic!("should lead: {other:?}"),
        }
    }

    fn followed(role: &Role) -> Option<&[u8]> {
        match role {
            Role::Follow(result) => Some(result),
            _ => None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn followers_get_what_the_leader_found() {
        let flights = Arc::new(Flights::default());
        let leader = lead(flights.join("k", WAIT).await);
        let followers: Vec<_> = (0..32)
            .map(|_| {
                let flights = Arc::clone(&flights);
                tokio::spawn(async move { flights.join("k", WAIT).await })
            })
            .collect();
        yield_now().await;
        leader.land(Bytes::from_static(b"found"));
        for follower in followers {
            assert_eq!(followed(&follower.await.unwrap()), Some(&b"found"[..]));
        }
        assert_eq!(flights.len(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn keys_do_not_wait_for_each_other() {
        let flights = Arc::new(Flights::default());
        let _one = lead(flights.join("one", WAIT).await);
        let _two = lead(flights.join("two", WAIT).await);
        assert_eq!(flights.len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_dropped_leader_makes_the_next_one_lead() {
        let flights = Arc::new(Flights::default());
        let leader = lead(flights.join("k", WAIT).await);
        let next = tokio::spawn({
            let flights = Arc::clone(&flights);
            async move { flights.join("k", WAIT).await }
        });
        let last = tokio::spawn({
            let flights = Arc::clone(&flights);
            async move { flights.join("k", WAIT).await }
        });
        yield_now().await;
        drop(leader);
        let second = lead(next.await.unwrap());
        second.land(Bytes::from_static(b"second"));
        assert_eq!(followed(&last.await.unwrap()), Some(&b"second"[..]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_follower_waits_no_longer_than_its_bound() {
        let flights = Arc::new(Flights::default());
        let _leader = lead(flights.join("k", WAIT).await);
        let start = Instant::now();
        assert!(matches!(flights.join("k", WAIT).await, Role::Alone));
        assert_eq!(start.elapsed(), WAIT);
        assert_eq!(flights.len(), 1, "the leader still has its flight");
    }

    #[tokio::test(start_paused = true)]
    async fn cancelled_followers_leave_nothing_behind() {
        let flights = Arc::new(Flights::default());
        let leader = lead(flights.join("k", WAIT).await);
        let follower = tokio::spawn({
            let flights = Arc::clone(&flights);
            async move { flights.join("k", WAIT).await }
        });
        yield_now().await;
        follower.abort();
        assert!(follower.await.unwrap_err().is_cancelled());
        drop(leader);
        assert_eq!(flights.len(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn who_comes_after_the_landing_begins_anew() {
        let flights = Arc::new(Flights::default());
        lead(flights.join("k", WAIT).await).land(Bytes::new());
        advance(Duration::from_millis(1)).await;
        let again = lead(flights.join("k", WAIT).await);
        drop(again);
        assert_eq!(flights.len(), 0);
    }
}
