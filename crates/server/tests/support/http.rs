//! An HTTP client, which is hyper's, and what it is told.

use std::net::SocketAddr;

use http_body_util::{BodyExt, Full};
use hyper::{
    HeaderMap, Method, Request, Response,
    body::{Bytes, Incoming},
    client::conn::{http1, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    runtime::{Builder, Runtime},
    time::timeout,
};

use super::PATIENCE;

enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

/// One connection, with an API key if there is one.
pub(crate) struct Http {
    runtime: Runtime,
    sender: Sender,
    pub(crate) headers: Vec<(String, String)>,
}

/// What the server said.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Http {
    pub(crate) fn connect(address: SocketAddr) -> Http {
        Http::over(false, async move { TcpStream::connect(address).await.expect("the server accepts") })
    }

    pub(crate) fn connect_http2(address: SocketAddr) -> Http {
        Http::over(true, async move { TcpStream::connect(address).await.expect("the server accepts") })
    }

    /// Speaks over a stream that `open` makes.
    pub(crate) fn over<S>(is_http2: bool, open: impl Future<Output = S>) -> Http
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let sender = runtime.block_on(async {
            let io = TokioIo::new(open.await);
            if is_http2 {
                let (sender, connection) =
                    http2::handshake(TokioExecutor::new(), io).await.expect("HTTP/2 begins");
                tokio::spawn(connection);
                Sender::Http2(sender)
            } else {
                let (sender, connection) = http1::handshake(io).await.expect("HTTP/1.1 begins");
                tokio::spawn(connection);
                Sender::Http1(sender)
            }
        });
        Http { runtime, sender, headers: Vec::new() }
    }

    pub(crate) fn send(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Reply {
        self.try_send(method, path, headers, body).expect("an answer")
    }

    pub(crate) fn try_send(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> hyper::Result<Reply> {
        let uri = match self.sender {
            Sender::Http1(_) => path.to_owned(),
            Sender::Http2(_) => format!("http://localhost{path}"),
        };
        let mut request = Request::builder().method(method).uri(uri);
        if matches!(self.sender, Sender::Http1(_)) {
            request = request.header("host", "localhost");
        }
        let own = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in own.chain(headers.iter().copied()) {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(Bytes::copy_from_slice(body))).expect("a request");
        let Http { runtime, sender, .. } = self;
        runtime.block_on(async {
            let response = async {
                match sender {
                    Sender::Http1(sender) => {
                        sender.ready().await?;
                        sender.send_request(request).await
                    }
                    Sender::Http2(sender) => sender.send_request(request).await,
                }
            };
            let response = timeout(PATIENCE, response).await.expect("an answer in time")?;
            timeout(PATIENCE, Reply::read(response)).await.expect("the rest in time")
        })
    }

    pub(crate) fn get(&mut self, key: &str) -> Reply {
        self.send(Method::GET, &path(key), &[], b"")
    }

    pub(crate) fn put(&mut self, key: &str, headers: &[(&str, &str)], value: &[u8]) -> Reply {
        self.send(Method::PUT, &path(key), headers, value)
    }

    pub(crate) fn delete(&mut self, key: &str) -> Reply {
        self.send(Method::DELETE, &path(key), &[], b"")
    }

    pub(crate) fn head(&mut self, key: &str) -> Reply {
        self.send(Method::HEAD, &path(key), &[], b"")
    }

    /// The id of the lock, if it was free.
    pub(crate) fn lock(&mut self, key: &str, timeout_ms: u64) -> Option<String> {
        let body = format!("{{\"timeout_ms\":{timeout_ms}}}");
        let reply = self.send(Method::POST, &format!("{}/lock", path(key)), &[], body.as_bytes());
        assert_eq!(reply.status, 200, "{reply:?}");
        let Value::Object(answer) = reply.json() else { panic!("{reply:?}") };
        assert_eq!(answer.keys().collect::<Vec<_>>(), ["lock_id"]);
        answer["lock_id"].as_str().map(str::to_owned)
    }

    pub(crate) fn unlock(&mut self, key: &str, id: &str) -> Reply {
        self.send(Method::DELETE, &format!("{}/lock", path(key)), &[("x-cachekit-lock-id", id)], b"")
    }

    pub(crate) fn ttl(&mut self, key: &str) -> Reply {
        self.send(Method::GET, &format!("{}/ttl", path(key)), &[], b"")
    }

    pub(crate) fn renew(&mut self, key: &str, body: &str) -> Reply {
        self.send(Method::PATCH, &format!("{}/ttl", path(key)), &[], body.as_bytes())
    }
}

/// The path of a key whose characters need no escape but the colon, which SDKs escape.
pub(crate) fn path(key: &str) -> String {
    format!("/v1/cache/{}", key.replace(':', "%3A"))
}

impl Reply {
    async fn read(response: Response<Incoming>) -> hyper::Result<Reply> {
        let (parts, body) = response.into_parts();
        let body = body.collect().await?.to_bytes().to_vec();
        let reply = Reply { status: parts.status.as_u16(), headers: parts.headers, body };
        // What holds of every answer.
        assert_eq!(reply.header("cache-control"), Some("no-store"), "{reply:?}");
        assert_eq!(reply.header("vary"), Some("Authorization"), "{reply:?}");
        if reply.status >= 400 && !reply.body.is_empty() {
            let Value::Object(body) = reply.json() else { panic!("{reply:?}") };
            assert_eq!(body.keys().collect::<Vec<_>>(), ["error"], "{reply:?}");
            let Value::Object(error) = &body["error"] else { panic!("{reply:?}") };
            assert_eq!(error.keys().collect::<Vec<_>>(), ["code", "message"], "{reply:?}");
            assert!(error.values().all(|text| text.as_str().is_some_and(|text| !text.is_empty())));
        }
        Ok(reply)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next().map(|value| value.to_str().expect("a text"));
        assert!(values.next().is_none(), "{name} is there twice");
        value
    }

    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        serde_json::from_slice(&self.body).expect("a JSON text")
    }

    /// Status and code of an error.
    pub(crate) fn error(&self) -> (u16, String) {
        let code = self.json()["error"]["code"].as_str().map(str::to_owned);
        (self.status, code.unwrap_or_else(|| panic!("{self:?}")))
    }
}
