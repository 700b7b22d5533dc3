//! A connection from its first byte to its end: what is spoken on it (HTTP/2 announces itself, everything else is HTTP/1.1), and the
//! orders that its worker gives it meanwhile.

use std::{
    future::{Future, poll_fn},
    io,
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
};

use hyper::{server::conn::http1, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    net::TcpStream,
};
use tracing::debug;

use super::{
    HEAD_BYTES_MAX, STREAMS_MAX,
    line::Line,
    parting, service,
    stream::{Socket, Stream},
};
use crate::{
    net::{
        slots::Slot,
        watch::{Order, Reason, Watch},
    },
    session::Local,
    shared::Shared,
};

/// What a client sends first that speaks HTTP/2.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What may arrive on one stream and on one connection of HTTP/2 before we have taken it, in bytes.
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 1 << 20;

/// How a connection ended.
pub(super) enum End {
    /// As both sides wanted.
    Closed,
    /// It was waited for too long.
    Dropped(Reason),
    /// What came was no HTTP.
    Violation(hyper::Error),
    /// The socket failed, or the client left in the middle of something.
    Failed(String),
}

/// Serves a client until either side ends it, and keeps its place until then. Runs on the worker whose `local` it is.
pub(crate) async fn serve(stream: std::net::TcpStream, slot: Slot, shared: Arc<Shared>, local: Local) {
    let opened = stream.peer_addr().and_then(|peer| Ok((peer, TcpStream::from_std(stream)?)));
    // An error means that the client is gone already.
    let Ok((peer, stream)) = opened else { return };
    let listed = local.watchlist.add(Watch::new(peer, shared.clock.now(), shared.rest.idle_time));
    let line = Arc::new(Line::new(Arc::clone(&shared), local, listed));
    debug!(%peer, "connected");
    match open(stream, &line, slot).await {
        Ok(()) | Err(End::Closed) => debug!(%peer, "disconnected"),
        Err(End::Dropped(_)) if line.is_lingering() => debug!(%peer, "disconnected"),
        Err(End::Dropped(reason)) => shared.note_dropped(peer, reason),
        Err(End::Violation(error)) => shared.note_violation(peer, &error),
        Err(End::Failed(error)) => debug!(%peer, ?error, "connection failed"),
    }
}

/// Finds out what is spoken: TLS says so itself, and otherwise the first bytes do.
async fn open(mut socket: TcpStream, line: &Arc<Line>, slot: Slot) -> Result<(), End> {
    let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
    line.watch().wake_with(waker);
    line.await_auth();
    let Some(tls) = &line.shared.tls else {
        let mut ahead = Vec::new();
        return match listen(&mut socket, &mut ahead, line).await {
            Ok(is_http2) => converse(socket, ahead, is_http2, line, slot).await,
            Err(end) => {
                let stream = Stream::new(socket, Arc::clone(line), Vec::new(), true);
                parting::part(stream, &ahead, line, Err(end)).await
            }
        };
    };
    // A handshake has as much time as the head of a request, and the first head has what is left of it.
    line.received();
    let socket = obey(tls.acceptor().accept(socket), line).await?.map_err(failed)?;
    let is_http2 = socket.get_ref().1.alpn_protocol() == Some(b"h2");
    converse(socket, Vec::new(), is_http2, line, slot).await
}

async fn converse<S: Socket>(
    socket: S,
    ahead: Vec<u8>,
    is_http2: bool,
    line: &Arc<Line>,
    slot: Slot,
) -> Result<(), End> {
    let stream = TokioIo::new(Stream::new(socket, Arc::clone(line), ahead, !is_http2));
    let service = {
        let line = Arc::clone(line);
        service_fn(move |request| service::answer(Arc::clone(&line), request))
    };
    let ended = if is_http2 {
        let mut http = http2::Builder::new(TokioExecutor::new());
        http.max_concurrent_streams(STREAMS_MAX)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(HEAD_BYTES_MAX as u32)
            .max_send_buf_size(HEAD_BYTES_MAX);
        let connection = pin!(http.serve_connection(stream, service));
        drive(connection, line, |connection| connection.graceful_shutdown()).await
    } else {
        let mut http = http1::Builder::new();
        http.half_close(true).max_buf_size(HEAD_BYTES_MAX);
        let mut connection = http.serve_connection(stream, service);
        // The stream ends what the client can say; what has arrived is answered.
        let ended = drive(Pin::new(&mut connection), line, |_| {}).await;
        let http1::Parts { io, read_buf, .. } = connection.into_parts();
        parting::part(io.into_inner(), &read_buf, line, ended).await
    };
    drop(slot);
    ended
}

/// Reads until it is clear what is spoken: whether it is HTTP/2.
async fn listen(
    socket: &mut (impl AsyncRead + Unpin),
    ahead: &mut Vec<u8>,
    line: &Line,
) -> Result<bool, End> {
    loop {
        if obey(socket.read_buf(ahead), line).await?.map_err(failed)? == 0 {
            return Err(End::Closed);
        }
        if ahead.len() >= PREFACE.len() || !PREFACE.starts_with(ahead) {
            return Ok(ahead.starts_with(PREFACE));
        }
        line.received();
    }
}

/// Waits for something before there is a connection to drain: an order ends it.
async fn obey<T>(awaited: impl Future<Output = T>, line: &Line) -> Result<T, End> {
    let mut awaited = pin!(awaited);
    poll_fn(|cx| {
        if let Poll::Ready(done) = awaited.as_mut().poll(cx) {
            return Poll::Ready(Ok(done));
        }
        line.wait();
        match line.watch().order() {
            Some(Order::Drop(reason)) => Poll::Ready(Err(End::Dropped(reason))),
            Some(Order::Drain) => Poll::Ready(Err(End::Closed)),
            None => Poll::Pending,
        }
    })
    .await
}

/// Runs a connection, and what its worker orders.
async fn drive<C>(
    mut connection: Pin<&mut C>,
    line: &Line,
    mut drain: impl FnMut(Pin<&mut C>),
) -> Result<(), End>
where
    C: Future<Output = hyper::Result<()>>,
{
    poll_fn(|cx| {
        match line.watch().order() {
            Some(Order::Drop(reason)) => return Poll::Ready(Err(End::Dropped(reason))),
            Some(Order::Drain) => {
                line.drain();
                drain(connection.as_mut());
            }
            None => {}
        }
        match connection.as_mut().poll(cx) {
            Poll::Ready(ended) => Poll::Ready(ended.map_err(judge)),
            Poll::Pending => {
                line.wait();
                Poll::Pending
            }
        }
    })
    .await
}

/// Whose fault an end is.
fn judge(error: hyper::Error) -> End {
    if error.is_parse() { End::Violation(error) } else { End::Failed(error.to_string()) }
}

fn failed(error: io::Error) -> End {
    End::Failed(error.to_string())
}
