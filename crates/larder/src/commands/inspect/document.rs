//! A MessagePack document for people: tagged JSON where it is a value of the protocol, and a plain notation for
//! documents that are sound but go beyond it, such as maps with integer keys.

use larder_cachekit::msgpack::{self, Reader, Token};
use larder_cachekit::{Limits, tagged};

const EXCERPT_BYTES: usize = 64;

/// The document, which must be a sound one.
pub(super) fn render(document: &[u8]) -> String {
    match msgpack::decode(document) {
        Ok(value) => format!("{:#}", tagged::to_json(&value)),
        Err(_) => notation(document),
    }
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
        if let Some(outer) = open.last_mut() {
            outer.separate(&mut text);
        }
        match token {
            Token::Nil => text.push_str("nil"),
            Token::Bool(value) => text.push_str(&value.to_string()),
            Token::Int(number) => text.push_str(&number.to_string()),
            Token::Float(number) => text.push_str(&format!("{number:?}")),
            Token::Text(inner) => text.push_str(&format!("{inner:?}")),
            Token::Bytes(bytes) => text.push_str(&format!("h'{}'", hex::encode(bytes))),
            Token::Extension { kind, data } => {
                text.push_str(&format!("ext({kind}, h'{}')", hex::encode(data)));
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
}
