//! How values are read from text and shown: what settings of several kinds have in common.

use serde_json::Value;

use super::Refusal;
use crate::config::{duration, size};

/// The words that a value may be, and what each means.
pub(super) type Names<T> = [(&'static str, T)];

/// Reads a setting that has one value.
pub(super) fn one<T>(texts: &[&str], read: impl FnOnce(&str) -> Result<T, String>) -> Result<T, Refusal> {
    let text = texts.first().copied().unwrap_or_default();
    read(text).map_err(|allowed| Refusal { piece: 0, allowed })
}

/// The value that a word stands for.
pub(super) fn choose<T: Copy>(text: &str, names: &Names<T>) -> Result<T, String> {
    let found = names.iter().find(|(name, _)| *name == text);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<_> = names.iter().map(|(name, _)| *name).collect();
        names.join(", ")
    })
}

/// The word that stands for a value.
pub(super) fn name_of<T: PartialEq>(names: &Names<T>, value: &T) -> Value {
    names.iter().find(|(_, named)| named == value).map_or(Value::Null, |(name, _)| (*name).into())
}

/// See [`size`].
pub(super) fn read_size(text: &str, min: u64, max: u64) -> Result<u64, String> {
    let bytes = size::parse(text).map_err(|error| error.to_string())?;
    if (min..=max).contains(&bytes) {
        return Ok(bytes);
    }
    Err(if bytes < min {
        format!("at least {min} byte{}", if min == 1 { "" } else { "s" })
    } else {
        format!("at most {} ({max} bytes)", size::Size(max))
    })
}

/// A whole number in decimal.
pub(super) fn read_count(text: &str, min: usize, max: usize) -> Result<usize, String> {
    let count = text.trim().parse().ok().filter(|count| (min..=max).contains(count));
    count.ok_or_else(|| format!("a whole number from {min} to {max}"))
}

/// See [`duration`].
pub(super) fn read_time(text: &str) -> Result<Option<std::time::Duration>, String> {
    duration::parse(text).map_err(str::to_owned)
}

/// Reads each of several values; the first that is none is reported with its place.
pub(super) fn read_list<T>(
    texts: &[&str],
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<T>, Refusal> {
    let read = |(piece, text): (usize, &&str)| read(text).map_err(|allowed| Refusal { piece, allowed });
    texts.iter().enumerate().map(read).collect()
}
