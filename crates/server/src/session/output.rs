//! Replies on their way to a client: one buffer for everything small and, in between, large values that are sent from the
//! cache's own memory. All of it goes out in as few writes as the socket allows.

use std::{collections::VecDeque, io::IoSlice};

use bytes::Bytes;

use crate::limits::{BUFFER_BYTES, BUFFER_KEPT_BYTES};

/// The most pieces that one write is given.
pub(crate) const PIECES_MAX: usize = 64;

#[derive(Debug, Default)]
pub(crate) struct Output {
    small: Vec<u8>,
    /// How much of `small` has been written.
    small_written: usize,
    large: VecDeque<Large>,
    large_bytes: usize,
}

/// A value that stands behind the first `after` bytes of the small ones.
#[derive(Debug)]
struct Large {
    after: usize,
    bytes: Bytes,
}

impl Output {
    pub(crate) fn new() -> Output {
        Output { small: Vec::with_capacity(BUFFER_BYTES), ..Output::default() }
    }

    /// Where small replies are appended.
    pub(crate) fn small(&mut self) -> &mut Vec<u8> {
        &mut self.small
    }

    /// Appends a value without copying it.
    pub(crate) fn push_large(&mut self, bytes: Bytes) {
        if bytes.is_empty() {
            return;
        }
        self.large_bytes += bytes.len();
        self.large.push_back(Large { after: self.small.len(), bytes });
    }

    /// Bytes that have not been written.
    pub(crate) fn len(&self) -> usize {
        self.small.len() - self.small_written + self.large_bytes
    }

    /// Bytes of memory that this output keeps from being freed. The cache may still hold the large values too.
    pub(crate) fn held(&self) -> usize {
        self.small.capacity() + self.large_bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All that is to be written, if it is in one piece.
    pub(crate) fn single(&self) -> Option<&[u8]> {
        self.large.is_empty().then(|| &self.small[self.small_written..])
    }

    /// The next pieces to be written, in order, and how many there are.
    pub(crate) fn pieces<'o>(&'o self, slices: &mut [IoSlice<'o>; PIECES_MAX]) -> usize {
        let mut count = 0;
        let mut at = self.small_written;
        let mut put = |slice: &'o [u8]| {
            if !slice.is_empty() && count < PIECES_MAX {
                slices[count] = IoSlice::new(slice);
                count += 1;
            }
        };
        for large in self.large.iter().take(PIECES_MAX / 2) {
            put(&self.small[at..large.after]);
            put(&large.bytes);
            at = large.after;
        }
        if self.large.len() <= PIECES_MAX / 2 {
            put(&self.small[at..]);
        }
        count
    }

    /// The next `written` bytes have been written.
    pub(crate) fn advance(&mut self, mut written: usize) {
        while let Some(large) = self.large.front_mut() {
            let small = written.min(large.after - self.small_written);
            self.small_written += small;
            written -= small;
            let of_large = written.min(large.bytes.len());
            let is_whole = self.small_written == large.after && of_large == large.bytes.len();
            self.large_bytes -= of_large;
            written -= of_large;
            if !is_whole {
                bytes::Buf::advance(&mut large.bytes, of_large);
                break;
            }
            self.large.pop_front();
        }
        self.small_written += written;
        if self.is_empty() {
            self.rest();
        } else if self.small_written > BUFFER_KEPT_BYTES.max(self.small.len() / 2) {
            self.compact();
        }
    }

    /// Forgets what has been written, for the sake of a client that always leaves something unread.
    fn compact(&mut self) {
        self.small.drain(..self.small_written);
        for large in &mut self.large {
            large.after -= self.small_written;
        }
        self.small_written = 0;
    }

    /// Nobody will read what has not been written.
    pub(crate) fn clear(&mut self) {
        self.large.clear();
        self.large_bytes = 0;
        self.rest();
    }

    /// Everything has been written.
    fn rest(&mut self) {
        self.small.clear();
        self.small_written = 0;
        if self.small.capacity() > BUFFER_KEPT_BYTES {
            self.small.shrink_to(BUFFER_BYTES);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn gather(output: &Output) -> Vec<u8> {
        if let Some(single) = output.single() {
            return single.to_vec();
        }
        let mut slices = [IoSlice::new(&[]); PIECES_MAX];
        let count = output.pieces(&mut slices);
        slices[..count].iter().flat_map(|slice| slice.to_vec()).collect()
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out_in_order_however_it_is_cut(
            parts in prop::collection::vec((any::<bool>(), 0usize..50), 0..90),
            cuts in prop::collection::vec(1usize..70, 1..40),
        ) {
            let mut output = Output::new();
            let mut expected = Vec::new();
            for (index, (is_large, len)) in parts.iter().enumerate() {
                let part = vec![index as u8; *len];
                expected.extend_from_slice(&part);
                if *is_large { output.push_large(part.into()) } else { output.small().extend_from_slice(&part) }
            }
            prop_assert_eq!(output.len(), expected.len());
            let mut written = Vec::new();
            for cut in cuts.iter().cycle() {
                if output.is_empty() { break }
                let next = gather(&output);
                prop_assert!(!next.is_empty());
                let n = next.len().min(*cut);
                written.extend_from_slice(&next[..n]);
                output.advance(n);
                prop_assert_eq!(output.len(), expected.len() - written.len());
            }
            prop_assert_eq!(written, expected);
            // At rest again: nothing that was sent is kept.
            prop_assert!(gather(&output).is_empty());
        }
    }

    #[test]
    fn a_reader_that_never_catches_up_does_not_make_it_grow() {
        let mut output = Output::new();
        output.small().push(0);
        for _ in 0..1000 {
            output.small().extend_from_slice(&[1; 10_000]);
            output.push_large(Bytes::from_static(&[2; 10]));
            output.advance(10_010);
        }
        assert_eq!(output.len(), 1);
        assert!(output.held() < 4 * BUFFER_KEPT_BYTES, "{}", output.held());
    }

    #[test]
    fn a_large_buffer_is_given_back_once_it_is_empty() {
        let mut output = Output::new();
        output.small().resize(BUFFER_KEPT_BYTES + 1, 0);
        output.advance(BUFFER_KEPT_BYTES + 1);
        assert_eq!(output.held(), BUFFER_BYTES);
    }
}
