//! Documents that a reader of untrusted bytes must refuse, before it allocates for them where they claim too much, and
//! documents that it must read, canonical or not.

use larder_cachekit::Limits;
use larder_cachekit::msgpack::{self, DecodeError};
use larder_cachekit::tagged;
use serde::de::IgnoredAny;
use serde_json::Value as Json;

use super::envelope::brief;
use super::row::malformed;
use super::{Checked, Group, Row, Verdict, scan};

const DOCUMENT_FIELDS: [&str; 5] = ["input", "document", "msgpack", "bytes", "payload"];
const REASONS_FIELDS: [&str; 2] = ["reject_reasons", "reasons"];

pub(super) const GROUPS: &[Group] = &[
    Group {
        title: "temporal value",
        claims: |row| field(row).is_some() && row.has("revives_to"),
        check: temporal,
    },
    Group {
        title: "document to refuse",
        claims: |row| {
            field(row).is_some()
                && (row.verdict() == Some(false) || row.says_why() || reasons_field(row).is_some())
        },
        check: refuse,
    },
    Group {
        title: "document to read",
        claims: |row| field(row).is_some() && (row.verdict() == Some(true) || row.has("value")),
        check: accept,
    },
];

fn field(row: &Row<'_>) -> Option<&'static str> {
    let named = DOCUMENT_FIELDS.into_iter().find(|field| row.has_bytes(field));
    named.or_else(|| row.has("construction").then_some("input"))
}

fn reasons_field(row: &Row<'_>) -> Option<&'static str> {
    REASONS_FIELDS.into_iter().find(|field| row.has(field))
}

/// The document, which may be given in full, as a construction, or both ways.
fn document(row: &Row<'_>) -> Result<Vec<u8>, Verdict> {
    let name = field(row).unwrap_or_default();
    let constructed = row.repeated("construction")?;
    let bytes = match &constructed {
        Some(bytes) if !row.has_bytes(name) => bytes.clone(),
        _ => row.bytes(name)?,
    };
    if constructed.is_some_and(|constructed| constructed != bytes) {
        return Err(malformed("construction", &format!("that of its {name}"), "other bytes"));
    }
    if let Some(expected) = row.optional_count("input_len")? {
        Verdict::equal("input_len", expected, bytes.len() as u64)?;
    }
    Ok(bytes)
}

fn refuse(row: &Row<'_>) -> Checked {
    refuse_document(row, &document(row)?)
}

/// The document is refused, and for the reason that the vector gives or, where it gives none, that the document is.
pub(super) fn refuse_document(row: &Row<'_>, document: &[u8]) -> Checked {
    let (Err(error), Err(_), Err(_)) = (
        msgpack::check(document, &Limits::PROTOCOL),
        msgpack::decode(document),
        msgpack::from_slice::<IgnoredAny>(document),
    ) else {
        return Err(Verdict::fail("a refusal", format!("{} is accepted", brief(document))));
    };
    let found = match error {
        DecodeError::TooDeep { .. } => "depth",
        DecodeError::Overclaim { .. } => "overclaim",
        DecodeError::Truncated { .. } | DecodeError::Empty => "incomplete",
        DecodeError::Trailing { .. } | DecodeError::PythonFrame => "trailing",
        DecodeError::Reserved { .. } => "reserved",
        DecodeError::NotUtf8 { .. } => "utf-8",
        _ => "another",
    };
    let expected = reasons(row, document)?;
    if expected.contains(&found) {
        return Ok(Verdict::Pass);
    }
    Err(Verdict::fail(format!("a refusal because of {}", expected.join(" or ")), error.to_string()))
}

/// The bounds that may be the reason, at least one of them known.
fn reasons<'a>(row: &Row<'a>, document: &[u8]) -> Result<Vec<&'a str>, Verdict> {
    if let Some(field) = reasons_field(row) {
        let reasons: Option<Vec<_>> = row.array(field)?.iter().map(Json::as_str).collect();
        let Some(reasons) = reasons else {
            return Err(malformed(field, "an array of text", "something else"));
        };
        if reasons.iter().any(|reason| KINDS.iter().any(|(_, kind)| kind == reason)) {
            return Ok(reasons);
        }
        return Err(Verdict::skip(format!("the reasons {reasons:?} are not known")));
    }
    if row.says_why() {
        return match row.said(KINDS)? {
            Some(reason) => Ok(vec![reason]),
            None => Err(row.unknown_reason()?),
        };
    }
    let faults = scan::faults(document, Limits::PROTOCOL.depth_max);
    if faults.is_empty() {
        return Err(Verdict::skip("the vector does not say why it is to be refused, and no bound does"));
    }
    Ok(faults)
}

/// What the words of a vector mean; the first that occur decide.
const KINDS: &[(&str, &str)] = &[
    ("depth", "depth"),
    ("deep", "depth"),
    ("nest", "depth"),
    ("overclaim", "overclaim"),
    ("declare", "overclaim"),
    ("claim", "overclaim"),
    ("slot", "overclaim"),
    ("incomplete", "incomplete"),
    ("truncat", "incomplete"),
    ("end of input", "incomplete"),
    ("empty", "incomplete"),
    ("trailing", "trailing"),
    ("reserved", "reserved"),
    ("0xc1", "reserved"),
    ("utf-8", "utf-8"),
];

/// Any sound document is read, whatever a value of the protocol's model may hold; where the vector says what it
/// holds, it is read as that.
fn accept(row: &Row<'_>) -> Checked {
    let document = document(row)?;
    if let Err(error) = msgpack::check(&document, &Limits::PROTOCOL) {
        return Err(Verdict::fail("the document is accepted", error.to_string()));
    }
    if let Err(error) = msgpack::from_slice::<IgnoredAny>(&document) {
        return Err(Verdict::fail("the document is read", error.to_string()));
    }
    let Some(json) = row.get("value") else { return Ok(Verdict::Pass) };
    let expected =
        tagged::from_json(json).map_err(|error| malformed("value", "tagged JSON", &error.to_string()))?;
    match msgpack::decode(&document) {
        Ok(found) if found == expected => Ok(Verdict::Pass),
        Ok(found) => Err(Verdict::fail(json.to_string(), tagged::to_json(&found).to_string())),
        Err(error) => Err(Verdict::fail(json.to_string(), error.to_string())),
    }
}

/// A sentinel map is read as the date or time that it marks.
fn temporal(row: &Row<'_>) -> Checked {
    let expected = row.with(row.need("revives_to")?);
    let (kind, text) = (expected.text("type")?, expected.text("iso")?);
    let found = msgpack::decode(&document(row)?).map_err(|error| Verdict::fail(kind, error.to_string()))?;
    Verdict::equal("type", kind, found.kind())?;
    let found = tagged::to_json(&found);
    let shown = found.as_object().and_then(|tagged| tagged.values().next()?.as_str()).unwrap_or_default();
    Verdict::equal(kind, text, shown)
}
