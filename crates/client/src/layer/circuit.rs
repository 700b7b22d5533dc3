//! The state of a circuit breaker, without a clock and without a store: closed while calls succeed, open after too many
//! failures in a while, half open when it lets a few probes find out. Time is an argument of every transition.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::limits::CENTURY;

/// When a circuit opens and closes. The defaults are those of the CacheKit SDKs.
///
/// ```
/// use larder_client::layer::CircuitOptions;
/// use std::time::Duration;
///
/// let patient = CircuitOptions { open_time: Duration::from_secs(30), ..CircuitOptions::default() };
/// assert_eq!((patient.failures_max, patient.window), (5, Duration::from_secs(60)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CircuitOptions {
    /// So many failures within [`window`](Self::window) open the circuit.
    pub failures_max: usize,
    /// How long a failure counts.
    pub window: Duration,
    /// How long the circuit stays open before it lets probes through.
    pub open_time: Duration,
    /// Probes under way at once while it is half open; at least one.
    pub probes_max: usize,
    /// So many successful probes close it.
    pub successes_to_close: usize,
}

impl Default for CircuitOptions {
    fn default() -> Self {
        Self {
            failures_max: 5,
            window: Duration::from_secs(60),
            open_time: Duration::from_secs(5),
            probes_max: 3,
            successes_to_close: 3,
        }
    }
}

/// What a circuit is at present.
///
/// ```
/// # use larder_client::layer::{Circuit, CircuitOptions, CircuitState};
/// # use tokio::time::Instant;
/// # let (now, options) = (Instant::now(), CircuitOptions { failures_max: 1, ..CircuitOptions::default() });
/// # let mut circuit = Circuit::new(options);
/// let permit = circuit.admit(now).expect("it is closed");
/// circuit.failed(permit, now);
/// assert_eq!(circuit.state(now), CircuitState::Open);
/// assert_eq!(circuit.state(now + options.open_time), CircuitState::HalfOpen);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CircuitState {
    /// Every call goes through.
    Closed,
    /// No call goes through.
    Open,
    /// A few calls go through, to find out.
    HalfOpen,
}

/// The right to make one call. It is handed back with the call's outcome.
///
/// ```
/// # use larder_client::layer::{Circuit, CircuitOptions, CircuitState};
/// # use tokio::time::Instant;
/// # let (now, options) = (Instant::now(), CircuitOptions { failures_max: 1, ..CircuitOptions::default() });
/// # let mut circuit = Circuit::new(options);
/// let permit = circuit.admit(now).expect("it is closed");
/// circuit.succeeded(permit);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permit {
    /// Which period of the circuit admitted the call: an outcome of an earlier one tells nothing about this one.
    period: u64,
}

/// The circuit is open.
///
/// ```
/// # use larder_client::layer::{Circuit, CircuitOptions, CircuitState};
/// # use tokio::time::Instant;
/// # let (now, options) = (Instant::now(), CircuitOptions { failures_max: 1, ..CircuitOptions::default() });
/// # let mut circuit = Circuit::new(options);
/// let permit = circuit.admit(now).expect("it is closed");
/// circuit.failed(permit, now);
/// assert_eq!(circuit.admit(now).unwrap_err().retry_after, options.open_time);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// When a call may go through again, at the earliest.
    pub retry_after: Duration,
}

#[derive(Debug)]
enum Phase {
    Closed { failures: VecDeque<Instant> },
    Open { until: Instant },
    HalfOpen { under_way: usize, successes: usize },
}

/// A circuit breaker.
///
/// ```
/// use larder_client::layer::{Circuit, CircuitOptions, CircuitState};
/// use std::time::Duration;
/// use tokio::time::Instant;
///
/// let now = Instant::now();
/// let mut circuit = Circuit::new(CircuitOptions { failures_max: 1, ..CircuitOptions::default() });
/// let permit = circuit.admit(now).expect("a new circuit is closed");
/// circuit.failed(permit, now);
/// assert_eq!(circuit.state(now), CircuitState::Open);
/// assert_eq!(circuit.state(now + Duration::from_secs(5)), CircuitState::HalfOpen);
/// ```
#[derive(Debug)]
pub struct Circuit {
    options: CircuitOptions,
    phase: Phase,
    period: u64,
}

impl Circuit {
    /// A closed circuit.
    ///
    /// ```
    /// # use larder_client::layer::{Circuit, CircuitOptions, CircuitState};
    /// # use tokio::time::Instant;
    /// # let (now, options) = (Instant::now(), CircuitOptions { failures_max: 1, ..CircuitOptions::default() });
    /// # let mut circuit = Circuit::new(options);
    /// assert_eq!(circuit.state(now), CircuitState::Closed);
    /// ```
    #[must_use]
    pub fn new(options: CircuitOptions) -> Self {
        let options = CircuitOptions {
            open_time: options.open_time.min(CENTURY),
            probes_max: options.probes_max.max(1),
            ..options
        };
        Self { options, phase: Phase::Closed { failures: VecDeque::new() }, period: 0 }
    }

    /// What the circuit is at this moment.
    ///
    /// ```
    /// # use larder_client::layer::{Circuit, CircuitOptions, CircuitState};
    /// # use tokio::time::Instant;
    /// # let (now, options) = (Instant::now(), CircuitOptions { failures_max: 1, ..CircuitOptions::default() });
    /// # let mut circuit = Circuit::new(options);
    /// assert_eq!(circuit.state(now), CircuitState::Closed);
    /// ```
    #[must_use]
    pub fn state(&self, now: Instant) -> CircuitState {
        match self.phase {
            Phase::Closed { .. } => CircuitState::Closed,
            Phase::Open { until } if now < until => CircuitState::Open,
            Phase::Open { .. } | Phase::HalfOpen { .. } => CircuitState::HalfOpen,
        }
    }

    /// Asks to make a call.
    ///
    /// ```
    /// # use larder_client::layer::{Circuit, CircuitOptions, CircuitState};
    /// # use tokio::time::Instant;
    /// # let (now, options) = (Instant::now(), CircuitOptions { failures_max: 1, ..CircuitOptions::default() });
    /// # let mut circuit = Circuit::new(options);
    /// assert!(circuit.admit(now).is_ok());
    /// ```
    ///
    /// # Errors
    /// [`Refused`] while the circuit is open, and while it is half open and has its probes under way.
    pub fn admit(&mut self, now: Instant) -> Result<Permit, Refused> {
        if let Phase::Open { until } = self.phase {
            if now < until {
                return Err(Refused { retry_after: until - now });
            }
            self.enter(Phase::HalfOpen { under_way: 0, successes: 0 });
        }
        if let Phase::HalfOpen { under_way, .. } = &mut self.phase {
            if *under_way >= self.options.probes_max {
                return Err(Refused { retry_after: Duration::ZERO });
            }
            *under_way += 1;
        }
        Ok(Permit { period: self.period })
    }

    /// The call succeeded, or failed in a way that only a working backend can.
    ///
    /// ```
    /// # use larder_client::layer::{Circuit, CircuitOptions, CircuitState};
    /// # use tokio::time::Instant;
    /// # let (now, options) = (Instant::now(), CircuitOptions { failures_max: 1, ..CircuitOptions::default() });
    /// # let mut circuit = Circuit::new(options);
    /// let permit = circuit.admit(now).expect("it is closed");
    /// circuit.succeeded(permit);
    /// assert_eq!(circuit.state(now), CircuitState::Closed);
    /// ```
    pub fn succeeded(&mut self, permit: Permit) {
        if permit.period != self.period {
            return;
        }
        if let Phase::HalfOpen { under_way, successes } = &mut self.phase {
            *under_way = under_way.saturating_sub(1);
            *successes += 1;
            if *successes >= self.options.successes_to_close {
                self.enter(Phase::Closed { failures: VecDeque::new() });
            }
        }
    }

    /// The call failed in a way that says that the backend is unwell.
    ///
    /// ```
    /// # use larder_client::layer::{Circuit, CircuitOptions, CircuitState};
    /// # use tokio::time::Instant;
    /// # let (now, options) = (Instant::now(), CircuitOptions { failures_max: 1, ..CircuitOptions::default() });
    /// # let mut circuit = Circuit::new(options);
    /// let permit = circuit.admit(now).expect("it is closed");
    /// circuit.failed(permit, now);
    /// assert_eq!(circuit.state(now), CircuitState::Open, "one failure is enough for this one");
    /// ```
    pub fn failed(&mut self, permit: Permit, now: Instant) {
        if permit.period != self.period {
            return;
        }
        let opens = match &mut self.phase {
            Phase::Closed { failures } => {
                failures.push_back(now);
                while failures.front().is_some_and(|&at| now.duration_since(at) >= self.options.window) {
                    failures.pop_front();
                }
                failures.len() >= self.options.failures_max
            }
            Phase::HalfOpen { .. } => true,
            Phase::Open { .. } => false,
        };
        if opens {
            self.enter(Phase::Open { until: now + self.options.open_time });
        }
    }

    /// The call was given up before it had an outcome.
    ///
    /// ```
    /// # use larder_client::layer::{Circuit, CircuitOptions, CircuitState};
    /// # use tokio::time::Instant;
    /// # let (now, options) = (Instant::now(), CircuitOptions { failures_max: 1, ..CircuitOptions::default() });
    /// # let mut circuit = Circuit::new(options);
    /// let permit = circuit.admit(now).expect("it is closed");
    /// circuit.abandoned(permit);
    /// assert_eq!(circuit.state(now), CircuitState::Closed, "that was no failure");
    /// ```
    pub fn abandoned(&mut self, permit: Permit) {
        if permit.period == self.period
            && let Phase::HalfOpen { under_way, .. } = &mut self.phase
        {
            *under_way = under_way.saturating_sub(1);
        }
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.period += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::CircuitState::{Closed, HalfOpen, Open};
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn fail(circuit: &mut Circuit, now: Instant) {
        let permit = circuit.admit(now).unwrap();
        circuit.failed(permit, now);
    }

    /// A circuit that opened at `now`.
    fn open(now: Instant) -> Circuit {
        let mut circuit = Circuit::new(CircuitOptions::default());
        (0..5).for_each(|_| fail(&mut circuit, now));
        circuit
    }

    #[test]
    fn five_failures_within_a_minute_open_it() {
        let start = Instant::now();
        let mut circuit = Circuit::new(CircuitOptions::default());
        for second in 0..4 {
            fail(&mut circuit, start + second * SECOND);
        }
        assert_eq!(circuit.state(start), Closed);
        fail(&mut circuit, start + 59 * SECOND);
        assert_eq!(circuit.state(start + 59 * SECOND), Open);
        assert_eq!(circuit.admit(start + 60 * SECOND), Err(Refused { retry_after: 4 * SECOND }));
    }

    #[test]
    fn failures_older_than_the_window_are_forgotten() {
        let start = Instant::now();
        let mut circuit = Circuit::new(CircuitOptions::default());
        for second in 0..4 {
            fail(&mut circuit, start + second * SECOND);
        }
        fail(&mut circuit, start + 60 * SECOND);
        assert_eq!(circuit.state(start + 60 * SECOND), Closed, "the first of the five is a minute old");
        fail(&mut circuit, start + 60 * SECOND);
        assert_eq!(circuit.state(start + 60 * SECOND), Open, "five are younger than a minute again");
    }

    #[test]
    fn three_probes_go_through_at_once_and_three_successes_close_it() {
        let start = Instant::now();
        let mut circuit = open(start);
        let later = start + 5 * SECOND;
        let probes: Vec<_> = (0..3).map(|_| circuit.admit(later).unwrap()).collect();
        assert_eq!(circuit.admit(later), Err(Refused { retry_after: Duration::ZERO }));
        circuit.succeeded(probes[0]);
        circuit.succeeded(probes[1]);
        assert_eq!(circuit.state(later), HalfOpen);
        circuit.succeeded(probes[2]);
        assert_eq!(circuit.state(later), Closed);
    }

    #[test]
    fn one_failing_probe_opens_it_again_for_the_whole_time() {
        let start = Instant::now();
        let mut circuit = open(start);
        let later = start + 5 * SECOND;
        let good = circuit.admit(later).unwrap();
        circuit.succeeded(good);
        fail(&mut circuit, later);
        assert_eq!(circuit.admit(later + 4 * SECOND), Err(Refused { retry_after: SECOND }));
        assert_eq!(circuit.state(later + 5 * SECOND), HalfOpen);
    }

    #[test]
    fn an_abandoned_probe_gives_its_place_back() {
        let start = Instant::now();
        let mut circuit = open(start);
        let later = start + 5 * SECOND;
        let probes: Vec<_> = (0..3).map(|_| circuit.admit(later).unwrap()).collect();
        circuit.abandoned(probes[0]);
        assert!(circuit.admit(later).is_ok());
        assert!(circuit.admit(later).is_err());
    }

    #[test]
    fn the_outcome_of_a_call_from_before_it_opened_changes_nothing() {
        let start = Instant::now();
        let mut circuit = Circuit::new(CircuitOptions::default());
        let slow = circuit.admit(start).unwrap();
        (0..5).for_each(|_| fail(&mut circuit, start));
        circuit.succeeded(slow);
        assert_eq!(circuit.state(start), Open);
        let later = start + 5 * SECOND;
        let probe = circuit.admit(later).unwrap();
        circuit.failed(slow, later);
        assert_eq!(circuit.state(later), HalfOpen, "the old failure is not the probe's");
        circuit.succeeded(probe);
    }
}
