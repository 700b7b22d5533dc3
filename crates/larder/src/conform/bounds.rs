//! Decode bounds: documents that a reader of untrusted bytes must refuse before it allocates for them, and documents
//! that it must accept.

use larder_cachekit::Limits;
use larder_cachekit::msgpack::{self, DecodeError};
use serde_json::Value as Json;

use super::envelope::brief;
use super::row::malformed;
use super::{Checked, Group, Row, Verdict};

const DOCUMENT_FIELDS: [&str; 4] = ["input", "document", "msgpack", "bytes"];

pub(super) const GROUPS: &[Group] = &[
    Group {
        title: "bound to refuse",
        claims: |row| field(row).is_some() && (row.has("reject_reasons") || row.path().contains("reject")),
        check: refuse,
    },
    Group {
        title: "bound to accept",
        claims: |row| field(row).is_some() && row.path().contains("accept"),
        check: accept,
    },
];

fn field(row: &Row<'_>) -> Option<&'static str> {
    DOCUMENT_FIELDS.into_iter().find(|field| row.has_bytes(field))
}

fn document(row: &Row<'_>) -> Result<Vec<u8>, Verdict> {
    let bytes = row.bytes(field(row).unwrap_or_default())?;
    if let Some(expected) = row.optional_count("input_len")? {
        Verdict::equal("input_len", expected, bytes.len() as u64)?;
    }
    Ok(bytes)
}

fn refuse(row: &Row<'_>) -> Checked {
    let document = document(row)?;
    let (Err(error), Err(_)) = (msgpack::check(&document, &Limits::PROTOCOL), msgpack::decode(&document))
    else {
        return Err(Verdict::fail("a refusal", format!("{} is accepted", brief(&document))));
    };
    let found = match error {
        DecodeError::TooDeep { .. } => "depth",
        DecodeError::Overclaim { .. } => "overclaim",
        DecodeError::Truncated { .. } => "incomplete",
        DecodeError::Trailing { .. } => "trailing",
        _ => "another",
    };
    let says_why =
        ["reject_reasons", "error", "reason", "rejected_by"].into_iter().any(|field| row.has(field));
    if !says_why {
        return Ok(Verdict::Pass);
    }
    let expected = reasons(row)?;
    if expected.contains(&found) {
        return Ok(Verdict::Pass);
    }
    Err(Verdict::fail(format!("a refusal because of {}", expected.join(" or ")), error.to_string()))
}

/// The bounds that may be the reason, every one of them known.
fn reasons<'a>(row: &Row<'a>) -> Result<Vec<&'a str>, Verdict> {
    if !row.has("reject_reasons") {
        return Ok(vec![row.refusal(KINDS)?]);
    }
    let reasons: Option<Vec<_>> = row.array("reject_reasons")?.iter().map(Json::as_str).collect();
    let Some(reasons) = reasons else {
        return Err(malformed("reject_reasons", "an array of text", "something else"));
    };
    if reasons.iter().any(|reason| KINDS.iter().any(|(_, kind)| kind == reason)) {
        return Ok(reasons);
    }
    Err(Verdict::skip(format!("the reasons {reasons:?} are not known")))
}

/// What the words of a vector mean; the first that occur decide.
const KINDS: &[(&str, &str)] = &[
    ("depth", "depth"),
    ("deep", "depth"),
    ("nest", "depth"),
    ("overclaim", "overclaim"),
    ("declare", "overclaim"),
    ("incomplete", "incomplete"),
    ("truncat", "incomplete"),
    ("trailing", "trailing"),
];

fn accept(row: &Row<'_>) -> Checked {
    match msgpack::check(&document(row)?, &Limits::PROTOCOL) {
        Ok(()) => Ok(Verdict::Pass),
        Err(error) => Err(Verdict::fail("the document is accepted", error.to_string())),
    }
}
