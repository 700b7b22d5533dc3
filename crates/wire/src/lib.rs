//! Bytes to requests and replies, without I/O: the PaperCache protocol ([`paper`]) and the Seriput protocol
//! ([`seriput`]), each in both directions.
//!
//! Decoding is a function from a slice to a value that borrows from it. It has no clock and no socket, allocates
//! nothing above the limits it is given and never recurses on input. Encoding appends one whole message to a
//! `Vec<u8>`. Whoever owns the connection keeps the buffer and asks again with more bytes when told to:
//!
//! ```
//! use larder_wire::{Decoded, paper};
//!
//! let buffered = b"\x03\x05\x00\x00\x00hello\x00";
//! let limits = paper::Limits::default();
//! let Decoded::Frame { value, used } = paper::decode(buffered, &limits)? else { panic!("complete") };
//! assert_eq!(value, paper::Request::Get { key: b"hello" });
//! assert_eq!(used, 10);
//! assert_eq!(paper::decode(&buffered[..3], &limits)?, Decoded::Need(5));
//! # Ok::<(), paper::Violation>(())
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used
    )
)]

mod decode;
pub mod paper;
pub mod seriput;

pub use decode::Decoded;
