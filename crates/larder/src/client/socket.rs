//! A blocking connection to a server: one message out, one message in. The protocols know the bytes; this knows the socket.

use super::{ClientError, Reach};
use crate::server_url::ServerUrl;
use larder_wire::Decoded;
use std::fmt::Display;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// The most that is read, and zeroed for it, at once: a length that a server claims costs nothing until bytes come.
const READ_BYTES_MAX: usize = 256 << 10;

/// One connection.
pub(super) struct Socket {
    server: ServerUrl,
    timeout: Duration,
    stream: TcpStream,
    /// One request, kept for its memory.
    output: Vec<u8>,
    /// What has come of the reply to it.
    input: Vec<u8>,
}

impl Socket {
    /// Connects to the first address of the server's host that answers.
    pub(super) fn connect(reach: &Reach) -> Result<Self, ClientError> {
        let Reach { server, timeout, .. } = reach;
        let stream = connect_any(server, *timeout)?;
        Ok(Self { server: server.clone(), timeout: *timeout, stream, output: Vec::new(), input: Vec::new() })
    }

    /// Whom it is connected to.
    pub(super) fn server(&self) -> &ServerUrl {
        &self.server
    }

    /// What the last [`fill`](Self::fill) has read.
    pub(super) fn input(&self) -> &[u8] {
        &self.input
    }

    /// Sends what `encode` writes.
    pub(super) fn send<E: Display>(
        &mut self,
        doing: &'static str,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), ClientError> {
        self.output.clear();
        encode(&mut self.output)
            .map_err(|error| ClientError::Unsendable { doing, reason: error.to_string() })?;
        let written = self.stream.write_all(&self.output);
        written.map_err(|error| ClientError::from_io(&self.server, doing, self.timeout, error))
    }

    /// Reads until `missing` finds a message whole. It says how long the input must get, or none.
    pub(super) fn fill<V: Display>(
        &mut self,
        doing: &'static str,
        missing: impl Fn(&[u8]) -> Result<Option<usize>, V>,
    ) -> Result<(), ClientError> {
        self.input.clear();
        loop {
            let need = match missing(&self.input) {
                Ok(None) => return Ok(()),
                Ok(Some(need)) => need,
                Err(violation) => return Err(self.not_the_protocol(doing, &violation)),
            };
            while self.input.len() < need {
                self.read_some(need)
                    .map_err(|error| ClientError::from_io(&self.server, doing, self.timeout, error))?;
            }
        }
    }

    /// Reads once, at most up to `need` bytes in all.
    fn read_some(&mut self, need: usize) -> io::Result<()> {
        let had = self.input.len();
        self.input.resize(need.min(had + READ_BYTES_MAX), 0);
        let read = self.stream.read(&mut self.input[had..]);
        self.input.truncate(had + *read.as_ref().unwrap_or(&0));
        match read {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// That what has come is no reply.
    pub(super) fn not_the_protocol(&self, doing: &'static str, violation: &dyn Display) -> ClientError {
        ClientError::NotTheProtocol { server: self.server.clone(), doing, reason: violation.to_string() }
    }

    /// That the reply is not the one to this request.
    pub(super) fn closed(&self, doing: &'static str) -> ClientError {
        ClientError::Closed { server: self.server.clone(), doing }
    }

    /// Gives up the connection.
    pub(super) fn into_stream(self) -> TcpStream {
        self.stream
    }
}

/// How long the input must get, if the message is not whole.
pub(super) fn missing<T>(decoded: Decoded<T>) -> Option<usize> {
    match decoded {
        Decoded::Need(bytes) => Some(bytes),
        Decoded::Frame { .. } => None,
    }
}

fn connect_any(server: &ServerUrl, timeout: Duration) -> Result<TcpStream, ClientError> {
    let resolve = |source| ClientError::Resolve { server: server.clone(), source };
    let connect = |source| ClientError::Connect { server: server.clone(), source };
    let mut last = None;
    for address in (server.host.as_str(), server.port).to_socket_addrs().map_err(resolve)? {
        match TcpStream::connect_timeout(&address, timeout) {
            Ok(stream) => {
                stream.set_nodelay(true).map_err(connect)?;
                stream.set_read_timeout(Some(timeout)).map_err(connect)?;
                stream.set_write_timeout(Some(timeout)).map_err(connect)?;
                return Ok(stream);
            }
            Err(error) => last = Some(error),
        }
    }
    match last {
        Some(error) => Err(connect(error)),
        None => Err(resolve(io::Error::new(io::ErrorKind::NotFound, "it has none"))),
    }
}
