use larder_client::cached;

#[cached(interop = "op", namespace = "n")]
async fn borrowed(text: &'static str) -> &'static str {
    text
}

#[cached(interop = "op", namespace = "n")]
async fn nothing(id: u64) {
    let _ = id;
}

#[cached(interop = "op", namespace = "n")]
fn unnamed() -> impl Iterator<Item = u64> {
    0..3
}

fn main() {}
