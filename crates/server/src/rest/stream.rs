//! The socket as HTTP sees it. With HTTP/1.1, answers that are small are kept until the next read, so a pipelined batch is answered
//! in one write; nothing is read while answers wait to be taken. What HTTP/1.1 says by itself to bytes that are no request is not
//! passed on: [`parting`](super::parting) says it better. A connection that the server ends is read from for a moment, so that no reset overtakes the answer.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::server::TlsStream;

use super::{TOGETHER_BYTES_MAX, line::Line};
use crate::limits::LINGER_BYTES;

/// What can be served.
pub(crate) trait Socket: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// After this what has arrived can still be read, then there is an end.
    fn stop_receiving(&self);
    /// The rest is not worth sending: the connection is to be reset when it is closed.
    fn cut(&self);
}

impl Socket for TcpStream {
    fn stop_receiving(&self) {
        // An error means that the client is gone, which the next read finds out.
        let _ = SockRef::from(self).shutdown(std::net::Shutdown::Read);
    }

    fn cut(&self) {
        let _ = SockRef::from(self).set_linger(Some(Duration::ZERO));
    }
}

impl Socket for TlsStream<TcpStream> {
    fn stop_receiving(&self) {
        self.get_ref().0.stop_receiving();
    }

    fn cut(&self) {
        self.get_ref().0.cut();
    }
}

pub(crate) struct Stream<S: Socket> {
    socket: S,
    line: Arc<Line>,
    /// Whether small writes wait for the next read.
    gathers: bool,
    /// What was read to find out what is spoken.
    ahead: Vec<u8>,
    ahead_used: usize,
    /// What waits to be written.
    out: Vec<u8>,
    out_written: usize,
    /// Whether the socket took nothing the last time it was offered something.
    is_blocked: bool,
    has_stopped: bool,
    /// The client has said all that it will.
    has_ended: bool,
    /// How much was read after the end of our side.
    lingered: Option<usize>,
    /// The status that HTTP has given by itself to bytes that are no request.
    unasked: Option<[u8; 3]>,
}

impl<S: Socket> Stream<S> {
    pub(crate) fn new(socket: S, line: Arc<Line>, ahead: Vec<u8>, gathers: bool) -> Stream<S> {
        Stream {
            socket,
            line,
            gathers,
            ahead,
            ahead_used: 0,
            out: Vec::new(),
            out_written: 0,
            is_blocked: false,
            has_stopped: false,
            has_ended: false,
            lingered: None,
            unasked: None,
        }
    }

    /// The status that HTTP has given by itself to bytes that are no request, which nobody has been told.
    pub(super) fn take_unasked(&mut self) -> Option<[u8; 3]> {
        self.unasked.take()
    }

    /// Whether the client's next word is to be the head of a request, or the rest of one.
    pub(super) fn awaits_head(&self) -> bool {
        !self.is_blocked && !self.line.is_serving() && self.lingered.is_none()
    }

    /// Adds to what waits to be written.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// Ready when nothing waits.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.out.get(self.out_written..).filter(|rest| !rest.is_empty()) {
            let written = Pin::new(&mut self.socket).poll_write(cx, rest);
            self.out_written += ready!(self.note(written))?;
        }
        self.out.clear();
        self.out_written = 0;
        let flushed = Pin::new(&mut self.socket).poll_flush(cx).map_ok(|()| 1);
        self.note(flushed).map_ok(drop)
    }

    /// From when the socket takes nothing, and again from each time that it takes something, the client has so much time.
    fn note(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match written {
            Poll::Pending if !self.is_blocked => {
                self.is_blocked = true;
                self.line.watch().take_within(self.line.now(), self.line.shared.limits.stall_time);
            }
            Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            Poll::Ready(Ok(_)) if self.is_blocked => {
                self.is_blocked = false;
                self.line.watch().taken();
            }
            _ => {}
        }
        written
    }

    /// Keeps what is written for the next read, if that is how it is to be done; how much that was.
    fn gather(&mut self, pieces: &[IoSlice<'_>]) -> Option<usize> {
        if !self.gathers {
            return None;
        }
        let len: usize = pieces.iter().map(|piece| piece.len()).sum();
        if self.line.is_unasked() {
            let status = pieces.first().and_then(|head| head.get(9..12)?.try_into().ok());
            self.unasked.get_or_insert(status.unwrap_or(*b"400"));
        } else if self.out.len() + len <= TOGETHER_BYTES_MAX {
            pieces.iter().for_each(|piece| self.out.extend_from_slice(piece));
        } else {
            return None;
        }
        Some(len)
    }

    fn poll_linger(&mut self, cx: &mut Context<'_>, mut read: usize) -> Poll<io::Result<()>> {
        let mut buffer = [0; 512];
        while read < LINGER_BYTES {
            self.lingered = Some(read);
            let mut buffer = ReadBuf::new(&mut buffer);
            match ready!(Pin::new(&mut self.socket).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => read += buffer.filled().len(),
                _ => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: Socket> AsyncRead for Stream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Some(ahead) = this.ahead.get(this.ahead_used..).filter(|ahead| !ahead.is_empty()) {
            let len = ahead.len().min(buffer.remaining());
            buffer.put_slice(&ahead[..len]);
            this.ahead_used += len;
            if this.ahead_used == this.ahead.len() {
                (this.ahead, this.ahead_used) = (Vec::new(), 0);
            }
            this.line.received();
            return Poll::Ready(Ok(()));
        }
        if this.gathers {
            ready!(this.poll_drain(cx))?;
        }
        if this.line.is_draining() && !std::mem::replace(&mut this.has_stopped, true) {
            this.socket.stop_receiving();
        }
        let before = buffer.filled().len();
        let read = match ready!(Pin::new(&mut this.socket).poll_read(cx, buffer)) {
            // TLS wants a farewell, for which there is no time.
            Err(error) if this.has_stopped && error.kind() == io::ErrorKind::UnexpectedEof => Ok(()),
            read => read,
        };
        if buffer.filled().len() > before {
            this.line.received();
        } else {
            this.has_ended = true;
        }
        Poll::Ready(read)
    }
}

impl<S: Socket> AsyncWrite for Stream<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if let Some(len) = this.gather(&[IoSlice::new(bytes)]) {
            return Poll::Ready(Ok(len));
        }
        if this.gathers {
            ready!(this.poll_drain(cx))?;
        }
        let written = Pin::new(&mut this.socket).poll_write(cx, bytes);
        this.note(written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if let Some(len) = this.gather(pieces) {
            return Poll::Ready(Ok(len));
        }
        if this.gathers {
            ready!(this.poll_drain(cx))?;
        }
        let written = Pin::new(&mut this.socket).poll_write_vectored(cx, pieces);
        this.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.gathers || self.socket.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.line.flushed();
        // While a request is being served a read may be far off, and its client may wait for a word of ours to go on.
        if this.gathers && !this.line.is_serving() {
            return Poll::Ready(Ok(()));
        }
        this.poll_drain(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // There is still something to be said.
        if this.unasked.is_some() {
            return Poll::Ready(Ok(()));
        }
        let lingered = match this.lingered {
            Some(lingered) => lingered,
            None => {
                ready!(this.poll_drain(cx))?;
                ready!(Pin::new(&mut this.socket).poll_shutdown(cx))?;
                if this.has_ended {
                    return Poll::Ready(Ok(()));
                }
                this.line.linger();
                0
            }
        };
        this.poll_linger(cx, lingered)
    }
}

impl<S: Socket> Drop for Stream<S> {
    fn drop(&mut self) {
        // Nothing that is still in the socket's buffers is kept for a client that does not take it.
        if self.is_blocked {
            self.socket.cut();
        }
    }
}
