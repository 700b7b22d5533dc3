//! A store for the unit tests: it fails as it is told, counts what it is asked, and hangs on a signal.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use larder_store::{
    Capabilities, Error, Expiry, Fault, Found, Freshness, Health, KeyRules, LockToken, Operation, Pending,
    Remaining, Store,
};
use parking_lot::Mutex;
use tokio::sync::watch;

pub(crate) mod fault {
    use super::{Duration, Fault};

    pub(crate) fn timeout() -> Fault {
        Fault::TimedOut(Duration::from_secs(5))
    }
}

/// A store in memory without a clock.
#[derive(Debug)]
pub(crate) struct Scripted {
    faults: Mutex<VecDeque<Fault>>,
    fault_at: Mutex<Option<(&'static str, Fault)>>,
    calls: Mutex<Vec<String>>,
    hangs: watch::Sender<bool>,
    pub(crate) entries: Mutex<HashMap<Vec<u8>, Found>>,
    pub(crate) expiries: Mutex<HashMap<Vec<u8>, Expiry>>,
    locks: Mutex<HashMap<Vec<u8>, String>>,
    pub(crate) has_locks: bool,
    pub(crate) has_no_expiry: bool,
    pub(crate) json_only: bool,
    pub(crate) ttl_max: Option<Duration>,
}

impl Default for Scripted {
    fn default() -> Self {
        Self {
            faults: Mutex::default(),
            fault_at: Mutex::default(),
            calls: Mutex::default(),
            hangs: watch::Sender::new(false),
            entries: Mutex::default(),
            expiries: Mutex::default(),
            locks: Mutex::default(),
            has_locks: false,
            has_no_expiry: false,
            json_only: false,
            ttl_max: None,
        }
    }
}

impl Scripted {
    /// Fails so often, in this order, and then no more.
    pub(crate) fn failing(faults: impl IntoIterator<Item = Fault>) -> Self {
        let store = Self::default();
        store.fail(faults);
        store
    }

    pub(crate) fn with_locks() -> Self {
        Self::with(|store| store.has_locks = true)
    }

    pub(crate) fn with(change: impl FnOnce(&mut Self)) -> Self {
        let mut store = Self::default();
        change(&mut store);
        store
    }

    pub(crate) fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        self.faults.lock().extend(faults);
    }

    /// Fails the next call of this name.
    pub(crate) fn fail_at(&self, call: &'static str, fault: Fault) {
        *self.fault_at.lock() = Some((call, fault));
    }

    /// No call is answered until [`resume`](Self::resume).
    pub(crate) fn hang(&self) {
        self.hangs.send_replace(true);
    }

    pub(crate) fn resume(&self) {
        self.hangs.send_replace(false);
    }

    /// The names of the calls so far.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.calls.lock().clone()
    }

    pub(crate) fn forget_calls(&self) {
        self.calls.lock().clear();
    }

    /// Puts an entry there as if another process had.
    pub(crate) fn plant(&self, key: &str, bytes: impl Into<Bytes>, freshness: Freshness) {
        self.entries.lock().insert(key.into(), Found { bytes: bytes.into(), freshness });
    }

    /// Takes or releases the lock of a key as if another process did.
    pub(crate) fn hold_lock(&self, key: &str, is_held: bool) {
        if is_held {
            self.locks.lock().insert(key.into(), "another".into());
        } else {
            self.locks.lock().remove(key.as_bytes());
        }
    }

    fn answer<'a, T: Send + 'a>(
        &'a self,
        operation: Operation,
        answer: impl FnOnce() -> T + Send + 'a,
    ) -> Pending<'a, T> {
        Box::pin(async move {
            self.calls.lock().push(operation.to_string());
            let mut hangs = self.hangs.subscribe();
            let _ = hangs.wait_for(|hangs| !hangs).await;
            let named = self.fault_at.lock().take_if(|(call, _)| *call == operation.to_string());
            let fault = named.map(|(_, fault)| fault).or_else(|| self.faults.lock().pop_front());
            match fault {
                Some(fault) => Err(Error::new("scripted", operation, fault)),
                None => Ok(answer()),
            }
        })
    }
}

impl Store for Scripted {
    fn name(&self) -> &str {
        "scripted"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            locks: self.has_locks,
            shared: self.has_locks,
            expiry: !self.has_no_expiry,
            json_only: self.json_only,
            ttl_max: self.ttl_max,
            ..Capabilities::plain(KeyRules { bytes_max: 250, ..KeyRules::ANY })
        }
    }

    fn get<'a>(&'a self, key: &'a [u8]) -> Pending<'a, Option<Found>> {
        self.answer(Operation::Get, || self.entries.lock().get(key).cloned())
    }

    fn set<'a>(&'a self, key: &'a [u8], value: Bytes, expiry: Expiry) -> Pending<'a, ()> {
        self.answer(Operation::Set, move || {
            self.entries.lock().insert(key.into(), Found::fresh(value));
            self.expiries.lock().insert(key.into(), expiry);
        })
    }

    fn delete<'a>(&'a self, key: &'a [u8]) -> Pending<'a, bool> {
        self.answer(Operation::Delete, || self.entries.lock().remove(key).is_some())
    }

    fn exists<'a>(&'a self, key: &'a [u8]) -> Pending<'a, bool> {
        self.answer(Operation::Exists, || self.entries.lock().contains_key(key))
    }

    fn remaining<'a>(&'a self, key: &'a [u8]) -> Pending<'a, Option<Remaining>> {
        self.answer(Operation::Remaining, || self.entries.lock().get(key).map(|_| Remaining::Forever))
    }

    fn set_ttl<'a>(&'a self, key: &'a [u8], _ttl: Option<Duration>) -> Pending<'a, bool> {
        self.answer(Operation::SetTtl, || self.entries.lock().contains_key(key))
    }

    fn lock<'a>(&'a self, key: &'a [u8], _hold: Duration) -> Pending<'a, Option<LockToken>> {
        self.answer(Operation::Lock, || {
            let mut locks = self.locks.lock();
            if locks.contains_key(key) {
                return None;
            }
            locks.insert(key.into(), "ours".into());
            Some(LockToken::new("ours"))
        })
    }

    fn unlock<'a>(&'a self, key: &'a [u8], token: &'a LockToken) -> Pending<'a, bool> {
        self.answer(Operation::Unlock, || {
            let mut locks = self.locks.lock();
            let is_ours = locks.get(key).is_some_and(|held| held == token.as_str());
            is_ours && locks.remove(key).is_some()
        })
    }

    fn health(&self) -> Pending<'_, Health> {
        Box::pin(std::future::ready(Ok(Health::default())))
    }
}
