//! What a client has sent and what has not been decoded yet: one contiguous buffer. It grows only when it is full of bytes
//! that have arrived, at most to twice its size and never beyond the request that it is for, so a length that a client
//! merely claims costs nothing. After a large request it becomes small again. What is large is moved in steps when it grows, so
//! that no other connection waits for it.

use crate::{
    budget::{Exhausted, Lease},
    limits::{BUFFER_BYTES, BUFFER_KEPT_BYTES, COPY_STEP_BYTES},
};

/// Room behind the end of a large request, so that a read that ends it is seen to have emptied the socket.
const SLACK_BYTES: usize = 64;

/// Reads in a row that would have fitted into a buffer at rest before a larger one is given up.
const SMALL_READS: u32 = 16;

pub(crate) struct Input {
    buffer: Vec<u8>,
    /// Where the bytes begin that have not been consumed.
    start: usize,
    /// A larger buffer that is to take the place of the present one, with the beginning of what that holds.
    larger: Option<Vec<u8>>,
    lease: Lease,
    small_reads: u32,
}

/// Whether there is room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// Yes.
    Here,
    /// Not before some more calls, between which others should have their turn.
    Moving,
}

impl Input {
    pub(crate) fn new(lease: Lease) -> Input {
        Input { buffer: Vec::with_capacity(BUFFER_BYTES), start: 0, larger: None, lease, small_reads: 0 }
    }

    /// What has arrived and not been consumed.
    pub(crate) fn unread(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// The next `used` bytes are done with.
    pub(crate) fn consume(&mut self, used: usize) {
        if used > 0 {
            self.larger = None;
        }
        self.start = (self.start + used).min(self.buffer.len());
        if self.start == self.buffer.len() {
            self.note_use();
            self.buffer.clear();
            self.start = 0;
        }
    }

    /// As many of the next `bytes` as have arrived are done with; returns how many are still to come.
    pub(crate) fn skip(&mut self, bytes: u64) -> u64 {
        let here = self.unread().len().min(usize::try_from(bytes).unwrap_or(usize::MAX));
        self.consume(here);
        bytes - here as u64
    }

    /// Whether a request is under way that is too large for a buffer at rest.
    pub(crate) fn is_large(&self) -> bool {
        self.unread().len() > BUFFER_BYTES
    }

    /// Where to append what arrives next. There is room for at least one byte when [`make_room`](Self::make_room) says so.
    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Makes room for at least one more byte of a request that has `frame` bytes in all (as far as one can know yet).
    pub(crate) fn make_room(&mut self, frame: usize) -> Result<Room, Exhausted> {
        if self.start > 0 {
            // What is left is the beginning of one request; each is moved at most once.
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        if self.buffer.capacity() > BUFFER_BYTES && frame <= BUFFER_BYTES {
            self.shrink();
        }
        if self.buffer.len() < self.buffer.capacity() {
            return Ok(Room::Here);
        }
        if self.larger.is_none() {
            let wanted = frame.saturating_add(SLACK_BYTES).max(self.buffer.len() + 1);
            let capacity = wanted.min(self.buffer.capacity() * 2);
            self.lease.resize((capacity - BUFFER_BYTES) as u64)?;
            self.larger = Some(Vec::with_capacity(capacity));
        }
        Ok(self.move_some())
    }

    fn move_some(&mut self) -> Room {
        let Some(larger) = &mut self.larger else { return Room::Here };
        let rest = &self.buffer[larger.len()..];
        larger.extend_from_slice(&rest[..rest.len().min(COPY_STEP_BYTES)]);
        if larger.len() < self.buffer.len() {
            return Room::Moving;
        }
        self.buffer = self.larger.take().unwrap_or_default();
        Room::Here
    }

    fn note_use(&mut self) {
        let was_small = self.buffer.len() <= BUFFER_BYTES;
        self.small_reads = if was_small { self.small_reads.saturating_add(1) } else { 0 };
    }

    fn shrink(&mut self) {
        let keep = self.buffer.capacity() <= BUFFER_KEPT_BYTES && self.small_reads < SMALL_READS;
        if !keep && self.buffer.len() < BUFFER_BYTES {
            self.buffer.shrink_to(BUFFER_BYTES);
            self.lease.release();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Budget;

    fn input(budget: u64) -> Input {
        Input::new(Budget::new(budget).lease())
    }

    /// Lets `bytes` arrive the way reads do: into the room there is. Returns the largest capacity seen.
    fn arrive(input: &mut Input, frame: usize, bytes: usize) -> usize {
        let (mut left, mut largest) = (bytes, 0);
        while left > 0 {
            while input.make_room(frame).unwrap() == Room::Moving {}
            let buffer = input.buffer();
            let n = left.min(buffer.capacity() - buffer.len());
            assert!(n > 0);
            buffer.resize(buffer.len() + n, 7);
            largest = largest.max(buffer.capacity());
            left -= n;
        }
        largest
    }

    #[test]
    fn a_claimed_length_reserves_nothing() {
        let mut input = input(u64::MAX);
        assert_eq!(arrive(&mut input, u32::MAX as usize, 5), BUFFER_BYTES);
        assert_eq!(arrive(&mut input, u32::MAX as usize, BUFFER_BYTES - 5), BUFFER_BYTES);
        assert_eq!(arrive(&mut input, u32::MAX as usize, 1), 2 * BUFFER_BYTES);
    }

    #[test]
    fn it_grows_no_further_than_the_request() {
        let mut input = input(u64::MAX);
        assert_eq!(arrive(&mut input, 100_000, 100_000), 100_000 + SLACK_BYTES);
        assert_eq!(input.unread().len(), 100_000);
    }

    #[test]
    fn it_is_small_again_after_a_large_request_and_what_follows_is_kept() {
        let mut input = input(u64::MAX);
        arrive(&mut input, 1_000_000, 1_000_003);
        input.consume(1_000_000);
        input.make_room(5).unwrap();
        assert_eq!(input.buffer().capacity(), BUFFER_BYTES);
        assert_eq!(input.unread(), [7; 3]);
        assert_eq!(input.lease.resize(0), Ok(()));
    }

    #[test]
    fn a_stream_of_middling_requests_keeps_its_buffer_and_loses_it_when_they_stop() {
        let mut input = input(u64::MAX);
        for _ in 0..3 {
            arrive(&mut input, 70_000, 70_000);
            input.consume(70_000);
            input.make_room(1).unwrap();
            assert_eq!(input.buffer().capacity(), 70_000 + SLACK_BYTES);
        }
        for _ in 0..SMALL_READS {
            arrive(&mut input, 10, 10);
            input.consume(10);
        }
        input.make_room(1).unwrap();
        assert_eq!(input.buffer().capacity(), BUFFER_BYTES);
    }

    #[test]
    fn what_is_large_is_moved_in_steps_and_stays_what_it_was() {
        let mut input = input(u64::MAX);
        let frame = 16 * COPY_STEP_BYTES;
        let mut steps = 0;
        for byte in (0..frame).map(|at| (at / 1000) as u8) {
            while input.make_room(frame).unwrap() == Room::Moving {
                steps += 1;
            }
            input.buffer().push(byte);
        }
        assert!(steps >= 10, "{steps} steps");
        assert!(input.unread().iter().enumerate().all(|(at, byte)| *byte == (at / 1000) as u8));
    }

    #[test]
    fn a_request_that_is_refused_while_it_is_moved_leaves_what_follows() {
        let mut input = input(u64::MAX);
        let frame = 8 * COPY_STEP_BYTES;
        arrive(&mut input, frame, 1);
        while input.make_room(frame).unwrap() == Room::Here {
            input.buffer().push(7);
        }
        let here = input.unread().len();
        assert_eq!(input.skip(here as u64 - 3), 0);
        while input.make_room(10).unwrap() == Room::Moving {}
        assert_eq!(input.unread(), [7; 3]);
    }

    #[test]
    fn growing_stops_where_the_budget_ends() {
        let mut input = input(BUFFER_BYTES as u64);
        arrive(&mut input, 1 << 20, 2 * BUFFER_BYTES);
        assert_eq!(input.make_room(1 << 20), Err(Exhausted));
    }

    #[test]
    fn skipping_stops_at_what_has_arrived() {
        let mut input = input(0);
        arrive(&mut input, 10, 10);
        assert_eq!(input.skip(4), 0);
        assert_eq!(input.unread().len(), 6);
        assert_eq!(input.skip(1 << 40), (1 << 40) - 6);
        assert!(input.unread().is_empty());
    }
}
