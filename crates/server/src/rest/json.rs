//! JSON bodies of requests: objects, and nothing that might pass for one.

use serde::de::DeserializeOwned;

/// Reads a body as an object. (Left to itself, the reader would take an array for one, field by field.)
pub(crate) fn object<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    body.trim_ascii_start().starts_with(b"{").then(|| serde_json::from_slice(body).ok()).flatten()
}
