//! Deadlines and orders for connections, without a timer per request. A session notes when it was last active and what it
//! waits for in its [`Watch`]; each worker looks at all of its watches ten times a second and wakes the sessions that have
//! to end. The same way leads to a session when the server stops.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering, fence},
    },
    task::Waker,
    time::Duration,
};

use larder_engine::Millis;
use parking_lot::Mutex;

use crate::clock::millis;

const NEVER: u64 = u64::MAX;

/// What a session has been told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Answer what has arrived and end.
    Drain,
    /// End now.
    Drop(Reason),
}

/// Why a session has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// It has not authorised itself in time.
    AuthTime,
    /// It does not take its replies, or does not finish a large request.
    Stalled,
    /// It says nothing.
    Idle,
    /// It says nothing, and others are refused.
    Crowded,
}

/// One connection, as its worker sees it.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) peer: SocketAddr,
    waker: OnceLock<Waker>,
    /// How long the client may be silent.
    idle_time: Option<Duration>,
    order: AtomicU8,
    drain: AtomicBool,
    last_ms: AtomicU64,
    auth_by_ms: AtomicU64,
    write_by_ms: AtomicU64,
    read_by_ms: AtomicU64,
}

impl Watch {
    pub(crate) fn new(peer: SocketAddr, now: Millis, idle_time: Option<Duration>) -> Watch {
        Watch {
            peer,
            idle_time,
            waker: OnceLock::new(),
            order: AtomicU8::new(0),
            drain: AtomicBool::new(false),
            last_ms: AtomicU64::new(now.0),
            auth_by_ms: AtomicU64::new(NEVER),
            write_by_ms: AtomicU64::new(NEVER),
            read_by_ms: AtomicU64::new(NEVER),
        }
    }

    /// Remembers whom to wake. A task keeps its waker for life, so the first one is good for ever.
    pub(crate) fn wake_with(&self, waker: Waker) {
        self.waker.get_or_init(|| waker);
        // Either the giver of an order sees the waker, or the session sees the order.
        fence(Ordering::SeqCst);
    }

    /// The client has sent something.
    pub(crate) fn touch(&self, now: Millis) {
        self.last_ms.store(now.0, Ordering::Relaxed);
    }

    /// The client has to authorise itself within `time`.
    pub(crate) fn authorise_within(&self, now: Millis, time: Option<Duration>) {
        self.auth_by_ms.store(deadline(now, time), Ordering::Relaxed);
    }

    /// The client is authorised.
    pub(crate) fn authorised(&self) {
        self.auth_by_ms.store(NEVER, Ordering::Relaxed);
    }

    /// The client has to take part of the waiting replies within `time`.
    pub(crate) fn take_within(&self, now: Millis, time: Option<Duration>) {
        self.write_by_ms.store(deadline(now, time), Ordering::Relaxed);
    }

    /// The client has taken all replies.
    pub(crate) fn taken(&self) {
        self.write_by_ms.store(NEVER, Ordering::Relaxed);
    }

    /// The client has to send more of a request within `time`.
    pub(crate) fn send_within(&self, now: Millis, time: Option<Duration>) {
        self.read_by_ms.store(deadline(now, time), Ordering::Relaxed);
    }

    /// The client has sent the whole request.
    pub(crate) fn sent(&self) {
        self.read_by_ms.store(NEVER, Ordering::Relaxed);
    }

    /// The order that is in force, if any. A drop beats a drain; a drain is told once.
    pub(crate) fn order(&self) -> Option<Order> {
        match self.order.load(Ordering::Acquire) {
            0 => None,
            1 => Some(Order::Drop(Reason::AuthTime)),
            2 => Some(Order::Drop(Reason::Stalled)),
            3 => Some(Order::Drop(Reason::Idle)),
            5 => Some(Order::Drop(Reason::Crowded)),
            _ => self.drain.swap(false, Ordering::Relaxed).then_some(Order::Drain),
        }
    }

    fn give(&self, order: Order) {
        let code = match order {
            Order::Drop(Reason::AuthTime) => 1,
            Order::Drop(Reason::Stalled) => 2,
            Order::Drop(Reason::Idle) => 3,
            Order::Drop(Reason::Crowded) => 5,
            Order::Drain => {
                self.drain.store(true, Ordering::Relaxed);
                4
            }
        };
        self.order.store(code, Ordering::Release);
        fence(Ordering::SeqCst);
        if let Some(waker) = self.waker.get() {
            waker.wake_by_ref();
        }
    }

    /// Takes back an order, and with it all deadlines: a session that has to end may still say why.
    pub(crate) fn reprieve(&self, now: Millis) {
        self.authorised();
        self.taken();
        self.sent();
        self.touch(now);
        self.order.store(0, Ordering::Release);
    }

    /// When the client sent something for the last time, unless it has been told to end.
    pub(crate) fn silent_since(&self) -> Option<Millis> {
        (self.order.load(Ordering::Relaxed) == 0).then(|| Millis(self.last_ms.load(Ordering::Relaxed)))
    }

    /// Ends a connection whose place is needed.
    pub(crate) fn end_for_others(&self) {
        self.give(Order::Drop(Reason::Crowded));
    }

    fn overdue(&self, now: Millis) -> Option<Reason> {
        let past = |by: &AtomicU64| by.load(Ordering::Relaxed) <= now.0;
        if past(&self.auth_by_ms) {
            Some(Reason::AuthTime)
        } else if past(&self.write_by_ms) || past(&self.read_by_ms) {
            Some(Reason::Stalled)
        } else if deadline(Millis(self.last_ms.load(Ordering::Relaxed)), self.idle_time) <= now.0 {
            Some(Reason::Idle)
        } else {
            None
        }
    }
}

fn deadline(now: Millis, time: Option<Duration>) -> u64 {
    time.map_or(NEVER, |time| now.0.saturating_add(millis(time)).min(NEVER - 1))
}

/// The connections of one worker.
#[derive(Debug, Default)]
pub(crate) struct Watchlist {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    watches: HashMap<u64, Arc<Watch>>,
    next: u64,
    draining: bool,
}

/// Keeps a connection on its worker's list until dropped.
#[derive(Debug)]
pub(crate) struct Listed {
    list: Arc<Watchlist>,
    id: u64,
    pub(crate) watch: Arc<Watch>,
}

impl Watchlist {
    /// Adds a connection. One that comes after [`drain`](Self::drain) finds the order already given.
    pub(crate) fn add(self: &Arc<Self>, watch: Watch) -> Listed {
        let watch = Arc::new(watch);
        let mut inner = self.inner.lock();
        let id = inner.next;
        inner.next += 1;
        inner.watches.insert(id, Arc::clone(&watch));
        if inner.draining {
            watch.give(Order::Drain);
        }
        Listed { list: Arc::clone(self), id, watch }
    }

    /// How many connections the worker has.
    pub(crate) fn len(&self) -> usize {
        self.inner.lock().watches.len()
    }

    /// The connection that has been silent for the longest.
    pub(crate) fn most_silent(&self) -> Option<(Millis, Arc<Watch>)> {
        let inner = self.inner.lock();
        let silent = inner.watches.values().filter_map(|watch| Some((watch.silent_since()?, watch)));
        silent.min_by_key(|&(since, _)| since).map(|(since, watch)| (since, Arc::clone(watch)))
    }

    /// Ends the connections that have been waited for too long.
    pub(crate) fn check(&self, now: Millis) {
        for watch in self.inner.lock().watches.values() {
            if let Some(reason) = watch.overdue(now) {
                watch.give(Order::Drop(reason));
            }
        }
    }

    /// Tells every connection, also those that are still to come, to answer what has arrived and end.
    pub(crate) fn drain(&self) {
        let mut inner = self.inner.lock();
        inner.draining = true;
        for watch in inner.watches.values() {
            watch.give(Order::Drain);
        }
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.list.inner.lock().watches.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch_at(ms: u64) -> Watch {
        watch_for(ms, None)
    }

    fn watch_for(ms: u64, idle_time: Option<Duration>) -> Watch {
        Watch::new("127.0.0.1:1".parse().unwrap(), Millis(ms), idle_time)
    }

    #[test]
    fn each_deadline_gives_its_own_reason_and_only_when_it_has_passed() {
        let list = Arc::new(Watchlist::default());
        let late = list.add(watch_at(0));
        let slow = list.add(watch_at(0));
        let idle = list.add(watch_for(0, Some(Duration::from_secs(5))));
        late.watch.authorise_within(Millis(0), Some(Duration::from_secs(1)));
        slow.watch.take_within(Millis(0), Some(Duration::from_secs(2)));
        let orders = || [&late, &slow, &idle].map(|listed| listed.watch.order());

        list.check(Millis(999));
        assert_eq!(orders(), [None; 3]);
        list.check(Millis(2000));
        assert_eq!(orders(), [Some(Order::Drop(Reason::AuthTime)), Some(Order::Drop(Reason::Stalled)), None]);
        list.check(Millis(5000));
        assert_eq!(idle.watch.order(), Some(Order::Drop(Reason::Idle)));
    }

    #[test]
    fn what_is_done_in_time_and_what_is_off_never_ends_a_connection() {
        let list = Arc::new(Watchlist::default());
        let listed = list.add(watch_at(0));
        listed.watch.authorise_within(Millis(0), Some(Duration::from_secs(1)));
        listed.watch.authorised();
        listed.watch.take_within(Millis(0), Some(Duration::from_secs(1)));
        listed.watch.taken();
        list.check(Millis(u64::MAX - 1));
        assert_eq!(listed.watch.order(), None);
    }

    #[test]
    fn a_connection_that_comes_after_the_drain_is_drained_too() {
        let list = Arc::new(Watchlist::default());
        let before = list.add(watch_at(0));
        list.drain();
        let after = list.add(watch_at(0));
        assert_eq!(before.watch.order(), Some(Order::Drain));
        assert_eq!(after.watch.order(), Some(Order::Drain));
        assert_eq!(after.watch.order(), None, "told once");
        drop(before);
        assert_eq!(list.len(), 1);
    }
}
