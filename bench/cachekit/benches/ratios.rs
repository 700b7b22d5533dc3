//! The comparisons that matter as ratios, on a machine that does other things as well: the two sides take turns in
//! short batches, and each keeps its best batch. `cargo bench --bench ratios`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use aws_lc_rs::aead;
use blake2::{Blake2b256, Digest};
use larder_cachekit::crypto::{Aad, Keyring, MasterKey, Nonces};
use larder_cachekit::{Value, envelope, key::interop};

const ROUNDS: usize = 200;
const BATCH: Duration = Duration::from_millis(2);

fn main() {
    let peer = cachekit_core::ByteStorage::new(None);
    for (name, bytes) in [("1 KiB", 1 << 10), ("64 KiB", 1 << 16), ("1 MiB", 1 << 20)] {
        let payload = payload(bytes);
        let stored = peer.store(&payload, None).expect("stored");
        compare(
            &format!("store {name}: larder / cachekit-core"),
            || drop(black_box(envelope::store(black_box(&payload), "msgpack"))),
            || drop(black_box(peer.store(black_box(&payload), None))),
        );
        compare(
            &format!("retrieve {name}: larder / cachekit-core"),
            || drop(black_box(envelope::retrieve(black_box(&stored)))),
            || drop(black_box(peer.retrieve(black_box(&stored)))),
        );
    }
    encryption();
    let args = [Value::from(42), Value::from("alice")];
    compare(
        "key of two small arguments: larder / bare hash and encode",
        || drop(black_box(interop::key("users", "get_user", black_box(&args)))),
        || {
            let encoded = rmp_serde::to_vec(black_box(&(42, "alice"))).expect("encoded");
            drop(black_box(format!("users:get_user:{}", hex::encode(Blake2b256::digest(encoded)))));
        },
    );
}

fn encryption() {
    let plaintext = payload(1 << 16);
    let keyring =
        Keyring::new(MasterKey::from_bytes(&[0x61; 32]).expect("32 bytes"), vec![]).expect("one key");
    let keyring = keyring.for_tenant("default").expect("a tenant");
    let nonces = Nonces::new(1);
    let aad = Aad::interop(
        "default",
        "users:get_user:61598716255080080f6456eb065c2e51badfaa4320b0efe97469c29cffee8875",
    );
    let bare_aad = aad.to_bytes().expect("short");
    let bare =
        aead::UnboundKey::new(&aead::AES_256_GCM, &[0x61; 32]).map(aead::LessSafeKey::new).expect("32 bytes");
    let nonce = || aead::Nonce::assume_unique_for_key(nonces.next().expect("a nonce"));
    let mut buffer = plaintext.clone();
    compare(
        "seal 64 KiB: larder / the bare cipher in place",
        || drop(black_box(keyring.seal(&aad, black_box(&plaintext), nonces.next().expect("a nonce")))),
        || {
            let tag =
                bare.seal_in_place_separate_tag(nonce(), aead::Aad::from(&bare_aad), black_box(&mut buffer));
            let _ = black_box(tag.expect("sealed"));
        },
    );
    let mut used = Vec::new();
    compare(
        "seal 64 KiB into a used buffer: larder / the bare cipher in place",
        || {
            let nonce = nonces.next().expect("a nonce");
            keyring.seal_into(&aad, black_box(&plaintext), nonce, &mut used).expect("sealed");
            black_box(&used);
        },
        || {
            let tag =
                bare.seal_in_place_separate_tag(nonce(), aead::Aad::from(&bare_aad), black_box(&mut buffer));
            let _ = black_box(tag.expect("sealed"));
        },
    );
    let entry = keyring.seal(&aad, &plaintext, [7; 12]).expect("sealed");
    let mut sealed = plaintext.clone();
    let tag = bare.seal_in_place_separate_tag(
        aead::Nonce::assume_unique_for_key([7; 12]),
        aead::Aad::from(&bare_aad),
        &mut sealed,
    );
    let tag = tag.expect("sealed");
    let mut opened = vec![0; sealed.len()];
    compare(
        "open 64 KiB: larder / the bare cipher into a buffer",
        || drop(black_box(keyring.open(&aad, black_box(&entry)).expect("opened"))),
        || {
            let nonce = aead::Nonce::assume_unique_for_key([7; 12]);
            let data = aead::Aad::from(&bare_aad);
            bare.open_separate_gather(nonce, data, black_box(&sealed), tag.as_ref(), &mut opened)
                .expect("opened");
        },
    );
    let mut used = Vec::new();
    compare(
        "open 64 KiB into a used buffer: larder / the bare cipher into one",
        || {
            keyring.open_into(&aad, black_box(&entry), &mut used).expect("opened");
            black_box(&used);
        },
        || {
            let nonce = aead::Nonce::assume_unique_for_key([7; 12]);
            let data = aead::Aad::from(&bare_aad);
            bare.open_separate_gather(nonce, data, black_box(&sealed), tag.as_ref(), &mut opened)
                .expect("opened");
        },
    );
    let peer = cachekit_core::ZeroKnowledgeEncryptor::new().expect("an encryptor");
    compare(
        "seal 64 KiB: larder / cachekit-core",
        || drop(black_box(keyring.seal(&aad, black_box(&plaintext), nonces.next().expect("a nonce")))),
        || drop(black_box(peer.encrypt_aes_gcm(black_box(&plaintext), &[0x61; 32], &bare_aad))),
    );
}

/// JSON as applications cache it: it compresses about as well.
fn payload(bytes: usize) -> Vec<u8> {
    let records = (0_usize..).flat_map(|id| {
        let score = id.wrapping_mul(2_654_435_761) % 100_003;
        format!(r#"{{"user_id":{},"name":"user {id}","active":true,"score":{score}}},"#, id * 7919)
            .into_bytes()
    });
    records.take(bytes).collect()
}

fn compare(name: &str, mut ours: impl FnMut(), mut theirs: impl FnMut()) {
    let batch = {
        let start = Instant::now();
        ours();
        theirs();
        let once = start.elapsed().max(Duration::from_nanos(200)) / 2;
        u32::try_from(BATCH.as_nanos() / once.as_nanos()).unwrap_or(u32::MAX).max(1)
    };
    let mut best = [Duration::MAX; 2];
    for _ in 0..ROUNDS {
        best[0] = best[0].min(timed(batch, &mut ours));
        best[1] = best[1].min(timed(batch, &mut theirs));
    }
    let [ours, theirs] = best.map(|best| best.as_secs_f64() * 1e9);
    println!("{name:<62} {ours:>12.0} ns {theirs:>12.0} ns   {:.3}", ours / theirs);
}

fn timed(batch: u32, call: &mut impl FnMut()) -> Duration {
    let start = Instant::now();
    for _ in 0..batch {
        call();
    }
    start.elapsed() / batch
}
