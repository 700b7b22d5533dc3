//! What the tests share: a server in this process with a clock of its own, and a client that sends and expects bytes.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::Arc,
    time::Duration,
};

use larder_server::{
    Handle, ManualClock, Server,
    config::{Config, Listen, Token},
};
use larder_wire::{
    Decoded,
    paper::{self, Command, Error, Reply, ReplyLimits, Request, Status},
};

pub(crate) mod http;
pub(crate) mod seriput;
mod told;

/// Nothing here takes this long; a test that waits longer has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A server on a port that the system chose, and the clock that it goes by.
pub(crate) struct TestServer {
    pub(crate) handle: Handle,
    pub(crate) clock: Arc<ManualClock>,
}

impl TestServer {
    pub(crate) fn start(configure: impl FnOnce(&mut Config)) -> TestServer {
        let mut config = test_config();
        configure(&mut config);
        let clock = Arc::new(ManualClock::new());
        let handle = Server::start(&config, Arc::<ManualClock>::clone(&clock)).expect("the server starts");
        TestServer { handle, clock }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.handle.paper_addr().expect("the paper listener is on")
    }

    /// A client that has been admitted.
    pub(crate) fn client(&self) -> Client {
        let mut client = self.connect();
        client.expect(b"!");
        client
    }

    /// A client that has not read the handshake.
    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.address())
    }

    /// The server with its Seriput listener on as well.
    pub(crate) fn start_both(configure: impl FnOnce(&mut Config)) -> TestServer {
        TestServer::start(|config| {
            config.seriput.listen = Listen::Address("127.0.0.1:0".to_owned());
            configure(config);
        })
    }

    pub(crate) fn seriput_address(&self) -> SocketAddr {
        self.handle.seriput_addr().expect("the Seriput listener is on")
    }

    /// The server with its REST listener on as well.
    pub(crate) fn start_rest(configure: impl FnOnce(&mut Config)) -> TestServer {
        TestServer::start_both(|config| {
            config.rest.listen = Listen::Address("127.0.0.1:0".to_owned());
            configure(config);
        })
    }

    pub(crate) fn rest_address(&self) -> SocketAddr {
        self.handle.rest_addr().expect("the REST listener is on")
    }

    pub(crate) fn http(&self) -> http::Http {
        http::Http::connect(self.rest_address())
    }

    pub(crate) fn seriput(&self) -> seriput::Client {
        seriput::Client { raw: Client::connect(self.seriput_address()) }
    }

    /// The server's own view, over the wire.
    pub(crate) fn status(&self) -> Status<'static> {
        self.client().status()
    }
}

/// The defaults, but on a free port and for PaperCache alone, with two workers, and without delays.
pub(crate) fn test_config() -> Config {
    let mut config = Config { workers: 2, ..Config::default() };
    config.paper.listen = Listen::Address("127.0.0.1:0".to_owned());
    config.seriput.listen = Listen::Off;
    config.admin.listen = Listen::Off;
    config.rest.listen = Listen::Off;
    config.limits.auth_delay = Duration::ZERO;
    config
}

pub(crate) fn token(text: &str) -> Token {
    Token::new(text).expect("not empty")
}

/// One connection.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    /// What has been read beyond the last reply.
    behind: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).expect("the server accepts");
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Client { stream, behind: Vec::new() }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the server takes what is sent");
    }

    /// Reads exactly `len` bytes.
    pub(crate) fn receive(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = std::mem::take(&mut self.behind);
        if bytes.len() >= len {
            self.behind = bytes.split_off(len);
            return bytes;
        }
        let from = bytes.len();
        bytes.resize(len, 0);
        self.stream.read_exact(&mut bytes[from..]).expect("a reply of so many bytes");
        bytes
    }

    pub(crate) fn expect(&mut self, expected: &[u8]) {
        let received = self.receive(expected.len());
        assert!(received == expected, "expected {}, received {}", hex(expected), hex(&received));
    }

    /// The server has closed, and there is nothing more.
    pub(crate) fn expect_end(&mut self) {
        assert!(self.behind.is_empty(), "unexpected {}", hex(&self.behind));
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Ok(_) => assert!(rest.is_empty(), "expected the end, received {}", hex(&rest)),
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "expected the end: {error}"),
        }
    }

    pub(crate) fn end_requests(&mut self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    pub(crate) fn ask(&mut self, request: Request<'_>) {
        self.send(&encode(&request));
    }

    /// Reads one reply to `command` and hands it to `look`.
    pub(crate) fn reply<T>(&mut self, command: Command, look: impl FnOnce(Reply<'_>) -> T) -> T {
        let mut bytes = std::mem::take(&mut self.behind);
        loop {
            match paper::decode_reply(&bytes, command, &ReplyLimits::default()).expect("a reply") {
                Decoded::Frame { value, used } => {
                    let looked = look(value);
                    self.behind = bytes.split_off(used);
                    return looked;
                }
                Decoded::Need(len) => {
                    let from = bytes.len();
                    bytes.resize(len, 0);
                    self.stream.read_exact(&mut bytes[from..]).expect("the rest of a reply");
                }
            }
        }
    }

    pub(crate) fn call(&mut self, request: Request<'_>) -> Result<(), Error> {
        self.ask(request);
        self.reply(request.command(), |reply| match reply {
            Reply::Error(error) => Err(error),
            _ => Ok(()),
        })
    }

    pub(crate) fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        self.call(Request::Set { key, value, ttl_s: 0 })
    }

    pub(crate) fn get(&mut self, key: &[u8]) -> Option<Vec<u8>> {
        self.ask(Request::Get { key });
        self.reply(Command::Get, |reply| match reply {
            Reply::Bytes(bytes) => Some(bytes.to_vec()),
            Reply::Error(Error::KeyNotFound) => None,
            other => panic!("{other:?}"),
        })
    }

    pub(crate) fn status(&mut self) -> Status<'static> {
        self.ask(Request::Status);
        self.reply(Command::Status, |reply| match reply {
            Reply::Status(status) => Status {
                policies: status.policies.into_iter().map(|name| name.into_owned().into()).collect(),
                policy: status.policy.into_owned().into(),
                ..status
            },
            other => panic!("{other:?}"),
        })
    }
}

pub(crate) fn encode(request: &Request<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    request.encode(&mut bytes).expect("short enough");
    bytes
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x} ")).collect()
}

/// Waits for something that must come to pass by itself, and soon.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + PATIENCE;
    while !holds() {
        assert!(std::time::Instant::now() < deadline, "waited too long until {what}");
        std::thread::yield_now();
    }
}
