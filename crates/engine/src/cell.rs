//! What a cell holds: a header of sixteen bytes, then what the flags announce, then the key, then the value.
//!
//! ```text
//!  0  u16  length of a value stored here
//!  2  u16  how often the entry was used since it came in, 1 to 65,535; 0 marks a free cell
//!  4  u32  length of the key (24 bits), flags (8 bits)
//!  8  u32  the shard's tick when it was inserted
//! 12  u32  the shard's tick when it was last used
//! 16  u32  its node in the timer wheel, if TIMED
//!     u32  for how many milliseconds before its end it is stale, if STALE
//!     u32  its number among the large values, if LARGE
//! ```
//!
//! All of it is policy-neutral: any policy can take an entry over by what stands here.

use crate::entry::Kind;
use crate::time::Timing;

/// Size of the header in bytes.
pub(crate) const HEADER_BYTES: usize = 16;

const KEY_LEN: u32 = 0x00ff_ffff;
const TIMED: u32 = 1 << 24;
const LARGE: u32 = 1 << 25;
const LONG_KEY: u32 = 1 << 26;
const JSON: u32 = 1 << 27;
const STALE: u32 = 1 << 28;

/// What decides the layout of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) key_len: usize,
    /// Length of the value if it is stored in the cell.
    pub(crate) inline_len: Option<usize>,
    /// The key is stored in the cell.
    pub(crate) inline_key: bool,
    pub(crate) timing: Timing,
    pub(crate) kind: Kind,
}

impl Shape {
    /// The layout for an entry: what does not fit a cell goes to an allocation of its own, the value first.
    pub(crate) fn of(key_len: usize, value_len: u64, timing: Timing, kind: Kind) -> Shape {
        let max = crate::limits::CELL_BYTES_MAX as u64;
        let fixed = header_bytes(flags_of(timing)) as u64;
        let whole = fixed + key_len as u64;
        let inline_len = (whole.saturating_add(value_len) <= max).then_some(value_len as usize);
        Shape { key_len, inline_len, inline_key: whole + 4 <= max, timing, kind }
    }

    /// Bytes that the cell needs.
    pub(crate) fn bytes(self) -> usize {
        self.key_at() + if self.inline_key { self.key_len } else { 0 } + self.inline_len.unwrap_or(0)
    }

    fn key_at(self) -> usize {
        header_bytes(self.flags())
    }

    fn flags(self) -> u32 {
        flags_of(self.timing)
            | (if self.inline_len.is_none() { LARGE } else { 0 })
            | (if self.inline_key { 0 } else { LONG_KEY })
            | (if self.kind == Kind::Json { JSON } else { 0 })
    }
}

fn flags_of(timing: Timing) -> u32 {
    match timing {
        Timing::Endless => 0,
        Timing::Timed => TIMED,
        Timing::TimedStale => TIMED | STALE,
    }
}

/// Bytes before the key: the header, and a word for each flag that announces one.
#[inline]
fn header_bytes(word: u32) -> usize {
    HEADER_BYTES + 4 * (word & (TIMED | STALE | LARGE)).count_ones() as usize
}

#[inline]
fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

#[inline]
fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[inline]
fn put_u32(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

/// Whether the bytes at the start of a cell are those of an entry.
pub(crate) fn is_live(bytes: &[u8]) -> bool {
    u16_at(bytes, 2) != 0
}

/// Writes the header and the key of an entry; the value is written through [`value_mut`].
pub(crate) fn write(bytes: &mut [u8], shape: Shape, key: &[u8], history: History) {
    bytes[0..2].copy_from_slice(&(shape.inline_len.unwrap_or(0) as u16).to_le_bytes());
    bytes[2..4].copy_from_slice(&history.frequency.to_le_bytes());
    put_u32(bytes, 4, shape.key_len as u32 | shape.flags());
    put_u32(bytes, 8, history.inserted);
    put_u32(bytes, 12, history.used);
    if shape.inline_key {
        let at = shape.key_at();
        bytes[at..at + key.len()].copy_from_slice(key);
    }
}

#[inline]
pub(crate) fn kind(bytes: &[u8]) -> Kind {
    if u32_at(bytes, 4) & JSON != 0 { Kind::Json } else { Kind::Opaque }
}

/// The key, if it is stored in the cell.
#[inline]
pub(crate) fn key(bytes: &[u8]) -> Option<&[u8]> {
    let word = u32_at(bytes, 4);
    if word & LONG_KEY != 0 {
        return None;
    }
    let at = header_bytes(word);
    Some(&bytes[at..at + (word & KEY_LEN) as usize])
}

/// The value, if it is stored in the cell.
#[inline]
pub(crate) fn value(bytes: &[u8]) -> Option<&[u8]> {
    let word = u32_at(bytes, 4);
    if word & LARGE != 0 {
        return None;
    }
    let at = header_bytes(word) + (word & KEY_LEN) as usize;
    Some(&bytes[at..at + usize::from(u16_at(bytes, 0))])
}

/// Where the value of an entry that is stored in the cell goes.
pub(crate) fn value_mut(bytes: &mut [u8]) -> &mut [u8] {
    let word = u32_at(bytes, 4);
    let len = usize::from(u16_at(bytes, 0));
    let at = header_bytes(word) + (word & KEY_LEN) as usize;
    &mut bytes[at..at + len]
}

/// The number of the entry's node in the timer wheel.
#[inline]
pub(crate) fn timer(bytes: &[u8]) -> Option<u32> {
    (u32_at(bytes, 4) & TIMED != 0).then(|| u32_at(bytes, HEADER_BYTES))
}

/// Sets the node of an entry whose shape is timed.
pub(crate) fn set_timer(bytes: &mut [u8], node: u32) {
    debug_assert!(u32_at(bytes, 4) & TIMED != 0);
    put_u32(bytes, HEADER_BYTES, node);
}

/// For how many milliseconds before its end the entry is stale.
#[inline]
pub(crate) fn stale_ms(bytes: &[u8]) -> u32 {
    if u32_at(bytes, 4) & STALE == 0 { 0 } else { u32_at(bytes, HEADER_BYTES + 4) }
}

/// Sets the stale window of an entry whose shape has one.
pub(crate) fn set_stale_ms(bytes: &mut [u8], stale_ms: u32) {
    debug_assert!(u32_at(bytes, 4) & STALE != 0);
    put_u32(bytes, HEADER_BYTES + 4, stale_ms);
}

/// The number of the entry's value among the large ones.
#[inline]
pub(crate) fn large(bytes: &[u8]) -> Option<u32> {
    let word = u32_at(bytes, 4);
    (word & LARGE != 0).then(|| u32_at(bytes, large_at(word)))
}

/// Sets the number of a large value.
pub(crate) fn set_large(bytes: &mut [u8], number: u32) {
    let word = u32_at(bytes, 4);
    debug_assert!(word & LARGE != 0);
    put_u32(bytes, large_at(word), number);
}

#[inline]
fn large_at(word: u32) -> usize {
    header_bytes(word & !LARGE)
}

/// How often the entry was used since it came in, 1 to 65,535.
#[inline]
pub(crate) fn frequency(bytes: &[u8]) -> u16 {
    u16_at(bytes, 2)
}

/// The tick of its insertion.
pub(crate) fn inserted(bytes: &[u8]) -> u32 {
    u32_at(bytes, 8)
}

/// The tick of its last use.
pub(crate) fn used(bytes: &[u8]) -> u32 {
    u32_at(bytes, 12)
}

/// Notes a use at `tick`.
#[inline]
pub(crate) fn touch(bytes: &mut [u8], tick: u32) {
    let frequency = u16_at(bytes, 2).saturating_add(1);
    bytes[2..4].copy_from_slice(&frequency.to_le_bytes());
    put_u32(bytes, 12, tick);
}

/// What a cell knows of its entry's past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct History {
    pub(crate) frequency: u16,
    pub(crate) inserted: u32,
    pub(crate) used: u32,
}

impl History {
    /// The past of an entry that comes in now.
    pub(crate) fn begin(tick: u32) -> History {
        History { frequency: 1, inserted: tick, used: tick }
    }
}

/// The past of the entry in a cell.
pub(crate) fn history(bytes: &[u8]) -> History {
    History { frequency: frequency(bytes), inserted: inserted(bytes), used: used(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            key in prop::collection::vec(any::<u8>(), 0..3_000), value in prop::collection::vec(any::<u8>(), 0..3_000),
            timing in prop::sample::select(&[Timing::Endless, Timing::Timed, Timing::TimedStale][..]),
            json: bool, tick: u32, numbers: (u32, u32, u32),
        ) {
            let kind = if json { Kind::Json } else { Kind::Opaque };
            let shape = Shape::of(key.len(), value.len() as u64, timing, kind);
            prop_assert!(shape.bytes() <= crate::limits::CELL_BYTES_MAX);
            let mut bytes = vec![0xaa; shape.bytes().max(28)];
            write(&mut bytes, shape, &key, History::begin(tick));
            if shape.inline_len.is_some() {
                value_mut(&mut bytes).copy_from_slice(&value);
            } else {
                set_large(&mut bytes, numbers.0);
            }
            if timing.is_timed() {
                set_timer(&mut bytes, numbers.1);
            }
            if timing == Timing::TimedStale {
                set_stale_ms(&mut bytes, numbers.2);
            }
            prop_assert_eq!(super::key(&bytes), shape.inline_key.then_some(&key[..]));
            prop_assert_eq!(super::value(&bytes), shape.inline_len.map(|_| &value[..]));
            prop_assert_eq!(large(&bytes), shape.inline_len.is_none().then_some(numbers.0));
            prop_assert_eq!(timer(&bytes), timing.is_timed().then_some(numbers.1));
            prop_assert_eq!(super::stale_ms(&bytes), if timing == Timing::TimedStale { numbers.2 } else { 0 });
            touch(&mut bytes, tick.wrapping_add(5));
            prop_assert_eq!(history(&bytes), History { frequency: 2, inserted: tick, used: tick.wrapping_add(5) });
            prop_assert!(is_live(&bytes));
            prop_assert_eq!(super::kind(&bytes), kind);
        }
    }
}
