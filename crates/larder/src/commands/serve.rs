//! `larder serve`: reads the configuration, starts the server, says where it listens, and stops it on a signal.

use std::{
    io::{self, Write},
    process::ExitCode,
    sync::Arc,
};

use clap::Args;
use larder_server::{
    Handle, Server, Signals, StartError, Stopped, SystemClock,
    config::{Origin, Reading, Resolved},
    log,
};
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
    let reading = args.settings.read();
    let wrong = all_that_is_wrong(&reading);
    if !wrong.is_empty() {
        return fail(&wrong, BAD_CONFIGURATION);
    }
    let Reading { resolved, .. } = reading;
    match serve(&resolved) {
        Ok(Stopped::Clean) => ExitCode::SUCCESS,
        Ok(Stopped::Cut { connections }) => {
            eprintln!("larder: stopped with {connections} connections cut off");
            ExitCode::SUCCESS
        }
        Err(ServeError::Start(error)) => {
            let placed: Vec<_> = error.each().iter().map(|error| place(error, &resolved).1).collect();
            fail(&placed, if error.is_configuration() { BAD_CONFIGURATION } else { 1 })
        }
        Err(error) => fail(&[error.to_string()], 1),
    }
}

/// What is wrong with the values, and what can be known to be wrong with the listeners before they listen: together, in the order of
/// its places. What may not be true once a value is mended is left out.
fn all_that_is_wrong(reading: &Reading) -> Vec<String> {
    let Reading { resolved, errors } = reading;
    let mut wrong: Vec<_> = errors.iter().map(|error| (error.origin().cloned(), error.to_string())).collect();
    let is_sure = |error: &StartError| !reading.doubts(error.rests_on());
    let refused = Server::check(&resolved.config).into_iter().filter(is_sure);
    wrong.extend(refused.map(|error| place(&error, resolved)));
    wrong.sort_by(|(one, _), (other, _)| one.cmp(other));
    wrong.into_iter().map(|(_, line)| line).collect()
}

/// The error, and where the value comes from that it is about.
fn place(error: &StartError, resolved: &Resolved) -> (Option<Origin>, String) {
    let found = error.key().and_then(|key| Some((key, resolved.origin(key)?)));
    let Some((key, origin)) = found else { return (None, error.to_string()) };
    // A PaperCache file has names of its own.
    let text = error.to_string().replace(key, resolved.name(key));
    (Some(origin.clone()), format!("{origin}: {text}"))
}

fn fail(messages: &[String], status: u8) -> ExitCode {
    for message in messages {
        eprintln!("larder: {message}");
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
    raise_descriptor_limit(resolved.config.limits.connections, resolved.name("limits.connections"));
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
fn raise_descriptor_limit(connections: usize, setting: &str) {
    const OWN: u64 = 64;
    match larder_server::raise_descriptor_limit() {
        Ok(Some(limit)) if limit < connections as u64 + OWN => {
            eprintln!(
                "larder: the limit on open files is {limit}, too low for {connections} connections; \
                 raise it (ulimit -n) or lower {setting}"
            );
        }
        Ok(_) => {}
        Err(error) => eprintln!("larder: the limit on open files cannot be raised: {error}"),
    }
}
