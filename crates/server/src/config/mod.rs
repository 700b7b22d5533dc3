//! The configuration: what can be set ([`SETTINGS`], one table), where values come from ([`Sources`]: defaults, then a
//! file, then `LARDER_…` variables, then flags, a later one wins) and what came out ([`Resolved`]: the values in force and
//! the origin of each). A file is TOML, or PaperCache's own (`.pconf`).

mod access;
pub mod duration;
mod error;
mod pconf;
mod resolve;
mod settings;
mod show;
pub mod size;
mod toml_file;

use std::{fmt, path::PathBuf, time::Duration};

use larder_engine::{PolicyChoice, PolicyName};
use larder_wire::paper::Booleans;

pub(crate) use self::access::{digest_of, is_key};
pub use self::{
    access::{ApiKey, DEFAULT_TENANT, TenantConfig},
    error::{ConfigError, ConfigErrors, Origin},
    resolve::{NotUtf8, Reading, Resolved, Sources, read, resolve},
    settings::{SETTINGS, Setting},
    show::{to_json, to_text},
};
use crate::limits::Limits;

/// The values in force.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The PaperCache listener.
    pub paper: PaperConfig,
    /// The Seriput listener.
    pub seriput: SeriputConfig,
    /// The listener of the REST API.
    pub rest: RestConfig,
    /// The administration listener.
    pub admin: AdminConfig,
    /// The most that all entries together may take, in bytes, at least 1.
    pub max_size: u64,
    /// The eviction policies that clients may choose from: at least one, none twice.
    pub policies: Vec<PolicyName>,
    /// The policy at the start: one of `policies`, or auto.
    pub policy: PolicyChoice,
    /// Whether to tell which policy would be better, also while the policy is not auto.
    pub advise: bool,
    /// The tokens that authorise a client. Empty: every client is authorised.
    pub tokens: Vec<Token>,
    /// Whether a listener without authentication may be reachable from other machines, or be there at all beside tokens.
    pub allow_insecure: bool,
    /// Threads that serve connections, at least 1.
    pub workers: usize,
    /// What clients may use.
    pub limits: Limits,
    /// What is written to standard error.
    pub log: LogConfig,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            paper: PaperConfig {
                listen: Listen::Address("127.0.0.1:3145".to_owned()),
                booleans: Booleans::Clients,
            },
            seriput: SeriputConfig {
                listen: Listen::Address("127.0.0.1:9090".to_owned()),
                validate: Validate::Json,
                idle_time: None,
            },
            rest: RestConfig {
                listen: Listen::Address("127.0.0.1:8080".to_owned()),
                tls: None,
                keys: Vec::new(),
                tenants: Vec::new(),
                idle_time: Some(Duration::from_secs(600)),
            },
            admin: AdminConfig { listen: Listen::Address("127.0.0.1:3146".to_owned()) },
            max_size: 2 << 30,
            policies: PolicyName::all_default().to_vec(),
            policy: PolicyChoice::Auto,
            advise: false,
            tokens: Vec::new(),
            allow_insecure: false,
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            limits: Limits::default(),
            log: LogConfig { format: LogFormat::Text, level: LogLevel::Info },
        }
    }
}

/// The administration listener.
#[derive(Clone, Debug, PartialEq)]
pub struct AdminConfig {
    /// Where it listens.
    pub listen: Listen,
}

/// The PaperCache listener.
#[derive(Clone, Debug, PartialEq)]
pub struct PaperConfig {
    /// Where it listens.
    pub listen: Listen,
    /// How truth is written in its replies.
    pub booleans: Booleans,
}

/// The Seriput listener.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriputConfig {
    /// Where it listens.
    pub listen: Listen,
    /// Which values it stores and serves.
    pub validate: Validate,
    /// How long a client may be silent. The protocol's own client never reconnects.
    pub idle_time: Option<Duration>,
}

/// The listener of the REST API.
#[derive(Clone, Debug, PartialEq)]
pub struct RestConfig {
    /// Where it listens.
    pub listen: Listen,
    /// The files of the certificate and of its key, if the listener speaks TLS.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// The keys that authorise a client. Empty: every client is the tenant `default`.
    pub keys: Vec<ApiKey>,
    /// What tenants are held to. One that is not here is held to nothing but its share of the memory.
    pub tenants: Vec<TenantConfig>,
    /// How long a client may be silent. HTTP clients connect again, but keep idle connections for minutes.
    pub idle_time: Option<Duration>,
}

/// Which values a listener stores and serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validate {
    /// JSON texts.
    Json,
    /// Any bytes.
    None,
}

/// Where a listener listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// Nowhere.
    Off,
    /// `HOST:PORT`; port 0 lets the system choose.
    Address(String),
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Listen::Off => "off",
            Listen::Address(address) => address,
        })
    }
}

/// A secret that authorises a client. It shows itself to nobody: `Debug` prints `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A token of at least one byte; `None` if `text` is empty.
    pub fn new(text: impl Into<String>) -> Option<Token> {
        let text = text.into();
        (!text.is_empty()).then_some(Token(text))
    }

    /// What a client has to send.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// What is written to standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// The form of a line.
    pub format: LogFormat,
    /// The least severe level that is written.
    pub level: LogLevel,
}

/// The form of a line of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// How severe a line of the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Nothing.
    Off,
    /// Larder failed at something.
    Error,
    /// Something needs attention.
    Warn,
    /// What an operator wants to know.
    Info,
    /// Also connects and disconnects.
    Debug,
    /// Everything.
    Trace,
}

#[cfg(test)]
mod tests;
