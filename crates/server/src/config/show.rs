//! The values in force and where each came from, as text for a terminal and as JSON. Secrets appear as `***`.

use std::fmt::Display;

use serde_json::{Map, Value, json};

use super::{Resolved, SETTINGS, Setting, size::Size};

/// One line per setting: key, value, origin, in columns.
pub fn to_text(resolved: &Resolved) -> String {
    let rows: Vec<[String; 3]> = SETTINGS
        .iter()
        .zip(&resolved.origins)
        .map(|(setting, origin)| {
            [setting.key.to_owned(), text_of(setting, &setting.show(&resolved.config)), origin.to_string()]
        })
        .collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let (keys, values) = (width(0), width(1).min(40));
    rows.iter().map(|[key, value, origin]| format!("{key:keys$}  {value:values$}  {origin}\n")).collect()
}

/// An object with an entry per key: `{"value": …, "origin": "…"}`.
pub fn to_json(resolved: &Resolved) -> Value {
    let entries = SETTINGS.iter().zip(&resolved.origins).map(|(setting, origin)| {
        let entry = json!({ "value": setting.show(&resolved.config), "origin": origin.to_string() });
        (setting.key.to_owned(), entry)
    });
    Value::Object(entries.collect::<Map<_, _>>())
}

fn text_of(setting: &Setting, value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) if values.is_empty() => "(none)".to_owned(),
        Value::Array(values) => join(values.iter().filter_map(Value::as_str)),
        Value::Number(number) if setting.value_name == "SIZE" => {
            number.as_u64().map_or_else(|| number.to_string(), |bytes| Size(bytes).to_string())
        }
        other => other.to_string(),
    }
}

pub(super) fn join(items: impl IntoIterator<Item = impl Display>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(",")
}
