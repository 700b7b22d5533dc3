//! The administration listener, for monitoring and not for clients: `/health` (the process answers), `/ready` (it takes
//! requests; 503 while it stops), `/metrics`, `/openapi.json`, which describes the REST API, and as JSON `/auto` and `/auto/curve`:
//! how the policy is picked. It has no authentication, so it stays on loopback unless `allow_insecure`
//! is set. Its connections are few and bounded, and do not count as clients.

mod auto;
mod metrics;

use std::{io, sync::Arc};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use larder_engine::Cache;
use prometheus_client::{
    encoding::{prometheus_text, text},
    registry::Registry,
};
use serde_json::Value;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch as signal},
    time,
};
use tracing::{debug, warn};

use crate::{
    limits::{
        ACCEPT_PAUSE, ADMIN_CONNECTION_TIME, ADMIN_CONNECTIONS_MAX, ADMIN_HEAD_TIME, ADMIN_LINGER_TIME,
    },
    rest::openapi,
    shared::Shared,
};

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What the routes answer from.
struct Admin {
    shared: Arc<Shared>,
    registry: Registry,
    stopped: signal::Receiver<bool>,
}

fn router(shared: Arc<Shared>, stopped: signal::Receiver<bool>) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .route("/openapi.json", get(describe))
        .route("/auto", get(report))
        .route("/auto/curve", get(curve))
        .with_state(Arc::new(Admin { registry: metrics::registry(Arc::clone(&shared)), shared, stopped }))
}

/// Whoever gets this answer knows that the process is alive.
async fn health() -> &'static str {
    "alive\n"
}

/// Whether new clients are welcome.
async fn ready(State(admin): State<Arc<Admin>>) -> (StatusCode, &'static str) {
    if *admin.stopped.borrow() {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping\n")
    } else {
        (StatusCode::OK, "ready\n")
    }
}

/// OpenMetrics for those who ask for it, as Prometheus does, and Prometheus's older format for all others.
async fn metrics(State(admin): State<Arc<Admin>>, headers: HeaderMap) -> Response {
    let mut page = String::new();
    let (written, kind) = if wants_openmetrics(&headers) {
        (text::encode(&mut page, &admin.registry), OPENMETRICS)
    } else {
        (prometheus_text::encode(&mut page, &admin.registry), PROMETHEUS)
    };
    match written {
        Ok(()) => ([(header::CONTENT_TYPE, kind)], page).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

/// The description of the REST API.
async fn describe() -> Json<serde_json::Value> {
    Json(openapi::document())
}

/// How the policy is picked, by tenant; null where nothing is watched.
async fn report(State(admin): State<Arc<Admin>>) -> Json<Value> {
    let report = |cache: &Cache| cache.auto_report().as_ref().map(auto::report);
    Json(by_tenant(&admin.shared, report))
}

/// What would be missed at other sizes, by tenant; null where nothing is watched.
async fn curve(State(admin): State<Arc<Admin>>) -> Json<Value> {
    Json(by_tenant(&admin.shared, |cache| cache.curve().as_ref().map(auto::curve)))
}

fn by_tenant(shared: &Shared, tell: impl Fn(&Cache) -> Option<Value>) -> Value {
    let tenants = shared.tenants.iter();
    Value::Object(tenants.map(|tenant| (tenant.name.clone(), tell(&tenant.cache).into())).collect())
}

fn wants_openmetrics(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT);
    accepted
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.contains("application/openmetrics-text"))
}

/// Serves until dropped: also while the server stops, so that whoever asks then learns it.
pub(crate) async fn serve(
    listener: std::net::TcpListener,
    shared: Arc<Shared>,
    stopped: signal::Receiver<bool>,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let places = Arc::new(Semaphore::new(ADMIN_CONNECTIONS_MAX));
    let router = router(shared, stopped);
    loop {
        // Whoever comes when all places are taken waits until one is free.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return Ok(()) };
        match listener.accept().await {
            Ok((stream, peer)) => {
                let router = router.clone();
                tokio::spawn(async move {
                    if let Err(error) = converse(stream, router).await {
                        debug!(%peer, %error, "administration");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                warn!(%error, "accept failed for administration");
                time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// One connection, for a bounded time: whoever wants to stay longer connects again.
async fn converse(stream: TcpStream, router: Router) -> hyper::Result<()> {
    let service = TowerToHyperService::new(router);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(ADMIN_HEAD_TIME)
        .max_buf_size(16 << 10)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    if let Ok(ended) = time::timeout(ADMIN_CONNECTION_TIME, connection.as_mut()).await {
        return ended;
    }
    connection.as_mut().graceful_shutdown();
    time::timeout(ADMIN_LINGER_TIME, connection).await.unwrap_or(Ok(()))
}
