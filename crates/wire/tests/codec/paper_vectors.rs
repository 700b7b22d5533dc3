//! `conformance/paper.json`: every vector decodes to its fields, and its fields encode to it.

use crate::vectors::{self, Hex};
use larder_wire::Decoded;
use larder_wire::paper::{
    self, Booleans, Command, Error, Handshake, Part, Reply, Request, Status, Violation, reply,
};
use serde::Deserialize;

#[derive(Deserialize)]
pub struct Vectors {
    limits: Limits,
    pub requests: Vec<RequestVector>,
    pub oversized: Vec<OversizedVector>,
    pub request_violations: Vec<ViolationVector>,
    pub handshakes: Vec<HandshakeVector>,
    pub replies: Vec<ReplyVector>,
}

#[derive(Deserialize)]
struct Limits {
    key_bytes_max: u32,
    value_bytes_max: u32,
    text_bytes_max: u32,
}

#[derive(Deserialize)]
pub struct RequestVector {
    name: String,
    pub hex: Hex,
    request: Fields,
}

#[derive(Deserialize)]
struct Fields {
    command: String,
    key: Option<Hex>,
    value: Option<Hex>,
    token: Option<Hex>,
    name: Option<Hex>,
    ttl_s: Option<u32>,
    size: Option<u64>,
}

#[derive(Deserialize)]
pub struct OversizedVector {
    name: String,
    pub hex: Hex,
    oversized: OversizedFields,
}

#[derive(Deserialize)]
struct OversizedFields {
    command: String,
    part: String,
    len: u32,
    max: u32,
    discard: u64,
}

#[derive(Deserialize)]
pub struct ViolationVector {
    name: String,
    pub hex: Hex,
    violation: ViolationFields,
}

#[derive(Deserialize)]
#[serde(tag = "kind")]
enum ViolationFields {
    #[serde(rename = "unknown command")]
    UnknownCommand { byte: u8 },
}

#[derive(Deserialize)]
pub struct HandshakeVector {
    name: String,
    pub hex: Hex,
    admitted: bool,
}

#[derive(Deserialize)]
pub struct ReplyVector {
    name: String,
    command: String,
    pub hex: Hex,
    reply: ReplyFields,
    booleans: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum ReplyFields {
    Ok,
    Bytes(Hex),
    Boolean(bool),
    Size(u32),
    Status(StatusFields),
    Error(String),
}

#[derive(Deserialize)]
struct StatusFields {
    pid: u32,
    max_size: u64,
    used_size: u64,
    num_objects: u64,
    rss: u64,
    hwm: u64,
    gets: u64,
    sets: u64,
    dels: u64,
    miss_ratio: f64,
    policies: Vec<String>,
    policy: String,
    is_auto: bool,
    uptime_ms: u64,
}

pub fn read() -> Vectors {
    vectors::read(include_str!("../../../../conformance/paper.json"))
}

impl Vectors {
    pub fn limits(&self) -> paper::Limits {
        let Limits { key_bytes_max, value_bytes_max, text_bytes_max } = self.limits;
        paper::Limits { key_bytes_max, value_bytes_max, text_bytes_max }
    }
}

fn command(name: &str) -> Command {
    Command::ALL.into_iter().find(|command| command.name() == name).unwrap()
}

impl RequestVector {
    pub fn request(&self) -> Request<'_> {
        let fields = &self.request;
        let key = || &fields.key.as_ref().unwrap().0[..];
        match command(&fields.command) {
            Command::Ping => Request::Ping,
            Command::Version => Request::Version,
            Command::Auth => Request::Auth { token: &fields.token.as_ref().unwrap().0 },
            Command::Get => Request::Get { key: key() },
            Command::Set => Request::Set {
                key: key(),
                value: &fields.value.as_ref().unwrap().0,
                ttl_s: fields.ttl_s.unwrap(),
            },
            Command::Del => Request::Del { key: key() },
            Command::Has => Request::Has { key: key() },
            Command::Peek => Request::Peek { key: key() },
            Command::Ttl => Request::Ttl { key: key(), ttl_s: fields.ttl_s.unwrap() },
            Command::Size => Request::Size { key: key() },
            Command::Wipe => Request::Wipe,
            Command::Resize => Request::Resize { size: fields.size.unwrap() },
            Command::Policy => Request::Policy { name: &fields.name.as_ref().unwrap().0 },
            Command::Status => Request::Status,
        }
    }
}

impl OversizedVector {
    pub fn request(&self) -> Request<'static> {
        let OversizedFields { command: name, part, len, max, discard } = &self.oversized;
        let part = match &part[..] {
            "key" => Part::Key,
            "value" => Part::Value,
            "text" => Part::Text,
            part => panic!("no such part: {part}"),
        };
        Request::Oversized { command: command(name), part, len: *len, max: *max, discard: *discard }
    }
}

impl ViolationVector {
    pub fn violation(&self) -> Violation {
        match self.violation {
            ViolationFields::UnknownCommand { byte } => Violation::UnknownCommand { byte },
        }
    }
}

impl HandshakeVector {
    pub fn handshake(&self) -> Handshake {
        if self.admitted { Handshake::Admitted } else { Handshake::Refused(Error::MaxConnections) }
    }
}

impl ReplyVector {
    pub fn command(&self) -> Command {
        command(&self.command)
    }

    pub fn reply(&self) -> Reply<'_> {
        match &self.reply {
            ReplyFields::Ok => Reply::Ok,
            ReplyFields::Bytes(bytes) => Reply::Bytes(&bytes.0),
            ReplyFields::Boolean(value) => Reply::Boolean(*value),
            ReplyFields::Size(size) => Reply::Size(*size),
            ReplyFields::Status(fields) => Reply::Status(fields.status()),
            ReplyFields::Error(name) => Reply::Error(error(name)),
        }
    }

    fn booleans(&self) -> Booleans {
        match self.booleans.as_deref() {
            None | Some("clients") => Booleans::Clients,
            Some("published") => Booleans::Published,
            Some(other) => panic!("no such booleans: {other}"),
        }
    }
}

impl StatusFields {
    fn status(&self) -> Status<'_> {
        Status {
            pid: self.pid,
            max_size: self.max_size,
            used_size: self.used_size,
            num_objects: self.num_objects,
            rss: self.rss,
            hwm: self.hwm,
            gets: self.gets,
            sets: self.sets,
            dels: self.dels,
            miss_ratio: self.miss_ratio,
            policies: self.policies.iter().map(|name| name[..].into()).collect(),
            policy: self.policy[..].into(),
            is_auto: self.is_auto,
            uptime_ms: self.uptime_ms,
        }
    }
}

fn error(name: &str) -> Error {
    match name {
        "INTERNAL" => Error::Internal,
        "MAX_CONNECTIONS_EXCEEDED" => Error::MaxConnections,
        "UNAUTHORIZED" => Error::Unauthorized,
        "INTERNAL_CACHE_ERROR" => Error::InternalCache,
        "KEY_NOT_FOUND" => Error::KeyNotFound,
        "ZERO_VALUE_SIZE" => Error::ZeroValueSize,
        "EXCEEDING_VALUE_SIZE" => Error::ExceedingValueSize,
        "ZERO_CACHE_SIZE" => Error::ZeroCacheSize,
        "UNCONFIGURED_POLICY" => Error::UnconfiguredPolicy,
        "INVALID_POLICY" => Error::InvalidPolicy,
        name => panic!("no such error: {name}"),
    }
}

/// Writes a reply as a server does.
pub fn write(out: &mut Vec<u8>, reply: &Reply<'_>, booleans: Booleans) {
    match reply {
        Reply::Ok => reply::ok(out),
        Reply::Bytes(bytes) => reply::bytes(out, bytes),
        Reply::Boolean(value) => reply::boolean(out, *value, booleans),
        Reply::Size(size) => reply::size(out, *size),
        Reply::Status(status) => reply::status(out, status, booleans),
        Reply::Error(error) => reply::error(out, *error),
    }
}

#[test]
fn requests_decode_to_their_fields_and_back() {
    let vectors = read();
    for vector in &vectors.requests {
        let (name, hex) = (&vector.name, &vector.hex.0);
        let decoded = paper::decode(hex, &vectors.limits());
        assert_eq!(decoded, Ok(Decoded::Frame { value: vector.request(), used: hex.len() }), "{name}");
        let mut out = Vec::new();
        vector.request().encode(&mut out).unwrap();
        assert_eq!(out, *hex, "{name}");
    }
}

#[test]
fn there_is_a_vector_for_every_command_and_every_error() {
    let vectors = read();
    for command in Command::ALL {
        assert!(vectors.requests.iter().any(|vector| vector.request().command() == command), "{command}");
        assert!(vectors.replies.iter().any(|vector| vector.command() == command), "{command}");
    }
    for error in Error::ALL {
        assert!(vectors.replies.iter().any(|vector| vector.reply() == Reply::Error(error)), "{error}");
    }
}

#[test]
fn oversized_requests_are_known_from_their_lengths() {
    let vectors = read();
    for vector in &vectors.oversized {
        let decoded = paper::decode(&vector.hex.0, &vectors.limits());
        let expected = Decoded::Frame { value: vector.request(), used: vector.hex.0.len() };
        assert_eq!(decoded, Ok(expected), "{}", vector.name);
    }
}

#[test]
fn bytes_that_are_no_request_are_violations() {
    let vectors = read();
    for vector in &vectors.request_violations {
        let decoded = paper::decode(&vector.hex.0, &vectors.limits());
        assert_eq!(decoded, Err(vector.violation()), "{}", vector.name);
    }
}

#[test]
fn replies_decode_to_their_fields_and_back() {
    for vector in read().replies {
        let (name, hex) = (&vector.name, &vector.hex.0);
        let decoded = paper::decode_reply(hex, vector.command(), &paper::ReplyLimits::default());
        assert_eq!(decoded, Ok(Decoded::Frame { value: vector.reply(), used: hex.len() }), "{name}");
        let mut out = Vec::new();
        write(&mut out, &vector.reply(), vector.booleans());
        assert_eq!(out, *hex, "{name}");
    }
}

#[test]
fn handshakes_decode_and_encode() {
    for vector in read().handshakes {
        let (name, hex) = (&vector.name, &vector.hex.0);
        let decoded = paper::decode_handshake(hex);
        assert_eq!(decoded, Ok(Decoded::Frame { value: vector.handshake(), used: hex.len() }), "{name}");
        let mut out = Vec::new();
        if vector.admitted {
            reply::admitted(&mut out);
        } else {
            reply::refused(&mut out);
        }
        assert_eq!(out, *hex, "{name}");
    }
}
