//! Every limit on untrusted input, in one place. The defaults are the protocol's own ("Security limits" of the wire
//! format and "Decode bounds" of interop mode); an application that stores small values sets smaller ones.

use thiserror::Error;

/// The deepest nesting that the protocol lets any reader accept. A value is freed by recursion, so no setting goes
/// beyond.
pub const DEPTH_MAX: usize = 1024;

/// What a reader accepts before it allocates, and what a writer refuses to produce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Nested arrays and maps of a MessagePack document. The protocol asks for 32 to 1024; 100 is what the Rust and
    /// TypeScript SDKs use. More than [`DEPTH_MAX`] counts as that.
    pub depth_max: usize,
    /// Bytes of a payload when it is not compressed.
    pub payload_bytes_max: u64,
    /// Bytes of a compressed payload.
    pub compressed_bytes_max: u64,
    /// Largest payload a compressed byte may stand for.
    pub ratio_max: u64,
}

impl Limits {
    /// The protocol's limits: depth 100, 512 MiB either way, 1000 to 1.
    pub const PROTOCOL: Self = Self {
        depth_max: 100,
        payload_bytes_max: 512 << 20,
        compressed_bytes_max: 512 << 20,
        ratio_max: 1000,
    };

    /// Checks what a container declares, before anything is allocated for it. All three comparisons are in integers
    /// wide enough for any declared size.
    pub(crate) fn check_sizes(&self, compressed: u64, original: u64) -> Result<(), LimitError> {
        if compressed > self.compressed_bytes_max {
            return Err(LimitError::Compressed { bytes: compressed, bytes_max: self.compressed_bytes_max });
        }
        if original > self.payload_bytes_max {
            return Err(LimitError::Payload { bytes: original, bytes_max: self.payload_bytes_max });
        }
        if u128::from(original) > u128::from(compressed).saturating_mul(u128::from(self.ratio_max)) {
            return Err(LimitError::Ratio { original, compressed, ratio_max: self.ratio_max });
        }
        Ok(())
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::PROTOCOL
    }
}

/// A size that is over a limit.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LimitError {
    /// The payload is, or claims to be, too large.
    #[error("the payload has {bytes} bytes uncompressed; the limit is {bytes_max}")]
    Payload {
        /// Bytes found or declared.
        bytes: u64,
        /// The limit.
        bytes_max: u64,
    },
    /// The compressed payload is too large.
    #[error("the payload has {bytes} bytes compressed; the limit is {bytes_max}")]
    Compressed {
        /// Bytes found.
        bytes: u64,
        /// The limit.
        bytes_max: u64,
    },
    /// So few compressed bytes cannot honestly stand for so large a payload.
    #[error("{compressed} compressed bytes claim to hold {original}; the limit is {ratio_max} to 1")]
    Ratio {
        /// Declared bytes uncompressed.
        original: u64,
        /// Bytes compressed.
        compressed: u64,
        /// The limit.
        ratio_max: u64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_size_limit_is_crossed_by_one_byte() {
        let limits =
            Limits { payload_bytes_max: 100, compressed_bytes_max: 10, ratio_max: 20, ..Limits::PROTOCOL };
        assert_eq!(limits.check_sizes(10, 100), Ok(()));
        assert_eq!(limits.check_sizes(11, 100), Err(LimitError::Compressed { bytes: 11, bytes_max: 10 }));
        assert_eq!(limits.check_sizes(10, 101), Err(LimitError::Payload { bytes: 101, bytes_max: 100 }));
        assert_eq!(limits.check_sizes(4, 80), Ok(()));
        assert_eq!(
            limits.check_sizes(4, 81),
            Err(LimitError::Ratio { original: 81, compressed: 4, ratio_max: 20 })
        );
    }

    #[test]
    fn the_ratio_is_computed_wider_than_32_and_64_bits() {
        assert_eq!(Limits::PROTOCOL.check_sizes(4_294_968, 4_278_189), Ok(()));
        let wide = Limits { ratio_max: u64::MAX, payload_bytes_max: u64::MAX, ..Limits::PROTOCOL };
        assert_eq!(wide.check_sizes(2, u64::MAX), Ok(()));
    }
}
