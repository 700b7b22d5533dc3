//! PaperCache from the client's side (`spec/paper.md`): a blocking connection for the commands, and the bytes of GET and
//! SET for a load. `larder-wire` knows the bytes; this file knows the socket.

use super::{Answer, Asked, Client, ClientError, Codec, Reach, ServerStatus};
use crate::server_url::ServerUrl;
use larder_wire::Decoded;
use larder_wire::paper::{self, Command, Handshake, Reply, ReplyLimits, ReplyViolation, Request};
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// The most that is read, and zeroed for it, at once: a length that a server claims costs nothing until bytes come.
const READ_BYTES_MAX: usize = 256 << 10;

/// One connection, admitted and, with a token, authorized.
pub(super) struct PaperClient {
    server: ServerUrl,
    timeout: Duration,
    stream: TcpStream,
    /// One request, kept for its memory.
    output: Vec<u8>,
    /// What has come of the reply to it.
    input: Vec<u8>,
}

impl PaperClient {
    pub(super) fn connect(reach: &Reach) -> Result<Self, ClientError> {
        let Reach { server, token, timeout } = reach;
        let stream = connect_any(server, *timeout)?;
        let mut client =
            Self { server: server.clone(), timeout: *timeout, stream, output: Vec::new(), input: Vec::new() };
        client.shake_hands()?;
        if let Some(token) = token {
            client.call(&Request::Auth { token: token.as_bytes() })?;
        }
        Ok(client)
    }

    /// Waits for the byte that a server sends unasked.
    fn shake_hands(&mut self) -> Result<(), ClientError> {
        let doing = "connecting";
        self.fill(doing, |input| paper::decode_handshake(input).map(missing))?;
        match paper::decode_handshake(&self.input) {
            Ok(Decoded::Frame { value: Handshake::Refused(error), .. }) => {
                Err(ClientError::Refused { server: self.server.clone(), doing, error })
            }
            _ => Ok(()),
        }
    }

    /// Sends a request and waits for its reply. An error that the server answers with is an error here.
    fn call(&mut self, request: &Request<'_>) -> Result<Reply<'_>, ClientError> {
        let command = request.command();
        let doing = command.name();
        self.output.clear();
        request
            .encode(&mut self.output)
            .map_err(|error| ClientError::Unsendable { doing, reason: error.to_string() })?;
        if let Err(error) = self.stream.write_all(&self.output) {
            return Err(ClientError::from_io(&self.server, doing, self.timeout, error));
        }
        let limits = ReplyLimits { value_bytes_max: u32::MAX, ..ReplyLimits::default() };
        self.fill(doing, |input| paper::decode_reply(input, command, &limits).map(missing))?;
        match paper::decode_reply(&self.input, command, &limits) {
            Ok(Decoded::Frame { value: Reply::Error(error), .. }) => {
                Err(ClientError::Refused { server: self.server.clone(), doing, error })
            }
            Ok(Decoded::Frame { value, .. }) => Ok(value),
            Ok(Decoded::Need(_)) => Err(ClientError::Closed { server: self.server.clone(), doing }),
            Err(violation) => Err(not_the_protocol(&self.server, doing, &violation)),
        }
    }

    /// Reads until `missing` finds the message whole. It says how long the input must get, or none.
    fn fill(
        &mut self,
        doing: &'static str,
        missing: impl Fn(&[u8]) -> Result<Option<usize>, ReplyViolation>,
    ) -> Result<(), ClientError> {
        self.input.clear();
        loop {
            let need = match missing(&self.input) {
                Ok(None) => return Ok(()),
                Ok(Some(need)) => need,
                Err(violation) => return Err(not_the_protocol(&self.server, doing, &violation)),
            };
            while self.input.len() < need {
                self.read_some(need)
                    .map_err(|error| ClientError::from_io(&self.server, doing, self.timeout, error))?;
            }
        }
    }

    /// Reads once, at most up to `need` bytes in all.
    fn read_some(&mut self, need: usize) -> io::Result<()> {
        let had = self.input.len();
        self.input.resize(need.min(had + READ_BYTES_MAX), 0);
        let read = self.stream.read(&mut self.input[had..]);
        self.input.truncate(had + *read.as_ref().unwrap_or(&0));
        match read {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// For requests about a key: whether the reply is that there is none.
    fn find(&mut self, request: &Request<'_>) -> Result<Option<Reply<'_>>, ClientError> {
        match self.call(request) {
            Ok(reply) => Ok(Some(reply)),
            Err(ClientError::Refused { error: paper::Error::KeyNotFound, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn text(&mut self, request: &Request<'_>) -> Result<String, ClientError> {
        let reply = self.call(request)?;
        Ok(String::from_utf8_lossy(bytes_of(reply)).into_owned())
    }
}

impl Client for PaperClient {
    fn ping(&mut self) -> Result<(), ClientError> {
        self.call(&Request::Ping).map(drop)
    }

    fn version(&mut self) -> Result<String, ClientError> {
        self.text(&Request::Version)
    }

    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, ClientError> {
        Ok(self.find(&Request::Get { key })?.map(|reply| bytes_of(reply).to_vec()))
    }

    fn peek(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, ClientError> {
        Ok(self.find(&Request::Peek { key })?.map(|reply| bytes_of(reply).to_vec()))
    }

    fn set(&mut self, key: &[u8], value: &[u8], ttl_s: u32) -> Result<(), ClientError> {
        self.call(&Request::Set { key, value, ttl_s }).map(drop)
    }

    fn delete(&mut self, key: &[u8]) -> Result<bool, ClientError> {
        Ok(self.find(&Request::Del { key })?.is_some())
    }

    fn has(&mut self, key: &[u8]) -> Result<bool, ClientError> {
        Ok(matches!(self.call(&Request::Has { key })?, Reply::Boolean(true)))
    }

    fn set_ttl(&mut self, key: &[u8], ttl_s: u32) -> Result<bool, ClientError> {
        Ok(self.find(&Request::Ttl { key, ttl_s })?.is_some())
    }

    fn size(&mut self, key: &[u8]) -> Result<Option<u64>, ClientError> {
        Ok(self.find(&Request::Size { key })?.map(|reply| match reply {
            Reply::Size(bytes) => bytes.into(),
            _ => 0,
        }))
    }

    fn wipe(&mut self) -> Result<(), ClientError> {
        self.call(&Request::Wipe).map(drop)
    }

    fn resize(&mut self, bytes_max: u64) -> Result<(), ClientError> {
        self.call(&Request::Resize { size: bytes_max }).map(drop)
    }

    fn set_policy(&mut self, name: &str) -> Result<(), ClientError> {
        self.call(&Request::Policy { name: name.as_bytes() }).map(drop)
    }

    fn status(&mut self) -> Result<ServerStatus, ClientError> {
        match self.call(&Request::Status)? {
            Reply::Status(status) => Ok(owned_status(&status)),
            _ => Err(ClientError::Closed { server: self.server.clone(), doing: Command::Status.name() }),
        }
    }

    fn into_load(self: Box<Self>) -> (TcpStream, Box<dyn Codec + Send>) {
        (self.stream, Box::new(PaperCodec))
    }
}

/// GET and SET as bytes.
struct PaperCodec;

impl Codec for PaperCodec {
    fn get(&self, key: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
        Request::Get { key }.encode(out).map_err(|error| error.to_string())
    }

    fn set(&self, key: &[u8], value: &[u8], ttl_s: u32, out: &mut Vec<u8>) -> Result<(), String> {
        Request::Set { key, value, ttl_s }.encode(out).map_err(|error| error.to_string())
    }

    fn answer(&self, asked: Asked, input: &[u8]) -> Result<Decoded<Answer>, String> {
        let command = match asked {
            Asked::Get => Command::Get,
            Asked::Set => Command::Set,
        };
        let decoded = paper::decode_reply(input, command, &ReplyLimits::default());
        match decoded.map_err(|violation| violation.to_string())? {
            Decoded::Need(bytes) => Ok(Decoded::Need(bytes)),
            Decoded::Frame { value, used } => Ok(Decoded::Frame { value: answer_of(&value), used }),
        }
    }
}

fn answer_of(reply: &Reply<'_>) -> Answer {
    match reply {
        Reply::Bytes(value) => Answer::Value(value.len()),
        Reply::Error(paper::Error::KeyNotFound) => Answer::Missing,
        Reply::Error(paper::Error::ExceedingValueSize) => Answer::TooLarge,
        Reply::Error(error) => Answer::Refused(error.to_string()),
        _ => Answer::Stored,
    }
}

/// Connects to the first address of the host that answers.
fn connect_any(server: &ServerUrl, timeout: Duration) -> Result<TcpStream, ClientError> {
    let resolve = |source| ClientError::Resolve { server: server.clone(), source };
    let connect = |source| ClientError::Connect { server: server.clone(), source };
    let mut last = None;
    for address in (server.host.as_str(), server.port).to_socket_addrs().map_err(resolve)? {
        match TcpStream::connect_timeout(&address, timeout) {
            Ok(stream) => {
                stream.set_nodelay(true).map_err(connect)?;
                stream.set_read_timeout(Some(timeout)).map_err(connect)?;
                stream.set_write_timeout(Some(timeout)).map_err(connect)?;
                return Ok(stream);
            }
            Err(error) => last = Some(error),
        }
    }
    match last {
        Some(error) => Err(connect(error)),
        None => Err(resolve(io::Error::new(io::ErrorKind::NotFound, "it has none"))),
    }
}

/// How long the input must get, if the message is not whole.
fn missing<T>(decoded: Decoded<T>) -> Option<usize> {
    match decoded {
        Decoded::Need(bytes) => Some(bytes),
        Decoded::Frame { .. } => None,
    }
}

fn not_the_protocol(server: &ServerUrl, doing: &'static str, violation: &ReplyViolation) -> ClientError {
    ClientError::NotTheProtocol { server: server.clone(), doing, reason: violation.to_string() }
}

fn bytes_of(reply: Reply<'_>) -> &[u8] {
    match reply {
        Reply::Bytes(bytes) => bytes,
        _ => &[],
    }
}

fn owned_status(status: &paper::Status<'_>) -> ServerStatus {
    ServerStatus {
        pid: status.pid,
        uptime_ms: status.uptime_ms,
        policy: status.policy.to_string(),
        is_auto: status.is_auto,
        policies: status.policies.iter().map(ToString::to_string).collect(),
        max_size: status.max_size,
        used_size: status.used_size,
        num_objects: status.num_objects,
        rss: status.rss,
        hwm: status.hwm,
        gets: status.gets,
        sets: status.sets,
        dels: status.dels,
        miss_ratio: status.miss_ratio,
    }
}
