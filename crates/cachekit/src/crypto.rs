//! Encryption whose keys never leave the client: AES-256-GCM over whatever the value's container is, keys derived per
//! tenant with HKDF-SHA256, and additional data that binds a ciphertext to its tenant and cache key. Key material is
//! zeroed on drop and appears in no `Debug` and no error; every failure to decrypt looks the same.
//!
//! ```
//! use larder_cachekit::crypto::{Aad, Keyring, MasterKey, Nonces};
//!
//! let keyring = Keyring::new(MasterKey::from_hex(&"61".repeat(32))?, vec![])?.for_tenant("default")?;
//! let nonces = Nonces::new(0x0123_4567_89ab_cdef); // random bits, from the caller
//! let aad = Aad::interop("default", "users:get_user:6159");
//!
//! let entry = keyring.seal(&aad, b"\x2a", nonces.next()?)?;
//! assert_eq!(keyring.open(&aad, &entry)?, b"\x2a");
//! assert!(keyring.open(&Aad::interop("default", "users:get_user:0000"), &entry).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod aad;
mod cipher;
mod derive;
mod keyring;
mod master;
mod nonce;
mod rotation;

pub use aad::{Aad, AadError};
pub use cipher::{NONCE_BYTES, OpenError, SEALED_BYTES_MIN, SealError, TAG_BYTES};
pub use derive::{DerivedKey, Domain, Fingerprint, TENANT_BYTES_MAX, TenantError};
pub use keyring::{Keyring, KeyringError, PREVIOUS_KEYS_MAX, TenantKeyring};
pub use master::{MasterKey, MasterKeyError};
pub use nonce::{InstanceIds, NonceExhausted, Nonces};
pub use rotation::{ROTATION_HEADER_BYTES, RotationHeader, RotationHeaderError};

/// The tenant of a client that was given none.
pub const DEFAULT_TENANT: &str = "default";
