//! How long the parts of a message may be. Nothing above these is ever waited for, so no peer can make us hold more.

/// What a server accepts in requests, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// A key. A longer one is [`Request::Oversized`](super::Request::Oversized), in a SET a
    /// [`Violation`](super::Violation).
    pub key_bytes_max: u32,
    /// The value of a SET. A longer one is [`Request::Oversized`](super::Request::Oversized).
    pub value_bytes_max: u32,
    /// The token of AUTH and the name in POLICY. A longer one is [`Request::Oversized`](super::Request::Oversized).
    pub text_bytes_max: u32,
}

impl Limits {
    /// The longest request that is ever waited for, in bytes: a SET with the longest key and value, or a text command
    /// where that is longer.
    pub fn frame_bytes_max(&self) -> u64 {
        let set =
            13_u64.saturating_add(self.key_bytes_max.into()).saturating_add(self.value_bytes_max.into());
        let text = 5_u64.saturating_add(self.text_bytes_max.into());
        set.max(text)
    }
}

impl Default for Limits {
    /// Keys of 64 KiB, values of 64 MiB, texts of 4 KiB.
    fn default() -> Self {
        Self { key_bytes_max: 64 << 10, value_bytes_max: 64 << 20, text_bytes_max: 4 << 10 }
    }
}

/// What a client accepts in replies. More is a [`ReplyViolation`](super::ReplyViolation).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplyLimits {
    /// The bytes that answer PING, VERSION, GET and PEEK.
    pub value_bytes_max: u32,
    /// The name of a policy in STATUS, in bytes.
    pub text_bytes_max: u32,
    /// How many policies STATUS may list.
    pub policies_max: u32,
}

impl Default for ReplyLimits {
    /// Values of 1 GiB, names of 4 KiB, 1,024 policies.
    fn default() -> Self {
        Self { value_bytes_max: 1 << 30, text_bytes_max: 4 << 10, policies_max: 1 << 10 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_frame_is_a_set_or_a_text_in_64_bits() {
        let limits = Limits { key_bytes_max: 3, value_bytes_max: 4, text_bytes_max: 5 };
        assert_eq!(limits.frame_bytes_max(), 1 + 4 + 3 + 4 + 4 + 4);
        let texts = Limits { text_bytes_max: 100, ..limits };
        assert_eq!(texts.frame_bytes_max(), 1 + 4 + 100);
        let most = Limits { key_bytes_max: u32::MAX, value_bytes_max: u32::MAX, text_bytes_max: u32::MAX };
        assert_eq!(most.frame_bytes_max(), 13 + 2 * u64::from(u32::MAX));
    }
}
