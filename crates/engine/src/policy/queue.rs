//! A queue that knows what it weighs, for the policies that hold several against each other.

use crate::list::List;
use crate::store::Store;

#[derive(Default)]
pub(super) struct Queue {
    list: List,
    weight: u64,
}

impl Queue {
    pub(super) fn weight(&self) -> u64 {
        self.weight
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Adds at the young end and notes `number` as the entry's queue.
    pub(super) fn push(&mut self, store: &mut Store, id: u32, number: u32) {
        store.slots.set_queue(id, number);
        self.weight += store.weight_of(id);
        self.list.push_back(&mut store.slots, id);
    }

    /// Adds at the old end.
    pub(super) fn push_old(&mut self, store: &mut Store, id: u32, number: u32) {
        store.slots.set_queue(id, number);
        self.weight += store.weight_of(id);
        self.list.push_front(&mut store.slots, id);
    }

    pub(super) fn remove(&mut self, store: &mut Store, id: u32) {
        self.weight -= store.weight_of(id);
        self.list.remove(&mut store.slots, id);
    }

    /// Takes the oldest entry out.
    pub(super) fn pop(&mut self, store: &mut Store) -> Option<u32> {
        let id = self.list.front()?;
        self.remove(store, id);
        Some(id)
    }

    pub(super) fn move_to_young(&mut self, store: &mut Store, id: u32) {
        self.list.move_to_back(&mut store.slots, id);
    }

    /// Moves the oldest entry to the young end.
    pub(super) fn recycle(&mut self, store: &mut Store) {
        if let Some(id) = self.list.front() {
            self.list.move_to_back(&mut store.slots, id);
        }
    }

    pub(super) fn oldest(&self) -> Option<u32> {
        self.list.front()
    }

    pub(super) fn reweigh(&mut self, store: &Store, id: u32, before: u64) {
        self.weight = self.weight + store.weight_of(id) - before;
    }
}
