//! Real servers, started by the tests on ports that the system chose, and ended with them. Where a program is not installed the
//! test says so and is done; in continuous integration its absence is a failure.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A server that runs until this is dropped.
pub(crate) struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether a program is installed. If not, the test that asks is to return.
pub(crate) fn is_there(program: &str) -> bool {
    let found = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if found.is_ok() {
        return true;
    }
    assert!(std::env::var_os("CI").is_none(), "{program} is not installed");
    println!("skipped: {program} is not installed");
    false
}

/// Ports of which none is in use.
pub(crate) fn free_ports<const N: usize>() -> [u16; N] {
    let listeners: [TcpListener; N] = std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

impl Program {
    /// Starts a program and waits until it has said `ready` on the given output.
    fn start(command: &mut Command, ready: &str, says: fn(&mut Child) -> Box<dyn Read + Send>) -> Self {
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(says(&mut child)).lines();
        let mut said = Vec::new();
        loop {
            let Some(Ok(line)) = lines.next() else { panic!("{command:?} ended: {said:#?}") };
            if line.contains(ready) {
                break;
            }
            said.push(line);
        }
        // So that it never waits for somebody to read what it says.
        std::thread::spawn(move || lines.for_each(drop));
        Self(child)
    }
}

/// A Redis server with these further settings, and its port.
pub(crate) fn redis(settings: &[&str]) -> (Program, u16) {
    let [port] = free_ports();
    (redis_at(port, settings), port)
}

pub(crate) fn redis_at(port: u16, settings: &[&str]) -> Program {
    let mut command = Command::new("redis-server");
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
    command.args(settings).stdout(Stdio::piped()).stderr(Stdio::null()).stdin(Stdio::null());
    Program::start(&mut command, "Ready to accept connections", |child| {
        Box::new(child.stdout.take().unwrap())
    })
}

/// A memcached server and its port.
pub(crate) fn memcached() -> (Program, u16) {
    let [port] = free_ports();
    let mut command = Command::new("memcached");
    command.args(["-l", "127.0.0.1", "-p", &port.to_string(), "-U", "0", "-m", "64", "-vv", "-u", "nobody"]);
    command.stdout(Stdio::null()).stderr(Stdio::piped()).stdin(Stdio::null());
    let program =
        Program::start(&mut command, "server listening", |child| Box::new(child.stderr.take().unwrap()));
    (program, port)
}

/// A key, and a certificate for `localhost` and 127.0.0.1 that is its own authority, in the given directory: their paths.
pub(crate) fn certify(directory: &Path) -> [String; 2] {
    let file = |name: &str| directory.join(name).to_str().unwrap().to_owned();
    let settings = "[req]\ndistinguished_name=name\nx509_extensions=extensions\nprompt=no\n[name]\nCN=localhost\n\
                    [extensions]\nsubjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=critical,CA:FALSE\n";
    std::fs::write(file("settings"), settings).unwrap();
    let [key, certificate] = [file("key.pem"), file("certificate.pem")];
    let mut make = Command::new("openssl");
    make.args(["req", "-x509", "-nodes", "-days", "2", "-newkey", "ec"]);
    make.args(["-pkeyopt", "ec_paramgen_curve:prime256v1"]);
    make.args(["-config", &file("settings"), "-keyout", &key, "-out", &certificate]);
    let made = make.output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    [key, certificate]
}

/// A web server with TLS, whose certificate is in the given directory, and its port.
pub(crate) fn https(directory: &Path) -> (Program, u16) {
    let [key, certificate] = certify(directory);
    let [port] = free_ports();
    let mut command = Command::new("openssl");
    command.args(["s_server", "-www", "-accept", &format!("127.0.0.1:{port}")]);
    command.args(["-key", &key, "-cert", &certificate]);
    command.stdout(Stdio::piped()).stderr(Stdio::null()).stdin(Stdio::null());
    let program = Program::start(&mut command, "ACCEPT", |child| Box::new(child.stdout.take().unwrap()));
    (program, port)
}

/// A Redis server that speaks nothing but TLS, with a certificate that is in the given directory, and its port.
pub(crate) fn redis_with_tls(directory: &Path) -> (Program, u16) {
    let [key, certificate] = certify(directory);
    let [port] = free_ports();
    let tls = ["--port", "0", "--tls-port", &port.to_string(), "--tls-auth-clients", "no"];
    let files = ["--tls-key-file", &key, "--tls-cert-file", &certificate, "--tls-ca-cert-file", &certificate];
    (redis_at(port, &[&tls[..], &files].concat()), port)
}
