//! Is this one JSON text (RFC 8259)? Answered without building anything: one pass over the bytes, the open objects
//! and arrays in a stack of bits, the plain parts of strings eight bytes at a time.
//!
//! As lenient as the protocol's Java client where the RFC leaves room: any `\uXXXX` is taken, also half of a surrogate
//! pair; numbers may have any magnitude; names in an object may repeat. Stricter in one way: arrays and objects
//! may nest [`DEPTH_MAX`] deep. A byte order mark is refused, as the RFC wants.

mod fault;
mod open;
mod plain;
mod scanner;
#[cfg(test)]
mod tests;

pub use fault::{JsonError, JsonFault};
use open::Open;
use scanner::{Begun, Scanner};

/// How deep arrays and objects may nest.
pub const DEPTH_MAX: usize = 1_000;

/// Checks that `text` is one JSON text.
///
/// # Errors
///
/// The first thing that is wrong with it; bytes that are not UTF-8 come before everything else.
pub fn check(text: &[u8]) -> Result<(), JsonError> {
    if let Err(error) = std::str::from_utf8(text) {
        return Err(JsonError { offset: error.valid_up_to(), what: JsonFault::NotUtf8 });
    }
    let mut scanner = Scanner::new(text);
    let mut open = Open::nothing();
    loop {
        // A value is due; it may be a whole one or begin an object or array with something in it.
        if scanner.value(&mut open)? == Begun::Container {
            continue;
        }
        while let Some(in_object) = open.innermost() {
            if scanner.comma(in_object)? {
                break;
            }
            open.pop();
        }
        if open.is_nothing() {
            return scanner.end();
        }
    }
}
