//! Sizes as people write them: `1000`, `1k`, `1Ki`, `1.5G`, `1e6`, `1_000_000`, `64 MiB`. The rules are those of
//! PaperCache's configuration file (spec of the PaperCache protocol, section 5), so that its files mean here what they
//! mean there, and they hold wherever Larder reads a size. The arithmetic is exact: no floating point.

use std::fmt;

use thiserror::Error;

/// Why a text is not a size. The text itself is not kept: the caller knows it, and knows whether it may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SizeError {
    /// Not a number with an optional unit.
    #[error(
        "a size is a number with an optional unit (B, k, M, G, T, P, or Ki to Pi), such as 2GiB, 1.5G or 64 MiB"
    )]
    Malformed,
    /// More than 2^64-1 bytes.
    #[error("a size is at most 18446744073709551615 bytes (2^64-1)")]
    TooLarge,
}

/// The most digits that a number may have; more than any size needs.
const DIGITS_MAX: usize = 30;

/// Reads a size in bytes, 0 to 2^64-1. A fraction of a byte is rounded, half a byte upwards.
///
/// # Errors
///
/// [`SizeError`] when the text is not a size or names more bytes than fit into 64 bits.
pub fn parse(text: &str) -> Result<u64, SizeError> {
    let text = text.trim();
    let number_len = text.find(|c: char| !matches!(c, '0'..='9' | '.' | '_')).unwrap_or(text.len());
    let (number, rest) = text.split_at(number_len);
    let (exponent, unit) = split_exponent(rest)?;
    let (digits, decimals) = parse_number(number)?;
    scale(digits, exponent - decimals, unit_bytes(unit.trim_start())?)
}

/// Splits `e6 k` into 6 and ` k`; a text without an exponent has exponent 0.
fn split_exponent(rest: &str) -> Result<(i32, &str), SizeError> {
    let Some(after) = rest.strip_prefix(['e', 'E']) else { return Ok((0, rest)) };
    let unsigned = after.strip_prefix(['+', '-']).unwrap_or(after);
    let digits_len = unsigned.find(|c: char| !c.is_ascii_digit()).unwrap_or(unsigned.len());
    let (text, unit) = after.split_at(after.len() - unsigned.len() + digits_len);
    let exponent: i32 = text.parse().map_err(|_| SizeError::Malformed)?;
    if exponent.abs() > 100 {
        return Err(if exponent > 0 { SizeError::TooLarge } else { SizeError::Malformed });
    }
    Ok((exponent, unit))
}

/// Reads `1_000.25` as 100025 and 2 decimals.
fn parse_number(number: &str) -> Result<(u128, i32), SizeError> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let well_formed = !whole.starts_with('_') && !whole.is_empty() && !fraction.contains(['.', '_']);
    let has_fraction = !number.contains('.') || !fraction.is_empty();
    if !well_formed || !has_fraction || whole.len() + fraction.len() > DIGITS_MAX {
        return Err(SizeError::Malformed);
    }
    let digits = whole.chars().chain(fraction.chars()).filter_map(|c| c.to_digit(10));
    let value = digits.fold(0u128, |value, digit| value * 10 + u128::from(digit));
    Ok((value, i32::try_from(fraction.len()).map_err(|_| SizeError::Malformed)?))
}

/// The bytes that one of `unit` stands for. Capitals do not matter.
fn unit_bytes(unit: &str) -> Result<u64, SizeError> {
    let unit = unit.to_ascii_lowercase();
    let unit = unit.strip_suffix('b').unwrap_or(&unit);
    let (prefix, base) = match unit.strip_suffix('i') {
        Some("") => return Err(SizeError::Malformed),
        Some(prefix) => (prefix, 1024u64),
        None => (unit, 1000u64),
    };
    let power = match prefix {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        "p" => 5,
        _ => return Err(SizeError::Malformed),
    };
    Ok(base.pow(power))
}

/// `digits * 10^exponent * unit`, rounded half up.
fn scale(digits: u128, exponent: i32, unit: u64) -> Result<u64, SizeError> {
    if digits == 0 {
        return Ok(0);
    }
    let product = digits.checked_mul(u128::from(unit)).ok_or(SizeError::TooLarge)?;
    let power = 10u128.checked_pow(exponent.unsigned_abs());
    let bytes = match (exponent >= 0, power) {
        (true, Some(power)) => product.checked_mul(power).ok_or(SizeError::TooLarge)?,
        (true, None) => return Err(SizeError::TooLarge),
        (false, Some(power)) => product / power + u128::from(product % power >= power.div_ceil(2)),
        (false, None) => 0,
    };
    u64::try_from(bytes).map_err(|_| SizeError::TooLarge)
}

/// Shows a size in the largest binary unit that says it exactly: `2GiB`, `1000`, `64KiB`. [`parse`] reads it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 5] =
            [(1 << 50, "PiB"), (1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        match UNITS.iter().find(|(unit, _)| self.0 >= *unit && self.0.is_multiple_of(*unit)) {
            Some((unit, name)) => write!(f, "{}{name}", self.0 / unit),
            None => write!(f, "{}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_mean_what_papercache_files_mean_by_them() {
        for (text, bytes) in [
            ("1000", 1000),
            ("0", 0),
            ("1k", 1000),
            ("1K", 1000),
            ("1KB", 1000),
            ("1kb", 1000),
            ("1Ki", 1024),
            ("1KiB", 1024),
            ("2G", 2_000_000_000),
            ("2GiB", 2 << 30),
            ("1.5G", 1_500_000_000),
            ("1.5GiB", 3 << 29),
            ("1e6", 1_000_000),
            ("1E6", 1_000_000),
            ("1.5e3", 1500),
            ("1e3k", 1_000_000),
            ("1500e-3", 2),
            ("1_000_000", 1_000_000),
            ("100B", 100),
            ("64 MiB", 64 << 20),
            (" 64 MiB ", 64 << 20),
            ("3PiB", 3 << 50),
            ("1P", 1_000_000_000_000_000),
            ("18446744073709551615", u64::MAX),
            ("1.5", 2),
            ("1.49", 1),
            ("0.5", 1),
            ("0e99", 0),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text:?}");
        }
    }

    #[test]
    fn what_is_not_a_size_is_refused() {
        for text in [
            "",
            " ",
            "1,000",
            "-1",
            "+1",
            "16EiB",
            "GiB",
            "1.",
            ".5",
            "1..2",
            "1.2.3",
            "_1",
            "0x10",
            "1 G i B",
            "1ib",
            "1i",
            "1kk",
            "nan",
            "inf",
            "1e",
            "1e+",
            "1e-",
            "1 000",
            "64MiB extra",
            "1e-101",
            "½",
        ] {
            assert_eq!(parse(text), Err(SizeError::Malformed), "{text:?}");
        }
    }

    #[test]
    fn what_does_not_fit_into_64_bits_is_too_large() {
        for text in ["18446744073709551616", "16384PiB", "1e20", "1e100", "99999999999999999999P", "1e101"] {
            assert_eq!(parse(text), Err(SizeError::TooLarge), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_shown_size_reads_back(bytes: u64, shift in 0u32..50) {
            let bytes = bytes >> shift << shift;
            prop_assert_eq!(parse(&Size(bytes).to_string()), Ok(bytes));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}") {
            let _ = parse(&text);
        }

        #[test]
        fn no_number_panics(text in "[0-9._eE+-]{0,40} ?[kKmMgGtTpPiIbB]{0,3}") {
            let _ = parse(&text);
        }
    }
}
