//! LZ4 blocks without a frame or a size prefix: the one compression of the protocol. Sizes are checked by the caller
//! before; the output has exactly the declared size, so a block that would grow further fails instead. The library's
//! checked decoder is used, which proves every length and offset before it copies.

use std::cell::RefCell;

use lz4_flex::block::get_maximum_output_size;

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

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Hands the block of the payload to `take`.
pub(crate) fn compress<T>(payload: &[u8], take: impl FnOnce(&[u8]) -> T) -> T {
    let block_bytes_max = get_maximum_output_size(payload.len());
    if block_bytes_max > SCRATCH_BYTES_MAX {
        return take(&lz4_flex::block::compress(payload));
    }
    // Taken out while it is in use, so that `take` may compress as well.
    let mut scratch = SCRATCH.take();
    if scratch.len() < block_bytes_max {
        scratch.resize(block_bytes_max, 0);
    }
    let length = lz4_flex::block::compress_into(payload, &mut scratch);
    let taken = match length.ok().and_then(|length| scratch.get(..length)) {
        Some(block) => take(block),
        // The library promises that its maximum is enough.
        None => take(&lz4_flex::block::compress(payload)),
    };
    SCRATCH.set(scratch);
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
