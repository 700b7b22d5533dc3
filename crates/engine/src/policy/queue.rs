//! A queue that knows what it weighs, for the policies that hold several against each other.

use super::Residents;
use crate::list::List;

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
    pub(super) fn push(&mut self, store: &mut impl Residents, id: u32, number: u32) {
        store.slots_mut().set_queue(id, number);
        self.weight += store.weight_of(id);
        self.list.push_back(store.slots_mut(), id);
    }

    /// Adds at the old end.
    pub(super) fn push_old(&mut self, store: &mut impl Residents, id: u32, number: u32) {
        store.slots_mut().set_queue(id, number);
        self.weight += store.weight_of(id);
        self.list.push_front(store.slots_mut(), id);
    }

    pub(super) fn remove(&mut self, store: &mut impl Residents, id: u32) {
        self.weight -= store.weight_of(id);
        self.list.remove(store.slots_mut(), id);
    }

    /// Takes the oldest entry out.
    pub(super) fn pop(&mut self, store: &mut impl Residents) -> Option<u32> {
        let id = self.list.front()?;
        self.remove(store, id);
        Some(id)
    }

    pub(super) fn move_to_young(&mut self, store: &mut impl Residents, id: u32) {
        self.list.move_to_back(store.slots_mut(), id);
    }

    /// Moves the oldest entry to the young end.
    pub(super) fn recycle(&mut self, store: &mut impl Residents) {
        if let Some(id) = self.list.front() {
            self.list.move_to_back(store.slots_mut(), id);
        }
    }

    pub(super) fn oldest(&self) -> Option<u32> {
        self.list.front()
    }

    pub(super) fn reweigh(&mut self, store: &impl Residents, id: u32, before: u64) {
        self.weight = self.weight + store.weight_of(id) - before;
    }
}
