//! The published Python SDK of CacheKit, over TLS, against a Larder that each test starts: `tests/python/cachekit_*.py`.
//! The SDK talks to nothing but HTTPS, so TLS ends in front of the server (`tls_front.py`).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use support::{larder, outcome, parts};
use tempfile::TempDir;

const KEY: &str = "ck_live_0123456789abcdef";
const HOST: &str = "larder.test";

/// A Larder behind TLS, with a certificate of its own; stopped when dropped.
struct Larder {
    server: Child,
    front: Child,
    port: String,
    metrics: String,
    folder: TempDir,
}

impl Drop for Larder {
    fn drop(&mut self) {
        for child in [&mut self.front, &mut self.server] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A key and a certificate for [`HOST`], which is its own authority.
fn certify(key: &Path, certificate: &Path) {
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "1",
        ])
        .args(["-subj", &format!("/CN={HOST}"), "-addext", &format!("subjectAltName=DNS:{HOST}")])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
        .args([key, Path::new("-out"), certificate])
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
}

impl Larder {
    /// `None` says that the test has to skip.
    fn start() -> Option<Larder> {
        let mut front = parts::python("tls_front.py")?;
        let folder = TempDir::new().unwrap();
        let (key, certificate) = (folder.path().join("key.pem"), folder.path().join("cert.pem"));
        certify(&key, &certificate);
        let mut server = larder(["serve", "--paper", "off", "--seriput", "off"])
            .args(["--admin", "127.0.0.1:0", "--rest", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(server.stdout.take().unwrap()).lines();
        let lines: Vec<_> = lines.take(2).map(|line| line.unwrap()).collect();
        let after = |name: &str| lines.iter().find_map(|line| line.strip_prefix(name)).unwrap().to_owned();
        let metrics = format!("http://{}/metrics", after("admin listening on "));
        let mut front = front
            .args([&certificate, &key])
            .arg(after("rest listening on 127.0.0.1:"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut port = String::new();
        BufReader::new(front.stdout.take().unwrap()).read_line(&mut port).unwrap();
        Some(Larder { server, front, port: port.trim().to_owned(), metrics, folder })
    }

    /// Runs a script to its end and returns what it says.
    fn run(&self, script: &str, arguments: &[&str]) -> String {
        let mut script = parts::python(script).unwrap();
        script
            .args(arguments)
            .env("CACHEKIT_API_URL", format!("https://{HOST}:{}", self.port))
            .env("CACHEKIT_API_KEY", KEY)
            .env("CACHEKIT_ALLOW_CUSTOM_HOST", "true")
            .env("SSL_CERT_FILE", self.folder.path().join("cert.pem"))
            .env("NO_PROXY", "*")
            .env_remove("CACHEKIT_MASTER_KEY");
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
    let run = |part| larder.run("cachekit_functions.py", &[part]);
    assert_eq!(run("everything"), "computed: plain waiting secret shared\n");
    assert_eq!(run("everything"), "computed: \n");
    assert_eq!(run("invalidate"), "computed: plain\n");
}

#[test]
fn a_stampede_of_python_processes_computes_once() {
    let Some(larder) = Larder::start() else { return };
    assert_eq!(larder.run("cachekit_stampede.py", &["6", &larder.metrics]), "computed: 1\n");
}

#[test]
fn the_program_in_the_readme_works() {
    let Some(larder) = Larder::start() else { return };
    assert_eq!(larder.run("readme_cachekit.py", &[]), "computing 7\n49\n49\n");
    assert_eq!(larder.run("readme_cachekit.py", &[]), "49\n49\n", "another process finds it");
}
