//! A MessagePack document for people: tagged JSON where it is a value of the protocol, and a plain notation for
//! documents that are sound but go beyond it, such as maps with integer keys. What is large is cut: a small entry can
//! hold millions of values, and nobody reads them.

use larder_cachekit::msgpack::{self, Reader, Token};
use larder_cachekit::{Limits, tagged};

const EXCERPT_BYTES: usize = 64;

/// Up to so many values and bytes a document is shown as JSON, whole.
const WHOLE_VALUES_MAX: usize = 4096;
const WHOLE_BYTES_MAX: usize = 64 << 10;
/// Where the text of a larger one is cut.
const TEXT_BYTES_MAX: usize = 64 << 10;
/// How much of one text or one run of bytes the notation shows.
const SCALAR_BYTES_MAX: usize = 4 << 10;

/// The document, which must be a sound one.
pub(super) fn render(document: &[u8]) -> String {
    let whole = if is_small(document) { msgpack::decode(document).ok() } else { None };
    printable(&match whole {
        Some(value) => format!("{:#}", tagged::to_json(&value)),
        None => notation(document),
    })
}

/// JSON text, which must be sound: indented if it is small, else its beginning as it is.
pub(super) fn render_json(text: &[u8]) -> String {
    let values_max = text.iter().filter(|&&byte| matches!(byte, b',' | b'[' | b'{' | b':')).count();
    let is_small = text.len() <= WHOLE_BYTES_MAX && values_max <= WHOLE_VALUES_MAX;
    let whole = if is_small { serde_json::from_slice::<serde_json::Value>(text).ok() } else { None };
    if let Some(json) = whole {
        return printable(&format!("{json:#}"));
    }
    let shown = text.get(..text.len().min(TEXT_BYTES_MAX)).unwrap_or_default();
    let rest = text.len().saturating_sub(shown.len());
    format!("{}\n… cut: {rest} more bytes", printable(&String::from_utf8_lossy(shown)))
}

/// Escapes what would steer a terminal or turn the direction of its text. Line breaks stay.
pub(super) fn printable(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        let steers = character.is_control() && character != '\n';
        let turns = matches!(character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if steers || turns {
            escaped.push_str(&format!("\\u{:04x}", u32::from(character)));
        } else {
            escaped.push(character);
        }
    }
    escaped
}

fn is_small(document: &[u8]) -> bool {
    let mut reader = Reader::new(document, &Limits::PROTOCOL);
    let values = std::iter::from_fn(|| reader.next_token().ok().flatten()).take(WHOLE_VALUES_MAX + 1).count();
    document.len() <= WHOLE_BYTES_MAX && values <= WHOLE_VALUES_MAX
}

/// The first bytes in hexadecimal.
pub(super) fn excerpt(bytes: &[u8]) -> String {
    let shown = bytes.get(..bytes.len().min(EXCERPT_BYTES)).unwrap_or_default();
    format!("{}{}", hex::encode(shown), if shown.len() < bytes.len() { "…" } else { "" })
}

/// `[1, {2: "x"}]`, with bytes as `h'00ff'` and extensions as `ext(5, h'00')`.
fn notation(document: &[u8]) -> String {
    let mut reader = Reader::new(document, &Limits::PROTOCOL);
    let mut text = String::new();
    let mut open: Vec<Open> = Vec::new();
    while let Ok(Some(token)) = reader.next_token() {
        if text.len() > TEXT_BYTES_MAX {
            let rest = document.len().saturating_sub(reader.position());
            text.push_str(&format!(" …\n… cut: about {rest} more bytes of the document"));
            break;
        }
        if let Some(outer) = open.last_mut() {
            outer.separate(&mut text);
        }
        match token {
            Token::Nil => text.push_str("nil"),
            Token::Bool(value) => text.push_str(&value.to_string()),
            Token::Int(number) => text.push_str(&number.to_string()),
            Token::Float(number) => text.push_str(&format!("{number:?}")),
            Token::Text(inner) => text.push_str(&quoted(inner)),
            Token::Bytes(bytes) => text.push_str(&hexadecimal(bytes)),
            Token::Extension { kind, data } => {
                text.push_str(&format!("ext({kind}, {})", hexadecimal(data)));
            }
            Token::List(items) => {
                text.push('[');
                open.push(Open { owed: u64::from(items), done: 0, is_map: false });
            }
            Token::Map(pairs) => {
                text.push('{');
                open.push(Open { owed: u64::from(pairs) * 2, done: 0, is_map: true });
            }
        }
        while let Some(inner) = open.pop_if(|inner| inner.done == inner.owed) {
            text.push(if inner.is_map { '}' } else { ']' });
        }
    }
    text
}

fn quoted(text: &str) -> String {
    let shown = text.get(..text.floor_char_boundary(SCALAR_BYTES_MAX)).unwrap_or_default();
    format!("{shown:?}{}", rest(text.len(), shown.len()))
}

fn hexadecimal(bytes: &[u8]) -> String {
    let shown = bytes.get(..bytes.len().min(SCALAR_BYTES_MAX)).unwrap_or_default();
    format!("h'{}'{}", hex::encode(shown), rest(bytes.len(), shown.len()))
}

fn rest(whole: usize, shown: usize) -> String {
    match whole.saturating_sub(shown) {
        0 => String::new(),
        rest => format!("… and {rest} bytes"),
    }
}

struct Open {
    owed: u64,
    done: u64,
    is_map: bool,
}

impl Open {
    fn separate(&mut self, text: &mut String) {
        if self.done > 0 {
            text.push_str(if self.is_map && self.done % 2 == 1 { ": " } else { ", " });
        }
        self.done += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_beyond_the_protocol_are_shown_too() {
        assert_eq!(render(b"\x81\xa1a\x01"), "{\n  \"a\": 1\n}");
        assert_eq!(render(b"\x92\x82\x01\x90\x02\x80\xd4\x05\xff"), "[{1: [], 2: {}}, ext(5, h'ff')]");
        assert_eq!(render(b"\x81\xc4\x01\xff\x92\xc0\xc3"), "{h'ff': [nil, true]}");
    }

    #[test]
    fn what_is_large_is_cut_and_says_so() {
        let nils = [&[0xdd, 1, 0, 0, 0][..], &vec![0xc0; 1 << 24]].concat();
        let text = render(&nils);
        assert!(text.len() < 2 * TEXT_BYTES_MAX && text.contains("cut: about 16"), "{}", text.len());
        let long = [&[0xdb, 0, 16, 0, 0][..], "\u{e9}".repeat(1 << 19).as_bytes()].concat();
        let text = render(&long);
        assert!(text.len() < 4 * SCALAR_BYTES_MAX && text.ends_with("… and 1044480 bytes"), "{}", text.len());
        let json = format!("[{}0]", "0,".repeat(1 << 20));
        let text = render_json(json.as_bytes());
        assert!(text.len() < 2 * TEXT_BYTES_MAX && text.contains("cut: "), "{}", text.len());
    }

    #[test]
    fn controls_and_turns_of_direction_are_escaped() {
        let text = "\u{9b}2J\u{7f}\u{202e}é";
        let document = [&[0xa0 + u8::try_from(text.len()).unwrap()][..], text.as_bytes()].concat();
        assert_eq!(render(&document), "\"\\u009b2J\\u007f\\u202eé\"");
        assert_eq!(render_json("[\"\u{202e}\"]".as_bytes()), "[\n  \"\\u202e\"\n]");
    }
}
