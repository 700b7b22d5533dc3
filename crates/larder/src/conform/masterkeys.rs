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
        claims: |row| {
            row.has("master_key_hex") && !row.has("ciphertext_hex") && row.path().contains("reject")
        },
        check: refuse_hex,
    },
    Group {
        title: "raw master key refusal",
        claims: |row| row.has("raw_key_hex") && row.path().contains("reject"),
        check: refuse_raw,
    },
    Group {
        title: "derived key",
        claims: |row| {
            row.has("master_key_hex")
                && !row.has("ciphertext_hex")
                && (row.has("derived_key_fingerprint_hex") || row.has("derived_key_hex"))
        },
        check: derived,
    },
];

fn keyring(row: &Row<'_>) -> Checked {
    let current = row.text("current_master_key_hex")?;
    let previous: Option<Vec<_>> =
        row.array("decrypt_only_master_keys_hex")?.iter().map(Json::as_str).collect();
    let Some(previous) = previous else {
        return Err(malformed("decrypt_only_master_keys_hex", "an array of text", "something else"));
    };
    match (row.text("verdict")?, Keyring::from_hex(current, &previous.join(","))) {
        ("accept", Ok(_)) => Ok(Verdict::Pass),
        ("accept", Err(error)) => Err(Verdict::fail("a keyring", error.to_string())),
        ("reject", Ok(_)) => Err(Verdict::fail("a refusal", "a keyring")),
        ("reject", Err(error)) => {
            let found = match &error {
                KeyringError::TooMany { .. } => "count",
                KeyringError::CurrentAgain { .. } => "current key again",
                KeyringError::Current(source) | KeyringError::Previous { source, .. } => key_kind(source),
            };
            Verdict::equal("refusal:", row.refusal(KINDS)?, found)
        }
        (other, _) => Err(Verdict::skip(format!("the verdict {other:?} is not known"))),
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

/// Where the vector says why, the refusal must be of that kind.
fn compare_kind(row: &Row<'_>, error: &MasterKeyError) -> Checked {
    if !["error", "reason", "rejected_by"].into_iter().any(|field| row.has(field)) {
        return Ok(Verdict::Pass);
    }
    Verdict::equal("refusal:", row.refusal(KINDS)?, key_kind(error))
}

const ANY_KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn refuse_hex(row: &Row<'_>) -> Checked {
    let text = row.text("master_key_hex")?;
    match MasterKey::from_hex(text) {
        Ok(_) => return Err(Verdict::fail("a refusal", "a master key")),
        Err(error) => compare_kind(row, &error)?,
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
    match MasterKey::from_bytes(&row.hex("raw_key_hex")?) {
        Err(error) => compare_kind(row, &error),
        Ok(_) => Err(Verdict::fail("a refusal", "a master key")),
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
