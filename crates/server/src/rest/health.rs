//! `GET /v1/cache/health`: that the cache serves, and how much it holds.

use serde_json::json;

use super::{answer::Answer, route::Call};
use crate::VERSION;

pub(crate) fn health(call: &Call<'_>) -> Answer {
    let entries = call.cache.status().entries;
    let locks = call.cache.leases(call.now);
    let health =
        json!({ "status": "ok", "version": VERSION, "cache_entries": entries, "active_locks": locks });
    Answer::json(health.to_string())
}
