//! Eight processes with 32 callers each want the same value of a Redis at once: one computation among all 256.

use crate::gathering::{call, computations, is_called};
use crate::program::{is_there, redis};
use crate::redis_store;

const PORT: &str = "LARDER_STAMPEDE_PORT";

/// Not a test of its own: it does something only when the tests below start it.
#[test]
fn one_of_eight_processes() {
    if is_called() {
        let port = std::env::var(PORT).unwrap().parse().unwrap();
        call(|| Box::new(redis_store(port)));
    }
}

fn among_eight(locks: bool, begun_first: usize) -> Option<usize> {
    if !is_there("redis-server") {
        return None;
    }
    let (_server, port) = redis(&[]);
    let variables = [(PORT, port.to_string())];
    Some(computations("stampede::one_of_eight_processes", &variables, locks, begun_first))
}

#[test]
fn eight_processes_compute_once() {
    let Some(computations) = among_eight(true, 1) else { return };
    assert_eq!(computations, 1);
}

#[test]
fn without_locks_each_process_computes_once() {
    let Some(computations) = among_eight(false, 8) else { return };
    assert_eq!(computations, 8);
}
