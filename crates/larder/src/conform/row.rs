//! One vector and the objects around it, where files put what several vectors share, such as a master key.

use serde_json::{Map, Value as Json, json};

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

    /// The row of any group of the file that has this name.
    fn named(&self, name: &str) -> Option<&'a Json> {
        let root = self.objects.first()?;
        root.values().find_map(|json| find_named(json, name))
    }

    pub(crate) fn inside(&self, object: &'a Json) -> Self {
        let mut objects = self.objects.clone();
        objects.extend(object.as_object());
        Self { objects }
    }
}

fn find_named<'a>(json: &'a Json, name: &str) -> Option<&'a Json> {
    match json {
        Json::Array(items) => items
            .iter()
            .find(|item| item.get("name").and_then(Json::as_str) == Some(name))
            .or_else(|| items.iter().find_map(|item| find_named(item, name))),
        Json::Object(object) => object.values().find_map(|inner| find_named(inner, name)),
        _ => None,
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

    /// The vector of that name, wherever in the file it is; what it shares is looked up from this vector's place.
    pub(crate) fn sibling(&self, name: &str) -> Option<Self> {
        self.scope.named(name).map(|json| self.with(json))
    }

    /// The vector's name, or where it is in the file.
    pub(crate) fn name(&self) -> String {
        match self.json.get("name").and_then(Json::as_str) {
            Some(name) => name.to_owned(),
            None => format!("{}[{}]", self.path, self.index),
        }
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
        construct(&field, self.array(&field)?)
    }

    /// Bytes given as a construction, if they are: segments, or one of `repeat_hex` and `count` before `suffix_hex`.
    pub(crate) fn repeated(&self, field: &str) -> Result<Option<Vec<u8>>, Verdict> {
        match self.get(field) {
            None => Ok(None),
            Some(Json::Array(segments)) => construct(field, segments).map(Some),
            Some(json) => {
                let part = |name| json.get(name).cloned().unwrap_or_else(|| json!(""));
                let once = json!({"hex": part("suffix_hex"), "count": 1});
                let segments = [json!({"hex": part("repeat_hex"), "count": json.get("count")}), once];
                construct(field, &segments).map(Some)
            }
        }
    }

    /// Whether the bytes of [`bytes`](Self::bytes) are there.
    pub(crate) fn has_bytes(&self, name: &str) -> bool {
        self.has(&format!("{name}_hex")) || self.has(&format!("{name}_construction"))
    }

    /// Whether the vector is one to accept (`true`) or to refuse (`false`), by a field of its own or else by the name
    /// of its group.
    pub(crate) fn verdict(&self) -> Option<bool> {
        let said = ["verdict", "outcome", "expected", "expect", "result"].into_iter().find_map(|field| {
            let text = self.get(field)?.as_str()?.to_lowercase();
            let begins = |words: &[&str]| words.iter().any(|word| text.starts_with(word));
            if begins(&["reject", "refuse", "error", "fail", "invalid"]) {
                return Some(false);
            }
            begins(&["accept", "ok", "pass", "valid"]).then_some(true)
        });
        let flagged = [("accept", true), ("valid", true), ("reject", false), ("invalid", false)]
            .into_iter()
            .find_map(|(field, meaning)| Some(self.get(field)?.as_bool()? == meaning));
        let path = self.path.to_lowercase();
        let group = if ["reject", "refus", "invalid", "error"].iter().any(|word| path.contains(word)) {
            Some(false)
        } else {
            ["accept", "valid"].iter().any(|word| path.contains(word)).then_some(true)
        };
        said.or(flagged).or(group)
    }

    /// Whether the vector says in words why it is to be refused.
    pub(crate) fn says_why(&self) -> bool {
        REASON_FIELDS.into_iter().any(|field| self.has(field))
    }

    /// The kind of refusal that the vector's words ask for, by a table of word and kind. The first word of the table
    /// that occurs wins.
    ///
    /// # Errors
    ///
    /// A failure if what it says is no text.
    pub(crate) fn said(&self, kinds: &[(&str, &'static str)]) -> Result<Option<&'static str>, Verdict> {
        Ok(known(&self.reason()?, kinds))
    }

    /// The same by the vector's name.
    pub(crate) fn named(&self, kinds: &[(&str, &'static str)]) -> Option<&'static str> {
        let name = self.get("name").and_then(Json::as_str).unwrap_or_default();
        known(&name.to_lowercase().replace('_', " "), kinds)
    }

    /// What it says of the error decides, its name only where that says nothing known.
    ///
    /// # Errors
    ///
    /// A skip if no word is known, for then nothing could be compared; a failure if the error is no text.
    pub(crate) fn refusal(&self, kinds: &[(&str, &'static str)]) -> Result<&'static str, Verdict> {
        match self.said(kinds)?.or_else(|| self.named(kinds)) {
            Some(kind) => Ok(kind),
            None => Err(self.unknown_reason()?),
        }
    }

    /// The skip of a vector whose reason means nothing here.
    pub(crate) fn unknown_reason(&self) -> Result<Verdict, Verdict> {
        if !self.says_why() {
            return Ok(Verdict::skip("the vector does not say why it is to be refused"));
        }
        Ok(Verdict::skip(format!("the reason {:?} is not known", self.reason()?.trim())))
    }

    fn reason(&self) -> Result<String, Verdict> {
        let mut said = String::new();
        for field in REASON_FIELDS {
            if let Some(text) = self.optional_text(field)? {
                said = format!("{said} {}", text.to_lowercase());
            }
        }
        Ok(said)
    }
}

/// Where vectors say in words why they are to be refused.
const REASON_FIELDS: [&str; 4] = ["error", "reason", "reject_reason", "rejected_by"];

fn known(text: &str, kinds: &[(&str, &'static str)]) -> Option<&'static str> {
    kinds.iter().find(|(word, _)| has_word(text, word)).map(|(_, kind)| *kind)
}

fn construct(field: &str, segments: &[Json]) -> Result<Vec<u8>, Verdict> {
    let mut bytes = Vec::new();
    for segment in segments {
        let unit = segment.get("hex").and_then(Json::as_str).and_then(|text| hex::decode(text).ok());
        let count = segment.get("count").and_then(Json::as_u64).and_then(|count| usize::try_from(count).ok());
        let (Some(unit), Some(count)) = (unit, count) else {
            return Err(malformed(field, "segments of hex and count", &segment.to_string()));
        };
        if unit.len().saturating_mul(count).saturating_add(bytes.len()) > CONSTRUCTED_BYTES_MAX {
            return Err(malformed(field, "at most 1 GiB in total", &segment.to_string()));
        }
        bytes.extend(unit.repeat(count));
    }
    Ok(bytes)
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
