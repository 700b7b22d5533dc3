//! The command line of Larder.

mod commands;
mod conform;

use std::process::ExitCode;

use clap::Parser;

use commands::{conform as conform_command, inspect, key};

/// A cache for every tongue.
#[derive(Debug, Parser)]
#[command(name = "larder", version)]
enum Command {
    Conform(conform_command::Args),
    Inspect(inspect::Args),
    Key(key::Args),
}

fn main() -> ExitCode {
    match Command::parse() {
        Command::Conform(args) => conform_command::run(args),
        Command::Inspect(args) => inspect::run(args),
        Command::Key(args) => key::run(args),
    }
}
