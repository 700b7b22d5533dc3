//! One contract suite over every store, against the real thing behind each.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod engine;
mod suite;
