//! The Seriput protocol: GET, PUT and DELETE of UTF-8 keys and typed values, all numbers big-endian and signed.
//!
//! Every request says how long it is in its first eleven bytes. So a request that is wrong in any other way (an unknown
//! operation or type, a key that is not UTF-8, a part above its limit) is still a frame: it is answered and read
//! past, and replies keep their places. Only negative lengths make a stream unreadable.
//!
//! A server calls [`decode`] and answers with the functions in [`response`]; a client calls [`Request::encode`] and
//! [`decode_response`]. Whether a value is what its type says is not looked at while decoding: see
//! [`ValueType::check`].
//!
//! The body of an error is `{"errorCode":<int>,"errorMessage":"<text>"}`, as the protocol's clients read it. The protocol
//! leaves the codes to the server; these are ours, and a code never changes its meaning:
//!
//! | `errorCode` | status | meaning |
//! | --- | --- | --- |
//! | 1 | INVALID_REQUEST, then the connection closes | a negative length |
//! | 2 | INVALID_REQUEST | unknown operation |
//! | 3 | INVALID_REQUEST | unknown key type |
//! | 4 | INVALID_REQUEST | unknown value type |
//! | 5 | INVALID_REQUEST | the key is longer than allowed |
//! | 6 | INVALID_REQUEST | the value is longer than allowed |
//! | 7 | INVALID_REQUEST | the key is not UTF-8 |
//! | 8 | INVALID_REQUEST | the value is not what its type says |
//! | 100 | INTERNAL_ERROR | the server failed |
//! | 101 | INTERNAL_ERROR | the stored value is not JSON: another protocol wrote it |
//! | 102 | INTERNAL_ERROR | the stored value is longer than the protocol can say |

mod error;
pub mod json;
mod limits;
mod registry;
mod request;
pub mod response;

pub use error::{Internal, Invalid, Part, ResponseViolation, TooLong, Unencodable, Violation};
pub use limits::{Limits, ResponseLimits};
pub use registry::{KeyType, Op, ValueType};
pub use request::{Request, decode, frame_bytes, lengths};
pub use response::{Response, decode_response};
