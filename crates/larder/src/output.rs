//! What commands print: lines of text or of JSON on standard output, numbers and tables that a person can read.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

/// Prints a line.
pub(crate) fn line(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

/// Prints an object as one line of JSON.
pub(crate) fn json(object: &impl Serialize) -> io::Result<()> {
    line(&serde_json::to_string(object)?)
}

/// Prints bytes as they are; on a terminal a line feed follows, so that the prompt is not glued to them.
pub(crate) fn raw(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    if out.is_terminal() {
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// `1 connection`, `2 connections`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// Bytes in JSON: a string if they are UTF-8, else `{"base64": …}`.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum JsonBytes {
    /// Text.
    Text(String),
    /// Anything else.
    Binary {
        /// Standard alphabet, with padding.
        base64: String,
    },
}

impl From<&[u8]> for JsonBytes {
    fn from(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Binary { base64: STANDARD.encode(bytes) },
        }
    }
}

/// A key in a message: quoted, with what does not print escaped, cut if it is long.
pub(crate) fn quoted(key: &[u8]) -> String {
    const BYTES_MAX: usize = 80;
    let shown = key[..key.len().min(BYTES_MAX)].escape_ascii();
    let more = if key.len() > BYTES_MAX { "…" } else { "" };
    match std::str::from_utf8(key) {
        Ok(text) if key.len() <= BYTES_MAX => format!("{text:?}"),
        _ => format!("\"{shown}{more}\""),
    }
}

/// A whole number with commas: `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number in few characters: `950`, `12.3 k`, `4.56 M`.
pub(crate) fn short_count(number: f64) -> String {
    match number {
        n if n < 1e3 => format!("{n:.0}"),
        n if n < 1e6 => format!("{:.1} k", n / 1e3),
        n if n < 1e9 => format!("{:.2} M", n / 1e6),
        n => format!("{:.2} G", n / 1e9),
    }
}

/// A share as per cent with two decimals.
pub(crate) fn percent(share: f64) -> String {
    let text = format!("{:.2} %", share * 100.0);
    // What rounds to nothing has no sign.
    if text == "-0.00 %" { text[1..].to_owned() } else { text }
}

/// A time in its two largest units: `2 d 3 h`, `4 min 5 s`, `0.250 s`.
pub(crate) fn duration(time: Duration) -> String {
    let s = time.as_secs();
    match s {
        0 => format!("{:.3} s", time.as_secs_f64()),
        1..60 => format!("{s} s"),
        60..3600 => format!("{} min {} s", s / 60, s % 60),
        3600..86_400 => format!("{} h {} min", s / 3600, s / 60 % 60),
        _ => format!("{} d {} h", s / 86_400, s / 3600 % 24),
    }
}

/// Rows in columns: the first to the left, the others to the right, two spaces between.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut lines = Vec::new();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let pad = " ".repeat(widths[column] - cell.chars().count());
            match column {
                0 => line.extend([cell, &*pad]),
                _ => line.extend(["  ", &pad, cell]),
            }
        }
        lines.push(line.trim_end().to_owned());
    }
    lines.join("\n")
}

/// Names and what they stand for, one per line, aligned.
pub(crate) fn pairs(pairs: &[(&str, String)]) -> String {
    let width = pairs.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    pairs.iter().map(|(name, value)| format!("{name:width$}  {value}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_text_where_they_can_be() {
        let json = |bytes: &[u8]| serde_json::to_string(&JsonBytes::from(bytes)).unwrap();
        assert_eq!(json("grün\n".as_bytes()), r#""grün\n""#);
        assert_eq!(json(&[0xff, 0x00]), r#"{"base64":"/wA="}"#);
    }

    #[test]
    fn what_rounds_to_nothing_has_no_sign() {
        assert_eq!([-0.0, -0.000_04, -0.0001, 0.3].map(percent), ["0.00 %", "0.00 %", "-0.01 %", "30.00 %"]);
    }

    #[test]
    fn keys_in_messages_print_and_end() {
        assert_eq!(quoted(b"a\nb"), r#""a\nb""#);
        assert_eq!(quoted(&[0xff]), r#""\xff""#);
        assert_eq!(quoted("ü".as_bytes()), "\"ü\"");
        assert_eq!(quoted(&[b'k'; 500]).chars().count(), 83);
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([5.4, 12_345.0, 4.56e6, 2e9].map(short_count), ["5", "12.3 k", "4.56 M", "2.00 G"]);
    }

    #[test]
    fn times_have_two_units() {
        let cases =
            [(0, "0.000 s"), (59, "59 s"), (61, "1 min 1 s"), (3661, "1 h 1 min"), (90_000, "1 d 1 h")];
        for (s, text) in cases {
            assert_eq!(duration(Duration::from_secs(s)), text);
        }
    }

    #[test]
    fn columns_are_aligned_by_what_is_seen() {
        let rows = [vec!["ä".to_owned(), "1".into()], vec!["bcd".into(), "22".into()]];
        assert_eq!(table(&rows), "ä     1\nbcd  22");
        assert_eq!(pairs(&[("a", "1".into()), ("long", "2".into())]), "a     1\nlong  2");
    }
}
