//! A server of a test's own, that answers as it is told: for what no real server does on demand.

use parking_lot::Mutex;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What happens after the bytes of an answer.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Then {
    /// The next request is read.
    Keep,
    /// The connection is closed.
    Close,
    /// Nothing, for ever.
    Hang,
}

/// How a request is answered.
#[derive(Clone)]
pub(crate) struct Reply {
    pub(crate) bytes: Vec<u8>,
    pub(crate) then: Then,
}

impl Reply {
    pub(crate) fn keep(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), then: Then::Keep }
    }
    pub(crate) fn close(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), then: Then::Close }
    }
    pub(crate) fn hang(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), then: Then::Hang }
    }
    /// An HTTP answer with a body of its stated length.
    pub(crate) fn http(status: u16, headers: &str, body: &str) -> Self {
        let head = format!("HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\n\r\n{body}", body.len());
        Self::keep(head)
    }
}

/// Finds the end of a request.
pub(crate) type Framing = fn(&[u8]) -> Option<usize>;

/// Whatever has come is a request.
pub(crate) fn any_bytes(input: &[u8]) -> Option<usize> {
    (!input.is_empty()).then_some(input.len())
}

/// An HTTP request with or without a body.
pub(crate) fn http_request(input: &[u8]) -> Option<usize> {
    let head = input.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&input[..head]).to_lowercase();
    let length = text.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
    let whole = head + length.unwrap_or(0);
    (input.len() >= whole).then_some(whole)
}

type Handler = Box<dyn FnMut(&[u8]) -> Reply + Send>;

struct Shared {
    hello: Vec<u8>,
    framing: Framing,
    handler: Mutex<Handler>,
    requests: Mutex<Vec<Vec<u8>>>,
    connections: AtomicUsize,
}

/// The server. It ends with this.
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

impl Peer {
    /// A server that says `hello` on each connection and then answers each request.
    pub(crate) async fn start(
        hello: &[u8],
        framing: Framing,
        handler: impl FnMut(&[u8]) -> Reply + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            hello: hello.to_vec(),
            framing,
            handler: Mutex::new(Box::new(handler)),
            requests: Mutex::default(),
            connections: AtomicUsize::new(0),
        });
        let accepting = tokio::spawn(accept(listener, shared.clone()));
        Self { address, shared, accepting }
    }

    /// An HTTP server.
    pub(crate) async fn http(handler: impl FnMut(&[u8]) -> Reply + Send + 'static) -> Self {
        Self::start(b"", http_request, handler).await
    }

    /// The requests that have come, as text.
    pub(crate) fn requests(&self) -> Vec<String> {
        let requests = self.shared.requests.lock();
        requests.iter().map(|request| String::from_utf8_lossy(request).into_owned()).collect()
    }

    /// How many connections there have been.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Relaxed)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut serving = tokio::task::JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        shared.connections.fetch_add(1, Relaxed);
        serving.spawn(serve(stream, shared.clone()));
    }
}

async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    // A client that goes away is not this server's business.
    let _ = stream.write_all(&shared.hello).await;
    // Room for any request here, so that one that was written at once is read at once.
    let mut input = Vec::with_capacity(4096);
    loop {
        while let Some(end) = (shared.framing)(&input) {
            let request: Vec<u8> = input.drain(..end).collect();
            let reply = (shared.handler.lock())(&request);
            shared.requests.lock().push(request);
            if stream.write_all(&reply.bytes).await.is_err() {
                return;
            }
            match reply.then {
                Then::Keep => {}
                Then::Close => return,
                Then::Hang => std::future::pending().await,
            }
        }
        if !stream.read_buf(&mut input).await.is_ok_and(|read| read > 0) {
            return;
        }
    }
}
