//! LRU: the least recently used entry goes.

use super::{Arrival, Order, Origin, Policy};
use crate::list::List;
use crate::store::Store;

#[derive(Default)]
pub(crate) struct Lru {
    queue: List,
}

impl Policy for Lru {
    #[inline]
    fn hit(&mut self, store: &mut Store, id: u32) {
        self.queue.move_to_back(&mut store.slots, id);
    }

    fn evict(&mut self, store: &mut Store, _arrival: Arrival) -> Option<u32> {
        let id = self.queue.front()?;
        self.queue.remove(&mut store.slots, id);
        Some(id)
    }

    fn next_victim(&self) -> Option<u32> {
        self.queue.front()
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

    fn seed(&mut self, store: &mut Store, id: u32) {
        self.queue.push_front(&mut store.slots, id);
    }

    fn hit_waiting(&mut self, store: &mut Store, id: u32) -> bool {
        self.queue.push_back(&mut store.slots, id);
        true
    }
}
