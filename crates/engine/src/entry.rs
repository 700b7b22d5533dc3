//! What goes in and comes out: values, their kind, and what a reader is shown.

use bytes::Bytes;

use crate::time::Expiry;

/// What a value is known to be. The engine stores it beside the value and draws no conclusion from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Bytes that mean something to their writer.
    #[default]
    Opaque,
    /// One JSON text.
    Json,
}

/// A value on its way into the cache.
#[derive(Clone, Debug)]
pub enum Value<'v> {
    /// Bytes to be copied.
    Slice(&'v [u8]),
    /// Bytes that are kept as they are, without a copy, if the value is large (above some 2 KiB). The allocation behind them
    /// should hold little else: only the length of the value is charged.
    Shared(Bytes),
}

impl Value<'_> {
    pub(crate) fn as_slice(&self) -> &[u8] {
        match self {
            Value::Slice(bytes) => bytes,
            Value::Shared(bytes) => bytes,
        }
    }

    pub(crate) fn to_bytes(&self) -> Bytes {
        match self {
            Value::Slice(bytes) => Bytes::copy_from_slice(bytes),
            Value::Shared(bytes) => bytes.clone(),
        }
    }
}

impl<'v> From<&'v [u8]> for Value<'v> {
    fn from(bytes: &'v [u8]) -> Value<'v> {
        Value::Slice(bytes)
    }
}

impl<'v, const N: usize> From<&'v [u8; N]> for Value<'v> {
    fn from(bytes: &'v [u8; N]) -> Value<'v> {
        Value::Slice(bytes)
    }
}

impl From<Bytes> for Value<'_> {
    fn from(bytes: Bytes) -> Self {
        Value::Shared(bytes)
    }
}

/// What a reader sees of an entry, for as long as it looks.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'e> {
    /// The value, in the cache's own memory.
    pub value: &'e [u8],
    /// The same value in a form that can be kept without a copy; only large values have it.
    pub shared: Option<&'e Bytes>,
    /// What the value is known to be.
    pub kind: Kind,
    /// When the entry ends, if it does.
    pub expiry: Option<Expiry>,
}
