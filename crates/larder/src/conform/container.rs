//! Containers of the draft interop/v2: those to read and those to refuse.

use larder_cachekit::container::{self, Container, ContainerError, Method};
use larder_cachekit::{LimitError, Limits, msgpack, tagged};

use super::envelope::brief;
use super::{Checked, Group, Row, Verdict};

pub(super) const GROUPS: &[Group] = &[
    Group {
        title: "v2 container",
        claims: |row| row.has_bytes("container") && (row.has("value_msgpack_hex") || row.has_bytes("value")),
        check: read,
    },
    Group {
        title: "v2 refusal",
        claims: |row| row.has_bytes("container") && (row.says_why() || row.verdict() == Some(false)),
        check: refuse,
    },
];

fn read(row: &Row<'_>) -> Checked {
    let stored = row.bytes("container")?;
    let document =
        if row.has("value_msgpack_hex") { row.hex("value_msgpack_hex")? } else { row.bytes("value")? };
    let parsed = match Container::parse(&stored, &Limits::PROTOCOL) {
        Ok(parsed) => parsed,
        Err(error) => return Err(Verdict::fail("a container", error.to_string())),
    };
    let method = match parsed.method {
        Method::Stored => 0,
        Method::Lz4 => 1,
    };
    let sizes = [
        ("method", method),
        ("original_size", parsed.original_size),
        ("payload_len", parsed.payload.len() as u64),
        ("container_len", stored.len() as u64),
    ];
    for (field, found) in sizes {
        if let Some(expected) = row.optional_count(field)? {
            Verdict::equal(field, expected, found)?;
        }
    }
    if row.has("payload_hex") {
        Verdict::equal("payload", row.hex_text("payload_hex")?, hex::encode(parsed.payload))?;
    }
    match container::retrieve(&stored) {
        Ok(found) if found == document => {}
        Ok(found) => return Err(Verdict::fail(brief(&document), brief(&found))),
        Err(error) => return Err(Verdict::fail(brief(&document), error.to_string())),
    }
    if let Some(value) = row.get("value") {
        let encoded = tagged::from_json(value).map(|value| msgpack::encode(&value));
        if encoded != Ok(Ok(document.clone())) {
            return Err(Verdict::fail(brief(&document), format!("the value encodes as {encoded:?}")));
        }
    }
    match container::store(&document).and_then(|stored| container::retrieve(&stored)) {
        Ok(again) if again == document => Ok(Verdict::Pass),
        other => Err(Verdict::fail("the document back from an own container", format!("{other:?}"))),
    }
}

/// What the words of a vector mean; the first that occur decide.
const KINDS: &[(&str, &str)] = &[
    ("magic", "magic"),
    ("container version", "version"),
    ("signed", "signed"),
    ("unknown compression method", "method"),
    ("unknown method", "method"),
    ("must be msgpack bin", "payload"),
    ("remaining input", "overclaim"),
    ("overclaim", "overclaim"),
    ("method 0", "stored size"),
    ("method0", "stored size"),
    ("trailing", "trailing"),
    ("ratio", "ratio"),
    ("exceeds max", "size"),
    ("bomb", "size"),
    ("zero-length", "empty"),
    ("zero length", "empty"),
    ("lz4", "block"),
    ("truncat", "document"),
    ("version", "version"),
    ("payload", "payload"),
];

fn refuse(row: &Row<'_>) -> Checked {
    let found = match container::retrieve(&row.bytes("container")?) {
        Ok(found) => return Err(Verdict::fail("a refusal", brief(&found))),
        Err(error) => error,
    };
    let expected = row.refusal(KINDS)?;
    if expected == kind(&found) {
        return Ok(Verdict::Pass);
    }
    Err(Verdict::fail(format!("a refusal because of {expected}"), found.to_string()))
}

const fn kind(error: &ContainerError) -> &'static str {
    match error {
        ContainerError::Magic => "magic",
        ContainerError::Version { .. } => "version",
        ContainerError::Decode(msgpack::DecodeError::Overclaim { .. }) => "overclaim",
        ContainerError::Decode(msgpack::DecodeError::Trailing { .. }) => "trailing",
        ContainerError::Decode(_) => "document",
        ContainerError::Shape { .. } => "payload",
        ContainerError::Signed { .. } => "signed",
        ContainerError::Method { .. } => "method",
        ContainerError::Size { .. } => "stored size",
        ContainerError::NothingCompressed => "empty",
        ContainerError::Limit(LimitError::Ratio { .. }) => "ratio",
        ContainerError::Limit(_) => "size",
        ContainerError::Block(_) => "block",
        ContainerError::TooLong(_) => "length",
    }
}
