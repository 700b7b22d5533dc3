//! Envelope, encryption and keys, each beside what it is measured by: the crate `cachekit-core` for envelopes and
//! encryption, the bare cipher for encryption, and the bare hash with an encoder for keys. `cargo bench` runs all.

use std::hint::black_box;
use std::time::Duration;

use aws_lc_rs::aead;
use blake2::{Blake2b256, Digest};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use larder_cachekit::crypto::{Aad, Keyring, MasterKey, Nonces};
use larder_cachekit::{Value, envelope, key::interop};

const SIZES: [(&str, usize); 3] = [("1KiB", 1 << 10), ("64KiB", 1 << 16), ("1MiB", 1 << 20)];

/// JSON as applications cache it: it compresses about as well.
fn payload(bytes: usize) -> Vec<u8> {
    let records = (0_usize..).flat_map(|id| {
        let score = id.wrapping_mul(2_654_435_761) % 100_003;
        format!(r#"{{"user_id":{},"name":"user {id}","active":true,"score":{score}}},"#, id * 7919).into_bytes()
    });
    records.take(bytes).collect()
}

fn envelopes(c: &mut Criterion) {
    let peer = cachekit_core::ByteStorage::new(None);
    for (name, bytes) in SIZES {
        let payload = payload(bytes);
        let mut group = c.benchmark_group("store");
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function(BenchmarkId::new("larder", name), |b| {
            b.iter(|| envelope::store(black_box(&payload), "msgpack").expect("stored"));
        });
        group.bench_function(BenchmarkId::new("cachekit-core", name), |b| {
            b.iter(|| peer.store(black_box(&payload), None).expect("stored"));
        });
        group.finish();

        let ours = envelope::store(&payload, "msgpack").expect("stored");
        let theirs = peer.store(&payload, None).expect("stored");
        assert_eq!(envelope::retrieve(&theirs).expect("retrieved").payload, payload);
        assert_eq!(peer.retrieve(&ours).expect("retrieved").0, payload);
        let mut group = c.benchmark_group("retrieve");
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function(BenchmarkId::new("larder", name), |b| {
            b.iter(|| envelope::retrieve(black_box(&theirs)).expect("retrieved"));
        });
        group.bench_function(BenchmarkId::new("cachekit-core", name), |b| {
            b.iter(|| peer.retrieve(black_box(&theirs)).expect("retrieved"));
        });
        group.finish();
    }
}

fn encryption(c: &mut Criterion) {
    let plaintext = payload(1 << 16);
    let keyring = Keyring::new(MasterKey::from_bytes(&[0x61; 32]).expect("32 bytes"), vec![]).expect("one key");
    let keyring = keyring.for_tenant("default").expect("a tenant");
    let nonces = Nonces::new(1);
    let aad = Aad::interop("default", "users:get_user:61598716255080080f6456eb065c2e51badfaa4320b0efe97469c29cffee8875");
    let bare = aead::UnboundKey::new(&aead::AES_256_GCM, &[0x61; 32]).map(aead::LessSafeKey::new).expect("32 bytes");
    let bare_aad = aad.to_bytes().expect("short");
    let nonce = || aead::Nonce::assume_unique_for_key(nonces.next().expect("a nonce"));

    let mut group = c.benchmark_group("seal 64KiB");
    group.throughput(Throughput::Bytes(plaintext.len() as u64));
    group.bench_function("larder", |b| {
        b.iter(|| keyring.seal(&aad, black_box(&plaintext), nonces.next().expect("a nonce")).expect("sealed"));
    });
    group.bench_function("bare cipher into a new buffer", |b| {
        b.iter(|| {
            let mut buffer = Vec::with_capacity(plaintext.len() + 28);
            buffer.extend_from_slice(&[0; 12]);
            buffer.extend_from_slice(black_box(&plaintext));
            let tag = bare.seal_in_place_separate_tag(nonce(), aead::Aad::from(&bare_aad), &mut buffer[12..]);
            buffer.extend_from_slice(tag.expect("sealed").as_ref());
            buffer
        });
    });
    let mut buffer = plaintext.clone();
    group.bench_function("bare cipher in place", |b| {
        b.iter(|| bare.seal_in_place_separate_tag(nonce(), aead::Aad::from(&bare_aad), black_box(&mut buffer)));
    });
    let peer = cachekit_core::ZeroKnowledgeEncryptor::new().expect("an encryptor");
    group.bench_function("cachekit-core", |b| {
        b.iter(|| peer.encrypt_aes_gcm(black_box(&plaintext), &[0x61; 32], &bare_aad).expect("sealed"));
    });
    group.finish();

    let entry = keyring.seal(&aad, &plaintext, nonces.next().expect("a nonce")).expect("sealed");
    let sealed = peer.encrypt_aes_gcm(&plaintext, &[0x61; 32], &bare_aad).expect("sealed");
    let mut group = c.benchmark_group("open 64KiB");
    group.throughput(Throughput::Bytes(plaintext.len() as u64));
    group.bench_function("larder", |b| b.iter(|| keyring.open(&aad, black_box(&entry)).expect("opened")));
    group.bench_function("bare cipher into a new buffer", |b| {
        b.iter(|| {
            let nonce = aead::Nonce::try_assume_unique_for_key(&sealed[..12]).expect("12 bytes");
            let mut buffer = black_box(&sealed)[12..].to_vec();
            let opened = bare.open_in_place(nonce, aead::Aad::from(&bare_aad), &mut buffer).expect("opened").len();
            buffer.truncate(opened);
            buffer
        });
    });
    group.bench_function("cachekit-core", |b| {
        b.iter(|| peer.decrypt_aes_gcm(black_box(&sealed), &[0x61; 32], &bare_aad).expect("opened"));
    });
    group.finish();
}

fn keys(c: &mut Criterion) {
    let args = [Value::from(42), Value::from("alice")];
    let mut group = c.benchmark_group("key of two small arguments");
    group.bench_function("larder", |b| {
        b.iter(|| interop::key("users", "get_user", black_box(&args)).expect("a key"));
    });
    group.bench_function("bare hash and encode", |b| {
        b.iter(|| {
            let encoded = rmp_serde::to_vec(black_box(&(42, "alice"))).expect("encoded");
            format!("users:get_user:{}", hex::encode(Blake2b256::digest(encoded)))
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(50);
    targets = envelopes, encryption, keys
}
criterion_main!(benches);
