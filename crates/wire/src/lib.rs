//! Bytes to requests and replies, without I/O.
