//! How large the caches of a replay are: a size, a number of entries, or a share of what the trace asks for.

use crate::size::Size;
use crate::trace::WorkingSet;
use larder_engine::Capacity;
use larder_server::config::size::SizeError;
use std::str::FromStr;

/// What a capacity is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Unit {
    /// Bytes of keys, values and the cache's own overhead.
    Bytes,
    /// Entries, whatever their size.
    Entries,
}

impl Unit {
    /// As in options and output.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Entries => "entries",
        }
    }
}

/// A capacity as it is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum CapacityArg {
    /// Per cent of the working set.
    Percent(f64),
    /// A number without a unit.
    Number(u64),
    /// A number with a unit of size.
    Size(u64),
}

/// Why there is no such capacity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CapacityError {
    /// A percentage that is none.
    #[error("`{0}` is no share of the working set: a number above 0 and %, such as 10% or 0.1%")]
    Percent(String),
    /// Neither a number nor a size.
    #[error(transparent)]
    Size(#[from] SizeError),
    /// Bytes where entries are counted.
    #[error("a capacity of {0} bytes does not go with --unit entries: give a number, or use --unit bytes")]
    BytesOfEntries(u64),
    /// A cache of nothing.
    #[error("a cache must have a capacity: 0 is none")]
    Zero,
}

impl FromStr for CapacityArg {
    type Err = CapacityError;

    fn from_str(text: &str) -> Result<Self, CapacityError> {
        if let Some(number) = text.strip_suffix('%') {
            return match number.trim().parse::<f64>() {
                Ok(percent) if percent > 0.0 && percent.is_finite() => Ok(Self::Percent(percent)),
                _ => Err(CapacityError::Percent(text.to_owned())),
            };
        }
        let Size(amount) = text.parse()?;
        let bare = text.trim().bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
        Ok(if bare { Self::Number(amount) } else { Self::Size(amount) })
    }
}

impl CapacityArg {
    /// Whether the trace must be read once before the capacity is known.
    pub(crate) fn needs_working_set(self) -> bool {
        matches!(self, Self::Percent(_))
    }

    /// The capacity in `unit`. A share is rounded down, to at least 1.
    ///
    /// # Errors
    ///
    /// [`CapacityError::BytesOfEntries`] and [`CapacityError::Zero`].
    pub(crate) fn resolve(self, unit: Unit, working_set: &WorkingSet) -> Result<Capacity, CapacityError> {
        let amount = match (self, unit) {
            (Self::Percent(percent), _) => {
                let whole = match unit {
                    Unit::Bytes => working_set.bytes(),
                    Unit::Entries => working_set.objects(),
                };
                ((percent * whole as f64 / 100.0) as u64).max(1)
            }
            (Self::Size(bytes), Unit::Entries) => return Err(CapacityError::BytesOfEntries(bytes)),
            (Self::Number(amount) | Self::Size(amount), _) => amount,
        };
        match (amount, unit) {
            (0, _) => Err(CapacityError::Zero),
            (amount, Unit::Bytes) => Ok(Capacity::Bytes(amount)),
            (amount, Unit::Entries) => Ok(Capacity::Entries(amount)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Record;

    fn resolve(text: &str, unit: Unit) -> Result<Capacity, CapacityError> {
        let mut set = WorkingSet::default();
        let records: Vec<Record> = (0..1379).map(|key| Record::get(key, 10)).collect();
        set.add(&records);
        text.parse::<CapacityArg>()?.resolve(unit, &set)
    }

    #[test]
    fn a_share_is_rounded_down_to_at_least_one() {
        assert_eq!(resolve("10%", Unit::Entries), Ok(Capacity::Entries(137)));
        assert_eq!(resolve("10%", Unit::Bytes), Ok(Capacity::Bytes(1379)));
        assert_eq!(resolve("0.001 %", Unit::Entries), Ok(Capacity::Entries(1)));
        assert_eq!(resolve("200%", Unit::Entries), Ok(Capacity::Entries(2758)));
    }

    #[test]
    fn an_amount_is_itself() {
        assert_eq!(resolve("5_000", Unit::Entries), Ok(Capacity::Entries(5000)));
        assert_eq!(resolve("5000", Unit::Bytes), Ok(Capacity::Bytes(5000)));
        assert_eq!(resolve("64MiB", Unit::Bytes), Ok(Capacity::Bytes(64 << 20)));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert_eq!(resolve("64MiB", Unit::Entries), Err(CapacityError::BytesOfEntries(64 << 20)));
        assert_eq!(resolve("0", Unit::Entries), Err(CapacityError::Zero));
        for text in ["0%", "-1%", "%", "x%", "inf%", "nan%"] {
            assert_eq!(resolve(text, Unit::Bytes), Err(CapacityError::Percent(text.into())));
        }
        assert!(matches!(resolve("much", Unit::Bytes), Err(CapacityError::Size(_))));
    }
}
