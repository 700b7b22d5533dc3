//! `larder config`: the values that `larder serve` would use with the same flags, and where each comes from.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Args;
use larder_server::config::{to_json, to_text};

use super::settings::SettingArgs;

/// Show the settings in force and where each comes from
#[derive(Args)]
pub(crate) struct ConfigArgs {
    /// Print one JSON object instead of lines
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: SettingArgs,
}

/// Prints the settings; the exit status is 2 if the configuration is bad.
pub(crate) fn run(args: ConfigArgs) -> ExitCode {
    let resolved = match args.settings.resolve() {
        Ok(resolved) => resolved,
        Err(errors) => {
            for error in errors.0 {
                eprintln!("larder: {error}");
            }
            return ExitCode::from(2);
        }
    };
    let text = if args.json { format!("{:#}\n", to_json(&resolved)) } else { to_text(&resolved) };
    match io::stdout().lock().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
