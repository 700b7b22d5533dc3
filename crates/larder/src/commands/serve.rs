//! `larder serve`: reads the configuration, starts the server, says where it listens, and stops it on a signal.

use std::{
    io::{self, Write},
    process::ExitCode,
    sync::Arc,
};

use clap::Args;
use larder_server::{Handle, Server, Signals, StartError, Stopped, SystemClock, config::Resolved, log};
use thiserror::Error;

use super::settings::SettingArgs;

/// Serve a cache to PaperCache, Seriput and CacheKit clients
#[derive(Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    settings: SettingArgs,
}

/// The exit status after a bad configuration: nothing has been started.
const BAD_CONFIGURATION: u8 = 2;

/// Why there is no server.
#[derive(Debug, Error)]
enum ServeError {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("signals cannot be caught: {0}")]
    Signals(#[source] io::Error),
}

/// Serves until SIGTERM or SIGINT; the exit status is 0 then, 2 if the configuration is bad, 1 if the machine says no.
pub(crate) fn run(args: ServeArgs) -> ExitCode {
    let resolved = match args.settings.resolve() {
        Ok(resolved) => resolved,
        Err(errors) => return fail(&errors.to_string(), BAD_CONFIGURATION),
    };
    match serve(&resolved) {
        Ok(Stopped::Clean) => ExitCode::SUCCESS,
        Ok(Stopped::Cut { connections }) => {
            eprintln!("larder: stopped with {connections} connections cut off");
            ExitCode::SUCCESS
        }
        Err(ServeError::Start(error)) => {
            let placed = error.each().iter().map(|error| place(error, &resolved)).collect::<Vec<_>>();
            fail(&placed.join("\n"), if error.is_configuration() { BAD_CONFIGURATION } else { 1 })
        }
        Err(error) => fail(&error.to_string(), 1),
    }
}

/// The error, and where the value comes from that it is about.
fn place(error: &StartError, resolved: &Resolved) -> String {
    match error.key().and_then(|key| resolved.origin(key)) {
        Some(origin) => format!("{origin}: {error}"),
        None => error.to_string(),
    }
}

fn fail(message: &str, status: u8) -> ExitCode {
    for line in message.lines() {
        eprintln!("larder: {line}");
    }
    ExitCode::from(status)
}

fn serve(resolved: &Resolved) -> Result<Stopped, ServeError> {
    if let Err(error) = log::init(&resolved.config.log) {
        eprintln!("larder: there is a log already: {error}");
    }
    resolved.notes.iter().for_each(|note| log::note(note));
    // Before anything listens, so that no signal finds the process half started.
    let signals = Signals::catch().map_err(ServeError::Signals)?;
    raise_descriptor_limit(resolved.config.limits.connections);
    let handle = Server::start(&resolved.config, Arc::new(SystemClock::new()))?;
    announce(&handle);
    Ok(signals.serve_until_signal(handle))
}

/// One line per listener, on standard output.
fn announce(handle: &Handle) {
    let mut out = io::stdout().lock();
    let listeners = [
        ("paper", handle.paper_addr()),
        ("seriput", handle.seriput_addr()),
        ("rest", handle.rest_addr()),
        ("admin", handle.admin_addr()),
    ];
    for (name, address) in listeners {
        if let Some(address) = address {
            // Whoever closed standard output does not want to know.
            let _ = writeln!(out, "{name} listening on {address}");
        }
    }
    let _ = out.flush();
}

/// Each connection needs a descriptor, and the server a few of its own.
fn raise_descriptor_limit(connections: usize) {
    const OWN: u64 = 64;
    match larder_server::raise_descriptor_limit() {
        Ok(Some(limit)) if limit < connections as u64 + OWN => {
            eprintln!(
                "larder: the limit on open files is {limit}, too low for {connections} connections; \
                 raise it (ulimit -n) or lower limits.connections"
            );
        }
        Ok(_) => {}
        Err(error) => eprintln!("larder: the limit on open files cannot be raised: {error}"),
    }
}
