//! Asks the administration listener of a server, which speaks HTTP, for a page in JSON: one request on one connection, which
//! the server closes. That is all of HTTP that is needed here.

use crate::cli::{AdminArgs, ServerArgs};
use crate::failure::Failure;
use serde_json::Value;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// Where the administration listens by default.
const PORT: u16 = 3146;

/// The most that an answer may be.
const ANSWER_BYTES_MAX: u64 = 4 << 20;

/// What the server says about a tenant on the page `path`; null where it watches nothing.
pub(crate) fn fetch(admin: &AdminArgs, server: &ServerArgs, path: &str) -> Result<Value, Failure> {
    let address = admin.admin.clone().unwrap_or_else(|| match server.server.host.as_str() {
        host if host.contains(':') => format!("[{host}]:{PORT}"),
        host => format!("{host}:{PORT}"),
    });
    let fail = |reason: String| Failure::Admin { address: address.clone(), reason };
    let answer = get(&address, path, server.access.timeout).map_err(|error| fail(error.to_string()))?;
    let body = body(&answer).map_err(fail)?;
    let page: Value = serde_json::from_slice(body).map_err(|error| fail(format!("no JSON: {error}")))?;
    of_tenant(&page, &admin.tenant)
}

fn of_tenant(page: &Value, tenant: &str) -> Result<Value, Failure> {
    let Some(said) = page.get(tenant) else {
        let known: Vec<&str> = page.as_object().into_iter().flatten().map(|(name, _)| &**name).collect();
        let known = known.join(", ");
        return Err(Failure::Negative(format!("the server has no tenant {tenant:?}; it has {known}")));
    };
    Ok(said.clone())
}

fn get(address: &str, path: &str, timeout: Duration) -> io::Result<Vec<u8>> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for resolved in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&resolved, timeout) {
            Ok(stream) => return ask(stream, address, path, timeout),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn ask(mut stream: TcpStream, address: &str, path: &str, timeout: Duration) -> io::Result<Vec<u8>> {
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nAccept: application/json\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    Ok(answer)
}

/// What follows the head of an answer, if it is a good one and whole.
fn body(answer: &[u8]) -> Result<&[u8], String> {
    const END: &[u8] = b"\r\n\r\n";
    let split = answer.windows(END.len()).position(|window| window == END);
    let (head, body) = split.map(|at| (&answer[..at], &answer[at + END.len()..])).ok_or("no HTTP answer")?;
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines();
    let status = lines.next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("200") {
        return Err(format!("it answers {status:?}"));
    }
    let length = |line: &str| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    };
    match lines.find_map(length) {
        Some(length) if length == body.len() => Ok(body),
        _ => Err("the answer is not whole".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_good_answer_has_a_body() {
        assert_eq!(body(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"), Ok(&b"{}"[..]));
    }

    #[test]
    fn a_tenant_that_is_not_there_is_told_with_those_that_are() {
        let page = serde_json::json!({ "default": null, "shop": { "policy": "lru" } });
        assert_eq!(of_tenant(&page, "shop").unwrap()["policy"], "lru");
        assert_eq!(of_tenant(&page, "default").unwrap(), Value::Null);
        let refused = of_tenant(&page, "shops").expect_err("unknown").to_string();
        assert!(refused.contains("\"shops\"") && refused.contains("default, shop"), "{refused}");
    }

    #[test]
    fn anything_else_has_a_reason() {
        let reasons = [
            (&b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"[..], "404"),
            (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}", "not whole"),
            (b"HTTP/1.1 200 OK\r\n\r\n{}", "not whole"),
            (b"!", "no HTTP"),
            (b"", "no HTTP"),
        ];
        for (answer, reason) in reasons {
            assert!(body(answer).expect_err("refused").contains(reason), "{reason}");
        }
    }
}
