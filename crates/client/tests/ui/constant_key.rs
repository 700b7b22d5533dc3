use larder_client::{Cache, cached};

#[cached(key = "u:{id}")]
async fn not_formatted(id: u64) -> u64 {
    id
}

#[cached(key = "settings".to_owned())]
fn without_its_argument(tenant: &str) -> String {
    tenant.to_owned()
}

#[cached(key = "settings", cache = cache, skip(cache))]
fn one_is_not_skipped(cache: &Cache, tenant: &str) -> String {
    let _ = cache;
    tenant.to_owned()
}

#[cached(key = format!("u:{id}"), skip(log))]
fn skips_in_vain(id: u64, log: &str) -> u64 {
    let _ = log;
    id
}

fn main() {}
