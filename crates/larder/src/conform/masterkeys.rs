//! What a master key may look like, which keys make a keyring, and what is derived from them.

use larder_cachekit::crypto::{DerivedKey, Domain, Keyring, KeyringError, MasterKey, MasterKeyError};
use serde_json::Value as Json;

use super::row::malformed;
use super::{Checked, Group, Row, Verdict};

pub(super) const GROUPS: &[Group] = &[
    Group {
        title: "keyring",
        claims: |row| row.has_all(&["current_master_key_hex", "decrypt_only_master_keys_hex"]),
        check: keyring,
    },
    Group {
        title: "master key refusal",
        claims: |row| is_key(row) && row.verdict() == Some(false),
        check: refuse_hex,
    },
    Group {
        title: "raw master key refusal",
        claims: |row| row.has("raw_key_hex") && row.verdict() == Some(false),
        check: refuse_raw,
    },
    Group {
        title: "raw master key",
        claims: |row| row.has("raw_key_hex") && row.verdict() == Some(true),
        check: accept_raw,
    },
    Group {
        title: "derived key",
        claims: |row| is_key(row) && (row.has("derived_key_fingerprint_hex") || row.has("derived_key_hex")),
        check: derived,
    },
    Group {
        title: "master key",
        claims: |row| is_key(row) && row.verdict() == Some(true),
        check: |row| master_key(row.text("master_key_hex")?).map(|_| Verdict::Pass),
    },
];

fn is_key(row: &Row<'_>) -> bool {
    row.has("master_key_hex") && !row.has("ciphertext_hex")
}

fn keyring(row: &Row<'_>) -> Checked {
    let current = row.text("current_master_key_hex")?;
    let previous: Option<Vec<_>> =
        row.array("decrypt_only_master_keys_hex")?.iter().map(Json::as_str).collect();
    let Some(previous) = previous else {
        return Err(malformed("decrypt_only_master_keys_hex", "an array of text", "something else"));
    };
    match (row.verdict(), Keyring::from_hex(current, &previous.join(","))) {
        (Some(true), Ok(_)) => Ok(Verdict::Pass),
        (Some(true), Err(error)) => Err(Verdict::fail("a keyring", error.to_string())),
        (Some(false), Ok(_)) => Err(Verdict::fail("a refusal", "a keyring")),
        (Some(false), Err(error)) => {
            let found = match &error {
                KeyringError::TooMany { .. } => "count",
                KeyringError::CurrentAgain { .. } => "current key again",
                KeyringError::Current(source) | KeyringError::Previous { source, .. } => key_kind(source),
            };
            compare_kind(row, found, &keyring_faults(current, &previous))
        }
        (None, _) => Err(Verdict::skip("the vector does not say whether to accept or to reject the keys")),
    }
}

/// What the words of a vector mean; the first that occur decide.
const KINDS: &[(&str, &str)] = &[
    ("four", "count"),
    ("too many", "count"),
    ("at most", "count"),
    ("current key", "current key again"),
    ("again", "current key again"),
    ("duplicate", "current key again"),
    ("not hex", "not hex"),
    ("odd", "not hex"),
    ("short", "length"),
    ("long", "length"),
    ("length", "length"),
    ("bytes", "length"),
    ("hex", "not hex"),
];

const fn key_kind(error: &MasterKeyError) -> &'static str {
    match error {
        MasterKeyError::NotHex { .. } | MasterKeyError::OddLength { .. } => "not hex",
        _ => "length",
    }
}

fn compare(expected: &[&str], found: &str) -> Checked {
    if expected.is_empty() {
        return Err(Verdict::skip("the vector does not say why it is to be refused, and no rule does"));
    }
    if expected.contains(&found) {
        return Ok(Verdict::Pass);
    }
    Err(Verdict::fail(format!("a refusal because of {}", expected.join(" or ")), found))
}

/// The refusal must be of the kind that the vector says or, where it says none, that the rules give for such a text.
fn compare_kind(row: &Row<'_>, found: &str, faults: &[&str]) -> Checked {
    match row.said(KINDS)? {
        Some(kind) => compare(&[kind], found),
        None if row.says_why() => Err(row.unknown_reason()?),
        None => compare(faults, found),
    }
}

/// What the rules have against such a text: it is hexadecimal, of whole bytes, 32 of them.
fn hex_faults(text: &str) -> Vec<&'static str> {
    let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let faults = [(!is_hex || text.len() % 2 == 1, "not hex"), (is_hex && text.len() != 64, "length")];
    faults.into_iter().filter(|(is_so, _)| *is_so).map(|(_, fault)| fault).collect()
}

/// What the rules have against such keys together.
fn keyring_faults(current: &str, previous: &[&str]) -> Vec<&'static str> {
    let mut faults: Vec<_> = previous.iter().chain([&current]).flat_map(|text| hex_faults(text)).collect();
    if previous.len() > 3 {
        faults.push("count");
    }
    if previous.iter().any(|text| text.eq_ignore_ascii_case(current)) {
        faults.push("current key again");
    }
    faults
}

const ANY_KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn refuse_hex(row: &Row<'_>) -> Checked {
    let text = row.text("master_key_hex")?;
    match MasterKey::from_hex(text) {
        Ok(_) => return Err(Verdict::fail("a refusal", "a master key")),
        Err(error) => compare_kind(row, key_kind(&error), &hex_faults(text))?,
    };
    if text.trim().is_empty() {
        // As previous keys, nothing means none.
        return Ok(Verdict::Pass);
    }
    match Keyring::from_hex(ANY_KEY, text) {
        Err(KeyringError::Previous { .. }) => Ok(Verdict::Pass),
        other => Err(Verdict::fail("a refusal as a previous key too", format!("{other:?}"))),
    }
}

fn refuse_raw(row: &Row<'_>) -> Checked {
    let raw = row.hex("raw_key_hex")?;
    let faults: &[&str] = if raw.len() == 32 { &[] } else { &["length"] };
    match MasterKey::from_bytes(&raw) {
        Err(error) => compare_kind(row, key_kind(&error), faults),
        Ok(_) => Err(Verdict::fail("a refusal", "a master key")),
    }
}

fn accept_raw(row: &Row<'_>) -> Checked {
    match MasterKey::from_bytes(&row.hex("raw_key_hex")?) {
        Ok(_) => Ok(Verdict::Pass),
        Err(error) => Err(Verdict::fail("a master key", error.to_string())),
    }
}

fn derived(row: &Row<'_>) -> Checked {
    let master = master_key(row.text("master_key_hex")?)?;
    if let Some(field) = ["plaintext_hex", "aad_hex", "nonce_hex"].into_iter().find(|field| row.has(field)) {
        return Err(Verdict::skip(format!("the vector has {field} but no ciphertext_hex")));
    }
    let name = row.optional_text("domain")?.unwrap_or(Domain::Encryption.name());
    let Some(domain) = Domain::ALL.into_iter().find(|domain| domain.name() == name) else {
        return Err(Verdict::skip(format!("the domain {name} is not known")));
    };
    let key = DerivedKey::new(&master, domain, row.shared_text("tenant_id")?)
        .map_err(|error| Verdict::fail("a derived key", error.to_string()))?;
    if row.has("derived_key_hex") {
        Verdict::equal("key", row.hex_text("derived_key_hex")?, hex::encode(key.expose()))?;
    }
    if row.has("derived_key_fingerprint_hex") {
        let expected = row.hex_text("derived_key_fingerprint_hex")?;
        Verdict::equal("fingerprint", expected, key.fingerprint().to_string())?;
    }
    Ok(Verdict::Pass)
}

pub(super) fn master_key(text: &str) -> Result<MasterKey, Verdict> {
    MasterKey::from_hex(text).map_err(|error| Verdict::fail("a master key", error.to_string()))
}
