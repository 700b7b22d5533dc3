//! MessagePack in both directions: a canonical writer (shortest forms, sorted keys) and a reader for bytes that
//! nobody vouches for. Values are interop/v1 documents: a float stays a float, dates and times are sentinel maps.
//!
//! ```
//! use larder_cachekit::{Value, msgpack};
//!
//! let bytes = msgpack::encode(&Value::map([("name", "alice")]))?;
//! assert_eq!(bytes, b"\x81\xa4name\xa5alice");
//! assert_eq!(msgpack::decode(&bytes)?, Value::map([("name", "alice")]));
//! assert!(msgpack::decode(b"\x93\x01\x02").is_err(), "an element is missing");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod decode;
mod encode;
mod read;
mod typed;
mod write;

pub use decode::{decode, decode_within};
pub use encode::{EncodeError, encode, to_vec};
pub use read::{DecodeError, Reader, Token, check};
pub use typed::{from_checked_slice, from_slice, from_slice_within};
pub use write::TooLong;
pub(crate) use write::Writer;
