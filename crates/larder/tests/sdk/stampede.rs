//! Eight processes with 32 callers each want the same value of a Larder at once, over REST: its locks let one of all 256 compute.

use crate::gathering::{call, computations, is_called};
use crate::server::{KEY, Larder, store};

const PORT: &str = "LARDER_STAMPEDE_PORT";
const CERTIFICATE: &str = "LARDER_STAMPEDE_CERTIFICATE";

/// Not a test of its own: it does something only when the tests below start it.
#[test]
fn one_of_eight_processes() {
    if is_called() {
        let variable = |name| std::env::var(name).unwrap();
        let port = variable(PORT).parse().unwrap();
        call(|| Box::new(store(port, variable(CERTIFICATE).into(), KEY)));
    }
}

fn among_eight(locks: bool, begun_first: usize) -> usize {
    let larder = Larder::start();
    let certificate = larder.certificate().to_str().unwrap().to_owned();
    let variables = [(PORT, larder.port.to_string()), (CERTIFICATE, certificate)];
    computations("stampede::one_of_eight_processes", &variables, locks, begun_first)
}

#[test]
fn eight_processes_compute_once_over_rest() {
    assert_eq!(among_eight(true, 1), 1);
}

#[test]
fn without_locks_each_process_computes_once_over_rest() {
    assert_eq!(among_eight(false, 8), 8);
}
