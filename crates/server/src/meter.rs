//! What the threads that serve count: requests by command, how long they take, and connections, for each protocol. Each
//! thread has a [`Meter`] that it alone writes, so counting is an addition without a locked instruction, and shares no cache
//! line with another thread. Whoever wants to know adds the meters up.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;

use crate::execute::Face;

/// The upper bounds of the buckets that durations are counted in, in nanoseconds; above the last there is one more.
pub(crate) const BUCKETS_NS: [u64; 16] = [
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    1_000_000_000,
];

/// The most commands that a protocol may have.
const COMMANDS_MAX: usize = 16;

/// Every meter of a server.
#[derive(Debug, Default)]
pub(crate) struct Meters(Mutex<Vec<Arc<Meter>>>);

impl Meters {
    /// A meter for one thread.
    pub(crate) fn add(&self) -> Arc<Meter> {
        let meter = Arc::new(Meter::default());
        self.0.lock().push(Arc::clone(&meter));
        meter
    }

    /// What all of them have counted for a protocol.
    pub(crate) fn sum(&self, face: Face) -> Sum {
        let mut sum = Sum::default();
        for meter in self.0.lock().iter() {
            sum.add(meter.of(face));
        }
        sum
    }
}

/// One thread's counts. Anyone may read them; only that thread may count.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Meter([Counts; Face::ALL.len()]);

#[derive(Debug, Default)]
struct Counts {
    commands: [AtomicU64; COMMANDS_MAX],
    durations: [AtomicU64; BUCKETS_NS.len() + 1],
    duration_ns: AtomicU64,
    opened: AtomicU64,
    closed: AtomicU64,
}

impl Meter {
    fn of(&self, face: Face) -> &Counts {
        &self.0[face as usize]
    }

    /// A request of this command is executed; `command` is its place in [`Face::commands`].
    #[inline]
    pub(crate) fn request(&self, face: Face, command: usize) {
        if let Some(count) = self.of(face).commands.get(command) {
            increase(count, 1);
        }
    }

    /// So many requests took this long, each.
    pub(crate) fn took(&self, face: Face, duration: Duration, requests: u64) {
        let counts = self.of(face);
        let ns = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        increase(&counts.durations[BUCKETS_NS.partition_point(|bound| *bound < ns)], requests);
        increase(&counts.duration_ns, ns.saturating_mul(requests));
    }

    /// A connection begins; it ends when what is returned is dropped, on the same thread.
    pub(crate) fn connection(self: &Arc<Self>, face: Face) -> Connected {
        increase(&self.of(face).opened, 1);
        Connected { meter: Arc::clone(self), face }
    }
}

/// A connection that is counted while this lives.
#[derive(Debug)]
pub(crate) struct Connected {
    meter: Arc<Meter>,
    face: Face,
}

impl Drop for Connected {
    fn drop(&mut self) {
        increase(&self.meter.of(self.face).closed, 1);
    }
}

/// Only for the one thread that writes `count`.
#[inline]
fn increase(count: &AtomicU64, by: u64) {
    count.store(count.load(Ordering::Relaxed).saturating_add(by), Ordering::Relaxed);
}

/// A protocol's counts since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    /// Requests, in the order of [`Face::commands`].
    pub(crate) commands: [u64; COMMANDS_MAX],
    /// Requests that were timed, by the bucket of their duration; see [`BUCKETS_NS`].
    pub(crate) durations: [u64; BUCKETS_NS.len() + 1],
    /// How long they took together, in nanoseconds.
    pub(crate) duration_ns: u64,
    /// Connections that are open.
    pub(crate) connections: u64,
}

impl Sum {
    fn add(&mut self, counts: &Counts) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        self.commands.iter_mut().zip(&counts.commands).for_each(|(sum, count)| *sum += read(count));
        self.durations.iter_mut().zip(&counts.durations).for_each(|(sum, count)| *sum += read(count));
        self.duration_ns = self.duration_ns.saturating_add(read(&counts.duration_ns));
        // In this order, whatever begins and ends meanwhile does not make it less than none.
        let closed = read(&counts.closed);
        self.connections += read(&counts.opened).saturating_sub(closed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_of_every_protocol_has_a_place() {
        for face in Face::ALL {
            assert!(face.commands().len() <= COMMANDS_MAX, "{face:?}");
        }
    }

    #[test]
    fn meters_add_up_and_keep_protocols_apart() {
        let meters = Meters::default();
        let (a, b) = (meters.add(), meters.add());
        a.request(Face::Paper, 3);
        b.request(Face::Paper, 3);
        b.request(Face::Seriput, 0);
        b.request(Face::Paper, COMMANDS_MAX);
        let open = a.connection(Face::Paper);
        drop(b.connection(Face::Paper));
        let paper = meters.sum(Face::Paper);
        assert_eq!((paper.commands[3], paper.commands.iter().sum::<u64>(), paper.connections), (2, 2, 1));
        assert_eq!(meters.sum(Face::Seriput).commands[0], 1);
        drop(open);
        assert_eq!(meters.sum(Face::Paper).connections, 0);
    }

    #[test]
    fn a_duration_is_counted_up_to_and_including_its_bound() {
        let meters = Meters::default();
        let meter = meters.add();
        meter.took(Face::Paper, Duration::ZERO, 1);
        meter.took(Face::Paper, Duration::from_nanos(5_000), 10);
        meter.took(Face::Paper, Duration::from_nanos(5_001), 100);
        meter.took(Face::Paper, Duration::from_secs(1), 1_000);
        meter.took(Face::Paper, Duration::MAX, 1);
        let sum = meters.sum(Face::Paper);
        assert_eq!(sum.durations[..2], [11, 100]);
        assert_eq!(sum.durations[15..], [1_000, 1]);
        assert_eq!(sum.durations.iter().sum::<u64>(), 1_112);
        assert_eq!(sum.duration_ns, u64::MAX, "cut rather than wrong");
    }
}
