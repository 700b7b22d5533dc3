//! The benchmark: every connection sends a batch, waits for its answers, and sends the next. Values are stored before the
//! clock runs, and every value that comes back must have the length that was stored.

use super::keys::{KEY_BYTES, key_text};
use super::{Connection, KeyPicker, Latency, Opened, Stop, on_threads};
use crate::client::{Answer, Asked, ClientError, Reach};
use crate::failure::Failure;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How many requests a connection sends at once while values are stored.
const PREFILL_DEPTH: usize = 64;

/// When a benchmark ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    /// After this many requests of all connections together.
    Requests(u64),
    /// After this time, when the batches under way are answered.
    After(Duration),
}

/// What is to be done.
#[derive(Clone, Debug)]
pub(crate) struct Bench {
    /// Against whom.
    pub(crate) reach: Reach,
    /// At least 1.
    pub(crate) connections: usize,
    /// Requests in a batch, at least 1.
    pub(crate) pipeline: usize,
    /// How many of the requests are GETs, 0 to 1; the rest are SETs.
    pub(crate) get_ratio: f64,
    /// How many different keys, at least 1.
    pub(crate) keys: u64,
    /// Bytes of every value, at least 1.
    pub(crate) value_bytes: usize,
    /// Which key comes next.
    pub(crate) picker: KeyPicker,
    /// When it ends.
    pub(crate) end: End,
    /// Where the random numbers begin: the same seed asks for the same keys.
    pub(crate) seed: u64,
}

/// What came of it.
#[derive(Default)]
pub(crate) struct BenchOutcome {
    /// From the first request to the last answer.
    pub(crate) elapsed: Duration,
    /// GETs answered with a value.
    pub(crate) hits: u64,
    /// GETs answered without.
    pub(crate) misses: u64,
    /// SETs that the server stored.
    pub(crate) stored: u64,
    /// SETs that it would not.
    pub(crate) refused: u64,
    /// Of GETs.
    pub(crate) get_latency: Latency,
    /// Of SETs.
    pub(crate) set_latency: Latency,
}

impl BenchOutcome {
    /// All requests.
    pub(crate) fn requests(&self) -> u64 {
        self.hits + self.misses + self.stored + self.refused
    }

    fn merge(&mut self, other: &Self) {
        self.hits += other.hits;
        self.misses += other.misses;
        self.stored += other.stored;
        self.refused += other.refused;
        self.get_latency.merge(&other.get_latency);
        self.set_latency.merge(&other.set_latency);
    }

    fn count(&mut self, asked: Asked, answer: &Answer, took: Duration) {
        match answer {
            Answer::Value(_) => self.hits += 1,
            Answer::Missing => self.misses += 1,
            Answer::Stored => self.stored += 1,
            Answer::TooLarge | Answer::Refused(_) => self.refused += 1,
        }
        match asked {
            Asked::Get => self.get_latency.count(took),
            Asked::Set => self.set_latency.count(took),
        }
    }
}

impl Bench {
    /// Connects, stores a value for every key, and measures.
    ///
    /// # Errors
    ///
    /// What breaks a connection, a refusal, a value of a wrong length.
    pub(crate) fn run(self) -> Result<BenchOutcome, Failure> {
        let mut opened = Vec::with_capacity(self.connections);
        for _ in 0..self.connections {
            opened.push(Opened::open(&self.reach)?);
        }
        let work = Arc::new(Work { bench: self, claimed: AtomicU64::new(0), started: Instant::now() });
        let shares = on_threads(opened, |opened, back, stop| prefill(Arc::clone(&work), opened, back, stop))?;
        let opened: Vec<(u64, Opened)> = (0..).zip(shares.into_iter().flatten()).collect();

        let bench = work.bench.clone();
        let work = Arc::new(Work { bench, claimed: AtomicU64::new(0), started: Instant::now() });
        let shares = on_threads(opened, |(index, opened), share, stop| {
            measure(Arc::clone(&work), index, opened, share, stop)
        })?;
        let mut outcome = BenchOutcome { elapsed: work.started.elapsed(), ..BenchOutcome::default() };
        for share in &shares {
            outcome.merge(share);
        }
        Ok(outcome)
    }
}

/// What all connections share.
struct Work {
    bench: Bench,
    /// Keys stored, or requests taken on, by all connections.
    claimed: AtomicU64,
    started: Instant,
}

impl Work {
    /// Takes on up to a batch of `all`; how much, and from which number.
    fn claim(&self, batch: usize, all: u64) -> (u64, u64) {
        let from = self.claimed.fetch_add(batch as u64, Ordering::Relaxed);
        (from, all.saturating_sub(from).min(batch as u64))
    }

    /// How many requests the next batch has; 0 at the end.
    fn next_batch(&self) -> u64 {
        match self.bench.end {
            End::Requests(all) => self.claim(self.bench.pipeline, all).1,
            End::After(time) if self.started.elapsed() >= time => 0,
            End::After(_) => self.bench.pipeline as u64,
        }
    }
}

/// Stores values for a share of the keys, and hands the connection back.
async fn prefill(
    work: Arc<Work>,
    opened: Opened,
    back: Rc<RefCell<Vec<Opened>>>,
    stop: Stop,
) -> Result<(), Failure> {
    let mut connection = Connection::start(opened)?;
    let mut value = Vec::new();
    connection.fill_value(work.bench.value_bytes, &mut value);
    loop {
        let (from, count) = work.claim(PREFILL_DEPTH, work.bench.keys);
        if count == 0 || stop.load(Ordering::Relaxed) {
            back.borrow_mut().push(connection.stop()?);
            return Ok(());
        }
        for number in from..from + count {
            if !connection.has_room(KEY_BYTES + value.len()) {
                connection.exchange(|_, _, _| Ok(())).await?;
            }
            connection.set(key_text(number).as_bytes(), &value, 0)?;
        }
        connection.exchange(|_, _, _| Ok(())).await?;
    }
}

async fn measure(
    work: Arc<Work>,
    index: u64,
    opened: Opened,
    share: Rc<RefCell<BenchOutcome>>,
    stop: Stop,
) -> Result<(), Failure> {
    let bench = &work.bench;
    let mut connection = Connection::start(opened)?;
    let mut random = SmallRng::seed_from_u64(bench.seed.wrapping_add(index));
    let mut value = Vec::new();
    connection.fill_value(bench.value_bytes, &mut value);
    let check = |asked, answer: &Answer, took| {
        share.borrow_mut().count(asked, answer, took);
        match *answer {
            Answer::Value(found) if found != bench.value_bytes => {
                let (server, expected) = (bench.reach.server.clone(), bench.value_bytes);
                Err(ClientError::WrongLength { server, found, expected })
            }
            _ => Ok(()),
        }
    };
    loop {
        let count = work.next_batch();
        if count == 0 || stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        for _ in 0..count {
            let key = key_text(bench.picker.pick(&mut random));
            let is_get = random.random_bool(bench.get_ratio);
            if !connection.has_room(KEY_BYTES + if is_get { 0 } else { value.len() }) {
                connection.exchange(check).await?;
            }
            if is_get {
                connection.get(key.as_bytes())?;
            } else {
                connection.set(key.as_bytes(), &value, 0)?;
            }
        }
        connection.exchange(check).await?;
    }
}
