//! Who may use the REST API and how much: API keys, each of a tenant, and what tenants are held to. Both are texts on the command line
//! and in variables, and tables in a file: `[[api_key]]` with `key`, `file` or `sha256`, and `tenant`; `[[tenant]]` with `name`,
//! `max_size` and `requests_per_second`.

use std::{fmt, path::Path};

use aws_lc_rs::digest;
use toml::de::{DeTable, DeValue};

use super::size;

/// The tenant whose entries the other protocols see as well.
pub const DEFAULT_TENANT: &str = "default";

/// What the keys of each class begin with.
pub(crate) const KEY_PREFIXES: [&str; 4] = ["ck_live_", "ck_test_", "ck_sdk_", "ck_api_"];

/// The shortest key that is taken, in bytes: what is shorter can be guessed.
pub(crate) const API_KEY_BYTES_MIN: usize = 16;

/// The longest key in bytes.
pub(crate) const API_KEY_BYTES_MAX: usize = 512;

/// An API key: only what is needed to know it again.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// SHA-256 of the key.
    pub(crate) digest: [u8; 32],
    /// Whom it belongs to.
    pub(crate) tenant: String,
}

impl ApiKey {
    /// The tenant that the key belongs to.
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// Reads `KEY=TENANT`; in place of the key there may be `sha256:` and its digest in hexadecimal, or `file:` and a path.
    pub(super) fn read(text: &str) -> Result<ApiKey, String> {
        let form = "KEY=TENANT, sha256:HEX=TENANT or file:PATH=TENANT";
        // A key may end with this sign, a tenant has none.
        let (key, tenant) = text.rsplit_once('=').ok_or_else(|| form.to_owned())?;
        let tenant = read_tenant_name(tenant)?;
        let digest = if let Some(hex) = key.strip_prefix("sha256:") {
            read_hex(hex).ok_or_else(|| format!("{form}, with 64 hexadecimal digits"))?
        } else if let Some(path) = key.strip_prefix("file:") {
            let text = std::fs::read_to_string(Path::new(path))
                .map_err(|error| format!("{form}, with a file that can be read ({error})"))?;
            digest_of(check_key(text.trim_ascii())?.as_bytes())
        } else {
            digest_of(check_key(key)?.as_bytes())
        };
        Ok(ApiKey { digest, tenant })
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "***={}", self.tenant)
    }
}

/// SHA-256.
pub(crate) fn digest_of(bytes: &[u8]) -> [u8; 32] {
    let mut digest = [0; 32];
    digest.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    digest
}

/// Whether a text can be an API key: of a known class, and of the characters that a bearer token may have.
pub(crate) fn is_key(key: &[u8]) -> bool {
    let body = key.trim_ascii_end();
    let unpadded = body.iter().rposition(|byte| *byte != b'=').map_or(&[][..], |end| &body[..=end]);
    let is_token = unpadded
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/'));
    let has_class =
        KEY_PREFIXES.iter().any(|prefix| key.len() > prefix.len() && key.starts_with(prefix.as_bytes()));
    is_token && has_class && body.len() == key.len() && key.len() <= API_KEY_BYTES_MAX
}

fn check_key(key: &str) -> Result<&str, String> {
    if !is_key(key.as_bytes()) {
        let classes = KEY_PREFIXES.join(", ");
        return Err(format!(
            "a key that begins with {classes} and goes on with letters, digits, or - . _ ~ + /"
        ));
    }
    if key.len() < API_KEY_BYTES_MIN {
        return Err(format!(
            "a key of at least {API_KEY_BYTES_MIN} characters, because a shorter one can be guessed"
        ));
    }
    Ok(key)
}

fn read_hex(text: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    let digits = text.as_bytes();
    if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    for (byte, pair) in digest.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(digest)
}

fn read_tenant_name(name: &str) -> Result<String, String> {
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if is_name && (1..=64).contains(&name.len()) {
        Ok(name.to_owned())
    } else {
        Err("a tenant's name: 1 to 64 letters, digits, _ or -".to_owned())
    }
}

/// What a tenant is held to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantConfig {
    /// Its name.
    pub name: String,
    /// The most that its entries may take, in bytes, out of the `max_size` of all; `None` is an even share of what is left.
    pub max_size: Option<u64>,
    /// How many requests it may make to the REST API in a second; `None` is as many as it likes.
    pub requests_per_second: Option<u32>,
}

impl TenantConfig {
    /// Reads `NAME`, and behind commas `max_size=SIZE` and `requests_per_second=N`.
    pub(super) fn read(text: &str) -> Result<TenantConfig, String> {
        let mut parts = text.split(',').map(str::trim);
        let name = read_tenant_name(parts.next().unwrap_or_default())?;
        let mut tenant = TenantConfig { name, max_size: None, requests_per_second: None };
        for part in parts {
            match part.split_once('=') {
                Some(("max_size", text)) => {
                    let bytes = size::parse(text).map_err(|error| error.to_string())?;
                    tenant.max_size =
                        Some(Some(bytes).filter(|bytes| *bytes > 0).ok_or("a size above zero")?);
                }
                Some(("requests_per_second", text)) => {
                    let rate = text.parse().ok().filter(|rate| (1..=1_000_000).contains(rate));
                    tenant.requests_per_second =
                        Some(rate.ok_or("a rate from 1 to 1000000 requests a second")?);
                }
                _ => return Err("NAME[,max_size=SIZE][,requests_per_second=N]".to_owned()),
            }
        }
        Ok(tenant)
    }

    pub(super) fn show(&self) -> String {
        let max_size = self.max_size.map(|bytes| format!(",max_size={}", size::Size(bytes)));
        let rate = self.requests_per_second.map(|rate| format!(",requests_per_second={rate}"));
        format!("{}{}{}", self.name, max_size.unwrap_or_default(), rate.unwrap_or_default())
    }
}

/// The text that a table stands for, in a list of the setting `key`.
pub(super) fn text_of(
    key: &str,
    table: &DeTable<'_>,
    scalar: impl Fn(&DeValue<'_>) -> Option<String>,
) -> Result<String, String> {
    let field = |name: &str| table.get(name).and_then(|value| scalar(value.get_ref()));
    let only = |names: &[&str]| table.keys().all(|name| names.contains(&name.get_ref().as_ref()));
    match key {
        "api_key" if only(&["key", "file", "sha256", "tenant"]) => {
            let tenant = field("tenant").unwrap_or_else(|| DEFAULT_TENANT.to_owned());
            match (field("key"), field("file"), field("sha256")) {
                (Some(key), None, None) => Ok(format!("{key}={tenant}")),
                (None, Some(path), None) => Ok(format!("file:{path}={tenant}")),
                (None, None, Some(digest)) => Ok(format!("sha256:{digest}={tenant}")),
                _ => Err("exactly one of key, file and sha256, and tenant".to_owned()),
            }
        }
        "api_key" => Err("key, file or sha256, and tenant".to_owned()),
        "tenant" if only(&["name", "max_size", "requests_per_second"]) => {
            let name = field("name").ok_or("a table with a name")?;
            let further =
                ["max_size", "requests_per_second"].iter().filter(|name| table.contains_key(**name));
            let parts = further.map(|name| format!(",{name}={}", field(name).unwrap_or_default()));
            Ok(parts.fold(name, |text, part| text + &part))
        }
        "tenant" => Err("name, max_size, requests_per_second".to_owned()),
        _ => Err("a list of texts".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_by_its_text_its_digest_or_its_file() {
        let by_text = ApiKey::read("ck_live_abc_0123456789==team-1").unwrap();
        assert_eq!((by_text.tenant(), by_text.digest), ("team-1", digest_of(b"ck_live_abc_0123456789=")));
        let hex: String = by_text.digest.iter().map(|byte| format!("{byte:02X}")).collect();
        assert_eq!(ApiKey::read(&format!("sha256:{hex}=team-1")).unwrap(), by_text);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "ck_live_abc_0123456789=\n").unwrap();
        assert_eq!(ApiKey::read(&format!("file:{}=team-1", file.path().display())).unwrap(), by_text);
        assert_eq!(format!("{by_text:?}"), "***=team-1");
        for bad in [
            "",
            "ck_live_abc_0123456789",
            "ck_live_=t",
            "ck_other_x=t",
            "ck_live_a b=t",
            "ck_live_a_0123456789\u{e9}=t",
            "ck_live_abc_0123456789=",
            "ck_live_abc_0123456789=a b",
            "sha256:00=t",
            "file:/no/such=t",
        ] {
            assert!(ApiKey::read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_that_can_be_guessed_is_refused_however_it_is_given() {
        let (short, long) = ("ck_live_1234567", "ck_live_12345678");
        let file = tempfile::NamedTempFile::new().unwrap();
        let by_file = format!("file:{}=t", file.path().display());
        for (key, is_taken) in [(short, false), (long, true), ("ck_live_1======", false)] {
            std::fs::write(file.path(), format!("  {key}\n")).unwrap();
            for text in [&format!("{key}=t"), &by_file] {
                let read = ApiKey::read(text).map(|_| ());
                let refused = read.clone().is_err_and(|allowed| allowed.contains("at least 16 characters"));
                assert!(if is_taken { read.is_ok() } else { refused }, "{text}: {read:?}");
            }
        }
    }

    #[test]
    fn a_tenant_is_read_as_it_is_shown() {
        for text in
            ["a", "a,max_size=64MiB", "team_2,max_size=1000,requests_per_second=7", "b,requests_per_second=1"]
        {
            assert_eq!(TenantConfig::read(text).unwrap().show(), text);
        }
        for bad in ["", "a b", "a,max_size=0", "a,max_size=lots", "a,requests_per_second=0", "a,more=1", "a,"]
        {
            assert!(TenantConfig::read(bad).is_err(), "{bad}");
        }
    }
}
