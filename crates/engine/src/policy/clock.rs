//! CLOCK: FIFO with a second chance. The reference bit is 0 on insertion and set by a hit; the search for a victim starts at
//! the oldest, moves entries with the bit set to the young end and clears it. Corbató, "A Paging Experiment with the Multics
//! System", 1968.

use super::{Arrival, Order, Origin, Policy, Residents};
use crate::limits::SCAN_ENTRIES_MAX;
use crate::list::List;

#[derive(Default)]
pub(crate) struct Clock {
    queue: List,
}

impl Policy for Clock {
    #[inline]
    fn hit(&mut self, store: &mut impl Residents, id: u32) {
        store.slots_mut().set_refs(id, 1);
    }

    fn evict(&mut self, store: &mut impl Residents, _arrival: Arrival) -> Option<u32> {
        for _ in 0..SCAN_ENTRIES_MAX {
            let id = self.queue.front()?;
            if store.slots().refs(id) == 0 {
                break;
            }
            store.slots_mut().set_refs(id, 0);
            self.queue.move_to_back(store.slots_mut(), id);
        }
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
        let was_used = store.frequency(id) > 1;
        store.slots_mut().set_refs(id, u32::from(was_used));
        self.queue.push_front(store.slots_mut(), id);
    }

    fn hit_waiting(&mut self, _store: &mut impl Residents, _id: u32) -> bool {
        false
    }
}
