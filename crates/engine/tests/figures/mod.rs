//! The access traces and reference miss ratios that lie beside the repository (`../shared/traces`, or `traces` in the
//! folder that `LARDER_SHARED` names), and the tolerances that the definitions of the policies allow.

#![allow(dead_code, reason = "every test program that includes this uses its own part of it")]

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

/// Bytes of one record: u64 time in ms, u8 command, u64 key, u32 size, u32 TTL in s, all little-endian.
const RECORD_BYTES: usize = 25;
/// Window log up to which a trace may be compressed.
const WINDOW_LOG_MAX: u32 = 31;

/// One GET, filled with `size` bytes where it misses.
#[derive(Clone, Copy)]
pub(crate) struct Request {
    pub(crate) key: u64,
    pub(crate) size: u64,
}

/// A miss ratio that an independent simulator found.
pub(crate) struct Figure {
    pub(crate) trace: String,
    pub(crate) capacity: u64,
    /// The capacity as a share of the trace's working set.
    pub(crate) fraction: f64,
    /// The policy's name as the figures write it.
    pub(crate) policy: String,
    pub(crate) miss_ratio: f64,
}

/// What a capacity counts: `unit` gives every entry the weight 1, `bytes` its size.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Unit,
    Bytes,
}

impl Mode {
    pub(crate) fn weight(self, request: Request) -> u64 {
        match self {
            Mode::Unit => 1,
            Mode::Bytes => request.size,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Mode::Unit => "unit",
            Mode::Bytes => "bytes",
        }
    }
}

/// The folder of the traces; without it the test has nothing to compare with, says so and ends.
pub(crate) fn traces_dir() -> Option<PathBuf> {
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared"));
    let dir = std::env::var_os("LARDER_SHARED").map_or_else(beside, PathBuf::from).join("traces");
    if dir.is_dir() {
        return Some(dir);
    }
    eprintln!("skipped: no traces in {}; LARDER_SHARED can name another place for `traces`", dir.display());
    None
}

/// Whether the whole matrix was asked for instead of what a minute allows.
pub(crate) fn wants_all() -> bool {
    std::env::var_os("LARDER_FULL_TRACES").is_some_and(|value| value == "1")
}

/// The requests of the trace `name`.
pub(crate) fn load(name: &str) -> Vec<Request> {
    let path = traces_dir().expect("asked for before").join(format!("{name}.bin.zst"));
    let file = File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut decoder = zstd::Decoder::new(file).expect("a zstd decoder");
    decoder.window_log_max(WINDOW_LOG_MAX).expect("a window log in range");
    let mut bytes = Vec::new();
    decoder.read_to_end(&mut bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(bytes.len() % RECORD_BYTES, 0, "{} ends in the middle of a record", path.display());
    bytes.chunks_exact(RECORD_BYTES).map(parse_record).collect()
}

fn parse_record(record: &[u8]) -> Request {
    let key = u64::from_le_bytes(record[9..17].try_into().expect("8 bytes"));
    let size = u32::from_le_bytes(record[17..21].try_into().expect("4 bytes"));
    Request { key, size: u64::from(size) }
}

/// The exact figures (source `own-sim`) of the nine policies, grouped by trace.
pub(crate) fn exact_figures(mode: Mode, policies: &[&str]) -> Vec<Vec<Figure>> {
    let path = traces_dir().expect("asked for before").join("reference.csv");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut groups: Vec<Vec<Figure>> = Vec::new();
    for line in text.lines() {
        let columns: Vec<&str> = line.split(',').collect();
        let [source, trace, row_mode, fraction, capacity, policy, miss_ratio, ..] = columns[..] else {
            panic!("{}: too few columns in {line:?}", path.display())
        };
        if source != "own-sim" || row_mode != mode.name() || !policies.contains(&policy) {
            continue;
        }
        let figure = Figure {
            trace: trace.to_owned(),
            capacity: capacity.parse().expect("a capacity"),
            fraction: fraction.parse().expect("a fraction"),
            policy: policy.to_owned(),
            miss_ratio: miss_ratio.parse().expect("a miss ratio"),
        };
        match groups.iter_mut().find(|group| group[0].trace == trace) {
            Some(group) => group.push(figure),
            None => groups.push(vec![figure]),
        }
    }
    assert!(!groups.is_empty(), "{} has no exact figures", path.display());
    groups
}
