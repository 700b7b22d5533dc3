//! LZ4 blocks without a frame or a size prefix: the one compression of the protocol. Sizes are checked by the caller
//! before; the output has exactly the declared size, so a block that would grow further fails instead.

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

pub(crate) fn decompress(block: &[u8], declared: usize) -> Result<Vec<u8>, BlockError> {
    let mut payload = vec![0; declared];
    let found = lz4_flex::block::decompress_into(block, &mut payload)
        .map_err(|_| BlockError::Malformed { declared })?;
    if found != declared {
        return Err(BlockError::Short { declared, found });
    }
    Ok(payload)
}
