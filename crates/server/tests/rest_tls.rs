//! The REST API over TLS, and certificates that change.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::{fs, net::SocketAddr, sync::Arc};

use larder_server::{Server, StartError, Stopped, SystemClock};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs, pki_types::CertificateDer};
use support::{Client, TestServer, http::Http, test_config, until};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

/// A folder with a certificate in it.
struct Files(TempDir);

impl Files {
    fn new() -> (Files, CertificateDer<'static>) {
        let files = Files(TempDir::new().unwrap());
        let certificate = files.renew();
        (files, certificate)
    }

    /// Puts another certificate in their place.
    fn renew(&self) -> CertificateDer<'static> {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        fs::write(self.0.path().join("cert.pem"), made.cert.pem()).unwrap();
        fs::write(self.0.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        made.cert.der().clone()
    }

    fn paths(&self) -> Option<(std::path::PathBuf, std::path::PathBuf)> {
        Some((self.0.path().join("cert.pem"), self.0.path().join("key.pem")))
    }
}

async fn open(
    address: SocketAddr,
    root: CertificateDer<'static>,
    speaks: &[&[u8]],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(root).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = speaks.iter().map(|name| name.to_vec()).collect();
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config)).connect("localhost".try_into().unwrap(), stream).await
}

fn connect(server: &TestServer, root: &CertificateDer<'static>, is_http2: bool) -> Http {
    let (address, root) = (server.rest_address(), root.clone());
    let speaks: &[&[u8]] = if is_http2 { &[b"h2", b"http/1.1"] } else { &[b"http/1.1"] };
    Http::over(is_http2, async move { open(address, root, speaks).await.unwrap() })
}

fn is_trusted(server: &TestServer, root: &CertificateDer<'static>) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(open(server.rest_address(), root.clone(), &[b"http/1.1"])).is_ok()
}

#[test]
fn both_versions_of_http_are_spoken_over_tls() {
    let (files, root) = Files::new();
    let server = TestServer::start_rest(|config| config.rest.tls = files.paths());
    for is_http2 in [false, true] {
        let mut http = connect(&server, &root, is_http2);
        for len in [0, 100, 20_000, 3 << 20] {
            let value = vec![7; len];
            assert_eq!(http.put("k", &[("x-cachekit-ttl", "9")], &value).status, 200);
            assert!(http.get("k").body == value, "{len}");
        }
        assert!(http.lock("k", 1_000).is_some());
        server.clock.advance(std::time::Duration::from_secs(1));
    }
    assert_eq!(server.handle.shutdown(), Stopped::Clean);
}

#[test]
fn who_speaks_no_tls_is_sent_away_and_hurts_nobody() {
    let (files, root) = Files::new();
    let server = TestServer::start_rest(|config| config.rest.tls = files.paths());
    let mut plain = Client::connect(server.rest_address());
    plain.send(b"GET /v1/cache/k HTTP/1.1\r\n\r\n");
    let mut silent = Client::connect(server.rest_address());
    assert_eq!(connect(&server, &root, false).get("k").status, 404);
    until("it is sent away", || server.handle.connections() == 1);
    server.clock.advance(std::time::Duration::from_secs(60));
    silent.expect_end();
}

#[test]
fn another_certificate_is_taken_when_it_is_said_and_a_bad_one_is_not() {
    let (files, first) = Files::new();
    let server = TestServer::start_rest(|config| config.rest.tls = files.paths());
    let mut before = connect(&server, &first, false);
    assert_eq!(before.get("k").status, 404);
    let second = files.renew();
    assert!(is_trusted(&server, &first) && !is_trusted(&server, &second));
    server.handle.reload_tls().unwrap();
    assert!(!is_trusted(&server, &first) && is_trusted(&server, &second));
    assert_eq!(before.get("k").status, 404, "a connection goes on");
    let (certificate, key) = files.paths().unwrap();
    let another = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    fs::write(&key, another.signing_key.serialize_pem()).unwrap();
    let error = server.handle.reload_tls().unwrap_err().to_string();
    assert!(error.contains("key.pem") && error.contains("not for the certificate"), "{error}");
    fs::write(&certificate, "nonsense").unwrap();
    let error = server.handle.reload_tls().unwrap_err().to_string();
    assert!(error.contains("cert.pem"), "{error}");
    fs::remove_file(&certificate).unwrap();
    assert!(server.handle.reload_tls().is_err());
    assert!(is_trusted(&server, &second), "the last good one stays");
}

#[test]
fn a_server_does_not_start_without_its_certificate() {
    let (files, _) = Files::new();
    fs::remove_file(files.paths().unwrap().1).unwrap();
    let mut config = test_config();
    config.rest.tls = files.paths();
    let error = Server::start(&config, Arc::new(SystemClock::new())).unwrap_err();
    assert!(matches!(error, StartError::Tls(_)) && error.is_configuration(), "{error}");
    assert!(error.to_string().contains("key.pem"), "{error}");
}
