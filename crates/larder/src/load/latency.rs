//! How long requests took, from the write of their batch to the read of their answer.

use hdrhistogram::Histogram;
use serde::Serialize;
use std::time::Duration;

/// Nanoseconds up to a minute, to three digits.
#[derive(Clone, Debug)]
pub(crate) struct Latency {
    histogram: Histogram<u64>,
}

/// In microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct LatencySummary {
    /// Requests measured.
    pub(crate) count: u64,
    /// Half took at most this.
    pub(crate) p50: f64,
    /// 99 in 100.
    pub(crate) p99: f64,
    /// 999 in 1000.
    #[serde(rename = "p99.9")]
    pub(crate) p999: f64,
    /// All.
    pub(crate) max: f64,
}

impl Latency {
    const MAX_NS: u64 = 60_000_000_000;

    /// Counts `requests` that each took `time`; more than a minute counts as a minute.
    pub(crate) fn count(&mut self, time: Duration) {
        let ns = u64::try_from(time.as_nanos()).unwrap_or(Self::MAX_NS);
        self.histogram.saturating_record(ns.clamp(1, Self::MAX_NS));
    }

    /// Takes over what another has counted.
    pub(crate) fn merge(&mut self, other: &Self) {
        // Both have the same bounds, so the addition cannot fail.
        let _ = self.histogram.add(&other.histogram);
    }

    /// None if nothing was counted.
    pub(crate) fn summary(&self) -> Option<LatencySummary> {
        if self.histogram.is_empty() {
            return None;
        }
        let us = |ns: u64| (ns as f64 / 100.0).round() / 10.0;
        let at = |quantile| us(self.histogram.value_at_quantile(quantile));
        Some(LatencySummary {
            count: self.histogram.len(),
            p50: at(0.5),
            p99: at(0.99),
            p999: at(0.999),
            max: us(self.histogram.max()),
        })
    }
}

impl Default for Latency {
    #[expect(clippy::expect_used, reason = "the bounds are constants that the constructor accepts")]
    fn default() -> Self {
        let histogram = Histogram::new_with_bounds(1, Self::MAX_NS, 3).expect("1 to a minute, 3 digits");
        Self { histogram }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_in_microseconds() {
        let mut latency = Latency::default();
        for us in 1..=1000 {
            latency.count(Duration::from_micros(us));
        }
        let summary = latency.summary().unwrap();
        assert_eq!(summary.count, 1000);
        assert!((summary.p50 - 500.0).abs() < 1.0, "{summary:?}");
        assert!((summary.p99 - 990.0).abs() < 1.0, "{summary:?}");
        assert!((summary.p999 - 999.0).abs() < 1.0, "{summary:?}");
        assert!((summary.max - 1000.0).abs() < 1.0, "{summary:?}");
    }

    #[test]
    fn parts_add_up_and_nothing_is_nothing() {
        let mut whole = Latency::default();
        assert_eq!(whole.summary(), None);
        let mut part = Latency::default();
        part.count(Duration::ZERO);
        part.count(Duration::from_secs(3600));
        whole.merge(&part);
        assert_eq!(whole.summary().unwrap().count, 2);
    }
}
