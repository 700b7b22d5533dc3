//! Sizes in bytes as a person writes and reads them: `1000`, `64MiB`, `1.5 G`. Powers of 1000 are `k M G T P`, powers of
//! 1024 `Ki Mi Gi Ti Pi`, each with or without a `B`, in any case. The same grammar as PaperCache's configuration
//! (`spec/paper.md`, section 5).

use std::fmt;
use std::str::FromStr;

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size(pub(crate) u64);

/// Why a text is no size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SizeError {
    /// There is no number where one should be.
    #[error("`{0}` is no size: a size is a number and perhaps a unit, such as 1000, 64MiB or 1.5G")]
    NoNumber(String),
    /// The number is fine, what follows it is not.
    #[error("`{0}` is no unit of size: units are B, k, M, G, T, P (1000) and Ki, Mi, Gi, Ti, Pi (1024)")]
    Unit(String),
    /// 2^64 bytes or more.
    #[error("`{0}` is too large: a size is less than 2^64 bytes")]
    TooLarge(String),
}

impl FromStr for Size {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        let trimmed = text.trim();
        let (number, unit) = split_unit(trimmed);
        let digits = number.replace('_', "");
        let scale = unit_bytes(unit).ok_or_else(|| SizeError::Unit(unit.to_owned()))?;
        let too_large = || SizeError::TooLarge(text.to_owned());
        if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            let whole: u64 = digits.parse().map_err(|_| too_large())?;
            return whole.checked_mul(scale).map(Self).ok_or_else(too_large);
        }
        let no_number = || SizeError::NoNumber(text.to_owned());
        if !digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
            return Err(no_number());
        }
        let value: f64 = digits.parse().map_err(|_| no_number())?;
        let bytes = (value * scale as f64).round();
        // 2^64 as a float; the cast below is exact under it.
        if bytes >= 18_446_744_073_709_551_616.0 { Err(too_large()) } else { Ok(Self(bytes as u64)) }
    }
}

/// Splits before the unit: digits, `.`, `_` and an exponent (`1e6`) belong to the number.
fn split_unit(text: &str) -> (&str, &str) {
    let bytes = text.as_bytes();
    let mut end = 0;
    while let Some(&byte) = bytes.get(end) {
        let exponent =
            matches!(byte, b'e' | b'E') && end > 0 && bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
        if byte.is_ascii_digit() || matches!(byte, b'.' | b'_') || exponent {
            end += 1;
        } else {
            break;
        }
    }
    let (number, unit) = text.split_at(end);
    // Text without a number is reported whole, as a number that is not there.
    if number.is_empty() { (text, "") } else { (number, unit.trim_start()) }
}

fn unit_bytes(unit: &str) -> Option<u64> {
    let lower = unit.to_ascii_lowercase();
    let prefix = lower.strip_suffix('b').unwrap_or(&lower);
    Some(match prefix {
        "" => 1,
        "k" => 1000,
        "m" => 1000_u64.pow(2),
        "g" => 1000_u64.pow(3),
        "t" => 1000_u64.pow(4),
        "p" => 1000_u64.pow(5),
        "ki" => 1 << 10,
        "mi" => 1 << 20,
        "gi" => 1 << 30,
        "ti" => 1 << 40,
        "pi" => 1 << 50,
        _ => return None,
    })
}

impl fmt::Display for Size {
    /// Powers of 1024, at most two decimals: `512 B`, `1.5 GiB`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        if self.0 < 1024 {
            return write!(f, "{} B", self.0);
        }
        let mut value = self.0 as f64 / 1024.0;
        let mut unit = 0;
        while value >= 1023.995 && unit + 1 < units.len() {
            value /= 1024.0;
            unit += 1;
        }
        let text = format!("{value:.2}");
        let text = text.trim_end_matches('0').trim_end_matches('.');
        write!(f, "{text} {}", units[unit])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        let cases = [
            ("0", 0),
            ("1000", 1000),
            ("1k", 1000),
            ("1K", 1000),
            ("1KB", 1000),
            ("1Ki", 1024),
            ("1KiB", 1024),
            ("2G", 2_000_000_000),
            ("1.5G", 1_500_000_000),
            ("1.5GiB", 1_610_612_736),
            ("1e6", 1_000_000),
            ("1_000_000", 1_000_000),
            ("100B", 100),
            ("64 MiB", 67_108_864),
            (" 64MiB ", 67_108_864),
            (".5k", 500),
            ("1.5", 2),
            ("18446744073709551615", u64::MAX),
        ];
        for (text, bytes) in cases {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused_with_the_reason() {
        use SizeError::*;
        let cases = [
            ("", NoNumber("".into())),
            ("-1", NoNumber("-1".into())),
            ("MiB", NoNumber("MiB".into())),
            ("1.2.3", NoNumber("1.2.3".into())),
            ("_", NoNumber("_".into())),
            ("1,000", Unit(",000".into())),
            ("5 apples", Unit("apples".into())),
            ("16Ei", Unit("Ei".into())),
            ("18446744073709551616", TooLarge("18446744073709551616".into())),
            ("16384PiB", TooLarge("16384PiB".into())),
            ("16384.0PiB", TooLarge("16384.0PiB".into())),
            ("1e30", TooLarge("1e30".into())),
        ];
        for (text, error) in cases {
            assert_eq!(text.parse::<Size>(), Err(error), "{text}");
        }
    }

    #[test]
    fn sizes_print_short() {
        let cases = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (1536, "1.5 KiB"),
            (1_048_575, "1 MiB"),
            (1_610_612_736, "1.5 GiB"),
            (u64::MAX, "16 EiB"),
        ];
        for (bytes, text) in cases {
            assert_eq!(Size(bytes).to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_size_or_an_error(text in ".{0,12}") {
            let _ = text.parse::<Size>();
        }

        #[test]
        fn a_whole_number_is_itself(bytes: u64) {
            prop_assert_eq!(bytes.to_string().parse(), Ok(Size(bytes)));
        }
    }
}
