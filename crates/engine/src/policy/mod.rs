//! Eviction policies: what each keeps about the entries of one shard, and which entry goes when room is needed.
//!
//! The protocol closes the set, so the policies are an enum; what they have to do is the trait [`Policy`]. An operation on
//! the cache meets a policy in this order. A hit: [`hit`](Policy::hit). A miss that stores: [`miss`](Policy::miss), then
//! [`evict`](Policy::evict) until there is room, then [`admit`](Policy::admit), so that the newcomer is never its own victim. An
//! entry that leaves for another reason: [`remove`](Policy::remove).

mod arc;
mod clock;
mod fifo;
mod lfu;
mod lru;
mod mru;
pub(crate) mod name;
mod queue;
pub(crate) mod reseed;
mod s3_fifo;
mod sieve;
mod two_q;

use crate::policy::name::PolicyName;
use crate::slots::Slots;

/// What policies read of the entries that they order, and where they keep their queues: the entries of a shard, or what a
/// shadow cache knows of entries that are not there.
pub(crate) trait Residents {
    fn slots(&self) -> &Slots;

    fn slots_mut(&mut self) -> &mut Slots;

    /// What an entry weighs, in the unit of the capacity.
    fn weight_of(&self, id: u32) -> u64;

    /// The hash that ghosts are made of.
    fn hash_of(&self, id: u32) -> u64;

    /// How often the entry was used since it came in, 1 to 65,535.
    fn frequency(&self, id: u32) -> u16;
}

/// Where the key of a newcomer was seen before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Nowhere.
    New,
    /// Among the policy's ghosts; for ARC, among those of its first list.
    Ghost,
    /// Among the ghosts of ARC's second list.
    SecondGhost,
}

/// A newcomer for which room is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) origin: Origin,
    pub(crate) weight: u64,
}

impl Arrival {
    /// Room is made for no newcomer of this shard.
    pub(crate) const NONE: Arrival = Arrival { origin: Origin::New, weight: 0 };
}

/// What the entries are ordered by when a policy takes them over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Inserted,
    Used,
    /// By frequency, and by last use among equals.
    Frequency,
}

/// What the engine asks of a policy. Weights are in the unit of the capacity.
pub(crate) trait Policy {
    /// An entry was used. Its frequency does not count this use yet.
    fn hit(&mut self, store: &mut impl Residents, id: u32);

    /// A key that is not here will be stored: where it was seen before, if the policy remembers.
    fn miss(&mut self, _fingerprint: u32, _weight: u64) -> Origin {
        Origin::New
    }

    /// Chooses the entry that goes, takes it out of the policy's queues and remembers what it wants of it.
    fn evict(&mut self, store: &mut impl Residents, arrival: Arrival) -> Option<u32>;

    /// A guess at the entry that the next [`evict`](Policy::evict) chooses: it will be looked at soon.
    fn next_victim(&self) -> Option<u32> {
        None
    }

    /// Takes a new entry in.
    fn admit(&mut self, store: &mut impl Residents, id: u32, origin: Origin);

    /// An entry leaves for another reason than eviction.
    fn remove(&mut self, store: &mut impl Residents, id: u32);

    /// An entry's weight has changed from `before`.
    fn reweigh(&mut self, _store: &impl Residents, _id: u32, _before: u64) {}

    /// The shard's share of the capacity has changed.
    fn set_capacity(&mut self, _capacity: u64) {}

    /// How the entries are ordered that the policy takes over.
    fn order(&self) -> Order;

    /// Which end of that order goes first: the young one under MRU.
    fn young_go_first(&self) -> bool {
        false
    }

    /// Takes over an entry that another policy admitted, at the old end: entries come from young to old.
    fn seed(&mut self, store: &mut impl Residents, id: u32);

    /// An entry that waits to be seeded was used: true if the policy took it in, false if it should go on waiting.
    fn hit_waiting(&mut self, store: &mut impl Residents, id: u32) -> bool;
}

/// The policy in force. Those that remember ghosts are large, and kept apart.
pub(crate) enum InForce {
    Lfu(lfu::Lfu),
    Fifo(fifo::Fifo),
    Clock(clock::Clock),
    Sieve(sieve::Sieve),
    Lru(lru::Lru),
    Mru(mru::Mru),
    TwoQ(Box<two_q::TwoQ>),
    Arc(Box<arc::Arc>),
    S3Fifo(Box<s3_fifo::S3Fifo>),
}

impl InForce {
    pub(crate) fn new(name: PolicyName, capacity: u64) -> InForce {
        match name {
            PolicyName::Lfu => InForce::Lfu(lfu::Lfu::default()),
            PolicyName::Fifo => InForce::Fifo(fifo::Fifo::default()),
            PolicyName::Clock => InForce::Clock(clock::Clock::default()),
            PolicyName::Sieve => InForce::Sieve(sieve::Sieve::default()),
            PolicyName::Lru => InForce::Lru(lru::Lru::default()),
            PolicyName::Mru => InForce::Mru(mru::Mru::default()),
            PolicyName::TwoQ { k_in, k_out } => {
                InForce::TwoQ(Box::new(two_q::TwoQ::new(k_in, k_out, capacity)))
            }
            PolicyName::Arc => InForce::Arc(Box::new(arc::Arc::new(capacity))),
            PolicyName::S3Fifo { ratio } => InForce::S3Fifo(Box::new(s3_fifo::S3Fifo::new(ratio, capacity))),
        }
    }
}

macro_rules! each {
    ($policy:expr, $inner:ident => $call:expr) => {
        match $policy {
            InForce::Lfu($inner) => $call,
            InForce::Fifo($inner) => $call,
            InForce::Clock($inner) => $call,
            InForce::Sieve($inner) => $call,
            InForce::Lru($inner) => $call,
            InForce::Mru($inner) => $call,
            InForce::TwoQ($inner) => $call,
            InForce::Arc($inner) => $call,
            InForce::S3Fifo($inner) => $call,
        }
    };
}

impl Policy for InForce {
    #[inline]
    fn hit(&mut self, store: &mut impl Residents, id: u32) {
        each!(self, policy => policy.hit(store, id));
    }

    fn miss(&mut self, fingerprint: u32, weight: u64) -> Origin {
        each!(self, policy => policy.miss(fingerprint, weight))
    }

    fn evict(&mut self, store: &mut impl Residents, arrival: Arrival) -> Option<u32> {
        each!(self, policy => policy.evict(store, arrival))
    }

    fn next_victim(&self) -> Option<u32> {
        each!(self, policy => policy.next_victim())
    }

    fn admit(&mut self, store: &mut impl Residents, id: u32, origin: Origin) {
        each!(self, policy => policy.admit(store, id, origin));
    }

    fn remove(&mut self, store: &mut impl Residents, id: u32) {
        each!(self, policy => policy.remove(store, id));
    }

    fn reweigh(&mut self, store: &impl Residents, id: u32, before: u64) {
        each!(self, policy => policy.reweigh(store, id, before));
    }

    fn set_capacity(&mut self, capacity: u64) {
        each!(self, policy => policy.set_capacity(capacity));
    }

    fn order(&self) -> Order {
        each!(self, policy => policy.order())
    }

    fn young_go_first(&self) -> bool {
        each!(self, policy => policy.young_go_first())
    }

    fn seed(&mut self, store: &mut impl Residents, id: u32) {
        each!(self, policy => policy.seed(store, id));
    }

    fn hit_waiting(&mut self, store: &mut impl Residents, id: u32) -> bool {
        each!(self, policy => policy.hit_waiting(store, id))
    }
}
