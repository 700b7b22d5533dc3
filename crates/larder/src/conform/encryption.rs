//! Additional data and ciphertexts: those that must come out byte for byte, those that must not decrypt, and those
//! that decrypt to a container which their reader must refuse.

use larder_cachekit::crypto::{
    Aad, AadError, DerivedKey, Domain, Fingerprint, Keyring, MasterKey, NONCE_BYTES, TenantKeyring,
};
use larder_cachekit::{container, envelope, msgpack};
use serde::de::IgnoredAny;
use serde_json::Value as Json;

use super::envelope::brief;
use super::masterkeys::master_key;
use super::{Checked, Group, Row, Verdict};

pub(super) const GROUPS: &[Group] = &[
    Group {
        title: "decrypted container",
        claims: |row| row.has_all(&["ciphertext_hex", "reader", "outcome"]),
        check: decrypted_container,
    },
    Group {
        title: "ciphertext",
        claims: |row| row.has_all(&["ciphertext_hex", "plaintext_hex"]),
        check: ciphertext,
    },
    Group {
        title: "ciphertext refusal",
        claims: |row| row.has_all(&["ciphertext_hex", "aad_hex"]),
        check: refuse,
    },
    Group {
        title: "additional data",
        claims: |row| row.has_all(&["aad_hex", "cache_key"]),
        check: aad_alone,
    },
    Group {
        title: "additional data refusal",
        claims: |row| row.has_all(&["aad_hex", "error"]),
        check: refuse_aad,
    },
];

fn aad_alone(row: &Row<'_>) -> Checked {
    match ["plaintext_hex", "nonce_hex"].into_iter().find(|field| row.has(field)) {
        Some(field) => Err(Verdict::skip(format!("the vector has {field} but no ciphertext_hex"))),
        None => aad(row),
    }
}

fn aad(row: &Row<'_>) -> Checked {
    let tenant = row.shared_text("tenant_id")?;
    let aad = aad_of(row, tenant)?;
    let bytes = row.hex("aad_hex")?;
    Verdict::equal("additional data", hex::encode(&bytes), hex::encode(aad.to_bytes().unwrap_or_default()))?;
    if row.has("v1_aad_hex_for_comparison") {
        let plain = Aad { compressed: false, ..aad }.to_bytes().unwrap_or_default();
        let expected = row.hex_text("v1_aad_hex_for_comparison")?;
        Verdict::equal("additional data of interop/v1", expected, hex::encode(plain))?;
    }
    match Aad::parse(&bytes) {
        Ok(parsed) if parsed == aad => Ok(Verdict::Pass),
        other => Err(Verdict::fail(format!("{aad:?}"), format!("{other:?}"))),
    }
}

fn refuse_aad(row: &Row<'_>) -> Checked {
    match Aad::parse(&row.hex("aad_hex")?) {
        Err(error) => {
            let (expected, found) = (row.refusal(AAD_KINDS)?, aad_kind(&error));
            if expected == "any" { Ok(Verdict::Pass) } else { Verdict::equal("refusal:", expected, found) }
        }
        Ok(found) => Err(Verdict::fail(format!("a refusal: {}", row.text("error")?), format!("{found:?}"))),
    }
}

/// What the words of a vector mean; the first that occur decide.
const AAD_KINDS: &[(&str, &str)] = &[
    ("not additional data", "any"),
    ("version", "version"),
    ("truncat", "truncated"),
    ("parts", "parts"),
    ("components", "parts"),
    ("utf-8", "not UTF-8"),
    ("compressed", "compressed"),
];

const fn aad_kind(error: &AadError) -> &'static str {
    match error {
        AadError::Version { .. } => "version",
        AadError::Truncated { .. } => "truncated",
        AadError::Parts { .. } => "parts",
        AadError::NotUtf8 { .. } => "not UTF-8",
        AadError::Compressed { .. } => "compressed",
        AadError::TooLong { .. } => "length",
    }
}

fn ciphertext(row: &Row<'_>) -> Checked {
    let (keyring, tenant) = keyring(row)?;
    row.need("aad_hex")?;
    aad(row)?;
    let aad = aad_of(row, tenant)?;
    let (entry, plaintext) = (row.hex("ciphertext_hex")?, row.hex("plaintext_hex")?);
    opens_to(keyring.open(&aad, &entry), &plaintext)?;
    let Some(nonce) = entry.first_chunk::<NONCE_BYTES>() else {
        return Err(Verdict::fail("a ciphertext with a nonce", brief(&entry)));
    };
    if row.has("nonce_hex") {
        Verdict::equal("nonce", row.hex_text("nonce_hex")?, hex::encode(nonce))?;
    }
    let sealed = keyring
        .seal(&aad, &plaintext, *nonce)
        .map_err(|error| Verdict::fail("a ciphertext", error.to_string()))?;
    Verdict::equal("ciphertext", hex::encode(&entry), hex::encode(sealed))?;
    let other = Aad { cache_key: "another:key", ..aad };
    if keyring.open(&other, &entry).is_ok() {
        return Err(Verdict::fail("a refusal under another cache key", "a plaintext"));
    }
    rotated(row, tenant, &aad, &entry, &plaintext)
}

/// The same entry read after a rotation: its key is a previous one, found by trial and by fingerprint.
fn rotated(row: &Row<'_>, tenant: &str, aad: &Aad<'_>, entry: &[u8], plaintext: &[u8]) -> Checked {
    let old = master_of(row)?;
    let fingerprint = DerivedKey::new(&old, Domain::Encryption, tenant).map(|key| key.fingerprint());
    let fingerprint = fingerprint.map_err(|error| Verdict::fail("a derived key", error.to_string()))?;
    let new = MasterKey::from_bytes(&[0x5a; 32])
        .map_err(|error| Verdict::fail("a master key", error.to_string()))?;
    let keyring =
        Keyring::new(new, vec![old]).map_err(|error| Verdict::fail("a keyring", error.to_string()))?;
    let keyring = keyring.for_tenant(tenant).map_err(|error| Verdict::fail("a tenant", error.to_string()))?;
    opens_to(keyring.open(aad, entry), plaintext)?;
    opens_to(keyring.open_identified(&fingerprint, aad, entry), plaintext)?;
    match keyring.open_identified(&Fingerprint([0; 16]), aad, entry) {
        Err(_) => Ok(Verdict::Pass),
        Ok(_) => Err(Verdict::fail("a refusal of an unknown fingerprint", "a plaintext")),
    }
}

fn refuse(row: &Row<'_>) -> Checked {
    if !row.has("sealed_as") && !row.says_why() && row.verdict() != Some(false) {
        return Err(Verdict::skip(
            "the vector has no plaintext_hex and does not say that it is to be refused",
        ));
    }
    if row.says_why() && row.said(CIPHERTEXT_WORDS)?.is_none() {
        return Err(row.unknown_reason()?);
    }
    let (keyring, _) = keyring(row)?;
    let (entry, presented) = (row.hex("ciphertext_hex")?, row.hex("aad_hex")?);
    let presented =
        Aad::parse(&presented).map_err(|error| Verdict::fail("additional data", error.to_string()))?;
    if row.has("cache_key") {
        aad(row)?;
    }
    if let Some(sealed_as) = row.optional_text("sealed_as")? {
        opens_as_sealed(row, sealed_as)?;
    }
    match keyring.open(&presented, &entry) {
        Err(_) => Ok(Verdict::Pass),
        Ok(plaintext) => Err(Verdict::fail("a failure to decrypt", brief(&plaintext))),
    }
}

/// All refusals of a ciphertext look alike, so any of these words asks for the one there is.
const CIPHERTEXT_WORDS: &[(&str, &str)] = &[
    ("authentication", "any"),
    ("decrypt", "any"),
    ("aad", "any"),
    ("additional data", "any"),
    ("tag", "any"),
    ("key", "any"),
    ("tenant", "any"),
    ("nonce", "any"),
    ("alter", "any"),
    ("tamper", "any"),
    ("bit", "any"),
    ("flip", "any"),
    ("cut", "any"),
    ("truncat", "any"),
    ("short", "any"),
    ("bytes", "any"),
    ("swap", "any"),
    ("another", "any"),
    ("cross-mode", "any"),
];

/// A refusal proves nothing if the entry never decrypts: it must under the vector it was sealed as.
fn opens_as_sealed(row: &Row<'_>, name: &str) -> Checked {
    let Some(sealed) = row.sibling(name) else {
        return Err(Verdict::skip(format!(
            "the vector {name}, under which it was sealed, is not in the file"
        )));
    };
    Verdict::equal("ciphertext", sealed.text("ciphertext_hex")?, row.text("ciphertext_hex")?)?;
    ciphertext(&sealed)
}

fn decrypted_container(row: &Row<'_>) -> Checked {
    let (keyring, tenant) = keyring(row)?;
    aad(row)?;
    let entry = row.hex("ciphertext_hex")?;
    let plaintext = keyring.open(&aad_of(row, tenant)?, &entry);
    let plaintext = plaintext.map_err(|error| Verdict::fail("a plaintext", error.to_string()))?;
    if row.has("plaintext_hex") {
        Verdict::equal("plaintext", row.hex_text("plaintext_hex")?, hex::encode(&plaintext))?;
    }
    if row.has("nonce_hex") {
        let nonce = entry.get(..NONCE_BYTES).unwrap_or_default();
        Verdict::equal("nonce", row.hex_text("nonce_hex")?, hex::encode(nonce))?;
    }
    match row.text("outcome")? {
        "error" => match read_as(row, &plaintext)? {
            Err(_) => Ok(Verdict::Pass),
            Ok(_) => Err(Verdict::fail("a refusal by its reader", brief(&plaintext))),
        },
        "not_unwrapped" => not_unwrapped(row, &plaintext),
        other => Err(Verdict::skip(format!("the outcome {other:?} is not known"))),
    }
}

/// What the reader that the vector names makes of a plaintext: the document that it returns the value of.
fn read_as(row: &Row<'_>, plaintext: &[u8]) -> Result<Result<Vec<u8>, String>, Verdict> {
    Ok(match row.text("reader")? {
        "interop" | "plain_msgpack" => msgpack::from_slice::<IgnoredAny>(plaintext)
            .map(|_| plaintext.to_vec())
            .map_err(|error| error.to_string()),
        "bytestorage_envelope" => {
            envelope::retrieve(plaintext).map(|found| found.payload).map_err(|error| error.to_string())
        }
        "interop_v2" => container::retrieve(plaintext).map_err(|error| error.to_string()),
        "arrow_checksummed" | "orjson_checksummed" => checksummed(plaintext),
        other => return Err(Verdict::skip(format!("Larder has no reader {other}"))),
    })
}

/// The plaintext is another container; its reader must not give what is inside that one.
fn not_unwrapped(row: &Row<'_>, plaintext: &[u8]) -> Checked {
    let inner = envelope::retrieve(plaintext).map(|found| found.payload).ok();
    let Some(inner) = inner.or_else(|| container::retrieve(plaintext).ok()) else {
        return Err(Verdict::skip("the plaintext is no container that Larder knows"));
    };
    match read_as(row, plaintext)? {
        Ok(document) if document == inner => {
            Err(Verdict::fail("a reader that does not unwrap another container", brief(&document)))
        }
        _ => Ok(Verdict::Pass),
    }
}

fn checksummed(plaintext: &[u8]) -> Result<Vec<u8>, String> {
    match plaintext.split_first_chunk::<8>() {
        Some((checksum, payload)) if envelope::checksum(payload) == *checksum => Ok(payload.to_vec()),
        _ => Err("no checksum in front".to_owned()),
    }
}

fn aad_of<'a>(row: &Row<'a>, tenant: &'a str) -> Result<Aad<'a>, Verdict> {
    let original_type = row.has("original_type").then(|| row.text("original_type")).transpose()?;
    let (cache_key, format) = (row.text("cache_key")?, row.text("format")?);
    Ok(Aad { tenant, cache_key, format, compressed: row.boolean("compressed")?, original_type })
}

/// The master key of a row: its own, the one whose id it names, or the file's.
fn master_of(row: &Row<'_>) -> Result<MasterKey, Verdict> {
    let Some(id) = row.optional_text("encrypted_with")? else {
        return master_key(row.shared_text("master_key_hex")?);
    };
    let entries = row.shared("entries").and_then(Json::as_array);
    let entry = entries
        .and_then(|entries| entries.iter().find(|entry| entry.get("id").and_then(Json::as_str) == Some(id)));
    match entry.and_then(|entry| entry.get("master_key_hex")).and_then(Json::as_str) {
        Some(text) => master_key(text),
        None => Err(Verdict::skip(format!("the file has no master key {id}"))),
    }
}

fn keyring<'a>(row: &Row<'a>) -> Result<(TenantKeyring, &'a str), Verdict> {
    let tenant = row.shared_text("tenant_id")?;
    let keyring = Keyring::new(master_of(row)?, Vec::new());
    let keyring = keyring.map_err(|error| Verdict::fail("a keyring", error.to_string()))?;
    let keyring = keyring.for_tenant(tenant).map_err(|error| Verdict::fail("a tenant", error.to_string()))?;
    let found = keyring.fingerprints().next().map(|fingerprint| fingerprint.to_string()).unwrap_or_default();
    let own = ["key_fingerprint_hex", "derived_key_fingerprint_hex"].into_iter().find(|field| row.has(field));
    if let Some(field) = own {
        Verdict::equal("fingerprint", row.hex_text(field)?, found)?;
    } else if !row.has("master_key_hex")
        && !row.has("encrypted_with")
        && row.shared("derived_key_fingerprint_hex").is_some()
    {
        Verdict::equal("fingerprint", row.shared_text("derived_key_fingerprint_hex")?.to_lowercase(), found)?;
    }
    Ok((keyring, tenant))
}

fn opens_to<E: std::fmt::Display>(opened: Result<Vec<u8>, E>, plaintext: &[u8]) -> Checked {
    match opened {
        Ok(found) if found == plaintext => Ok(Verdict::Pass),
        Ok(found) => Err(Verdict::fail(brief(plaintext), brief(&found))),
        Err(error) => Err(Verdict::fail(brief(plaintext), error.to_string())),
    }
}
