use larder_client::{Cache, cached};

#[cached(interop = "op", namespace = "n", refresh)]
async fn text(text: &str, parts: Vec<&str>) -> String {
    format!("{text}: {}", parts.len())
}

struct Service {
    cache: Cache,
}

impl Service {
    #[cached(interop = "op", namespace = "n", refresh, cache = &self.cache)]
    async fn method(&self, id: u64) -> u64 {
        self.cache.stats().misses + id
    }

    #[cached(interop = "op", namespace = "n", refresh, cache = &self.cache)]
    async fn uses_only_what_is_owned(&self, id: u64, name: &'static str) -> String {
        format!("{name} {id}")
    }
}

fn main() {}
