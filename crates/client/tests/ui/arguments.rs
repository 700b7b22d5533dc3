use larder_client::cached;

#[cached(interop = "op", namespace = "n")]
async fn pattern((a, b): (u64, u64)) -> u64 {
    a + b
}

#[cached(interop = "op", namespace = "n")]
const fn constant(a: u64) -> u64 {
    a
}

#[cached(interop = "op", namespace = "n")]
struct NotAFunction;

fn main() {}
