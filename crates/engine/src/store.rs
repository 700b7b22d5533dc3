//! The entries of a shard and the memory they take: slots, cells, large values, deadlines. Policies read from here what
//! an entry weighs and what is known of its past; which entry goes is theirs to say.

use bytes::Bytes;

use crate::cell::{self, History, Shape};
use crate::entry::{Entry, Kind, Value};
use crate::hash::KeyHasher;
use crate::limits::CELL_BYTES_MAX;
use crate::pages::{Pages, cell_bytes};
use crate::policy::Residents;
use crate::slots::{NIL, Slots};
use crate::time::{Expiry, Timing};
use crate::wheel::{NODE_BYTES, Wheel};

/// What every entry costs beside its cell: its slot and its share of the table, in bytes.
const INDEX_BYTES: u64 = 12 + 8;

/// What a large value costs beside its bytes: its place among the large ones and the header of a shared allocation.
const LARGE_BYTES: u64 = 64;

/// What weighs: bytes, or each entry one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Bytes,
    Entries,
}

/// What an entry is charged, in bytes: its memory, rounded up as the allocators round.
pub(crate) fn charge(key_len: usize, value_len: u64, timing: Timing) -> u64 {
    let shape = Shape::of(key_len, value_len, timing, Kind::Opaque);
    let large = if shape.inline_len.is_some() {
        0
    } else {
        let key = if shape.inline_key { 0 } else { key_len as u64 };
        rounded(value_len).saturating_add(rounded(key) + LARGE_BYTES)
    };
    let node = if timing.is_timed() { NODE_BYTES as u64 } else { 0 };
    large.saturating_add(INDEX_BYTES + cell_bytes(shape.bytes()) as u64 + node)
}

/// Allocators have four to eight sizes to a doubling: up to the next eighth.
fn rounded(bytes: u64) -> u64 {
    let step = (bytes.checked_next_power_of_two().unwrap_or(1 << 63) / 16).max(16);
    bytes.checked_next_multiple_of(step).unwrap_or(u64::MAX)
}

/// A value, and perhaps a key, with an allocation of its own.
struct Large {
    key: Option<Box<[u8]>>,
    value: Bytes,
}

/// What an operation took out of a shard; dropped by its caller outside the lock.
///
/// Most operations take nothing: the box keeps that case to one word.
#[derive(Default)]
pub(crate) struct Garbage(
    #[expect(clippy::box_collection, reason = "small when empty")] Option<Box<Vec<Large>>>,
);

impl Garbage {
    fn push(&mut self, large: Large) {
        self.0.get_or_insert_default().push(large);
    }
}

/// What every lookup reads comes first: the fewer cache lines a shard's hot part has, the less two threads take from each other.
#[repr(C)]
pub(crate) struct Store {
    pub(crate) slots: Slots,
    pages: Pages,
    large: Vec<Option<Large>>,
    large_free: Vec<u32>,
    pub(crate) wheel: Wheel,
    hasher: KeyHasher,
    unit: Unit,
    /// Weight of all entries.
    weight: u64,
}

/// A new entry as it comes in.
pub(crate) struct Incoming<'i> {
    pub(crate) key: &'i [u8],
    pub(crate) value: &'i Value<'i>,
    pub(crate) kind: Kind,
    pub(crate) expiry: Option<Expiry>,
}

impl Incoming<'_> {
    fn shape(&self) -> Shape {
        let value_len = self.value.as_slice().len() as u64;
        Shape::of(self.key.len(), value_len, Expiry::timing(self.expiry), self.kind)
    }
}

impl Store {
    pub(crate) fn new(hasher: KeyHasher, unit: Unit) -> Store {
        Store {
            slots: Slots::default(),
            pages: Pages::default(),
            large: Vec::new(),
            large_free: Vec::new(),
            wheel: Wheel::default(),
            hasher,
            unit,
            weight: 0,
        }
    }

    /// Weight of all entries, in the unit of the capacity.
    pub(crate) fn weight(&self) -> u64 {
        self.weight
    }

    /// Weight of an entry of these lengths.
    pub(crate) fn weight_for(&self, key_len: usize, value_len: u64, timing: Timing) -> u64 {
        match self.unit {
            Unit::Entries => 1,
            Unit::Bytes => charge(key_len, value_len, timing),
        }
    }

    /// Whether no further entry can be numbered or addressed.
    pub(crate) fn is_full(&self) -> bool {
        self.slots.live() == crate::limits::SHARD_ENTRIES_MAX || self.pages.is_full()
    }

    /// Weight of an entry.
    #[inline]
    pub(crate) fn weight_of(&self, id: u32) -> u64 {
        match self.unit {
            Unit::Entries => 1,
            Unit::Bytes => self.charge_of(id),
        }
    }

    fn charge_of(&self, id: u32) -> u64 {
        let cell = self.slots.cell(id);
        let bytes = self.pages.bytes(cell);
        let timed = if cell::timer(bytes).is_some() { NODE_BYTES as u64 } else { 0 };
        let large = cell::large(bytes).map_or(0, |number| {
            let Large { key, value } = self.large_at(number);
            rounded(value.len() as u64) + rounded(key.as_ref().map_or(0, |k| k.len()) as u64) + LARGE_BYTES
        });
        INDEX_BYTES + self.pages.size(cell) as u64 + large + timed
    }

    fn large_at(&self, number: u32) -> &Large {
        self.large[number as usize].as_ref().expect("a cell's large value is there as long as the cell")
    }

    #[inline]
    fn cell_of(&self, id: u32) -> &[u8] {
        self.pages.bytes(self.slots.cell(id))
    }

    /// Brings an entry closer, and the neighbours that a policy will link with each other when it moves the entry.
    pub(crate) fn prefetch_entry(&self, id: u32) {
        for neighbour in [self.slots.prev(id), self.slots.next(id)] {
            if neighbour != NIL {
                self.slots.prefetch(neighbour);
            }
        }
        let bytes = self.cell_of(id);
        crate::processor::prefetch(&bytes[0]);
        if let Some(next_line) = bytes.get(64) {
            crate::processor::prefetch(next_line);
        }
    }

    #[inline]
    pub(crate) fn key(&self, id: u32) -> &[u8] {
        let bytes = self.cell_of(id);
        match cell::key(bytes) {
            Some(key) => key,
            None => cell::large(bytes).and_then(|n| self.large_at(n).key.as_deref()).unwrap_or_default(),
        }
    }

    pub(crate) fn hash_of(&self, id: u32) -> u64 {
        self.hasher.hash(self.key(id))
    }

    pub(crate) fn hash(&self, key: &[u8]) -> u64 {
        self.hasher.hash(key)
    }

    #[inline]
    pub(crate) fn entry(&self, id: u32, expiry: Option<Expiry>) -> Entry<'_> {
        let bytes = self.cell_of(id);
        let kind = cell::kind(bytes);
        match cell::value(bytes) {
            Some(value) => Entry { value, shared: None, kind, expiry },
            None => {
                let shared = cell::large(bytes).map(|n| &self.large_at(n).value);
                Entry { value: shared.map_or(&[], |bytes| bytes), shared, kind, expiry }
            }
        }
    }

    /// What is known of the entry's past.
    pub(crate) fn history(&self, id: u32) -> History {
        cell::history(self.cell_of(id))
    }

    pub(crate) fn frequency(&self, id: u32) -> u16 {
        cell::frequency(self.cell_of(id))
    }

    /// Notes a use of the entry.
    #[inline]
    pub(crate) fn touch(&mut self, id: u32, tick: u32) {
        cell::touch(self.pages.bytes_mut(self.slots.cell(id)), tick);
    }

    /// When the entry ends, if it does.
    #[inline]
    pub(crate) fn expiry(&self, id: u32) -> Option<Expiry> {
        let bytes = self.cell_of(id);
        let node = cell::timer(bytes)?;
        Some(Expiry { evict_at: self.wheel.deadline(node), stale_ms: cell::stale_ms(bytes) })
    }

    /// Stores a new entry, in no list and no table yet. There must be [room](Store::is_full).
    pub(crate) fn insert(&mut self, incoming: &Incoming<'_>, tick: u32) -> u32 {
        let shape = incoming.shape();
        let cell = self.pages.alloc(shape.bytes());
        let id = self.slots.alloc(cell).expect("the caller has made room for a slot");
        cell::write(self.pages.bytes_mut(cell), shape, incoming.key, History::begin(tick));
        self.fill(id, shape, incoming);
        self.weight += self.weight_of(id);
        id
    }

    /// Gives an entry another value, kind and expiry; its past stays. What it took before goes to `garbage`.
    pub(crate) fn replace(&mut self, id: u32, incoming: &Incoming<'_>, garbage: &mut Garbage) {
        let shape = incoming.shape();
        let cell = self.slots.cell(id);
        let before = self.weight_of(id);
        let history = self.history(id);
        self.strip(id, garbage);
        if self.pages.size(cell) != cell_bytes(shape.bytes()) {
            self.pages.free(cell);
            let cell = self.pages.alloc(shape.bytes());
            self.slots.set_cell(id, cell);
        }
        cell::write(self.pages.bytes_mut(self.slots.cell(id)), shape, incoming.key, history);
        self.fill(id, shape, incoming);
        self.weight = self.weight + self.weight_of(id) - before;
    }

    /// Takes an entry's memory back. It must be in no list and no table.
    pub(crate) fn remove(&mut self, id: u32, garbage: &mut Garbage) {
        self.weight -= self.weight_of(id);
        self.strip(id, garbage);
        self.pages.free(self.slots.cell(id));
        self.slots.release(id);
    }

    /// Sets or clears the expiry of an entry whose value stays.
    pub(crate) fn set_expiry(&mut self, id: u32, expiry: Option<Expiry>, garbage: &mut Garbage) {
        let bytes = self.cell_of(id);
        let stays = Expiry::timing(self.expiry(id)) == Expiry::timing(expiry);
        if let (Some(node), Some(expiry), true) = (cell::timer(bytes), expiry, stays) {
            self.wheel.remove(node);
            self.file(id, expiry);
        } else if !stays {
            let entry = self.entry(id, None);
            let value = match entry.shared {
                Some(shared) => Value::Shared(shared.clone()),
                None => Value::Shared(Bytes::copy_from_slice(entry.value)),
            };
            let (key, kind) = (self.key(id).to_vec(), entry.kind);
            self.replace(id, &Incoming { key: &key, value: &value, kind, expiry }, garbage);
        }
    }

    /// Moves a few cells together where sizes have left pages half empty; true if there are more to move. `find` gives the
    /// slot of a key.
    pub(crate) fn compact(&mut self, cells: usize, find: impl Fn(&Store, &[u8]) -> Option<u32>) -> bool {
        for _ in 0..cells {
            let Some(from) = self.pages.next_to_move(cell::is_live) else { return false };
            let bytes = &self.pages.bytes(from)[..self.pages.size(from)];
            let mut copy = [0; CELL_BYTES_MAX];
            copy[..bytes.len()].copy_from_slice(bytes);
            let copy = &copy[..bytes.len()];
            let key = match cell::key(copy) {
                Some(key) => key,
                None => cell::large(copy).and_then(|n| self.large_at(n).key.as_deref()).unwrap_or_default(),
            };
            let id = find(self, key).expect("every live cell belongs to an entry that the table finds");
            let to = self.pages.alloc(copy.len());
            self.pages.bytes_mut(to)[..copy.len()].copy_from_slice(copy);
            self.slots.set_cell(id, to);
            self.pages.free(from);
        }
        true
    }

    /// Takes all entries out, leaving an empty store.
    pub(crate) fn take(&mut self) -> Store {
        let empty = Store::new(self.hasher.clone(), self.unit);
        std::mem::replace(self, empty)
    }

    /// What the flags of a fresh header announce: the value, the node, the large number.
    fn fill(&mut self, id: u32, shape: Shape, incoming: &Incoming<'_>) {
        let cell = self.slots.cell(id);
        if shape.inline_len.is_some() {
            cell::value_mut(self.pages.bytes_mut(cell)).copy_from_slice(incoming.value.as_slice());
        } else {
            let key = (!shape.inline_key).then(|| incoming.key.into());
            let large = Some(Large { key, value: incoming.value.to_bytes() });
            let number = if let Some(number) = self.large_free.pop() {
                self.large[number as usize] = large;
                number
            } else {
                self.large.push(large);
                (self.large.len() - 1) as u32
            };
            cell::set_large(self.pages.bytes_mut(cell), number);
        }
        if let Some(expiry) = incoming.expiry {
            self.file(id, expiry);
        }
    }

    fn file(&mut self, id: u32, expiry: Expiry) {
        let node = self.wheel.insert(expiry.evict_at, id);
        let bytes = self.pages.bytes_mut(self.slots.cell(id));
        cell::set_timer(bytes, node);
        if expiry.stale_ms > 0 {
            cell::set_stale_ms(bytes, expiry.stale_ms);
        }
    }

    /// Undoes [`fill`](Store::fill).
    fn strip(&mut self, id: u32, garbage: &mut Garbage) {
        let bytes = self.cell_of(id);
        let (large, timer) = (cell::large(bytes), cell::timer(bytes));
        if let Some(number) = large {
            if let Some(large) = self.large[number as usize].take() {
                garbage.push(large);
            }
            self.large_free.push(number);
        }
        // The wheel gives up a node itself when it is due; then the cell has been told.
        if let Some(node) = timer.filter(|&node| node != NO_NODE) {
            self.wheel.remove(node);
        }
    }

    /// Tells a cell that its node has left the wheel.
    pub(crate) fn forget_timer(&mut self, id: u32) {
        cell::set_timer(self.pages.bytes_mut(self.slots.cell(id)), NO_NODE);
    }
}

impl Residents for Store {
    #[inline]
    fn slots(&self) -> &Slots {
        &self.slots
    }

    #[inline]
    fn slots_mut(&mut self) -> &mut Slots {
        &mut self.slots
    }

    #[inline]
    fn weight_of(&self, id: u32) -> u64 {
        Store::weight_of(self, id)
    }

    fn hash_of(&self, id: u32) -> u64 {
        Store::hash_of(self, id)
    }

    #[inline]
    fn frequency(&self, id: u32) -> u16 {
        Store::frequency(self, id)
    }
}

const NO_NODE: u32 = u32::MAX;
