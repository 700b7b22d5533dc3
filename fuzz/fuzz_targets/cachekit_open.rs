//! Decryption: no forged entry opens, no sealed entry opens once it is altered, and additional data reads back as it
//! was written. The first bytes say where the entry is altered, the rest is its content.
#![no_main]

use std::sync::LazyLock;

use larder_cachekit::crypto::{Aad, Keyring, MasterKey, RotationHeader, TenantKeyring};
use libfuzzer_sys::fuzz_target;

static KEYRING: LazyLock<TenantKeyring> = LazyLock::new(|| {
    let key = |byte| MasterKey::from_bytes(&[byte; 32]).expect("32 bytes");
    let keyring = Keyring::new(key(1), vec![key(2), key(3)]).expect("three keys");
    keyring.for_tenant("default").expect("a tenant")
});

fuzz_target!(|input: &[u8]| {
    let aad = Aad::interop("default", "users:get_user:00");
    assert!(KEYRING.open(&aad, input).is_err(), "a forged entry opens");
    if let Ok(parsed) = Aad::parse(input) {
        assert_eq!(parsed.to_bytes().as_deref(), Ok(input));
        assert!(KEYRING.open(&parsed, input).is_err());
    }
    if let Ok((header, rest)) = RotationHeader::split(input) {
        assert_eq!([&header.to_bytes()[..], rest].concat(), input);
    }

    let Some((&[high, low, flip], plaintext)) = input.split_first_chunk() else { return };
    let mut entry = KEYRING.seal(&aad, plaintext, [7; 12]).expect("sealed");
    assert_eq!(KEYRING.open(&aad, &entry).as_deref(), Ok(plaintext));
    let at = usize::from(u16::from_be_bytes([high, low])) % entry.len();
    entry[at] ^= flip;
    assert_eq!(KEYRING.open(&aad, &entry).is_ok(), flip == 0);
});
