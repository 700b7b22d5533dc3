//! Seriput from the client's side (`spec/seriput.md`): GET, PUT and DELETE, as commands and as a load. It knows no time to
//! live and no other command, and has no way to send a token. Nothing is sent, and nobody is connected to, for a command
//! that cannot be said.

use super::socket::{Socket, missing};
use super::{Answer, Asked, Client, ClientError, Codec, Reach};
use crate::server_url::ServerUrl;
use larder_wire::Decoded;
use larder_wire::seriput::{Op, Request, Response, ResponseLimits, ValueType, decode_response};
use serde::Deserialize;
use std::net::TcpStream;

/// Whatever the protocol can say.
const LIMITS: ResponseLimits = ResponseLimits { value_bytes_max: i32::MAX as u32 };

/// The number that a Larder server gives for a value that is too long.
const VALUE_TOO_LONG: i64 = 6;

/// From this number on, the fault is not the request's.
const INTERNAL_FIRST: i64 = 100;

/// The number that a Larder server gives when it failed, as opposed to having a value that cannot be shown.
const FAILED: i64 = 100;

/// One connection, made when there is something to send.
pub(super) struct SeriputClient {
    reach: Reach,
    socket: Option<Socket>,
}

impl SeriputClient {
    pub(super) fn new(reach: &Reach) -> Self {
        Self { reach: reach.clone(), socket: None }
    }

    fn socket(&mut self) -> Result<&mut Socket, ClientError> {
        match self.socket.take() {
            Some(socket) => Ok(self.socket.insert(socket)),
            None => Ok(self.socket.insert(Socket::connect(&self.reach)?)),
        }
    }

    /// Sends a request and waits for its response; `None` if there is no such key.
    fn call(&mut self, op: Op, request: &Request<'_>) -> Result<Option<Vec<u8>>, ClientError> {
        let doing = op.name();
        let socket = self.socket()?;
        socket.send(doing, |out| request.encode(out))?;
        socket.fill(doing, |input| decode_response(input, &LIMITS).map(missing))?;
        let response = match decode_response(socket.input(), &LIMITS) {
            Ok(Decoded::Frame { value, .. }) => value,
            Ok(Decoded::Need(_)) => return Err(socket.closed(doing)),
            Err(violation) => return Err(socket.not_the_protocol(doing, &violation)),
        };
        let body = match response {
            Response::Ok => return Ok(Some(Vec::new())),
            Response::Value { value, .. } => return Ok(Some(value.to_vec())),
            Response::NotFound => return Ok(None),
            Response::InvalidRequest { body } | Response::InternalError { body } => body,
        };
        let is_internal = matches!(response, Response::InternalError { .. });
        let Fault { code, message } = Fault::read(body, is_internal);
        let (server, reason) = (socket.server().clone(), message);
        if is_internal && code == FAILED {
            return Err(ClientError::Failed { server, doing, reason });
        }
        Err(ClientError::SaidNo { server, doing, reason })
    }

    fn key<'k>(&self, op: Op, key: &'k [u8]) -> Result<&'k str, ClientError> {
        read_key(key).map_err(|reason| ClientError::Unsendable { doing: op.name(), reason })
    }
}

/// What the body of an error says.
struct Fault {
    code: i64,
    message: String,
}

#[derive(Deserialize)]
struct Body {
    #[serde(rename = "errorCode")]
    code: Option<i64>,
    #[serde(rename = "errorMessage")]
    message: Option<String>,
}

impl Fault {
    /// Either part may be missing, and so may the whole body.
    fn read(body: &[u8], is_internal: bool) -> Self {
        let body = serde_json::from_slice(body).unwrap_or(Body { code: None, message: None });
        let (code, status) =
            if is_internal { (INTERNAL_FIRST, "internal error") } else { (0, "invalid request") };
        Self { code: body.code.unwrap_or(code), message: body.message.unwrap_or_else(|| status.to_owned()) }
    }
}

fn read_key(key: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(key)
        .map_err(|error| format!("the key is not UTF-8 at byte {}, as Seriput wants it", error.valid_up_to()))
}

impl Client for SeriputClient {
    fn server(&self) -> &ServerUrl {
        &self.reach.server
    }

    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, ClientError> {
        let key = self.key(Op::Get, key)?;
        self.call(Op::Get, &Request::Get { key, discard: 0 })
    }

    fn set(&mut self, key: &[u8], value: &[u8], ttl_s: u32) -> Result<(), ClientError> {
        if ttl_s != 0 {
            return Err(self.cannot("SET with a time to live"));
        }
        let key = self.key(Op::Put, key)?;
        self.call(Op::Put, &Request::Put { key, value_type: ValueType::Json, value }).map(drop)
    }

    fn delete(&mut self, key: &[u8]) -> Result<bool, ClientError> {
        let key = self.key(Op::Delete, key)?;
        Ok(self.call(Op::Delete, &Request::Delete { key, discard: 0 })?.is_some())
    }

    fn into_load(mut self: Box<Self>) -> Result<(TcpStream, Box<dyn Codec + Send>), ClientError> {
        let socket = match self.socket.take() {
            Some(socket) => socket,
            None => Socket::connect(&self.reach)?,
        };
        Ok((socket.into_stream(), Box::new(SeriputCodec)))
    }
}

/// GET and PUT as bytes.
struct SeriputCodec;

impl Codec for SeriputCodec {
    /// A JSON string, or for a single byte a digit.
    fn fill_value(&self, bytes: usize, value: &mut Vec<u8>) {
        value.clear();
        value.resize(bytes, b'v');
        match &mut value[..] {
            [] => {}
            [only] => *only = b'1',
            [first, .., last] => (*first, *last) = (b'"', b'"'),
        }
    }

    fn get(&self, key: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
        let key = read_key(key)?;
        Request::Get { key, discard: 0 }.encode(out).map_err(|error| error.to_string())
    }

    fn set(&self, key: &[u8], value: &[u8], ttl_s: u32, out: &mut Vec<u8>) -> Result<(), String> {
        if ttl_s != 0 {
            return Err("Seriput has no time to live".to_owned());
        }
        let key = read_key(key)?;
        let request = Request::Put { key, value_type: ValueType::Json, value };
        request.encode(out).map_err(|error| error.to_string())
    }

    fn answer(&self, _: Asked, input: &[u8]) -> Result<Decoded<Answer>, String> {
        match decode_response(input, &ResponseLimits::default()).map_err(|violation| violation.to_string())? {
            Decoded::Need(bytes) => Ok(Decoded::Need(bytes)),
            Decoded::Frame { value, used } => Ok(Decoded::Frame { value: answer_of(&value), used }),
        }
    }
}

fn answer_of(response: &Response<'_>) -> Answer {
    match *response {
        Response::Ok => Answer::Stored,
        Response::Value { value, .. } => Answer::Value(value.len()),
        Response::NotFound => Answer::Missing,
        Response::InvalidRequest { body } => match Fault::read(body, false) {
            Fault { code: VALUE_TOO_LONG, .. } => Answer::TooLarge,
            Fault { message, .. } => Answer::Refused(message),
        },
        Response::InternalError { body } => Answer::Refused(Fault::read(body, true).message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_a_load_are_json_of_every_length_whatever_was_there_before() {
        let mut value = Vec::new();
        for bytes in [1, 2, 3, 100, 7, 1] {
            SeriputCodec.fill_value(bytes, &mut value);
            assert_eq!(value.len(), bytes);
            assert_eq!(ValueType::Json.check(&value), Ok(()));
        }
    }

    #[test]
    fn an_error_without_a_body_is_told_by_its_status() {
        assert_eq!(
            answer_of(&Response::InvalidRequest { body: b"" }),
            Answer::Refused("invalid request".into())
        );
        let body = br#"{"errorCode":6,"errorMessage":"the value has 9 bytes"}"#;
        assert_eq!(answer_of(&Response::InvalidRequest { body }), Answer::TooLarge);
        assert_eq!(
            answer_of(&Response::InternalError { body: b"{}" }),
            Answer::Refused("internal error".into())
        );
    }
}
