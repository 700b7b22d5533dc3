//! The table of settings: for each key its name in a file, its environment variable, its flag, its default, what it is
//! for, how it is read and how it is shown. Flags, files, variables, `larder config` and the documentation all follow it.

use std::path::PathBuf;

use larder_engine::{PolicyChoice, PolicyName, limits::KEY_BYTES_MAX};
use larder_wire::paper::Booleans;
use serde_json::Value;

use super::{ApiKey, Config, Listen, LogFormat, LogLevel, TenantConfig, Token, Validate, duration, size};

/// One thing that can be set.
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

/// Every setting there is.
pub static SETTINGS: &[Setting] = &[
    Setting {
        key: "paper.listen",
        variable: "LARDER_PAPER_LISTEN",
        flag: "paper",
        value_name: "ADDR|off",
        default: "127.0.0.1:3145",
        help: "Where PaperCache clients connect; port 0 lets the system choose",
        arity: Arity::One,
        secret: false,
        read: |config, texts| one(texts, read_listen).map(|value| config.paper.listen = value),
        show: |config| config.paper.listen.to_string().into(),
    },
    Setting {
        key: "paper.booleans",
        variable: "LARDER_PAPER_BOOLEANS",
        flag: "paper-booleans",
        value_name: "clients|published",
        default: "clients",
        help: "How PaperCache replies write true and false: 33/63 as every client expects, or 1/0 as published",
        arity: Arity::One,
        secret: false,
        read: |config, texts| {
            one(texts, |text| choose(text, &BOOLEANS)).map(|value| config.paper.booleans = value)
        },
        show: |config| name_of(&BOOLEANS, &config.paper.booleans),
    },
    Setting {
        key: "seriput.listen",
        variable: "LARDER_SERIPUT_LISTEN",
        flag: "seriput",
        value_name: "ADDR|off",
        default: "127.0.0.1:9090",
        help: "Where Seriput clients connect; off where tokens are set, unless asked for together with allow_insecure",
        arity: Arity::One,
        secret: false,
        read: |config, texts| one(texts, read_listen).map(|value| config.seriput.listen = value),
        show: |config| config.seriput.listen.to_string().into(),
    },
    Setting {
        key: "seriput.validate",
        variable: "LARDER_SERIPUT_VALIDATE",
        flag: "seriput-validate",
        value_name: "json|none",
        default: "json",
        help: "Whether Seriput values must be JSON, in both directions, or may be any bytes",
        arity: Arity::One,
        secret: false,
        read: |config, texts| {
            one(texts, |text| choose(text, &VALIDATE)).map(|value| config.seriput.validate = value)
        },
        show: |config| name_of(&VALIDATE, &config.seriput.validate),
    },
    Setting {
        key: "seriput.idle_time",
        variable: "LARDER_SERIPUT_IDLE_TIME",
        flag: "seriput-idle-time",
        value_name: "TIME|off",
        default: "off",
        help: "How long a Seriput client may be silent before it is disconnected; the Java client never reconnects",
        arity: Arity::One,
        secret: false,
        read: |config, texts| one(texts, read_time).map(|value| config.seriput.idle_time = value),
        show: |config| duration::Shown(config.seriput.idle_time).to_string().into(),
    },
    Setting {
        key: "rest.listen",
        variable: "LARDER_REST_LISTEN",
        flag: "rest",
        value_name: "ADDR|off",
        default: "127.0.0.1:8080",
        help: "Where clients of the CacheKit REST API connect; off where tokens are set, unless asked for together with allow_insecure",
        arity: Arity::One,
        secret: false,
        read: |config, texts| one(texts, read_listen).map(|value| config.rest.listen = value),
        show: |config| config.rest.listen.to_string().into(),
    },
    Setting {
        key: "rest.tls_cert",
        variable: "LARDER_REST_TLS_CERT",
        flag: "tls-cert",
        value_name: "FILE",
        default: "",
        help: "The certificate chain (PEM) that the REST listener shows; SIGHUP reads it and its key again",
        arity: Arity::One,
        secret: false,
        read: |config, texts| one(texts, read_path).map(|path| set_tls(config, Some(path), None)),
        show: |config| show_path(config.rest.tls.as_ref().map(|(certificate, _)| certificate)),
    },
    Setting {
        key: "rest.tls_key",
        variable: "LARDER_REST_TLS_KEY",
        flag: "tls-key",
        value_name: "FILE",
        default: "",
        help: "The private key (PEM) of the certificate",
        arity: Arity::One,
        secret: false,
        read: |config, texts| one(texts, read_path).map(|path| set_tls(config, None, Some(path))),
        show: |config| show_path(config.rest.tls.as_ref().map(|(_, key)| key)),
    },
    Setting {
        key: "api_key",
        variable: "LARDER_API_KEY",
        flag: "api-key",
        value_name: "KEY=TENANT",
        default: "",
        help: "A key of the REST API and its tenant; sha256:HEX or file:PATH in place of the key. Without any, every client is the tenant default",
        arity: Arity::Whole,
        secret: true,
        read: |config, texts| read_list(texts, ApiKey::read).map(|value| config.rest.keys = value),
        show: |config| config.rest.keys.iter().map(|key| format!("{key:?}")).collect(),
    },
    Setting {
        key: "tenant",
        variable: "LARDER_TENANT",
        flag: "tenant",
        value_name: "NAME,…",
        default: "",
        help: "A tenant and its limits: NAME,max_size=SIZE,requests_per_second=N. Its size is taken from max_size; those without one share the rest",
        arity: Arity::Whole,
        secret: false,
        read: |config, texts| read_tenants(texts).map(|value| config.rest.tenants = value),
        show: |config| config.rest.tenants.iter().map(TenantConfig::show).collect(),
    },
    Setting {
        key: "rest.idle_time",
        variable: "LARDER_REST_IDLE_TIME",
        flag: "rest-idle-time",
        value_name: "TIME|off",
        default: "10m",
        help: "How long a client of the REST API may be silent before it is disconnected",
        arity: Arity::One,
        secret: false,
        read: |config, texts| one(texts, read_time).map(|value| config.rest.idle_time = value),
        show: |config| duration::Shown(config.rest.idle_time).to_string().into(),
    },
    Setting {
        key: "admin.listen",
        variable: "LARDER_ADMIN_LISTEN",
        flag: "admin",
        value_name: "ADDR|off",
        default: "127.0.0.1:3146",
        help: "Where monitoring connects: /metrics, /health and /ready over HTTP",
        arity: Arity::One,
        secret: false,
        read: |config, texts| one(texts, read_listen).map(|value| config.admin.listen = value),
        show: |config| config.admin.listen.to_string().into(),
    },
    Setting {
        key: "max_size",
        variable: "LARDER_MAX_SIZE",
        flag: "max-size",
        value_name: "SIZE",
        default: "2GiB",
        help: "The most that all entries together may take, their overhead included",
        arity: Arity::One,
        secret: false,
        read: |config, texts| {
            one(texts, |text| read_size(text, 1, u64::MAX)).map(|value| config.max_size = value)
        },
        show: |config| config.max_size.into(),
    },
    Setting {
        key: "policies",
        variable: "LARDER_POLICIES",
        flag: "policies",
        value_name: "LIST",
        default: "lfu,fifo,clock,sieve,lru,mru,2q-0.25-0.5,arc,s3-fifo-0.1",
        help: "The eviction policies that clients may choose from",
        arity: Arity::Commas,
        secret: false,
        read: |config, texts| read_policies(texts).map(|value| config.policies = value),
        show: |config| config.policies.iter().map(PolicyName::to_string).collect(),
    },
    Setting {
        key: "policy",
        variable: "LARDER_POLICY",
        flag: "policy",
        value_name: "NAME",
        default: "auto",
        help: "The eviction policy at the start: one of the policies, or auto, which picks among them",
        arity: Arity::One,
        secret: false,
        read: |config, texts| one(texts, read_policy).map(|value| config.policy = value),
        show: |config| config.policy.to_string().into(),
    },
    Setting {
        key: "advise",
        variable: "LARDER_ADVISE",
        flag: "advise",
        value_name: "true|false",
        default: "false",
        help: "Watch what other policies would miss, and tell, without changing the policy: for one that is not auto",
        arity: Arity::One,
        secret: false,
        read: |config, texts| one(texts, |text| choose(text, &TRUTH)).map(|value| config.advise = value),
        show: |config| config.advise.into(),
    },
    Setting {
        key: "tokens",
        variable: "LARDER_TOKEN",
        flag: "token",
        value_name: "TOKEN",
        default: "",
        help: "A token that authorises a client; without any, every client is authorised",
        arity: Arity::Whole,
        secret: true,
        read: |config, texts| read_tokens(texts).map(|value| config.tokens = value),
        show: |config| config.tokens.iter().map(|_| "***").collect(),
    },
    Setting {
        key: "allow_insecure",
        variable: "LARDER_ALLOW_INSECURE",
        flag: "allow-insecure",
        value_name: "true|false",
        default: "false",
        help: "Let a listener without authentication be reachable from other machines, or stand beside tokens",
        arity: Arity::One,
        secret: false,
        read: |config, texts| {
            one(texts, |text| choose(text, &TRUTH)).map(|value| config.allow_insecure = value)
        },
        show: |config| config.allow_insecure.into(),
    },
    Setting {
        key: "workers",
        variable: "LARDER_WORKERS",
        flag: "workers",
        value_name: "N",
        default: "one per core",
        help: "Threads that serve connections",
        arity: Arity::One,
        secret: false,
        read: |config, texts| {
            one(texts, |text| read_count(text, 1, 1024)).map(|value| config.workers = value)
        },
        show: |config| config.workers.into(),
    },
    Setting {
        key: "limits.connections",
        variable: "LARDER_LIMITS_CONNECTIONS",
        flag: "connections",
        value_name: "N",
        default: "1024",
        help: "Clients served at the same time, by all listeners together; one more is told so and closed",
        arity: Arity::One,
        secret: false,
        read: |config, texts| {
            one(texts, |text| read_count(text, 1, 1_000_000)).map(|value| config.limits.connections = value)
        },
        show: |config| config.limits.connections.into(),
    },
    Setting {
        key: "limits.key_bytes",
        variable: "LARDER_LIMITS_KEY_BYTES",
        flag: "key-bytes",
        value_name: "SIZE",
        default: "64KiB",
        help: "The longest key",
        arity: Arity::One,
        secret: false,
        read: |config, texts| {
            let max = KEY_BYTES_MAX as u64;
            one(texts, |text| read_size(text, 1, max)).map(|value| config.limits.key_bytes = saturate(value))
        },
        show: |config| config.limits.key_bytes.into(),
    },
    Setting {
        key: "limits.value_bytes",
        variable: "LARDER_LIMITS_VALUE_BYTES",
        flag: "value-bytes",
        value_name: "SIZE",
        default: "512MiB",
        help: "The longest value; one that cannot fit into the cache is refused in any case",
        arity: Arity::One,
        secret: false,
        read: |config, texts| {
            let max = u64::from(u32::MAX);
            one(texts, |text| read_size(text, 1, max))
                .map(|value| config.limits.value_bytes = saturate(value))
        },
        show: |config| config.limits.value_bytes.into(),
    },
    Setting {
        key: "limits.output_bytes",
        variable: "LARDER_LIMITS_OUTPUT_BYTES",
        flag: "output-bytes",
        value_name: "SIZE",
        default: "1MiB",
        help: "Replies that may wait for one client to read before nothing more of it is executed",
        arity: Arity::One,
        secret: false,
        read: |config, texts| {
            one(texts, |text| read_size(text, 1, 1 << 40))
                .map(|value| config.limits.output_bytes = value as usize)
        },
        show: |config| config.limits.output_bytes.into(),
    },
    Setting {
        key: "limits.bytes_in_flight",
        variable: "LARDER_LIMITS_BYTES_IN_FLIGHT",
        flag: "bytes-in-flight",
        value_name: "SIZE",
        default: "1GiB",
        help: "Memory for unfinished requests and unread replies of all connections together",
        arity: Arity::One,
        secret: false,
        read: |config, texts| {
            one(texts, |text| read_size(text, 1, u64::MAX)).map(|value| config.limits.bytes_in_flight = value)
        },
        show: |config| config.limits.bytes_in_flight.into(),
    },
    Setting {
        key: "limits.discard_bytes",
        variable: "LARDER_LIMITS_DISCARD_BYTES",
        flag: "discard-bytes",
        value_name: "SIZE",
        default: "4GiB",
        help: "The longest part of a refused request that is read past; a longer one closes the connection",
        arity: Arity::One,
        secret: false,
        read: |config, texts| {
            one(texts, |text| read_size(text, 0, u64::MAX)).map(|value| config.limits.discard_bytes = value)
        },
        show: |config| config.limits.discard_bytes.into(),
    },
    Setting {
        key: "limits.auth_time",
        variable: "LARDER_LIMITS_AUTH_TIME",
        flag: "auth-time",
        value_name: "TIME|off",
        default: "10s",
        help: "How long a client may take to authorise itself where a token is set",
        arity: Arity::One,
        secret: false,
        read: |config, texts| one(texts, read_time).map(|value| config.limits.auth_time = value),
        show: |config| duration::Shown(config.limits.auth_time).to_string().into(),
    },
    Setting {
        key: "limits.auth_delay",
        variable: "LARDER_LIMITS_AUTH_DELAY",
        flag: "auth-delay",
        value_name: "TIME|off",
        default: "100ms",
        help: "How long the answer to a wrong token waits; doubles with each further one from that address, up to 32 times",
        arity: Arity::One,
        secret: false,
        read: |config, texts| {
            one(texts, read_time).map(|value| config.limits.auth_delay = value.unwrap_or_default())
        },
        show: |config| {
            let delay = config.limits.auth_delay;
            duration::Shown((!delay.is_zero()).then_some(delay)).to_string().into()
        },
    },
    Setting {
        key: "limits.idle_time",
        variable: "LARDER_LIMITS_IDLE_TIME",
        flag: "idle-time",
        value_name: "TIME|off",
        default: "off",
        help: "How long a PaperCache client may be silent before it is disconnected",
        arity: Arity::One,
        secret: false,
        read: |config, texts| one(texts, read_time).map(|value| config.limits.idle_time = value),
        show: |config| duration::Shown(config.limits.idle_time).to_string().into(),
    },
    Setting {
        key: "limits.stall_time",
        variable: "LARDER_LIMITS_STALL_TIME",
        flag: "stall-time",
        value_name: "TIME|off",
        default: "30s",
        help: "How long a client may leave a reply unread, or a large request unfinished, without moving a byte",
        arity: Arity::One,
        secret: false,
        read: |config, texts| one(texts, read_time).map(|value| config.limits.stall_time = value),
        show: |config| duration::Shown(config.limits.stall_time).to_string().into(),
    },
    Setting {
        key: "limits.stop_time",
        variable: "LARDER_LIMITS_STOP_TIME",
        flag: "stop-time",
        value_name: "TIME",
        default: "5s",
        help: "How long a stop waits for replies to be taken",
        arity: Arity::One,
        secret: false,
        read: |config, texts| {
            one(texts, read_time).map(|value| config.limits.stop_time = value.unwrap_or_default())
        },
        show: |config| {
            let time = config.limits.stop_time;
            duration::Shown((!time.is_zero()).then_some(time)).to_string().into()
        },
    },
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

type Names<T> = [(&'static str, T)];

const BOOLEANS: [(&str, Booleans); 2] = [("clients", Booleans::Clients), ("published", Booleans::Published)];
const TRUTH: [(&str, bool); 2] = [("true", true), ("false", false)];
const VALIDATE: [(&str, Validate); 2] = [("json", Validate::Json), ("none", Validate::None)];
const FORMATS: [(&str, LogFormat); 2] = [("text", LogFormat::Text), ("json", LogFormat::Json)];
const LEVELS: [(&str, LogLevel); 6] = [
    ("off", LogLevel::Off),
    ("error", LogLevel::Error),
    ("warn", LogLevel::Warn),
    ("info", LogLevel::Info),
    ("debug", LogLevel::Debug),
    ("trace", LogLevel::Trace),
];

fn one<T>(texts: &[&str], read: impl FnOnce(&str) -> Result<T, String>) -> Result<T, Refusal> {
    let text = texts.first().copied().unwrap_or_default();
    read(text).map_err(|allowed| Refusal { piece: 0, allowed })
}

fn choose<T: Copy>(text: &str, names: &Names<T>) -> Result<T, String> {
    let found = names.iter().find(|(name, _)| *name == text);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<_> = names.iter().map(|(name, _)| *name).collect();
        names.join(", ")
    })
}

fn name_of<T: PartialEq>(names: &Names<T>, value: &T) -> Value {
    names.iter().find(|(_, named)| named == value).map_or(Value::Null, |(name, _)| (*name).into())
}

/// `HOST:PORT`, an IPv6 address in brackets.
fn read_listen(text: &str) -> Result<Listen, String> {
    if text == "off" {
        return Ok(Listen::Off);
    }
    let is_address = text.parse::<std::net::SocketAddr>().is_ok();
    let is_name = text.rsplit_once(':').is_some_and(|(host, port)| {
        let host_is_name = host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'));
        !host.is_empty() && host_is_name && port.parse::<u16>().is_ok()
    });
    if is_address || is_name {
        Ok(Listen::Address(text.to_owned()))
    } else {
        Err("HOST:PORT with a port from 0 to 65535, such as 127.0.0.1:3145 or [::1]:3145, or off".to_owned())
    }
}

fn read_size(text: &str, min: u64, max: u64) -> Result<u64, String> {
    let bytes = size::parse(text).map_err(|error| error.to_string())?;
    if (min..=max).contains(&bytes) {
        return Ok(bytes);
    }
    Err(if bytes < min {
        format!("at least {min} bytes")
    } else {
        format!("at most {} ({max} bytes)", size::Size(max))
    })
}

fn read_count(text: &str, min: usize, max: usize) -> Result<usize, String> {
    let count = text.trim().parse().ok().filter(|count| (min..=max).contains(count));
    count.ok_or_else(|| format!("a whole number from {min} to {max}"))
}

fn read_time(text: &str) -> Result<Option<std::time::Duration>, String> {
    duration::parse(text).map_err(str::to_owned)
}

fn read_policy(text: &str) -> Result<PolicyChoice, String> {
    text.parse().map_err(|error: larder_engine::PolicyNameError| error.to_string())
}

fn read_policies(texts: &[&str]) -> Result<Vec<PolicyName>, Refusal> {
    let mut policies = Vec::new();
    for (piece, text) in texts.iter().enumerate() {
        let refuse = |allowed: String| Refusal { piece, allowed };
        if *text == "auto" {
            return Err(refuse("policies that evict; auto is a value of `policy`".to_owned()));
        }
        let policy = text.parse::<PolicyName>().map_err(|error| refuse(error.to_string()))?;
        if policies.contains(&policy) {
            return Err(refuse(format!("each policy once, and {policy} is there already")));
        }
        policies.push(policy);
    }
    if policies.is_empty() {
        return Err(Refusal { piece: 0, allowed: "at least one policy".to_owned() });
    }
    Ok(policies)
}

fn read_tokens(texts: &[&str]) -> Result<Vec<Token>, Refusal> {
    let tokens = texts.iter().enumerate().map(|(piece, text)| {
        Token::new(*text).ok_or_else(|| Refusal { piece, allowed: "a token of at least one byte".to_owned() })
    });
    tokens.collect()
}

fn read_path(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() { Err("a file".to_owned()) } else { Ok(text.into()) }
}

fn set_tls(config: &mut Config, certificate: Option<PathBuf>, key: Option<PathBuf>) {
    let (old_certificate, old_key) = config.rest.tls.take().unwrap_or_default();
    config.rest.tls = Some((certificate.unwrap_or(old_certificate), key.unwrap_or(old_key)));
}

fn show_path(path: Option<&PathBuf>) -> Value {
    path.map_or(Value::String(String::new()), |path| path.display().to_string().into())
}

fn read_list<T>(texts: &[&str], read: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, Refusal> {
    let read = |(piece, text): (usize, &&str)| read(text).map_err(|allowed| Refusal { piece, allowed });
    texts.iter().enumerate().map(read).collect()
}

fn read_tenants(texts: &[&str]) -> Result<Vec<TenantConfig>, Refusal> {
    let tenants = read_list(texts, TenantConfig::read)?;
    for (piece, tenant) in tenants.iter().enumerate() {
        if tenants[..piece].iter().any(|other| other.name == tenant.name) {
            return Err(Refusal {
                piece,
                allowed: format!("each tenant once, and {} is there already", tenant.name),
            });
        }
    }
    Ok(tenants)
}

fn saturate(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
