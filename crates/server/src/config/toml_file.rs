//! The configuration file in TOML: tables and keys as in the table of settings. Every leaf of the document becomes an
//! assignment with its line; values are handed on as text, so that one rule reads them wherever they come from.

use std::path::Path;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    SETTINGS, access,
    error::{ConfigError, Origin},
    resolve::{Assignment, Piece},
    settings,
};

/// Reads what can be read and adds what is wrong to `errors`.
pub(super) fn read(path: &Path, text: &str, errors: &mut Vec<ConfigError>) -> Vec<Assignment> {
    let mut reader = Reader { path, text, errors, assignments: Vec::new() };
    let (document, syntax_errors) = DeTable::parse_recoverable(text);
    if syntax_errors.is_empty() {
        reader.table("", document.get_ref());
    }
    for error in syntax_errors {
        let origin = reader.origin(error.span().map_or(0, |span| span.start));
        reader.errors.push(ConfigError::Syntax { origin, reason: error.message().to_owned() });
    }
    reader.assignments
}

struct Reader<'r> {
    path: &'r Path,
    text: &'r str,
    errors: &'r mut Vec<ConfigError>,
    assignments: Vec<Assignment>,
}

impl Reader<'_> {
    /// The line that a byte of the text is on.
    fn origin(&self, offset: usize) -> Origin {
        let before = self.text.as_bytes().iter().take(offset);
        Origin::File { path: self.path.to_owned(), line: 1 + before.filter(|byte| **byte == b'\n').count() }
    }

    fn table(&mut self, prefix: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            let key = format!("{prefix}{}", name.get_ref());
            let origin = self.origin(name.span().start);
            match (settings::index_of(&key), value.get_ref()) {
                (Some(setting), _) => self.value(setting, value, origin),
                (None, DeValue::Table(inner)) if is_prefix(&key) => self.table(&format!("{key}."), inner),
                (None, _) if is_prefix(&key) => {
                    let reason = format!("`{key}` is a table: write [{key}] on a line of its own");
                    self.errors.push(ConfigError::Line { origin, reason });
                }
                (None, _) => {
                    let allowed = format!("allowed here: {}", keys_under(prefix).join(", "));
                    self.errors.push(ConfigError::UnknownKey { origin, key, allowed });
                }
            }
        }
    }

    fn value(&mut self, setting: usize, value: &Spanned<DeValue<'_>>, origin: Origin) {
        let values = match value.get_ref() {
            DeValue::Array(values) if SETTINGS[setting].is_list() => values.iter().collect(),
            _ => vec![value],
        };
        let mut pieces = Vec::new();
        for value in values {
            let origin = self.origin(value.span().start);
            let key = SETTINGS[setting].key;
            let text = match (value.get_ref(), SETTINGS[setting].is_list()) {
                (DeValue::Table(table), true) => access::text_of(key, table, scalar),
                (value, true) => scalar(value).ok_or_else(|| "a list of texts".to_owned()),
                (value, false) => scalar(value).ok_or_else(|| "a single value".to_owned()),
            };
            match text {
                Ok(text) => pieces.push(Piece { text, origin }),
                Err(allowed) => {
                    let found = format!("a value of type {}", value.get_ref().type_str());
                    self.errors.push(ConfigError::Invalid { origin, key, found, allowed });
                    return;
                }
            }
        }
        self.assignments.push(Assignment { setting, key: SETTINGS[setting].key, pieces, origin });
    }
}

fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().to_owned()),
        DeValue::Integer(number) => {
            u64::from_str_radix(number.as_str(), number.radix()).ok().map(|number| number.to_string())
        }
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        DeValue::Boolean(truth) => Some(truth.to_string()),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

/// Whether `key` is a table that settings are in.
fn is_prefix(key: &str) -> bool {
    SETTINGS.iter().any(|setting| setting.key.strip_prefix(key).is_some_and(|rest| rest.starts_with('.')))
}

/// The names that may stand in the table `prefix`, which ends with a dot or is empty.
fn keys_under(prefix: &str) -> Vec<&'static str> {
    let mut keys = Vec::new();
    for rest in SETTINGS.iter().filter_map(|setting| setting.key.strip_prefix(prefix)) {
        let key = rest.split('.').next().unwrap_or(rest);
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}
