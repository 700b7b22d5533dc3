//! A web service whose handlers are cached: one computation per key whatever the load, counters at /stats. It asks itself a few
//! questions and ends; with an address it stays.
//!
//!     cargo run -p larder-client --example axum_service [127.0.0.1:8080]

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use larder_client::store::{EngineStore, SystemClock};
use larder_client::{Cache, Key};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Product {
    id: u32,
    name: String,
}

/// What can go wrong in the service; the cache's errors are among it.
#[derive(Debug)]
enum Failure {
    NoSuchProduct,
    Cache(larder_client::Error),
}

impl From<larder_client::Error> for Failure {
    fn from(error: larder_client::Error) -> Self {
        Self::Cache(error)
    }
}

impl From<Failure> for StatusCode {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NoSuchProduct => Self::NOT_FOUND,
            Failure::Cache(error) => {
                eprintln!("{error}");
                Self::SERVICE_UNAVAILABLE
            }
        }
    }
}

async fn load(id: u32) -> Result<Product, Failure> {
    println!("the database is asked for product {id}");
    if id > 100 {
        return Err(Failure::NoSuchProduct);
    }
    Ok(Product { id, name: format!("product {id}") })
}

async fn product(State(cache): State<Cache>, Path(id): Path<u32>) -> Result<Json<Product>, StatusCode> {
    let key = Key::interop("shop", "product", (id,)).map_err(|_| StatusCode::BAD_REQUEST)?;
    // Served at once also when it is time to load it anew: that happens in the background.
    Ok(Json(cache.get_or_refresh(&key, move || load(id)).await?))
}

async fn stats(State(cache): State<Cache>) -> String {
    format!("{:#?}\n", cache.stats())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let cache = Cache::production(EngineStore::with_bytes(64 << 20, SystemClock)?).build()?;
    let service =
        Router::new().route("/products/{id}", get(product)).route("/stats", get(stats)).with_state(cache);

    let address = std::env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:0")).await?;
    let bound = listener.local_addr()?;
    println!("listening on http://{bound}");
    let serving = tokio::spawn(async move { axum::serve(listener, service).await });
    if address.is_some() {
        return Ok(serving.await??);
    }
    for path in ["/products/7", "/products/7", "/products/101"] {
        let mut stream = TcpStream::connect(bound).await?;
        let request = format!("GET {path} HTTP/1.1\r\nhost: {bound}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let status = answer.lines().next().unwrap_or_default();
        println!("{path}: {status} {}", answer.rsplit("\r\n").next().unwrap_or_default());
    }
    Ok(())
}
