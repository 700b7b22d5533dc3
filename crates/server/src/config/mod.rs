//! The configuration: what can be set ([`SETTINGS`], one table), where values come from ([`Sources`]: defaults, then a
//! file, then `LARDER_…` variables, then flags, a later one wins) and what came out ([`Resolved`]: the values in force and
//! the origin of each). A file is TOML, or PaperCache's own (`.pconf`).

mod access;
pub mod duration;
mod error;
mod pconf;
mod settings;
mod show;
pub mod size;
mod toml_file;

use std::{
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use larder_engine::{PolicyChoice, PolicyName};
use larder_wire::paper::Booleans;

pub(crate) use self::access::{digest_of, is_key};
pub use self::{
    access::{ApiKey, DEFAULT_TENANT, TenantConfig},
    error::{ConfigError, ConfigErrors, Origin},
    settings::{SETTINGS, Setting},
    show::{to_json, to_text},
};
use crate::{limits::Limits, tenant};

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

/// The values in force and the origin of each.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The values.
    pub config: Config,
    /// The origins, in the order of [`SETTINGS`].
    pub origins: Vec<Origin>,
    /// What an operator should know though nothing is wrong.
    pub notes: Vec<String>,
}

impl Resolved {
    /// Where the value of a setting comes from; `None` if there is no such setting.
    pub fn origin(&self, key: &str) -> Option<&Origin> {
        self.origins.get(settings::index_of(key)?)
    }
}

/// Where values come from.
pub struct Sources<'s> {
    /// The configuration file.
    pub file: Option<PathBuf>,
    /// Looks an environment variable up. `Err`: it is set but not UTF-8.
    pub variable: &'s dyn Fn(&str) -> Option<Result<String, NotUtf8>>,
    /// The flags that were given, with their values in order.
    pub flags: Vec<(&'static Setting, Vec<String>)>,
}

/// An environment variable that is set to something else than UTF-8 text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotUtf8;

impl Sources<'_> {
    /// The process's own environment, for [`Sources::variable`].
    pub fn environment(name: &str) -> Option<Result<String, NotUtf8>> {
        std::env::var_os(name).map(|value| value.into_string().map_err(|_| NotUtf8))
    }
}

/// One value on its way into the configuration.
struct Assignment {
    setting: usize,
    pieces: Vec<Piece>,
    /// Where the whole comes from, for the case of an empty list.
    origin: Origin,
}

/// A text, and where it stands: a list may be spread over lines.
struct Piece {
    text: String,
    origin: Origin,
}

/// Reads all sources and checks what comes out.
///
/// # Errors
///
/// All that is wrong in any of the sources, each with its place.
pub fn resolve(sources: &Sources<'_>) -> Result<Resolved, ConfigErrors> {
    let mut errors = Vec::new();
    let mut assignments = Vec::new();
    if let Some(path) = &sources.file {
        assignments.extend(read_file(path, sources, &mut errors));
    }
    assignments.extend(read_variables(sources, &mut errors));
    assignments.extend(read_flags(sources));

    let mut resolved = Resolved {
        config: Config::default(),
        origins: vec![Origin::Default; SETTINGS.len()],
        notes: Vec::new(),
    };
    for assignment in assignments {
        apply(assignment, &mut resolved, &mut errors);
    }
    close_unasked(&mut resolved);
    check(&mut resolved, &mut errors);
    if errors.is_empty() { Ok(resolved) } else { Err(ConfigErrors(errors)) }
}

fn read_file(path: &Path, sources: &Sources<'_>, errors: &mut Vec<ConfigError>) -> Vec<Assignment> {
    let text = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            errors.push(ConfigError::Unreadable { path: path.to_owned(), reason: error.to_string() });
            return Vec::new();
        }
    };
    let Ok(text) = String::from_utf8(text) else {
        errors.push(ConfigError::Unreadable {
            path: path.to_owned(),
            reason: "it is not UTF-8 text".to_owned(),
        });
        return Vec::new();
    };
    if pconf::is_pconf(path, &text) {
        pconf::read(path, &text, sources.variable, errors)
    } else {
        toml_file::read(path, &text, errors)
    }
}

fn read_variables(sources: &Sources<'_>, errors: &mut Vec<ConfigError>) -> Vec<Assignment> {
    let mut assignments = Vec::new();
    for (index, setting) in SETTINGS.iter().enumerate() {
        let origin = Origin::Variable(setting.variable);
        match (sources.variable)(setting.variable) {
            Some(Ok(text)) => assignments.push(Assignment::new(index, setting.split(&text), origin)),
            Some(Err(NotUtf8)) => {
                errors.push(ConfigError::Syntax { origin, reason: "the value is not UTF-8 text".to_owned() });
            }
            None => {}
        }
    }
    assignments
}

fn read_flags(sources: &Sources<'_>) -> Vec<Assignment> {
    let given =
        sources.flags.iter().filter_map(|(setting, values)| Some((settings::index_of(setting.key)?, values)));
    given
        .map(|(index, values)| {
            let setting = &SETTINGS[index];
            let texts = values.iter().flat_map(|value| setting.split(value)).collect();
            Assignment::new(index, texts, Origin::Flag(setting.flag))
        })
        .collect()
}

impl Assignment {
    fn new(setting: usize, texts: Vec<String>, origin: Origin) -> Assignment {
        let pieces = texts.into_iter().map(|text| Piece { text, origin: origin.clone() }).collect();
        Assignment { setting, pieces, origin }
    }
}

fn apply(assignment: Assignment, resolved: &mut Resolved, errors: &mut Vec<ConfigError>) {
    let setting = &SETTINGS[assignment.setting];
    let texts: Vec<&str> = assignment.pieces.iter().map(|piece| piece.text.as_str()).collect();
    match setting.read(&mut resolved.config, &texts) {
        Ok(()) => resolved.origins[assignment.setting] = assignment.origin,
        Err(refusal) => {
            let piece = assignment.pieces.get(refusal.piece);
            let found = match piece {
                Some(_) if setting.secret => "***".to_owned(),
                Some(piece) => format!("{:?}", piece.text),
                None => "nothing".to_owned(),
            };
            let origin = piece.map_or(assignment.origin, |piece| piece.origin.clone());
            errors.push(ConfigError::Invalid { origin, key: setting.key, found, allowed: refusal.allowed });
        }
    }
}

/// Where tokens are set, a listener that cannot ask for them is there only for those who have asked for it.
fn close_unasked(resolved: &mut Resolved) {
    let Resolved { config, origins, notes } = resolved;
    if config.tokens.is_empty() {
        return;
    }
    let mut close = |key: &'static str, listen: &mut Listen, note: &str| {
        if let Some(origin @ Origin::Default) = settings::index_of(key).map(|index| &mut origins[index]) {
            *listen = Listen::Off;
            *origin = Origin::Implied("tokens are set".to_owned());
            notes.push(note.to_owned());
        }
    };
    close(
        "seriput.listen",
        &mut config.seriput.listen,
        "the Seriput listener is off: tokens are set, and its protocol cannot ask for them; \
         whoever wants it all the same sets seriput.listen and allow_insecure",
    );
    if !config.rest.keys.is_empty() {
        return;
    }
    close(
        "rest.listen",
        &mut config.rest.listen,
        "the REST listener is off: tokens are set, and it would let clients in without one; \
         whoever wants it all the same sets rest.listen and allow_insecure",
    );
}

/// What no single setting can know.
fn check(resolved: &mut Resolved, errors: &mut Vec<ConfigError>) {
    let Resolved { config, origins, .. } = resolved;
    let mut conflict = |key: &'static str, reason: String| {
        let origin = settings::index_of(key).map_or(Origin::Default, |index| origins[index].clone());
        errors.push(ConfigError::Conflict { origin, key, reason });
    };
    if let PolicyChoice::Fixed(policy) = config.policy
        && !config.policies.contains(&policy)
    {
        conflict("policy", format!("{policy} is not among the policies {}", show::join(&config.policies)));
    }
    let largest = u64::from(config.limits.value_bytes) + u64::from(config.limits.key_bytes);
    if largest > config.limits.bytes_in_flight {
        conflict(
            "limits.bytes_in_flight",
            format!(
                "{} is less than one request may have (limits.key_bytes and limits.value_bytes, {largest} in all)",
                size::Size(config.limits.bytes_in_flight)
            ),
        );
    }
    if let Some((certificate, key)) = &config.rest.tls {
        let (missing, given) = ("rest.tls_key", "rest.tls_cert");
        let is_empty = |path: &PathBuf| path.as_os_str().is_empty();
        if is_empty(key) {
            conflict(given, format!("{missing} is missing: a certificate needs its key"));
        } else if is_empty(certificate) {
            conflict(missing, format!("{given} is missing: a key needs its certificate"));
        }
    }
    let tenants = tenant::all(config);
    if tenant::shares(&tenants, config.max_size).is_none() {
        conflict(
            "max_size",
            format!(
                "{} is not enough for the {} tenants and the sizes that are set for them",
                size::Size(config.max_size),
                tenants.len()
            ),
        );
    }
    if [&config.paper.listen, &config.seriput.listen, &config.rest.listen]
        .iter()
        .all(|listen| **listen == Listen::Off)
    {
        conflict("paper.listen", "every listener is off, so there is nothing to serve".to_owned());
    }
}

#[cfg(test)]
mod tests;
