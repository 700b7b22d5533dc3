//! HTTP/1.1 byte by byte: what is sent as it stands, and what is told.

use super::{Client, TestServer};

impl TestServer {
    pub(crate) fn raw(&self) -> Client {
        Client::connect(self.rest_address())
    }
}

/// The answer to the next request: its first line, its head, its body.
pub(crate) struct Told {
    pub(crate) line: String,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Told {
    /// The connection ends with this answer, and says so.
    pub(crate) fn is_last(&self) -> bool {
        self.head.contains("\r\nconnection: close\r\n")
    }
}

impl Client {
    pub(crate) fn told(&mut self) -> Told {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.extend(self.receive(1));
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let len = field("content-length:").map_or(0, |len| len.parse().unwrap());
        assert_eq!(field("cache-control:"), Some("no-store"), "{head}");
        assert_eq!(field("vary:"), Some("authorization"), "{head}");
        let body = String::from_utf8(self.receive(len)).unwrap();
        Told { line: head.lines().next().unwrap().to_owned(), head, body }
    }

    pub(crate) fn ask_for(&mut self, request: &str) -> Told {
        self.send(request.as_bytes());
        self.told()
    }

    /// The connection is as good as new.
    pub(crate) fn is_usable(&mut self) {
        let told = self.ask_for("GET /v1/cache/absent HTTP/1.1\r\nhost: x\r\n\r\n");
        assert_eq!(told.line, "http/1.1 404 not found");
    }
}
