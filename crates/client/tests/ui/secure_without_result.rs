use larder_client::cachekit;

#[cachekit(interop = "get_secret", namespace = "vault", secure)]
async fn get_secret(id: u64) -> String {
    id.to_string()
}

fn main() {}
