use larder_client::cachekit;

struct MyError;

#[cachekit(interop = "get_secret", namespace = "vault", secure)]
async fn get_secret(id: u64) -> Result<String, MyError> {
    Ok(id.to_string())
}

fn main() {}
