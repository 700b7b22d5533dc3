//! Copies near at hand in front of Redis, which several processes share. Without a Redis it says so and ends.
//!
//!     REDIS_URL=redis://127.0.0.1:6379 cargo run -p larder-client --example tiered_redis

use std::time::{Duration, Instant};

use larder_client::store::{Limits, RedisStore};
use larder_client::{Cache, NearOptions};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1:6379".to_owned());
    let process = || {
        let store = RedisStore::new(&url, Limits::default())?;
        let near = NearOptions { life_max: Duration::from_secs(10), ..NearOptions::bytes(16 << 20) };
        Cache::production(store).namespace("larder-example").near(near).build()
    };
    let (one, another) = (process()?, process()?);
    if let Err(error) = one.health().await {
        println!("skipped: {error}");
        return Ok(());
    }

    one.set("rates", &[1.08, 0.93]).await?;
    println!("another process reads {:?}", another.get::<Vec<f64>>("rates").await?);
    let start = Instant::now();
    for _ in 0..1000 {
        another.get::<Vec<f64>>("rates").await?;
    }
    println!("and again, a thousand times from its copy, in {:?}", start.elapsed());
    let stats = another.stats();
    println!("from Redis: {}, from the copy: {}", stats.store_hits, stats.near_hits);
    one.delete("rates").await?;
    Ok(())
}
