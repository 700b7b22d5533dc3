//! Bombs allocate nothing: a counting allocator proves that a few bytes which claim gigabytes are refused before
//! memory is asked for, and that nested documents cost what their bytes can back.

// The allocator is the one thing that cannot be counted from outside.
#![allow(unsafe_code, missing_docs, clippy::unwrap_used)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use larder_cachekit::crypto::{Aad, Keyring, MasterKey};
use larder_cachekit::{container, envelope, frame, msgpack};

struct Counting;

// Each test has a thread and counts its own memory alone.
thread_local! {
    static IN_USE: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let in_use = IN_USE.get() + layout.size();
        IN_USE.set(in_use);
        PEAK.set(PEAK.get().max(in_use));
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // A thread may free what another allocated.
        IN_USE.set(IN_USE.get().saturating_sub(layout.size()));
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Most bytes that were in use at once during the call, beyond those in use before.
fn peak<T>(call: impl FnOnce() -> T) -> (usize, T) {
    let before = IN_USE.get();
    PEAK.set(before);
    let result = call();
    (PEAK.get() - before, result)
}

/// What errors and their texts may cost.
const SMALL: usize = 4096;

#[test]
fn declared_sizes_are_refused_before_anything_is_allocated() {
    let envelope_claiming = |original_size: u64, compressed: usize| {
        let compressed = vec![0; compressed].into();
        envelope::Envelope { compressed, checksum: [0; 8], original_size, format: "msgpack" }
            .to_bytes()
            .unwrap()
    };
    let bombs: Vec<Vec<u8>> = vec![
        b"\x94\xc6\xff\xff\xff\xff".to_vec(),
        b"\x94\xdd\xff\xff\xff\xff".to_vec(),
        b"\x84\xaf\x63ompressed_data\xdd\x7f\xff\xff\xff".to_vec(),
        b"\xdd\xff\xff\xff\xff".to_vec(),
        b"\xdf\x80\x00\x00\x00".to_vec(),
        b"\xdb\xff\xff\xff\xffx".to_vec(),
        b"\xc9\xff\xff\xff\xff\x05x".to_vec(),
        b"\xdc\x07\xd0".repeat(2048),
        b"\xdd\x00\x00\x15\x7c".repeat(1100),
        b"\x91".repeat(100_000),
        b"\x81\xa0".repeat(100_000),
        envelope_claiming(u64::MAX, 10),
        envelope_claiming(512 << 20, 10),
        envelope_claiming((512 << 20) + 1, 600_000),
        b"\xc1\x02\x93\x01\xcf\x00\x00\x01\x00\x00\x00\x00\x00\xc4\x04\x10\x41\x00\x00".to_vec(),
        b"\xc1\x02\x93\x00\x05\xc6\xff\xff\xff\xff".to_vec(),
        b"CK\x03\xff\xff\xff\xff{}".to_vec(),
    ];
    for bomb in bombs {
        let (bytes, refused) = peak(|| {
            (
                envelope::retrieve(&bomb).is_err(),
                container::retrieve(&bomb).is_err(),
                frame::Frame::parse(&bomb).is_err(),
                msgpack::from_slice::<serde::de::IgnoredAny>(&bomb).is_err() || bomb[0] == 0x94,
            )
        });
        let shown = hex::encode(&bomb[..bomb.len().min(20)]);
        assert_eq!(refused, (true, true, true, true), "{shown}");
        assert!(bytes <= SMALL + 100 * 32, "{bytes} bytes for {shown}");
    }
}

#[test]
fn a_value_costs_no_more_than_its_bytes_can_back() {
    let per_slot = size_of::<larder_cachekit::Value>();
    let wide = [&b"\xdd\x00\x00\xff\xff"[..], &[0xc0; 0xffff]].concat();
    let nested = [&b"\x91".repeat(98)[..], b"\xdd\x00\x00\x40\x00", &[0x90; 0x4000]].concat();
    for document in [wide, nested] {
        let (bytes, value) = peak(|| msgpack::decode(&document));
        assert!(value.is_ok());
        let backed = document.len() * per_slot + 200 * 128 + SMALL;
        assert!(bytes <= backed, "{bytes} bytes for {}", document.len());
    }
}

#[test]
fn a_block_that_grows_beyond_its_declared_size_gets_only_that() {
    let stored = envelope::store(&vec![0; 1 << 20], "msgpack").unwrap();
    let parsed = envelope::Envelope::parse(&stored, &larder_cachekit::Limits::PROTOCOL).unwrap();
    let lying = envelope::Envelope { original_size: 1000, ..parsed }.to_bytes().unwrap();
    let (bytes, result) = peak(|| envelope::retrieve(&lying));
    assert!(matches!(result, Err(envelope::EnvelopeError::Block(_))), "{result:?}");
    assert!(bytes <= 1000 + SMALL, "{bytes}");
}

#[test]
fn a_failure_to_decrypt_costs_one_plaintext_whatever_the_number_of_keys() {
    let keys: Vec<_> = (1..=4).map(|byte| MasterKey::from_bytes(&[byte; 32]).unwrap()).collect();
    let ring = Keyring::new(keys[0].clone(), keys[1..].to_vec()).unwrap().for_tenant("default").unwrap();
    let entry = vec![0x55; 1 << 20];
    let (bytes, result) = peak(|| ring.open(&Aad::interop("default", "k"), &entry));
    assert!(result.is_err());
    assert!(bytes <= entry.len() + SMALL, "{bytes}");
}
