//! Entries that the CacheKit SDK for Python wrote, read by this one, and back: plain and encrypted, through Redis.

use std::process::Command;

use larder_client::crypto::Keyring;
use larder_client::store::{RedisStore, Store};
use larder_client::{Cache, Error, Foreign, Key};
use serde::{Deserialize, Serialize};

use crate::program::{is_there, redis};
use crate::{redis_store, url};

const MASTER_KEY: &str = "6161616161616161616161616161616161616161616161616161616161616161";

const SCRIPT: &str = r#"
import json, os, sys
from cachekit import cache
from cachekit.backends import RedisBackend

url, mode = sys.argv[1], sys.argv[2]
options = dict(ttl=300, backend=RedisBackend(url), l1_enabled=False)
if mode == "secure":
    decorate = lambda **more: cache.secure(master_key=os.environ["KEY"], **options, **more)
else:
    decorate = lambda **more: cache(**options, **more)
computed = []

def user(user_id, tags):
    computed.append(user_id)
    return {"id": user_id, "name": "from Python", "score": 2.0, "tags": tags, "note": None}

if mode == "auto":
    # Not an interop entry: a private frame, under a key that this prints.
    @decorate(namespace="users")
    def own(user_id):
        return user(user_id, [])
    own(1)
else:
    @decorate(interop="get_user", namespace="users")
    def get_user(user_id, tags=("a", "b")):
        return user(user_id, list(tags))
    for argument in sys.argv[3:]:
        print(json.dumps({"value": get_user(int(argument)), "computed": len(computed)}))
"#;

/// The interpreter that has the SDK for Python, if there is one.
pub(crate) fn python() -> Option<String> {
    let python = std::env::var("LARDER_TEST_PYTHON").ok();
    if python.is_none() {
        assert!(std::env::var_os("CI").is_none(), "LARDER_TEST_PYTHON is not set");
        println!("skipped: LARDER_TEST_PYTHON is not set");
    }
    python
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct User {
    id: i64,
    name: String,
    score: f64,
    tags: Vec<String>,
    note: Option<String>,
}

fn user(id: i64, name: &str) -> User {
    User { id, name: name.into(), score: 2.0, tags: vec!["a".into(), "b".into()], note: None }
}

#[derive(Deserialize)]
struct Said {
    value: User,
    computed: usize,
}

fn run(python: &str, port: u16, mode: &str, ids: &[i64]) -> Vec<Said> {
    let mut command = Command::new(python);
    command.args(["-c", SCRIPT, &url(port), mode]).args(ids.iter().map(i64::to_string));
    let ran = command.env("KEY", MASTER_KEY).env_remove("CACHEKIT_MASTER_KEY").output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let said = String::from_utf8(ran.stdout).unwrap();
    said.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn key(id: i64) -> Key<'static> {
    // The call as Python binds it: defaults are filled in.
    Key::interop("users", "get_user", (id, ("a", "b"))).unwrap()
}

fn secure(store: RedisStore) -> Cache {
    Cache::secure(store).keyring(Keyring::from_hex(MASTER_KEY, "").unwrap()).build().unwrap()
}

#[tokio::test]
async fn plain_entries_go_both_ways() {
    let Some(python) = python() else { return };
    if !is_there("redis-server") {
        return;
    }
    let (_server, port) = redis(&[]);
    both_ways(&python, port, "plain", &Cache::production(redis_store(port)).build().unwrap()).await;
}

#[tokio::test]
async fn encrypted_entries_go_both_ways() {
    let Some(python) = python() else { return };
    if !is_there("redis-server") {
        return;
    }
    let (_server, port) = redis(&[]);
    both_ways(&python, port, "secure", &secure(redis_store(port))).await;
    let stored = redis_store(port).get(key(1).as_str().as_bytes()).await.unwrap().unwrap().bytes;
    assert!(!stored.windows(6).any(|window| window == b"Python"), "what is between us is ciphertext");
}

async fn both_ways(python: &str, port: u16, mode: &str, cache: &Cache) {
    let theirs = run(python, port, mode, &[1]);
    assert_eq!((theirs[0].computed, &theirs[0].value.name[..]), (1, "from Python"));
    assert_eq!(cache.get::<User>(&key(1)).await.unwrap(), Some(user(1, "from Python")));

    cache.set(&key(2), &user(2, "from Rust")).await.unwrap();
    let read = run(python, port, mode, &[2]);
    assert_eq!((read[0].computed, &read[0].value), (0, &user(2, "from Rust")));

    let compute = || async { Ok::<_, Error>(user(0, "computed although it was there")) };
    assert_eq!(cache.get_or_compute(&key(1), compute).await.unwrap(), user(1, "from Python"));
}

#[tokio::test]
async fn neither_reads_what_the_other_has_encrypted_for_somebody_else() {
    let Some(python) = python() else { return };
    if !is_there("redis-server") {
        return;
    }
    let (_server, port) = redis(&[]);
    run(&python, port, "secure", &[1]);
    let plain = Cache::production(redis_store(port)).build().unwrap();
    assert_eq!(plain.get::<User>(&key(1)).await.unwrap(), None, "ciphertext is not a value");
    run(&python, port, "plain", &[2]);
    let secure = secure(redis_store(port));
    assert!(matches!(secure.get::<User>(&key(2)).await, Err(Error::Foreign(Foreign::Decrypt(_)))));
}

#[tokio::test]
async fn a_private_frame_of_python_is_no_value() {
    let Some(python) = python() else { return };
    if !is_there("redis-server") {
        return;
    }
    let (_server, port) = redis(&[]);
    run(&python, port, "auto", &[]);
    let written = crate::stampede::ask(port, "KEYS *");
    let written = written.lines().find(|line| line.contains("func:")).unwrap().to_owned();
    let cache = Cache::production(redis_store(port)).build().unwrap();
    assert!(cache.exists(&written).await.unwrap());
    assert_eq!(cache.get::<User>(&written).await.unwrap(), None);
    assert_eq!(cache.stats().foreign, 1);
}
