//! Replaying against a server. The trace is dealt out to the connections by key, so that the accesses to one key keep
//! their order; each connection asks in batches, then stores what was missed.

use super::{Progress, Tally};
use crate::client::{Answer, Asked, ClientError, Reach};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::load::{Connection, Latency, Opened, Stop, on_threads};
use crate::trace::{Op, Record, TraceReader};
use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Records that go to a connection together.
const PARCEL_RECORDS: usize = 256;

/// Parcels that may wait for a connection.
const PARCELS_AHEAD: usize = 4;

/// Larger objects are not sent and count as refused: each connection has one of them in memory.
const VALUE_BYTES_MAX: u32 = 64 << 20;

/// How to replay.
#[derive(Clone, Debug)]
pub(crate) struct Remote {
    /// Against whom.
    pub(crate) reach: Reach,
    /// At least 1.
    pub(crate) connections: usize,
    /// Requests in a batch, at least 1.
    pub(crate) pipeline: usize,
    /// Whether objects are stored with their time to live.
    pub(crate) honour_ttl: bool,
    /// What may end it early.
    pub(crate) interrupt: Option<Interrupt>,
}

/// What came of it.
#[derive(Default)]
pub(crate) struct RemoteOutcome {
    /// Hits and misses as the answers showed them.
    pub(crate) tally: Tally,
    /// From the first request to the last answer.
    pub(crate) elapsed: Duration,
    /// Requests sent, the SETs that follow misses included.
    pub(crate) sent: u64,
    /// Of GETs.
    pub(crate) get_latency: Latency,
    /// Of SETs.
    pub(crate) set_latency: Latency,
}

/// Records with their positions in the trace.
type Parcel = Vec<(u64, Record)>;

impl Remote {
    /// Replays a trace.
    ///
    /// # Errors
    ///
    /// What is wrong with the trace, what breaks a connection, a refusal, an interrupt.
    pub(crate) fn replay(
        &self,
        reader: &mut TraceReader,
        progress: &Progress,
    ) -> Result<RemoteOutcome, Failure> {
        let mut senders = Vec::with_capacity(self.connections);
        let mut lanes = Vec::with_capacity(self.connections);
        for _ in 0..self.connections {
            let (sender, receiver) = channel(PARCELS_AHEAD);
            senders.push(sender);
            lanes.push((Opened::open(&self.reach)?, receiver));
        }
        let (pipeline, honour_ttl, interrupt) = (self.pipeline, self.honour_ttl, self.interrupt.as_ref());
        let started = Instant::now();
        let (read, shares) = thread::scope(|scope| {
            let workers = scope.spawn(move || {
                on_threads(lanes, |(opened, parcels), share, stop| {
                    let interrupt = interrupt.cloned();
                    async move {
                        let connection = Connection::start(opened)?;
                        let lane = Lane { connection, share, pipeline, honour_ttl, value: Vec::new() };
                        lane.drive(parcels, stop, interrupt).await
                    }
                })
            });
            let read = deal(reader, senders, progress, interrupt);
            (read, workers.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        let shares: Vec<RemoteOutcome> = shares?;
        read?;
        if let Some(signal) = interrupt.and_then(Interrupt::signal) {
            return Err(Failure::Interrupted(signal));
        }
        let mut outcome = RemoteOutcome { elapsed: started.elapsed(), ..RemoteOutcome::default() };
        for share in shares {
            outcome.tally.merge(share.tally);
            outcome.sent += share.sent;
            outcome.get_latency.merge(&share.get_latency);
            outcome.set_latency.merge(&share.set_latency);
        }
        Ok(outcome)
    }
}

/// Reads the trace and deals its records out. Ends early if a connection has: its failure is reported by its thread. An
/// interrupt ends it as well.
fn deal(
    reader: &mut TraceReader,
    senders: Vec<Sender<Parcel>>,
    progress: &Progress,
    interrupt: Option<&Interrupt>,
) -> Result<(), Failure> {
    let mut parcels: Vec<Parcel> = vec![Vec::new(); senders.len()];
    let mut position = 0;
    loop {
        let block = reader.next_block()?;
        if block.is_empty() {
            break;
        }
        for record in block {
            let to = lane_of(record.key, senders.len());
            parcels[to].push((position, record));
            position += 1;
            if parcels[to].len() == PARCEL_RECORDS {
                if interrupt.and_then(Interrupt::signal).is_some() {
                    return Ok(());
                }
                let full = std::mem::take(&mut parcels[to]);
                if senders[to].blocking_send(full).is_err() {
                    return Ok(());
                }
            }
        }
        progress.show(reader);
    }
    for (sender, rest) in senders.iter().zip(parcels) {
        if !rest.is_empty() && sender.blocking_send(rest).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// Which connection has a key: numbers that follow one another should not, so the key is mixed first.
fn lane_of(key: u64, lanes: usize) -> usize {
    let mixed = key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((u128::from(mixed) * lanes as u128) >> 64) as usize
}

/// One connection at work.
struct Lane {
    connection: Connection,
    share: Rc<RefCell<RemoteOutcome>>,
    pipeline: usize,
    honour_ttl: bool,
    /// The value that was sent last, kept for its memory.
    value: Vec<u8>,
}

impl Lane {
    async fn drive(
        mut self,
        mut parcels: Receiver<Parcel>,
        stop: Stop,
        interrupt: Option<Interrupt>,
    ) -> Result<(), Failure> {
        while let Some(parcel) = parcels.recv().await {
            let mut rest = &parcel[..];
            while !rest.is_empty() {
                if stop.load(Ordering::Relaxed) || interrupt.as_ref().and_then(Interrupt::signal).is_some() {
                    return Ok(());
                }
                let (batch, after) = rest.split_at(batch_len(rest, self.pipeline));
                self.play(batch).await?;
                rest = after;
            }
        }
        Ok(())
    }

    /// Asks for a batch, in which no key comes twice, and stores what was missed.
    async fn play(&mut self, batch: &[(u64, Record)]) -> Result<(), Failure> {
        let mut missed = Vec::new();
        let mut asked = 0;
        while asked < batch.len() {
            let from = asked;
            while let Some((_, record)) = batch.get(asked) {
                let bytes = 20 + if record.op == Op::Set { record.value_bytes() as usize } else { 0 };
                if !self.connection.has_room(bytes) {
                    break;
                }
                asked += 1;
                match record.op {
                    Op::Get => self.connection.get(record.key.to_string().as_bytes())?,
                    Op::Set => {
                        self.share.borrow_mut().tally.set_records += 1;
                        self.store(record)?;
                    }
                }
            }
            let gets = batch[from..asked].iter().filter(|(_, record)| record.op == Op::Get);
            missed.extend(self.exchange(gets).await?);
        }
        for record in missed {
            if !self.connection.has_room(20 + record.value_bytes() as usize) {
                self.exchange([].iter()).await?;
            }
            self.store(&record)?;
        }
        self.exchange([].iter()).await?;
        Ok(())
    }

    /// Adds a SET to the batch of the connection, unless the value is too large to send.
    fn store(&mut self, record: &Record) -> Result<(), ClientError> {
        let bytes = record.value_bytes();
        if bytes > VALUE_BYTES_MAX {
            self.share.borrow_mut().tally.refused += 1;
            return Ok(());
        }
        self.connection.fill_value(bytes as usize, &mut self.value);
        let ttl_s = if self.honour_ttl { record.ttl_s } else { 0 };
        self.connection.set(record.key.to_string().as_bytes(), &self.value, ttl_s)
    }

    /// Sends what the connection has, counts the answers, and gives the GETs that were missed. `gets` are those that
    /// were asked, in order.
    async fn exchange<'r>(
        &mut self,
        mut gets: impl Iterator<Item = &'r (u64, Record)>,
    ) -> Result<Vec<Record>, ClientError> {
        let share = &self.share;
        let mut missed = Vec::new();
        self.connection
            .exchange(|asked, answer, took| {
                let outcome = &mut *share.borrow_mut();
                outcome.sent += 1;
                match asked {
                    Asked::Set => {
                        outcome.set_latency.count(took);
                        outcome.tally.refused += u64::from(*answer == Answer::TooLarge);
                    }
                    Asked::Get => {
                        outcome.get_latency.count(took);
                        let is_missing = *answer == Answer::Missing;
                        if let Some((position, record)) = gets.next() {
                            outcome.tally.count_get(*position, is_missing);
                            missed.extend(is_missing.then_some(*record));
                        }
                    }
                }
                Ok(())
            })
            .await?;
        Ok(missed)
    }
}

/// How many of `records`, at most `pipeline`, can be asked at once: up to the first key that comes again, since its
/// answer depends on what is stored for the one before.
fn batch_len(records: &[(u64, Record)], pipeline: usize) -> usize {
    let most = pipeline.min(records.len());
    if most == 1 {
        return 1;
    }
    let mut keys = HashSet::with_capacity(most);
    records[..most].iter().position(|(_, record)| !keys.insert(record.key)).unwrap_or(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_ends_before_a_key_comes_again() {
        let records: Parcel = (0..).zip([1, 2, 3, 2, 4].map(|key| Record::get(key, 1))).collect();
        assert_eq!(batch_len(&records, 10), 3);
        assert_eq!(batch_len(&records, 2), 2);
        assert_eq!(batch_len(&records[3..], 10), 2);
        assert_eq!(batch_len(&records[..1], 1), 1);
    }

    #[test]
    fn keys_that_follow_one_another_are_spread() {
        let mut counts = [0; 7];
        for key in 0..7000 {
            counts[lane_of(key, 7)] += 1;
        }
        assert!(counts.iter().all(|&count| (900..1100).contains(&count)), "{counts:?}");
        assert_eq!(lane_of(u64::MAX, 1), 0);
    }
}
