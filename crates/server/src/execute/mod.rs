//! From a request to an engine call to a reply, one file per protocol.

pub(crate) mod paper;
