//! The command line of Larder.

mod commands;

use std::process::ExitCode;

use clap::Parser;

#[derive(Parser)]
#[command(version, about)]
enum Cli {
    Serve(commands::serve::ServeArgs),
    Config(commands::config::ConfigArgs),
}

fn main() -> ExitCode {
    match Cli::parse() {
        Cli::Serve(args) => commands::serve::run(args),
        Cli::Config(args) => commands::config::run(args),
    }
}
