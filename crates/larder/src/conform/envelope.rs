//! Envelopes: those to read, each also written again, and those to refuse.

use larder_cachekit::Limits;
use larder_cachekit::envelope::{self, Envelope, EnvelopeError};

use super::{Checked, Group, Row, Verdict};

pub(super) const GROUPS: &[Group] = &[
    Group {
        title: "envelope",
        claims: |row| row.has_bytes("envelope") && row.has_bytes("input"),
        check: read,
    },
    Group { title: "envelope refusal", claims: |row| row.has_bytes("envelope"), check: refuse },
];

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
    for (field, size) in
        [("envelope_size", stored.len()), ("input_size", input.len()), ("original_size", input.len())]
    {
        if let Some(expected) = row.optional_count(field)? {
            Verdict::equal(field, expected, size as u64)?;
        }
    }
    if row.has("checksum_hex") {
        Verdict::equal("checksum", row.hex_text("checksum_hex")?, hex::encode(envelope::checksum(&input)))?;
    }
    if row.optional_text("envelope_encoding")? == Some("bin") {
        let written = Envelope::parse(&stored, &Limits::PROTOCOL).map(|envelope| envelope.to_bytes());
        if written != Ok(Ok(stored.clone())) {
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
    ("checksum", "checksum"),
    ("zero-length", "empty"),
    ("bomb", "size"),
    ("exceeds", "size"),
    ("trailing", "document"),
    ("truncat", "document"),
    ("mismatch", "block"),
    ("lz4", "block"),
    ("element", "shape"),
    ("field", "shape"),
];

fn refuse(row: &Row<'_>) -> Checked {
    let Some(error) = ["error", "reason", "rejected_by"].into_iter().find_map(|field| row.get(field)) else {
        return Err(Verdict::skip("neither an input nor an error is given"));
    };
    let found = match envelope::retrieve(&row.bytes("envelope")?) {
        Ok(found) => return Err(Verdict::fail(format!("a refusal: {error}"), brief(&found.payload))),
        Err(error) => error,
    };
    let expected = row.refusal(KINDS)?;
    if kinds(&found).contains(&expected) {
        return Ok(Verdict::Pass);
    }
    Err(Verdict::fail(format!("a refusal because of {expected}"), found.to_string()))
}

fn kinds(error: &EnvelopeError) -> &'static [&'static str] {
    use larder_cachekit::LimitError::{Compressed, Payload, Ratio};
    match error {
        EnvelopeError::Decode(_) => &["document"],
        EnvelopeError::Shape { .. } | EnvelopeError::TooLong(_) => &["shape"],
        EnvelopeError::Limit(Ratio { .. }) => &["ratio", "size"],
        EnvelopeError::Limit(Payload { .. } | Compressed { .. }) => &["size"],
        EnvelopeError::NothingCompressed => &["empty"],
        // A block cut short and one that holds less than declared look alike.
        EnvelopeError::Block(_) => &["block", "document", "size"],
        EnvelopeError::Checksum { .. } => &["checksum"],
    }
}

pub(super) fn brief(bytes: &[u8]) -> String {
    let shown = hex::encode(bytes.get(..bytes.len().min(48)).unwrap_or_default());
    format!("{shown}{} ({} bytes)", if bytes.len() > 48 { "…" } else { "" }, bytes.len())
}
