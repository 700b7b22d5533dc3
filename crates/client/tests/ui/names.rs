use larder_client::cachekit;

#[cachekit(interop = "GetUser", namespace = "users")]
async fn bad_operation(id: u64) -> u64 {
    id
}

#[cachekit(interop = "get_user", namespace = "ns")]
async fn reserved_namespace(id: u64) -> u64 {
    id
}

#[cachekit(interop = "get_user")]
async fn no_namespace(id: u64) -> u64 {
    id
}

#[cachekit(interop = "get_user", namespace = "users", key = "k")]
async fn both(id: u64) -> u64 {
    id
}

fn main() {}
