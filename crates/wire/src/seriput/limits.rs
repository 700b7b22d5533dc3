//! How long the parts of a message may be. Nothing above these is ever waited for, so no peer can make us hold more.

/// What a server accepts in requests, in bytes. More is [`Request::Invalid`](super::Request::Invalid).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// A key.
    pub key_bytes_max: u32,
    /// The value of a PUT.
    pub value_bytes_max: u32,
}

impl Limits {
    /// The longest request that is ever waited for, in bytes.
    pub fn frame_bytes_max(&self) -> u64 {
        11_u64.saturating_add(self.key_bytes_max.into()).saturating_add(self.value_bytes_max.into())
    }
}

impl Default for Limits {
    /// Keys of 64 KiB, values of 64 MiB.
    fn default() -> Self {
        Self { key_bytes_max: 64 << 10, value_bytes_max: 64 << 20 }
    }
}

/// What a client accepts in responses, in bytes. More is a [`ResponseViolation`](super::ResponseViolation).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResponseLimits {
    /// A value, or the body of an error.
    pub value_bytes_max: u32,
}

impl Default for ResponseLimits {
    /// 1 GiB.
    fn default() -> Self {
        Self { value_bytes_max: 1 << 30 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_frame_is_counted_in_64_bits() {
        assert_eq!(Limits { key_bytes_max: 3, value_bytes_max: 4 }.frame_bytes_max(), 18);
        let most = Limits { key_bytes_max: u32::MAX, value_bytes_max: u32::MAX };
        assert_eq!(most.frame_bytes_max(), 11 + 2 * u64::from(u32::MAX));
    }
}
