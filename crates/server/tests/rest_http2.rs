//! HTTP/2 as its frames go: an answer that comes before the body of its request is over.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use larder_server::Stopped;
use support::TestServer;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&len[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Header fields, none of them compressed.
fn fields(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).unwrap());
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

/// The kind, flags and stream of the next frame.
fn next(stream: &mut TcpStream) -> (u8, u8, u32) {
    let mut head = [0; 9];
    stream.read_exact(&mut head).unwrap();
    let len = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    stream.read_exact(&mut vec![0; len as usize]).unwrap();
    (head[3], head[4], u32::from_be_bytes([head[5], head[6], head[7], head[8]]))
}

#[test]
fn a_request_that_is_refused_before_its_body_has_come_is_answered_and_not_reset() {
    let server = TestServer::start_rest(|_| {});
    for refused in [
        &[(":method", "PUT"), (":path", "/v1/cache/k"), ("x-cachekit-ttl", "0")][..],
        &[(":method", "POST"), (":path", "/v1/cache/a..b/lock")],
        &[(":method", "PATCH"), (":path", "/v1/cache/k")],
    ] {
        let mut stream = TcpStream::connect(server.rest_address()).unwrap();
        let common = [(":scheme", "http"), (":authority", "localhost")];
        let head = fields(&[&common[..], refused].concat());
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
        stream.write_all(&frame(SETTINGS, 0, 0, &[])).unwrap();
        stream.write_all(&frame(HEADERS, END_HEADERS, 1, &head)).unwrap();
        // The head has been looked at when this is answered.
        stream.write_all(&frame(PING, 0, 0, &[0; 8])).unwrap();
        while next(&mut stream).0 != PING {}
        stream.write_all(&frame(DATA, END_STREAM, 1, b"{\"ttl\":1}")).unwrap();
        let head = fields(&[&common[..], &[(":method", "GET"), (":path", "/v1/cache/health")]].concat());
        stream.write_all(&frame(HEADERS, END_HEADERS | END_STREAM, 3, &head)).unwrap();
        let mut ended = Vec::new();
        while ended.len() < 2 {
            let (kind, flags, id) = next(&mut stream);
            assert_ne!(kind, RESET, "{refused:?}");
            if matches!(kind, DATA | HEADERS) && flags & END_STREAM != 0 {
                ended.push(id);
            }
        }
    }
    assert_eq!(server.handle.shutdown(), Stopped::Clean);
}
