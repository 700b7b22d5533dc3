//! Arguments to the bytes that are hashed. The three profiles differ in numbers, instants and sets; everything else
//! is the same: shortest forms, keys sorted by code point at every level, text as it is, bytes as bytes.

use std::collections::BTreeMap;

use super::{KeyError, Profile};
use crate::limits::Limits;
use crate::msgpack::Writer;
use crate::temporal::DateTime;
use crate::value::{Integer, Path, Step, Value};

const MICROS_PER_SECOND: f64 = 1e6;
/// −2^63, the smallest float that collapses to an integer.
const COLLAPSE_MIN: f64 = -9_223_372_036_854_775_808.0;
/// 2^64, the first float that no longer does.
const COLLAPSE_END: f64 = 18_446_744_073_709_551_616.0;
/// Room for a few small arguments.
const CAPACITY: usize = 64;

/// One flat array of arguments.
pub(super) fn flat(profile: Profile, args: &[Value]) -> Result<Vec<u8>, KeyError> {
    let mut canonical = Canonical::new(profile);
    canonical.list(args).map_err(in_args)?;
    Ok(canonical.writer.into_bytes())
}

/// `[positional, keyword arguments]`.
pub(super) fn pair(
    profile: Profile,
    args: &[Value],
    kwargs: &BTreeMap<String, Value>,
) -> Result<Vec<u8>, KeyError> {
    let mut canonical = Canonical::new(profile);
    canonical.deeper(|inner| {
        inner.writer.list(2)?;
        inner.list(args).map_err(in_args)?;
        inner.map(kwargs).map_err(|error| error.inside(Step::Key("kwargs".into())))
    })?;
    Ok(canonical.writer.into_bytes())
}

fn in_args(error: KeyError) -> KeyError {
    error.inside(Step::Key("args".into()))
}

struct Canonical {
    profile: Profile,
    writer: Writer,
    levels: usize,
}

impl Canonical {
    fn new(profile: Profile) -> Self {
        Self { profile, writer: Writer::with_capacity(CAPACITY), levels: Limits::PROTOCOL.depth_max }
    }

    fn value(&mut self, value: &Value) -> Result<(), KeyError> {
        match value {
            Value::Nil => self.writer.nil(),
            Value::Bool(value) => self.writer.boolean(*value),
            Value::Int(number) => self.writer.integer(*number),
            Value::Float(number) => self.float(*number)?,
            Value::Text(text) => self.writer.text(text)?,
            Value::Bytes(bytes) => self.writer.bytes(bytes)?,
            Value::List(items) => self.list(items)?,
            Value::Map(map) => self.map(map)?,
            Value::Set(items) => self.set(items)?,
            Value::DateTime(datetime) => self.datetime(datetime)?,
            Value::Uuid(uuid) => {
                let mut text = uuid::Uuid::encode_buffer();
                self.writer.text(uuid.hyphenated().encode_lower(&mut text))?;
            }
            Value::Date(_) | Value::Time(_) => return Err(self.refuse(value.kind())),
        }
        Ok(())
    }

    fn float(&mut self, number: f64) -> Result<(), KeyError> {
        if self.profile != Profile::Auto && !number.is_finite() {
            return Err(KeyError::NotFinite {
                at: Path::root(),
                found: number.to_string(),
                profile: self.profile,
            });
        }
        match self.profile {
            // The Python SDK hashes NaN, always with the same bits, and infinities too; only −0.0 becomes 0.0.
            Profile::Auto if number.is_nan() => self.writer.float(f64::NAN.copysign(1.0)),
            Profile::Auto => self.writer.float(number + 0.0),
            Profile::Draft => self.writer.float(number),
            Profile::V1 => match collapse(number) {
                Some(integer) => self.writer.integer(integer),
                None => self.writer.float(number),
            },
        }
        Ok(())
    }

    fn datetime(&mut self, datetime: &DateTime) -> Result<(), KeyError> {
        let Some(micros) = datetime.unix_micros() else {
            return Err(KeyError::NaiveDateTime { at: Path::root(), found: datetime.to_string() });
        };
        if self.profile == Profile::Auto {
            return Ok(self.writer.text(&datetime.to_string())?);
        }
        // The rules ask for exactly one division, of the integer as a float64.
        #[expect(clippy::cast_precision_loss, reason = "microseconds of the years 1 to 9999 need 59 bits")]
        self.float(micros as f64 / MICROS_PER_SECOND)
    }

    fn list(&mut self, items: &[Value]) -> Result<(), KeyError> {
        self.deeper(|inner| {
            inner.writer.list(items.len())?;
            for (index, item) in items.iter().enumerate() {
                inner.value(item).map_err(|error| error.inside(Step::Index(index)))?;
            }
            Ok(())
        })
    }

    fn map(&mut self, map: &BTreeMap<String, Value>) -> Result<(), KeyError> {
        self.deeper(|inner| {
            inner.writer.map(map.len())?;
            for (key, item) in map {
                let located = |error: KeyError| error.inside(Step::Key(key.clone()));
                inner.writer.text(key).map_err(|error| located(error.into()))?;
                inner.value(item).map_err(located)?;
            }
            Ok(())
        })
    }

    /// Elements are equal when their bytes are: 2 and 2.0 are one element of a v1 set.
    fn set(&mut self, items: &[Value]) -> Result<(), KeyError> {
        if self.profile == Profile::Auto {
            return Err(self.refuse("set"));
        }
        let profile = self.profile;
        self.deeper(|inner| {
            let mut encoded = Vec::with_capacity(items.len());
            for (index, item) in items.iter().enumerate() {
                let mut element =
                    Self { profile, writer: Writer::with_capacity(CAPACITY), levels: inner.levels };
                element.value(item).map_err(|error| error.inside(Step::Index(index)))?;
                encoded.push(element.writer.into_bytes());
            }
            encoded.sort_unstable();
            encoded.dedup();
            inner.writer.list(encoded.len())?;
            encoded.iter().for_each(|element| inner.writer.document(element));
            Ok(())
        })
    }

    fn deeper(&mut self, write: impl FnOnce(&mut Self) -> Result<(), KeyError>) -> Result<(), KeyError> {
        let depth_max = Limits::PROTOCOL.depth_max;
        let outer = self.levels;
        self.levels =
            outer.checked_sub(1).ok_or_else(|| KeyError::TooDeep { at: Path::root(), depth_max })?;
        let result = write(self);
        self.levels = outer;
        result
    }

    const fn refuse(&self, kind: &'static str) -> KeyError {
        KeyError::Kind { at: Path::root(), kind, profile: self.profile }
    }
}

/// The integer that a float is, if it is one from −2^63 up to but not including 2^64.
fn collapse(number: f64) -> Option<Integer> {
    if number.fract() != 0.0 || !(COLLAPSE_MIN..COLLAPSE_END).contains(&number) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "it has no fraction and is within 65 bits")]
    Integer::try_from(number as i128).ok()
}
