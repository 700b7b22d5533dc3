//! A Larder for a test: the binary, its REST listener behind TLS with an authority of its own and an API key for each of two tenants.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Stdio};

use larder_client::store::{Hosts, RestOptions, RestStore};
use tempfile::TempDir;

use crate::support::larder;

pub(crate) const KEY: &str = "ck_live_0123456789abcdef";
pub(crate) const OTHER_KEY: &str = "ck_live_fedcba9876543210";
/// What the SDK for Python knows this machine as, which talks to no `localhost`.
pub(crate) const HOST: &str = "larder.test";

/// Stopped when it is dropped.
pub(crate) struct Larder {
    server: Child,
    pub(crate) port: u16,
    folder: TempDir,
}

impl Drop for Larder {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Larder {
    pub(crate) fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
        let made = rcgen::generate_simple_self_signed([HOST.to_owned(), "localhost".to_owned()]).unwrap();
        fs::write(&certificate, made.cert.pem()).unwrap();
        fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let mut server = larder(["serve", "--paper", "off", "--seriput", "off", "--rest", "127.0.0.1:0"])
            .args([format!("--api-key={KEY}=default"), format!("--api-key={OTHER_KEY}=other")])
            .args(["--tls-cert".into(), certificate, "--tls-key".into(), key])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().strip_prefix("rest listening on 127.0.0.1:").unwrap().parse().unwrap();
        Self { server, port, folder }
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    /// A store there, for whoever has this key.
    pub(crate) fn store(&self, api_key: &str) -> RestStore {
        store(self.port, self.certificate(), api_key)
    }
}

pub(crate) fn store(port: u16, certificate: PathBuf, api_key: &str) -> RestStore {
    let ca_pem = Some(fs::read(certificate).unwrap().into());
    let options = RestOptions::new(format!("https://localhost:{port}"), api_key);
    RestStore::new(RestOptions { hosts: Hosts::Private, ca_pem, ..options }).unwrap()
}
