//! What a client of the REST API and a reader of cache files must do: how a key becomes a segment of a path, what the freshness
//! headers say, what a file is to its reader.

use larder_store::{FileReading, file_header, file_name, fresh_for_s, is_stale, path_segment, read_file};
use serde_json::Value as Json;

use super::row::malformed;
use super::{Checked, Group, Row, Verdict};

pub(super) const GROUPS: &[Group] = &[
    Group {
        title: "path segment",
        claims: |row| row.has("key") && (row.has("encoded") || row.has("reject")) && !row.has("value"),
        check: path,
    },
    Group { title: "freshness header", claims: |row| row.has_all(&["value", "stale"]), check: freshness },
    Group { title: "fresh-for header", claims: |row| row.has_all(&["value", "fresh_for"]), check: fresh_for },
    Group {
        title: "cache file",
        claims: |row| row.has_all(&["key_utf8", "filename", "file_hex", "reader_action"]),
        check: file,
    },
];

fn path(row: &Row<'_>) -> Checked {
    let key = row.text("key")?;
    let found = path_segment(key.as_bytes());
    if row.get("reject") == Some(&Json::Bool(true)) {
        return match found {
            Ok(segment) => Err(Verdict::fail("the key is refused", segment)),
            Err(_) => Ok(Verdict::Pass),
        };
    }
    let encoded = row.text("encoded")?;
    let alternates = row.get("encoded_alternates").and_then(Json::as_array);
    match found {
        Ok(segment) if alternates.is_some_and(|list| list.iter().any(|one| one == segment.as_str())) => {
            Ok(Verdict::Pass)
        }
        Ok(segment) => Verdict::equal("segment", encoded.to_owned(), segment),
        Err(fault) => Err(Verdict::fail(encoded, fault.to_string())),
    }
}

/// The value of a header, each character of which stands for one byte; `None` where the header is absent.
fn header(row: &Row<'_>) -> Result<Option<Vec<u8>>, Verdict> {
    if row.need("value")?.is_null() {
        return Ok(None);
    }
    let byte =
        |char| u8::try_from(char).map_err(|_| malformed("value", "bytes as characters", "another character"));
    row.text("value")?.chars().map(byte).collect::<Result<_, _>>().map(Some)
}

fn freshness(row: &Row<'_>) -> Checked {
    let expected = row.need("stale")?;
    let expected =
        expected.as_bool().ok_or_else(|| malformed("stale", "true or false", &expected.to_string()))?;
    Verdict::equal("stale", expected, is_stale(header(row)?.as_deref()))
}

fn fresh_for(row: &Row<'_>) -> Checked {
    let expected = match row.need("fresh_for")? {
        Json::Null => None,
        _ => row.optional_count("fresh_for")?,
    };
    let shown =
        |seconds: Option<u64>| seconds.map_or("no bound".to_owned(), |seconds| format!("{seconds} s"));
    Verdict::equal("fresh for", shown(expected), shown(fresh_for_s(header(row)?.as_deref()).map(u64::from)))
}

fn file(row: &Row<'_>) -> Checked {
    let name = row.text("filename")?.to_owned();
    Verdict::equal("file name", name, file_name(row.text("key_utf8")?.as_bytes()))?;
    let bytes = row.hex("file_hex")?;
    let expiry_s = row.optional_count("expiry_unix_seconds")?;
    let is_plain =
        [row.optional_count("flags")?, row.optional_count("reserved")?].iter().all(|n| n.unwrap_or(0) == 0);
    if let Some(expiry_s) = expiry_s.filter(|_| is_plain && row.has("header_hex")) {
        Verdict::equal("header", row.hex_text("header_hex")?, hex::encode(file_header(expiry_s)))?;
    }
    let now_s = row.optional_count("reader_now_unix_seconds")?.unwrap_or(0);
    let reading = read_file(&bytes, now_s);
    let action = match reading {
        FileReading::Value { .. } => "return_payload",
        FileReading::Expired => "miss_expired",
        FileReading::Foreign => "miss_preserve",
        FileReading::Damaged => "miss_delete",
    };
    if let FileReading::Value { value, expiry_s: found } = reading {
        if row.has("payload_hex") {
            Verdict::equal("payload", row.hex_text("payload_hex")?, hex::encode(value))?;
        }
        if let Some(expected) = expiry_s {
            Verdict::equal("expiry", expected, found)?;
        }
    }
    Verdict::equal("action", row.text("reader_action")?, action)
}
