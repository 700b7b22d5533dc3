//! How much a store that talks to a network may have under way, and how long it waits.

use std::time::Duration;

/// Most connections by default.
const CONNECTIONS_MAX: usize = 32;
/// Most calls that wait for a connection by default.
const WAITING_MAX: usize = 1_000;
/// Longest value that is read by default: 64 MiB.
const VALUE_BYTES_MAX: u64 = 64 << 20;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const TIMEOUT: Duration = Duration::from_secs(5);

/// Limits of a store that talks to a network. More calls than connections wait; more than may wait are refused as
/// [`Fault::Busy`](crate::Fault::Busy).
///
/// ```
/// use larder_store::Limits;
/// use std::time::Duration;
///
/// let patient = Limits { timeout: Duration::from_secs(30), ..Limits::default() };
/// assert_eq!(patient.connections_max, 32);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most connections; 32. At least one.
    pub connections_max: usize,
    /// Most calls that wait for a connection; 1,000.
    pub waiting_max: usize,
    /// Longest that connecting may take; 2 s.
    pub connect_timeout: Duration,
    /// Longest that a call may take in all, waiting and connecting included; 5 s.
    pub timeout: Duration,
    /// Longest value in bytes that is read or sent; 64 MiB.
    pub value_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: CONNECTIONS_MAX,
            waiting_max: WAITING_MAX,
            connect_timeout: CONNECT_TIMEOUT,
            timeout: TIMEOUT,
            value_bytes_max: VALUE_BYTES_MAX,
        }
    }
}
