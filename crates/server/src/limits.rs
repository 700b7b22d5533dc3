//! Every limit that the server keeps: the ones that an operator sets ([`Limits`]) and the ones that are fixed because
//! nobody has a reason to change them.

use std::time::Duration;

/// The limits that the configuration sets. `None` for a time means that it is not limited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Clients served at the same time, whatever they speak; one more is told so, if its protocol can, and closed. At
    /// least 1.
    pub connections: usize,
    /// The longest key in bytes, 1 to the engine's 65,536.
    pub key_bytes: u32,
    /// The longest value in bytes, 1 to 2^32-1. A value that cannot fit into the cache is refused in any case.
    pub value_bytes: u32,
    /// Replies waiting in memory for one client, in bytes; above it nothing more of that client is executed until it reads.
    /// One reply may always wait, however long it is.
    pub output_bytes: usize,
    /// Memory that all connections together may hold beyond their first [`BUFFER_BYTES`] each, for requests that have not
    /// arrived whole and replies that have not been read.
    pub bytes_in_flight: u64,
    /// The longest part of a refused request, in bytes, that is read past to keep the connection; a longer one closes it.
    pub discard_bytes: u64,
    /// How long a client may take to authorise itself where a token is configured.
    pub auth_time: Option<Duration>,
    /// How long the answer to the first wrong token from an address waits; it doubles with each further one, up to
    /// 2^[`AUTH_DOUBLINGS_MAX`] times. Zero: no delay.
    pub auth_delay: Duration,
    /// How long a PaperCache client may be silent.
    pub idle_time: Option<Duration>,
    /// How long a client of any protocol may be silent while others are refused for want of a place. Each refusal ends one
    /// connection that has been silent for longer, the one that has been for the longest.
    pub crowded_time: Option<Duration>,
    /// How long a client may leave a waiting reply unread without taking a single byte, or a request that is larger than
    /// [`BUFFER_BYTES`] unfinished without sending one.
    pub stall_time: Option<Duration>,
    /// How long a stop waits for replies to be taken.
    pub stop_time: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 1024,
            key_bytes: 65_536,
            value_bytes: 512 << 20,
            output_bytes: 1 << 20,
            bytes_in_flight: 1 << 30,
            discard_bytes: 4 << 30,
            auth_time: Some(Duration::from_secs(10)),
            auth_delay: Duration::from_millis(100),
            idle_time: None,
            crowded_time: Some(Duration::from_secs(60)),
            stall_time: Some(Duration::from_secs(30)),
            stop_time: Duration::from_secs(5),
        }
    }
}

/// What a connection's buffers for requests and for replies hold at rest, in bytes each.
pub const BUFFER_BYTES: usize = 16 << 10;

/// The most that a connection keeps of a buffer that had to grow, so that a stream of values of this size does not
/// grow it again each time.
pub const BUFFER_KEPT_BYTES: usize = 128 << 10;

/// Requests of one connection that are executed before its replies are written and others get their turn.
pub const BATCH_REQUESTS: usize = 128;

/// A value of at least this many bytes is sent from the cache's own memory instead of being copied into the replies.
pub const UNCOPIED_BYTES_MIN: usize = 16 << 10;

/// A value of at least this many bytes is stored in steps, with other connections served in between.
pub const STEPPED_BYTES_MIN: usize = 64 << 10;

/// Bytes that one such step copies at most, and that a connection reads at once before others get their turn: with memory
/// that is touched for the first time, this is what costs.
pub const COPY_STEP_BYTES: usize = 128 << 10;

/// The longest AUTH token or POLICY name that is read, unless a configured token is longer.
pub const TEXT_BYTES_MIN: u32 = 1024;

/// Wrong tokens after which a connection is closed, so that a row of guesses does not hold a place for long.
pub const AUTH_FAILURES_MAX: u32 = 10;

/// How often the delay after a wrong token doubles.
pub const AUTH_DOUBLINGS_MAX: u32 = 5;

/// An address is forgiven one of its wrong tokens each time that so many milliseconds have passed.
pub const AUTH_FORGET_MS: u64 = 10_000;

/// Wrong tokens from an address that do not yet slow down the right ones from there.
pub const AUTH_FREE: u32 = 3;

/// The longest that a right token waits because of wrong ones from the same address.
pub const AUTH_WAIT_MAX: Duration = Duration::from_secs(1);

/// Addresses (networks of 64 bits, with IPv6) whose wrong tokens are remembered; those with the most are kept longest.
pub const AUTH_ORIGINS_MAX: usize = 4096;

/// How long, and for how many bytes, a closing connection still reads what its client had under way, so that the last
/// reply is not lost to a reset.
pub const LINGER_TIME: Duration = Duration::from_secs(1);
/// See [`LINGER_TIME`].
pub const LINGER_BYTES: usize = 1 << 20;
/// Refused clients that are read from in this way at the same time; further ones are closed at once.
pub const LINGERING_MAX: usize = 64;

/// How often the deadlines of connections are looked at, which is how late they may be noticed.
pub const WATCH_PERIOD: Duration = Duration::from_millis(100);

/// How often the cache gets a step of housekeeping.
pub const MAINTAIN_PERIOD: Duration = Duration::from_millis(100);

/// How long accepting pauses after an error that will not go away by itself.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A message that clients can cause at will is logged at most once in this many milliseconds.
pub const LOG_PERIOD_MS: u64 = 1000;

/// Connections to the administration listener that are served at the same time; further ones wait.
pub const ADMIN_CONNECTIONS_MAX: usize = 16;
/// How long one of them may take to send the head of its next request.
pub const ADMIN_HEAD_TIME: Duration = Duration::from_secs(90);
/// How long one of them may last before it is asked to connect again, so that nobody holds a place for ever.
pub const ADMIN_CONNECTION_TIME: Duration = Duration::from_secs(600);
/// How long it may then take to finish.
pub const ADMIN_LINGER_TIME: Duration = Duration::from_secs(5);
