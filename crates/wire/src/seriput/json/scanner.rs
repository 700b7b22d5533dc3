//! What may come next in a text, and where it is wrong: the grammar of RFC 8259, one method for each of its parts.

use super::fault::{JsonError, JsonFault};
use super::open::Open;
use super::plain::after_plain;

/// What a value turned out to be.
#[derive(PartialEq)]
pub(super) enum Begun {
    /// It is over: a string, a number, `[]`.
    Whole,
    /// An object or array that has at least one value: that is due next.
    Container,
}

/// A text, of which some has been taken.
pub(super) struct Scanner<'t> {
    total: usize,
    rest: &'t [u8],
}

impl<'t> Scanner<'t> {
    pub(super) fn new(text: &'t [u8]) -> Scanner<'t> {
        Scanner { total: text.len(), rest: text }
    }

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

    /// Takes a value; of an object or array that is not empty, what comes before its first value.
    #[inline]
    pub(super) fn value(&mut self, open: &mut Open) -> Result<Begun, JsonError> {
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
    pub(super) fn comma(&mut self, in_object: bool) -> Result<bool, JsonError> {
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

    /// Nothing may follow.
    #[inline]
    pub(super) fn end(&mut self) -> Result<(), JsonError> {
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
