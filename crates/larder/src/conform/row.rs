//! One vector and the objects around it, where files put what several vectors share, such as a master key.

use serde_json::{Map, Value as Json};

use super::Verdict;

/// The objects that enclose a vector, innermost last.
#[derive(Clone)]
pub(crate) struct Scope<'a> {
    objects: Vec<&'a Map<String, Json>>,
}

impl<'a> Scope<'a> {
    pub(crate) fn root(document: &'a Json) -> Self {
        Self { objects: document.as_object().into_iter().collect() }
    }

    pub(crate) fn inside(&self, object: &'a Json) -> Self {
        let mut objects = self.objects.clone();
        objects.extend(object.as_object());
        Self { objects }
    }
}

/// One vector.
pub(crate) struct Row<'a> {
    json: &'a Json,
    scope: &'a Scope<'a>,
    path: &'a str,
    index: usize,
}

impl<'a> Row<'a> {
    pub(crate) const fn new(json: &'a Json, scope: &'a Scope<'a>, path: &'a str, index: usize) -> Self {
        Self { json, scope, path, index }
    }

    /// The same place in the file with other content.
    pub(crate) const fn with(&self, json: &'a Json) -> Self {
        Self { json, scope: self.scope, path: self.path, index: self.index }
    }

    /// The vector's name, or where it is in the file.
    pub(crate) fn name(&self) -> String {
        match self.json.get("name").and_then(Json::as_str) {
            Some(name) => name.to_owned(),
            None => format!("{}[{}]", self.path, self.index),
        }
    }

    /// The path of the group, such as `keyring.vectors`.
    pub(crate) const fn path(&self) -> &str {
        self.path
    }

    pub(crate) fn has(&self, field: &str) -> bool {
        self.json.get(field).is_some()
    }

    pub(crate) fn has_all(&self, fields: &[&str]) -> bool {
        fields.iter().all(|field| self.has(field))
    }

    pub(crate) fn get(&self, field: &str) -> Option<&'a Json> {
        self.json.get(field)
    }

    /// A field of the vector itself.
    pub(crate) fn need(&self, field: &str) -> Result<&'a Json, Verdict> {
        self.get(field).ok_or_else(|| Verdict::skip(format!("the vector has no field {field}")))
    }

    pub(crate) fn text(&self, field: &str) -> Result<&'a str, Verdict> {
        as_text(field, self.need(field)?)
    }

    /// A field that need not be there, but is text if it is.
    pub(crate) fn optional_text(&self, field: &str) -> Result<Option<&'a str>, Verdict> {
        self.get(field).map(|json| as_text(field, json)).transpose()
    }

    /// A field that need not be there, but is a number of things if it is.
    pub(crate) fn optional_count(&self, field: &str) -> Result<Option<u64>, Verdict> {
        let Some(json) = self.get(field) else { return Ok(None) };
        json.as_u64().map(Some).ok_or_else(|| malformed(field, "an integer from 0", &json.to_string()))
    }

    /// Hexadecimal text to compare with, in lower case.
    pub(crate) fn hex_text(&self, field: &str) -> Result<String, Verdict> {
        self.hex(field).map(hex::encode)
    }

    /// A field of the vector or of the nearest object around it.
    pub(crate) fn shared(&self, field: &str) -> Option<&'a Json> {
        self.get(field).or_else(|| self.scope.objects.iter().rev().find_map(|object| object.get(field)))
    }

    pub(crate) fn shared_text(&self, field: &str) -> Result<&'a str, Verdict> {
        let json = self.shared(field);
        as_text(
            field,
            json.ok_or_else(|| Verdict::skip(format!("neither the vector nor the file has {field}")))?,
        )
    }

    pub(crate) fn hex(&self, field: &str) -> Result<Vec<u8>, Verdict> {
        let text = self.text(field)?;
        hex::decode(text).map_err(|_| malformed(field, "hexadecimal text", text))
    }

    pub(crate) fn boolean(&self, field: &str) -> Result<bool, Verdict> {
        let json = self.need(field)?;
        json.as_bool().ok_or_else(|| malformed(field, "a boolean", &json.to_string()))
    }

    pub(crate) fn array(&self, field: &str) -> Result<&'a [Json], Verdict> {
        let json = self.need(field)?;
        json.as_array().map(Vec::as_slice).ok_or_else(|| malformed(field, "an array", &json.to_string()))
    }

    /// Bytes given as `{name}_hex`, or as `{name}_construction`: segments of `hex`, each repeated `count` times.
    pub(crate) fn bytes(&self, name: &str) -> Result<Vec<u8>, Verdict> {
        let hex_field = format!("{name}_hex");
        if self.has(&hex_field) {
            return self.hex(&hex_field);
        }
        let field = format!("{name}_construction");
        let mut bytes = Vec::new();
        for segment in self.array(&field)? {
            let unit = segment.get("hex").and_then(Json::as_str).and_then(|text| hex::decode(text).ok());
            let count =
                segment.get("count").and_then(Json::as_u64).and_then(|count| usize::try_from(count).ok());
            let (Some(unit), Some(count)) = (unit, count) else {
                return Err(malformed(&field, "segments of hex and count", &segment.to_string()));
            };
            if unit.len().saturating_mul(count).saturating_add(bytes.len()) > CONSTRUCTED_BYTES_MAX {
                return Err(malformed(&field, "at most 1 GiB in total", &segment.to_string()));
            }
            bytes.extend(unit.repeat(count));
        }
        Ok(bytes)
    }

    /// Whether the bytes of [`bytes`](Self::bytes) are there.
    pub(crate) fn has_bytes(&self, name: &str) -> bool {
        self.has(&format!("{name}_hex")) || self.has(&format!("{name}_construction"))
    }

    /// The kind of refusal that the vector's words ask for, by a table of word and kind: what it says of the error
    /// decides, its name only where that says nothing known. The first word of the table that occurs wins.
    ///
    /// # Errors
    ///
    /// A skip if no word is known, for then nothing could be compared; a failure if the error is no text.
    pub(crate) fn refusal(&self, kinds: &[(&str, &'static str)]) -> Result<&'static str, Verdict> {
        let mut said = String::new();
        for field in ["error", "reason", "rejected_by"] {
            if let Some(text) = self.optional_text(field)? {
                said = format!("{said} {}", text.to_lowercase());
            }
        }
        let name = self.get("name").and_then(Json::as_str).unwrap_or_default().to_lowercase();
        let known = |text: &str| kinds.iter().find(|(word, _)| has_word(text, word)).map(|(_, kind)| *kind);
        known(&said)
            .or_else(|| known(&name.replace('_', " ")))
            .ok_or_else(|| Verdict::skip(format!("the reason {:?} is not known", said.trim())))
    }
}

/// Of all segments together.
const CONSTRUCTED_BYTES_MAX: usize = 1 << 30;

/// Whether the word begins somewhere in the text: "nan" is not in "tenant".
fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        text.get(..at).and_then(|before| before.chars().next_back()).is_none_or(|c| !c.is_alphanumeric())
    })
}

fn as_text<'a>(field: &str, json: &'a Json) -> Result<&'a str, Verdict> {
    json.as_str().ok_or_else(|| malformed(field, "text", &json.to_string()))
}

pub(crate) fn malformed(field: &str, wanted: &str, found: &str) -> Verdict {
    let shown: String = found.chars().take(80).collect();
    Verdict::fail(format!("a vector whose {field} is {wanted}"), shown)
}
