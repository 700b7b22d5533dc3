//! Dates and times as the protocol writes them: ISO 8601 text with at most microseconds, in the form that Python's
//! `isoformat` gives. Finer fractions are cut off, which is the floor that the key rules ask for.

use std::fmt;
use std::str::FromStr;

use jiff::civil;
use jiff::fmt::temporal::Pieces;
use jiff::tz::Offset;
use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};
use thiserror::Error;

const NANOS_PER_MICRO: i32 = 1_000;

/// Why text is not a date or time.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TemporalError {
    /// It does not read as one.
    #[error("{text:?} is not a {wanted} in ISO 8601, such as {example}")]
    Malformed {
        /// The text.
        text: String,
        /// What it should be.
        wanted: &'static str,
        /// One that would be right.
        example: &'static str,
    },
    /// Years go from 1 to 9999, as everywhere in the protocol's first language.
    #[error("{text:?} is outside the years 1 to 9999")]
    OutOfRange {
        /// The text or number of microseconds.
        text: String,
    },
}

/// A date with a time of day to the microsecond, and an offset from UTC unless it is naive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateTime {
    local: civil::DateTime,
    offset: Option<Offset>,
}

impl DateTime {
    /// The instant so many microseconds after 1970 in UTC.
    ///
    /// # Errors
    ///
    /// [`TemporalError::OutOfRange`] outside the years 1 to 9999.
    pub fn from_unix_micros(micros: i64) -> Result<Self, TemporalError> {
        let out_of_range = || TemporalError::OutOfRange { text: micros.to_string() };
        let instant = jiff::Timestamp::from_microsecond(micros).map_err(|_| out_of_range())?;
        let local = Offset::UTC.to_datetime(instant);
        if !in_range(local.date()) {
            return Err(out_of_range());
        }
        Ok(Self { local, offset: Some(Offset::UTC) })
    }

    /// Microseconds since 1970 in UTC, before it negative; `None` for a naive datetime.
    #[must_use]
    pub fn unix_micros(&self) -> Option<i64> {
        // The years end far inside what a timestamp holds, so neither conversion fails.
        Some(self.offset?.to_timestamp(self.local).ok()?.as_microsecond())
    }

    /// Seconds east of UTC; `None` for a naive datetime.
    #[must_use]
    pub fn offset_seconds(&self) -> Option<i32> {
        self.offset.map(Offset::seconds)
    }
}

impl FromStr for DateTime {
    type Err = TemporalError;

    fn from_str(text: &str) -> Result<Self, TemporalError> {
        let malformed = || TemporalError::Malformed {
            text: text.to_owned(),
            wanted: "datetime",
            example: "2024-01-31T12:30:45.123456+00:00",
        };
        let pieces = Pieces::parse(text).map_err(|_| malformed())?;
        let time = pieces.time().filter(|_| pieces.time_zone_annotation().is_none()).ok_or_else(malformed)?;
        if has_second_60(text.split_once(['T', 't', ' ']).map_or("", |(_, time)| time)) {
            return Err(malformed());
        }
        if !in_range(pieces.date()) {
            return Err(TemporalError::OutOfRange { text: text.to_owned() });
        }
        Ok(Self { local: pieces.date().to_datetime(to_micros(time)), offset: pieces.to_numeric_offset() })
    }
}

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}T{}", Date(self.local.date()), Time(self.local.time()))?;
        let Some(seconds) = self.offset_seconds() else { return Ok(()) };
        let size = seconds.unsigned_abs();
        let (hours, minutes, rest) = (size / 3600, size % 3600 / 60, size % 60);
        write!(f, "{}{hours:02}:{minutes:02}", if seconds < 0 { '-' } else { '+' })?;
        if rest == 0 { Ok(()) } else { write!(f, ":{rest:02}") }
    }
}

/// A date without a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date(civil::Date);

impl FromStr for Date {
    type Err = TemporalError;

    fn from_str(text: &str) -> Result<Self, TemporalError> {
        let malformed =
            || TemporalError::Malformed { text: text.to_owned(), wanted: "date", example: "2024-01-31" };
        let pieces = Pieces::parse(text).map_err(|_| malformed())?;
        if pieces.time().is_some() || pieces.time_zone_annotation().is_some() {
            return Err(malformed());
        }
        if !in_range(pieces.date()) {
            return Err(TemporalError::OutOfRange { text: text.to_owned() });
        }
        Ok(Self(pieces.date()))
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.0.year(), self.0.month(), self.0.day())
    }
}

/// A time of day to the microsecond, without an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time(civil::Time);

impl FromStr for Time {
    type Err = TemporalError;

    fn from_str(text: &str) -> Result<Self, TemporalError> {
        let malformed = || TemporalError::Malformed {
            text: text.to_owned(),
            wanted: "time of day",
            example: "12:30:45.123456",
        };
        // An offset would be dropped in silence.
        if text.contains(['+', '-', 'Z', 'z', '[', 'T', 't']) || has_second_60(text) {
            return Err(malformed());
        }
        text.parse().map(|time| Self(to_micros(time))).map_err(|_| malformed())
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}:{:02}", self.0.hour(), self.0.minute(), self.0.second())?;
        match self.0.subsec_nanosecond() / NANOS_PER_MICRO {
            0 => Ok(()),
            micros => write!(f, ".{micros:06}"),
        }
    }
}

/// A leap second, which the parser would take for the second before it; the SDKs refuse it. The text is a time of day
/// that the parser has read, with or without colons.
fn has_second_60(time: &str) -> bool {
    let digits =
        time.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b':').filter(|byte| *byte != b':');
    digits.skip(4).take(2).eq(*b"60")
}

fn in_range(date: civil::Date) -> bool {
    date.year() >= 1
}

fn to_micros(time: civil::Time) -> civil::Time {
    let nanos = time.subsec_nanosecond();
    // The remainder is not larger than the number, so the time stays valid.
    time.with().subsec_nanosecond(nanos.saturating_sub(nanos % NANOS_PER_MICRO)).build().unwrap_or(time)
}

/// The names under which [`to_value`](crate::to_value) recognises these types; other serializers see plain text.
pub(crate) const DATE_TIME_NAME: &str = "larder_cachekit::DateTime";
pub(crate) const DATE_NAME: &str = "larder_cachekit::Date";
pub(crate) const TIME_NAME: &str = "larder_cachekit::Time";

macro_rules! serde_as_text {
    ($kind:ident, $name:ident, $sentinel:literal) => {
        impl Serialize for $kind {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_newtype_struct($name, &self.to_string())
            }
        }

        impl<'de> Deserialize<'de> for $kind {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer
                    .deserialize_any(SentinelOrText { sentinel: $sentinel })?
                    .parse()
                    .map_err(D::Error::custom)
            }
        }
    };
}

serde_as_text!(DateTime, DATE_TIME_NAME, "__datetime__");
serde_as_text!(Date, DATE_NAME, "__date__");
serde_as_text!(Time, TIME_NAME, "__time__");

/// Reads the text of a temporal value, be it bare or in its sentinel map.
struct SentinelOrText {
    sentinel: &'static str,
}

impl<'de> serde::de::Visitor<'de> for SentinelOrText {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ISO 8601 text or a map with {:?} and \"value\"", self.sentinel)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<String, A::Error> {
        let (mut marked, mut text) = (false, None);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "value" => text = Some(map.next_value()?),
                key if key == self.sentinel => marked = map.next_value()?,
                other => return Err(A::Error::unknown_field(other, &["value"])),
            }
        }
        text.filter(|_| marked).ok_or_else(|| A::Error::missing_field("value"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn datetime(text: &str) -> DateTime {
        text.parse().unwrap()
    }

    #[test]
    fn text_comes_back_as_python_writes_it() {
        for text in [
            "2024-01-01T12:30:45.123456+00:00",
            "2024-01-01T12:30:45-05:30",
            "0001-01-01T00:00:00",
            "9999-12-31T23:59:59.999999+23:59:59",
            "1969-12-31T23:59:59.000001+00:00",
        ] {
            assert_eq!(datetime(text).to_string(), text);
        }
        assert_eq!(datetime("2024-01-01T00:00:00Z").to_string(), "2024-01-01T00:00:00+00:00");
        assert_eq!("2024-02-29".parse::<Date>().unwrap().to_string(), "2024-02-29");
        assert_eq!("07:08:09.010000".parse::<Time>().unwrap().to_string(), "07:08:09.010000");
    }

    #[test]
    fn micros_are_floored_and_offsets_applied() {
        assert_eq!(datetime("1970-01-01T00:00:00.0000019+00:00").unix_micros(), Some(1));
        assert_eq!(datetime("1969-12-31T23:59:59.9999991+00:00").unix_micros(), Some(-1));
        assert_eq!(datetime("1970-01-01T05:30:00+05:30").unix_micros(), Some(0));
        assert_eq!(datetime("2024-01-01T00:00:00").unix_micros(), None);
        assert_eq!(
            DateTime::from_unix_micros(-876_544).unwrap().to_string(),
            "1969-12-31T23:59:59.123456+00:00"
        );
    }

    #[test]
    fn what_is_no_datetime_is_refused_by_name() {
        for text in
            ["2024-01-01", "2024-13-01T00:00:00", "", "noon", "2024-01-01T00:00:00+00:00[Europe/Oslo]"]
        {
            assert!(matches!(text.parse::<DateTime>(), Err(TemporalError::Malformed { .. })), "{text}");
        }
        assert!(matches!(
            "-000001-01-01T00:00:00Z".parse::<DateTime>(),
            Err(TemporalError::OutOfRange { .. })
        ));
        assert!("12:00:00+01:00".parse::<Time>().is_err());
        for text in
            ["2016-12-31T23:59:60+00:00", "2016-12-31T23:59:60.5Z", "2016-12-31 235960", "20161231T235960Z"]
        {
            assert!(matches!(text.parse::<DateTime>(), Err(TemporalError::Malformed { .. })), "{text}");
        }
        assert!("23:59:60".parse::<Time>().is_err() && "235960.25".parse::<Time>().is_err());
        assert!("2016-12-31T23:59:59.60+00:00".parse::<DateTime>().is_ok());
        assert!("2016-12-31T23:59+00:00".parse::<DateTime>().is_ok());
        assert!("2024-01-01T00:00:00".parse::<Date>().is_err());
        assert!(DateTime::from_unix_micros(i64::MAX).is_err());
    }
}
