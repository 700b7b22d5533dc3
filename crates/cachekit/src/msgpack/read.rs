//! A reader that walks one document token by token and never trusts a length: nesting is counted, declared slots are
//! summed in 64 bits and compared with the input before anything is allocated, and the document must end where the
//! input ends. Source: "Decode bounds" of the interop document.

use thiserror::Error;

use crate::limits::{DEPTH_MAX, Limits};
use crate::value::Integer;

/// Why bytes are not one MessagePack document that can be trusted. Offsets count bytes from the start of the input.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// There are no bytes at all.
    #[error("no bytes: an empty input is not a MessagePack document")]
    Empty,
    /// The input ends inside the document.
    #[error("the input ends at byte {at} inside the document")]
    Truncated {
        /// The length of the input.
        at: usize,
    },
    /// The document ends before the input does.
    #[error("{extra} bytes follow the document, which ends at byte {at}")]
    Trailing {
        /// Where the document ends.
        at: usize,
        /// Bytes after it.
        extra: usize,
    },
    /// An entry of the Python SDK's automatic mode where a plain document should be.
    #[error("starts with \"CK\": an internal entry of the Python SDK's automatic mode, not an interop value")]
    PythonFrame,
    /// Nested deeper than the limit.
    #[error("byte {at}: nested deeper than {depth_max} levels")]
    TooDeep {
        /// Where the level too many starts.
        at: usize,
        /// The limit.
        depth_max: usize,
    },
    /// Headers claim more elements and bytes than the input can hold.
    #[error(
        "byte {at}: {declared} elements and bytes are declared by here, but the input can hold {slots_max}"
    )]
    Overclaim {
        /// Where the header is that claims too much.
        at: usize,
        /// All that was declared up to there.
        declared: u64,
        /// The length of the input less one.
        slots_max: u64,
    },
    /// The one byte that MessagePack never uses.
    #[error("byte {at} is 0xc1, which MessagePack does not use")]
    Reserved {
        /// Where.
        at: usize,
    },
    /// A string that is not UTF-8.
    #[error("byte {at}: a string is not UTF-8")]
    NotUtf8 {
        /// Where the string starts.
        at: usize,
    },
    /// A map key that is not a string.
    #[error("byte {at}: a map key is not a string")]
    NonStringKey {
        /// Where the key starts.
        at: usize,
    },
    /// An extension type, which the protocol forbids.
    #[error("byte {at}: extension type {kind} is not part of the protocol")]
    Extension {
        /// Where.
        at: usize,
        /// The type number.
        kind: i8,
    },
    /// The document is sound but is not the type that was asked for.
    #[error("the document does not fit the type: {message}")]
    Type {
        /// What did not fit, without what `serde` quotes of the document.
        message: String,
    },
}

/// One item of a document; lists and maps are followed by their elements.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Token<'a> {
    /// Nil.
    Nil,
    /// A truth value.
    Bool(bool),
    /// An integer of any width.
    Int(Integer),
    /// A float of either width.
    Float(f64),
    /// Text.
    Text(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
    /// A list of so many elements.
    List(u32),
    /// A map of so many pairs.
    Map(u32),
    /// An extension.
    Extension {
        /// The type number.
        kind: i8,
        /// The content.
        data: &'a [u8],
    },
}

/// Walks one document within limits, without recursion and without allocating for what is only claimed.
#[derive(Debug)]
pub struct Reader<'a> {
    input: &'a [u8],
    at: usize,
    started: bool,
    declared: u64,
    depth_max: usize,
    /// Items still owed, per open list or map.
    open: Vec<u64>,
}

/// Checks that the input is exactly one well-formed document within the limits.
///
/// # Errors
///
/// [`DecodeError`], except [`NonStringKey`](DecodeError::NonStringKey), [`Extension`](DecodeError::Extension) and
/// [`Type`](DecodeError::Type): those are sound documents, only not values of this protocol.
pub fn check(input: &[u8], limits: &Limits) -> Result<(), DecodeError> {
    let mut reader = Reader::new(input, limits);
    while reader.next_token()?.is_some() {}
    Ok(())
}

impl<'a> Reader<'a> {
    /// A reader at the start of the input. It goes no deeper than [`DEPTH_MAX`], whatever the limits say.
    #[must_use]
    pub fn new(input: &'a [u8], limits: &Limits) -> Self {
        let depth_max = limits.depth_max.min(DEPTH_MAX);
        Self { input, at: 0, started: false, declared: 0, depth_max, open: Vec::new() }
    }

    /// Bytes read so far.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.at
    }

    /// The next item; `None` when the document is complete and the input has ended with it.
    ///
    /// # Errors
    ///
    /// As [`check`].
    pub fn next_token(&mut self) -> Result<Option<Token<'a>>, DecodeError> {
        while self.open.last() == Some(&0) {
            self.open.pop();
        }
        match self.open.last_mut() {
            Some(owed) => *owed = owed.saturating_sub(1),
            None if self.started => return self.finish(),
            None if self.input.is_empty() => return Err(DecodeError::Empty),
            None => self.started = true,
        }
        self.token().map(Some)
    }

    fn finish(&self) -> Result<Option<Token<'a>>, DecodeError> {
        let extra = self.input.len().saturating_sub(self.at);
        if extra == 0 {
            Ok(None)
        } else if self.input.starts_with(b"CK") {
            Err(DecodeError::PythonFrame)
        } else {
            Err(DecodeError::Trailing { at: self.at, extra })
        }
    }

    fn token(&mut self) -> Result<Token<'a>, DecodeError> {
        let start = self.at;
        let [marker] = self.array()?;
        Ok(match marker {
            0x00..=0x7f => Token::Int(Integer::from(marker)),
            0x80..=0x8f => self.map(start, u32::from(marker & 0x0f))?,
            0x90..=0x9f => self.list(start, u32::from(marker & 0x0f))?,
            0xa0..=0xbf => self.text(start, u32::from(marker & 0x1f))?,
            0xc0 => Token::Nil,
            0xc1 => return Err(DecodeError::Reserved { at: start }),
            0xc2 => Token::Bool(false),
            0xc3 => Token::Bool(true),
            0xc4..=0xc6 => {
                let length = self.length(marker & 3)?;
                self.claim(start, u64::from(length))?;
                Token::Bytes(self.take(length)?)
            }
            0xc7..=0xc9 => {
                let length = self.length(marker.wrapping_sub(0xc7))?;
                self.claim(start, u64::from(length))?;
                self.extension(length)?
            }
            0xca => Token::Float(f64::from(f32::from_be_bytes(self.array()?))),
            0xcb => Token::Float(f64::from_be_bytes(self.array()?)),
            0xcc => Token::Int(u8::from_be_bytes(self.array()?).into()),
            0xcd => Token::Int(u16::from_be_bytes(self.array()?).into()),
            0xce => Token::Int(u32::from_be_bytes(self.array()?).into()),
            0xcf => Token::Int(u64::from_be_bytes(self.array()?).into()),
            0xd0 => Token::Int(i8::from_be_bytes(self.array()?).into()),
            0xd1 => Token::Int(i16::from_be_bytes(self.array()?).into()),
            0xd2 => Token::Int(i32::from_be_bytes(self.array()?).into()),
            0xd3 => Token::Int(i64::from_be_bytes(self.array()?).into()),
            0xd4..=0xd8 => self.extension(1_u32 << (marker.wrapping_sub(0xd4)))?,
            0xd9..=0xdb => {
                let length = self.length(marker.wrapping_sub(0xd9))?;
                self.text(start, length)?
            }
            0xdc | 0xdd => {
                let items = self.length(marker.wrapping_sub(0xdb))?;
                self.list(start, items)?
            }
            0xde | 0xdf => {
                let pairs = self.length(marker.wrapping_sub(0xdd))?;
                self.map(start, pairs)?
            }
            0xe0..=0xff => Token::Int(i8::from_be_bytes([marker]).into()),
        })
    }

    fn list(&mut self, start: usize, items: u32) -> Result<Token<'a>, DecodeError> {
        self.enter(start, u64::from(items))?;
        Ok(Token::List(items))
    }

    fn map(&mut self, start: usize, pairs: u32) -> Result<Token<'a>, DecodeError> {
        self.enter(start, u64::from(pairs).saturating_mul(2))?;
        Ok(Token::Map(pairs))
    }

    fn text(&mut self, start: usize, length: u32) -> Result<Token<'a>, DecodeError> {
        self.claim(start, u64::from(length))?;
        let bytes = self.take(length)?;
        std::str::from_utf8(bytes).map(Token::Text).map_err(|_| DecodeError::NotUtf8 { at: start })
    }

    fn extension(&mut self, length: u32) -> Result<Token<'a>, DecodeError> {
        let kind = i8::from_be_bytes(self.array()?);
        Ok(Token::Extension { kind, data: self.take(length)? })
    }

    fn enter(&mut self, start: usize, slots: u64) -> Result<(), DecodeError> {
        self.claim(start, slots)?;
        if self.open.len() >= self.depth_max {
            return Err(DecodeError::TooDeep { at: start, depth_max: self.depth_max });
        }
        self.open.push(slots);
        Ok(())
    }

    /// Every element and byte needs at least one byte of input, and the root's own header is none of them.
    fn claim(&mut self, start: usize, slots: u64) -> Result<(), DecodeError> {
        self.declared = self.declared.saturating_add(slots);
        let slots_max = (self.input.len() as u64).saturating_sub(1);
        if self.declared > slots_max {
            return Err(DecodeError::Overclaim { at: start, declared: self.declared, slots_max });
        }
        Ok(())
    }

    /// A length of 8, 16 or 32 bits, chosen by 0, 1 or 2.
    fn length(&mut self, width: u8) -> Result<u32, DecodeError> {
        Ok(match width {
            0 => u8::from_be_bytes(self.array()?).into(),
            1 => u16::from_be_bytes(self.array()?).into(),
            _ => u32::from_be_bytes(self.array()?),
        })
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let rest = self.input.get(self.at..).unwrap_or_default();
        let bytes = rest.first_chunk::<N>().ok_or(DecodeError::Truncated { at: self.input.len() })?;
        self.at = self.at.saturating_add(N);
        Ok(*bytes)
    }

    fn take(&mut self, length: u32) -> Result<&'a [u8], DecodeError> {
        let truncated = DecodeError::Truncated { at: self.input.len() };
        let end = usize::try_from(length).ok().and_then(|length| self.at.checked_add(length));
        let Some((end, bytes)) = end.and_then(|end| Some((end, self.input.get(self.at..end)?))) else {
            return Err(truncated);
        };
        self.at = end;
        Ok(bytes)
    }
}
