//! Wrong tokens, counted by the address that they came from, so that a guesser gains nothing by connecting anew. The table is
//! bounded and forgets: each address one wrong token every [`AUTH_FORGET_MS`]. Other addresses never wait, and a right token
//! from an address that guesses waits no longer than [`AUTH_WAIT_MAX`]: it has to wait a little, or a client that is not
//! answered at once would know that its guess was wrong.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

use larder_engine::Millis;
use parking_lot::Mutex;

use crate::limits::{
    AUTH_DOUBLINGS_MAX, AUTH_FAILURES_MAX, AUTH_FORGET_MS, AUTH_FREE, AUTH_ORIGINS_MAX, AUTH_WAIT_MAX,
};

/// What is known of the addresses that have sent wrong tokens.
#[derive(Debug)]
pub(crate) struct Guesses {
    /// How long the answer to the first wrong token waits.
    delay: Duration,
    rows: Mutex<HashMap<IpAddr, Row>>,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    /// Wrong tokens that have not been forgotten as of `since`.
    failures: u32,
    /// From here on the next one is forgotten.
    since: Millis,
}

impl Row {
    /// As of `now`.
    fn faded(self, now: Millis) -> Row {
        let forgotten = now.0.saturating_sub(self.since.0) / AUTH_FORGET_MS;
        let failures = self.failures.saturating_sub(u32::try_from(forgotten).unwrap_or(u32::MAX));
        Row { failures, since: Millis(self.since.0 + forgotten * AUTH_FORGET_MS) }
    }
}

impl Guesses {
    pub(crate) fn new(delay: Duration) -> Guesses {
        Guesses { delay, rows: Mutex::default() }
    }

    /// Counts a wrong token; how long its answer has to wait.
    pub(crate) fn note(&self, peer: IpAddr, now: Millis) -> Duration {
        let origin = origin(peer);
        let mut rows = self.rows.lock();
        let row = rows.get(&origin).map_or(Row { failures: 0, since: now }, |row| row.faded(now));
        if rows.len() >= AUTH_ORIGINS_MAX && !rows.contains_key(&origin) {
            make_room(&mut rows, now);
        }
        let failures = (row.failures + 1).min(AUTH_FAILURES_MAX);
        rows.insert(origin, Row { failures, since: row.since });
        self.doubled(row.failures)
    }

    /// How long the answer to a right token has to wait.
    pub(crate) fn wait(&self, peer: IpAddr, now: Millis) -> Duration {
        let known = self.rows.lock().get(&origin(peer)).map(|row| row.faded(now).failures);
        match known {
            Some(failures) if failures > AUTH_FREE => self.doubled(failures).min(AUTH_WAIT_MAX),
            _ => Duration::ZERO,
        }
    }

    fn doubled(&self, times: u32) -> Duration {
        self.delay.saturating_mul(2u32.pow(times.min(AUTH_DOUBLINGS_MAX)))
    }
}

/// What is one client as far as guessing goes: an IPv6 client chooses the lower half of its address itself.
fn origin(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => {
            let network = address.to_bits() >> 64 << 64;
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
        v4 => v4,
    }
}

/// Forgets every address that has nothing left to be remembered for, or else the one with the least.
fn make_room(rows: &mut HashMap<IpAddr, Row>, now: Millis) {
    rows.retain(|_, row| row.faded(now).failures > 0);
    if rows.len() >= AUTH_ORIGINS_MAX {
        let least = rows.iter().min_by_key(|(_, row)| (row.failures, row.since.0));
        if let Some(origin) = least.map(|(origin, _)| *origin) {
            rows.remove(&origin);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELAY: Duration = Duration::from_millis(100);
    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn guess(guesses: &Guesses, times: u32, now: Millis) -> Vec<u128> {
        (0..times).map(|_| guesses.note(PEER, now).as_millis()).collect()
    }

    #[test]
    fn each_wrong_token_of_an_address_waits_longer_up_to_a_limit() {
        let guesses = Guesses::new(DELAY);
        assert_eq!(guess(&guesses, 8, Millis(0)), [100, 200, 400, 800, 1600, 3200, 3200, 3200]);
        assert_eq!(guesses.note("192.0.2.2".parse().unwrap(), Millis(0)), DELAY);
    }

    #[test]
    fn a_right_token_waits_a_short_while_where_many_were_wrong_and_nowhere_else() {
        let guesses = Guesses::new(DELAY);
        guess(&guesses, AUTH_FREE, Millis(0));
        assert_eq!(guesses.wait(PEER, Millis(0)), Duration::ZERO, "a few mistakes hurt nobody");
        guess(&guesses, 100, Millis(0));
        assert_eq!(guesses.wait(PEER, Millis(0)), AUTH_WAIT_MAX);
        assert_eq!(guesses.wait("192.0.2.2".parse().unwrap(), Millis(0)), Duration::ZERO);
    }

    #[test]
    fn wrong_tokens_are_forgotten_one_after_the_other() {
        let guesses = Guesses::new(DELAY);
        guess(&guesses, 3, Millis(0));
        let later = Millis(AUTH_FORGET_MS);
        assert_eq!(guess(&guesses, 1, Millis(AUTH_FORGET_MS - 1)), [800]);
        assert_eq!(guess(&guesses, 1, later), [800], "one of four is forgotten");
        let all = Millis(later.0 + u64::from(AUTH_FAILURES_MAX) * AUTH_FORGET_MS);
        assert_eq!(guess(&guesses, 1, all), [100]);
        assert_eq!(guess(&guesses, 1, Millis(u64::MAX)), [100]);
    }

    #[test]
    fn addresses_of_one_network_count_together() {
        let guesses = Guesses::new(DELAY);
        let note = |peer: &str| guesses.note(peer.parse().unwrap(), Millis(0));
        assert_eq!(note("2001:db8::1"), DELAY);
        assert_eq!(note("2001:db8::ffff:0:0:2"), 2 * DELAY);
        assert_eq!(note("2001:db8:0:1::1"), DELAY, "another network");
        assert_eq!(note("192.0.2.1"), DELAY);
        assert_eq!(note("::ffff:192.0.2.1"), 2 * DELAY, "the same address in another form");
    }

    #[test]
    fn the_table_is_bounded_and_the_worst_are_kept() {
        let guesses = Guesses::new(DELAY);
        guess(&guesses, 4, Millis(0));
        for network in 0..2 * AUTH_ORIGINS_MAX as u128 {
            guesses.note(IpAddr::V6(Ipv6Addr::from_bits(network << 64)), Millis(1));
            assert!(guesses.rows.lock().len() <= AUTH_ORIGINS_MAX);
        }
        assert_eq!(guess(&guesses, 1, Millis(1)), [1600]);
        // What is forgotten makes room.
        let later = Millis(2 * AUTH_FORGET_MS);
        guesses.note(IpAddr::V6(Ipv6Addr::LOCALHOST), later);
        guesses.note(IpAddr::V6(Ipv6Addr::from_bits(7 << 100)), later);
        assert!(guesses.rows.lock().len() <= 3);
    }

    #[test]
    fn without_a_delay_nobody_waits() {
        let guesses = Guesses::new(Duration::ZERO);
        assert_eq!(guess(&guesses, 50, Millis(0)), [0; 50]);
        assert_eq!(guesses.wait(PEER, Millis(0)), Duration::ZERO);
    }
}
