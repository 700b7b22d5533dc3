//! Envelopes: those to read, each also written again, and those to refuse.

use larder_cachekit::envelope::{self, Envelope, EnvelopeError};
use larder_cachekit::msgpack::DecodeError;
use larder_cachekit::{LimitError, Limits};

use super::row::malformed;
use super::{Checked, Group, Row, Verdict, bounds};

pub(super) const GROUPS: &[Group] = &[
    Group {
        title: "envelope of a document to refuse",
        claims: |row| {
            row.has_bytes("envelope")
                && row.has_bytes("input")
                && (row.has("reject_reasons") || row.verdict() == Some(false))
        },
        check: refuse_payload,
    },
    Group {
        title: "envelope",
        claims: |row| row.has_bytes("envelope") && row.has_bytes("input"),
        check: read,
    },
    Group { title: "envelope refusal", claims: |row| row.has_bytes("envelope"), check: refuse },
];

/// The envelope is sound; what it holds is not.
fn refuse_payload(row: &Row<'_>) -> Checked {
    read(row)?;
    bounds::refuse_document(row, &row.bytes("input")?)
}

fn read(row: &Row<'_>) -> Checked {
    let (stored, input) = (row.bytes("envelope")?, row.bytes("input")?);
    let found = match envelope::retrieve(&stored) {
        Ok(found) => found,
        Err(error) => return Err(Verdict::fail("a payload", error.to_string())),
    };
    if found.payload != input {
        return Err(Verdict::fail(brief(&input), brief(&found.payload)));
    }
    if row.has("format") {
        Verdict::equal("format", row.text("format")?, &found.format)?;
    }
    let parsed = Envelope::parse(&stored, &Limits::PROTOCOL)
        .map_err(|error| Verdict::fail("an envelope", error.to_string()))?;
    for (field, size) in [
        ("envelope_size", stored.len()),
        ("input_size", input.len()),
        ("original_size", input.len()),
        ("compressed_size", parsed.compressed.len()),
    ] {
        if let Some(expected) = row.optional_count(field)? {
            Verdict::equal(field, expected, size as u64)?;
        }
    }
    if row.has("checksum_hex") {
        Verdict::equal("checksum", row.hex_text("checksum_hex")?, hex::encode(envelope::checksum(&input)))?;
    }
    if row.optional_text("envelope_encoding")? == Some("bin") {
        let written = parsed.to_bytes();
        if written.as_ref() != Ok(&stored) {
            return Err(Verdict::fail(brief(&stored), format!("written as {written:?}")));
        }
    }
    // The compressed bytes may differ from writer to writer; what they hold may not.
    match envelope::store(&input, &found.format).and_then(|stored| envelope::retrieve(&stored)) {
        Ok(again) if again == found => Ok(Verdict::Pass),
        other => Err(Verdict::fail("the payload back from an own envelope", format!("{other:?}"))),
    }
}

/// What the words of a vector mean; the first that occur decide.
const KINDS: &[(&str, &str)] = &[
    ("ratio", "ratio"),
    ("overclaim", "bound"),
    ("element", "shape"),
    ("arity", "shape"),
    ("checksum", "checksum"),
    ("zero-length", "empty"),
    ("zero length", "empty"),
    ("bomb", "size"),
    ("exceeds", "size"),
    ("over cap", "size"),
    ("wraps", "size"),
    ("sign bit", "size"),
    ("trailing", "trailing"),
    ("lz4", "block"),
    ("mismatch", "block"),
    ("truncat", "document"),
    ("field", "shape"),
];

/// The kinds that a step of the published retrieve flow refuses with.
fn step_kinds(step: u64) -> Option<&'static [&'static str]> {
    match step {
        1 | 3 => Some(&["size"]),
        2 => Some(&["bound", "document", "shape", "trailing"]),
        // A reader that decodes into a narrow type refuses such a size earlier.
        4 => Some(&["size", "shape"]),
        5 => Some(&["empty", "ratio"]),
        6 | 9 => Some(&["block"]),
        7 | 8 => Some(&["checksum"]),
        _ => None,
    }
}

fn refuse(row: &Row<'_>) -> Checked {
    if row.verdict() != Some(false) && !row.says_why() && !row.has("reject_step") {
        return Err(Verdict::skip("neither an input nor an error is given"));
    }
    let stored = row.bytes("envelope")?;
    if let Some(expected) = row.optional_count("envelope_size")? {
        Verdict::equal("envelope_size", expected, stored.len() as u64)?;
    }
    let found = match envelope::retrieve(&stored) {
        Ok(found) => return Err(Verdict::fail("a refusal", brief(&found.payload))),
        Err(error) => error,
    };
    let expected = expected(row)?;
    if kinds(&found).iter().any(|kind| expected.contains(kind)) {
        return Ok(Verdict::Pass);
    }
    Err(Verdict::fail(format!("a refusal because of {}", expected.join(" or ")), found.to_string()))
}

/// By what the vector says, else by the step that it names, which its name may narrow, else by its name.
fn expected(row: &Row<'_>) -> Result<Vec<&'static str>, Verdict> {
    if let Some(kind) = row.said(KINDS)? {
        return Ok(vec![kind]);
    }
    if let Some(step) = row.optional_count("reject_step")? {
        let kinds = step_kinds(step).ok_or_else(|| malformed("reject_step", "1 to 9", &step.to_string()))?;
        return Ok(match row.named(KINDS) {
            Some(kind) if kinds.contains(&kind) => vec![kind],
            _ => kinds.to_vec(),
        });
    }
    row.refusal(KINDS).map(|kind| vec![kind])
}

const fn kinds(error: &EnvelopeError) -> &'static [&'static str] {
    match error {
        EnvelopeError::Decode(DecodeError::Overclaim { .. } | DecodeError::TooDeep { .. }) => {
            &["bound", "document"]
        }
        EnvelopeError::Decode(DecodeError::Trailing { .. }) => &["trailing"],
        EnvelopeError::Decode(_) => &["document"],
        EnvelopeError::Shape { .. } | EnvelopeError::TooLong(_) => &["shape"],
        EnvelopeError::Limit(LimitError::Ratio { .. }) => &["ratio"],
        EnvelopeError::Limit(_) => &["size"],
        EnvelopeError::NothingCompressed => &["empty"],
        EnvelopeError::Block(_) => &["block"],
        EnvelopeError::Checksum { .. } => &["checksum"],
    }
}

pub(super) fn brief(bytes: &[u8]) -> String {
    let shown = hex::encode(bytes.get(..bytes.len().min(48)).unwrap_or_default());
    format!("{shown}{} ({} bytes)", if bytes.len() > 48 { "…" } else { "" }, bytes.len())
}
