use larder_client::cached;

struct Pool;

#[cached(interop = "get_user", namespace = "users")]
async fn get_user(db: &Pool, id: u64) -> u64 {
    let _ = db;
    id
}

fn main() {}
