//! Entries of the CacheKit SDK for Python in the same Larder as ours, over REST.

use std::path::Path;

use larder_client::store::{RestStore, Store};

use crate::entries::{Place, python};
use crate::server::{HOST, KEY, Larder, OTHER_KEY, store};

/// A Larder and how it is reached; `None` says that the test has to skip.
fn place() -> Option<(Larder, Place<RestStore>)> {
    let python = python()?;
    let larder = Larder::start();
    let environment = vec![
        ("CACHEKIT_API_URL", format!("https://{HOST}:{}", larder.port).into()),
        ("CACHEKIT_API_KEY", KEY.into()),
        ("CACHEKIT_ALLOW_CUSTOM_HOST", "true".into()),
        ("SSL_CERT_FILE", larder.certificate().into()),
        ("NO_PROXY", "*".into()),
        ("PYTHONPATH", Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python").into()),
    ];
    // Makes the host's name stand for this machine.
    let first =
        "import larder_host, runpy, sys; sys.argv.pop(0); runpy.run_path(sys.argv[0], run_name='__main__')";
    let arguments = vec!["-c".into(), first.into()];
    let (port, certificate) = (larder.port, larder.certificate());
    let store = Box::new(move || store(port, certificate.clone(), KEY));
    Some((larder, Place { python, arguments, environment, store }))
}

#[tokio::test]
async fn plain_entries_of_python_and_rust_go_both_ways_over_rest() {
    let Some((larder, place)) = place() else { return };
    place.shares_plain_entries().await;
    let key = larder_client::Key::interop("users", "get_user", (1, ("a", "b"))).unwrap();
    let others = larder.store(OTHER_KEY);
    assert_eq!(others.get(key.as_str().as_bytes()).await, Ok(None), "another tenant sees nothing of it");
}

#[tokio::test]
async fn encrypted_entries_of_python_and_rust_go_both_ways_over_rest() {
    let Some((_larder, place)) = place() else { return };
    place.shares_encrypted_entries().await;
}

#[tokio::test]
async fn over_rest_neither_reads_what_the_other_has_encrypted_for_somebody_else() {
    let Some((_larder, place)) = place() else { return };
    place.keeps_plain_and_encrypted_apart().await;
}
