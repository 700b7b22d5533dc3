//! Every codec of this crate against vectors that something else made, and against three properties that hold for all
//! of them: `stream.rs` says which and tests them, once; `paper.rs` and `seriput.rs` say what the messages are.
#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(unreachable_pub, reason = "nothing outside this test can reach in")]

mod paper;
mod paper_vectors;
mod seriput;
mod seriput_vectors;
mod stream;
mod vectors;
