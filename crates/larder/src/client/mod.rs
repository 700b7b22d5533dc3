//! Talking to a server: what every command needs ([`Client`]), what a load needs ([`Codec`]), and how both can fail. A
//! protocol is one file here that provides the two, one line in [`open`], and its name in [`Scheme`].

mod error;
mod paper;
mod seriput;
mod socket;

pub(crate) use error::ClientError;

use crate::server_url::{Scheme, ServerUrl};
use larder_wire::Decoded;
use serde::Serialize;
use std::net::TcpStream;
use std::time::Duration;

/// How to reach a server.
#[derive(Clone, Debug)]
pub(crate) struct Reach {
    /// Where it is.
    pub(crate) server: ServerUrl,
    /// Sent first, if there is one.
    pub(crate) token: Option<String>,
    /// How long connecting, and then silence in the middle of an exchange, may last. Not zero.
    pub(crate) timeout: Duration,
}

/// A connection that does one thing at a time. Keys and values are any bytes, as far as the protocol has them. A command
/// that a protocol does not have is an error that says so.
pub(crate) trait Client {
    /// Whom it talks to.
    fn server(&self) -> &ServerUrl;
    /// That the protocol has no such command.
    fn cannot(&self, doing: &'static str) -> ClientError {
        ClientError::NotInProtocol { server: self.server().clone(), doing }
    }
    /// Whether the server is there.
    fn ping(&mut self) -> Result<(), ClientError> {
        Err(self.cannot("PING"))
    }
    /// The server's version.
    fn version(&mut self) -> Result<String, ClientError> {
        Err(self.cannot("VERSION"))
    }
    /// The value of `key`; counts as a use.
    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, ClientError>;
    /// The value of `key`; does not count.
    fn peek(&mut self, _key: &[u8]) -> Result<Option<Vec<u8>>, ClientError> {
        Err(self.cannot("PEEK"))
    }
    /// Stores; `ttl_s` in seconds, 0 = never expires.
    fn set(&mut self, key: &[u8], value: &[u8], ttl_s: u32) -> Result<(), ClientError>;
    /// Deletes; false if there was nothing.
    fn delete(&mut self, key: &[u8]) -> Result<bool, ClientError>;
    /// Whether `key` is there.
    fn has(&mut self, _key: &[u8]) -> Result<bool, ClientError> {
        Err(self.cannot("HAS"))
    }
    /// Sets the time to live in seconds, 0 = never expires; false if there is no such key.
    fn set_ttl(&mut self, _key: &[u8], _ttl_s: u32) -> Result<bool, ClientError> {
        Err(self.cannot("TTL"))
    }
    /// The length of the value in bytes.
    fn size(&mut self, _key: &[u8]) -> Result<Option<u64>, ClientError> {
        Err(self.cannot("SIZE"))
    }
    /// Deletes everything.
    fn wipe(&mut self) -> Result<(), ClientError> {
        Err(self.cannot("WIPE"))
    }
    /// Sets the size of the cache in bytes.
    fn resize(&mut self, _bytes_max: u64) -> Result<(), ClientError> {
        Err(self.cannot("RESIZE"))
    }
    /// Sets the eviction policy.
    fn set_policy(&mut self, _name: &str) -> Result<(), ClientError> {
        Err(self.cannot("POLICY"))
    }
    /// Sizes, counters, policies.
    fn status(&mut self) -> Result<ServerStatus, ClientError> {
        Err(self.cannot("STATUS"))
    }
    /// Gives up the connection to a load, which reads and writes it in its own way.
    fn into_load(self: Box<Self>) -> Result<(TcpStream, Box<dyn Codec + Send>), ClientError>;
}

/// Bytes of a protocol for many requests under way on one connection, answered in order.
pub(crate) trait Codec {
    /// Makes `value` one of `bytes` bytes, at least 1, that the protocol takes.
    fn fill_value(&self, bytes: usize, value: &mut Vec<u8>);
    /// Appends a request for the value of `key`.
    fn get(&self, key: &[u8], out: &mut Vec<u8>) -> Result<(), String>;
    /// Appends a request to store.
    fn set(&self, key: &[u8], value: &[u8], ttl_s: u32, out: &mut Vec<u8>) -> Result<(), String>;
    /// Decodes what `input` begins with, the answer to `asked`. The error says why it cannot be one.
    fn answer(&self, asked: Asked, input: &[u8]) -> Result<Decoded<Answer>, String>;
}

/// What a load asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// For a value.
    Get,
    /// To store one.
    Set,
}

/// What a load was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A value of this many bytes.
    Value(usize),
    /// There is no such key.
    Missing,
    /// It is stored.
    Stored,
    /// It does not fit the cache; nothing changed.
    TooLarge,
    /// Anything else that the server has to say against it.
    Refused(String),
}

/// What a server says of itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct ServerStatus {
    /// Of the server.
    pub(crate) pid: u32,
    /// Milliseconds since it started.
    pub(crate) uptime_ms: u64,
    /// The policy in force.
    pub(crate) policy: String,
    /// Whether the server chose it.
    pub(crate) is_auto: bool,
    /// Those it may be told to use.
    pub(crate) policies: Vec<String>,
    /// Bytes.
    pub(crate) max_size: u64,
    /// Bytes.
    pub(crate) used_size: u64,
    /// Entries.
    pub(crate) num_objects: u64,
    /// Resident memory of the process in bytes.
    pub(crate) rss: u64,
    /// The most it has been.
    pub(crate) hwm: u64,
    /// Since the start or the last wipe, as the next three.
    pub(crate) gets: u64,
    /// Values stored.
    pub(crate) sets: u64,
    /// Keys deleted on request.
    pub(crate) dels: u64,
    /// 0 to 1; 1 when nothing was asked yet.
    pub(crate) miss_ratio: f64,
}

impl ServerStatus {
    /// The policy as a person reads it: `lru`, or `auto (lru)`.
    pub(crate) fn policy_text(&self) -> String {
        if self.is_auto { format!("auto ({})", self.policy) } else { self.policy.clone() }
    }
}

/// Connects, is admitted, and sends the token if there is one. (Where there is no admission, it connects when there is
/// something to send.)
///
/// # Errors
///
/// A [`ClientError`] that names the server and the step that failed.
pub(crate) fn open(reach: &Reach) -> Result<Box<dyn Client>, ClientError> {
    match reach.server.scheme {
        Scheme::Paper => Ok(Box::new(paper::PaperClient::connect(reach)?)),
        Scheme::Seriput => Ok(Box::new(seriput::SeriputClient::new(reach))),
    }
}
