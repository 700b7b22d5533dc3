//! Where cells live: pages of 14 KiB, each cut into cells of one size. A cell is found by a 32-bit handle, freeing one
//! puts it on its page's free list, and a page that becomes empty goes back to the allocator. When a size has many free
//! cells spread over its pages, one page is chosen to be emptied; whoever owns the cells moves them, a few at a time. So
//! what the pages take stays within a quarter of what is used, whatever sizes come and go.

use crate::limits::CELL_BYTES_MAX;

/// Seven units of 2 KiB, which is the largest that jemalloc counts as small: a page of 16 KiB would cost 20.
pub(crate) const PAGE_BYTES: usize = 14_336;
const UNIT: usize = 8;
/// Smallest cell: a header and eight bytes.
const CELL_BYTES_MIN: usize = 24;

/// Sizes of cells: steps of 8 up to 256, then sizes that cut a page almost without rest, seven to a doubling.
const SIZES: [u16; 51] = sizes();

const fn sizes() -> [u16; 51] {
    let mut sizes = [0; 51];
    let mut at = 0;
    let mut size = CELL_BYTES_MIN;
    while size <= 256 {
        sizes[at] = size as u16;
        at += 1;
        size += UNIT;
    }
    let mut cells = 52;
    while cells >= 7 {
        sizes[at] = (PAGE_BYTES / cells / UNIT * UNIT) as u16;
        at += 1;
        cells -= match cells {
            29.. => 4,
            15.. => 2,
            _ => 1,
        };
    }
    assert!(at == sizes.len() && sizes[at - 1] as usize == CELL_BYTES_MAX);
    sizes
}

/// The class for each number of units of eight bytes.
const CLASS_OF_UNITS: [u8; CELL_BYTES_MAX / UNIT + 1] = class_of_units();

const fn class_of_units() -> [u8; CELL_BYTES_MAX / UNIT + 1] {
    let mut classes = [0; CELL_BYTES_MAX / UNIT + 1];
    let mut class = 0;
    let mut units = 0;
    while units < classes.len() {
        if units * UNIT > SIZES[class] as usize {
            class += 1;
        }
        classes[units] = class as u8;
        units += 1;
    }
    classes
}

#[inline]
fn class_of(bytes: usize) -> usize {
    CLASS_OF_UNITS[bytes.div_ceil(UNIT)] as usize
}

/// The size of the cell that holds so many bytes, at most [`CELL_BYTES_MAX`].
#[inline]
pub(crate) fn cell_bytes(bytes: usize) -> usize {
    SIZES[class_of(bytes)] as usize
}

/// The handle of a cell: its page's number and its place there in units of eight bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cell(u32);

impl Cell {
    const PLACE_BITS: u32 = (PAGE_BYTES / UNIT).next_power_of_two().trailing_zeros();

    fn new(page: usize, offset: usize) -> Cell {
        Cell((page << Self::PLACE_BITS) as u32 | (offset / UNIT) as u32)
    }

    #[inline]
    fn page(self) -> usize {
        (self.0 >> Self::PLACE_BITS) as usize
    }

    #[inline]
    fn offset(self) -> usize {
        (self.0 as usize & ((1 << Self::PLACE_BITS) - 1)) * UNIT
    }
}

const NO_PAGE: u32 = u32::MAX;
const NO_CELL: u16 = u16::MAX;

/// What is known of a page. Its bytes are kept apart, so that a lookup touches little beside them.
struct Page {
    class: u8,
    live: u16,
    /// Cells from here on were never handed out.
    fresh: u16,
    /// First free cell before `fresh`; each holds the number of the next in its first two bytes.
    free: u16,
    /// Neighbours in the class's list of pages with room.
    prev: u32,
    next: u32,
}

#[derive(Clone, Copy)]
struct Class {
    /// First page with room.
    partial: u32,
    /// Free and fresh cells on all pages of the class, the one being emptied aside.
    free: u32,
    live: u32,
    /// The page being emptied.
    emptying: u32,
}

/// The bytes of a page; none for a number that is not in use.
type PageBytes = Option<Box<[u8; PAGE_BYTES]>>;

/// All cells of one shard. What a lookup reads comes first, and keeps to one cache line.
#[repr(C)]
pub(crate) struct Pages {
    /// Kept apart from what is known of the pages, so that a lookup touches little.
    bytes: Vec<PageBytes>,
    pages: Vec<Page>,
    unused: Vec<u32>,
    classes: Box<[Class; SIZES.len()]>,
    /// A class that has a page to empty, so that nobody has to look for one.
    scattered: Option<u8>,
}

impl Default for Pages {
    fn default() -> Pages {
        let class = Class { partial: NO_PAGE, free: 0, live: 0, emptying: NO_PAGE };
        Pages {
            bytes: Vec::new(),
            pages: Vec::new(),
            unused: Vec::new(),
            classes: Box::new([class; SIZES.len()]),
            scattered: None,
        }
    }
}

#[inline]
fn bytes_of(pages: &[PageBytes], number: usize) -> &[u8] {
    pages[number].as_deref().map_or(&[], |bytes| bytes)
}

#[inline]
fn bytes_of_mut(pages: &mut [PageBytes], number: usize) -> &mut [u8] {
    pages[number].as_deref_mut().map_or(&mut [], |bytes| bytes)
}

fn capacity(class: usize) -> u16 {
    (PAGE_BYTES / SIZES[class] as usize) as u16
}

impl Pages {
    /// A cell of at least `bytes` bytes, at most [`CELL_BYTES_MAX`]. Its content is whatever was there before.
    pub(crate) fn alloc(&mut self, bytes: usize) -> Cell {
        let class = class_of(bytes);
        if self.classes[class].partial == NO_PAGE {
            self.add_page(class);
        }
        let number = self.classes[class].partial;
        let size = SIZES[class] as usize;
        let page = &mut self.pages[number as usize];
        let place = if page.free == NO_CELL {
            page.fresh += 1;
            page.fresh - 1
        } else {
            let place = page.free;
            let at = place as usize * size;
            let bytes = bytes_of(&self.bytes, number as usize);
            page.free = u16::from_le_bytes([bytes[at], bytes[at + 1]]);
            place
        };
        page.live += 1;
        let full = page.live == capacity(class);
        self.classes[class].free -= 1;
        self.classes[class].live += 1;
        if full {
            self.unlink(class, number);
        }
        Cell::new(number as usize, place as usize * size)
    }

    /// Gives a cell back.
    pub(crate) fn free(&mut self, cell: Cell) {
        let number = cell.page();
        let page = &mut self.pages[number];
        let class = page.class as usize;
        let at = cell.offset();
        let next = u32::from(page.free).to_le_bytes();
        bytes_of_mut(&mut self.bytes, number)[at..at + 4].copy_from_slice(&next);
        page.free = (at / SIZES[class] as usize) as u16;
        let was_full = page.live == capacity(class);
        page.live -= 1;
        let (empty, number) = (page.live == 0, number as u32);
        let emptying = self.classes[class].emptying == number;
        self.classes[class].live -= 1;
        if !emptying {
            self.classes[class].free += 1;
            if was_full {
                self.link(class, number);
            }
        }
        if empty {
            self.remove_page(class, number);
        } else if self.scattered.is_none() && self.is_scattered(class) {
            self.scattered = Some(class as u8);
        }
    }

    #[inline]
    pub(crate) fn bytes(&self, cell: Cell) -> &[u8] {
        &bytes_of(&self.bytes, cell.page())[cell.offset()..]
    }

    #[inline]
    pub(crate) fn bytes_mut(&mut self, cell: Cell) -> &mut [u8] {
        &mut bytes_of_mut(&mut self.bytes, cell.page())[cell.offset()..]
    }

    /// What the cell takes of its page, in bytes.
    #[inline]
    pub(crate) fn size(&self, cell: Cell) -> usize {
        SIZES[self.pages[cell.page()].class as usize] as usize
    }

    /// Whether handles may run out with the next page.
    pub(crate) fn is_full(&self) -> bool {
        self.unused.is_empty() && self.pages.len() == 1 << (u32::BITS - Cell::PLACE_BITS)
    }

    /// What the pages take, in bytes, their bookkeeping included.
    #[cfg(test)]
    fn resident_bytes(&self) -> usize {
        (self.pages.len() - self.unused.len()) * PAGE_BYTES + self.pages.capacity() * size_of::<Page>()
    }

    /// A cell to move elsewhere, chosen so that its page becomes empty in the end: [`alloc`](Pages::alloc) another of its
    /// size, copy, and [`free`](Pages::free) this one. `is_live` tells by its bytes whether a cell is in use. `None` when no
    /// size is scattered.
    pub(crate) fn next_to_move(&mut self, is_live: impl Fn(&[u8]) -> bool) -> Option<Cell> {
        if !self.is_scattered(self.scattered? as usize) {
            self.scattered =
                (0..SIZES.len()).find(|&class| self.is_scattered(class)).map(|class| class as u8);
        }
        let class = self.scattered? as usize;
        if self.classes[class].emptying == NO_PAGE {
            self.choose_page(class);
        }
        let number = self.classes[class].emptying as usize;
        let page = self.pages.get(number)?;
        let size = SIZES[class] as usize;
        (0..page.fresh as usize)
            .map(|place| place * size)
            .find(|&at| is_live(&bytes_of(&self.bytes, number)[at..]))
            .map(|at| Cell::new(number, at))
    }

    /// Takes the emptiest of the first few pages with room out of use for new cells.
    fn choose_page(&mut self, class: usize) {
        const LOOK_AT: usize = 8;
        let mut best = self.classes[class].partial;
        let mut at = best;
        for _ in 0..LOOK_AT {
            if at == NO_PAGE {
                break;
            }
            if self.pages[at as usize].live < self.pages[best as usize].live {
                best = at;
            }
            at = self.pages[at as usize].next;
        }
        self.unlink(class, best);
        self.classes[class].free -= u32::from(capacity(class) - self.pages[best as usize].live);
        self.classes[class].emptying = best;
    }

    /// More than a quarter of a class free, and more than two pages of it, is scattered; so is one with a page half emptied.
    fn is_scattered(&self, class: usize) -> bool {
        let Class { free, live, emptying, .. } = self.classes[class];
        emptying != NO_PAGE || (free > live / 4 && free > 2 * u32::from(capacity(class)))
    }

    fn add_page(&mut self, class: usize) {
        let bytes = vec![0; PAGE_BYTES].into_boxed_slice().try_into().ok();
        let page =
            Page { class: class as u8, live: 0, fresh: 0, free: NO_CELL, prev: NO_PAGE, next: NO_PAGE };
        let number = match self.unused.pop() {
            Some(number) => {
                self.bytes[number as usize] = bytes;
                self.pages[number as usize] = page;
                number
            }
            None => {
                self.bytes.push(bytes);
                self.pages.push(page);
                (self.pages.len() - 1) as u32
            }
        };
        self.classes[class].free += u32::from(capacity(class));
        self.link(class, number);
    }

    fn remove_page(&mut self, class: usize, number: u32) {
        if self.classes[class].emptying == number {
            self.classes[class].emptying = NO_PAGE;
        } else {
            self.unlink(class, number);
            self.classes[class].free -= u32::from(capacity(class));
        }
        self.bytes[number as usize] = None;
        self.unused.push(number);
    }

    fn link(&mut self, class: usize, number: u32) {
        let next = self.classes[class].partial;
        if next != NO_PAGE {
            self.pages[next as usize].prev = number;
        }
        self.pages[number as usize].prev = NO_PAGE;
        self.pages[number as usize].next = next;
        self.classes[class].partial = number;
    }

    fn unlink(&mut self, class: usize, number: u32) {
        let Page { prev, next, .. } = self.pages[number as usize];
        if prev == NO_PAGE {
            self.classes[class].partial = next;
        } else {
            self.pages[prev as usize].next = next;
        }
        if next != NO_PAGE {
            self.pages[next as usize].prev = prev;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    /// A mark that is never zero in the two bytes after the first two, as in a real cell.
    fn write(pages: &mut Pages, cell: Cell, mark: u32) {
        let size = pages.size(cell);
        pages.bytes_mut(cell)[..size].fill(0xee);
        pages.bytes_mut(cell)[4..8].copy_from_slice(&mark.to_le_bytes());
    }

    fn mark(pages: &Pages, cell: Cell) -> u32 {
        u32::from_le_bytes(pages.bytes(cell)[4..8].try_into().unwrap())
    }

    fn is_live(bytes: &[u8]) -> bool {
        bytes[2..4] != [0, 0]
    }

    #[test]
    fn every_size_fits_its_cell_with_little_rest() {
        for bytes in 1..=CELL_BYTES_MAX {
            let cell = cell_bytes(bytes);
            assert!(
                cell >= bytes && (bytes < 24 || cell < bytes * 8 / 7 + 16),
                "{bytes} bytes in a cell of {cell}"
            );
        }
    }

    #[test]
    fn pages_return_when_their_last_cell_does() {
        let mut pages = Pages::default();
        let cells: Vec<Cell> = (0..1_000).map(|_| pages.alloc(100)).collect();
        assert!(pages.resident_bytes() >= 1_000 * 104);
        for cell in cells {
            pages.free(cell);
        }
        assert_eq!(pages.pages.len(), pages.unused.len());
    }

    proptest! {
        #[test]
        fn cells_keep_their_content_and_moving_bounds_the_waste(
            steps in prop::collection::vec((0..4u8, 1..=CELL_BYTES_MAX, any::<prop::sample::Index>()), 0..600),
        ) {
            let mut pages = Pages::default();
            let mut live: Vec<(Cell, u32)> = Vec::new();
            for (number, (step, bytes, which)) in steps.into_iter().enumerate() {
                let bytes = if number % 3 == 0 { bytes } else { 40 + bytes % 3 * 8 };
                if step > 0 {
                    let cell = pages.alloc(bytes);
                    write(&mut pages, cell, number as u32);
                    live.push((cell, number as u32));
                } else if !live.is_empty() {
                    let (cell, _) = live.swap_remove(which.index(live.len()));
                    pages.free(cell);
                }
            }
            // Free most of them, then let the rest be moved together.
            let mut number = 0;
            live.retain(|&(cell, _)| { number += 1; let keep = number % 10 == 0; if !keep { pages.free(cell) } keep });
            let mut at: HashMap<u32, usize> = live.iter().enumerate().map(|(i, &(_, mark))| (mark, i)).collect();
            while let Some(from) = pages.next_to_move(is_live) {
                let to = pages.alloc(pages.size(from));
                let mark = mark(&pages, from);
                write(&mut pages, to, mark);
                pages.free(from);
                let i = at.remove(&mark).unwrap();
                prop_assert_eq!(live[i].0, from);
                live[i].0 = to;
                at.insert(mark, i);
            }
            for (cell, expected) in live {
                prop_assert_eq!(mark(&pages, cell), expected);
            }
            for class in pages.classes.iter() {
                prop_assert!(class.emptying == NO_PAGE);
            }
        }
    }
}
