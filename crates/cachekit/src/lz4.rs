//! LZ4 blocks without a frame or a size prefix: the one compression of the protocol. Sizes are checked by the caller
//! before; the output has exactly the declared size, so a block that would grow further fails instead.

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

pub(crate) fn compress(payload: &[u8]) -> Vec<u8> {
    lz4_flex::block::compress(payload)
}

/// The block behind so many bytes of room, in a buffer that has capacity for more behind it, and the block's length.
pub(crate) fn compress_after(payload: &[u8], room: usize, more: usize) -> (Vec<u8>, usize) {
    let block_bytes_max = get_maximum_output_size(payload.len());
    let mut buffer = vec![0; room.saturating_add(block_bytes_max).saturating_add(more)];
    let written = buffer.get_mut(room..).map(|place| lz4_flex::block::compress_into(payload, place));
    let Some(Ok(length)) = written else {
        // The library promises that its maximum is enough.
        let block = compress(payload);
        buffer.truncate(room);
        buffer.extend_from_slice(&block);
        return (buffer, block.len());
    };
    buffer.truncate(room.saturating_add(length));
    (buffer, length)
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
