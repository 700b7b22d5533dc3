//! The REST API of the real process: a certificate that is exchanged while it serves, and what it writes to its log.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, crypto::aws_lc_rs};
use std::fs;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use support::served::Served;
use support::{PATIENCE, larder, outcome, parts};
use tempfile::TempDir;

type Tls = StreamOwned<ClientConnection, TcpStream>;

/// A folder with a certificate and its key.
struct Files(TempDir);

impl Files {
    fn new() -> (Files, CertificateDer<'static>) {
        let files = Files(TempDir::new().unwrap());
        let certificate = files.renew();
        (files, certificate)
    }

    fn certificate(&self) -> PathBuf {
        self.0.path().join("cert.pem")
    }

    fn key(&self) -> PathBuf {
        self.0.path().join("key.pem")
    }

    /// Puts another certificate and its key in their place.
    fn renew(&self) -> CertificateDer<'static> {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        fs::write(self.certificate(), made.cert.pem()).unwrap();
        fs::write(self.key(), made.signing_key.serialize_pem()).unwrap();
        made.cert.der().clone()
    }

    fn serve(&self) -> Command {
        let mut server = serve();
        server.arg("--tls-cert").arg(self.certificate()).arg("--tls-key").arg(self.key());
        server
    }
}

fn serve() -> Command {
    larder(["serve", "--paper", "off", "--seriput", "off", "--rest", "127.0.0.1:0"])
}

/// A connection whose server has shown the certificate `root`.
fn connect(address: SocketAddr, root: &CertificateDer<'static>) -> io::Result<Tls> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let client = ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
    let mut tls = StreamOwned::new(client, open(address));
    while tls.conn.is_handshaking() {
        tls.conn.complete_io(&mut tls.sock)?;
    }
    Ok(tls)
}

fn open(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends the head of a request and reads the answer: its status and its body.
fn ask(stream: &mut (impl Read + Write), request: &str) -> (u16, String) {
    stream.write_all(request.as_bytes()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    let head = String::from_utf8(head).unwrap();
    let len = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |len| len.parse().unwrap());
    let mut body = vec![0; len];
    stream.read_exact(&mut body).unwrap();
    (head[9..12].parse().unwrap(), String::from_utf8(body).unwrap())
}

const GET: &str = "GET /v1/cache/k HTTP/1.1\r\nhost: localhost\r\n\r\n";

#[test]
fn after_a_hangup_new_connections_see_the_new_certificate_and_old_ones_go_on() {
    let (files, first) = Files::new();
    let mut server = Served::start(&mut files.serve(), 1);
    let address = server.address("rest");
    let mut before = connect(address, &first).unwrap();
    assert_eq!(ask(&mut before, GET).0, 404);
    let second = files.renew();
    assert!(connect(address, &second).is_err(), "nobody has said anything yet");
    server.signal("HUP");
    server.wait_for_log("certificate read again");
    let mut after = connect(address, &second).unwrap();
    assert_eq!(ask(&mut after, GET).0, 404);
    assert!(connect(address, &first).is_err(), "the old one is not shown any more");
    assert_eq!(ask(&mut before, GET).0, 404, "the old connection lives on");
    drop((before, after));
    assert_eq!(server.stop().0, Some(0));
}

#[test]
fn after_a_hangup_with_files_that_cannot_be_used_the_old_certificate_stays_and_the_log_says_why() {
    let (files, first) = Files::new();
    let mut server = Served::start(&mut files.serve(), 1);
    let address = server.address("rest");
    let mut before = connect(address, &first).unwrap();
    let old_key = fs::read(files.key()).unwrap();
    let old_certificate = fs::read(files.certificate()).unwrap();
    let another = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let another = another.signing_key.serialize_pem().into_bytes();
    for (certificate, key, reason) in [
        (Some(b"nonsense".to_vec()), Some(old_key.clone()), "there is no certificate in it"),
        (Some(old_certificate.clone()), Some(another), "not for the certificate in"),
        (Some(old_certificate), Some(b"nonsense".to_vec()), "key.pem: "),
        (None, Some(old_key), "cert.pem: "),
    ] {
        fs::remove_file(files.certificate()).unwrap_or_default();
        if let Some(certificate) = certificate {
            fs::write(files.certificate(), certificate).unwrap();
        }
        if let Some(key) = key {
            fs::write(files.key(), key).unwrap();
        }
        server.signal("HUP");
        let line = server.wait_for_log("certificate not changed");
        assert!(line.contains(reason), "{reason}: {line}");
        assert_eq!(ask(&mut connect(address, &first).unwrap(), GET).0, 404, "{reason}");
    }
    assert_eq!(ask(&mut before, GET).0, 404);
    drop(before);
    assert_eq!(server.stop().0, Some(0));
}

/// What must not be in any log: keys, right and wrong, and ids of locks.
const KEY: &str = "ck_live_RightKey0123";
const SDK_KEY: &str = "ck_sdk_RightKey4567";
const WRONG_KEY: &str = "ck_live_WrongKey89ab";
const LOCK_ID: &str = "7d444840-9dc0-11d1-b245-5ffdce74fad2";
/// What clients send to forge a line.
const FORGED: &str = "Forged";

#[test]
fn the_log_has_no_key_no_token_and_nothing_unescaped() {
    for format in ["text", "json"] {
        let server = Served::start(&mut talkative(serve(), format), 1);
        let address = server.address("rest");
        let given = good_and_bad_requests(address);
        hostile_bytes(address);
        let (status, log) = server.stop();
        assert_eq!(status, Some(0));
        assert!(
            log.contains("connected") && log.contains("wrong token"),
            "it is as talkative as it gets: {log}"
        );
        check(&log, &given);
    }
}

#[test]
fn the_log_has_none_of_it_over_tls_and_http_2_either() {
    let Some(curl) = parts::program("curl") else { return };
    let (files, root) = Files::new();
    let mut curl = curl;
    let server = Served::start(&mut talkative(files.serve(), "text"), 1);
    let url = format!("https://localhost:{}/v1/cache", server.address("rest").port());
    curl.args(["--http2", "--silent", "--show-error", "--cacert"]).arg(files.certificate());
    curl.args(["--write-out", "%{http_version} %{http_code} ", "--output", "/dev/null"]);
    let authorised = format!("authorization: Bearer {KEY}");
    let transfers = [
        (format!("{url}/k"), ["--request", "PUT", "--data", "Secret value"], &authorised),
        (format!("{url}/k/lock"), ["--request", "POST", "--data", "{\"timeout_ms\":1}"], &authorised),
        (format!("{url}/k/lock?lock_id={LOCK_ID}"), ["--request", "DELETE", "--header", "x: y"], &authorised),
        (format!("{url}/{FORGED}%0a%1b%5b31m"), ["--request", "GET", "--header", "x: y"], &authorised),
        (
            format!("{url}/k"),
            ["--request", "GET", "--header", "x: y"],
            &format!("authorization: Bearer {WRONG_KEY}"),
        ),
        (format!("{url}/k"), ["--request", "GET", "--header", "x-ttl: Forged\u{9b}31m"], &authorised),
    ];
    for (number, (url, options, header)) in transfers.iter().enumerate() {
        if number > 0 {
            // Beside the first, so that all go over one connection.
            curl.args(["--next", "--http2", "--silent", "--show-error", "--cacert"]).arg(files.certificate());
            curl.args(["--write-out", "%{http_version} %{http_code} ", "--output", "/dev/null"]);
        }
        curl.args(options).args(["--header", header, url]);
    }
    let (_, stdout, stderr) = outcome(&curl.env("NO_PROXY", "*").output().unwrap());
    assert_eq!(stdout, "2 200 2 200 2 404 2 400 2 401 2 200 ", "{stderr}");
    let mut plain = open(server.address("rest"));
    plain.write_all(format!("\x1b[31m{FORGED}\r\n\r\n").as_bytes()).unwrap();
    let _ = plain.read_to_end(&mut Vec::new());
    drop(connect(server.address("rest"), &root).unwrap());
    let (status, log) = server.stop();
    assert_eq!(status, Some(0));
    check(&log, &[]);
}

/// With the keys of this test and a log at its most verbose.
fn talkative(mut server: Command, format: &str) -> Command {
    server.args(["--api-key", &format!("{KEY}=default"), "--api-key", &format!("{SDK_KEY}=default")]);
    server.args(["--log-level", "trace", "--log-format", format, "--auth-delay", "off"]);
    server
}

/// What a client of each kind does; the ids of the locks that it was given.
fn good_and_bad_requests(address: SocketAddr) -> Vec<String> {
    let mut client = open(address);
    let mut given = Vec::new();
    let mut send = |key: &str, line: &str, headers: &str, body: &str| {
        let len = body.len();
        let request = format!(
            "{line} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n{headers}content-length: {len}\r\n\r\n{body}"
        );
        ask(&mut client, &request)
    };
    let miss = "x-cachekit-l1-status: miss\r\n";
    for (key, headers) in [(KEY, ""), (SDK_KEY, miss)] {
        assert_eq!(send(key, "PUT /v1/cache/k", headers, "Secret value").0, 200);
        let (status, body) =
            send(key, &format!("POST /v1/cache/{key}/lock"), headers, r#"{"timeout_ms":60000}"#);
        assert_eq!(status, 200);
        let id = body.split('"').nth(3).unwrap().to_owned();
        assert_eq!(id.len(), 36, "{body}");
        let lock = format!("DELETE /v1/cache/{key}/lock");
        let wrong = format!("{headers}x-cachekit-lock-id: {LOCK_ID}\r\n");
        assert_eq!(send(key, &lock, &wrong, "").0, 404);
        assert_eq!(send(key, &format!("{lock}?lock_id={id}"), headers, "").0, 200);
        given.push(id);
    }
    assert_eq!(send(WRONG_KEY, "GET /v1/cache/k", "", "").0, 401);
    assert_eq!(send(SDK_KEY, "GET /v1/cache/k", "x-cachekit-l1-status: Forged\r\n", "").0, 400);
    assert_eq!(send(SDK_KEY, "DELETE /v1/cache/nsapi:a:Forged", miss, "").0, 403);
    assert_eq!(send(KEY, "GET /v1/cache/Forged%0A%1B%5B31m", "", "").0, 400);
    assert_eq!(send(KEY, "PUT /v1/cache/k", "x-cachekit-ttl: Forged\t1\r\n", "v").0, 400);
    assert_eq!(send(KEY, "PATCH /v1/cache/k/ttl", "", "{\"Forged\n\":\"\u{1b}[31m\"}").0, 400);
    assert_eq!(send(KEY, "FORGED /v1/cache/k", "", "").0, 405);
    given
}

/// Bytes that are no HTTP, or that no header may have, each on a connection of its own.
fn hostile_bytes(address: SocketAddr) {
    let with_header = |header: &[u8]| {
        let head = format!("GET /v1/cache/k HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n");
        [head.as_bytes(), header, b"\r\n\r\n"].concat()
    };
    for bytes in [
        b"\x1b[31mForged\r\n\r\n".to_vec(),
        b"GET /v1/cache/Forged\x1b]0;x\x07 HTTP/1.1\r\n\r\n".to_vec(),
        b"GET /v1/cache/Forged\xff\x80\xc2\x9b HTTP/1.1\r\n\r\n".to_vec(),
        with_header(b"x-cachekit-ttl: Forged\x00"),
        with_header(b"x-cachekit-ttl: Forged\x1b[31m"),
        with_header(b"Forged\x7f: 1"),
        with_header(b"x-cachekit-lock-id: Forged\xc2\x9b31m"),
        with_header(b"no colon Forged"),
        b"GET /v1/cache/k HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ck_live_WrongKey89ab\x1b[31mForged\r\n\r\n"
            .to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x06\xffForged\x1b[31m".to_vec(),
        http2_get(&format!("/v1/cache/Forged\x1b/lock?lock_id={LOCK_ID}"), "x"),
        http2_get("/v1/cache/k", "Forged\x1b"),
        format!("PUT /v1/cache/k HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\ncontent-length: 9\r\n\r\nForged")
            .into_bytes(),
    ] {
        let mut client = open(address);
        client.write_all(&bytes).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        // Some are answered, some are not; what matters is in the log.
        let _ = client.read_to_end(&mut Vec::new());
    }
}

/// An HTTP/2 connection whose first request has these in its head, whatever HTTP/2 thinks of them.
fn http2_get(path: &str, authority: &str) -> Vec<u8> {
    // GET and http are in HPACK's table, as are the names of the others.
    let mut head = vec![0x82, 0x86];
    for (name, value) in [(4, path), (1, authority)] {
        head.extend([name, value.len() as u8]);
        head.extend_from_slice(value.as_bytes());
    }
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    bytes.extend([0, 0, head.len() as u8, 1, 5, 0, 0, 0, 1]);
    bytes.extend(head);
    bytes
}

/// The log has no secret, and no control character but the ends of its lines.
fn check(log: &str, given: &[String]) {
    for secret in ["RightKey", "WrongKey", LOCK_ID, "Secret", FORGED, "FORGED"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
    for id in given {
        assert!(!log.contains(id.as_str()), "{id}: {log}");
    }
    let strange = log.chars().find(|c| c.is_control() && *c != '\n');
    assert_eq!(strange, None, "{log}");
}
