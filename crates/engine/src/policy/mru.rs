//! MRU: the most recently used entry goes, the newcomer aside. It is right for loops over more than fits. Chou & DeWitt,
//! "An Evaluation of Buffer Management Strategies for Relational Database Systems", VLDB 1985, have it among DBMIN's local
//! policies.

use super::{Arrival, Order, Origin, Policy};
use crate::list::List;
use crate::store::Store;

#[derive(Default)]
pub(crate) struct Mru {
    queue: List,
}

impl Policy for Mru {
    fn hit(&mut self, store: &mut Store, id: u32) {
        self.queue.move_to_back(&mut store.slots, id);
    }

    fn evict(&mut self, store: &mut Store, _arrival: Arrival) -> Option<u32> {
        let id = self.queue.back()?;
        self.queue.remove(&mut store.slots, id);
        Some(id)
    }

    fn next_victim(&self) -> Option<u32> {
        self.queue.back()
    }

    fn admit(&mut self, store: &mut Store, id: u32, _origin: Origin) {
        self.queue.push_back(&mut store.slots, id);
    }

    fn remove(&mut self, store: &mut Store, id: u32) {
        self.queue.remove(&mut store.slots, id);
    }

    fn order(&self) -> Order {
        Order::Used
    }

    fn young_go_first(&self) -> bool {
        true
    }

    fn seed(&mut self, store: &mut Store, id: u32) {
        self.queue.push_front(&mut store.slots, id);
    }

    fn hit_waiting(&mut self, store: &mut Store, id: u32) -> bool {
        self.queue.push_back(&mut store.slots, id);
        true
    }
}
