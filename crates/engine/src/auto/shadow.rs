//! A shadow: a cache of the sampled keys that has their weights and no values. It runs a policy of the engine, the same code,
//! over slots of its own, so what it hits and misses is what a cache under that policy would, scaled to the sample.

use crate::hash::fingerprint;
use crate::limits::STALE_TURNOVERS;
use crate::pages::Cell;
use crate::policy::name::PolicyName;
use crate::policy::{Arrival, InForce, Order, Policy, Residents};
use crate::slots::Slots;
use crate::table::Table;

/// Entries that a shadow evicts at most in one call.
const EVICTIONS_MAX: usize = 64;

/// A deadline that never comes.
pub(super) const NEVER: u32 = u32::MAX;

/// What is known of a sampled entry: its print, what it weighs, when it expires in ticks of the sample's clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) print: u32,
    pub(super) weight: u32,
    pub(super) deadline: u32,
}

/// A request for a sampled key, at a tick of the sample's clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub(super) tick: u32,
    pub(super) what: What,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    /// `found` is the entry, where the cache had it; what a shadow misses it is filled with.
    Get {
        print: u32,
        found: Option<Sample>,
    },
    /// It is a use of an entry that is there, unless it follows a get that was counted already.
    Set {
        sample: Sample,
        is_use: bool,
    },
    Delete {
        print: u32,
    },
    /// An entry that is there ends at another time.
    Expiry {
        print: u32,
        deadline: u32,
    },
}

/// An entry of a shadow as it is handed to another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resident {
    sample: Sample,
    frequency: u16,
    /// Since it came in and since it was last used, in the shadow's ticks.
    age: u32,
    idle: u32,
}

impl Resident {
    /// Sorts the worthiest first, so that a policy is seeded from young to old.
    fn place(&self, order: Order) -> (u16, u32) {
        match order {
            Order::Inserted => (0, self.age),
            Order::Used => (0, self.idle),
            Order::Frequency => (u16::MAX - self.frequency.min(0xff), self.idle),
        }
    }
}

#[derive(Clone, Copy)]
struct Note {
    sample: Sample,
    frequency: u16,
}

#[derive(Clone, Copy, Default)]
struct Past {
    inserted: u32,
    used: u32,
}

/// The entries of a shadow, for its policy to order.
#[derive(Default)]
struct Roll {
    slots: Slots,
    notes: Vec<Note>,
    /// Kept by shadows whose entries are handed on; empty in others.
    pasts: Vec<Past>,
    keeps_past: bool,
}

impl Residents for Roll {
    #[inline]
    fn slots(&self) -> &Slots {
        &self.slots
    }

    #[inline]
    fn slots_mut(&mut self) -> &mut Slots {
        &mut self.slots
    }

    #[inline]
    fn weight_of(&self, id: u32) -> u64 {
        self.notes[id as usize].sample.weight.into()
    }

    fn hash_of(&self, id: u32) -> u64 {
        hash(self.notes[id as usize].sample.print)
    }

    #[inline]
    fn frequency(&self, id: u32) -> u16 {
        self.notes[id as usize].frequency
    }
}

/// A hash of a print whose fingerprint is the print, with bits for the table around it.
#[inline]
fn hash(print: u32) -> u64 {
    let spread = print.wrapping_mul(0x9e37_79b1);
    u64::from(spread >> 8) << 40 | u64::from(print) << 8 | u64::from(spread & 0xff)
}

pub(super) struct Shadow {
    name: PolicyName,
    policy: InForce,
    roll: Roll,
    table: Table,
    capacity: u64,
    weight: u64,
    tick: u32,
    has_evicted: bool,
    has_deadlines: bool,
    /// Where the search for expired entries goes on.
    sweep: u32,
}

impl Shadow {
    /// An empty shadow. Only one that `keeps_past` can hand its entries on in order.
    pub(super) fn new(name: PolicyName, capacity: u64, keeps_past: bool) -> Shadow {
        Shadow {
            name,
            policy: InForce::new(name, capacity),
            roll: Roll { keeps_past, ..Roll::default() },
            table: Table::default(),
            capacity,
            weight: 0,
            tick: 0,
            has_evicted: false,
            has_deadlines: false,
            sweep: 0,
        }
    }

    /// A shadow that takes over the entries of another, as a cache takes them over when its policy is switched.
    pub(super) fn of(
        name: PolicyName,
        capacity: u64,
        keeps_past: bool,
        mut residents: Vec<Resident>,
    ) -> Shadow {
        let mut shadow = Shadow::new(name, capacity, keeps_past);
        let order = shadow.policy.order();
        if shadow.policy.young_go_first() {
            let stale_after = STALE_TURNOVERS.saturating_mul(residents.len() as u32);
            residents.retain(|resident| resident.idle <= stale_after);
        }
        residents.sort_by_key(|resident| resident.place(order));
        for resident in &residents {
            if shadow.weight + u64::from(resident.sample.weight) > capacity {
                break;
            }
            shadow.seed(resident);
        }
        shadow
    }

    pub(super) fn name(&self) -> PolicyName {
        self.name
    }

    pub(super) fn entries(&self) -> u32 {
        self.roll.slots.live()
    }

    /// Whether room ever had to be made: until then all policies are alike.
    pub(super) fn has_evicted(&self) -> bool {
        self.has_evicted
    }

    /// What is here, for another shadow to take over.
    pub(super) fn residents(&self) -> Vec<Resident> {
        let live = (0..self.roll.slots.high()).filter(|&id| self.roll.slots.is_live(id));
        live.map(|id| {
            let Note { sample, frequency } = self.roll.notes[id as usize];
            let past = self.roll.pasts.get(id as usize).copied().unwrap_or_default();
            let since = |tick| self.tick.wrapping_sub(tick);
            Resident { sample, frequency, age: since(past.inserted), idle: since(past.used) }
        })
        .collect()
    }

    /// Puts another policy in force, as the cache does.
    pub(super) fn switch(&mut self, name: PolicyName) {
        if name != self.name {
            *self = self.with_policy(name);
        }
    }

    /// A shadow of the same entries under another policy.
    pub(super) fn with_policy(&self, name: PolicyName) -> Shadow {
        let shadow = Shadow::of(name, self.capacity, self.roll.keeps_past, self.residents());
        Shadow { has_evicted: self.has_evicted, ..shadow }
    }

    /// Takes up to 64 requests in turn; a bit for each get that hit. Requests come to a shadow in batches, since its memory has left
    /// the processor's caches from one to the next.
    pub(super) fn run(&mut self, requests: &[Request]) -> u64 {
        let mut hits = 0;
        for (place, request) in requests.iter().enumerate() {
            match request.what {
                What::Get { print, found } => {
                    let hit = self.get(print, request.tick);
                    hits |= u64::from(hit) << place;
                    if let (false, Some(sample)) = (hit, found) {
                        self.fill(sample);
                    }
                }
                What::Set { sample, is_use } => self.set(sample, is_use),
                What::Delete { print } => self.remove(print),
                What::Expiry { print, deadline } => self.set_deadline(print, deadline),
            }
        }
        hits
    }

    /// Uses the entry with this print; false if there is none.
    #[inline]
    fn get(&mut self, print: u32, now: u32) -> bool {
        if self.has_deadlines {
            self.expire_some(now);
        }
        let Some(id) = self.find(print) else { return false };
        if self.roll.notes[id as usize].sample.deadline <= now {
            self.discard(id);
            return false;
        }
        self.note_use(id);
        true
    }

    /// Takes in an entry that is not here.
    fn fill(&mut self, sample: Sample) {
        let weight = u64::from(sample.weight);
        if weight > self.capacity {
            return;
        }
        let origin = self.policy.miss(fingerprint(hash(sample.print)), weight);
        self.make_room(weight, Arrival { origin, weight });
        if let Some(id) = self.add(sample, 1, self.tick, self.tick) {
            self.policy.admit(&mut self.roll, id, origin);
        }
        self.tick = self.tick.wrapping_add(1);
    }

    /// Stores an entry: a use of the one that is there, unless this set follows a get that was counted already.
    fn set(&mut self, sample: Sample, is_use: bool) {
        let Some(id) = self.find(sample.print) else { return self.fill(sample) };
        if is_use {
            self.note_use(id);
        }
        let before = self.roll.weight_of(id);
        self.has_deadlines |= sample.deadline != NEVER;
        self.roll.notes[id as usize].sample = sample;
        self.weight = self.weight + u64::from(sample.weight) - before;
        self.policy.reweigh(&self.roll, id, before);
        self.make_room(0, Arrival::NONE);
    }

    /// Removes the entry with this print, if it is here.
    fn remove(&mut self, print: u32) {
        if let Some(id) = self.find(print) {
            self.discard(id);
        }
    }

    /// Changes when the entry with this print expires, if it is here.
    fn set_deadline(&mut self, print: u32, deadline: u32) {
        if let Some(id) = self.find(print) {
            self.roll.notes[id as usize].sample.deadline = deadline;
            self.has_deadlines |= deadline != NEVER;
        }
    }

    pub(super) fn set_capacity(&mut self, capacity: u64) {
        self.capacity = capacity;
        self.policy.set_capacity(capacity);
        self.make_room(0, Arrival::NONE);
    }

    #[inline]
    fn find(&self, print: u32) -> Option<u32> {
        self.table.find(hash(print), |id| self.roll.notes[id as usize].sample.print == print)
    }

    #[inline]
    fn note_use(&mut self, id: u32) {
        self.policy.hit(&mut self.roll, id);
        let note = &mut self.roll.notes[id as usize];
        note.frequency = note.frequency.saturating_add(1);
        if self.roll.keeps_past {
            self.roll.pasts[id as usize].used = self.tick;
        }
        self.tick = self.tick.wrapping_add(1);
    }

    fn seed(&mut self, resident: &Resident) {
        let Resident { sample, frequency, age, idle } = *resident;
        let at = |ago| self.tick.wrapping_sub(ago);
        if let Some(id) = self.add(sample, frequency, at(age), at(idle)) {
            self.policy.seed(&mut self.roll, id);
        }
    }

    /// A slot and a place in the table for a newcomer.
    fn add(&mut self, sample: Sample, frequency: u16, inserted: u32, used: u32) -> Option<u32> {
        let id = self.roll.slots.alloc(Cell::default())?;
        let (note, past) = (Note { sample, frequency }, Past { inserted, used });
        let place = id as usize;
        if place == self.roll.notes.len() {
            self.roll.notes.push(note);
            if self.roll.keeps_past {
                self.roll.pasts.push(past);
            }
        } else {
            self.roll.notes[place] = note;
            if self.roll.keeps_past {
                self.roll.pasts[place] = past;
            }
        }
        self.has_deadlines |= sample.deadline != NEVER;
        self.weight += u64::from(sample.weight);
        let roll = &self.roll;
        self.table.insert(hash(sample.print), id, |id| roll.hash_of(id));
        Some(id)
    }

    /// Evicts until there is room, but so many at most that a smaller capacity costs nobody much at once.
    fn make_room(&mut self, need: u64, arrival: Arrival) {
        for _ in 0..EVICTIONS_MAX {
            if self.weight + need <= self.capacity {
                return;
            }
            let Some(id) = self.policy.evict(&mut self.roll, arrival) else { return };
            self.has_evicted = true;
            self.release(id);
        }
    }

    fn discard(&mut self, id: u32) {
        self.policy.remove(&mut self.roll, id);
        self.release(id);
    }

    fn release(&mut self, id: u32) {
        self.weight -= self.roll.weight_of(id);
        let roll = &self.roll;
        self.table.remove(roll.hash_of(id), id, |id| roll.hash_of(id));
        self.roll.slots.release(id);
    }

    /// Looks at a few entries and lets go what has expired: the cache does not wait for a read either.
    fn expire_some(&mut self, now: u32) {
        for _ in 0..2 {
            self.sweep = if self.sweep + 1 < self.roll.slots.high() { self.sweep + 1 } else { 0 };
            let is_expired = |note: &Note| note.sample.deadline <= now;
            let is_here = self.sweep < self.roll.slots.high() && self.roll.slots.is_live(self.sweep);
            if is_here && is_expired(&self.roll.notes[self.sweep as usize]) {
                self.discard(self.sweep);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LASTING: fn(u32) -> Sample = |print| Sample { print, weight: 1, deadline: NEVER };

    fn access(shadow: &mut Shadow, print: u32) -> bool {
        let hit = shadow.get(print, 0);
        if !hit {
            shadow.fill(LASTING(print));
        }
        hit
    }

    #[test]
    fn a_hash_of_a_print_has_the_print_as_its_fingerprint() {
        for print in [0, 1, 0xdead_beef, u32::MAX] {
            assert_eq!(fingerprint(hash(print)), print);
        }
    }

    #[test]
    fn a_shadow_evicts_as_its_policy_says() {
        let mut shadow = Shadow::new(PolicyName::Lru, 3, true);
        for print in [1, 2, 3, 1, 4] {
            access(&mut shadow, print);
        }
        assert!(shadow.get(1, 0) && shadow.get(3, 0) && shadow.get(4, 0) && !shadow.get(2, 0));
    }

    #[test]
    fn a_switched_shadow_keeps_its_entries_and_evicts_by_the_new_policy() {
        let mut shadow = Shadow::new(PolicyName::Lru, 3, true);
        for print in [1, 2, 3, 1] {
            access(&mut shadow, print);
        }
        shadow.switch(PolicyName::Fifo);
        assert_eq!(shadow.entries(), 3);
        access(&mut shadow, 4);
        assert!(!shadow.get(1, 0), "first in");
        shadow.switch(PolicyName::Mru);
        shadow.get(3, 0);
        access(&mut shadow, 5);
        assert!(!shadow.get(3, 0), "last used");
    }

    #[test]
    fn expired_entries_are_missed_and_leave_without_a_read() {
        let mut shadow = Shadow::new(PolicyName::Lru, 10, true);
        for print in 0..5 {
            shadow.fill(Sample { deadline: 7, ..LASTING(print) });
        }
        assert!(shadow.get(0, 6));
        assert!(!shadow.get(0, 7));
        for _ in 0..5 {
            shadow.get(99, 7);
        }
        assert_eq!(shadow.entries(), 0);
    }

    #[test]
    fn weights_count_and_what_is_larger_than_the_shadow_stays_out() {
        let mut shadow = Shadow::new(PolicyName::Lru, 10, true);
        shadow.fill(Sample { weight: 6, ..LASTING(1) });
        shadow.fill(Sample { weight: 4, ..LASTING(2) });
        shadow.fill(Sample { weight: 11, ..LASTING(3) });
        assert_eq!(shadow.entries(), 2);
        shadow.set(Sample { weight: 5, ..LASTING(2) }, true);
        assert!(!shadow.get(1, 0) && shadow.get(2, 0));
        shadow.set_capacity(4);
        assert_eq!(shadow.entries(), 0);
    }
}
