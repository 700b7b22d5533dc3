//! The reply to STATUS, both ways: thirteen fields in the order of the published page, with the list of policies and
//! the policy in force between the miss ratio and the two last ones.

use super::reply::{self, Booleans};
use super::{Command, OKAY, ReplyLimits, ReplyViolation};
use crate::decode::{Cursor, Stop};
use std::borrow::Cow;

/// What a server says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Status<'b> {
    /// The server's process.
    pub pid: u32,
    /// The size that the cache may have, in bytes.
    pub max_size: u64,
    /// The size that it has, in bytes.
    pub used_size: u64,
    /// How many entries it has.
    pub num_objects: u64,
    /// The process's resident memory, in bytes.
    pub rss: u64,
    /// The most that this has been, in bytes.
    pub hwm: u64,
    /// GETs, hits and misses, since the last WIPE.
    pub gets: u64,
    /// SETs that were stored, since the last WIPE.
    pub sets: u64,
    /// DELs that deleted something, since the last WIPE.
    pub dels: u64,
    /// Misses per GET, 0 to 1; 1 when there were no GETs.
    pub miss_ratio: f64,
    /// The policies that the server is configured with, such as `lru`.
    pub policies: Vec<Cow<'b, str>>,
    /// The policy in force, always one of the list.
    pub policy: Cow<'b, str>,
    /// Does the server choose the policy itself?
    pub is_auto: bool,
    /// Milliseconds since the server started.
    pub uptime_ms: u64,
}

/// Appends the whole reply. Names have fewer than 2^32 bytes, and there are fewer than 2^32 of them.
pub(super) fn encode(out: &mut Vec<u8>, status: &Status<'_>, booleans: Booleans) {
    let names =
        status.policies.iter().map(|name| name.len().saturating_add(4)).fold(0, usize::saturating_add);
    out.reserve(names.saturating_add(status.policy.len()).saturating_add(94));
    out.push(OKAY);
    out.extend_from_slice(&status.pid.to_le_bytes());
    for number in [
        status.max_size,
        status.used_size,
        status.num_objects,
        status.rss,
        status.hwm,
        status.gets,
        status.sets,
        status.dels,
    ] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    out.extend_from_slice(&status.miss_ratio.to_le_bytes());
    out.extend_from_slice(&(status.policies.len() as u32).to_le_bytes());
    for name in &status.policies {
        encode_name(out, name);
    }
    encode_name(out, &status.policy);
    out.push(booleans.byte(status.is_auto));
    out.extend_from_slice(&status.uptime_ms.to_le_bytes());
}

fn encode_name(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(&(name.len() as u32).to_le_bytes());
    out.extend_from_slice(name.as_bytes());
}

/// Reads what follows the status byte.
pub(super) fn decode<'b>(
    cursor: &mut Cursor<'b>,
    limits: &ReplyLimits,
) -> Result<Status<'b>, Stop<ReplyViolation>> {
    let pid = u32::from_le_bytes(cursor.array()?);
    let mut numbers = [0; 8];
    for number in &mut numbers {
        *number = u64::from_le_bytes(cursor.array()?);
    }
    let [max_size, used_size, num_objects, rss, hwm, gets, sets, dels] = numbers;
    let miss_ratio = f64::from_le_bytes(cursor.array()?);
    let policies = decode_names(cursor, limits)?;
    let policy = decode_name(cursor, limits)?;
    let is_auto = reply::boolean_of(Command::Status, cursor.byte()?)?;
    let uptime_ms = u64::from_le_bytes(cursor.array()?);
    Ok(Status {
        pid,
        max_size,
        used_size,
        num_objects,
        rss,
        hwm,
        gets,
        sets,
        dels,
        miss_ratio,
        policies,
        policy,
        is_auto,
        uptime_ms,
    })
}

fn decode_names<'b>(
    cursor: &mut Cursor<'b>,
    limits: &ReplyLimits,
) -> Result<Vec<Cow<'b, str>>, Stop<ReplyViolation>> {
    let count = u32::from_le_bytes(cursor.array()?);
    let max = limits.policies_max;
    if count > max {
        return Err(Stop::Violation(ReplyViolation::TooManyPolicies { count, max }));
    }
    // Grown as names come in: a count alone reserves nothing.
    let mut names = Vec::new();
    for _ in 0..count {
        names.push(decode_name(cursor, limits)?);
    }
    Ok(names)
}

fn decode_name<'b>(
    cursor: &mut Cursor<'b>,
    limits: &ReplyLimits,
) -> Result<Cow<'b, str>, Stop<ReplyViolation>> {
    let len = u32::from_le_bytes(cursor.array()?);
    let max = limits.text_bytes_max;
    if len > max {
        return Err(Stop::Violation(ReplyViolation::TooLong { command: Command::Status, len, max }));
    }
    match std::str::from_utf8(cursor.bytes(len)?) {
        Ok(name) => Ok(Cow::Borrowed(name)),
        Err(_) => Err(Stop::Violation(ReplyViolation::NameNotUtf8)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Decoded;
    use crate::paper::{Reply, decode_reply};

    const LIMITS: ReplyLimits = ReplyLimits { value_bytes_max: 0, text_bytes_max: 5, policies_max: 2 };

    /// The fixed fields before the number of policies: status, pid, eight sizes and counters, miss ratio.
    const BEFORE_POLICIES: usize = 1 + 4 + 8 * 8 + 8;

    fn status() -> Status<'static> {
        Status {
            pid: 7,
            max_size: 1 << 40,
            used_size: 2,
            num_objects: 3,
            rss: 4,
            hwm: 5,
            gets: 6,
            sets: 8,
            dels: 9,
            miss_ratio: 0.25,
            policies: vec!["lfu".into(), "sieve".into()],
            policy: "sieve".into(),
            is_auto: true,
            uptime_ms: 10,
        }
    }

    fn written(status: &Status<'_>, booleans: Booleans) -> Vec<u8> {
        let mut out = Vec::new();
        encode(&mut out, status, booleans);
        out
    }

    fn read(input: &[u8]) -> Result<Decoded<Reply<'_>>, ReplyViolation> {
        decode_reply(input, Command::Status, &LIMITS)
    }

    #[test]
    fn a_status_is_read_as_it_was_written_in_both_modes() {
        for booleans in [Booleans::Clients, Booleans::Published] {
            let reply = written(&status(), booleans);
            let used = reply.len();
            assert_eq!(read(&reply), Ok(Decoded::Frame { value: Reply::Status(status()), used }));
        }
    }

    #[test]
    fn auto_is_said_after_the_policy_and_before_the_uptime() {
        let clients = written(&status(), Booleans::Clients);
        let published = written(&status(), Booleans::Published);
        let at = clients.len() - 9;
        assert_eq!((clients[at], published[at]), (33, 1));
        assert_eq!(clients[at + 1..], 10_u64.to_le_bytes());
        assert_eq!(clients[..at], published[..at]);
    }

    #[test]
    fn one_reservation_is_enough() {
        let reply = written(&status(), Booleans::Clients);
        let mut out = Vec::with_capacity(reply.len());
        let room = out.capacity();
        encode(&mut out, &status(), Booleans::Clients);
        assert_eq!(out.capacity(), room);
    }

    #[test]
    fn more_policies_than_the_limit_are_refused_from_their_number() {
        let mut reply = written(&status(), Booleans::Clients);
        reply.truncate(BEFORE_POLICIES);
        reply.extend_from_slice(&3_u32.to_le_bytes());
        assert_eq!(read(&reply), Err(ReplyViolation::TooManyPolicies { count: 3, max: 2 }));
    }

    #[test]
    fn a_name_above_the_limit_is_refused_from_its_length() {
        for wrong in [
            Status { policies: vec!["2q-0.5".into()], ..status() },
            Status { policy: "2q-0.5".into(), ..status() },
        ] {
            let violation = ReplyViolation::TooLong { command: Command::Status, len: 6, max: 5 };
            assert_eq!(read(&written(&wrong, Booleans::Clients)), Err(violation));
        }
    }

    #[test]
    fn a_name_that_is_not_utf8_is_a_violation() {
        let mut reply = written(&status(), Booleans::Clients);
        reply[BEFORE_POLICIES + 8] = 0xff;
        assert_eq!(read(&reply), Err(ReplyViolation::NameNotUtf8));
    }

    #[test]
    fn auto_must_be_a_boolean() {
        let mut reply = written(&status(), Booleans::Clients);
        let at = reply.len() - 9;
        reply[at] = 7;
        let violation = ReplyViolation::NotBoolean { command: Command::Status, byte: 7 };
        assert_eq!(read(&reply), Err(violation));
    }
}
