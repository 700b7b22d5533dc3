//! The shortest program with `cachekit-rs` and a Larder of one's own; the README shows it.
//!
//! `CACHEKIT_API_URL`, `CACHEKIT_API_KEY` and, for a certificate of one's own, `SSL_CERT_FILE` say where.

use std::{env, sync::Arc};

use cachekit::{backend::cachekitio::CachekitIO, prelude::*};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let larder = CachekitIO::builder()
        .api_url(env::var("CACHEKIT_API_URL")?)
        .api_key(env::var("CACHEKIT_API_KEY")?)
        .allow_custom_host(true)
        .build()?;
    let cache = CacheKit::builder().backend(Arc::new(larder)).build()?;
    cache.set("greeting", &"hello").await?;
    let greeting: Option<String> = cache.get("greeting").await?;
    println!("{greeting:?}");
    Ok(())
}
