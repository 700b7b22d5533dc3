//! The leases of a shard: who may do something for a key alone, and until when. A lease is a key, its holder's token and a
//! deadline; it has nothing to do with the entry of that key. Whoever takes one does so under the shard's lock, so of many at
//! once exactly one gets it. A lease that is over can be taken at once; its memory comes back in bounded steps.

use crate::error::Error;
use crate::hash::{Key, KeyHasher};
use crate::limits::{LEASE_KEY_BYTES_MAX, LEASE_TOKEN_BYTES_MAX, SHARD_LEASES_MAX, STEP_ENTRIES};
use crate::table::Table;
use crate::time::Millis;
use crate::wheel::Wheel;

struct Lease {
    /// The key, and behind it the token.
    bytes: Box<[u8]>,
    key_len: usize,
    /// Its node in the wheel.
    node: u32,
}

impl Lease {
    fn key(&self) -> &[u8] {
        &self.bytes[..self.key_len]
    }

    /// Takes equally long for every token of this length.
    fn is_held_by(&self, token: &[u8]) -> bool {
        let own = &self.bytes[self.key_len..];
        own.len() == token.len()
            && own.iter().zip(token).fold(0, |differing, (a, b)| differing | (a ^ b)) == 0
    }
}

pub(crate) struct Leases {
    table: Table,
    leases: Vec<Option<Lease>>,
    free: Vec<u32>,
    wheel: Wheel,
    hasher: KeyHasher,
}

impl Leases {
    pub(crate) fn new(hasher: KeyHasher) -> Leases {
        Leases {
            table: Table::default(),
            leases: Vec::new(),
            free: Vec::new(),
            wheel: Wheel::default(),
            hasher,
        }
    }

    /// Makes `token` the holder until `until`; false if there is one already.
    pub(crate) fn take(
        &mut self,
        key: Key<'_>,
        token: &[u8],
        until: Millis,
        now: Millis,
    ) -> Result<bool, Error> {
        let (len, max) = (key.bytes().len(), LEASE_KEY_BYTES_MAX);
        if len > max {
            return Err(Error::KeyTooLong { len, max });
        }
        let (len, max) = (token.len(), LEASE_TOKEN_BYTES_MAX);
        if len > max {
            return Err(Error::TokenTooLong { len, max });
        }
        self.expire(STEP_ENTRIES, now);
        match self.find(key) {
            Some(number) if self.deadline(number) > now => return Ok(false),
            Some(number) => self.remove(key.hash(), number),
            None => {}
        }
        if self.len() == SHARD_LEASES_MAX {
            return Err(Error::TooManyLeases { max: SHARD_LEASES_MAX });
        }
        self.insert(key, token, until);
        Ok(true)
    }

    /// Ends the lease of a key; false if `token` does not hold it.
    pub(crate) fn release(&mut self, key: Key<'_>, token: &[u8], now: Millis) -> bool {
        self.expire(STEP_ENTRIES, now);
        let Some(number) = self.find(key) else { return false };
        let held = self.deadline(number) > now && self.lease(number).is_held_by(token);
        if held {
            self.remove(key.hash(), number);
        }
        held
    }

    /// How many have not ended.
    pub(crate) fn held(&self, now: Millis) -> u64 {
        let held = |lease: &&Lease| self.wheel.deadline(lease.node) > now;
        self.leases.iter().flatten().filter(held).count() as u64
    }

    /// Gives memory of leases back that have ended; true if there is more to do.
    pub(crate) fn expire(&mut self, steps: usize, now: Millis) -> bool {
        let mut budget = steps;
        while let Some(number) = self.wheel.due(now, &mut budget) {
            self.forget(self.hasher.hash(self.lease(number).key()), number);
        }
        budget == 0
    }

    fn len(&self) -> usize {
        self.leases.len() - self.free.len()
    }

    fn lease(&self, number: u32) -> &Lease {
        self.leases[number as usize].as_ref().expect("a number in the table or the wheel is a lease's")
    }

    fn deadline(&self, number: u32) -> Millis {
        self.wheel.deadline(self.lease(number).node)
    }

    fn find(&self, key: Key<'_>) -> Option<u32> {
        self.table.find(key.hash(), |number| self.lease(number).key() == key.bytes())
    }

    fn insert(&mut self, key: Key<'_>, token: &[u8], until: Millis) {
        let number = self.free.pop().unwrap_or_else(|| {
            self.leases.push(None);
            (self.leases.len() - 1) as u32
        });
        let bytes = [key.bytes(), token].concat().into_boxed_slice();
        let node = self.wheel.insert(until, number);
        self.leases[number as usize] = Some(Lease { bytes, key_len: key.bytes().len(), node });
        let Leases { table, leases, hasher, .. } = self;
        table.insert(key.hash(), number, |number| hash_of(leases, hasher, number));
    }

    fn remove(&mut self, hash: u64, number: u32) {
        self.wheel.remove(self.lease(number).node);
        self.forget(hash, number);
    }

    /// Removes a lease that the wheel does not have any more.
    fn forget(&mut self, hash: u64, number: u32) {
        let Leases { table, leases, hasher, .. } = self;
        let removed = table.remove(hash, number, |number| hash_of(leases, hasher, number));
        debug_assert!(removed, "every lease is in the table");
        self.leases[number as usize] = None;
        self.free.push(number);
    }
}

fn hash_of(leases: &[Option<Lease>], hasher: &KeyHasher, number: u32) -> u64 {
    let lease = leases[number as usize].as_ref().expect("a number in the table is a lease's");
    hasher.hash(lease.key())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn leases() -> (Leases, KeyHasher) {
        let hasher = KeyHasher::new(7);
        (Leases::new(hasher.clone()), hasher)
    }

    #[test]
    fn a_shard_holds_so_many_and_then_says_so_until_one_ends() {
        let (mut leases, hasher) = leases();
        for number in 0..SHARD_LEASES_MAX as u64 {
            let until = Millis(1_000 + number);
            assert_eq!(leases.take(hasher.key(&number.to_le_bytes()), b"t", until, Millis(0)), Ok(true));
        }
        let full = Err(Error::TooManyLeases { max: SHARD_LEASES_MAX });
        let another = hasher.key(b"another");
        assert_eq!(leases.take(another, b"t", Millis(2_000), Millis(999)), full);
        assert!(leases.release(hasher.key(&9u64.to_le_bytes()), b"t", Millis(999)));
        assert_eq!(leases.take(another, b"t", Millis(9_000), Millis(999)), Ok(true));
        // Those that have ended make room, a few with each call.
        let late = Millis(8_000);
        for number in 1..SHARD_LEASES_MAX as u64 {
            let key = number.to_be_bytes();
            assert_eq!(leases.take(hasher.key(&key), b"u", Millis(9_000), late), Ok(true), "{number}");
        }
        assert_eq!(leases.held(late), SHARD_LEASES_MAX as u64);
    }

    #[test]
    fn a_step_ends_a_bounded_number() {
        let (mut leases, hasher) = leases();
        for number in 0..100u64 {
            leases.take(hasher.key(&number.to_le_bytes()), b"t", Millis(10), Millis(0)).expect("room");
        }
        let before = leases.len();
        assert!(leases.expire(10, Millis(1_000)));
        assert!(leases.len() >= before - 10);
        while leases.expire(10, Millis(1_000)) {}
        assert_eq!(leases.len(), 0);
    }

    #[test]
    fn long_keys_and_tokens_are_refused() {
        let (mut leases, hasher) = leases();
        let long = vec![b'k'; LEASE_KEY_BYTES_MAX + 1];
        let refused = Err(Error::KeyTooLong { len: long.len(), max: LEASE_KEY_BYTES_MAX });
        assert_eq!(leases.take(hasher.key(&long), b"t", Millis(9), Millis(0)), refused);
        let key = hasher.key(&long[1..]);
        assert_eq!(leases.take(key, &[b't'; LEASE_TOKEN_BYTES_MAX], Millis(9), Millis(0)), Ok(true));
        let refused = Err(Error::TokenTooLong { len: 65, max: LEASE_TOKEN_BYTES_MAX });
        assert_eq!(leases.take(key, &[b't'; 65], Millis(9), Millis(0)), refused);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Take { key: u8, token: u8, ms: u64 },
        Release { key: u8, token: u8 },
        Advance { ms: u64 },
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0..20u8, 0..3u8, 1..500u64).prop_map(|(key, token, ms)| Step::Take { key, token, ms }),
            2 => (0..20u8, 0..3u8).prop_map(|(key, token)| Step::Release { key, token }),
            1 => (0..300u64).prop_map(|ms| Step::Advance { ms }),
        ]
    }

    proptest! {
        #[test]
        fn leases_agree_with_a_map(steps in prop::collection::vec(step(), 1..300)) {
            let (mut leases, hasher) = leases();
            let (mut model, mut now) = (HashMap::<u8, (u8, u64)>::new(), 0);
            for step in steps {
                match step {
                    Step::Take { key, token, ms } => {
                        let taken = leases.take(hasher.key(&[key]), &[token], Millis(now + ms), Millis(now));
                        prop_assert_eq!(taken, Ok(!model.contains_key(&key)));
                        model.entry(key).or_insert((token, now + ms));
                    }
                    Step::Release { key, token } => {
                        let held = model.get(&key).is_some_and(|(holder, _)| *holder == token);
                        prop_assert_eq!(leases.release(hasher.key(&[key]), &[token], Millis(now)), held);
                        if held {
                            model.remove(&key);
                        }
                    }
                    Step::Advance { ms } => {
                        now += ms;
                        model.retain(|_, (_, until)| *until > now);
                    }
                }
                prop_assert_eq!(leases.held(Millis(now)), model.len() as u64);
            }
        }
    }
}
