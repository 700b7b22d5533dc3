//! `cachekit-rs` as it is published against the Larder in `target/debug` (or where `LARDER` says): every call of its backend, its
//! client with and without encryption, and its functions in a stampede. The SDK reads what the server answers strictly - a field
//! too many, and it fails - and talks to nothing but HTTPS. Certificate and server are those that the README says.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use cachekit::{
    backend::{Backend, LockableBackend, TtlInspectable, cachekitio::CachekitIO},
    error::BackendErrorKind,
    interop::{InteropValue, interop_key},
    prelude::*,
};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

/// The key of the README, one of the kind that SDKs are given, and nobody's.
const KEY: &str = "ck_live_0123456789abcdef";
const SDK_KEY: &str = "ck_sdk_0123456789abcdef";
const WRONG_KEY: &str = "ck_live_0123456789abcdee";

/// A Larder with a certificate of its own; stopped when dropped.
struct Larder {
    server: Child,
    url: String,
    folder: TempDir,
}

impl Drop for Larder {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// A place in the project.
fn path(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(relative)
}

/// The one command of the README that begins so.
fn command(begin: &str) -> String {
    let readme = std::fs::read_to_string(path("README.md")).unwrap().replace("\\\n", " ");
    let commands: Vec<_> = readme.lines().filter(|line| line.trim_start().starts_with(begin)).collect();
    assert_eq!(commands.len(), 1, "{commands:?}");
    commands[0].trim().to_owned()
}

impl Larder {
    fn start() -> Larder {
        let folder = tempfile::tempdir().unwrap();
        let made =
            Command::new("sh").args(["-c", &command("openssl req")]).current_dir(&folder).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let binary = std::env::var_os("LARDER").map_or_else(|| path("target/debug/larder"), PathBuf::from);
        let serving = command("larder serve --rest").replace(":8443", ":0");
        let mut server = Command::new(std::path::absolute(binary).unwrap())
            .args(serving.split_whitespace().skip(1))
            .args(["--paper", "off", "--seriput", "off", "--admin", "off"])
            .args(["--api-key", &format!("{SDK_KEY}=default")])
            .current_dir(&folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port =
            line.trim().strip_prefix("rest listening on 0.0.0.0:").unwrap_or_else(|| panic!("{line:?}"));
        // The certificate is for this name as well, which needs no line in /etc/hosts.
        let url = format!("https://localhost:{port}");
        Larder { server, url, folder }
    }

    fn backend(&self) -> CachekitIO {
        self.backend_with(KEY)
    }

    fn backend_with(&self, key: &str) -> CachekitIO {
        CachekitIO::builder().api_url(&self.url).api_key(key).allow_custom_host(true).build().unwrap()
    }

    /// A client with an L1 of its own, as another process would have it.
    fn client(&self) -> CacheKit {
        CacheKit::builder().backend(Arc::new(self.backend())).build().unwrap()
    }
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
struct User {
    id: u64,
    name: String,
    tags: Vec<String>,
}

fn alice() -> User {
    User { id: 42, name: "Alice".to_owned(), tags: vec!["é".to_owned(); 100] }
}

async fn backend_calls(larder: &Larder) {
    let backend = larder.backend();
    let hour = Some(Duration::from_secs(3600));
    assert!(backend.health().await.unwrap().is_healthy);
    for key in ["plain", "ns:users:a.b:c", "users:get_user:0123", &"k".repeat(400)] {
        assert_eq!(backend.get(key).await.unwrap(), None);
        assert!(!backend.exists(key).await.unwrap());
        for value in [Vec::new(), vec![0, 255], vec![7; 3_000_000]] {
            backend.set(key, value.clone(), hour).await.unwrap();
            assert_eq!(backend.get(key).await.unwrap(), Some(value));
        }
        assert!(backend.exists(key).await.unwrap());
        let left = backend.ttl(key).await.unwrap().unwrap();
        assert!(left > Duration::from_secs(3590) && left <= Duration::from_secs(3600), "{left:?}");
        assert!(backend.refresh_ttl(key, Duration::from_secs(60)).await.unwrap());
        assert!(backend.ttl(key).await.unwrap().unwrap() <= Duration::from_secs(60));
        backend.delete(key).await.unwrap();
        assert_eq!(backend.ttl(key).await.unwrap(), None);
        backend.delete(key).await.expect("what is not there is deleted all the same");
    }
    backend.set("for-ever", vec![1], None).await.unwrap();
    assert_eq!(backend.ttl("for-ever").await.unwrap(), None);
    backend.set("with space", vec![1], None).await.unwrap_err();
    backend.set(&"k".repeat(401), vec![1], None).await.unwrap_err();

    let held = backend.acquire_lock("locked", 30_000).await.unwrap().expect("nobody has it");
    assert_eq!(backend.acquire_lock("locked", 30_000).await.unwrap(), None);
    assert!(!backend.release_lock("locked", "7d444840-9dc0-11d1-b245-5ffdce74fad2").await.unwrap());
    assert!(backend.release_lock("locked", &held).await.unwrap());
    assert!(!backend.release_lock("locked", &held).await.unwrap());
    assert!(backend.acquire_lock("locked", 30_000).await.unwrap().is_some());
}

async fn keys(larder: &Larder) {
    let wrong = larder.backend_with(WRONG_KEY);
    let errors = [
        wrong.get("k").await.unwrap_err(),
        wrong.set("k", vec![1], None).await.unwrap_err(),
        wrong.delete("k").await.unwrap_err(),
        wrong.acquire_lock("k", 1_000).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind, BackendErrorKind::Authentication, "{error}");
    }
    let sdk = larder.backend_with(SDK_KEY);
    assert_eq!(sdk.get("k").await.unwrap(), None, "nothing was stored");
    sdk.set("ns:users:k", vec![1], None).await.unwrap();
    assert_eq!(larder.backend().get("ns:users:k").await.unwrap(), Some(vec![1]));
    let denied = sdk.set("nsapi:tools:k", vec![1], None).await.unwrap_err();
    assert_eq!(denied.kind, BackendErrorKind::Authentication, "{denied}");
}

async fn values_between_clients(larder: &Larder) {
    larder.client().set_with_ttl("user:42", &alice(), Duration::from_secs(60)).await.unwrap();
    assert_eq!(larder.client().get("user:42").await.unwrap(), Some(alice()));
    assert!(larder.client().exists("user:42").await.unwrap());
    larder.client().delete("user:42").await.unwrap();
    assert_eq!(larder.client().get::<User>("user:42").await.unwrap(), None);

    // The entry that every SDK has for get_user(42).
    let key = interop_key("users", "get_user", &[InteropValue::from(42i64)]).unwrap();
    larder.client().set(&key, &alice()).await.unwrap();
    assert_eq!(larder.client().interop_get(&key).await.unwrap(), Some(alice()));
}

async fn encrypted_values(larder: &Larder) {
    let secret = |key: &str| {
        let backend = Arc::new(larder.backend());
        CacheKit::builder().backend(backend).encryption(key, "default").unwrap().build().unwrap()
    };
    let (ours, theirs) = ("5a".repeat(32), "a5".repeat(32));
    secret(&ours).set("secret", &alice()).await.unwrap();
    assert_eq!(secret(&ours).get("secret").await.unwrap(), Some(alice()));
    secret(&theirs).get::<User>("secret").await.unwrap_err();
    let stored = larder.backend().get("secret").await.unwrap().unwrap();
    assert!(!stored.windows(5).any(|part| part == b"Alice"), "the server has ciphertext");
}

static COMPUTED: AtomicUsize = AtomicUsize::new(0);

#[cachekit(client = cache, ttl = 600, interop = "expensive", namespace = "stampede")]
async fn expensive(cache: &CacheKit, id: u64) -> Result<String, CachekitError> {
    COMPUTED.fetch_add(1, Ordering::SeqCst);
    // Long enough for the others to come: nobody finds the entry before this.
    tokio::time::sleep(Duration::from_millis(500)).await;
    Ok(format!("dear {id}"))
}

async fn a_stampede_computes_once(larder: &Larder) {
    // Clients of their own, so that only the server's lock keeps them from each other.
    let clients: Vec<_> = (0..16).map(|_| Arc::new(larder.client())).collect();
    let calls: Vec<_> = clients
        .iter()
        .cloned()
        .map(|cache| tokio::spawn(async move { expensive(&cache, 7).await }))
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap(), "dear 7");
    }
    assert_eq!(COMPUTED.load(Ordering::SeqCst), 1);
}

#[test]
fn the_sdk_works_with_larder() {
    let larder = Larder::start();
    // SAFETY: no other thread has been started yet.
    unsafe { std::env::set_var("SSL_CERT_FILE", larder.folder.path().join("cert.pem")) };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        backend_calls(&larder).await;
        keys(&larder).await;
        values_between_clients(&larder).await;
        encrypted_values(&larder).await;
        a_stampede_computes_once(&larder).await;
    });
    // The program that the README shows.
    let readme = std::fs::read_to_string(path("README.md")).unwrap();
    let (_, program) = include_str!("../src/main.rs").split_once("\n\n").unwrap();
    assert!(readme.contains(program), "README.md does not show src/main.rs");
    let example = Command::new(env!("CARGO_BIN_EXE_larder-cachekit-rs"))
        .env("CACHEKIT_API_URL", &larder.url)
        .env("CACHEKIT_API_KEY", KEY)
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&example.stdout), "Some(\"hello\")\n", "{example:?}");
}
