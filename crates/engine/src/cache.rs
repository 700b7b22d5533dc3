//! The cache: shards under one budget, and the calls on them.

mod watching;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use parking_lot::{Mutex, MutexGuard};

use crate::auto::Auto;
use crate::budget::Budget;
use crate::counters::Counters;
use crate::entry::{Entry, Kind, Value};
use crate::error::Error;
use crate::hash::{Key, KeyHash, KeyHasher};
use crate::job::{Job, Work};
use crate::limits::{CELL_BYTES_MAX, JOB_STEP_ENTRIES, KEY_BYTES_MAX};
use crate::options::{Capacity, Options};
use crate::policy::name::{PolicyChoice, PolicyName};
use crate::room::Kept;
use crate::shard::{Shard, Sight, Turn};
use crate::status::Status;
use crate::store::{Garbage, Incoming, Unit, charge};
use crate::time::{Expiry, Lifetime, Millis, Remaining, Renewed, Timing, Ttl};

/// A shard and its lock on cache lines of their own.
#[repr(align(128))]
pub(crate) struct Guarded(pub(crate) Mutex<Shard>);

/// What was asked for and what is in force.
struct Control {
    is_auto: bool,
    /// Decisions are made and told, but not carried out unless `is_auto`.
    advises: bool,
    policy: PolicyName,
    /// Where putting in force what was decided goes on.
    spread: Option<watching::Spread>,
}

/// A cache that any number of threads may use at once.
pub struct Cache {
    pub(crate) shards: Box<[Guarded]>,
    pub(crate) budget: Budget,
    capacity: Capacity,
    hasher: KeyHasher,
    policies: Vec<PolicyName>,
    control: Mutex<Control>,
    auto: Auto,
    /// A decision is being put in force.
    is_spreading: AtomicBool,
    /// Where housekeeping, and the search for a shard that can shed, go on.
    pub(crate) rounds: AtomicUsize,
    /// What large sets under way have gathered.
    pub(crate) kept: Kept,
}

impl Cache {
    /// An empty cache.
    ///
    /// # Errors
    /// A capacity of zero, no policies, one twice, a policy to begin with that is not among them, a number of shards that is
    /// no power of two from 1 to 1,024.
    pub fn new(options: Options) -> Result<Cache, Error> {
        options.check()?;
        let count = options.shard_count()?;
        let (hasher, policy) = (KeyHasher::new(options.seed), options.first_policy());
        let share = options.capacity.amount() / count as u64;
        let shard =
            || Guarded(Mutex::new(Shard::new(hasher.clone(), options.capacity.unit(), policy, share)));
        let is_auto = options.policy == PolicyChoice::Auto;
        let cache = Cache {
            shards: (0..count).map(|_| shard()).collect(),
            budget: Budget::new(options.capacity.amount()),
            capacity: options.capacity,
            policies: options.policies,
            control: Mutex::new(Control { is_auto, advises: false, policy, spread: None }),
            auto: Auto::default(),
            is_spreading: AtomicBool::new(false),
            rounds: AtomicUsize::new(0),
            kept: Kept::default(),
            hasher,
        };
        cache.change_watch(&cache.control.lock());
        Ok(cache)
    }

    /// A key, hashed for this cache.
    #[inline]
    pub fn key<'k>(&self, bytes: &'k [u8]) -> Key<'k> {
        self.hasher.key(bytes)
    }

    /// Brings what calls with these keys will touch into the processor's caches: worth it for a batch, never needed.
    /// Some thirty at a time: more would push each other out of the nearest cache.
    pub fn prefetch(&self, keys: impl Iterator<Item = KeyHash> + Clone) {
        let shard = |hash| self.shards[self.shard_of(hash)].0.lock();
        for KeyHash(hash) in keys.clone() {
            shard(hash).prefetch_line(hash);
        }
        for KeyHash(hash) in keys.clone() {
            shard(hash).prefetch_slot(hash);
        }
        for KeyHash(hash) in keys {
            shard(hash).prefetch_entry(hash);
        }
    }

    /// Shows the entry of a key to `read`, under the shard's lock: copy out and leave. It counts as a get and as a use.
    #[inline]
    pub fn get<R>(&self, key: Key<'_>, now: Millis, read: impl FnOnce(Entry<'_>) -> R) -> Option<R> {
        self.get_in(Sight::Fresh, key, now, read)
    }

    /// As [`get`](Cache::get), but a stale entry is found too. It is for those who tell their clients that it is stale: to all
    /// other calls that look for an entry it is not there.
    pub fn get_stale<R>(&self, key: Key<'_>, now: Millis, read: impl FnOnce(Entry<'_>) -> R) -> Option<R> {
        self.get_in(Sight::Stale, key, now, read)
    }

    #[inline]
    fn get_in<R>(
        &self,
        sight: Sight,
        key: Key<'_>,
        now: Millis,
        read: impl FnOnce(Entry<'_>) -> R,
    ) -> Option<R> {
        let mut turn = self.turn(now);
        let mut shard = self.shard(key);
        let found = shard.get(key, sight, &mut turn, read);
        if self.auto.samples(key) {
            let known = if found.is_some() { shard.known(key) } else { None };
            drop(shard);
            self.watch_get(key, known, now);
        }
        found
    }

    /// As [`get`](Cache::get), but neither counted nor a use.
    pub fn peek<R>(&self, key: Key<'_>, now: Millis, read: impl FnOnce(Entry<'_>) -> R) -> Option<R> {
        let mut turn = self.turn(now);
        self.shard(key).peek(key, Sight::Fresh, &mut turn, read)
    }

    /// As [`get_stale`](Cache::get_stale), but neither counted nor a use.
    pub fn peek_stale<R>(&self, key: Key<'_>, now: Millis, read: impl FnOnce(Entry<'_>) -> R) -> Option<R> {
        let mut turn = self.turn(now);
        self.shard(key).peek(key, Sight::Stale, &mut turn, read)
    }

    /// Whether there is an entry; neither counted nor a use.
    pub fn has(&self, key: Key<'_>, now: Millis) -> bool {
        self.peek(key, now, |_| ()).is_some()
    }

    /// Length of the value in bytes; neither counted nor a use.
    pub fn size(&self, key: Key<'_>, now: Millis) -> Option<u64> {
        self.peek(key, now, |entry| entry.value.len() as u64)
    }

    /// Stores a value. An entry that was there gives way, its expiry included, and this counts as a use of it. It evicts as much
    /// as it takes: for a value that may displace thousands of small ones, [`start_set`](Cache::start_set) does so in steps.
    ///
    /// # Errors
    /// [`Error::KeyTooLong`], [`Error::ValueTooLarge`]; what was stored under the key before is then still there.
    pub fn set(
        &self,
        key: Key<'_>,
        value: Value<'_>,
        kind: Kind,
        ttl: Option<Ttl>,
        now: Millis,
    ) -> Result<(), Error> {
        self.set_for(key, value, kind, ttl.map(Lifetime::from), now)
    }

    /// As [`set`](Cache::set), with a lifetime that may have a stale window.
    ///
    /// # Errors
    /// As there.
    pub fn set_for(
        &self,
        key: Key<'_>,
        value: Value<'_>,
        kind: Kind,
        life: Option<Lifetime>,
        now: Millis,
    ) -> Result<(), Error> {
        let expiry = life.map(|life| Expiry::of(life, now));
        self.check_set(key, value.as_slice().len() as u64, Expiry::timing(expiry))?;
        // What will not be copied into a cell is brought into its final form before the shard is locked.
        let value =
            if value.as_slice().len() > CELL_BYTES_MAX { Value::Shared(value.to_bytes()) } else { value };
        let incoming = Incoming { key: key.bytes(), value: &value, kind, expiry };
        self.with_room(key, now, |shard, turn| shard.set(key, &incoming, turn))?;
        self.watch_stored(key, value.as_slice().len(), expiry, now);
        Ok(())
    }

    /// Removes an entry; false if there was none.
    pub fn delete(&self, key: Key<'_>, now: Millis) -> bool {
        let mut turn = self.turn(now);
        let deleted = self.shard(key).delete(key, &mut turn);
        if self.auto.samples(key) {
            self.watch_delete(key, now);
        }
        deleted
    }

    /// Sets when an entry expires, counted from now, or with `None` that it does not; false if there is no entry, or if it had to go
    /// because there is no room for its deadline. Not a use. A stale window that it had is gone.
    pub fn set_ttl(&self, key: Key<'_>, ttl: Option<Ttl>, now: Millis) -> bool {
        let expiry = ttl.map(|ttl| Expiry::of(ttl.into(), now));
        // The capacity may have become too small for the entry and its deadline: then it goes like any other.
        let set =
            self.with_room(key, now, |shard, turn| shard.set_expiry(key, expiry, turn)).unwrap_or(false);
        if self.auto.samples(key) {
            self.watch_expiry(key, now);
        }
        set
    }

    /// Lets an entry be fresh for `ttl` from now on; the stale window behind that keeps its length. A stale entry does not become
    /// fresh again, and nothing changes if `ttl` and stale window together are more than `longest`. Not a use.
    pub fn renew(&self, key: Key<'_>, ttl: Ttl, longest: Ttl, now: Millis) -> Renewed {
        let renewed = self
            .with_room(key, now, |shard, turn| shard.renew(key, ttl, longest, turn))
            .unwrap_or(Renewed::Missing);
        if self.auto.samples(key) {
            self.watch_expiry(key, now);
        }
        renewed
    }

    /// Takes the lease of a key for `ttl`, as its holder `token`, which the caller makes so that nobody guesses it; false if it is
    /// held, whoever the holder is. A lease says nothing about entries: there need be none, and nothing is kept from anybody.
    ///
    /// # Errors
    /// [`Error::KeyTooLong`], [`Error::TokenTooLong`], and [`Error::TooManyLeases`] where others must end first.
    pub fn lock(&self, key: Key<'_>, token: &[u8], ttl: Ttl, now: Millis) -> Result<bool, Error> {
        self.shard(key).leases.take(key, token, now.after(ttl), now)
    }

    /// Ends the lease of a key; false if `token` does not hold it now.
    pub fn unlock(&self, key: Key<'_>, token: &[u8], now: Millis) -> bool {
        self.shard(key).leases.release(key, token, now)
    }

    /// Leases that are held now.
    pub fn leases(&self, now: Millis) -> u64 {
        self.shards.iter().map(|shard| shard.0.lock().leases.held(now)).sum()
    }

    /// How long an entry has left; `None` if there is none. Not a use.
    pub fn remaining(&self, key: Key<'_>, now: Millis) -> Option<Remaining> {
        let mut turn = self.turn(now);
        let expiry = self.shard(key).peek(key, Sight::Fresh, &mut turn, |entry| entry.expiry)?;
        // An entry with nothing left has not been found.
        let left = |Millis(end)| Ttl::new(end.saturating_sub(now.0)).unwrap_or(Ttl::MIN);
        Some(expiry.map_or(Remaining::Forever, |expiry| Remaining::For(left(expiry.fresh_until()))))
    }

    /// Whether an entry of these lengths can be stored at all, so that it can be refused before it is here.
    ///
    /// # Errors
    /// [`Error::KeyTooLong`], [`Error::ValueTooLarge`].
    pub fn admits(&self, key_len: usize, value_len: u64, has_ttl: bool) -> Result<(), Error> {
        self.check_fit(key_len, value_len, if has_ttl { Timing::Timed } else { Timing::Endless })
    }

    /// Counts what is refused.
    pub(crate) fn check_set(&self, key: Key<'_>, value_len: u64, timing: Timing) -> Result<(), Error> {
        let admitted = self.check_fit(key.bytes().len(), value_len, timing);
        if admitted.is_err() {
            self.shard(key).count_refused();
        }
        admitted
    }

    fn check_fit(&self, key_len: usize, value_len: u64, timing: Timing) -> Result<(), Error> {
        if key_len > KEY_BYTES_MAX {
            return Err(Error::KeyTooLong { len: key_len, max: KEY_BYTES_MAX });
        }
        let capacity = self.budget.capacity();
        let charge = self.weight(key_len, value_len, timing);
        if charge > capacity { Err(Error::ValueTooLarge { charge, capacity }) } else { Ok(()) }
    }

    /// What an entry of these lengths weighs.
    fn weight(&self, key_len: usize, value_len: u64, timing: Timing) -> u64 {
        match self.capacity.unit() {
            Unit::Entries => 1,
            Unit::Bytes => charge(key_len, value_len, timing),
        }
    }

    /// Starts to remove every entry and to count anew.
    pub fn start_wipe(&self) -> Job<'_> {
        self.watch_restart();
        Job::new(self, Work::Wipe { shard: 0 })
    }

    /// Removes every entry; [`Status::since_wipe`] counts anew.
    pub fn wipe(&self) {
        self.start_wipe().finish();
    }

    /// Starts to change the capacity, in its unit. A larger one holds at once; on the way to a smaller one entries go step by
    /// step, and what is used never grows.
    ///
    /// # Errors
    /// [`Error::ZeroCapacity`].
    pub fn start_resize(&self, max: u64) -> Result<Job<'_>, Error> {
        if max == 0 {
            return Err(Error::ZeroCapacity);
        }
        let _control = self.control.lock();
        self.budget.set_capacity(max);
        for shard in &self.shards {
            shard.0.lock().set_capacity(self.share());
        }
        self.watch_capacity(max);
        Ok(Job::new(self, Work::Resize { shard: 0 }))
    }

    /// Changes the capacity and evicts what is too much.
    ///
    /// # Errors
    /// [`Error::ZeroCapacity`].
    pub fn resize(&self, max: u64) -> Result<(), Error> {
        self.start_resize(max).map(Job::finish)
    }

    /// Puts a policy in force, for every entry and the next call; the job finishes the order among the entries that are here.
    /// `Auto` keeps the present policy until another is better.
    ///
    /// # Errors
    /// [`Error::UnconfiguredPolicy`].
    pub fn start_switch(&self, choice: PolicyChoice) -> Result<Job<'_>, Error> {
        let mut control = self.control.lock();
        if let PolicyChoice::Fixed(policy) = choice {
            if !self.policies.contains(&policy) {
                return Err(Error::UnconfiguredPolicy(policy));
            }
            control.policy = policy;
            control.spread = None;
            for shard in &self.shards {
                shard.0.lock().switch(policy, false);
            }
        }
        control.is_auto = choice == PolicyChoice::Auto;
        self.change_watch(&control);
        Ok(Job::new(self, Work::Switch { shard: 0 }))
    }

    /// Puts a policy in force.
    ///
    /// # Errors
    /// [`Error::UnconfiguredPolicy`].
    pub fn switch(&self, choice: PolicyChoice) -> Result<(), Error> {
        self.start_switch(choice).map(Job::finish)
    }

    /// A bounded step of housekeeping: expired entries go, a resize or switch under way goes on. True if there is more to do
    /// now. A server calls it some ten times a second.
    pub fn maintain(&self, now: Millis) -> bool {
        const BUSY_SHARDS_MAX: usize = 4;
        let start = self.rounds.fetch_add(1, Relaxed) % self.shards.len();
        let mut busy = usize::from(!self.shrink_step(start, JOB_STEP_ENTRIES));
        self.spread_step();
        for at in start..start + self.shards.len() {
            let mut turn = self.turn(now);
            busy +=
                usize::from(self.shards[at % self.shards.len()].0.lock().upkeep(JOB_STEP_ENTRIES, &mut turn));
            if busy == BUSY_SHARDS_MAX {
                break;
            }
        }
        busy > 0
    }

    /// What the cache tells of itself.
    pub fn status(&self) -> Status {
        let control = self.control.lock();
        let (mut since_wipe, mut totals, mut entries) = (Counters::default(), Counters::default(), 0);
        for shard in &self.shards {
            let shard = shard.0.lock();
            since_wipe += shard.counters_since_wipe();
            totals += shard.counters();
            entries += shard.entries();
        }
        Status {
            capacity: self.capacity.with_amount(self.budget.capacity()),
            used: self.budget.used(),
            entries,
            since_wipe,
            totals,
            policies: self.policies.clone(),
            policy: control.policy,
            is_auto: control.is_auto,
            shards: self.shards.len(),
        }
    }

    pub(crate) fn shard_count(&self) -> usize {
        self.shards.len()
    }

    pub(crate) fn wipe_shard(&self, shard: usize) {
        let remains = self.shards[shard].0.lock().wipe();
        let weight = remains.store.weight();
        // Its memory is free before its place in the budget is.
        drop(remains);
        self.budget.give(weight);
    }

    /// Evicts some entries of a shard if the cache is above its capacity; true if it is not any more.
    pub(crate) fn shrink_step(&self, shard: usize, entries: usize) -> bool {
        if self.budget.shrink() {
            return true;
        }
        // A large set under way gathers anew, against the capacity that there is now.
        self.budget.give(self.kept.take(u64::MAX));
        let mut turn = self.turn(Millis::default());
        let mut shard = self.shards[shard].0.lock();
        let excess = self.budget.used().saturating_sub(self.budget.capacity());
        let over_share = shard.weight().saturating_sub(self.share()).max(1);
        let freed = shard.shed(excess.min(over_share), entries, &mut turn);
        drop(shard);
        self.budget.give(freed);
        self.budget.shrink()
    }

    /// Hands some entries of a shard to the policy in force; true if all have been.
    pub(crate) fn reseed_shard(&self, shard: usize, items: usize) -> bool {
        self.shards[shard].0.lock().reseed_step(items)
    }

    #[inline]
    pub(crate) fn shard(&self, key: Key<'_>) -> MutexGuard<'_, Shard> {
        self.shards[self.shard_of(key.hash())].0.lock()
    }

    #[inline]
    pub(crate) fn shard_of(&self, hash: u64) -> usize {
        (hash >> 48) as usize & (self.shards.len() - 1)
    }

    /// A shard's even share of the capacity.
    pub(crate) fn share(&self) -> u64 {
        self.budget.capacity() / self.shards.len() as u64
    }

    #[inline]
    pub(crate) fn turn(&self, now: Millis) -> Turn<'_> {
        let alone = self.shards.len() == 1;
        let (credit, origin, is_noted) = (0, None, false);
        Turn { budget: &self.budget, now, alone, credit, origin, is_noted, garbage: Garbage::default() }
    }
}
