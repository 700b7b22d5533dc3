//! What the SDK tells through `tracing`. A key is never in an event, only its Blake2b-128 hash, as in the other SDKs; a value
//! never in any form.

use std::fmt;
use std::sync::Once;
use std::time::Duration;

use blake2::digest::consts::U16;
use blake2::{Blake2b, Digest};

use crate::error::{Error, Foreign, KeyError, ValueError};
use crate::key::Key;
use crate::layer::CircuitState;

/// A key as events show it: hex of its Blake2b-128.
pub(crate) struct KeyHash<'k>(pub(crate) &'k str);

impl fmt::Display for KeyHash<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hash = Blake2b::<U16>::digest(self.0.as_bytes());
        hash.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

pub(crate) fn retrying(error: &larder_store::Error, failures: u32, pause: Duration) {
    tracing::debug!(%error, failures, pause_ms = pause.as_millis() as u64, "a call is tried again");
}

pub(crate) fn failed_open(error: &larder_store::Error) {
    tracing::warn!(%error, "the store is away; going on without it");
}

pub(crate) fn circuit(store: &str, state: CircuitState) {
    match state {
        CircuitState::Open => tracing::warn!(store, "the circuit opens"),
        CircuitState::HalfOpen => tracing::info!(store, "the circuit lets probes through"),
        CircuitState::Closed => tracing::info!(store, "the circuit closes"),
    }
}

pub(crate) fn near_hit(key: &Key<'_>) {
    tracing::trace!(key = %KeyHash(key.as_str()), "served from a copy");
}

pub(crate) fn miss(key: &Key<'_>) {
    tracing::debug!(key = %KeyHash(key.as_str()), "a miss: the value is computed");
}

pub(crate) fn foreign(key: &Key<'_>, foreign: &Foreign) {
    tracing::warn!(key = %KeyHash(key.as_str()), %foreign, "an entry cannot be read");
}

pub(crate) fn going_without(error: &Error) {
    tracing::warn!(error = %Discreet(error), "going on without the cache");
}

/// An error as events show it. One about what the caller gave may quote that, so only what it is about is told.
struct Discreet<'e>(&'e Error);

impl fmt::Display for Discreet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Error::Key(KeyError::Argument { position, .. }) => {
                write!(f, "argument {position} is outside the protocol's model")
            }
            Error::Key(KeyError::Interop(_)) => f.write_str("a name or an argument has no canonical form"),
            Error::Value(ValueError::Encode(_)) => f.write_str("the value has no form as a document"),
            error => error.fmt(f),
        }
    }
}

/// Said once; a program that means to go without a cache is not to drown in it.
pub(crate) fn not_installed() {
    static SAID: Once = Once::new();
    SAID.call_once(|| tracing::warn!("no cache is installed: cached functions compute each time"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Key;
    use std::collections::HashMap;

    #[test]
    fn errors_about_what_a_caller_gave_do_not_quote_it() {
        let secret = HashMap::from([("secret", f64::NAN)]);
        let not_finite = Error::from(Key::interop("n", "op", (&secret,)).unwrap_err());
        let too_wide =
            Error::from(Key::interop("n", "op", (HashMap::from([("secret", u128::MAX)]),)).unwrap_err());
        let value = Error::from(ValueError::from(larder_cachekit::msgpack::to_vec(&secret).unwrap_err()));
        for error in [not_finite, too_wide, value] {
            assert!(error.to_string().contains("secret"), "the caller is told where: {error}");
            assert!(!Discreet(&error).to_string().contains("secret"));
        }
        assert_eq!(Discreet(&Error::NotSecure).to_string(), Error::NotSecure.to_string());
    }

    #[test]
    fn a_key_is_shown_as_its_blake2b_128() {
        // From Python: hashlib.blake2b(b"user:42", digest_size=16).hexdigest()
        assert_eq!(KeyHash("user:42").to_string(), "fdd48118d77004ffecb66c1b1e69dc3c");
    }
}
