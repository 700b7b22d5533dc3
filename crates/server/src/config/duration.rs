//! Lengths of time in the configuration: a whole number and a unit, `500ms`, `10s`, `5m`, `1h`, or `off`.

use std::{fmt, time::Duration};

/// What a length of time looks like, for error messages.
pub const ALLOWED: &str = "a whole number with a unit (ms, s, m, h) such as 500ms or 10s, or off";

/// Reads a length of time; `off` and zero are `None`. `Err` means that the text is neither.
pub fn parse(text: &str) -> Result<Option<Duration>, &'static str> {
    let text = text.trim();
    if text == "off" || text == "0" {
        return Ok(None);
    }
    let number_len = text.find(|c: char| !c.is_ascii_digit()).ok_or(ALLOWED)?;
    let (number, unit) = text.split_at(number_len);
    let unit_ms: u64 = match unit.trim_start() {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(ALLOWED),
    };
    let number: u64 = number.parse().map_err(|_| ALLOWED)?;
    let ms = number.checked_mul(unit_ms).ok_or(ALLOWED)?;
    Ok((ms > 0).then(|| Duration::from_millis(ms)))
}

/// Shows a length of time the way [`parse`] reads it, in the largest unit that says it exactly.
pub struct Shown(pub Option<Duration>);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(duration) = self.0 else { return f.write_str("off") };
        let ms = duration.as_millis();
        match [(3_600_000, "h"), (60_000, "m"), (1000, "s")].iter().find(|(unit, _)| ms.is_multiple_of(*unit))
        {
            Some((unit, name)) => write!(f, "{}{name}", ms / unit),
            None => write!(f, "{ms}ms"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_read_and_show_alike() {
        for (text, ms) in
            [("500ms", 500), ("1ms", 1), ("10s", 10_000), ("90s", 90_000), ("5m", 300_000), ("2h", 7_200_000)]
        {
            assert_eq!(parse(text), Ok(Some(Duration::from_millis(ms))));
            assert_eq!(Shown(parse(text).unwrap()).to_string(), text);
        }
        assert_eq!(parse("10 s"), Ok(Some(Duration::from_secs(10))));
    }

    #[test]
    fn off_and_zero_are_none() {
        for text in ["off", "0", "0s", "0ms"] {
            assert_eq!(parse(text), Ok(None), "{text}");
        }
        assert_eq!(Shown(None).to_string(), "off");
    }

    #[test]
    fn a_number_without_a_unit_is_refused() {
        for text in
            ["10", "", "s", "1.5s", "-1s", "10 seconds", "99999999999999999999s", "9999999999999999999h"]
        {
            assert_eq!(parse(text), Err(ALLOWED), "{text:?}");
        }
    }
}
