//! What can be wrong with a text that should be JSON.

use super::DEPTH_MAX;

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
