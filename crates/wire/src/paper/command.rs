//! The fourteen commands and their bytes on the wire.

use std::fmt;

/// A command of the protocol; its number is the first byte of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Command {
    /// Is the server there? Answered with bytes ("pong").
    Ping = 0,
    /// Which version of the cache? Answered with bytes.
    Version = 1,
    /// Here is the token.
    Auth = 2,
    /// Read a value; counts as a use.
    Get = 3,
    /// Store a value.
    Set = 4,
    /// Delete a key.
    Del = 5,
    /// Is the key there? Not a use.
    Has = 6,
    /// Read a value without using it.
    Peek = 7,
    /// Set or clear the time to live.
    Ttl = 8,
    /// How long is the value?
    Size = 9,
    /// Delete everything.
    Wipe = 10,
    /// Set the size of the cache.
    Resize = 11,
    /// Set the eviction policy.
    Policy = 12,
    /// Sizes, counters, policies.
    Status = 13,
}

impl Command {
    /// Every command, in the order of their bytes.
    pub const ALL: [Self; 14] = [
        Self::Ping,
        Self::Version,
        Self::Auth,
        Self::Get,
        Self::Set,
        Self::Del,
        Self::Has,
        Self::Peek,
        Self::Ttl,
        Self::Size,
        Self::Wipe,
        Self::Resize,
        Self::Policy,
        Self::Status,
    ];

    /// The command with this byte, if there is one.
    #[inline]
    pub fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.get(usize::from(byte)).copied()
    }

    /// Its byte on the wire.
    #[inline]
    pub fn byte(self) -> u8 {
        self as u8
    }

    /// Its name as the published page writes it, such as `GET`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ping => "PING",
            Self::Version => "VERSION",
            Self::Auth => "AUTH",
            Self::Get => "GET",
            Self::Set => "SET",
            Self::Del => "DEL",
            Self::Has => "HAS",
            Self::Peek => "PEEK",
            Self::Ttl => "TTL",
            Self::Size => "SIZE",
            Self::Wipe => "WIPE",
            Self::Resize => "RESIZE",
            Self::Policy => "POLICY",
            Self::Status => "STATUS",
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_and_its_command_belong_together() {
        for (byte, command) in (0..).zip(Command::ALL) {
            assert_eq!(command.byte(), byte);
            assert_eq!(Command::from_byte(byte), Some(command));
        }
    }

    #[test]
    fn bytes_above_thirteen_are_no_commands() {
        for byte in 14..=255 {
            assert_eq!(Command::from_byte(byte), None);
        }
    }

    #[test]
    fn a_command_prints_as_the_page_writes_it() {
        assert_eq!(Command::Get.to_string(), "GET");
        assert_eq!(Command::Resize.to_string(), "RESIZE");
    }
}
