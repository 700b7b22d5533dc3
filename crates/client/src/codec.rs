//! A value's way into the store and back: document, perhaps an envelope around it, perhaps encryption around that. What
//! comes back was written by anybody: each step proves what it can before the next one sees a byte.

use bytes::Bytes;
use larder_cachekit::Limits;
use larder_cachekit::crypto::{Aad, InstanceIds, Nonces, TenantKeyring};
use larder_cachekit::envelope::{self, FORMAT_MSGPACK};
use larder_cachekit::msgpack::{self, DecodeError};
use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::LazyLock;

use crate::error::{Foreign, ValueError};
use crate::key::Key;

/// How the values of text keys are stored. Those of interop keys are always [`Document`](Format::Document)s.
///
/// ```
/// # use larder_client::{Cache, store::{EngineStore, SystemClock}};
/// # let store = EngineStore::with_bytes(1 << 20, SystemClock)?;
/// use larder_client::Format;
///
/// // Long texts and lists take less room, and damage is noticed; other SDKs read such entries only where they keep envelopes too.
/// let cache = Cache::minimal(store).format(Format::Envelope).build()?;
/// # Ok::<(), larder_client::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// One plain MessagePack document: what interop mode stores, and the SDK for Rust everywhere.
    #[default]
    Document,
    /// A document in a ByteStorage envelope: compressed, with a checksum; what the SDK for TypeScript stores.
    Envelope,
}

/// Encryption for one tenant.
pub(crate) struct Cipher {
    pub(crate) tenant: String,
    pub(crate) keyring: TenantKeyring,
    nonces: Mutex<Nonces>,
}

/// Ids of the encryptors of this process.
static INSTANCES: LazyLock<InstanceIds> = LazyLock::new(|| InstanceIds::from_random(rand::random()));

impl Cipher {
    pub(crate) fn new(tenant: String, keyring: TenantKeyring) -> Self {
        Self { tenant, keyring, nonces: Mutex::new(Nonces::new(INSTANCES.next())) }
    }

    fn seal(&self, aad: &Aad<'_>, plaintext: &[u8]) -> Result<Vec<u8>, ValueError> {
        let nonce = {
            let mut nonces = self.nonces.lock();
            nonces.next().or_else(|_| {
                *nonces = Nonces::new(INSTANCES.next());
                nonces.next()
            })?
        };
        Ok(self.keyring.seal(aad, plaintext, nonce)?)
    }

    fn aad<'a>(&'a self, key: &'a str, format: Format) -> Aad<'a> {
        match format {
            Format::Document => Aad::interop(&self.tenant, key),
            // As the SDK for TypeScript says it: compressed, no fifth part.
            Format::Envelope => Aad { compressed: true, ..Aad::interop(&self.tenant, key) },
        }
    }
}

/// What a cache does to its values.
pub(crate) struct Codec {
    pub(crate) format: Format,
    pub(crate) cipher: Option<Cipher>,
    pub(crate) value_bytes_max: usize,
}

/// A value that is ready for the store and for the near cache.
#[derive(Debug, Clone)]
pub(crate) struct Encoded {
    /// What the store keeps.
    pub(crate) stored: Bytes,
    /// What is kept in this process: a document that has been checked, or, with encryption, what the store keeps.
    pub(crate) held: Bytes,
}

impl Codec {
    fn format(&self, key: &Key<'_>) -> Format {
        if key.is_interop() { Format::Document } else { self.format }
    }

    pub(crate) fn encode<T: Serialize + ?Sized>(
        &self,
        key: &Key<'_>,
        value: &T,
    ) -> Result<Encoded, ValueError> {
        let document = msgpack::to_vec(value)?;
        self.check_size(document.len())?;
        let format = self.format(key);
        let contained = match format {
            Format::Document => None,
            Format::Envelope => {
                Some(envelope::store(&document, FORMAT_MSGPACK).map_err(ValueError::Envelope)?)
            }
        };
        let encoded = match &self.cipher {
            Some(cipher) => {
                let plaintext = contained.as_ref().unwrap_or(&document);
                let sealed = Bytes::from(cipher.seal(&cipher.aad(key.as_str(), format), plaintext)?);
                Encoded { stored: sealed.clone(), held: sealed }
            }
            None => {
                let held = Bytes::from(document);
                Encoded { stored: contained.map_or_else(|| held.clone(), Bytes::from), held }
            }
        };
        self.check_size(encoded.stored.len())?;
        Ok(encoded)
    }

    fn check_size(&self, len: usize) -> Result<(), ValueError> {
        let max = self.value_bytes_max;
        if len > max { Err(ValueError::TooLarge { len, max }) } else { Ok(()) }
    }

    /// What may be held in this process of an entry that the store had.
    pub(crate) fn accept(&self, key: &Key<'_>, stored: &Bytes) -> Result<Bytes, Foreign> {
        let (len, max) = (stored.len(), self.value_bytes_max);
        if len > max {
            return Err(Foreign::TooLarge { len, max });
        }
        if self.cipher.is_some() {
            // It is proven each time that it is decrypted.
            return Ok(stored.clone());
        }
        match self.format(key) {
            Format::Document => {
                check_document(stored, &self.limits())?;
                Ok(stored.clone())
            }
            Format::Envelope => self.unpack(stored).map(Bytes::from),
        }
    }

    /// The value in what is held in this process.
    pub(crate) fn read<T: DeserializeOwned>(&self, key: &Key<'_>, held: &[u8]) -> Result<T, Foreign> {
        let Some(cipher) = &self.cipher else {
            return Ok(msgpack::from_checked_slice(held)?);
        };
        let format = self.format(key);
        let plaintext = cipher.keyring.open(&cipher.aad(key.as_str(), format), held)?;
        let document = match format {
            Format::Document => plaintext,
            Format::Envelope => self.unpack(&plaintext)?,
        };
        msgpack::from_slice_within(&document, &self.limits()).map_err(|error| match error {
            // A type's own words may quote it.
            DecodeError::Type { .. } => {
                DecodeError::Type { message: "it was encrypted, so no more is told".to_owned() }.into()
            }
            sound => sound.into(),
        })
    }

    /// The document in an envelope, checked.
    fn unpack(&self, container: &[u8]) -> Result<Vec<u8>, Foreign> {
        if container.starts_with(&larder_cachekit::frame::MAGIC) {
            return Err(DecodeError::PythonFrame.into());
        }
        let limits = self.limits();
        let retrieved = envelope::retrieve_within(container, &limits).map_err(Foreign::Envelope)?;
        if retrieved.format != FORMAT_MSGPACK {
            return Err(Foreign::Format { format: retrieved.format });
        }
        msgpack::check(&retrieved.payload, &limits)?;
        Ok(retrieved.payload)
    }

    fn limits(&self) -> Limits {
        let bytes_max = self.value_bytes_max as u64;
        Limits { payload_bytes_max: bytes_max, compressed_bytes_max: bytes_max, ..Limits::PROTOCOL }
    }
}

/// A plain document; one that is an envelope to its checksum would be a wrong value to whoever reads lists.
fn check_document(bytes: &[u8], limits: &Limits) -> Result<(), Foreign> {
    msgpack::check(bytes, limits)?;
    let may_be_envelope = matches!(bytes.first(), Some(0x94 | 0x84));
    if may_be_envelope && envelope::retrieve_within(bytes, limits).is_ok() {
        return Err(Foreign::UnexpectedEnvelope);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use larder_cachekit::crypto::{Keyring, MasterKey, OpenError};

    fn keyring(digits: &str) -> Keyring {
        Keyring::new(MasterKey::from_hex(&digits.repeat(32)).unwrap(), vec![]).unwrap()
    }

    fn codec(format: Format, cipher: Option<&str>) -> Codec {
        let cipher = cipher
            .map(|digits| Cipher::new("default".into(), keyring(digits).for_tenant("default").unwrap()));
        Codec { format, cipher, value_bytes_max: 1 << 20 }
    }

    fn read_back<T: DeserializeOwned>(codec: &Codec, key: &Key<'_>, stored: &Bytes) -> Result<T, Foreign> {
        codec.read(key, &codec.accept(key, stored)?)
    }

    #[test]
    fn every_form_comes_back() {
        let value = vec!["a".repeat(1000), "b".into()];
        for format in [Format::Document, Format::Envelope] {
            for cipher in [None, Some("61")] {
                let codec = codec(format, cipher);
                let key = Key::from("k");
                let encoded = codec.encode(&key, &value).unwrap();
                assert_eq!(read_back::<Vec<String>>(&codec, &key, &encoded.stored), Ok(value.clone()));
                assert_eq!(codec.read::<Vec<String>>(&key, &encoded.held), Ok(value.clone()));
            }
        }
    }

    #[test]
    fn an_interop_key_stores_a_plain_document_whatever_the_format() {
        let codec = codec(Format::Envelope, None);
        let key = Key::interop("n", "op", (1,)).unwrap();
        assert_eq!(codec.encode(&key, &7).unwrap().stored, b"\x07"[..]);
        assert_ne!(codec.encode(&"k".into(), &7).unwrap().stored, b"\x07"[..]);
    }

    #[test]
    fn with_encryption_nothing_that_is_kept_shows_the_value() {
        let secret = "the secret";
        for format in [Format::Document, Format::Envelope] {
            let Encoded { stored, held } = codec(format, Some("61")).encode(&"k".into(), secret).unwrap();
            for kept in [stored, held] {
                assert!(!kept.windows(secret.len()).any(|window| window == secret.as_bytes()));
            }
        }
    }

    #[test]
    fn an_encrypting_cache_reads_no_plain_entry() {
        let plain =
            codec(Format::Document, None).encode(&"k".into(), "hello, plain world, how are you").unwrap();
        let secure = codec(Format::Document, Some("61"));
        assert_eq!(
            read_back::<String>(&secure, &"k".into(), &plain.stored),
            Err(Foreign::Decrypt(OpenError))
        );
    }

    #[test]
    fn a_ciphertext_is_bound_to_key_tenant_and_master_key() {
        let ours = codec(Format::Document, Some("61"));
        let stored = ours.encode(&"k".into(), &1).unwrap().stored;
        let refused = Err(Foreign::Decrypt(OpenError));
        assert_eq!(read_back::<u8>(&ours, &"other".into(), &stored), refused);
        assert_eq!(read_back::<u8>(&codec(Format::Document, Some("62")), &"k".into(), &stored), refused);
        assert_eq!(read_back::<u8>(&codec(Format::Envelope, Some("61")), &"k".into(), &stored), refused);
        for end in 0..stored.len() {
            assert_eq!(read_back::<u8>(&ours, &"k".into(), &stored.slice(..end)), refused, "cut at {end}");
        }
    }

    #[test]
    fn a_python_frame_is_recognised() {
        let frame = Bytes::from_static(b"CK\x03\0\0\0\x02{}\x2a");
        for format in [Format::Document, Format::Envelope] {
            assert_eq!(
                read_back::<u8>(&codec(format, None), &"k".into(), &frame),
                Err(Foreign::Document(DecodeError::PythonFrame))
            );
        }
    }

    #[test]
    fn an_envelope_is_not_taken_for_a_list_of_four() {
        let envelope = codec(Format::Envelope, None).encode(&"k".into(), &[1, 2, 3]).unwrap().stored;
        let plain = codec(Format::Document, None);
        assert_eq!(read_back::<[u8; 4]>(&plain, &"k".into(), &envelope), Err(Foreign::UnexpectedEnvelope));
        let list = plain.encode(&"k".into(), &[1, 2, 3, 4]).unwrap();
        assert_eq!(read_back::<[u8; 4]>(&plain, &"k".into(), &list.stored), Ok([1, 2, 3, 4]));
    }

    #[test]
    fn an_envelope_of_another_format_is_refused_by_its_name() {
        let arrow = Bytes::from(envelope::store(b"ARROW1", "arrow").unwrap());
        assert_eq!(
            read_back::<u8>(&codec(Format::Envelope, None), &"k".into(), &arrow),
            Err(Foreign::Format { format: "arrow".into() })
        );
    }

    #[test]
    fn a_damaged_envelope_is_refused() {
        let codec = codec(Format::Envelope, None);
        let mut damaged = codec.encode(&"k".into(), "some text").unwrap().stored.to_vec();
        damaged[6] ^= 1;
        assert!(matches!(
            read_back::<String>(&codec, &"k".into(), &damaged.into()),
            Err(Foreign::Envelope(_))
        ));
    }

    #[test]
    fn sizes_are_bounded_in_both_directions() {
        let small = Codec { value_bytes_max: 100, ..codec(Format::Document, None) };
        assert_eq!(
            small.encode(&"k".into(), &"x".repeat(99)).unwrap_err(),
            ValueError::TooLarge { len: 101, max: 100 }
        );
        let large = codec(Format::Document, None).encode(&"k".into(), &"x".repeat(99)).unwrap().stored;
        assert_eq!(small.accept(&"k".into(), &large), Err(Foreign::TooLarge { len: 101, max: 100 }));
    }

    #[test]
    fn no_two_entries_share_a_nonce() {
        let codec = codec(Format::Document, Some("61"));
        let nonces: std::collections::HashSet<_> =
            (0..100).map(|_| codec.encode(&"k".into(), &1).unwrap().stored.slice(..12)).collect();
        assert_eq!(nonces.len(), 100);
    }
}
