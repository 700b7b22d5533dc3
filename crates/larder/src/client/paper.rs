//! PaperCache from the client's side (`spec/paper.md`): a blocking connection for the commands, and the bytes of GET and
//! SET for a load.

use super::socket::{Socket, missing};
use super::{Answer, Asked, Client, ClientError, Codec, Reach, ServerStatus};
use crate::server_url::ServerUrl;
use larder_wire::Decoded;
use larder_wire::paper::{self, Command, Handshake, Reply, ReplyLimits, Request};
use std::net::TcpStream;

/// One connection, admitted and, with a token, authorized.
pub(super) struct PaperClient {
    socket: Socket,
}

impl PaperClient {
    pub(super) fn connect(reach: &Reach) -> Result<Self, ClientError> {
        let mut client = Self { socket: Socket::connect(reach)? };
        client.shake_hands()?;
        if let Some(token) = &reach.token {
            client.call(&Request::Auth { token: token.as_bytes() })?;
        }
        Ok(client)
    }

    /// Waits for the byte that a server sends unasked.
    fn shake_hands(&mut self) -> Result<(), ClientError> {
        let doing = "connecting";
        self.socket.fill(doing, |input| paper::decode_handshake(input).map(missing))?;
        match paper::decode_handshake(self.socket.input()) {
            Ok(Decoded::Frame { value: Handshake::Refused(error), .. }) => {
                Err(ClientError::Refused { server: self.server().clone(), doing, error })
            }
            _ => Ok(()),
        }
    }

    /// Sends a request and waits for its reply. An error that the server answers with is an error here.
    fn call(&mut self, request: &Request<'_>) -> Result<Reply<'_>, ClientError> {
        let command = request.command();
        let doing = command.name();
        self.socket.send(doing, |out| request.encode(out))?;
        let limits = ReplyLimits { value_bytes_max: u32::MAX, ..ReplyLimits::default() };
        self.socket.fill(doing, |input| paper::decode_reply(input, command, &limits).map(missing))?;
        match paper::decode_reply(self.socket.input(), command, &limits) {
            Ok(Decoded::Frame { value: Reply::Error(error), .. }) => {
                Err(ClientError::Refused { server: self.server().clone(), doing, error })
            }
            Ok(Decoded::Frame { value, .. }) => Ok(value),
            Ok(Decoded::Need(_)) => Err(self.socket.closed(doing)),
            Err(violation) => Err(self.socket.not_the_protocol(doing, &violation)),
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
    fn server(&self) -> &ServerUrl {
        self.socket.server()
    }

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
            _ => Err(self.socket.closed(Command::Status.name())),
        }
    }

    fn into_load(self: Box<Self>) -> Result<(TcpStream, Box<dyn Codec + Send>), ClientError> {
        Ok((self.socket.into_stream(), Box::new(PaperCodec)))
    }
}

/// GET and SET as bytes.
struct PaperCodec;

impl Codec for PaperCodec {
    fn fill_value(&self, bytes: usize, value: &mut Vec<u8>) {
        value.resize(bytes, b'v');
    }

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
