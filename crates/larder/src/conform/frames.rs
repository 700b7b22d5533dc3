//! Frames of the Python SDK: those to take apart, those to refuse, and those that a reader of encrypted entries must
//! not believe.

use larder_cachekit::crypto::{Aad, Keyring};
use larder_cachekit::envelope::{self, Envelope};
use larder_cachekit::frame::{Frame, FrameError, FrameReader};
use larder_cachekit::msgpack::{self, DecodeError};
use larder_cachekit::{Limits, tagged};
use serde_json::Value as Json;

use super::envelope::brief;
use super::masterkeys::master_key;
use super::row::malformed;
use super::{Checked, Group, Row, Verdict};

pub(super) const GROUPS: &[Group] = &[
    Group {
        title: "encrypted frame",
        claims: |row| row.has_all(&["frame_hex", "outcome"]),
        check: encrypted,
    },
    Group { title: "frame", claims: |row| row.has_all(&["frame_hex", "expected_header"]), check: parse },
    Group { title: "frame refusal", claims: |row| row.has_all(&["frame_hex", "error"]), check: refuse },
];

/// The reader that the frames are written for: the Python SDK's default.
const READER: FrameReader<'_> = FrameReader { serializer: "default" };

fn parse(row: &Row<'_>) -> Checked {
    let bytes = row.hex("frame_hex")?;
    let frame = parsed(row, &bytes)?;
    if msgpack::decode(&bytes) != Err(DecodeError::PythonFrame) {
        return Err(Verdict::fail(
            "an interop reader that names the frame",
            format!("{:?}", msgpack::decode(&bytes)),
        ));
    }
    if let Some(expected) = row.get("payload_envelope") {
        payload_envelope(&row.with(expected), frame.payload)?;
    }
    if let Some(arrow) = row.get("arrow_detection") {
        payload_arrow(&row.with(arrow), frame.payload)?;
    }
    match (row.get("value_json"), row.get("payload_envelope")) {
        (Some(value), Some(_)) => {
            let document = envelope::retrieve(frame.payload).map(|found| found.payload).unwrap_or_default();
            same_value(value, &document)
        }
        (Some(value), None) => same_value(value, frame.payload),
        (None, _) => Ok(Verdict::Pass),
    }
}

fn parsed<'a>(row: &Row<'_>, bytes: &'a [u8]) -> Result<Frame<'a>, Verdict> {
    let frame = Frame::parse(bytes).map_err(|error| Verdict::fail("a frame", error.to_string()))?;
    Verdict::equal(
        "header",
        row.need("expected_header")?.to_string(),
        Json::Object(frame.header.clone()).to_string(),
    )?;
    if row.has("expected_payload_hex") {
        Verdict::equal("payload", row.hex_text("expected_payload_hex")?, hex::encode(frame.payload))?;
    }
    Ok(frame)
}

fn payload_envelope(row: &Row<'_>, payload: &[u8]) -> Checked {
    let parsed = Envelope::parse(payload, &Limits::PROTOCOL);
    let parsed = parsed.map_err(|error| Verdict::fail("an envelope", error.to_string()))?;
    Verdict::equal("block", row.hex_text("compressed_data_hex")?, hex::encode(&parsed.compressed))?;
    Verdict::equal("checksum", row.hex_text("checksum_hex")?, hex::encode(parsed.checksum))?;
    Verdict::equal("format", row.text("format")?, parsed.format)?;
    Verdict::equal("size", row.need("original_size")?.to_string(), parsed.original_size.to_string())?;
    match envelope::retrieve(payload) {
        Ok(found) => {
            Verdict::equal("document", row.hex_text("inner_msgpack_hex")?, hex::encode(found.payload))
        }
        Err(error) => Err(Verdict::fail("a payload", error.to_string())),
    }
}

fn payload_arrow(row: &Row<'_>, payload: &[u8]) -> Checked {
    let Some((checksum, ipc)) = payload.split_first_chunk::<8>() else {
        return Err(Verdict::fail("a checksum of 8 bytes", brief(payload)));
    };
    Verdict::equal("checksum in front", row.hex_text("checksum_hex")?, hex::encode(checksum))?;
    Verdict::equal("checksum computed", hex::encode(checksum), hex::encode(envelope::checksum(ipc)))?;
    let magic = row.text("ipc_magic")?;
    if ipc.starts_with(magic.as_bytes()) { Ok(Verdict::Pass) } else { Err(Verdict::fail(magic, brief(ipc))) }
}

fn same_value(json: &Json, document: &[u8]) -> Checked {
    let expected =
        tagged::from_json(json).map_err(|error| malformed("value_json", "a value", &error.to_string()))?;
    match msgpack::decode(document) {
        Ok(found) if found == expected => Ok(Verdict::Pass),
        found => Err(Verdict::fail(json.to_string(), format!("{found:?}"))),
    }
}

fn refuse(row: &Row<'_>) -> Checked {
    let bytes = row.hex("frame_hex")?;
    let Some(expected) = row.optional_text("rejected_by")? else {
        return match msgpack::decode(&bytes) {
            Err(DecodeError::PythonFrame) => Ok(Verdict::Pass),
            other => Err(Verdict::fail("an interop reader that names the frame", format!("{other:?}"))),
        };
    };
    let found = match Frame::parse(&bytes).and_then(|frame| READER.check_serializer(&frame)) {
        Ok(()) => return Err(Verdict::fail(format!("a refusal by {expected}"), "a frame")),
        Err(FrameError::PrefixLength { .. }) => "prefix_length",
        Err(FrameError::Magic) => "magic",
        Err(FrameError::Version { .. }) => "version",
        Err(FrameError::HeaderLength { .. }) => "header_length",
        Err(FrameError::SerializerName { .. }) => "serializer_name",
        Err(FrameError::Header { .. }) => "header",
        Err(FrameError::NotEncrypted | FrameError::Open(_)) => "encryption",
    };
    Verdict::equal("refused by", expected, found)
}

/// A reader that demands encryption, for its own tenant and its own container, whatever the header claims.
fn encrypted(row: &Row<'_>) -> Checked {
    let bytes = row.hex("frame_hex")?;
    let frame = parsed(row, &bytes)?;
    let outcome = row.text("outcome")?;
    if outcome != "fail_closed" {
        return Err(Verdict::skip(format!("the outcome {outcome:?} is not known")));
    }
    let Some(reader) = row.shared("encrypted_reader") else {
        return Err(Verdict::skip("the file does not say what its reader is configured for"));
    };
    let reader = row.with(reader);
    let keyring = Keyring::new(master_key(reader.text("master_key_hex")?)?, Vec::new());
    let keyring = keyring.map_err(|error| Verdict::fail("a keyring", error.to_string()))?;
    let tenant = reader.text("tenant_id")?;
    let keyring = keyring.for_tenant(tenant).map_err(|error| Verdict::fail("a tenant", error.to_string()))?;
    let aad = Aad::python_default(tenant, reader.text("cache_key")?);
    let refusal = match READER.open(&frame, &keyring, &aad) {
        Err(error) => error,
        Ok(plaintext) => {
            return match envelope::retrieve(&plaintext) {
                Err(_) => Ok(Verdict::Pass),
                Ok(_) => Err(Verdict::fail("a reader that fails closed", "a value")),
            };
        }
    };
    let claims_plain = row.optional_text("header_claims")? == Some("plaintext");
    match refusal {
        FrameError::SerializerName { .. } => Ok(Verdict::Pass),
        FrameError::NotEncrypted if claims_plain => Ok(Verdict::Pass),
        FrameError::Open(_) if !claims_plain => Ok(Verdict::Pass),
        other => Err(Verdict::fail("another refusal", other.to_string())),
    }
}
