use larder_client::cached;

struct User;

#[cached(interop = "get_user", namespace = "users")]
async fn get_user(id: u64) -> User {
    let _ = id;
    User
}

fn main() {}
