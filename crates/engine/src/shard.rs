//! One shard: entries, the table that finds them, the policy that lets them go. Everything here runs under the shard's
//! lock, takes time and memory from outside, and does a bounded amount of work.

use crate::budget::Budget;
use crate::counters::Counters;
use crate::entry::Entry;
use crate::hash::{Key, KeyHasher, fingerprint};
use crate::lease::Leases;
use crate::limits::{JOB_STEP_ENTRIES, STALE_TURNOVERS, STEP_ENTRIES, SWITCH_ITEMS};
use crate::policy::name::PolicyName;
use crate::policy::reseed::{Reseed, waits};
use crate::policy::{Arrival, InForce, Origin, Policy};
use crate::slots::EPOCHS;
use crate::store::{Garbage, Incoming, Store, Unit};
use crate::table::Table;
use crate::time::{Expiry, Lifetime, Millis, Renewed, Ttl};

/// What an operation brings to the shard, and what it takes away.
pub(crate) struct Turn<'t> {
    pub(crate) budget: &'t Budget,
    pub(crate) now: Millis,
    /// There is no other shard to take room from.
    pub(crate) alone: bool,
    /// What the operation has taken from the budget and not used yet. An operation that is tried again keeps it.
    pub(crate) credit: u64,
    /// Where the key of a newcomer was seen before, once the policy has been asked.
    pub(crate) origin: Option<Origin>,
    /// The use of the entry has been noted.
    pub(crate) is_noted: bool,
    /// Dropped when the lock is released.
    pub(crate) garbage: Garbage,
}

/// Which entries a call sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// Those that are fresh.
    Fresh,
    /// Those that are stale as well.
    Stale,
}

/// There is no room yet: the operation has to be tried again, and keeps what it has got so far.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Starved {
    /// The shard has evicted as much as one turn may.
    Again,
    /// The shard has nothing left to evict, or far less than its share: room must come from another one.
    Elsewhere {
        /// The weight of what is to be stored.
        need: u64,
    },
}

/// What is left over of a wiped shard, to be dropped outside the lock.
pub(crate) struct Remains {
    pub(crate) store: Store,
    _table: Table,
    _policy: InForce,
}

/// In the order in which a lookup needs it, so that it touches few cache lines: with two threads, each is a line to be fetched
/// from the other's core.
#[repr(C)]
pub(crate) struct Shard {
    /// Counts insertions and uses; wraps.
    tick: u32,
    /// Entries of other epochs wait to be handed to the policy.
    epoch: u32,
    reseed: Option<Box<Reseed>>,
    policy: InForce,
    table: Table,
    counters: Counters,
    store: Store,
    name: PolicyName,
    /// The shard's even share of the cache's capacity.
    capacity: u64,
    /// Switches since the last one that was finished.
    unfinished: u32,
    /// The counters at the last wipe.
    baseline: Counters,
    pub(crate) leases: Leases,
}

/// Switches that may be under way at once: one for each epoch but the present one and the next.
const UNFINISHED_MAX: u32 = EPOCHS - 2;

impl Shard {
    pub(crate) fn new(hasher: KeyHasher, unit: Unit, name: PolicyName, capacity: u64) -> Shard {
        Shard {
            leases: Leases::new(hasher.clone()),
            store: Store::new(hasher, unit),
            table: Table::default(),
            name,
            policy: InForce::new(name, capacity),
            capacity,
            epoch: 0,
            reseed: None,
            unfinished: 0,
            tick: 0,
            counters: Counters::default(),
            baseline: Counters::default(),
        }
    }

    #[inline]
    pub(crate) fn get<R>(
        &mut self,
        key: Key<'_>,
        sight: Sight,
        turn: &mut Turn<'_>,
        read: impl FnOnce(Entry<'_>) -> R,
    ) -> Option<R> {
        let Some((id, expiry)) = self.find(key, sight, turn) else {
            self.counters.misses += 1;
            return None;
        };
        self.counters.hits += 1;
        self.note_use(id);
        Some(read(self.store.entry(id, expiry)))
    }

    pub(crate) fn peek<R>(
        &mut self,
        key: Key<'_>,
        sight: Sight,
        turn: &mut Turn<'_>,
        read: impl FnOnce(Entry<'_>) -> R,
    ) -> Option<R> {
        let (id, expiry) = self.find(key, sight, turn)?;
        Some(read(self.store.entry(id, expiry)))
    }

    /// What the entry of a key weighs and when it ends.
    pub(crate) fn known(&self, key: Key<'_>) -> Option<(u64, Option<Expiry>)> {
        let store = &self.store;
        let id = self.table.find(key.hash(), |id| store.key(id) == key.bytes())?;
        Some((store.weight_of(id), store.expiry(id)))
    }

    pub(crate) fn set(
        &mut self,
        key: Key<'_>,
        incoming: &Incoming<'_>,
        turn: &mut Turn<'_>,
    ) -> Result<(), Starved> {
        self.upkeep(STEP_ENTRIES, turn);
        self.keep_addressable(turn);
        let replaced = match self.find(key, Sight::Stale, turn) {
            Some((id, _)) => self.replace(id, incoming, turn)?,
            None => false,
        };
        if !replaced {
            self.insert(key, incoming, turn)?;
        }
        self.counters.sets += 1;
        Ok(())
    }

    pub(crate) fn delete(&mut self, key: Key<'_>, turn: &mut Turn<'_>) -> bool {
        self.upkeep(STEP_ENTRIES, turn);
        let found = self.find(key, Sight::Stale, turn);
        if let Some((id, _)) = found {
            self.remove(id, turn);
            self.counters.deleted += 1;
        }
        found.is_some()
    }

    /// Sets or clears the expiry of a fresh entry; false if there is none, or it had to go to make room for what that takes.
    pub(crate) fn set_expiry(
        &mut self,
        key: Key<'_>,
        expiry: Option<Expiry>,
        turn: &mut Turn<'_>,
    ) -> Result<bool, Starved> {
        self.keep_addressable(turn);
        let Some((id, _)) = self.find(key, Sight::Fresh, turn) else { return Ok(false) };
        self.rewrite_expiry(id, key, expiry, turn)
    }

    /// Lets a fresh entry live for `ttl` from now, and keeps its stale window.
    pub(crate) fn renew(
        &mut self,
        key: Key<'_>,
        ttl: Ttl,
        longest: Ttl,
        turn: &mut Turn<'_>,
    ) -> Result<Renewed, Starved> {
        self.keep_addressable(turn);
        let Some((id, expiry)) = self.find(key, Sight::Stale, turn) else { return Ok(Renewed::Missing) };
        let stale_ms = expiry.map_or(0, |expiry| expiry.stale_ms);
        if expiry.is_some_and(|expiry| expiry.fresh_until() <= turn.now) {
            return Ok(Renewed::Stale);
        }
        if ttl.get().saturating_add(stale_ms.into()) > longest.get() {
            return Ok(Renewed::TooLong { stale_ms });
        }
        let life = Lifetime { ttl, stale_ms };
        let is_there = self.rewrite_expiry(id, key, Some(Expiry::of(life, turn.now)), turn)?;
        Ok(if is_there { Renewed::Done } else { Renewed::Missing })
    }

    /// False if the entry itself had to go to make room for what its expiry takes.
    fn rewrite_expiry(
        &mut self,
        id: u32,
        key: Key<'_>,
        expiry: Option<Expiry>,
        turn: &mut Turn<'_>,
    ) -> Result<bool, Starved> {
        let (before, value_len) = (self.store.weight_of(id), self.store.entry(id, None).value.len());
        let after = self.store.weight_for(key.bytes().len(), value_len as u64, Expiry::timing(expiry));
        // The clock for a node is charged too; the entry itself may be what makes room for it.
        let is_there = self.secure(after.saturating_sub(before), Some(id), Arrival::NONE, turn)?;
        if is_there {
            self.store.set_expiry(id, expiry, &mut turn.garbage);
            self.reweighed(id, before, turn);
        }
        Ok(is_there)
    }

    /// Evicts entries until `weight` is free or nothing is left, `entries` at most; what was freed, which is still taken from
    /// the budget.
    pub(crate) fn shed(&mut self, weight: u64, entries: usize, turn: &mut Turn<'_>) -> u64 {
        let mut freed = 0;
        for _ in 0..entries {
            if freed >= weight {
                break;
            }
            let Some(evicted) = self.evict(Arrival::NONE, turn) else { break };
            freed += evicted;
        }
        freed
    }

    /// A bounded step of what needs doing on the side; true while there is more.
    pub(crate) fn upkeep(&mut self, entries: usize, turn: &mut Turn<'_>) -> bool {
        let mut budget = entries;
        while let Some(id) = self.store.wheel.due(turn.now, &mut budget) {
            self.store.forget_timer(id);
            self.remove(id, turn);
            self.counters.expired += 1;
        }
        let leases = self.leases.expire(entries, turn.now);
        let reseeded = self.reseed_step(entries);
        let table = &self.table;
        let find = |store: &Store, key: &[u8]| {
            let hash = store.hash(key);
            table.find(hash, |id| store.key(id) == key)
        };
        let moving = self.store.compact(entries / 4, find);
        budget == 0 || leases || !reseeded || moving
    }

    /// Puts another policy in force. Entries are handed to it in steps. Where `sheds_stale`, a policy that would never evict
    /// what is old is not given what has not been used for some turnovers of the shard: that goes first.
    pub(crate) fn switch(&mut self, name: PolicyName, sheds_stale: bool) {
        if name == self.name {
            return;
        }
        if self.unfinished == UNFINISHED_MAX {
            if let Some(reseed) = &mut self.reseed {
                reseed.forgive_stale();
            }
            while !self.reseed_step(SWITCH_ITEMS) {}
        }
        self.name = name;
        self.policy = InForce::new(name, self.capacity);
        self.epoch = (self.epoch + 1) % EPOCHS;
        if self.store.slots.live() > 0 {
            let sheds_stale = sheds_stale && self.policy.young_go_first();
            let stale_after = STALE_TURNOVERS.saturating_mul(self.store.slots.live());
            let stale_after = sheds_stale.then_some(stale_after);
            let reseed = Reseed::new(&self.store, self.policy.order(), self.tick, stale_after);
            self.reseed = Some(Box::new(reseed));
            self.unfinished += 1;
        }
    }

    /// Hands entries to the policy in force: goes through so many slots or items.
    pub(crate) fn reseed_step(&mut self, items: usize) -> bool {
        let Some(reseed) = &mut self.reseed else { return true };
        let done = reseed.step(&mut self.store, &mut self.policy, self.epoch, items);
        if reseed.is_over() {
            self.reseed = None;
            self.unfinished = 0;
        }
        done
    }

    /// Takes everything out.
    pub(crate) fn wipe(&mut self) -> Remains {
        self.counters.wiped += u64::from(self.store.slots.live());
        self.baseline = self.counters;
        self.reseed = None;
        self.unfinished = 0;
        let policy = InForce::new(self.name, self.capacity);
        Remains {
            store: self.store.take(),
            _table: std::mem::take(&mut self.table),
            _policy: std::mem::replace(&mut self.policy, policy),
        }
    }

    pub(crate) fn set_capacity(&mut self, capacity: u64) {
        self.capacity = capacity;
        self.policy.set_capacity(capacity);
    }

    pub(crate) fn count_refused(&mut self) {
        self.counters.refused += 1;
    }

    pub(crate) fn entries(&self) -> u64 {
        self.store.slots.live().into()
    }

    pub(crate) fn weight(&self) -> u64 {
        self.store.weight()
    }

    pub(crate) fn counters(&self) -> Counters {
        self.counters
    }

    pub(crate) fn counters_since_wipe(&self) -> Counters {
        self.counters - self.baseline
    }

    #[inline]
    pub(crate) fn prefetch_line(&self, hash: u64) {
        self.table.prefetch(hash);
    }

    #[inline]
    pub(crate) fn prefetch_slot(&self, hash: u64) {
        if let Some(id) = self.table.candidate(hash) {
            self.store.slots.prefetch(id);
        }
    }

    #[inline]
    pub(crate) fn prefetch_entry(&self, hash: u64) {
        if let Some(id) = self.table.candidate(hash) {
            self.store.prefetch_entry(id);
        }
    }

    /// The entry of a key, if it is in sight; one that has expired is removed.
    #[inline]
    fn find(&mut self, key: Key<'_>, sight: Sight, turn: &mut Turn<'_>) -> Option<(u32, Option<Expiry>)> {
        let store = &self.store;
        let id = self.table.find(key.hash(), |id| store.key(id) == key.bytes())?;
        let expiry = self.store.expiry(id);
        match expiry {
            Some(expiry) if expiry.evict_at <= turn.now => {
                self.expire(id, turn);
                None
            }
            Some(expiry) if sight == Sight::Fresh && expiry.fresh_until() <= turn.now => None,
            _ => Some((id, expiry)),
        }
    }

    #[cold]
    fn expire(&mut self, id: u32, turn: &mut Turn<'_>) {
        self.remove(id, turn);
        self.counters.expired += 1;
    }

    #[inline]
    fn note_use(&mut self, id: u32) {
        match &mut self.reseed {
            Some(reseed) if waits(&self.store, id, self.epoch) => {
                if self.policy.hit_waiting(&mut self.store, id) {
                    self.store.slots.set_epoch(id, self.epoch);
                    reseed.leave();
                }
            }
            _ => self.policy.hit(&mut self.store, id),
        }
        self.store.touch(id, self.tick);
        self.tick = self.tick.wrapping_add(1);
    }

    /// Gives an entry another value; false if the entry itself had to go to make room.
    fn replace(&mut self, id: u32, incoming: &Incoming<'_>, turn: &mut Turn<'_>) -> Result<bool, Starved> {
        if !std::mem::replace(&mut turn.is_noted, true) {
            self.note_use(id);
        }
        let before = self.store.weight_of(id);
        let after = self.weight_for(incoming);
        if !self.secure(after.saturating_sub(before), Some(id), Arrival::NONE, turn)? {
            return Ok(false);
        }
        self.store.replace(id, incoming, &mut turn.garbage);
        self.reweighed(id, before, turn);
        self.counters.replaced += 1;
        Ok(true)
    }

    fn insert(&mut self, key: Key<'_>, incoming: &Incoming<'_>, turn: &mut Turn<'_>) -> Result<(), Starved> {
        let weight = self.weight_for(incoming);
        self.check_share(weight, turn)?;
        let policy = &mut self.policy;
        let origin = *turn.origin.get_or_insert_with(|| policy.miss(fingerprint(key.hash()), weight));
        self.secure(weight, None, Arrival { origin, weight }, turn)?;
        self.admit(key, incoming, origin);
        Ok(())
    }

    /// Evicts where nothing more could be numbered or addressed, whatever the budget says.
    fn keep_addressable(&mut self, turn: &mut Turn<'_>) {
        while self.store.is_full() {
            let freed = self.evict(Arrival::NONE, turn).unwrap_or(0);
            turn.budget.give(freed);
        }
    }

    fn admit(&mut self, key: Key<'_>, incoming: &Incoming<'_>, origin: Origin) {
        let id = self.store.insert(incoming, self.tick);
        self.tick = self.tick.wrapping_add(1);
        self.store.slots.set_epoch(id, self.epoch);
        let store = &self.store;
        self.table.insert(key.hash(), id, |id| store.hash_of(id));
        self.policy.admit(&mut self.store, id, origin);
    }

    fn weight_for(&self, incoming: &Incoming<'_>) -> u64 {
        let value_len = incoming.value.as_slice().len() as u64;
        self.store.weight_for(incoming.key.len(), value_len, Expiry::timing(incoming.expiry))
    }

    /// After an entry was rewritten for which room had been secured.
    fn reweighed(&mut self, id: u32, before: u64, turn: &mut Turn<'_>) {
        let after = self.store.weight_of(id);
        if !waits(&self.store, id, self.epoch) {
            self.policy.reweigh(&self.store, id, before);
        }
        turn.budget.give(before.saturating_sub(after));
    }

    /// A shard with far less than its share does not pay for what the others hold.
    fn check_share(&self, need: u64, turn: &Turn<'_>) -> Result<(), Starved> {
        let poor = !turn.alone && self.store.weight() + need < self.capacity / 8 * 7;
        let missing = need.saturating_sub(turn.credit);
        if poor && !turn.budget.has(missing) { Err(Starved::Elsewhere { need }) } else { Ok(()) }
    }

    /// Takes `need` from the budget, evicting as long as that is not possible. False if `keep` was among the victims; then
    /// what was freed is kept as credit.
    fn secure(
        &mut self,
        need: u64,
        keep: Option<u32>,
        arrival: Arrival,
        turn: &mut Turn<'_>,
    ) -> Result<bool, Starved> {
        for evictions in 0.. {
            if turn.credit < need && turn.budget.try_take(need - turn.credit) {
                turn.credit = need;
            }
            if turn.credit >= need {
                turn.credit -= need;
                return Ok(true);
            }
            if evictions == JOB_STEP_ENTRIES {
                break;
            }
            let Some(evicted) = self.evict(arrival, turn) else { return Err(Starved::Elsewhere { need }) };
            turn.credit += evicted;
            if keep.is_some_and(|keep| !self.store.slots.is_live(keep)) {
                return Ok(false);
            }
        }
        Err(Starved::Again)
    }

    /// Lets the entry go that the policy names; what it weighed, which is still taken from the budget.
    fn evict(&mut self, arrival: Arrival, turn: &mut Turn<'_>) -> Option<u64> {
        let waiting = self.waiting_victim(Reseed::evict);
        let chosen = waiting.or_else(|| self.policy.evict(&mut self.store, arrival));
        let any = |reseed: &mut Reseed, store: &Store, _: &InForce, epoch| reseed.evict_any(store, epoch);
        let id = chosen.or_else(|| self.waiting_victim(any))?;
        self.counters.evicted += 1;
        let weight = self.discard(id, turn);
        // The next one to go was not touched for long: by the time its turn comes, it is here.
        if let Some(next) = self.policy.next_victim() {
            self.store.prefetch_entry(next);
        }
        Some(weight)
    }

    fn waiting_victim(
        &mut self,
        evict: impl FnOnce(&mut Reseed, &Store, &InForce, u32) -> Option<u32>,
    ) -> Option<u32> {
        evict(self.reseed.as_deref_mut()?, &self.store, &self.policy, self.epoch)
    }

    fn remove(&mut self, id: u32, turn: &mut Turn<'_>) {
        match &mut self.reseed {
            Some(reseed) if waits(&self.store, id, self.epoch) => reseed.leave(),
            _ => self.policy.remove(&mut self.store, id),
        }
        let weight = self.discard(id, turn);
        turn.budget.give(weight);
    }

    /// Takes an entry that the policy has let go out of table and memory.
    fn discard(&mut self, id: u32, turn: &mut Turn<'_>) -> u64 {
        let weight = self.store.weight_of(id);
        let store = &self.store;
        let removed = self.table.remove(store.hash_of(id), id, |id| store.hash_of(id));
        debug_assert!(removed, "every entry is in the table");
        self.store.remove(id, &mut turn.garbage);
        weight
    }
}
