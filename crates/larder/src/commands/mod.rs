//! One file per command. Each runs to the end and says how it went.

pub(crate) mod advise;
mod bench;
mod completions;
pub(crate) mod config;
pub(crate) mod conform;
mod del;
mod get;
mod has;
pub(crate) mod inspect;
pub(crate) mod key;
mod man;
mod peek;
mod ping;
mod policy;
mod replay;
mod resize;
pub(crate) mod serve;
mod set;
mod settings;
mod size;
mod status;
mod ttl;
mod version;
mod wipe;

use crate::cli::Command;
use crate::client;
use crate::failure::Failure;
use crate::output::{self, JsonBytes};
use serde::Serialize;
use std::process::ExitCode;

/// Runs a command and reports its failure.
pub(crate) fn run(command: Command) -> ExitCode {
    let outcome = match command {
        Command::Serve(args) => return serve::run(args),
        Command::Config(args) => return config::run(args),
        Command::Conform(args) => return conform::run(args),
        Command::Key(args) => return key::run(args),
        Command::Inspect(args) => return inspect::run(args),
        Command::Ping(args) => ping::run(&args),
        Command::Version(args) => version::run(&args),
        Command::Get(args) => get::run(&args),
        Command::Set(args) => set::run(&args),
        Command::Del(args) => del::run(&args),
        Command::Has(args) => has::run(&args),
        Command::Peek(args) => peek::run(&args),
        Command::Ttl(args) => ttl::run(&args),
        Command::Size(args) => size::run(&args),
        Command::Wipe(args) => wipe::run(&args),
        Command::Resize(args) => resize::run(&args),
        Command::Policy(args) => policy::run(&args),
        Command::Status(args) => status::run(&args),
        Command::Advise(args) => advise::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// That there is no such key.
fn no_such_key(key: &[u8]) -> Failure {
    Failure::Negative(format!("there is no key {}", output::quoted(key)))
}

/// What `get` and `peek` print in JSON; the value is null if there is no such key.
#[derive(Serialize)]
struct Entry {
    key: JsonBytes,
    value: Option<JsonBytes>,
}

/// Prints a value as `get` and `peek` do.
fn print_value(key: &[u8], value: Option<&[u8]>, json: bool) -> Result<(), Failure> {
    if json {
        output::json(&Entry { key: key.into(), value: value.map(JsonBytes::from) })?;
    } else if let Some(value) = value {
        output::raw(value)?;
    }
    value.map(drop).ok_or_else(|| no_such_key(key))
}

/// Prints that a command was done: `done`, or the object in JSON.
fn print_done(json: bool, object: &impl Serialize) -> Result<(), Failure> {
    if json {
        output::json(object)?;
    } else {
        output::line("done")?;
    }
    Ok(())
}

/// Opens a connection to the server that `args` name.
fn connect(args: &crate::cli::ServerArgs) -> Result<Box<dyn client::Client>, Failure> {
    Ok(client::open(&args.reach())?)
}
