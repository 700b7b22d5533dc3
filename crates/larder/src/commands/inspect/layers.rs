//! The layers of an entry from the outside in. Each prints its lines and hands what it holds to the next.

use std::io::{self, Write};

use larder_cachekit::container::{self, Container, Method};
use larder_cachekit::crypto::{Aad, Fingerprint, NONCE_BYTES, SEALED_BYTES_MIN, TAG_BYTES, TenantKeyring};
use larder_cachekit::envelope::{Envelope, EnvelopeError};
use larder_cachekit::frame::{self, Frame};
use larder_cachekit::{Limits, msgpack};
use serde::de::IgnoredAny;
use serde_json::Value as Json;

use super::document;

const CACHE_FILE_VERSION: u8 = 1;
const CACHE_FILE_HEADER_BYTES: usize = 14;
/// A file around a frame around a ciphertext around an envelope is four; more is no entry of anybody's.
const LAYERS_MAX: usize = 8;
/// Headers of real frames have some hundred bytes; a parsed one takes many times the memory of its text.
const FRAME_HEADER_BYTES_MAX: usize = 64 << 10;

/// Who encrypted an entry.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum Writer {
    /// Any SDK in interop mode (v1), or the Rust SDK.
    Interop,
    /// The draft interop mode v2, or the TypeScript SDK with compression.
    V2,
    /// The Python SDK's default serializer with integrity checking.
    Python,
}

/// What the person knows about the entry.
pub(super) struct Context<'a> {
    pub(super) keyring: Option<TenantKeyring>,
    pub(super) key: Option<&'a str>,
    pub(super) tenant: &'a str,
    pub(super) writer: Writer,
    pub(super) brief: bool,
}

impl Context<'_> {
    fn keys(&self) -> Option<(&TenantKeyring, &str)> {
        self.keyring.as_ref().zip(self.key)
    }
}

/// Prints what the entry is; whether it is sound as far as it was read.
pub(super) fn describe(output: &mut dyn Write, context: &Context<'_>, entry: &[u8]) -> io::Result<bool> {
    line(output, "entry", format_args!("{} bytes", entry.len()))?;
    stored(output, context, entry, LAYERS_MAX)
}

/// What a backend stores. With keys it must decrypt, whatever its first bytes look like: they are a nonce.
fn stored(output: &mut dyn Write, context: &Context<'_>, bytes: &[u8], left: usize) -> io::Result<bool> {
    let Some((keyring, key)) = context.keys() else { return layer(output, context, bytes, left) };
    let opened = keyring.open(&aad(context, key), bytes);
    if opened.is_err() && bytes.starts_with(&frame::MAGIC) {
        return layer(output, context, bytes, left);
    }
    if opened.is_err() && is_plain(bytes) {
        line(output, "decrypts", "NO: this is no ciphertext, and a reader with these keys refuses it")?;
        layer(output, context, bytes, left)?;
        return Ok(false);
    }
    ciphertext(output, context, bytes, left, |_| opened)
}

/// Whether it is a document or container as it stands; a ciphertext is one by accident only.
fn is_plain(bytes: &[u8]) -> bool {
    msgpack::check(bytes, &Limits::PROTOCOL).is_ok() || container::retrieve(bytes).is_ok()
}

/// One layer and, while layers are left, what is inside it.
fn layer(output: &mut dyn Write, context: &Context<'_>, bytes: &[u8], left: usize) -> io::Result<bool> {
    let Some(left) = left.checked_sub(1) else {
        let text =
            format_args!("more than {LAYERS_MAX} layers; the {} bytes inside are not read", bytes.len());
        line(output, "nested", text)?;
        return Ok(false);
    };
    match bytes {
        [] => {
            line(output, "kind", "nothing: the entry is empty")?;
            Ok(false)
        }
        [b'C', b'K', CACHE_FILE_VERSION, ..] if bytes.len() >= CACHE_FILE_HEADER_BYTES => {
            cache_file(output, context, bytes, left)
        }
        [b'C', b'K', ..] => python_frame(output, context, bytes, left),
        [0xc1, ..] => v2_container(output, context, bytes),
        _ if msgpack::check(bytes, &Limits::PROTOCOL).is_err() => unknown(output, context, bytes),
        _ => match Envelope::parse(bytes, &Limits::PROTOCOL) {
            Ok(parsed) => byte_storage(output, context, &parsed),
            Err(error) => {
                line(output, "kind", "plain MessagePack document (an interop/v1 value is one)")?;
                if resembles_envelope(bytes) {
                    line(output, "envelope", error)?;
                }
                content(output, context, bytes)
            }
        },
    }
}

/// An array that begins with bytes as an envelope does, or a map with one of its fields.
fn resembles_envelope(bytes: &[u8]) -> bool {
    let begins_so = matches!(bytes, [0x93..=0x95, 0xc4..=0xc6 | 0x90..=0x9f | 0xdc | 0xdd, ..]);
    begins_so || bytes.get(2..17) == Some(b"compressed_data".as_slice())
}

fn byte_storage(output: &mut dyn Write, context: &Context<'_>, parsed: &Envelope<'_>) -> io::Result<bool> {
    line(output, "kind", "ByteStorage envelope")?;
    line(output, "format", format_args!("{:?}", parsed.format))?;
    sizes(output, parsed.compressed.len() as u64, parsed.original_size)?;
    let payload =
        parsed.decompress(&Limits::PROTOCOL).and_then(|payload| parsed.verify(&payload).map(|()| payload));
    match payload {
        Ok(payload) => {
            line(output, "checksum", format_args!("ok, {}", hex::encode(parsed.checksum)))?;
            inner(output, context, &payload)
        }
        Err(error @ EnvelopeError::Checksum { .. }) => {
            line(output, "checksum", format_args!("BAD: {error}"))?;
            Ok(false)
        }
        Err(error) => {
            line(output, "payload", format_args!("BAD: {error}"))?;
            Ok(false)
        }
    }
}

fn v2_container(output: &mut dyn Write, context: &Context<'_>, bytes: &[u8]) -> io::Result<bool> {
    line(output, "kind", "interop/v2 container (draft)")?;
    if let Ok(parsed) = Container::parse(bytes, &Limits::PROTOCOL) {
        let method = match parsed.method {
            Method::Stored => "0, stored",
            Method::Lz4 => "1, LZ4",
        };
        line(output, "method", method)?;
        sizes(output, parsed.payload.len() as u64, parsed.original_size)?;
    }
    match container::retrieve(bytes) {
        Ok(document) => match msgpack::check(&document, &Limits::PROTOCOL) {
            Ok(()) => content(output, context, &document),
            Err(error) => {
                line(output, "payload", format_args!("BAD: not a MessagePack document: {error}"))?;
                Ok(false)
            }
        },
        Err(error) if bytes.len() >= SEALED_BYTES_MIN && !bytes.starts_with(&container::MAGIC) => {
            line(output, "container", format_args!("no: {error}"))?;
            undecided(output, bytes)
        }
        Err(error) => {
            line(output, "container", format_args!("BAD: {error}"))?;
            Ok(false)
        }
    }
}

fn python_frame(
    output: &mut dyn Write,
    context: &Context<'_>,
    bytes: &[u8],
    left: usize,
) -> io::Result<bool> {
    line(output, "kind", "frame of the Python SDK's automatic mode; other SDKs refuse it")?;
    let declared =
        bytes.get(3..7).and_then(|length| length.first_chunk().copied()).map_or(0, u32::from_be_bytes);
    if declared as usize > FRAME_HEADER_BYTES_MAX && bytes.len() > FRAME_HEADER_BYTES_MAX {
        let text =
            format_args!("BAD: a header of {declared} bytes; up to {FRAME_HEADER_BYTES_MAX} are read here");
        line(output, "frame", text)?;
        return Ok(false);
    }
    let frame = match Frame::parse(bytes) {
        Ok(frame) => frame,
        Err(error) => {
            line(output, "frame", format_args!("BAD: {error}"))?;
            return undecided(output, bytes);
        }
    };
    line(output, "header", document::printable(&Json::Object(frame.header.clone()).to_string()))?;
    line(output, "payload", format_args!("{} bytes", frame.payload.len()))?;
    if !frame.claims_encryption() {
        let sound = layer(output, context, frame.payload, left)?;
        if context.keys().is_some() {
            line(output, "decrypts", "NO: the header says plain, which a reader with keys does not believe")?;
        }
        return Ok(sound && context.keys().is_none());
    }
    match context.keys() {
        Some((keyring, key)) => {
            let aad = frame.aad(context.tenant, key);
            let named = frame.metadata("key_fingerprint").and_then(Json::as_str).and_then(fingerprint);
            ciphertext(output, context, frame.payload, left, |entry| match &named {
                Some(named) => keyring.open_identified(named, &aad, entry),
                None => keyring.open(&aad, entry),
            })
        }
        None if frame.payload.len() < SEALED_BYTES_MIN => undecided(output, frame.payload),
        None => {
            line(output, "kind", "ciphertext, the header says; --master-key and --key decrypt it")?;
            nonce(output, frame.payload)?;
            Ok(true)
        }
    }
}

fn fingerprint(text: &str) -> Option<Fingerprint> {
    Some(Fingerprint(hex::decode(text).ok()?.try_into().ok()?))
}

fn cache_file(output: &mut dyn Write, context: &Context<'_>, bytes: &[u8], left: usize) -> io::Result<bool> {
    let (header, payload) = bytes.split_at(CACHE_FILE_HEADER_BYTES);
    if header.get(3..6) != Some(&[0; 3]) {
        line(output, "file header", "no: its reserved byte and flags must be 0")?;
        return undecided(output, bytes);
    }
    line(output, "kind", "file of a file backend")?;
    let expiry = header.last_chunk().copied().map_or(0, u64::from_be_bytes);
    match expiry {
        0 => line(output, "expiry", "never")?,
        seconds => line(output, "expiry", format_args!("{seconds} seconds after 1970"))?,
    }
    line(output, "payload", format_args!("{} bytes", payload.len()))?;
    stored(output, context, payload, left)
}

fn ciphertext(
    output: &mut dyn Write,
    context: &Context<'_>,
    entry: &[u8],
    left: usize,
    open: impl FnOnce(&[u8]) -> Result<Vec<u8>, larder_cachekit::crypto::OpenError>,
) -> io::Result<bool> {
    line(output, "kind", "ciphertext (AES-256-GCM), as far as the keys that were given say")?;
    nonce(output, entry)?;
    match open(entry) {
        Ok(plaintext) => {
            line(output, "decrypts", format_args!("yes, to {} bytes", plaintext.len()))?;
            layer(output, context, &plaintext, left)
        }
        Err(error) => {
            line(output, "decrypts", format_args!("NO: {error}"))?;
            let hint = "check --key with all its prefixes, --tenant and, outside a frame, --writer";
            line(output, "hint", hint)?;
            Ok(false)
        }
    }
}

fn unknown(output: &mut dyn Write, context: &Context<'_>, bytes: &[u8]) -> io::Result<bool> {
    if matches!(bytes.first(), Some(b'{' | b'[' | b'"'))
        && serde_json::from_slice::<IgnoredAny>(bytes).is_ok()
    {
        line(output, "kind", "JSON text (entries of early Python SDKs are JSON with base64)")?;
        if !context.brief {
            writeln!(output, "{}", document::render_json(bytes))?;
        }
        return Ok(true);
    }
    if let Err(error) = msgpack::check(bytes, &Limits::PROTOCOL) {
        line(output, "MessagePack", format_args!("no: {error}"))?;
    }
    if let Err(error) = Envelope::parse(bytes, &Limits::PROTOCOL) {
        line(output, "envelope", format_args!("no: {error}"))?;
    }
    undecided(output, bytes)
}

/// Nothing known. It may be a ciphertext, which looks like anything, but a damaged entry looks like that too.
fn undecided(output: &mut dyn Write, bytes: &[u8]) -> io::Result<bool> {
    if bytes.len() < SEALED_BYTES_MIN {
        line(output, "kind", format_args!("unknown; a ciphertext has at least {SEALED_BYTES_MIN} bytes"))?;
        return Ok(false);
    }
    line(output, "kind", "unknown: damaged, or perhaps a ciphertext; --master-key with --key would tell")?;
    Ok(false)
}

fn nonce(output: &mut dyn Write, entry: &[u8]) -> io::Result<()> {
    if let Some((nonce, rest)) = entry.split_first_chunk::<NONCE_BYTES>() {
        let body = rest.len().saturating_sub(TAG_BYTES);
        line(output, "nonce", hex::encode(nonce))?;
        line(output, "encrypted", format_args!("{body} bytes and a tag of {TAG_BYTES}"))?;
    }
    Ok(())
}

fn inner(output: &mut dyn Write, context: &Context<'_>, payload: &[u8]) -> io::Result<bool> {
    if msgpack::check(payload, &Limits::PROTOCOL).is_ok() {
        return content(output, context, payload);
    }
    line(output, "content", format_args!("{} bytes that are not MessagePack", payload.len()))?;
    if !context.brief {
        writeln!(output, "{}", document::excerpt(payload))?;
    }
    Ok(true)
}

fn content(output: &mut dyn Write, context: &Context<'_>, bytes: &[u8]) -> io::Result<bool> {
    line(output, "content", format_args!("MessagePack document, {} bytes", bytes.len()))?;
    if !context.brief {
        writeln!(output, "{}", document::render(bytes))?;
    }
    Ok(true)
}

fn sizes(output: &mut dyn Write, compressed: u64, original: u64) -> io::Result<()> {
    #[expect(clippy::cast_precision_loss, reason = "a ratio for people")]
    let ratio = if compressed == 0 { 0.0 } else { original as f64 / compressed as f64 };
    line(output, "sizes", format_args!("{original} bytes stored in {compressed}, {ratio:.2} to 1"))
}

fn aad<'a>(context: &Context<'a>, key: &'a str) -> Aad<'a> {
    match context.writer {
        Writer::Interop => Aad::interop(context.tenant, key),
        Writer::V2 => Aad::interop_v2(context.tenant, key),
        Writer::Python => Aad::python_default(context.tenant, key),
    }
}

fn line(output: &mut dyn Write, name: &str, text: impl std::fmt::Display) -> io::Result<()> {
    writeln!(output, "{name:<12}{text}")
}
