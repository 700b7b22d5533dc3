//! CLOCK: FIFO with a second chance. The reference bit is 0 on insertion and set by a hit; the search for a victim starts at
//! the oldest, moves entries with the bit set to the young end and clears it. Corbató, "A Paging Experiment with the Multics
//! System", 1968.

use super::{Arrival, Order, Origin, Policy};
use crate::limits::SCAN_ENTRIES_MAX;
use crate::list::List;
use crate::store::Store;

#[derive(Default)]
pub(crate) struct Clock {
    queue: List,
}

impl Policy for Clock {
    #[inline]
    fn hit(&mut self, store: &mut Store, id: u32) {
        store.slots.set_refs(id, 1);
    }

    fn evict(&mut self, store: &mut Store, _arrival: Arrival) -> Option<u32> {
        for _ in 0..SCAN_ENTRIES_MAX {
            let id = self.queue.front()?;
            if store.slots.refs(id) == 0 {
                break;
            }
            store.slots.set_refs(id, 0);
            self.queue.move_to_back(&mut store.slots, id);
        }
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
        Order::Inserted
    }

    fn seed(&mut self, store: &mut Store, id: u32) {
        store.slots.set_refs(id, u32::from(store.frequency(id) > 1));
        self.queue.push_front(&mut store.slots, id);
    }

    fn hit_waiting(&mut self, _store: &mut Store, _id: u32) -> bool {
        false
    }
}
