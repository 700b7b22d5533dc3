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

#[cached(interop = "op", namespace = "n")]
async fn borrowed_inside(text: &'static str) -> Option<&'static str> {
    Some(text)
}

#[cached(interop = "op", namespace = "n")]
fn borrowed_in_a_result(texts: Vec<&'static str>) -> Result<Vec<&'static str>, &'static str> {
    Ok(texts)
}

#[cached(interop = "op", namespace = "n")]
fn owned(id: u64) -> Result<std::borrow::Cow<'static, str>, &'static str> {
    if id == 0 { Err("none") } else { Ok("some".into()) }
}

fn main() {}
