//! Lone surrogates in vector files. JSON can spell half of a character (`"\ud800"`), which no UTF-8 text can hold, so
//! a JSON parser refuses the whole file. Vectors use it to ask for a refusal; here each lone half becomes a mark that
//! the groups refuse by name.

use serde_json::Value as Json;

/// Stands for a lone surrogate. Unicode keeps these code points free for such uses; one of them alone may well be in a
/// vector, the three in this order are in none.
const MARK: &str = "\u{fdd0}\u{fdef}\u{fdd1}";
const MARK_ESCAPE: &str = "\\ufdd0\\ufdef\\ufdd1";

/// The text with every lone surrogate escape replaced by the mark.
pub(crate) fn replace(text: &str) -> String {
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('\\') {
        let (before, escape) = rest.split_at(start);
        replaced.push_str(before);
        let length = match (unit(escape), escape.get(6..).and_then(unit)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(0xd800..=0xdfff), _) => {
                replaced.push_str(MARK_ESCAPE);
                rest = escape.get(6..).unwrap_or_default();
                continue;
            }
            // An escaped backslash must not be taken for the start of an escape.
            _ => 1 + escape.chars().nth(1).map_or(0, char::len_utf8),
        };
        let (kept, after) = escape.split_at(length);
        replaced.push_str(kept);
        rest = after;
    }
    replaced + rest
}

/// The UTF-16 unit of an escape such as `\ud800` at the start.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u16::from_str_radix(digits, 16).ok()
}

/// Whether the mark is in any text or key.
pub(crate) fn contained(json: &Json) -> bool {
    json.to_string().contains(MARK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lone_halves_are_replaced() {
        for (text, expected) in [
            (r#"["\ud800"]"#, r#"["\ufdd0\ufdef\ufdd1"]"#),
            (r#"["\udc00\ud800\udc00\uDBFF"]"#, r#"["\ufdd0\ufdef\ufdd1\ud800\udc00\ufdd0\ufdef\ufdd1"]"#),
            (r#"["\\ud800", "\n\"", "é"]"#, r#"["\\ud800", "\n\"", "é"]"#),
            (r#"["\ud800\n"]"#, r#"["\ufdd0\ufdef\ufdd1\n"]"#),
            (r#"["\ud8"#, r#"["\ud8"#),
            ("\\", "\\"),
        ] {
            assert_eq!(replace(text), expected);
        }
        assert!(!contained(&serde_json::json!(["\u{fdd0}"])));
        assert!(contained(&serde_json::from_str(&replace(r#"{"\ud800": 1}"#)).unwrap()));
    }
}
