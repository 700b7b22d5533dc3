//! The settings of the listeners: where each protocol is spoken, and what is particular to one.

use std::path::PathBuf;

use larder_wire::paper::Booleans;
use serde_json::Value;

use super::{
    Arity, Refusal, Setting,
    values::{choose, name_of, one, read_list, read_time},
};
use crate::config::{ApiKey, Config, Listen, TenantConfig, Validate, duration};

pub(super) const ROWS: &[Setting] = &[
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
        read: |config, texts| read_keys(texts).map(|value| config.rest.keys = value),
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
];

const BOOLEANS: [(&str, Booleans); 2] = [("clients", Booleans::Clients), ("published", Booleans::Published)];

const VALIDATE: [(&str, Validate); 2] = [("json", Validate::Json), ("none", Validate::None)];

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

/// A key that stood for two tenants would be whose the reader of the list does not expect.
fn read_keys(texts: &[&str]) -> Result<Vec<ApiKey>, Refusal> {
    let keys = read_list(texts, ApiKey::read)?;
    for (piece, key) in keys.iter().enumerate() {
        if let Some(first) = keys[..piece].iter().find(|first| first.digest == key.digest) {
            let allowed = format!("each key once, and this one is of the tenant {} already", first.tenant);
            return Err(Refusal { piece, allowed });
        }
    }
    Ok(keys)
}
