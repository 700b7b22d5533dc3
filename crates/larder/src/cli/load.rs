//! The options of `larder replay` and `larder bench`.

use super::{AccessArgs, ServerArgs, seconds};
use crate::load::KeyDist;
use crate::replay::{CapacityArg, Unit};
use crate::server_url::ServerUrl;
use clap::{Args, ValueHint};
use larder_engine::PolicyChoice;
use std::path::PathBuf;
use std::time::Duration;

/// What a load may open at most.
const CONNECTIONS_MAX: i64 = 4096;

/// What a load may ask at once at most, on one connection.
const PIPELINE_MAX: i64 = 65_536;

const REPLAY_AFTER_HELP: &str = "\
A trace is a file of 25-byte records, little-endian: u64 time in ms, u8 command (0 = GET, 1 = SET), u64 key, u32 size of the \
value in bytes, u32 time to live in s (0 = none); plain or compressed with zstd. A GET that misses is followed by a SET of a \
value of the record's size, and each trace starts with empty caches.

In this process, keys are 8 bytes long. Over the wire they are decimal text, and GETs are counted by what the server answers; \
objects above 64 MiB are not sent and count as too large; its capacity is what it is, and --policy, given more than once or for \
more than one trace, needs --wipe. Over seriput:// there \
is neither, nor --ttl: one trace, and a server that cannot be asked for its size.

Examples:
  larder replay web.bin.zst
  larder replay web.bin.zst --unit entries --capacity 1% --policy lru --policy sieve --plot web.svg
  larder replay web.bin --server paper://127.0.0.1:3145 --connections 4 --pipeline 16";

#[derive(Debug, Args)]
#[command(after_help = REPLAY_AFTER_HELP)]
pub(crate) struct ReplayArgs {
    /// Trace files; each is replayed by itself
    #[arg(required = true, value_name = "TRACE", value_hint = ValueHint::FilePath)]
    pub(crate) traces: Vec<PathBuf>,
    /// A policy to replay with; may be given several times. Without it: all nine in this process, the one in force over
    /// the wire
    #[arg(long = "policy", value_name = "NAME")]
    pub(crate) policies: Vec<PolicyChoice>,
    /// Replay only the first N records of each trace
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: Option<u64>,
    /// Let objects expire. In this process, time is the trace's own
    #[arg(long)]
    pub(crate) ttl: bool,

    /// How large each cache is: bytes (64MiB), entries, or a share of the different objects of the trace (10%)
    #[arg(long, value_name = "N", default_value = "10%", help_heading = "In this process")]
    pub(crate) capacity: CapacityArg,
    /// What the capacity counts
    #[arg(long, default_value = "bytes", help_heading = "In this process")]
    pub(crate) unit: Unit,
    /// Parts that a cache is split into, a power of two. Default: 1 with --unit entries, so that the order of eviction is
    /// exact; else by capacity
    #[arg(long, value_name = "N", value_parser = shards, help_heading = "In this process")]
    pub(crate) shards: Option<usize>,

    /// Replay against this server instead
    #[arg(
        long,
        value_name = "URL",
        value_hint = ValueHint::Url,
        conflicts_with_all = ["capacity", "unit", "shards"],
        help_heading = "Over the wire"
    )]
    pub(crate) server: Option<ServerUrl>,
    #[command(flatten)]
    pub(crate) access: AccessArgs,
    /// Delete everything in the server before each run
    #[arg(long, requires = "server", help_heading = "Over the wire")]
    pub(crate) wipe: bool,
    /// Connections to replay on. A key's accesses all go to the same one, in order
    #[arg(
        long, value_name = "N", default_value = "1", requires = "server",
        value_parser = clap::value_parser!(u64).range(1..=CONNECTIONS_MAX as u64), help_heading = "Over the wire"
    )]
    pub(crate) connections: u64,
    /// Requests that a connection sends before it waits for answers
    #[arg(
        long, value_name = "N", default_value = "1", requires = "server",
        value_parser = clap::value_parser!(u64).range(1..=PIPELINE_MAX as u64), help_heading = "Over the wire"
    )]
    pub(crate) pipeline: u64,

    /// Print JSON, one object per trace and policy and line
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
    /// Draw the miss ratio over the course of the trace, a line per policy, into an SVG file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub(crate) plot: Option<PathBuf>,
}

const BENCH_AFTER_HELP: &str = "\
First a value is stored for every key (bench:0000000000 and so on; they are left in the server), then the clock runs. Every \
connection sends a batch of requests, waits for all its answers, and sends the next. A value of another length than was stored \
is an error.

Examples:
  larder bench --connections 50 --pipeline 16 --duration 10
  larder bench --server seriput://127.0.0.1:9090 --value-size 512
  larder bench --server paper://10.0.0.7:3145 --keys 1000000 --value-size 1KiB --dist zipf --get-ratio 0.95 --json";

#[derive(Debug, Args)]
#[command(after_help = BENCH_AFTER_HELP)]
pub(crate) struct BenchArgs {
    /// Connections, all at work at the same time
    #[arg(
        long, value_name = "N", default_value = "16",
        value_parser = clap::value_parser!(u64).range(1..=CONNECTIONS_MAX as u64)
    )]
    pub(crate) connections: u64,
    /// Requests that a connection sends before it waits for answers
    #[arg(
        long, value_name = "N", default_value = "1",
        value_parser = clap::value_parser!(u64).range(1..=PIPELINE_MAX as u64)
    )]
    pub(crate) pipeline: u64,
    /// Share of the requests that are GETs, 0 to 1; the others are SETs
    #[arg(long, value_name = "RATIO", default_value = "0.9", value_parser = ratio)]
    pub(crate) get_ratio: f64,
    /// How many different keys there are
    #[arg(
        long, value_name = "N", default_value = "100000",
        value_parser = clap::value_parser!(u64).range(1..=10_000_000_000)
    )]
    pub(crate) keys: u64,
    /// Length of every value: 64, 4KiB
    #[arg(long, value_name = "SIZE", default_value = "64", value_parser = value_size)]
    pub(crate) value_size: usize,
    /// Which keys are asked for
    #[arg(long, default_value = "uniform")]
    pub(crate) dist: KeyDist,
    /// How uneven zipf is, 0 or more
    #[arg(long, value_name = "S", default_value_t = 0.99)]
    pub(crate) skew: f64,
    /// Stop after N requests of all connections together [default: 1000000]
    #[arg(long, value_name = "N", conflicts_with = "duration", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) requests: Option<u64>,
    /// Stop after this time
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) duration: Option<Duration>,
    /// Where the random numbers begin: the same seed asks for the same keys
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

fn shards(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(shards) if shards.is_power_of_two() && shards <= 4096 => Ok(shards),
        _ => Err("a power of two from 1 to 4096".to_owned()),
    }
}

fn ratio(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(ratio) if (0.0..=1.0).contains(&ratio) => Ok(ratio),
        _ => Err("a number from 0 to 1, such as 0.9".to_owned()),
    }
}

/// A length from 1 byte to 64 MiB.
fn value_size(text: &str) -> Result<usize, String> {
    let bytes = text.parse::<crate::size::Size>().map_err(|error| error.to_string())?.0;
    match usize::try_from(bytes) {
        Ok(bytes) if (1..=64 << 20).contains(&bytes) => Ok(bytes),
        _ => Err("a length from 1 byte to 64 MiB".to_owned()),
    }
}
