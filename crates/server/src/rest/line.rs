//! What the parts of one connection know of each other: the socket ([`stream`](super::stream)), HTTP between them, and the service of
//! its requests. HTTP is a library's, so these notes are how a slow head is told from a quiet client, and an answer of ours from one
//! that the library gives by itself.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, Ordering::Relaxed},
    },
    time::Duration,
};

use hyper::{HeaderMap, header};
use larder_engine::Millis;
use parking_lot::Mutex;
use subtle::ConstantTimeEq;

use super::access::Caller;

use crate::{
    execute::Face,
    limits::LINGER_TIME,
    meter::{Connected, Meter},
    net::watch::{Listed, Watch, Watchlist},
    session::{Local, TIMED_BATCHES},
    shared::Shared,
};

/// One connection. Its parts run on one thread; the flags are atomic only because it is handed to that thread.
pub(crate) struct Line {
    pub(crate) shared: Arc<Shared>,
    pub(crate) watchlist: Arc<Watchlist>,
    pub(crate) meter: Arc<Meter>,
    _connected: Connected,
    listed: Listed,
    /// Requests since one was timed.
    untimed: AtomicU8,
    /// Bytes have come that may be the beginning of a request.
    is_hearing: AtomicBool,
    /// The client has been given a deadline for the rest of a head.
    has_head_deadline: AtomicBool,
    /// A request is being served.
    is_serving: AtomicBool,
    /// An answer has been made and not been handed to the socket.
    is_answering: AtomicBool,
    /// The client has a deadline for showing a key.
    is_awaiting_auth: AtomicBool,
    /// What the last client that was let in had in its `Authorization`, and who it was.
    last: Mutex<Option<(Box<[u8]>, Caller)>>,
    is_draining: AtomicBool,
    is_lingering: AtomicBool,
}

impl Line {
    pub(crate) fn new(shared: Arc<Shared>, local: Local, listed: Listed) -> Line {
        let off = AtomicBool::default;
        Line {
            shared,
            watchlist: local.watchlist,
            _connected: local.meter.connection(Face::Rest),
            meter: local.meter,
            listed,
            untimed: AtomicU8::new(0),
            is_hearing: off(),
            has_head_deadline: off(),
            is_serving: off(),
            is_answering: off(),
            is_awaiting_auth: off(),
            last: Mutex::default(),
            is_draining: off(),
            is_lingering: off(),
        }
    }

    pub(crate) fn watch(&self) -> &Watch {
        &self.listed.watch
    }

    pub(crate) fn now(&self) -> Millis {
        self.shared.clock.now()
    }

    /// Where keys are asked for, the client has to show one soon.
    pub(crate) fn await_auth(&self) {
        if !self.shared.access.is_open() {
            self.is_awaiting_auth.store(true, Relaxed);
            self.watch().authorise_within(self.now(), self.shared.limits.auth_time);
        }
    }

    /// Who this is, if the last one who was let in here showed the same: most connections show one key for ever, and need not have its
    /// digest computed each time.
    pub(crate) fn recognise(&self, headers: &HeaderMap) -> Option<Caller> {
        let mut shown = headers.get_all(header::AUTHORIZATION).iter();
        let value = shown.next().filter(|_| shown.next().is_none())?;
        let last = self.last.lock();
        let (known, caller) = last.as_ref()?;
        bool::from(known.ct_eq(value.as_bytes())).then_some(*caller)
    }

    /// The client has shown who it is.
    pub(crate) fn authorised(&self, headers: &HeaderMap, caller: Caller) {
        if let Some(value) = headers.get(header::AUTHORIZATION).filter(|_| !self.shared.access.is_open()) {
            *self.last.lock() = Some((value.as_bytes().into(), caller));
        }
        if self.is_awaiting_auth.load(Relaxed) {
            self.is_awaiting_auth.store(false, Relaxed);
            self.watch().authorised();
        }
    }

    /// Bytes have come.
    pub(crate) fn received(&self) {
        if !self.is_serving.load(Relaxed) {
            self.is_hearing.store(true, Relaxed);
        }
    }

    /// There is nothing to do until more comes: a head that has begun has to end in time.
    pub(crate) fn wait(&self) {
        if self.is_hearing.load(Relaxed) && !self.has_head_deadline.swap(true, Relaxed) {
            self.watch().send_within(self.now(), self.shared.limits.stall_time);
        }
    }

    /// A request has come; the time of its head.
    pub(crate) fn begin(&self) -> Millis {
        let now = self.now();
        self.watch().touch(now);
        self.is_hearing.store(false, Relaxed);
        self.is_serving.store(true, Relaxed);
        if self.has_head_deadline.load(Relaxed) {
            self.has_head_deadline.store(false, Relaxed);
            self.watch().sent();
        }
        now
    }

    pub(crate) fn is_serving(&self) -> bool {
        self.is_serving.load(Relaxed)
    }

    /// When the request began, if it is one of those that are timed.
    pub(crate) fn start_timing(&self) -> Option<Duration> {
        let number = self.untimed.load(Relaxed);
        self.untimed.store((number + 1) % TIMED_BATCHES, Relaxed);
        (number == 0).then(|| self.shared.clock.elapsed())
    }

    /// Its answer is made. `start` is when it began, if it is timed.
    pub(crate) fn end(&self, start: Option<Duration>) {
        if let Some(start) = start {
            self.meter.took(Face::Rest, self.shared.clock.elapsed().saturating_sub(start), 1);
        }
        self.is_serving.store(false, Relaxed);
        self.is_answering.store(true, Relaxed);
    }

    /// What was to be written has been handed over.
    pub(crate) fn flushed(&self) {
        self.is_answering.store(false, Relaxed);
    }

    /// Whether what is written now is no answer of ours, nor anything while a request is served.
    pub(crate) fn is_unasked(&self) -> bool {
        !self.is_serving.load(Relaxed) && !self.is_answering.load(Relaxed)
    }

    /// What has arrived is to be answered, and nothing else.
    pub(crate) fn drain(&self) {
        self.is_draining.store(true, Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.is_draining.load(Relaxed)
    }

    /// All is said; what the client still has under way is read for a moment.
    pub(crate) fn linger(&self) {
        self.is_lingering.store(true, Relaxed);
        self.watch().send_within(self.now(), Some(LINGER_TIME));
    }

    pub(crate) fn is_lingering(&self) -> bool {
        self.is_lingering.load(Relaxed)
    }
}
