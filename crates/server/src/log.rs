//! The log: structured lines on standard error, as text or as JSON. What clients send is written only in escaped form,
//! tokens never. The libraries under Larder do not know what is a secret (the one for HTTP/2 shows a path that it cannot read, with
//! the lock's id in it), so only their warnings are shown, however talkative the log is.

use std::io::{self, IsTerminal};

use tracing::warn;
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    fmt,
    layer::SubscriberExt,
    util::TryInitError,
};

/// What the names of all crates of the project begin with.
const OURS: &str = "larder";

use crate::config::{LogConfig, LogFormat, LogLevel};

/// Sets the log up for this process.
///
/// # Errors
///
/// When the process has a log already.
pub fn init(config: &LogConfig) -> Result<(), TryInitError> {
    use tracing_subscriber::util::SubscriberInitExt;

    let level = match config.level {
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let colours = io::stderr().is_terminal();
    let lines = fmt().with_writer(io::stderr).with_ansi(colours).with_max_level(level).with_target(false);
    let shown = Targets::new().with_target(OURS, level).with_default(level.min(LevelFilter::WARN));
    match config.format {
        LogFormat::Text => lines.finish().with(shown).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).finish().with(shown).try_init(),
    }
}

/// Writes a line that an operator should see.
pub fn note(text: &str) {
    warn!("{text}");
}
