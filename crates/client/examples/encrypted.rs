//! Values that nobody else can read: not the store, not whoever finds a copy of this process's near cache.
//!
//!     cargo run -p larder-client --example encrypted

use std::sync::Arc;

use larder_client::crypto::{Keyring, MasterKey};
use larder_client::store::{EngineStore, Store, SystemClock};
use larder_client::{Cache, Error};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // In a service the key comes from a secret: `Cache::from_env()?.secure()` reads CACHEKIT_MASTER_KEY.
    let old = MasterKey::from_hex(&"61".repeat(32))?;
    let new = MasterKey::from_hex(&"62".repeat(32))?;
    let store = Arc::new(EngineStore::with_bytes(64 << 20, SystemClock)?);
    let with = |keyring| Cache::secure(Arc::clone(&store)).keyring(keyring).build();

    let before = with(Keyring::new(old.clone(), vec![])?)?;
    before.set("salary:alice", &100_000).await?;
    let stored = store.get(b"salary:alice").await?.ok_or("it was stored")?;
    println!("what the store sees: {} bytes, {:02x?}…", stored.bytes.len(), &stored.bytes[..8]);

    // Rotation: the new key writes, the old one still reads.
    let rotated = with(Keyring::new(new.clone(), vec![old])?)?;
    println!("after a rotation: {:?}", rotated.get::<u32>("salary:alice").await?);

    // Somebody else's key reads nothing, and is told so.
    match with(Keyring::new(new, vec![])?)?.get::<u32>("salary:alice").await {
        Err(Error::Foreign(why)) => println!("with another key: {why}"),
        other => return Err(format!("it should not have been read: {other:?}").into()),
    }
    Ok(())
}
