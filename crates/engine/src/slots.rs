//! The slots of a shard: twelve bytes for every entry, found by number. A slot knows where its entry's cell is and links
//! the entry into one list of the policy in force. The bits that the links leave free carry what policies note about an
//! entry: which queue it is in and how often it was referenced of late.

use crate::limits::SHARD_ENTRIES_MAX;
use crate::pages::Cell;
use crate::processor::prefetch;

/// "No slot" in a link.
pub(crate) const NIL: u32 = 0x00ff_ffff;

const LINK: u32 = 0x00ff_ffff;
const CHUNK_SLOTS: usize = 1_024;

// What the high byte of `prev` says.
const QUEUE_SHIFT: u32 = 24;
const QUEUE: u32 = 0b11 << QUEUE_SHIFT;
const REFS_SHIFT: u32 = 26;
const REFS: u32 = 0b11 << REFS_SHIFT;
const LIVE: u32 = 1 << 28;

// What the high byte of `next` says.
const EPOCH_SHIFT: u32 = 24;

/// Number of epochs; they count around.
pub(crate) const EPOCHS: u32 = 1 << 8;

#[derive(Clone, Copy)]
struct Slot {
    cell: Cell,
    prev: u32,
    next: u32,
}

/// Slots in chunks, so that growing copies nothing.
#[derive(Default)]
pub(crate) struct Slots {
    chunks: Vec<Box<[Slot; CHUNK_SLOTS]>>,
    /// Slots handed out so far, free ones included.
    high: u32,
    /// First free slot below `high`, linked by `next`.
    free: Option<u32>,
    live: u32,
}

impl Slots {
    /// A slot for the entry in `cell`, outside every list; `None` when the shard has as many as it can.
    pub(crate) fn alloc(&mut self, cell: Cell) -> Option<u32> {
        let id = match self.free {
            Some(id) => {
                let next = self.next(id);
                self.free = (next != NIL).then_some(next);
                id
            }
            None if self.high < SHARD_ENTRIES_MAX => {
                if self.high as usize == self.chunks.len() * CHUNK_SLOTS {
                    let empty = Slot { cell: Cell::default(), prev: NIL, next: NIL };
                    self.chunks.push(Box::new([empty; CHUNK_SLOTS]));
                }
                self.high += 1;
                self.high - 1
            }
            None => return None,
        };
        *self.slot_mut(id) = Slot { cell, prev: NIL | LIVE, next: NIL };
        self.live += 1;
        Some(id)
    }

    /// Gives a slot back. It must be outside every list.
    pub(crate) fn release(&mut self, id: u32) {
        debug_assert!(self.is_live(id));
        let next = self.free.unwrap_or(NIL);
        *self.slot_mut(id) = Slot { cell: Cell::default(), prev: NIL, next };
        self.free = Some(id);
        self.live -= 1;
    }

    /// Number of slots in use.
    pub(crate) fn live(&self) -> u32 {
        self.live
    }

    /// Upper bound of the numbers in use.
    pub(crate) fn high(&self) -> u32 {
        self.high
    }

    pub(crate) fn is_live(&self, id: u32) -> bool {
        self.slot(id).prev & LIVE != 0
    }

    #[inline]
    fn slot(&self, id: u32) -> &Slot {
        &self.chunks[id as usize / CHUNK_SLOTS][id as usize % CHUNK_SLOTS]
    }

    #[inline]
    fn slot_mut(&mut self, id: u32) -> &mut Slot {
        &mut self.chunks[id as usize / CHUNK_SLOTS][id as usize % CHUNK_SLOTS]
    }

    #[inline]
    pub(crate) fn prefetch(&self, id: u32) {
        prefetch(self.slot(id));
    }

    #[inline]
    pub(crate) fn cell(&self, id: u32) -> Cell {
        self.slot(id).cell
    }

    #[inline]
    pub(crate) fn set_cell(&mut self, id: u32, cell: Cell) {
        self.slot_mut(id).cell = cell;
    }

    #[inline]
    pub(crate) fn prev(&self, id: u32) -> u32 {
        self.slot(id).prev & LINK
    }

    #[inline]
    pub(crate) fn next(&self, id: u32) -> u32 {
        self.slot(id).next & LINK
    }

    #[inline]
    pub(crate) fn set_prev(&mut self, id: u32, prev: u32) {
        let slot = self.slot_mut(id);
        slot.prev = slot.prev & !LINK | prev;
    }

    #[inline]
    pub(crate) fn set_next(&mut self, id: u32, next: u32) {
        let slot = self.slot_mut(id);
        slot.next = slot.next & !LINK | next;
    }

    /// The queue of the policy that the entry is in, 0 to 3.
    #[inline]
    pub(crate) fn queue(&self, id: u32) -> u32 {
        (self.slot(id).prev & QUEUE) >> QUEUE_SHIFT
    }

    #[inline]
    pub(crate) fn set_queue(&mut self, id: u32, queue: u32) {
        let slot = self.slot_mut(id);
        slot.prev = slot.prev & !QUEUE | queue << QUEUE_SHIFT;
    }

    /// References that the policy counted, 0 to 3: a bit for CLOCK and SIEVE, a small count for S3-FIFO.
    #[inline]
    pub(crate) fn refs(&self, id: u32) -> u32 {
        (self.slot(id).prev & REFS) >> REFS_SHIFT
    }

    #[inline]
    pub(crate) fn set_refs(&mut self, id: u32, refs: u32) {
        let slot = self.slot_mut(id);
        slot.prev = slot.prev & !REFS | refs << REFS_SHIFT;
    }

    /// Which generation of policies the entry was last handed to.
    #[inline]
    pub(crate) fn epoch(&self, id: u32) -> u32 {
        self.slot(id).next >> EPOCH_SHIFT
    }

    #[inline]
    pub(crate) fn set_epoch(&mut self, id: u32, epoch: u32) {
        let slot = self.slot_mut(id);
        slot.next = slot.next & LINK | epoch << EPOCH_SHIFT;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn released_slots_are_used_again_and_come_back_clean() {
        let mut slots = Slots::default();
        let ids: Vec<u32> = (0..3_000).map(|_| slots.alloc(Cell::default()).unwrap()).collect();
        slots.set_refs(ids[5], 3);
        slots.set_queue(ids[5], 2);
        slots.set_epoch(ids[5], 255);
        slots.release(ids[5]);
        assert!(!slots.is_live(ids[5]));
        assert_eq!(slots.alloc(Cell::default()), Some(ids[5]));
        assert_eq!((slots.refs(ids[5]), slots.queue(ids[5]), slots.epoch(ids[5])), (0, 0, 0));
        assert_eq!((slots.high(), slots.live()), (3_000, 3_000));
    }

    #[test]
    fn notes_and_links_do_not_disturb_each_other() {
        let mut slots = Slots::default();
        let id = slots.alloc(Cell::default()).unwrap();
        slots.set_prev(id, 0x123_456);
        slots.set_next(id, 0x654_321);
        for (queue, refs, epoch) in [(3, 0, 1), (0, 3, 255), (2, 1, 77)] {
            slots.set_queue(id, queue);
            slots.set_refs(id, refs);
            slots.set_epoch(id, epoch);
            assert_eq!((slots.queue(id), slots.refs(id), slots.epoch(id)), (queue, refs, epoch));
            assert_eq!((slots.prev(id), slots.next(id), slots.is_live(id)), (0x123_456, 0x654_321, true));
        }
    }
}
