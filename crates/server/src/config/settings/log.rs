//! The settings of the log.

use super::{
    Arity, Setting,
    values::{choose, name_of, one},
};
use crate::config::{LogFormat, LogLevel};

pub(super) const ROWS: &[Setting] = &[
    Setting {
        key: "log.format",
        variable: "LARDER_LOG_FORMAT",
        flag: "log-format",
        value_name: "text|json",
        default: "text",
        help: "The form of a line of the log, which goes to standard error",
        arity: Arity::One,
        secret: false,
        read: |config, texts| {
            one(texts, |text| choose(text, &FORMATS)).map(|value| config.log.format = value)
        },
        show: |config| name_of(&FORMATS, &config.log.format),
    },
    Setting {
        key: "log.level",
        variable: "LARDER_LOG_LEVEL",
        flag: "log-level",
        value_name: "LEVEL",
        default: "info",
        help: "The least severe level that is logged: off, error, warn, info, debug, trace",
        arity: Arity::One,
        secret: false,
        read: |config, texts| one(texts, |text| choose(text, &LEVELS)).map(|value| config.log.level = value),
        show: |config| name_of(&LEVELS, &config.log.level),
    },
];

const FORMATS: [(&str, LogFormat); 2] = [("text", LogFormat::Text), ("json", LogFormat::Json)];

const LEVELS: [(&str, LogLevel); 6] = [
    ("off", LogLevel::Off),
    ("error", LogLevel::Error),
    ("warn", LogLevel::Warn),
    ("info", LogLevel::Info),
    ("debug", LogLevel::Debug),
    ("trace", LogLevel::Trace),
];
