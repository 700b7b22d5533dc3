//! Keys per tenant and purpose: HKDF-SHA256 with a salt whose parts carry their lengths, so that no two pairs of
//! purpose and tenant share one.

use std::fmt;

use aws_lc_rs::{digest, hkdf};
use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::Zeroizing;

use super::master::MasterKey;

/// The longest tenant name in bytes. The Rust SDK stops at 255.
pub const TENANT_BYTES_MAX: usize = 1024;
const KEY_BYTES: usize = 32;
const SALT_PREFIX: &[u8] = b"cachekit_v1_";
const FINGERPRINT_PREFIX: &[u8] = b"key_fingerprint_v1";

/// What a derived key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Domain {
    /// Values: the only one in use.
    Encryption,
    /// Message authentication.
    Authentication,
    /// Cache keys.
    CacheKeys,
}

impl Domain {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Encryption, Self::Authentication, Self::CacheKeys];

    /// The name that enters the derivation.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Encryption => "encryption",
            Self::Authentication => "authentication",
            Self::CacheKeys => "cache_keys",
        }
    }
}

/// A tenant name that keys cannot be derived for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("a tenant has 1 to {TENANT_BYTES_MAX} bytes; this one has {bytes}")]
pub struct TenantError {
    /// Bytes found.
    pub bytes: usize,
}

/// Tells keys apart without telling what they are: 16 bytes of SHA-256.
#[derive(Clone, Copy)]
pub struct Fingerprint(pub [u8; 16]);

impl PartialEq for Fingerprint {
    /// Compares in a time that does not depend on where they differ.
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Fingerprint {}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// 32 bytes for one tenant and purpose; zeroed on drop.
#[derive(Clone)]
pub struct DerivedKey(Zeroizing<[u8; KEY_BYTES]>);

impl DerivedKey {
    /// Derives the key.
    ///
    /// # Errors
    ///
    /// [`TenantError`] for a tenant name that is empty or too long.
    pub fn new(master: &MasterKey, domain: Domain, tenant: &str) -> Result<Self, TenantError> {
        let refused = TenantError { bytes: tenant.len() };
        if tenant.is_empty() || tenant.len() > TENANT_BYTES_MAX {
            return Err(refused);
        }
        let Ok(tenant_length) = u16::try_from(tenant.len()) else { return Err(refused) };
        let name = domain.name();
        // Domain names are all shorter than 256 bytes.
        let domain_length = u8::try_from(name.len()).unwrap_or(u8::MAX);
        let salt =
            [SALT_PREFIX, &[domain_length], name.as_bytes(), &tenant_length.to_be_bytes(), tenant.as_bytes()]
                .concat();
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        let secret = hkdf::Salt::new(hkdf::HKDF_SHA256, &salt).extract(master.bytes());
        // HKDF gives up to 255 times 32 bytes; it cannot refuse 32.
        let filled = secret.expand(&[name.as_bytes()], KeyLength).and_then(|okm| okm.fill(&mut *key));
        filled.map_err(|_| refused)?;
        Ok(Self(key))
    }

    /// The key itself; keep it where it is.
    #[must_use]
    pub fn expose(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    /// Its fingerprint.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(FINGERPRINT_PREFIX);
        context.update(&*self.0);
        let hash = context.finish();
        Fingerprint(hash.as_ref().first_chunk().copied().unwrap_or_default())
    }
}

impl fmt::Debug for DerivedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DerivedKey(…)")
    }
}

struct KeyLength;

impl hkdf::KeyType for KeyLength {
    fn len(&self) -> usize {
        KEY_BYTES
    }
}
