//! PaperCache's own configuration file: `key=value` lines as in section 5 of the spec of the protocol. It turns Larder
//! into a PaperCache server: the same keys, nothing else listening. What is stricter here is stricter on purpose: a
//! variable that is not set is an error and never becomes the password. What is wider: a value may contain `=`.

use std::path::Path;

use larder_engine::PolicyName;

use super::{
    Config, SETTINGS,
    error::{ConfigError, Origin},
    resolve::{Assignment, NotUtf8, Piece},
    settings,
};

const KEYS: [&str; 7] = ["host", "port", "max_size", "policies[]", "policy", "max_connections", "auth_token"];

/// The keys that no TOML file of Larder can begin a line with.
const TELLING_KEYS: [&str; 5] = ["host=", "port=", "policies[]=", "max_connections=", "auth_token="];

/// Whether a file is PaperCache's: by its name, or else by what it says.
pub(super) fn is_pconf(path: &Path, text: &str) -> bool {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("pconf") => true,
        Some("toml") => false,
        _ => text.lines().any(|line| TELLING_KEYS.iter().any(|key| line.trim().starts_with(key))),
    }
}

type Variable<'v> = &'v dyn Fn(&str) -> Option<Result<String, NotUtf8>>;

/// Reads what can be read and adds what is wrong to `errors`.
pub(super) fn read(
    path: &Path,
    text: &str,
    variable: Variable<'_>,
    errors: &mut Vec<ConfigError>,
) -> Vec<Assignment> {
    let mut address = Address::default();
    let mut policies: Option<Assignment> = None;
    let mut assignments = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let origin = Origin::File { path: path.to_owned(), line: index + 1 };
        let (key, value) = match read_line(line.trim(), &origin, variable) {
            Ok(Some(pair)) => pair,
            Ok(None) => continue,
            Err(error) => {
                errors.push(error);
                continue;
            }
        };
        match key {
            "host" => match read_host(&value, &origin) {
                Ok(()) => address.host = Some(Piece { text: value, origin }),
                Err(error) => errors.push(error),
            },
            "port" => match read_port(&value, &origin) {
                Ok(_) => address.port = Some(Piece { text: value, origin }),
                Err(error) => errors.push(error),
            },
            "policies[]" => match read_policy(&value, &origin, policies.as_ref()) {
                Ok(()) => policies
                    .get_or_insert_with(|| assignment(key, Vec::new(), origin.clone()))
                    .pieces
                    .push(Piece { text: value, origin }),
                Err(error) => errors.push(error),
            },
            _ => {
                assignments.push(assignment(
                    key,
                    vec![Piece { text: value, origin: origin.clone() }],
                    origin,
                ));
            }
        }
    }
    assignments.extend(nothing_else_listens(path));
    assignments.extend(address.into_assignment());
    assignments.extend(policies);
    assignments
}

/// The setting that a key of a PaperCache file stands for, if one line is all of it.
pub(super) fn setting_of(key: &str) -> &str {
    match key {
        "host" | "port" => "paper.listen",
        "max_connections" => "limits.connections",
        "auth_token" => "tokens",
        other => other,
    }
}

/// Whoever brings this file wants a PaperCache server; a flag or a variable may still ask for more.
fn nothing_else_listens(path: &Path) -> impl Iterator<Item = Assignment> {
    let origin = Origin::Implied(format!("{} is a PaperCache file", path.display()));
    ["seriput.listen", "rest.listen", "admin.listen"].into_iter().map(move |key| {
        assignment(key, vec![Piece { text: "off".to_owned(), origin: origin.clone() }], origin.clone())
    })
}

fn assignment(key: &'static str, pieces: Vec<Piece>, origin: Origin) -> Assignment {
    // No line of it is all of the policies.
    let name = if key == "policies[]" { "policies" } else { setting_of(key) };
    let setting = settings::index_of(name).expect("every key of a PaperCache file stands for a setting");
    Assignment { setting, key, pieces, origin }
}

/// The key and the value of a line; `None` for a blank line or a comment.
fn read_line(
    line: &str,
    origin: &Origin,
    variable: Variable<'_>,
) -> Result<Option<(&'static str, String)>, ConfigError> {
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let Some((key, value)) = line.split_once('=') else {
        let reason = "a line is key=value, a comment that begins with #, or blank".to_owned();
        return Err(ConfigError::Line { origin: origin.clone(), reason });
    };
    let Some(key) = KEYS.into_iter().find(|known| *known == key) else {
        let spaces = if KEYS.contains(&key.trim()) { " (without spaces around the =)" } else { "" };
        let allowed = format!("allowed in a PaperCache file: {}{spaces}", KEYS.join(", "));
        return Err(ConfigError::UnknownKey { origin: origin.clone(), key: key.to_owned(), allowed });
    };
    let refuse = |found: String| ConfigError::Invalid {
        origin: origin.clone(),
        key,
        found,
        allowed: "a value, or $NAME for that of an environment variable".to_owned(),
    };
    let Some(name) = value.trim_start().strip_prefix('$') else { return Ok(Some((key, value.to_owned()))) };
    match variable(name) {
        _ if name.is_empty() => Err(refuse("\"$\" without a name".to_owned())),
        Some(Ok(value)) => Ok(Some((key, value))),
        Some(Err(NotUtf8)) => Err(refuse(format!("bytes in {name} that are not UTF-8"))),
        None => Err(ConfigError::UnsetVariable {
            origin: origin.clone(),
            key: key.to_owned(),
            variable: name.to_owned(),
        }),
    }
}

/// A host is judged by itself: PaperCache sets it apart from its port.
fn read_host(value: &str, origin: &Origin) -> Result<(), ConfigError> {
    let listen = &SETTINGS[settings::index_of("paper.listen").expect("it is a setting")];
    let address = join(value, "0");
    listen.read(&mut Config::default(), &[&address]).map_err(|_| ConfigError::Invalid {
        origin: origin.clone(),
        key: "host",
        found: format!("{value:?}"),
        allowed: "a name or an address of this machine, such as 127.0.0.1".to_owned(),
    })
}

/// An address. One of IPv6 needs brackets before a port.
fn join(host: &str, port: &str) -> String {
    let is_bare_v6 = host.parse::<std::net::Ipv6Addr>().is_ok();
    if is_bare_v6 { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

fn read_port(value: &str, origin: &Origin) -> Result<u16, ConfigError> {
    value.parse().map_err(|_| ConfigError::Invalid {
        origin: origin.clone(),
        key: "port",
        found: format!("{value:?}"),
        allowed: "a port from 0 to 65535".to_owned(),
    })
}

/// Each line of the list is judged by itself, so that an error has its own line.
fn read_policy(value: &str, origin: &Origin, before: Option<&Assignment>) -> Result<(), ConfigError> {
    let refuse = |allowed: String| ConfigError::Invalid {
        origin: origin.clone(),
        key: "policies[]",
        found: format!("{value:?}"),
        allowed,
    };
    if value == "auto" {
        return Err(refuse("policies that evict; auto is a value of `policy`".to_owned()));
    }
    let policy: PolicyName =
        value.parse().map_err(|error: larder_engine::PolicyNameError| refuse(error.to_string()))?;
    let mut earlier = before.into_iter().flat_map(|list| &list.pieces);
    match earlier.find(|piece| piece.text.parse() == Ok(policy)) {
        Some(piece) => Err(refuse(format!("each policy once, and {policy} is on {}", piece.origin))),
        None => Ok(()),
    }
}

/// Host and port, which PaperCache sets apart.
#[derive(Default)]
struct Address {
    host: Option<Piece>,
    port: Option<Piece>,
}

impl Address {
    fn into_assignment(self) -> Option<Assignment> {
        let key = if self.host.is_some() { "host" } else { "port" };
        let origin = self.host.as_ref().or(self.port.as_ref())?.origin.clone();
        let host = self.host.map_or("127.0.0.1".to_owned(), |piece| piece.text);
        let port = self.port.map_or("3145".to_owned(), |piece| piece.text);
        let text = join(&host, &port);
        Some(assignment(key, vec![Piece { text, origin: origin.clone() }], origin))
    }
}
