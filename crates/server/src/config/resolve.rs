//! From the sources to the values in force: defaults, then a file, then `LARDER_…` variables, then flags; a later one wins. All that
//! is wrong in any of them is collected, each with its place.

use std::path::{Path, PathBuf};

use larder_engine::PolicyChoice;

use super::{
    Config, Listen, SETTINGS, Setting,
    error::{ConfigError, ConfigErrors, Origin},
    pconf, settings, show, size, toml_file,
};
use crate::tenant;

/// The values in force and the origin of each.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The values.
    pub config: Config,
    /// The origins, in the order of [`SETTINGS`].
    pub origins: Vec<Origin>,
    /// What an operator should know though nothing is wrong.
    pub notes: Vec<String>,
    /// What each setting is called where its value comes from, in the same order.
    names: Vec<&'static str>,
}

impl Resolved {
    /// Where the value of a setting comes from; `None` if there is no such setting.
    pub fn origin(&self, key: &str) -> Option<&Origin> {
        self.origins.get(settings::index_of(key)?)
    }

    /// What a setting is called in the file that its value comes from; its own key if it comes from elsewhere.
    pub fn name<'k>(&self, key: &'k str) -> &'k str {
        settings::index_of(key).and_then(|index| self.names.get(index)).map_or(key, |name| name)
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
pub(super) struct Assignment {
    pub(super) setting: usize,
    /// What the setting is called where it comes from.
    pub(super) key: &'static str,
    pub(super) pieces: Vec<Piece>,
    /// Where the whole comes from, for the case of an empty list.
    pub(super) origin: Origin,
}

/// A text, and where it stands: a list may be spread over lines.
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) origin: Origin,
}

/// What came of reading all sources: where something is wrong, the values that hold without it.
pub struct Reading {
    /// The values; of what is wrong, the default or what an earlier source says.
    pub resolved: Resolved,
    /// All that is wrong, in the order of its places.
    pub errors: Vec<ConfigError>,
}

impl Reading {
    /// Whether the value of one of these settings is not what an operator meant, because of an error.
    pub fn doubts<'k>(&self, keys: impl IntoIterator<Item = &'k str>) -> bool {
        is_doubtful(&self.errors, keys)
    }
}

fn is_doubtful<'k>(errors: &[ConfigError], keys: impl IntoIterator<Item = &'k str>) -> bool {
    keys.into_iter().any(|key| errors.iter().any(|error| error.leaves_open(key)))
}

/// Reads all sources and checks what comes out.
pub fn read(sources: &Sources<'_>) -> Reading {
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
        names: SETTINGS.iter().map(|setting| setting.key).collect(),
    };
    for assignment in assignments {
        apply(assignment, &mut resolved, &mut errors);
    }
    close_unasked(&mut resolved);
    check(&resolved, &mut errors);
    errors.sort_by(|one, other| one.origin().cmp(&other.origin()));
    Reading { resolved, errors }
}

/// Reads all sources and checks what comes out.
///
/// # Errors
///
/// All that is wrong in any of the sources, each with its place.
pub fn resolve(sources: &Sources<'_>) -> Result<Resolved, ConfigErrors> {
    let Reading { resolved, errors } = read(sources);
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
    // Some editors begin every text with a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    if pconf::is_pconf(path, text) {
        pconf::read(path, text, sources.variable, errors)
    } else {
        toml_file::read(path, text, errors)
    }
}

fn read_variables(sources: &Sources<'_>, errors: &mut Vec<ConfigError>) -> Vec<Assignment> {
    let mut assignments = Vec::new();
    for (index, setting) in SETTINGS.iter().enumerate() {
        let origin = Origin::Variable(setting.variable);
        match (sources.variable)(setting.variable) {
            Some(Ok(text)) => assignments.push(Assignment::new(index, setting.split(&text), origin)),
            Some(Err(NotUtf8)) => {
                errors.push(ConfigError::Invalid {
                    origin,
                    key: setting.key,
                    found: "bytes that are not UTF-8".to_owned(),
                    allowed: "text".to_owned(),
                });
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
        Assignment { setting, key: SETTINGS[setting].key, pieces, origin }
    }
}

fn apply(assignment: Assignment, resolved: &mut Resolved, errors: &mut Vec<ConfigError>) {
    let setting = &SETTINGS[assignment.setting];
    let texts: Vec<&str> = assignment.pieces.iter().map(|piece| piece.text.as_str()).collect();
    match setting.read(&mut resolved.config, &texts) {
        Ok(()) => {
            resolved.origins[assignment.setting] = assignment.origin;
            resolved.names[assignment.setting] = assignment.key;
        }
        Err(refusal) => {
            let piece = assignment.pieces.get(refusal.piece);
            let found = match piece {
                Some(_) if setting.secret => "***".to_owned(),
                Some(piece) => format!("{:?}", piece.text),
                None => "nothing".to_owned(),
            };
            let origin = piece.map_or(assignment.origin, |piece| piece.origin.clone());
            errors.push(ConfigError::Invalid {
                origin,
                key: assignment.key,
                found,
                allowed: refusal.allowed,
            });
        }
    }
}

/// Where tokens are set, a listener that cannot ask for them is there only for those who have asked for it.
fn close_unasked(resolved: &mut Resolved) {
    let Resolved { config, origins, notes, .. } = resolved;
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

/// What no single setting can know. Nothing is said that may not be true once another error is mended.
fn check(resolved: &Resolved, errors: &mut Vec<ConfigError>) {
    let Resolved { config, origins, .. } = resolved;
    let mut found = Vec::new();
    // The settings that it is drawn from, the one to look at first in front.
    let mut conflict = |keys: &[&'static str], reason: String| {
        let Some(key) = keys.first().filter(|_| !is_doubtful(errors, keys.iter().copied())) else { return };
        let origin = settings::index_of(key).map_or(Origin::Default, |index| origins[index].clone());
        found.push(ConfigError::Conflict { origin, key, reason });
    };
    if let PolicyChoice::Fixed(policy) = config.policy
        && !config.policies.contains(&policy)
    {
        let policies = show::join(&config.policies);
        conflict(&["policy", "policies"], format!("{policy} is not among the policies {policies}"));
    }
    let largest = u64::from(config.limits.value_bytes) + u64::from(config.limits.key_bytes);
    if largest > config.limits.bytes_in_flight {
        conflict(
            &["limits.bytes_in_flight", "limits.value_bytes", "limits.key_bytes"],
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
            conflict(&[given, missing], format!("{missing} is missing: a certificate needs its key"));
        } else if is_empty(certificate) {
            conflict(&[missing, given], format!("{given} is missing: a key needs its certificate"));
        }
    }
    let tenants = tenant::all(config);
    if tenant::shares(&tenants, config.max_size).is_none() {
        conflict(
            &["max_size", "tenant", "api_key"],
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
        conflict(
            &["paper.listen", "seriput.listen", "rest.listen", "tokens", "api_key"],
            "every listener is off, so there is nothing to serve".to_owned(),
        );
    }
    errors.extend(found);
}
