//! The published Python SDK of CacheKit against Larder's own TLS listener, which asks for keys: `tests/python/cachekit_*.py`. The
//! certificate, the server and the variables are those that the README says.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use support::readme::{command, commands, shell};
use support::served::Served;
use support::{larder, outcome, parts};
use tempfile::TempDir;

/// The key of the README, one of the kind that SDKs are given, and nobody's.
const KEY: &str = "ck_live_0123456789abcdef";
const SDK_KEY: &str = "ck_sdk_0123456789abcdef";
const WRONG_KEY: &str = "ck_live_0123456789abcdee";

/// A Larder with a certificate of its own.
struct Larder {
    server: Served,
    folder: TempDir,
}

impl Larder {
    /// `None` says that the test has to skip.
    fn start() -> Option<Larder> {
        parts::python("")?;
        parts::program("openssl")?;
        let folder = TempDir::new().unwrap();
        let section = "The CacheKit REST API";
        let made = shell(&command(section, "openssl "), folder.path()).output().unwrap();
        assert!(made.status.success(), "{made:?}");
        let serving = command(section, "larder serve --rest").replace(":8443", ":0");
        let mut server = larder(serving.strip_prefix("larder ").unwrap().split_whitespace());
        server.args(["--paper", "off", "--seriput", "off", "--admin", "127.0.0.1:0"]);
        server.args(["--api-key", &format!("{SDK_KEY}=default")]).current_dir(&folder);
        Some(Larder { server: Served::start(&mut server, 2), folder })
    }

    fn metrics(&self) -> String {
        format!("http://{}/metrics", self.server.address("admin"))
    }

    /// Runs a script to its end and returns what it says.
    fn run(&self, script: &str, arguments: &[&str]) -> String {
        self.run_with(KEY, script, arguments)
    }

    fn run_with(&self, key: &str, script: &str, arguments: &[&str]) -> String {
        let mut script = parts::python(script).unwrap();
        let port = self.server.address("rest").port();
        let exports = commands("Use it from CacheKit's SDKs", "export ").join(" ");
        let variables: Vec<_> = exports.split(' ').filter_map(|word| word.split_once('=')).collect();
        assert_eq!(variables.len(), 4, "{exports}");
        for (name, value) in variables {
            let value = value.replace(":8443", &format!(":{port}")).replace(KEY, key);
            script.env(name, value.replace("$PWD", self.folder.path().to_str().unwrap()));
        }
        script.args(arguments).env("NO_PROXY", "*").env_remove("CACHEKIT_MASTER_KEY");
        let (status, stdout, stderr) = outcome(&script.output().unwrap());
        assert_eq!(status, 0, "{stdout}{stderr}");
        stdout
    }
}

#[test]
fn every_call_of_the_python_sdks_backend_does_what_it_promises() {
    let Some(larder) = Larder::start() else { return };
    assert_eq!(larder.run("cachekit_backend.py", &[]), "done\n");
}

#[test]
fn what_one_python_process_computes_another_finds() {
    let Some(larder) = Larder::start() else { return };
    let run = |key, part| larder.run_with(key, "cachekit_functions.py", &[part]);
    assert_eq!(run(KEY, "everything"), "computed: plain waiting secret shared\n");
    assert_eq!(run(KEY, "everything"), "computed: \n");
    assert_eq!(run(SDK_KEY, "everything"), "computed: \n", "the key of an SDK is as good");
    assert_eq!(run(SDK_KEY, "invalidate"), "computed: plain\n");
}

#[test]
fn a_wrong_key_is_an_error_of_authentication_in_python() {
    let Some(larder) = Larder::start() else { return };
    assert_eq!(
        larder.run_with(WRONG_KEY, "cachekit_wrong_key.py", &[]),
        "refused: get set exists delete get_async\n"
    );
    assert_eq!(larder.run_with(KEY, "cachekit_wrong_key.py", &[]), "refused: \n");
}

#[test]
fn a_stampede_of_python_processes_computes_once() {
    let Some(larder) = Larder::start() else { return };
    assert_eq!(larder.run("cachekit_stampede.py", &["6", &larder.metrics()]), "computed: 1\n");
}

#[test]
fn the_program_in_the_readme_works() {
    let Some(larder) = Larder::start() else { return };
    assert_eq!(larder.run("readme_cachekit.py", &[]), "computing 7\n49\n49\n");
    assert_eq!(larder.run("readme_cachekit.py", &[]), "49\n49\n", "another process finds it");
}
