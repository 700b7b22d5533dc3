//! The Seriput protocol: GET, PUT and DELETE of UTF-8 keys and typed values, all numbers big-endian and signed.
//!
//! Every request says how long it is in its first eleven bytes. So a request that is wrong in any other way (an unknown
//! operation or type, a key that is not UTF-8, a part above its limit) is still a frame: it is answered and read
//! past, and replies keep their places. Only negative lengths make a stream unreadable.
//!
//! A server calls [`decode`] and answers with the functions in [`response`]; a client calls [`Request::encode`] and
//! [`decode_response`]. Whether a value is what its type says is not looked at while decoding: see
//! [`ValueType::check`].

mod error;
pub mod json;
mod limits;
mod registry;
mod request;
pub mod response;

pub use error::{Internal, Invalid, Part, ResponseViolation, TooLong, Unencodable, Violation};
pub use limits::{Limits, ResponseLimits};
pub use registry::{KeyType, Op, ValueType};
pub use request::{Request, decode};
pub use response::{Response, decode_response};
