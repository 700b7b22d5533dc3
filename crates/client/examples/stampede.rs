//! A thousand callers want the same value at once: it is computed once. Then the one who computes is cancelled: another takes over.
//!
//!     cargo run -p larder-client --example stampede

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use larder_client::store::{EngineStore, SystemClock};
use larder_client::{Cache, Error};
use tokio::sync::Notify;
use tokio::task::JoinSet;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let cache = Cache::production(EngineStore::with_bytes(64 << 20, SystemClock)?).build()?;
    let computed = Arc::new(AtomicU32::new(0));

    let mut callers = JoinSet::new();
    for _ in 0..1000 {
        let (cache, computed) = (cache.clone(), Arc::clone(&computed));
        callers.spawn(async move {
            let compute = || async {
                tokio::task::yield_now().await; // a database, an API, …
                Ok::<_, Error>(computed.fetch_add(1, Relaxed) + 1)
            };
            cache.get_or_compute("popular", compute).await
        });
    }
    let values = callers.join_all().await.into_iter().collect::<Result<Vec<_>, _>>()?;
    println!("{} callers, {} computation: all got {}", values.len(), computed.load(Relaxed), values[0]);

    let begun = Arc::new(Notify::new());
    let leader = tokio::spawn({
        let (cache, begun) = (cache.clone(), Arc::clone(&begun));
        async move {
            let never = || async {
                begun.notify_one();
                std::future::pending::<Result<u32, Error>>().await
            };
            cache.get_or_compute("cancelled", never).await
        }
    });
    begun.notified().await;
    let follower = tokio::spawn({
        let cache = cache.clone();
        async move { cache.get_or_compute("cancelled", || async { Ok::<u32, Error>(7) }).await }
    });
    leader.abort();
    println!("the first was cancelled, the second got {}", follower.await??);
    Ok(())
}
