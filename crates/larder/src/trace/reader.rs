//! Reading a trace file, plain or compressed with zstd, a block of records at a time. Which of the two it is shows in its
//! first bytes. Whatever is wrong with a file is reported with the record and the byte where it is.

use super::Record;
use super::record::RECORD_BYTES;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The first bytes of a zstd frame (RFC 8878, section 3.1.1).
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Windows up to 2 GiB, the format's largest for `--long` and `--ultra`.
const WINDOW_LOG_MAX: u32 = 31;

/// How many records a block has at most.
pub(crate) const BLOCK_RECORDS: usize = 8192;

/// Why a trace cannot be read. Offsets count bytes of the trace itself, after decompression; records count from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TraceError {
    /// The file cannot be opened.
    #[error("{}: cannot open the trace: {reason}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The file cannot be read, or its compression is damaged.
    #[error("{}: record {record}, byte {offset}{}: cannot read on: {reason}", path.display(), unpacked(*compressed))]
    Read {
        /// The file.
        path: PathBuf,
        /// The record that could not be read.
        record: u64,
        /// The first byte that could not.
        offset: u64,
        /// Whether offsets count decompressed bytes.
        compressed: bool,
        /// What the system or the decompressor said.
        reason: String,
    },
    /// The file ends inside a record.
    #[error(
        "{}: record {record}, byte {offset}{}: the trace is cut off: {have} of a record's {RECORD_BYTES} bytes are there",
        path.display(), unpacked(*compressed)
    )]
    Truncated {
        /// The file.
        path: PathBuf,
        /// The record that is not whole.
        record: u64,
        /// Where it begins.
        offset: u64,
        /// Whether offsets count decompressed bytes.
        compressed: bool,
        /// How many bytes of it are there.
        have: usize,
    },
    /// A record is neither GET nor SET.
    #[error(
        "{}: record {record}, byte {offset}{}: the command is {byte}: 0 (GET) or 1 (SET) expected; is it a trace of {RECORD_BYTES}-byte records?",
        path.display(), unpacked(*compressed)
    )]
    Command {
        /// The file.
        path: PathBuf,
        /// The record.
        record: u64,
        /// Where the command byte is.
        offset: u64,
        /// Whether offsets count decompressed bytes.
        compressed: bool,
        /// The byte found.
        byte: u8,
    },
    /// There is nothing in it.
    #[error("{}: the trace has no records", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

fn unpacked(compressed: bool) -> &'static str {
    if compressed { " (decompressed)" } else { "" }
}

/// A trace being read.
pub(crate) struct TraceReader {
    path: PathBuf,
    source: Box<dyn Read>,
    compressed: bool,
    /// Bytes of the file that were read so far.
    file_position: Arc<AtomicU64>,
    file_bytes: u64,
    /// Records given out so far.
    records: u64,
    /// How many may be given out.
    limit: u64,
    /// Memory for a block of bytes.
    buffer: Vec<u8>,
}

impl TraceReader {
    /// Opens a trace, of which at most `limit` records will be read.
    ///
    /// # Errors
    ///
    /// [`TraceError::Open`] and, if the first bytes cannot be read, [`TraceError::Read`].
    pub(crate) fn open(path: &Path, limit: Option<u64>) -> Result<Self, TraceError> {
        let fail = |error: io::Error| TraceError::Open { path: path.to_owned(), reason: error.to_string() };
        let file = File::open(path).map_err(fail)?;
        let file_bytes = file.metadata().map_err(fail)?.len();
        let file_position = Arc::new(AtomicU64::new(0));
        let counted = Counted { file, position: Arc::clone(&file_position) };
        let mut buffered = BufReader::with_capacity(256 << 10, counted);
        let compressed = buffered.fill_buf().map_err(fail)?.starts_with(&ZSTD_MAGIC);
        let source: Box<dyn Read> = if compressed {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(buffered).map_err(fail)?;
            decoder.window_log_max(WINDOW_LOG_MAX).map_err(fail)?;
            Box::new(decoder)
        } else {
            Box::new(buffered)
        };
        Ok(Self {
            path: path.to_owned(),
            source,
            compressed,
            file_position,
            file_bytes,
            records: 0,
            limit: limit.unwrap_or(u64::MAX),
            buffer: vec![0; BLOCK_RECORDS * RECORD_BYTES],
        })
    }

    /// Reads the next block. Empty at the end, or when the limit is reached.
    ///
    /// # Errors
    ///
    /// A [`TraceError`] for the first record that cannot be read, also if good ones come before it in the block.
    pub(crate) fn next_block(&mut self) -> Result<Vec<Record>, TraceError> {
        let left = self.limit - self.records;
        let wanted = BLOCK_RECORDS.min(usize::try_from(left).unwrap_or(BLOCK_RECORDS)) * RECORD_BYTES;
        let have = self.read_up_to(wanted)?;
        let (whole, rest) = self.buffer[..have].as_chunks::<RECORD_BYTES>();
        let mut block = Vec::with_capacity(whole.len());
        for (bytes, before) in whole.iter().zip(self.records..) {
            let record = Record::decode(bytes).map_err(|byte| TraceError::Command {
                path: self.path.clone(),
                record: before + 1,
                offset: before * RECORD_BYTES as u64 + 8,
                compressed: self.compressed,
                byte,
            })?;
            block.push(record);
        }
        self.records += block.len() as u64;
        if !rest.is_empty() {
            return Err(TraceError::Truncated {
                path: self.path.clone(),
                record: self.records + 1,
                offset: self.records * RECORD_BYTES as u64,
                compressed: self.compressed,
                have: rest.len(),
            });
        }
        if self.records == 0 && left > 0 {
            return Err(TraceError::Empty { path: self.path.clone() });
        }
        Ok(block)
    }

    /// Fills the buffer up to `wanted` bytes, fewer only at the end of the trace.
    fn read_up_to(&mut self, wanted: usize) -> Result<usize, TraceError> {
        let mut have = 0;
        while have < wanted {
            match self.source.read(&mut self.buffer[have..wanted]) {
                Ok(0) => break,
                Ok(read) => have += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let offset = self.records * RECORD_BYTES as u64 + have as u64;
                    return Err(TraceError::Read {
                        path: self.path.clone(),
                        record: offset / RECORD_BYTES as u64 + 1,
                        offset,
                        compressed: self.compressed,
                        reason: error.to_string(),
                    });
                }
            }
        }
        Ok(have)
    }

    /// How much has been read, and how much there is, in a unit that only their quotient is meaningful in.
    pub(crate) fn progress(&self) -> (u64, u64) {
        let by_file = self.file_position.load(Ordering::Relaxed);
        if self.limit == u64::MAX {
            return (by_file, self.file_bytes);
        }
        let share = self.records as f64 / self.limit.max(1) as f64;
        (by_file.max((share * self.file_bytes as f64) as u64), self.file_bytes)
    }

    /// Records read so far.
    pub(crate) fn records(&self) -> u64 {
        self.records
    }
}

/// A file that says how far it was read: the only measure of progress in a compressed one.
struct Counted {
    file: File,
    position: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.position.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn records(count: u64) -> Vec<Record> {
        (0..count).map(|key| Record::get(key, 7)).collect()
    }

    fn plain(records: &[Record]) -> Vec<u8> {
        records.iter().flat_map(Record::encode).collect()
    }

    fn write(bytes: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    fn read(bytes: &[u8], limit: Option<u64>) -> Result<Vec<Record>, TraceError> {
        let file = write(bytes);
        let mut reader = TraceReader::open(file.path(), limit)?;
        let mut all = Vec::new();
        loop {
            let block = reader.next_block()?;
            if block.is_empty() {
                return Ok(all);
            }
            all.extend(block);
        }
    }

    #[test]
    fn a_plain_trace_is_read_across_blocks() {
        let records = records(BLOCK_RECORDS as u64 * 2 + 3);
        assert_eq!(read(&plain(&records), None).unwrap(), records);
    }

    #[test]
    fn a_limit_cuts_a_trace_short() {
        let records = records(BLOCK_RECORDS as u64 + 10);
        let bytes = plain(&records);
        for limit in [0, 1, BLOCK_RECORDS, BLOCK_RECORDS + 1, BLOCK_RECORDS + 11] {
            let read = read(&bytes, Some(limit as u64)).unwrap();
            assert_eq!(read, records[..limit.min(records.len())]);
        }
    }

    #[test]
    fn a_compressed_trace_is_read_also_with_the_longest_window() {
        let records = records(3000);
        for window_log in [17, 27, 31] {
            let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
            encoder.long_distance_matching(true).unwrap();
            encoder.window_log(window_log).unwrap();
            encoder.write_all(&plain(&records)).unwrap();
            let bytes = encoder.finish().unwrap();
            assert_eq!(read(&bytes, None).unwrap(), records, "window log {window_log}");
        }
    }

    #[test]
    fn frames_one_after_another_are_one_trace() {
        let records = records(10);
        let (first, second) = records.split_at(4);
        let mut bytes = zstd::encode_all(&plain(first)[..], 1).unwrap();
        bytes.extend(zstd::encode_all(&plain(second)[..], 1).unwrap());
        assert_eq!(read(&bytes, None).unwrap(), records);
    }

    #[test]
    fn an_end_inside_a_record_is_located() {
        let bytes = plain(&records(3));
        let cut = &bytes[..60];
        match read(cut, None).unwrap_err() {
            TraceError::Truncated { record: 3, offset: 50, have: 10, compressed: false, .. } => {}
            other => panic!("{other:?}"),
        }
        match read(&zstd::encode_all(cut, 1).unwrap(), None).unwrap_err() {
            TraceError::Truncated { record: 3, offset: 50, have: 10, compressed: true, .. } => {}
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_command_that_does_not_exist_is_located() {
        let mut bytes = plain(&records(4));
        bytes[58] = 2;
        match read(&bytes, None).unwrap_err() {
            TraceError::Command { record: 3, offset: 58, byte: 2, .. } => {}
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_compressed_file_that_is_cut_off_is_located() {
        // Keys that do not compress, so that the cut leaves some records readable.
        let records: Vec<Record> = (0..40_000_u64)
            .map(|n| Record::get(n.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29), n as u32))
            .collect();
        let bytes = zstd::encode_all(&plain(&records)[..], 1).unwrap();
        match read(&bytes[..bytes.len() / 2], None).unwrap_err() {
            TraceError::Read { record, offset, compressed: true, .. } => {
                assert!(record > 1 && record < 40_000, "{record}");
                assert_eq!(record, offset / 25 + 1);
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_trace_without_records_is_refused() {
        assert!(matches!(read(&[], None), Err(TraceError::Empty { .. })));
        assert!(matches!(read(&zstd::encode_all(&[][..], 1).unwrap(), None), Err(TraceError::Empty { .. })));
    }

    #[test]
    fn a_missing_file_is_named() {
        let Err(error) = TraceReader::open(Path::new("/nowhere/at/all.bin"), None) else { panic!("opened") };
        assert!(error.to_string().starts_with("/nowhere/at/all.bin: cannot open the trace: "), "{error}");
    }
}
