//! Entries of the CacheKit SDK for Python beside those of this one, wherever both of them reach the same place: `entries.py` writes
//! and reads Python's.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use larder_client::crypto::Keyring;
use larder_client::store::Store;
use larder_client::{Cache, Error, Foreign, Key};
use serde::{Deserialize, Serialize};

const MASTER_KEY: &str = "6161616161616161616161616161616161616161616161616161616161616161";

/// The interpreter that has the SDK for Python, if there is one.
pub(crate) fn python() -> Option<String> {
    let python = std::env::var("LARDER_TEST_PYTHON").ok();
    if python.is_none() {
        assert!(std::env::var_os("CI").is_none(), "LARDER_TEST_PYTHON is not set");
        println!("skipped: LARDER_TEST_PYTHON is not set");
    }
    python
}

/// A place that both SDKs reach.
pub(crate) struct Place<S> {
    pub(crate) python: String,
    /// Arguments of the interpreter, and what the environment says of the place.
    pub(crate) arguments: Vec<OsString>,
    pub(crate) environment: Vec<(&'static str, OsString)>,
    pub(crate) store: Box<dyn Fn() -> S>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct User {
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

fn key(id: i64) -> Key<'static> {
    // The call as Python binds it: defaults are filled in.
    Key::interop("users", "get_user", (id, ("a", "b"))).unwrap()
}

impl<S: Store + 'static> Place<S> {
    /// What Python prints.
    fn run(&self, mode: &str, ids: &[i64]) -> String {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../client/tests/real/entries.py");
        let mut command = Command::new(&self.python);
        command.args(&self.arguments).arg(script).arg(mode).args(ids.iter().map(i64::to_string));
        command.env_remove("CACHEKIT_MASTER_KEY").env_remove("REDIS_URL").env_remove("CACHEKIT_API_URL");
        let environment = self.environment.iter().map(|(name, value)| (name, value));
        let ran = command.env("KEY", MASTER_KEY).envs(environment).output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout).unwrap()
    }

    fn call(&self, mode: &str, id: i64) -> Said {
        serde_json::from_str(&self.run(mode, &[id])).unwrap()
    }

    fn plain(&self) -> Cache {
        Cache::production((self.store)()).build().unwrap()
    }

    fn secure(&self) -> Cache {
        let keyring = Keyring::from_hex(MASTER_KEY, "").unwrap();
        Cache::secure((self.store)()).keyring(keyring).build().unwrap()
    }

    async fn both_ways(&self, mode: &str, cache: &Cache) {
        let theirs = self.call(mode, 1);
        assert_eq!((theirs.computed, theirs.value), (1, user(1, "from Python")));
        assert_eq!(cache.get::<User>(&key(1)).await.unwrap(), Some(user(1, "from Python")));

        cache.set(&key(2), &user(2, "from Rust")).await.unwrap();
        let read = self.call(mode, 2);
        assert_eq!((read.computed, read.value), (0, user(2, "from Rust")));

        let compute = || async { Ok::<_, Error>(user(0, "computed although it was there")) };
        assert_eq!(cache.get_or_compute(&key(1), compute).await.unwrap(), user(1, "from Python"));
    }

    /// Plain entries go both ways.
    pub(crate) async fn shares_plain_entries(&self) {
        self.both_ways("plain", &self.plain()).await;
    }

    /// Encrypted entries go both ways, and the place sees ciphertext.
    pub(crate) async fn shares_encrypted_entries(&self) {
        self.both_ways("secure", &self.secure()).await;
        for id in [1, 2] {
            let stored = (self.store)().get(key(id).as_str().as_bytes()).await.unwrap().unwrap().bytes;
            assert!(!stored.windows(4).any(|window| window == b"from"), "what is between us is ciphertext");
        }
    }

    /// Neither takes ciphertext for a value or a value for ciphertext.
    pub(crate) async fn keeps_plain_and_encrypted_apart(&self) {
        self.call("secure", 1);
        let plain = self.plain();
        assert_eq!(plain.get::<User>(&key(1)).await.unwrap(), None, "ciphertext is not a value");
        self.call("plain", 2);
        let refused = self.secure().get::<User>(&key(2)).await;
        assert!(matches!(refused, Err(Error::Foreign(Foreign::Decrypt(_)))), "{refused:?}");
    }

    /// A private frame of Python's, whose key `find` finds, is there and is no value.
    pub(crate) async fn takes_no_private_frame_for_a_value(&self, find: impl FnOnce() -> String) {
        self.run("auto", &[]);
        let written = find();
        let cache = self.plain();
        assert!(cache.exists(&written).await.unwrap());
        assert_eq!(cache.get::<User>(&written).await.unwrap(), None);
        assert_eq!(cache.stats().foreign, 1);
    }
}
