//! MRU: the most recently used entry goes, the newcomer aside. It is right for loops over more than fits. Chou & DeWitt,
//! "An Evaluation of Buffer Management Strategies for Relational Database Systems", VLDB 1985, have it among DBMIN's local
//! policies.

use super::{Arrival, Order, Origin, Policy, Residents};
use crate::list::List;

#[derive(Default)]
pub(crate) struct Mru {
    queue: List,
}

impl Policy for Mru {
    fn hit(&mut self, store: &mut impl Residents, id: u32) {
        self.queue.move_to_back(store.slots_mut(), id);
    }

    fn evict(&mut self, store: &mut impl Residents, _arrival: Arrival) -> Option<u32> {
        let id = self.queue.back()?;
        self.queue.remove(store.slots_mut(), id);
        Some(id)
    }

    fn next_victim(&self) -> Option<u32> {
        self.queue.back()
    }

    fn admit(&mut self, store: &mut impl Residents, id: u32, _origin: Origin) {
        self.queue.push_back(store.slots_mut(), id);
    }

    fn remove(&mut self, store: &mut impl Residents, id: u32) {
        self.queue.remove(store.slots_mut(), id);
    }

    fn order(&self) -> Order {
        Order::Used
    }

    fn young_go_first(&self) -> bool {
        true
    }

    fn seed(&mut self, store: &mut impl Residents, id: u32) {
        self.queue.push_front(store.slots_mut(), id);
    }

    fn hit_waiting(&mut self, store: &mut impl Residents, id: u32) -> bool {
        self.queue.push_back(store.slots_mut(), id);
        true
    }
}
