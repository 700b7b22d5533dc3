use larder_client::cached;

const NAMESPACE: &str = "n";

#[cached(interop = "op", namespace = "n", ttl = 60 * 5)]
async fn computed_time() -> u64 {
    1
}

#[cached(interop = "op", namespace = "n", ttl = "5m")]
async fn time_as_text() -> u64 {
    1
}

#[cached(interop = "op", namespace = NAMESPACE)]
async fn constant() -> u64 {
    1
}

#[cached(interop = op, namespace("n"), profile = 1)]
async fn not_text() -> u64 {
    1
}

#[cached(interop = "op", namespace = "n", secure = true, refresh())]
async fn words_with_values() -> Result<u64, larder_client::Error> {
    Ok(1)
}

#[cached("x")]
async fn without_a_name() -> u64 {
    1
}

#[cached(key, cache)]
async fn without_a_value() -> u64 {
    1
}

#[cached(interop = "op", namespace = "n", skip = db, key_fn = "op_key")]
async fn names(db: u64) -> u64 {
    db
}

fn main() {}
