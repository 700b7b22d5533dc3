//! One entry, two languages: this process computes and Python reads, then the other way round. It needs a Redis and a Python with
//! the package `cachekit`; without them it says so and ends.
//!
//!     REDIS_URL=redis://127.0.0.1:6379 PYTHON=venv/bin/python cargo run -p larder-client --example shared_with_python

use std::process::Command;

use larder_client::store::{Limits, RedisStore};
use larder_client::{Cache, Key, cachekit};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
struct User {
    id: i64,
    name: String,
}

#[cachekit(interop = "get_user", namespace = "larder-example", ttl = 300)]
async fn get_user(id: i64) -> User {
    User { id, name: "computed by Rust".into() }
}

const PYTHON: &str = r#"
import sys
from cachekit import cache
from cachekit.backends import RedisBackend

@cache(interop="get_user", namespace="larder-example", ttl=300, backend=RedisBackend(sys.argv[1]))
def get_user(id):
    return {"id": id, "name": "computed by Python"}

print("Python reads", get_user(1))
print("Python reads", get_user(2))
"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1:6379".to_owned());
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let cache = Cache::production(RedisStore::new(&url, Limits::default())?).build()?;
    if let Err(error) = cache.health().await {
        println!("skipped: {error}");
        return Ok(());
    }
    if !Command::new(&python).args(["-c", "import cachekit"]).output().is_ok_and(|ran| ran.status.success()) {
        println!("skipped: {python} has no package cachekit");
        return Ok(());
    }
    cache.install()?;

    println!("Rust computes {:?}", get_user(1).await);
    let ran = Command::new(&python).args(["-c", PYTHON, &url]).output()?;
    print!("{}", String::from_utf8_lossy(&ran.stdout));
    println!("Rust reads {:?}", get_user(2).await);
    for id in [1, 2] {
        cache.delete(&Key::interop("larder-example", "get_user", (id,))?).await?;
    }
    Ok(())
}
