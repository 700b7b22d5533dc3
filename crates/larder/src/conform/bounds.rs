//! Decode bounds: documents that a reader of untrusted bytes must refuse before it allocates for them, and documents
//! that it must accept.

use larder_cachekit::Limits;
use larder_cachekit::msgpack::{self, DecodeError};
use serde_json::Value as Json;

use super::envelope::brief;
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
    if let Some(expected) = row.get("input_len").and_then(Json::as_u64) {
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
    let Some(Json::Array(reasons)) = row.get("reject_reasons") else { return Ok(Verdict::Pass) };
    let found = match error {
        DecodeError::TooDeep { .. } => "depth",
        DecodeError::Overclaim { .. } => "overclaim",
        DecodeError::Truncated { .. } => "incomplete",
        _ => "another",
    };
    if reasons.iter().any(|reason| reason.as_str() == Some(found)) {
        return Ok(Verdict::Pass);
    }
    Err(Verdict::fail(format!("a refusal because of {}", row.need("reject_reasons")?), error.to_string()))
}

fn accept(row: &Row<'_>) -> Checked {
    match msgpack::check(&document(row)?, &Limits::PROTOCOL) {
        Ok(()) => Ok(Verdict::Pass),
        Err(error) => Err(Verdict::fail("the document is accepted", error.to_string())),
    }
}
