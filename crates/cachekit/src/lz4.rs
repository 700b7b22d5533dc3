//! LZ4 blocks without a frame or a size prefix: the one compression of the protocol. Sizes are checked by the caller
//! before; the output has exactly the declared size, so a block that would grow further fails instead. The library's
//! checked decoder is used, which proves every length and offset before it copies.

use std::cell::RefCell;

use lz4_flex::block::{CompressTable, compress_into_with_table, get_maximum_output_size};

/// A block that does not decompress to what its container declares.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlockError {
    /// Not a valid LZ4 block, or one that holds more than declared.
    #[error("the compressed payload is not a valid LZ4 block of {declared} bytes")]
    Malformed {
        /// Bytes that the container declares.
        declared: usize,
    },
    /// The block holds less than declared.
    #[error("the compressed payload holds {found} bytes where {declared} are declared")]
    Short {
        /// Bytes that the container declares.
        declared: usize,
        /// Bytes in the block.
        found: usize,
    },
}

/// Each thread keeps a buffer for blocks up to this size: a fresh one of a megabyte costs as much in page faults as a
/// fifth of the compression.
const SCRATCH_BYTES_MAX: usize = 5 << 18;
/// The library's small table counts positions in 16 bits.
const SMALL_TABLE_BYTES_MAX: usize = u16::MAX as usize - 1;

/// What a thread keeps from one compression to the next. The library clears a table before it uses it.
struct Scratch {
    block: Vec<u8>,
    small: CompressTable,
    large: CompressTable,
}

impl Scratch {
    fn new() -> Self {
        Self { block: Vec::new(), small: CompressTable::small(), large: CompressTable::large() }
    }

    fn compress(&mut self, payload: &[u8], block_bytes_max: usize) -> Option<&[u8]> {
        if self.block.len() < block_bytes_max {
            self.block.resize(block_bytes_max, 0);
        }
        let table = if payload.len() <= SMALL_TABLE_BYTES_MAX { &mut self.small } else { &mut self.large };
        let length = compress_into_with_table(payload, &mut self.block, table).ok()?;
        self.block.get(..length)
    }
}

thread_local! {
    static SCRATCH: RefCell<Option<Scratch>> = const { RefCell::new(None) };
}

/// Hands the block of the payload to `take`.
pub(crate) fn compress<T>(payload: &[u8], take: impl FnOnce(&[u8]) -> T) -> T {
    let block_bytes_max = get_maximum_output_size(payload.len());
    if block_bytes_max > SCRATCH_BYTES_MAX {
        return take(&lz4_flex::block::compress(payload));
    }
    // Taken out while it is in use, so that `take` may compress as well.
    let mut scratch = SCRATCH.take().unwrap_or_else(Scratch::new);
    let taken = match scratch.compress(payload, block_bytes_max) {
        Some(block) => take(block),
        // The library promises that its maximum is enough.
        None => take(&lz4_flex::block::compress(payload)),
    };
    SCRATCH.set(Some(scratch));
    taken
}

pub(crate) fn decompress(block: &[u8], declared: usize) -> Result<Vec<u8>, BlockError> {
    let mut payload = vec![0; declared];
    let found = lz4_flex::block::decompress_into(block, &mut payload)
        .map_err(|_| BlockError::Malformed { declared })?;
    if found != declared {
        return Err(BlockError::Short { declared, found });
    }
    Ok(payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_was_used_before_changes_no_block() {
        let text = |bytes: usize, seed: usize| -> Vec<u8> {
            (0..bytes).map(|at| ((at / 7).wrapping_mul(seed) % 23) as u8 + b'a').collect()
        };
        for bytes in [100, 65_534, 5, 65_535, 0, 65_536, 300_000, 1000, 1 << 21, 20] {
            for seed in [3, 5] {
                let payload = text(bytes, seed);
                let (again, fresh) =
                    (compress(&payload, <[u8]>::to_vec), lz4_flex::block::compress(&payload));
                assert!(again == fresh, "{bytes} {seed}");
                assert!(decompress(&again, bytes).as_ref() == Ok(&payload), "{bytes} {seed}");
            }
        }
    }
}
