//! The PaperCache protocol: binary requests and replies in strict order, all numbers little-endian.
//!
//! The published page describes the messages; it leaves out the byte that a server sends on accept, and prints AUTH
//! without its length and booleans as 1 and 0 where every client wants 33 and 63. This module speaks as the clients
//! do, and reads booleans of both kinds.
//!
//! A server calls [`decode`] on what it has read and answers with the functions in [`reply`]; a client calls
//! [`Request::encode`], then [`decode_handshake`] once and [`decode_reply`] for each request.

mod command;
mod error;
mod limits;
pub mod reply;
mod request;
mod status;

pub use command::Command;
pub use error::{Error, ReplyViolation, TooLong, Violation};
pub use limits::{Limits, ReplyLimits};
pub use reply::{Booleans, Handshake, Reply, decode_handshake, decode_reply};
pub use request::{Part, Request, decode, decode_rest, set_lengths};
pub use status::Status;

/// The first byte of a reply that went well, and "true" as clients know it.
pub(crate) const OKAY: u8 = 33;
/// The first byte of a reply that did not, and "false" as clients know it.
pub(crate) const NOT_OKAY: u8 = 63;
