//! The command line of Larder: serve the cache, talk to it, replay traces against it.

mod admin;
mod cli;
mod client;
mod commands;
mod conform;
mod failure;
mod interrupt;
mod load;
mod output;
mod plot;
mod replay;
mod server_url;
mod size;
mod trace;

use clap::Parser;
use std::process::ExitCode;

/// Whole-process allocator: the engine's many small, short-lived blobs suit it better than the system's.
#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    commands::run(cli::Cli::parse().command)
}
