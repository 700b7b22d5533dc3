//! The engine on the network: configuration, listeners and sessions.
//!
//! [`config`] says what can be set and reads it, [`Server::start`] makes a running server of it, and the [`Handle`] stops
//! it again. Inside, a request goes from `net` (sockets, threads) to `session` (buffers, batches) to `execute` (one file per
//! protocol) to the engine, and its reply goes back the same way.

mod admin;
mod budget;
mod clock;
pub mod config;
mod decisions;
mod execute;
mod guesses;
mod jobs;
pub mod limits;
mod listeners;
pub mod log;
mod meter;
mod net;
mod process;
mod rest;
mod server;
mod session;
mod shared;
mod signals;
mod start_error;
mod tenant;
mod throttle;

pub use clock::{Clock, ManualClock, SystemClock};
pub use net::raise_descriptor_limit;
#[doc(hidden)]
pub use rest::fuzz;
pub use rest::tls::TlsError;
pub use server::{Handle, Server, Stopped};
pub use shared::Events;
pub use signals::Signals;
pub use start_error::StartError;

/// Larder's version, which is what VERSION answers.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
