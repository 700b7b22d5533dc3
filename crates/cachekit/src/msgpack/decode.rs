//! Untrusted documents to values. The stack of open lists and maps is on the heap, so input cannot use up the thread's.

use std::collections::BTreeMap;

use super::read::{DecodeError, Reader, Token};
use crate::limits::Limits;
use crate::value::Value;

/// The value that exactly these bytes hold, within [`Limits::PROTOCOL`].
///
/// A sentinel map of a date or time becomes that date or time if its text reads as one, and stays a map if not. Of
/// equal keys in a map the last one counts, as in every SDK.
///
/// # Errors
///
/// [`DecodeError`]; for a cache, a miss.
pub fn decode(input: &[u8]) -> Result<Value, DecodeError> {
    decode_within(input, &Limits::PROTOCOL)
}

/// [`decode`] with limits of one's own.
///
/// # Errors
///
/// As [`decode`].
pub fn decode_within(input: &[u8], limits: &Limits) -> Result<Value, DecodeError> {
    let mut reader = Reader::new(input, limits);
    let mut open: Vec<Open> = Vec::new();
    let mut root = None;
    loop {
        let at = reader.position();
        let Some(token) = reader.next_token()? else { break };
        if let Some(map) = open.last_mut().and_then(Open::awaiting_key) {
            map.key = Some(key(&token, at)?);
            continue;
        }
        let mut done = match opened(&token, at)? {
            Opened::Value(value) => Some(value),
            Opened::Inner(inner) if inner.owed() == 0 => Some(inner.close()),
            Opened::Inner(inner) => {
                open.push(inner);
                None
            }
        };
        // A value may complete the list or map around it, and that the next one.
        while let Some(value) = done.take() {
            let Some(outer) = open.last_mut() else {
                root = Some(value);
                break;
            };
            if outer.add(value) == 0 {
                done = open.pop().map(Open::close);
            }
        }
    }
    root.ok_or(DecodeError::Empty)
}

fn key(token: &Token<'_>, at: usize) -> Result<String, DecodeError> {
    match token {
        Token::Text(text) => Ok((*text).to_owned()),
        _ => Err(DecodeError::NonStringKey { at }),
    }
}

enum Opened {
    Value(Value),
    Inner(Open),
}

fn opened(token: &Token<'_>, at: usize) -> Result<Opened, DecodeError> {
    Ok(Opened::Value(match *token {
        Token::Nil => Value::Nil,
        Token::Bool(value) => Value::Bool(value),
        Token::Int(number) => Value::Int(number),
        Token::Float(number) => Value::Float(number),
        Token::Text(text) => Value::from(text),
        Token::Bytes(bytes) => Value::from(bytes),
        Token::Extension { kind, .. } => return Err(DecodeError::Extension { at, kind }),
        // The reader has compared the count with the input, so the capacity is backed by bytes.
        Token::List(items) => {
            let items = items as usize;
            return Ok(Opened::Inner(Open::List { items: Vec::with_capacity(items), owed: items }));
        }
        Token::Map(pairs) => {
            let map = OpenMap { map: BTreeMap::new(), owed: pairs as usize, key: None };
            return Ok(Opened::Inner(Open::Map(map)));
        }
    }))
}

enum Open {
    List { items: Vec<Value>, owed: usize },
    Map(OpenMap),
}

struct OpenMap {
    map: BTreeMap<String, Value>,
    owed: usize,
    key: Option<String>,
}

impl Open {
    fn awaiting_key(&mut self) -> Option<&mut OpenMap> {
        match self {
            Self::Map(map) if map.key.is_none() => Some(map),
            _ => None,
        }
    }

    const fn owed(&self) -> usize {
        match self {
            Self::List { owed, .. } => *owed,
            Self::Map(map) => map.owed,
        }
    }

    /// Adds a value and says how many are still owed.
    fn add(&mut self, value: Value) -> usize {
        match self {
            Self::List { items, owed } => {
                items.push(value);
                *owed = owed.saturating_sub(1);
            }
            Self::Map(map) => {
                if let Some(key) = map.key.take() {
                    map.map.insert(key, value);
                }
                map.owed = map.owed.saturating_sub(1);
            }
        }
        self.owed()
    }

    fn close(self) -> Value {
        match self {
            Self::List { items, .. } => Value::List(items),
            Self::Map(map) => temporal(&map.map).unwrap_or(Value::Map(map.map)),
        }
    }
}

/// The date or time that a map of two entries marks, if it does.
fn temporal(map: &BTreeMap<String, Value>) -> Option<Value> {
    let Some(Value::Text(text)) = map.get("value") else { return None };
    if map.len() != 2 {
        return None;
    }
    let marked = |name: &str| map.get(name) == Some(&Value::Bool(true));
    if marked("__datetime__") {
        text.parse().ok().map(Value::DateTime)
    } else if marked("__date__") {
        text.parse().ok().map(Value::Date)
    } else if marked("__time__") {
        text.parse().ok().map(Value::Time)
    } else {
        None
    }
}
