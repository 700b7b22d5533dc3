//! The miss ratio over the course of a trace whose length nobody knows beforehand: buckets of equal width, which double
//! when they have become too many, so that a trace of any length leaves between half of [`BUCKETS_MAX`] and all of them.

/// More than a plot has room for, little to keep.
const BUCKETS_MAX: u64 = 512;

/// Gets and misses by position in the trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Series {
    /// How many records a bucket covers.
    width: u64,
    /// The first covers the records from 0, and so on.
    buckets: Vec<Bucket>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Bucket {
    gets: u64,
    misses: u64,
}

impl Default for Series {
    fn default() -> Self {
        Self { width: 1, buckets: Vec::new() }
    }
}

impl Series {
    /// Counts a get, the record at `position` of the trace (from 0).
    pub(crate) fn count(&mut self, position: u64, missed: bool) {
        while position / self.width >= BUCKETS_MAX {
            self.double();
        }
        let index = (position / self.width) as usize;
        if index >= self.buckets.len() {
            self.buckets.resize(index + 1, Bucket::default());
        }
        let bucket = &mut self.buckets[index];
        bucket.gets += 1;
        bucket.misses += u64::from(missed);
    }

    /// Takes over what another has counted of the same trace.
    pub(crate) fn merge(&mut self, mut other: Self) {
        while self.width < other.width {
            self.double();
        }
        while other.width < self.width {
            other.double();
        }
        self.buckets.resize(self.buckets.len().max(other.buckets.len()), Bucket::default());
        for (mine, its) in self.buckets.iter_mut().zip(&other.buckets) {
            mine.gets += its.gets;
            mine.misses += its.misses;
        }
    }

    fn double(&mut self) {
        self.width *= 2;
        self.buckets = self.buckets.chunks(2).map(sum).collect();
    }

    /// At most `points_max` (not 0) pairs of a position in the trace, the middle of a stretch, and the miss ratio in that
    /// stretch. Stretches without gets have no point.
    pub(crate) fn points(&self, points_max: usize) -> Vec<(f64, f64)> {
        let join = self.buckets.len().div_ceil(points_max).max(1);
        let count = self.buckets.len().div_ceil(join);
        let mut stretches: Vec<(f64, Bucket)> = Vec::with_capacity(count);
        for (index, stretch) in self.buckets.chunks(join).enumerate() {
            let sum = sum(stretch);
            let middle = (index * join) as f64 + stretch.len() as f64 / 2.0;
            match stretches.last_mut() {
                // What is left at the end may be too little to stand alone: its ratio would be noise.
                Some((_, last)) if index + 1 == count && sum.gets * 2 <= last.gets => {
                    last.gets += sum.gets;
                    last.misses += sum.misses;
                }
                _ => stretches.push((middle * self.width as f64, sum)),
            }
        }
        stretches
            .into_iter()
            .filter(|(_, sum)| sum.gets > 0)
            .map(|(at, sum)| (at, sum.misses as f64 / sum.gets as f64))
            .collect()
    }
}

fn sum(buckets: &[Bucket]) -> Bucket {
    Bucket {
        gets: buckets.iter().map(|bucket| bucket.gets).sum(),
        misses: buckets.iter().map(|bucket| bucket.misses).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn total(series: &Series) -> (u64, u64) {
        (series.buckets.iter().map(|b| b.gets).sum(), series.buckets.iter().map(|b| b.misses).sum())
    }

    #[test]
    fn a_long_trace_keeps_its_shape() {
        let mut series = Series::default();
        for position in 0..1_000_000 {
            series.count(position, position >= 500_000);
        }
        assert!(
            series.buckets.len() <= BUCKETS_MAX as usize && series.buckets.len() > BUCKETS_MAX as usize / 2
        );
        let points = series.points(100);
        assert!(points.len() <= 100 && points.len() > 50);
        for (position, ratio) in points {
            assert!(ratio == f64::from(u8::from(position > 500_000.0)) || (position - 5e5).abs() < 2e4);
        }
    }

    #[test]
    fn a_short_last_stretch_joins_the_one_before() {
        let mut series = Series::default();
        for position in 0..=BUCKETS_MAX {
            series.count(position, position == BUCKETS_MAX);
        }
        assert_eq!(series.width, 2);
        let points = series.points(BUCKETS_MAX as usize);
        assert!(points.iter().all(|(_, ratio)| *ratio < 0.5), "one miss at the very end is no jump to 100 %");
    }

    proptest! {
        #[test]
        fn counting_in_parts_is_counting_in_one(positions in prop::collection::vec((0_u64..100_000, any::<bool>(), 0_usize..3), 0..500)) {
            let mut whole = Series::default();
            let mut parts = [Series::default(), Series::default(), Series::default()];
            for &(position, missed, part) in &positions {
                whole.count(position, missed);
                parts[part].count(position, missed);
            }
            let [mut merged, second, third] = parts;
            merged.merge(second);
            merged.merge(third);
            prop_assert_eq!(total(&merged), total(&whole));
            prop_assert_eq!(merged, whole);
        }
    }
}
