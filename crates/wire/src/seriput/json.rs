//! Is this one JSON text (RFC 8259)? Answered without building anything: one pass over the bytes, the open objects
//! and arrays in a stack of bits, the plain parts of strings eight bytes at a time.
//!
//! As lenient as the protocol's Java client where the RFC leaves room: any `\uXXXX` is taken, also half of a surrogate
//! pair; numbers may have any magnitude; names in an object may repeat. Stricter in one way: arrays and objects
//! may nest [`DEPTH_MAX`] deep. A byte order mark is refused, as the RFC wants.

/// How deep arrays and objects may nest.
pub const DEPTH_MAX: usize = 1_000;

/// What is wrong with a text, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what}, at byte {offset}")]
pub struct JsonError {
    /// The byte that is wrong, counted from 0; the length of the text if it ends too early.
    pub offset: usize,
    /// What is wrong with it.
    pub what: JsonFault,
}

/// What is wrong with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonFault {
    /// Looked for before all else.
    #[error("not UTF-8")]
    NotUtf8,
    /// Something else, or the end.
    #[error("a value expected: an object, array, string, number, true, false or null")]
    ValueExpected,
    /// Something else, or the end.
    #[error("a name in quotes expected")]
    NameExpected,
    /// Something else, or the end.
    #[error("a colon expected")]
    ColonExpected,
    /// After a value in an object.
    #[error("a comma or a closing brace expected")]
    CommaOrBraceExpected,
    /// After a value in an array.
    #[error("a comma or a closing bracket expected")]
    CommaOrBracketExpected,
    /// After the value.
    #[error("the end expected: there is more than one value")]
    EndExpected,
    /// U+0000 to U+001F as they are.
    #[error("a control character in a string that is not escaped")]
    ControlCharacter,
    /// A backslash before anything but `"\/bfnrtu`.
    #[error("no such escape in a string")]
    UnknownEscape,
    /// After `\u`.
    #[error("four hexadecimal digits expected")]
    HexExpected,
    /// The text ends within a string.
    #[error("a string without a closing quote")]
    UnclosedString,
    /// After a minus sign, a decimal point or an exponent.
    #[error("a digit expected")]
    DigitExpected,
    /// A digit after a leading zero.
    #[error("a number with a leading zero")]
    LeadingZero,
    /// More than [`DEPTH_MAX`] arrays and objects are open.
    #[error("arrays and objects nested more than {DEPTH_MAX} deep")]
    TooDeep,
}

/// Checks that `text` is one JSON text.
///
/// # Errors
///
/// The first thing that is wrong with it; bytes that are not UTF-8 come before everything else.
pub fn check(text: &[u8]) -> Result<(), JsonError> {
    if let Err(error) = std::str::from_utf8(text) {
        return Err(JsonError { offset: error.valid_up_to(), what: JsonFault::NotUtf8 });
    }
    let mut scanner = Scanner { total: text.len(), rest: text };
    let mut open = Open { depth: 0, objects: [0; WORDS] };
    loop {
        // A value is due; it may be a whole one or begin an object or array with something in it.
        if scanner.value(&mut open)? == Begun::Container {
            continue;
        }
        while let Some(in_object) = open.innermost() {
            if scanner.comma(in_object)? {
                break;
            }
            open.pop();
        }
        if open.depth == 0 {
            return scanner.end();
        }
    }
}

/// What a value turned out to be.
#[derive(PartialEq)]
enum Begun {
    /// It is over: a string, a number, `[]`.
    Whole,
    /// An object or array that has at least one value: that is due next.
    Container,
}

const WORDS: usize = DEPTH_MAX.div_ceil(64);

/// The objects and arrays that are open, outermost first: a bit each, 1 for an object.
struct Open {
    depth: usize,
    objects: [u64; WORDS],
}

impl Open {
    /// Says if there was room.
    #[inline]
    fn push(&mut self, object: bool) -> bool {
        if self.depth >= DEPTH_MAX {
            return false;
        }
        let bit = 1 << (self.depth % 64);
        if let Some(word) = self.objects.get_mut(self.depth / 64) {
            *word = if object { *word | bit } else { *word & !bit };
        }
        self.depth = self.depth.saturating_add(1);
        true
    }

    #[inline]
    fn pop(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// Is the innermost one an object? Nothing if none is open.
    #[inline]
    fn innermost(&self) -> Option<bool> {
        let at = self.depth.checked_sub(1)?;
        let word = self.objects.get(at / 64)?;
        Some(word >> (at % 64) & 1 == 1)
    }
}

struct Scanner<'t> {
    total: usize,
    rest: &'t [u8],
}

impl Scanner<'_> {
    #[cold]
    fn wrong(&self, what: JsonFault) -> JsonError {
        JsonError { offset: self.total.saturating_sub(self.rest.len()), what }
    }

    /// The next byte that is not white space, without taking it.
    #[inline]
    fn peek(&mut self) -> Option<u8> {
        while let [b' ' | b'\n' | b'\r' | b'\t', rest @ ..] = self.rest {
            self.rest = rest;
        }
        self.rest.first().copied()
    }

    /// Takes the byte that was peeked at.
    #[inline]
    fn take(&mut self) {
        if let [_, rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    /// Takes this byte, if it is the next that is not white space.
    #[inline]
    fn take_if(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.take();
        }
        found
    }

    #[inline]
    fn value(&mut self, open: &mut Open) -> Result<Begun, JsonError> {
        match self.peek() {
            Some(b'"') => {
                self.take();
                self.string()?;
            }
            Some(b'{') => return self.container(open, true),
            Some(b'[') => return self.container(open, false),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.literal(b"true")?,
            Some(b'f') => self.literal(b"false")?,
            Some(b'n') => self.literal(b"null")?,
            _ => return Err(self.wrong(JsonFault::ValueExpected)),
        }
        Ok(Begun::Whole)
    }

    #[inline]
    fn container(&mut self, open: &mut Open, object: bool) -> Result<Begun, JsonError> {
        if !open.push(object) {
            return Err(self.wrong(JsonFault::TooDeep));
        }
        self.take();
        if self.take_if(if object { b'}' } else { b']' }) {
            open.pop();
            return Ok(Begun::Whole);
        }
        if object {
            self.name()?;
        }
        Ok(Begun::Container)
    }

    /// What follows a value: true for a comma, with the name if there is to be one; false for the closing bracket.
    #[inline]
    fn comma(&mut self, in_object: bool) -> Result<bool, JsonError> {
        match (self.peek(), in_object) {
            (Some(b','), true) => {
                self.take();
                self.name()?;
                Ok(true)
            }
            (Some(b','), false) => {
                self.take();
                Ok(true)
            }
            (Some(b'}'), true) | (Some(b']'), false) => {
                self.take();
                Ok(false)
            }
            (_, true) => Err(self.wrong(JsonFault::CommaOrBraceExpected)),
            (_, false) => Err(self.wrong(JsonFault::CommaOrBracketExpected)),
        }
    }

    /// A name and its colon.
    #[inline]
    fn name(&mut self) -> Result<(), JsonError> {
        if !self.take_if(b'"') {
            return Err(self.wrong(JsonFault::NameExpected));
        }
        self.string()?;
        if !self.take_if(b':') {
            return Err(self.wrong(JsonFault::ColonExpected));
        }
        Ok(())
    }

    #[inline]
    fn end(&mut self) -> Result<(), JsonError> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.wrong(JsonFault::EndExpected)),
        }
    }

    #[inline]
    fn literal(&mut self, literal: &[u8]) -> Result<(), JsonError> {
        let Some(rest) = self.rest.strip_prefix(literal) else {
            return Err(self.wrong(JsonFault::ValueExpected));
        };
        self.rest = rest;
        Ok(())
    }

    /// What follows an opening quote, with the closing one.
    #[inline]
    fn string(&mut self) -> Result<(), JsonError> {
        loop {
            self.rest = after_plain(self.rest);
            match self.rest {
                [b'"', rest @ ..] => {
                    self.rest = rest;
                    return Ok(());
                }
                [b'\\', ..] => self.escape()?,
                [] => return Err(self.wrong(JsonFault::UnclosedString)),
                _ => return Err(self.wrong(JsonFault::ControlCharacter)),
            }
        }
    }

    fn escape(&mut self) -> Result<(), JsonError> {
        self.take();
        match self.rest {
            [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', rest @ ..] => self.rest = rest,
            [b'u', rest @ ..] => {
                self.rest = rest;
                for _ in 0..4 {
                    let [digit, rest @ ..] = self.rest else {
                        return Err(self.wrong(JsonFault::HexExpected));
                    };
                    if !digit.is_ascii_hexdigit() {
                        return Err(self.wrong(JsonFault::HexExpected));
                    }
                    self.rest = rest;
                }
            }
            _ => return Err(self.wrong(JsonFault::UnknownEscape)),
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), JsonError> {
        if let [b'-', rest @ ..] = self.rest {
            self.rest = rest;
        }
        if let [b'0', rest @ ..] = self.rest {
            self.rest = rest;
            if let [b'0'..=b'9', ..] = rest {
                return Err(self.wrong(JsonFault::LeadingZero));
            }
        } else {
            self.digits()?;
        }
        if let [b'.', rest @ ..] = self.rest {
            self.rest = rest;
            self.digits()?;
        }
        if let [b'e' | b'E', rest @ ..] = self.rest {
            self.rest = rest;
            if let [b'+' | b'-', rest @ ..] = rest {
                self.rest = rest;
            }
            self.digits()?;
        }
        Ok(())
    }

    /// At least one digit.
    #[inline]
    fn digits(&mut self) -> Result<(), JsonError> {
        let [b'0'..=b'9', rest @ ..] = self.rest else { return Err(self.wrong(JsonFault::DigitExpected)) };
        self.rest = rest;
        while let [b'0'..=b'9', rest @ ..] = self.rest {
            self.rest = rest;
        }
        Ok(())
    }
}

/// The bytes from the first one that ends a plain run of a string: a quote, a backslash, a control character.
#[inline]
fn after_plain(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes;
    while let Some((chunk, tail)) = rest.split_first_chunk() {
        let found = special(u64::from_le_bytes(*chunk));
        if found != 0 {
            let at = (found.trailing_zeros() / 8) as usize;
            return rest.get(at..).unwrap_or_default();
        }
        rest = tail;
    }
    while let [byte, tail @ ..] = rest {
        if matches!(byte, b'"' | b'\\' | 0..=0x1f) {
            break;
        }
        rest = tail;
    }
    rest
}

/// Marks in each byte's highest bit the bytes that are special; exact up to the first of them, which is all that is
/// asked for (the subtraction borrows from higher bytes only where a lower one is marked).
#[inline]
fn special(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let below = |word: u64, limit: u8| word.wrapping_sub(ONES.wrapping_mul(limit.into())) & !word;
    let equals = |byte: u8| below(word ^ ONES.wrapping_mul(byte.into()), 1);
    (below(word, 0x20) | equals(b'"') | equals(b'\\')) & HIGHS
}
