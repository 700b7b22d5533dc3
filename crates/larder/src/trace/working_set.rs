//! How large a cache would have to be to hold everything that a trace asks for.

use super::Record;
use std::collections::HashSet;

/// The different objects of a trace.
#[derive(Default)]
pub(crate) struct WorkingSet {
    seen: HashSet<u64>,
    bytes: u64,
}

impl WorkingSet {
    /// Takes a block of the trace into account.
    pub(crate) fn add(&mut self, block: &[Record]) {
        for record in block {
            if self.seen.insert(record.key) {
                self.bytes = self.bytes.saturating_add(record.value_bytes().into());
            }
        }
    }

    /// How many objects there are.
    pub(crate) fn objects(&self) -> u64 {
        self.seen.len() as u64
    }

    /// The sum of their sizes in bytes, each as in its first record; keys and overhead not counted.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_counts_once_with_its_first_size() {
        let mut set = WorkingSet::default();
        set.add(&[Record::get(1, 10), Record::get(2, 5), Record::get(1, 999)]);
        set.add(&[Record::get(2, 5), Record::get(3, 0)]);
        assert_eq!((set.objects(), set.bytes()), (3, 16));
    }
}
