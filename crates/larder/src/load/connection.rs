//! A connection that sends a batch of requests in one write and then reads their answers.
//!
//! A batch never needs the server to read and write at the same time: the requests of a batch together are at most
//! [`BATCH_BYTES_MAX`], which the sockets between us hold, unless it is a single request. So no batch can wait for a
//! server that waits for us.

use crate::client::{self, Answer, Asked, ClientError, Codec, Reach};
use crate::server_url::ServerUrl;
use larder_wire::Decoded;
use std::io;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time;

/// Below what the kernel buffers on the way, whatever its tuning.
const BATCH_BYTES_MAX: usize = 64 << 10;

/// How much is read at once.
const READ_BYTES: usize = 64 << 10;

/// A connection that was admitted and is not in an event loop yet.
pub(crate) struct Opened {
    server: ServerUrl,
    timeout: Duration,
    stream: std::net::TcpStream,
    codec: Box<dyn Codec + Send>,
}

impl Opened {
    /// Connects, blocking, and sends the token if there is one.
    ///
    /// # Errors
    ///
    /// A [`ClientError`] that names the server and the step that failed.
    pub(crate) fn open(reach: &Reach) -> Result<Self, ClientError> {
        let (stream, codec) = client::open(reach)?.into_load()?;
        Ok(Self { server: reach.server.clone(), timeout: reach.timeout, stream, codec })
    }
}

/// One connection of a load.
pub(crate) struct Connection {
    server: ServerUrl,
    timeout: Duration,
    stream: TcpStream,
    codec: Box<dyn Codec + Send>,
    /// The batch as bytes, and what was asked with it.
    output: Vec<u8>,
    asked: Vec<Asked>,
    /// Answers, decoded up to `decoded`.
    input: Vec<u8>,
    decoded: usize,
}

impl Connection {
    /// Takes an open connection into the event loop of this thread.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(crate) fn start(opened: Opened) -> Result<Self, ClientError> {
        let Opened { server, timeout, stream, codec } = opened;
        let stream = stream
            .set_nonblocking(true)
            .and_then(|()| TcpStream::from_std(stream))
            .map_err(|source| ClientError::Connect { server: server.clone(), source })?;
        Ok(Self {
            server,
            timeout,
            stream,
            codec,
            output: Vec::new(),
            asked: Vec::new(),
            input: Vec::new(),
            decoded: 0,
        })
    }

    /// Takes the connection out of the event loop, for another. All batches must have been exchanged.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(crate) fn stop(self) -> Result<Opened, ClientError> {
        let Self { server, timeout, stream, codec, .. } = self;
        match stream.into_std() {
            Ok(stream) => Ok(Opened { server, timeout, stream, codec }),
            Err(source) => Err(ClientError::Connect { server, source }),
        }
    }

    /// Whether a request with this many bytes of key and value may join the batch.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        // Framing takes less than 32 bytes in any protocol here.
        self.asked.is_empty() || self.output.len() + bytes + 32 <= BATCH_BYTES_MAX
    }

    /// Makes `value` one of `bytes` bytes, at least 1, that can be stored.
    pub(crate) fn fill_value(&self, bytes: usize, value: &mut Vec<u8>) {
        self.codec.fill_value(bytes, value);
    }

    /// Adds a GET to the batch.
    pub(crate) fn get(&mut self, key: &[u8]) -> Result<(), ClientError> {
        let done = self.codec.get(key, &mut self.output);
        self.add(Asked::Get, done)
    }

    /// Adds a SET to the batch.
    pub(crate) fn set(&mut self, key: &[u8], value: &[u8], ttl_s: u32) -> Result<(), ClientError> {
        let done = self.codec.set(key, value, ttl_s, &mut self.output);
        self.add(Asked::Set, done)
    }

    fn add(&mut self, asked: Asked, done: Result<(), String>) -> Result<(), ClientError> {
        done.map_err(|reason| ClientError::Unsendable { doing: doing(asked), reason })?;
        self.asked.push(asked);
        Ok(())
    }

    /// Sends the batch and reads all its answers. `each` gets them in the order of the requests, with the time since the
    /// batch was sent.
    ///
    /// # Errors
    ///
    /// What breaks the connection, an answer that says no other than [`Answer::Missing`] and [`Answer::TooLarge`], and
    /// what `each` returns.
    pub(crate) async fn exchange(
        &mut self,
        mut each: impl FnMut(Asked, &Answer, Duration) -> Result<(), ClientError>,
    ) -> Result<(), ClientError> {
        let Some(&first) = self.asked.first() else { return Ok(()) };
        let sent = Instant::now();
        let written = time::timeout(self.timeout, self.stream.write_all(&self.output)).await;
        self.ended(first, written)?;
        self.output.clear();
        // Taken out so that `each` may be called while the connection is borrowed; given back for its memory.
        let mut batch = std::mem::take(&mut self.asked);
        let mut waited = Duration::ZERO;
        for &asked in &batch {
            let answer = loop {
                let decoded = self.codec.answer(asked, &self.input[self.decoded..]);
                match decoded.map_err(|reason| self.not_the_protocol(asked, reason))? {
                    Decoded::Frame { value, used } => {
                        self.decoded += used;
                        break value;
                    }
                    Decoded::Need(bytes) => {
                        self.read(asked, bytes).await?;
                        waited = sent.elapsed();
                    }
                }
            };
            if let Answer::Refused(reason) = answer {
                let (server, doing) = (self.server.clone(), doing(asked));
                return Err(ClientError::LoadRefused { server, doing, reason });
            }
            each(asked, &answer, waited)?;
        }
        batch.clear();
        self.asked = batch;
        Ok(())
    }

    /// Reads until the undecoded input has `need` bytes.
    async fn read(&mut self, asked: Asked, need: usize) -> Result<(), ClientError> {
        self.input.drain(..self.decoded);
        self.decoded = 0;
        while self.input.len() < need {
            self.input.reserve(READ_BYTES);
            let read = time::timeout(self.timeout, self.stream.read_buf(&mut self.input)).await;
            if self.ended(asked, read)? == 0 {
                return Err(ClientError::Closed { server: self.server.clone(), doing: doing(asked) });
            }
        }
        Ok(())
    }

    fn ended<T>(
        &self,
        asked: Asked,
        outcome: Result<io::Result<T>, time::error::Elapsed>,
    ) -> Result<T, ClientError> {
        let outcome = outcome.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        outcome.map_err(|error| ClientError::from_io(&self.server, doing(asked), self.timeout, error))
    }

    fn not_the_protocol(&self, asked: Asked, reason: String) -> ClientError {
        ClientError::NotTheProtocol { server: self.server.clone(), doing: doing(asked), reason }
    }
}

fn doing(asked: Asked) -> &'static str {
    match asked {
        Asked::Get => "GET",
        Asked::Set => "SET",
    }
}
