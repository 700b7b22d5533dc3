//! Values in a cache, a computation that is made once, a function that is cached.
//!
//!     cargo run -p larder-client --example quick_start

use larder_client::store::{EngineStore, SystemClock};
use larder_client::{Cache, Error, cached};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
struct User {
    id: u64,
    name: String,
}

#[cached(interop = "get_user", namespace = "users", ttl = 300)]
async fn get_user(id: u64) -> User {
    println!("asking the database for user {id}");
    User { id, name: format!("user number {id}") }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Entries live in this process here; a store elsewhere is another line.
    let cache =
        Cache::production(EngineStore::with_bytes(64 << 20, SystemClock)?).namespace("demo").build()?;
    cache.set("greeting", "hello").await?;
    println!("{:?}", cache.get::<String>("greeting").await?);

    let report = || async { Ok::<_, Error>("a report that took long to make".to_owned()) };
    println!("{}", cache.get_or_compute("report", report).await?);

    cache.install()?;
    println!("{:?}", get_user(42).await);
    println!("{:?}", get_user(42).await);
    println!("{:?}", cache.stats());
    Ok(())
}
