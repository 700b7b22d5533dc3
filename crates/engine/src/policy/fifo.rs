//! FIFO: the oldest insertion goes; hits change nothing.

use super::{Arrival, Order, Origin, Policy, Residents};
use crate::list::List;

#[derive(Default)]
pub(crate) struct Fifo {
    queue: List,
}

impl Policy for Fifo {
    fn hit(&mut self, _store: &mut impl Residents, _id: u32) {}

    fn evict(&mut self, store: &mut impl Residents, _arrival: Arrival) -> Option<u32> {
        let id = self.queue.front()?;
        self.queue.remove(store.slots_mut(), id);
        Some(id)
    }

    fn next_victim(&self) -> Option<u32> {
        self.queue.front()
    }

    fn admit(&mut self, store: &mut impl Residents, id: u32, _origin: Origin) {
        self.queue.push_back(store.slots_mut(), id);
    }

    fn remove(&mut self, store: &mut impl Residents, id: u32) {
        self.queue.remove(store.slots_mut(), id);
    }

    fn order(&self) -> Order {
        Order::Inserted
    }

    fn seed(&mut self, store: &mut impl Residents, id: u32) {
        self.queue.push_front(store.slots_mut(), id);
    }

    fn hit_waiting(&mut self, _store: &mut impl Residents, _id: u32) -> bool {
        false
    }
}
