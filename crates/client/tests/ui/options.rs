use larder_client::cached;

#[cached(interop = "op", namespace = "n", tll = 300)]
async fn misspelt() -> u64 {
    1
}

#[cached(interop = "op", namespace = "n", ttl = 0)]
async fn no_time() -> u64 {
    1
}

#[cached(interop = "op", namespace = "n", ttl = 2592001)]
async fn too_much_time() -> u64 {
    1
}

#[cached(interop = "op", namespace = "n", profile = "v2")]
async fn no_such_profile() -> u64 {
    1
}

#[cached(interop = "op", namespace = "n", skip(db))]
async fn no_such_argument(id: u64) -> u64 {
    id
}

#[cached(interop = "op", namespace = "n", refresh)]
fn not_in_the_background() -> u64 {
    1
}

fn main() {}
