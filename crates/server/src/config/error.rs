//! What can be wrong with a configuration, each with the place that it was found at. All that is wrong is collected, so
//! that one start tells an operator everything.

use std::{fmt, path::PathBuf};

use thiserror::Error;

use super::pconf;

/// Where a value comes from. One that comes before another in the order of reading is less.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// A line of the configuration file, counted from 1.
    File {
        /// The file as it was named.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// An environment variable.
    Variable(&'static str),
    /// A flag, without its dashes.
    Flag(&'static str),
    /// Something else that was set: what.
    Implied(String),
    /// Nobody set it.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File { path, line } => write!(f, "{}:{line}", path.display()),
            Origin::Variable(name) => f.write_str(name),
            Origin::Flag(name) => write!(f, "--{name}"),
            Origin::Implied(by) => f.write_str(by),
        }
    }
}

/// One thing that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: cannot be read: {reason}", path.display())]
    Unreadable {
        /// The file as it was named.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The file is not TOML, so nothing that it says is known.
    #[error("{origin}: {reason}")]
    Syntax {
        /// Where.
        origin: Origin,
        /// What was found and what is allowed.
        reason: String,
    },
    /// A line is not what may stand there; the others are known.
    #[error("{origin}: {reason}")]
    Line {
        /// Where.
        origin: Origin,
        /// What was found and what is allowed.
        reason: String,
    },
    /// There is no such key.
    #[error("{origin}: there is no key `{key}`; {allowed}")]
    UnknownKey {
        /// Where.
        origin: Origin,
        /// The key as it stands there.
        key: String,
        /// What is allowed in its place.
        allowed: String,
    },
    /// A value is none that its key allows.
    #[error("{origin}: {key}: found {found}; allowed: {allowed}")]
    Invalid {
        /// Where.
        origin: Origin,
        /// The key.
        key: &'static str,
        /// What was found, `***` for a secret.
        found: String,
        /// What is allowed.
        allowed: String,
    },
    /// A PaperCache file names an environment variable that is not set.
    #[error(
        "{origin}: {key}: the environment variable {variable} is not set; set it, or write the value itself"
    )]
    UnsetVariable {
        /// Where.
        origin: Origin,
        /// The key as it stands there.
        key: String,
        /// The variable, without the dollar sign.
        variable: String,
    },
    /// Two settings, each allowed, cannot be together.
    #[error("{origin}: {key}: {reason}")]
    Conflict {
        /// Where the value that gave rise to it comes from.
        origin: Origin,
        /// The key that should be looked at first.
        key: &'static str,
        /// What does not go together, and the ways out.
        reason: String,
    },
}

impl ConfigError {
    /// Where; nothing for a file that cannot be read.
    pub fn origin(&self) -> Option<&Origin> {
        match self {
            ConfigError::Unreadable { .. } => None,
            ConfigError::Syntax { origin, .. }
            | ConfigError::Line { origin, .. }
            | ConfigError::UnknownKey { origin, .. }
            | ConfigError::Invalid { origin, .. }
            | ConfigError::UnsetVariable { origin, .. }
            | ConfigError::Conflict { origin, .. } => Some(origin),
        }
    }

    /// Whether it leaves open what an operator means by a setting.
    pub(super) fn leaves_open(&self, setting: &str) -> bool {
        match self {
            ConfigError::Unreadable { .. } | ConfigError::Syntax { .. } => true,
            ConfigError::Line { .. } | ConfigError::UnknownKey { .. } => false,
            ConfigError::Conflict { key, .. } => *key == setting,
            ConfigError::Invalid { key, .. } => pconf::setting_of(key) == setting,
            ConfigError::UnsetVariable { key, .. } => pconf::setting_of(key) == setting,
        }
    }
}

/// Everything that is wrong with a configuration; at least one error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, error) in self.0.iter().enumerate() {
            let separator = if position == 0 { "" } else { "\n" };
            write!(f, "{separator}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}
