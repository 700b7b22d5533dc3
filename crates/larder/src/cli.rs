//! Every command, option and help text of `larder`, in one place: parsing, `--help`, shell completions and man pages all
//! come from here. What a command does is in `commands/`, one file each.

mod load;

pub(crate) use load::{BenchArgs, ReplayArgs};

use crate::client::Reach;
use crate::commands::config::ConfigArgs;
use crate::commands::serve::ServeArgs;
use crate::commands::{conform, inspect, key};
use crate::server_url::ServerUrl;
use crate::size::Size;
use clap::{ArgGroup, Args, Parser, Subcommand, ValueHint};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

const AFTER_HELP: &str = "\
Exit status: 0 success, 1 the answer is no (a missing key, a refusal), 2 a usage error or an unreadable file, 3 no server, \
or a broken connection.";

// The text above the commands is the description of the package.
#[derive(Parser)]
#[command(name = "larder", version, about, after_help = AFTER_HELP, max_term_width = 100, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Start a server
    Serve(ServeArgs),
    /// Show the settings that `serve` would have, and where each comes from
    Config(ConfigArgs),
    /// Ask whether a server is there, and how long it takes to answer
    Ping(ServerArgs),
    /// Ask a server for its version
    Version(ServerArgs),
    /// Write the value of a key to standard output
    Get(KeyArgs),
    /// Store a value
    Set(SetArgs),
    /// Delete a key
    Del(KeyArgs),
    /// Ask whether a key is there: prints true or false, exits with 0 or 1
    Has(KeyArgs),
    /// Write the value of a key to standard output, without counting as a use of it
    Peek(KeyArgs),
    /// Set or clear the time to live of a key
    Ttl(TtlArgs),
    /// Print the length of a key's value in bytes
    Size(KeyArgs),
    /// Delete everything
    Wipe(ServerArgs),
    /// Set how large the cache may be
    Resize(ResizeArgs),
    /// Show the eviction policies, or set the one in force
    Policy(PolicyArgs),
    /// Show sizes, counters and policies of a server
    Status(StatusArgs),
    /// Tell what the cache of a server would miss if it were smaller or larger
    Advise(AdviseArgs),
    /// Replay access traces, in this process or against a server, and print the miss ratio per policy
    Replay(ReplayArgs),
    /// Put load on a server and measure it
    Bench(BenchArgs),
    /// Check this implementation of the CacheKit formats against files of published test vectors
    Conform(conform::Args),
    /// Compute a CacheKit key from arguments
    Key(key::Args),
    /// Say what a CacheKit entry is: its container, sizes, checksum and content
    Inspect(inspect::Args),
    /// Write a completion script for a shell to standard output
    Completions(CompletionsArgs),
    /// Write man pages
    Man(ManArgs),
}

/// How to reach a server; the same for every command that talks to one.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct ServerArgs {
    /// The server to talk to: paper://HOST:PORT, or for get, set, del and bench also seriput://HOST:PORT
    #[arg(
        long,
        value_name = "URL",
        env = "LARDER_SERVER",
        default_value = "paper://127.0.0.1:3145",
        value_hint = ValueHint::Url
    )]
    pub(crate) server: ServerUrl,
    #[command(flatten)]
    pub(crate) access: AccessArgs,
    /// Print JSON, one object per line
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
}

/// What else it takes to be let in.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct AccessArgs {
    /// The token that the server asks for. Others on this machine can read a command line: prefer the variable
    #[arg(long, value_name = "TOKEN", env = "LARDER_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
    /// How long to wait while connecting, and then for the server whenever it is silent
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub(crate) timeout: Duration,
}

impl AccessArgs {
    /// How to reach `server`.
    pub(crate) fn reach(&self, server: ServerUrl) -> Reach {
        Reach { server, token: self.token.clone(), timeout: self.timeout }
    }
}

impl ServerArgs {
    /// How to reach the server.
    pub(crate) fn reach(&self) -> Reach {
        self.access.reach(self.server.clone())
    }
}

#[derive(Debug, Args)]
pub(crate) struct KeyArgs {
    /// The key: any bytes
    pub(crate) key: OsString,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("source").required(true).args(["value", "file"]),
    // Left to itself, clap puts the group before the key.
    override_usage = "larder set [OPTIONS] <KEY> <VALUE|--file <FILE>>"
)]
pub(crate) struct SetArgs {
    /// The key: any bytes
    pub(crate) key: OsString,
    /// The value: any bytes, or - to read it from standard input
    #[arg(allow_negative_numbers = true)]
    pub(crate) value: Option<OsString>,
    /// Read the value from a file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: Option<PathBuf>,
    /// Forget the key after this time; 0 means never
    #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = time_to_live)]
    pub(crate) ttl: u32,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, Args)]
pub(crate) struct TtlArgs {
    /// The key: any bytes
    pub(crate) key: OsString,
    /// Forget the key after this time from now; 0 means never
    #[arg(value_parser = time_to_live)]
    pub(crate) seconds: u32,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ResizeArgs {
    /// Bytes, with or without a unit: 1000, 64MiB, 1.5G
    pub(crate) size: Size,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, Args)]
pub(crate) struct PolicyArgs {
    /// The policy to set, such as lru, 2q-0.25-0.5 or auto. Without it, the policies are shown
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Show it again and again, every second or every SECONDS
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "1", value_parser = seconds)]
    pub(crate) watch: Option<Duration>,
    /// Show too how the policy is picked: what each would miss, and the last decisions
    #[arg(long)]
    pub(crate) why: bool,
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// Where the administration of a server is.
#[derive(Clone, Debug, Args)]
pub(crate) struct AdminArgs {
    /// Where the server's administration listens [default: the host of the server, port 3146]
    #[arg(long, value_name = "HOST:PORT", env = "LARDER_ADMIN", help_heading = "Server")]
    pub(crate) admin: Option<String>,
    /// The tenant whose cache the administration is asked about
    #[arg(long, value_name = "NAME", default_value = "default", help_heading = "Server")]
    pub(crate) tenant: String,
}

#[derive(Debug, Args)]
pub(crate) struct AdviseArgs {
    /// Draw the curve into an SVG file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub(crate) plot: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Where to write one page per command. Without it, the page of larder itself goes to standard output
    #[arg(value_hint = ValueHint::DirPath)]
    pub(crate) dir: Option<PathBuf>,
}

/// A time to live in seconds.
fn time_to_live(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("a whole number of seconds from 0 (never) to {}", u32::MAX))
}

/// A time in seconds, above 0, fractions allowed.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| *seconds > 0.0);
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| "a number of seconds above 0, such as 5 or 0.25".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definitions_are_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_option_of_every_command_has_a_help_text() {
        fn check(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{} {}", command.get_name(), argument.get_id());
            }
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }

    #[test]
    fn a_time_to_live_is_a_whole_number_of_seconds() {
        assert_eq!(time_to_live("4294967295"), Ok(u32::MAX));
        for text in ["4294967296", "-1", "1.5", "1h", ""] {
            assert_eq!(
                time_to_live(text),
                Err("a whole number of seconds from 0 (never) to 4294967295".to_owned())
            );
        }
    }

    #[test]
    fn seconds_are_above_zero() {
        assert_eq!(seconds("0.25"), Ok(Duration::from_millis(250)));
        for text in ["0", "-1", "nan", "inf", "1e-30", "1e300", "soon"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
