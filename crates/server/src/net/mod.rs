//! Sockets: accepting ([`acceptor`]), the connection limit ([`slots`]), the threads that serve ([`worker`]) and what keeps
//! their connections to their deadlines ([`watch`]).

pub(crate) mod acceptor;
pub(crate) mod slots;
pub(crate) mod watch;
pub(crate) mod worker;

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises this process's limit on open descriptors as far as it may, and returns the limit then in force; `None` is no
/// limit. Call it before the server starts: each connection needs a descriptor.
///
/// # Errors
///
/// What the system says when it refuses.
pub fn raise_descriptor_limit() -> io::Result<Option<u64>> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    }
    Ok(maximum)
}
