//! A Seriput client that sends and expects.

use larder_wire::{
    Decoded,
    seriput::{Request, Response, ResponseLimits, ValueType, decode_response},
};

/// One connection.
pub(crate) struct Client {
    pub(crate) raw: super::Client,
}

/// A response, its error taken apart.
#[derive(Debug, PartialEq)]
pub(crate) enum Told {
    Ok,
    Value(Vec<u8>),
    NotFound,
    Invalid { code: i64, message: String },
    Internal { code: i64, message: String },
}

impl Client {
    pub(crate) fn put(&mut self, key: &str, value: &[u8]) -> Told {
        self.raw.send(&put(key, value));
        self.told()
    }

    pub(crate) fn get(&mut self, key: &str) -> Told {
        self.raw.send(&get(key));
        self.told()
    }

    pub(crate) fn delete(&mut self, key: &str) -> Told {
        self.raw.send(&encode(&Request::Delete { key, discard: 0 }));
        self.told()
    }

    /// Reads one response.
    pub(crate) fn told(&mut self) -> Told {
        let mut bytes = self.raw.receive(6);
        let len = u32::from_be_bytes([bytes[2], bytes[3], bytes[4], bytes[5]]);
        bytes.extend(self.raw.receive(len as usize));
        let decoded = decode_response(&bytes, &ResponseLimits::default()).expect("a response");
        let Decoded::Frame { value: response, used } = decoded else { panic!("not whole: {bytes:?}") };
        assert_eq!(used, bytes.len());
        match response {
            Response::Ok => Told::Ok,
            Response::Value { value, .. } => Told::Value(value.to_vec()),
            Response::NotFound => Told::NotFound,
            Response::InvalidRequest { body } => {
                let (code, message) = reason(body);
                Told::Invalid { code, message }
            }
            Response::InternalError { body } => {
                let (code, message) = reason(body);
                Told::Internal { code, message }
            }
        }
    }
}

/// The code and the message of an error.
fn reason(body: &[u8]) -> (i64, String) {
    let body: serde_json::Value = serde_json::from_slice(body).expect("the body of an error is JSON");
    let message = body["errorMessage"].as_str().expect("a message").to_owned();
    (body["errorCode"].as_i64().expect("a code"), message)
}

pub(crate) fn put(key: &str, value: &[u8]) -> Vec<u8> {
    encode(&Request::Put { key, value_type: ValueType::Json, value })
}

pub(crate) fn get(key: &str) -> Vec<u8> {
    encode(&Request::Get { key, discard: 0 })
}

/// The eleven bytes that a request begins with.
pub(crate) fn head(types: [u8; 3], key_len: i32, value_len: i32) -> Vec<u8> {
    [&types[..], &key_len.to_be_bytes(), &value_len.to_be_bytes()].concat()
}

/// A JSON text of so many bytes, at least 2.
pub(crate) fn json(len: usize) -> Vec<u8> {
    let mut text = vec![b'v'; len];
    (text[0], text[len - 1]) = (b'"', b'"');
    text
}

fn encode(request: &Request<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    request.encode(&mut bytes).expect("short enough");
    bytes
}
