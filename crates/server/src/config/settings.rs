//! The table of settings: for each key its name in a file, its environment variable, its flag, its default, what it is
//! for, how it is read and how it is shown. Flags, files, variables, `larder config` and the documentation all follow it.
//! Its rows are in `settings/`, a file for each kind.

mod cache;
mod limits;
mod listeners;
mod log;
mod values;

use std::sync::LazyLock;

use serde_json::Value;

use super::Config;

/// Every setting there is.
pub static SETTINGS: LazyLock<Vec<Setting>> =
    LazyLock::new(|| [listeners::ROWS, cache::ROWS, limits::ROWS, log::ROWS].concat());

/// One thing that can be set.
#[derive(Clone)]
pub struct Setting {
    /// The name in a TOML file, with its table: `paper.listen`.
    pub key: &'static str,
    /// The environment variable.
    pub variable: &'static str,
    /// The flag, without its dashes.
    pub flag: &'static str,
    /// What a value is called in help texts.
    pub value_name: &'static str,
    /// What holds when nobody sets it, as it would be written.
    pub default: &'static str,
    /// What it is for, in one line.
    pub help: &'static str,
    /// How many values it has.
    pub arity: Arity,
    /// Whether its value is shown to nobody.
    pub secret: bool,
    read: fn(&mut Config, &[&str]) -> Result<(), Refusal>,
    show: fn(&Config) -> Value,
}

/// How many values a setting has, and how a text that has to hold all of them is split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arity {
    /// One.
    One,
    /// Any number; a text is split at commas.
    Commas,
    /// Any number; a text is one of them.
    Whole,
}

/// A value that a setting does not allow.
pub(super) struct Refusal {
    /// Which one of a list, from 0.
    pub(super) piece: usize,
    /// What is allowed.
    pub(super) allowed: String,
}

impl Setting {
    /// Whether a flag may be given more than once.
    pub fn is_list(&self) -> bool {
        self.arity != Arity::One
    }

    /// Whether the flag alone means `true`.
    pub fn is_switch(&self) -> bool {
        self.value_name == "true|false"
    }

    /// The value in force as JSON; numbers of bytes are numbers, secrets are `***`.
    pub fn show(&self, config: &Config) -> Value {
        (self.show)(config)
    }

    pub(super) fn read(&self, config: &mut Config, texts: &[&str]) -> Result<(), Refusal> {
        if self.arity == Arity::One && texts.len() != 1 {
            return Err(Refusal { piece: 1, allowed: "exactly one value".to_owned() });
        }
        (self.read)(config, texts)
    }

    /// Splits a text that holds all values.
    pub(super) fn split(&self, text: &str) -> Vec<String> {
        match self.arity {
            Arity::Commas => text.split(',').map(|part| part.trim().to_owned()).collect(),
            Arity::One | Arity::Whole => vec![text.to_owned()],
        }
    }
}

/// The position of a key in [`SETTINGS`].
pub(super) fn index_of(key: &str) -> Option<usize> {
    SETTINGS.iter().position(|setting| setting.key == key)
}
