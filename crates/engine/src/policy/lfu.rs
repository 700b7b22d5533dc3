//! LFU: the entry that was used least often since it came in goes, among equals the least recently used. Counts start at 1,
//! do not age, are forgotten on eviction and stop at 65,535.

use std::collections::BTreeMap;

use super::{Arrival, Order, Origin, Policy, Residents};
use crate::list::List;

/// Entries of equal frequency, the least recently used first.
#[derive(Default)]
pub(crate) struct Lfu {
    by_frequency: BTreeMap<u16, List>,
}

impl Lfu {
    fn unlink(&mut self, store: &mut impl Residents, id: u32, frequency: u16) {
        if let Some(list) = self.by_frequency.get_mut(&frequency) {
            list.remove(store.slots_mut(), id);
            if list.is_empty() {
                self.by_frequency.remove(&frequency);
            }
        }
    }

    fn push(&mut self, store: &mut impl Residents, id: u32, frequency: u16) {
        self.by_frequency.entry(frequency).or_default().push_back(store.slots_mut(), id);
    }
}

impl Policy for Lfu {
    fn hit(&mut self, store: &mut impl Residents, id: u32) {
        let frequency = store.frequency(id);
        self.unlink(store, id, frequency);
        self.push(store, id, frequency.saturating_add(1));
    }

    fn evict(&mut self, store: &mut impl Residents, _arrival: Arrival) -> Option<u32> {
        let (&frequency, list) = self.by_frequency.first_key_value()?;
        let id = list.front()?;
        self.unlink(store, id, frequency);
        Some(id)
    }

    fn admit(&mut self, store: &mut impl Residents, id: u32, _origin: Origin) {
        let frequency = store.frequency(id);
        self.push(store, id, frequency);
    }

    fn remove(&mut self, store: &mut impl Residents, id: u32) {
        let frequency = store.frequency(id);
        self.unlink(store, id, frequency);
    }

    fn order(&self) -> Order {
        Order::Frequency
    }

    fn seed(&mut self, store: &mut impl Residents, id: u32) {
        let frequency = store.frequency(id);
        self.by_frequency.entry(frequency).or_default().push_front(store.slots_mut(), id);
    }

    fn hit_waiting(&mut self, store: &mut impl Residents, id: u32) -> bool {
        let frequency = store.frequency(id);
        self.push(store, id, frequency.saturating_add(1));
        true
    }
}
