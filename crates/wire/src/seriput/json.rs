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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::de::IgnoredAny;

    fn fault(text: &[u8]) -> (usize, JsonFault) {
        let error = check(text).unwrap_err();
        (error.offset, error.what)
    }

    #[test]
    fn each_kind_of_value_is_a_text() {
        for text in [
            "null",
            "true",
            "false",
            "0",
            "-0",
            "10",
            "-1.5",
            "1e9",
            "1E+9",
            "0.1e-9",
            "\"\"",
            "\"a\"",
            "[]",
            "{}",
            "[1]",
            "[1,2]",
            "[[],{}]",
            "{\"a\":1}",
            "{\"a\":[],\"a\":{}}",
            " \t\r\n[ 1 , { \"a\" : 2 } ] \n",
        ] {
            assert_eq!(check(text.as_bytes()), Ok(()), "{text}");
        }
    }

    #[test]
    fn a_number_may_have_any_magnitude() {
        assert_eq!(check(b"1e999999999999"), Ok(()));
        assert_eq!(check(&[b'9'; 1_000]), Ok(()));
    }

    #[test]
    fn every_escape_is_taken_also_half_of_a_surrogate_pair() {
        for text in [
            r#""\"\\\/\b\f\n\r\t""#,
            r#""\u00e9""#,
            r#""\uD83D\uDE00""#,
            r#""\uD83D""#,
            r#""\uDE00x""#,
            r#""\u0000""#,
            r#""\uaBcD""#,
        ] {
            assert_eq!(check(text.as_bytes()), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        use JsonFault::*;
        for (text, offset, what) in [
            (&b""[..], 0, ValueExpected),
            (b"  ", 2, ValueExpected),
            (b"nul", 0, ValueExpected),
            (b"nulL", 0, ValueExpected),
            (b"'a'", 0, ValueExpected),
            (b"[1,]", 3, ValueExpected),
            (b"[,1]", 1, ValueExpected),
            (b"\xef\xbb\xbf1", 0, ValueExpected),
            (b"{,}", 1, NameExpected),
            (b"{1:2}", 1, NameExpected),
            (b"{\"a\":1,}", 7, NameExpected),
            (b"{", 1, NameExpected),
            (b"{\"a\"}", 4, ColonExpected),
            (b"{\"a\":}", 5, ValueExpected),
            (b"{\"a\":1", 6, CommaOrBraceExpected),
            (b"{\"a\":1]", 6, CommaOrBraceExpected),
            (b"[1", 2, CommaOrBracketExpected),
            (b"[1}", 2, CommaOrBracketExpected),
            (b"[1 2]", 3, CommaOrBracketExpected),
            (b"1 2", 2, EndExpected),
            (b"{}}", 2, EndExpected),
            (b"truely", 4, EndExpected),
            (b"\"a\nb\"", 2, ControlCharacter),
            (b"\"\x1f\"", 1, ControlCharacter),
            (b"\"\0\"", 1, ControlCharacter),
            (b"\"\\x\"", 2, UnknownEscape),
            (b"\"\\", 2, UnknownEscape),
            (b"\"\\u12", 5, HexExpected),
            (b"\"\\u12g4\"", 5, HexExpected),
            (b"\"", 1, UnclosedString),
            (b"\"a\\\"", 4, UnclosedString),
            (b"-", 1, DigitExpected),
            (b"-a", 1, DigitExpected),
            (b"1.", 2, DigitExpected),
            (b"1.e1", 2, DigitExpected),
            (b"1e", 2, DigitExpected),
            (b"1e+", 3, DigitExpected),
            (b".5", 0, ValueExpected),
            (b"+1", 0, ValueExpected),
            (b"01", 1, LeadingZero),
            (b"-01", 2, LeadingZero),
            (b"\"\xff\"", 1, NotUtf8),
            (b"]\"\xc3", 2, NotUtf8),
        ] {
            assert_eq!(fault(text), (offset, what), "{}", text.escape_ascii());
        }
    }

    #[test]
    fn a_control_character_is_found_wherever_it_stands_in_a_long_string() {
        for at in 0..40 {
            for byte in 0..0x20 {
                let mut text = vec![b'a'; 42];
                (text[0], text[41]) = (b'"', b'"');
                text[1 + at] = byte;
                assert_eq!(fault(&text), (1 + at, JsonFault::ControlCharacter));
            }
        }
    }

    #[test]
    fn no_plain_byte_is_taken_for_a_special_one() {
        for char in (' '..='\u{ff}').filter(|char| !matches!(char, '"' | '\\')) {
            for before in 0..9 {
                let text = format!("\"{}{char}{char}abcdefgh\"", "x".repeat(before));
                assert_eq!(check(text.as_bytes()), Ok(()), "{text}");
            }
        }
    }

    #[test]
    fn nesting_ends_at_its_limit_and_not_before() {
        let nested = |depth: usize| {
            let pairs = [("[", "]"), ("{\"a\":", "}"), ("[0,", "]")];
            let opening: String = (0..depth).map(|at| pairs[at % 3].0).collect();
            let closing: String = (0..depth).rev().map(|at| pairs[at % 3].1).collect();
            format!("{opening}1{closing}")
        };
        for depth in [1, 63, 64, 65, 127, 128, 129, DEPTH_MAX] {
            assert_eq!(check(nested(depth).as_bytes()), Ok(()), "{depth}");
        }
        assert_eq!(check(nested(DEPTH_MAX + 1).as_bytes()).unwrap_err().what, JsonFault::TooDeep);
        assert_eq!(fault(&[b'['; 1 << 20]), (DEPTH_MAX, JsonFault::TooDeep));
    }

    #[test]
    fn a_bracket_closes_what_it_opened_at_every_depth() {
        for depth in [1, 2, 64, 65, 999] {
            let text = format!("{}{{}}{}", "[".repeat(depth), "}".repeat(depth));
            assert_eq!(fault(text.as_bytes()), (depth + 2, JsonFault::CommaOrBracketExpected));
        }
    }

    #[test]
    fn an_error_reads_as_a_sentence() {
        let error = check(b"[1,]").unwrap_err();
        let text = "a value expected: an object, array, string, number, true, false or null, at byte 3";
        assert_eq!(error.to_string(), text);
    }

    /// Another reader's judgement. It looks neither at UTF-8 nor at surrogates, when a value is ignored, and has no
    /// limit on depth then.
    fn is_json(text: &[u8]) -> bool {
        std::str::from_utf8(text).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok())
    }

    fn value() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<f64>().prop_map(Into::into),
            any::<String>().prop_map(Into::into),
        ];
        leaf.prop_recursive(6, 60, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
                prop::collection::btree_map(any::<String>(), inner, 0..6)
                    .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
            ]
        })
    }

    /// Bytes of which JSON is made, so that many texts are nearly right.
    fn nearly_json() -> impl Strategy<Value = Vec<u8>> {
        let part = prop::sample::select(
            &[
                "[",
                "]",
                "{",
                "}",
                ",",
                ":",
                "\"",
                "\"a\":",
                "\"b\"",
                "\\",
                "\\u12aF",
                "\\n",
                "0",
                "1",
                "-",
                ".",
                "e",
                "E+",
                "true",
                "null",
                "false",
                " ",
                "\n",
                "\u{7f}",
                "é",
                "1.5",
                "plain text",
            ][..],
        );
        prop::collection::vec(part, 0..24).prop_map(|parts| parts.concat().into_bytes())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_a_writer_of_json_writes_is_a_text(value in value(), pretty in any::<bool>()) {
            let text = if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) };
            prop_assert_eq!(check(&text.unwrap()), Ok(()));
        }

        #[test]
        fn a_text_that_is_changed_is_judged_as_another_reader_judges_it(
            value in value(),
            edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        ) {
            let mut text = serde_json::to_vec(&value).unwrap();
            for (at, byte) in edits {
                let at = at.index(text.len());
                text[at] = byte;
            }
            prop_assert_eq!(check(&text).is_ok(), is_json(&text));
        }

        #[test]
        fn nearly_json_is_judged_as_another_reader_judges_it(text in nearly_json()) {
            prop_assert_eq!(check(&text).is_ok(), is_json(&text));
        }

        #[test]
        fn any_bytes_are_judged_as_another_reader_judges_them(text in prop::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(check(&text).is_ok(), is_json(&text));
        }
    }
}
