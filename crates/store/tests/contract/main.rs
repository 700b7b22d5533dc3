//! One contract suite over every store, against the real thing behind each, and what each does when that thing misbehaves.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[cfg(feature = "engine")]
mod engine;
mod faults;
mod peer;
#[cfg(feature = "rest")]
mod rest;
mod suite;
