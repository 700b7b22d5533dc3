//! Names of policies: how they are written, read and compared. The grammar is PaperCache's (lower case, no spaces,
//! decimal fractions from 0 to 1, `-` as separator); equality is numeric and printing uses the shortest form.

use std::fmt;
use std::str::FromStr;

/// A number from 0 to 1 as it stands in a policy's name.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Fraction(f64);

// Never NaN: `Fraction::new` is the only way in.
impl Eq for Fraction {}

impl std::hash::Hash for Fraction {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        // -0.0 cannot occur, so equal numbers have equal bits.
        self.0.to_bits().hash(state);
    }
}

impl Fraction {
    /// The fraction `value`, if it is a number from 0 to 1.
    #[must_use]
    pub fn new(value: f64) -> Option<Fraction> {
        // Adding zero turns -0.0 into 0.0.
        (0.0..=1.0).contains(&value).then_some(Fraction(value + 0.0))
    }

    /// Its value, from 0 to 1.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }

    fn parse(text: &str) -> Option<Fraction> {
        let decimal = text.bytes().all(|b| b.is_ascii_digit() || b == b'.') && text != ".";
        if decimal { text.parse().ok().and_then(Fraction::new) } else { None }
    }
}

impl fmt::Display for Fraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An eviction policy by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PolicyName {
    /// `lfu`: least frequently used, ties least recently used.
    Lfu,
    /// `fifo`: oldest insertion.
    Fifo,
    /// `clock`: second chance.
    Clock,
    /// `sieve`: lazy promotion with a moving hand.
    Sieve,
    /// `lru`: least recently used.
    Lru,
    /// `mru`: most recently used.
    Mru,
    /// `2q-<in>-<out>`: two queues and a ghost queue.
    TwoQ {
        /// Share of the cache for the queue of newcomers.
        k_in: Fraction,
        /// Share of the cache that the ghosts would fill.
        k_out: Fraction,
    },
    /// `arc`: adaptive replacement.
    Arc,
    /// `s3-fifo-<ratio>`: small, main and ghost queue.
    S3Fifo {
        /// Share of the cache for the small queue.
        ratio: Fraction,
    },
}

impl PolicyName {
    /// The nine policies that are configured where nobody says otherwise, in PaperCache's order:
    /// `lfu fifo clock sieve lru mru 2q-0.25-0.5 arc s3-fifo-0.1`.
    #[must_use]
    pub fn all_default() -> [PolicyName; 9] {
        [
            PolicyName::Lfu,
            PolicyName::Fifo,
            PolicyName::Clock,
            PolicyName::Sieve,
            PolicyName::Lru,
            PolicyName::Mru,
            PolicyName::TwoQ { k_in: Fraction(0.25), k_out: Fraction(0.5) },
            PolicyName::Arc,
            PolicyName::S3Fifo { ratio: Fraction(0.1) },
        ]
    }
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PolicyName::Lfu => f.pad("lfu"),
            PolicyName::Fifo => f.pad("fifo"),
            PolicyName::Clock => f.pad("clock"),
            PolicyName::Sieve => f.pad("sieve"),
            PolicyName::Lru => f.pad("lru"),
            PolicyName::Mru => f.pad("mru"),
            PolicyName::Arc => f.pad("arc"),
            PolicyName::TwoQ { k_in, k_out } => f.pad(&format!("2q-{k_in}-{k_out}")),
            PolicyName::S3Fifo { ratio } => f.pad(&format!("s3-fifo-{ratio}")),
        }
    }
}

/// A text that is not the name of a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not a policy; possible are {before}lfu, fifo, clock, sieve, lru, mru, arc, \
     2q-<in>-<out> and s3-fifo-<ratio> with fractions from 0 to 1 (for 2q together at most 1)"
)]
pub struct PolicyNameError {
    text: String,
    /// What is possible besides the names.
    before: &'static str,
}

impl FromStr for PolicyName {
    type Err = PolicyNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| PolicyNameError { text: text.to_owned(), before: "" })
    }
}

fn parse(text: &str) -> Option<PolicyName> {
    Some(match text {
        "lfu" => PolicyName::Lfu,
        "fifo" => PolicyName::Fifo,
        "clock" => PolicyName::Clock,
        "sieve" => PolicyName::Sieve,
        "lru" => PolicyName::Lru,
        "mru" => PolicyName::Mru,
        "arc" => PolicyName::Arc,
        _ => {
            if let Some(ratio) = text.strip_prefix("s3-fifo-") {
                PolicyName::S3Fifo { ratio: Fraction::parse(ratio)? }
            } else {
                let (k_in, k_out) = text.strip_prefix("2q-")?.split_once('-')?;
                let (k_in, k_out) = (Fraction::parse(k_in)?, Fraction::parse(k_out)?);
                if k_in.get() + k_out.get() > 1.0 {
                    return None;
                }
                PolicyName::TwoQ { k_in, k_out }
            }
        }
    })
}

/// What can be asked for: a policy, or that the cache picks one itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PolicyChoice {
    /// `auto`: the cache picks among the configured policies.
    Auto,
    /// This one.
    Fixed(PolicyName),
}

impl fmt::Display for PolicyChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PolicyChoice::Auto => f.pad("auto"),
            PolicyChoice::Fixed(name) => name.fmt(f),
        }
    }
}

impl FromStr for PolicyChoice {
    type Err = PolicyNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "auto" {
            return Ok(PolicyChoice::Auto);
        }
        let name = text.parse::<PolicyName>().map(PolicyChoice::Fixed);
        name.map_err(|error| PolicyNameError { before: "auto, ", ..error })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_name_reads_back_as_it_prints() {
        for name in PolicyName::all_default() {
            assert_eq!(name.to_string().parse(), Ok(name));
        }
    }

    #[test]
    fn names_compare_by_number_and_print_the_shortest_form() {
        let long: PolicyName = "2q-0.250-0.50".parse().unwrap();
        assert_eq!(long, "2q-.25-.5".parse().unwrap());
        assert_eq!(long.to_string(), "2q-0.25-0.5");
        assert_eq!("s3-fifo-1.0".parse::<PolicyName>().unwrap().to_string(), "s3-fifo-1");
        assert_eq!("2q-0-0".parse::<PolicyName>().unwrap().to_string(), "2q-0-0");
    }

    #[test]
    fn what_papercache_refuses_is_refused() {
        for text in [
            "LRU",
            "2q",
            "2q-",
            "2q-0.6-0.6",
            "2q-a-b",
            "2q-0.25-0.5-0.1",
            "s3-fifo",
            "s3-fifo-2",
            "s3-fifo-nan",
            "",
            " lru",
            "lru ",
            "s3-fifo-1e-1",
            "s3-fifo-+0.1",
            "s3-fifo-.",
            "s3-fifo-inf",
            "2q-1e0-0",
            "auto",
        ] {
            assert!(text.parse::<PolicyName>().is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn auto_is_a_choice_but_no_policy() {
        assert_eq!("auto".parse(), Ok(PolicyChoice::Auto));
        let possible = |error: PolicyNameError| error.to_string().contains("possible are auto, lfu");
        assert!("autoo".parse::<PolicyChoice>().is_err_and(possible));
        assert!("autoo".parse::<PolicyName>().is_err_and(|error| !possible(error)));
        assert_eq!("lru".parse(), Ok(PolicyChoice::Fixed(PolicyName::Lru)));
    }
}
