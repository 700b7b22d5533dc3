//! Connections to a server that answers requests in order: a pool with limits, and one exchange at a time on each. A connection
//! is with its call while that lasts; it comes back only when the answer was read to its end and nothing after it, so a call
//! that is given up, or garbage, never reaches the next one.

use crate::error::Fault;
use crate::gate::Gate;
use crate::limits::Limits;
use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use std::io;
use std::pin::Pin;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The least that is read at once.
const READ_BYTES_MIN: usize = 4 << 10;
/// The most memory that is set aside for an answer before its bytes have come.
const READ_BYTES_MAX: usize = 256 << 10;

/// How far an answer has come.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress<T> {
    /// It needs at least so many bytes in all: more than there are, and no more than limits allow.
    Need(usize),
    /// It is whole.
    Done {
        /// What it says.
        value: T,
        /// Its length in bytes.
        used: usize,
    },
}

/// A future of the greeting.
pub(crate) type Greeted<'a> = Pin<Box<dyn Future<Output = Result<(), Fault>> + Send + 'a>>;

/// What a protocol does on a new connection before the first request.
pub(crate) trait Greeting: Send + Sync {
    fn greet<'a>(&'a self, connection: &'a mut Connection) -> Greeted<'a>;
}

/// No greeting.
pub(crate) struct NoGreeting;

impl Greeting for NoGreeting {
    fn greet<'a>(&'a self, _: &'a mut Connection) -> Greeted<'a> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Connections to one server.
pub(crate) struct Pool<G> {
    address: String,
    greeting: G,
    limits: Limits,
    gate: Gate,
    idle: Mutex<Vec<Connection>>,
}

/// One connection, between two exchanges.
pub(crate) struct Connection(TcpStream);

/// Why an exchange failed.
struct Broken {
    fault: Fault,
    /// Whether anything had come of the answer.
    begun: bool,
}

/// The `HOST:PORT` of an address, with or without `SCHEME://` before it.
pub(crate) fn host_and_port(scheme: &str, address: &str) -> Result<String, Fault> {
    let bare = address.strip_prefix(scheme).and_then(|rest| rest.strip_prefix("://")).unwrap_or(address);
    let bare = bare.strip_suffix('/').unwrap_or(bare);
    let is_good = bare.rsplit_once(':').is_some_and(|(host, port)| {
        let is_host = host.starts_with('[') == host.ends_with(']') && !host.contains(['/', '@']);
        !host.is_empty() && is_host && port.parse::<u16>().is_ok()
    });
    if is_good {
        Ok(bare.to_owned())
    } else {
        Err(Fault::Address(format!("{scheme}://HOST:PORT is expected")))
    }
}

impl<G: Greeting> Pool<G> {
    pub(crate) fn new(address: String, greeting: G, limits: Limits) -> Self {
        let gate = Gate::new(limits.connections_max, &limits);
        Self { address, greeting, limits, gate, idle: Mutex::default() }
    }

    /// Sends a request and reads the answer: what `decode` makes of it, and all its bytes.
    ///
    /// A connection that the server closed while it was idle is found out only by using it: then, if nothing of an answer has
    /// come, the request goes once more over a new one. So a request must be one that may be carried out twice.
    pub(crate) async fn call<T>(
        &self,
        request: &[u8],
        decode: impl Fn(&[u8]) -> Result<Progress<T>, Fault>,
    ) -> Result<(T, Bytes), Fault> {
        let call = async {
            if let Some(mut connection) = self.take() {
                match connection.exchange(request, &decode).await {
                    Ok(answer) => return Ok(self.keep(connection, answer)),
                    // The others are as old.
                    Err(Broken { fault: Fault::Closed | Fault::Io(_), begun: false }) => {
                        self.idle.lock().clear();
                    }
                    Err(broken) => return Err(broken.fault),
                }
            }
            let mut connection = self.connect().await?;
            match connection.exchange(request, &decode).await {
                Ok(answer) => Ok(self.keep(connection, answer)),
                Err(broken) => Err(broken.fault),
            }
        };
        self.gate.pass(call).await
    }

    /// The idle connection that was used last, if there is one on which nothing has come unasked.
    fn take(&self) -> Option<Connection> {
        let mut idle = self.idle.lock();
        loop {
            let connection = idle.pop()?;
            if connection.is_quiet() {
                return Some(connection);
            }
        }
    }

    fn keep<A>(&self, connection: Connection, answer: A) -> A {
        self.idle.lock().push(connection);
        answer
    }

    async fn connect(&self) -> Result<Connection, Fault> {
        let connect = async {
            let stream = TcpStream::connect(&self.address).await;
            let stream = stream.map_err(|error| Fault::Connect(error.to_string()))?;
            stream.set_nodelay(true).map_err(|error| fault_of(&error))?;
            let mut connection = Connection(stream);
            self.greeting.greet(&mut connection).await?;
            Ok(connection)
        };
        let limit = self.limits.connect_timeout;
        timeout(limit, connect).await.unwrap_or(Err(Fault::TimedOut(limit)))
    }
}

impl Connection {
    /// An exchange that belongs to the greeting.
    pub(crate) async fn say<T>(
        &mut self,
        request: &[u8],
        decode: impl Fn(&[u8]) -> Result<Progress<T>, Fault>,
    ) -> Result<T, Fault> {
        let (value, _) = self.exchange(request, &decode).await.map_err(|broken| broken.fault)?;
        Ok(value)
    }

    async fn exchange<T>(
        &mut self,
        request: &[u8],
        decode: &impl Fn(&[u8]) -> Result<Progress<T>, Fault>,
    ) -> Result<(T, Bytes), Broken> {
        let sent = self.0.write_all(request).await;
        sent.map_err(|error| Broken { fault: fault_of(&error), begun: false })?;
        let mut answer = BytesMut::new();
        loop {
            let need = match decode(&answer).map_err(|fault| Broken { fault, begun: true })? {
                Progress::Need(need) => need,
                Progress::Done { value, used } if used == answer.len() => {
                    return Ok((value, answer.freeze()));
                }
                Progress::Done { .. } => {
                    let fault = Fault::NotTheProtocol("bytes after the end of the answer".to_owned());
                    return Err(Broken { fault, begun: true });
                }
            };
            while answer.len() < need {
                let missing = need.saturating_sub(answer.len());
                answer.reserve(missing.clamp(READ_BYTES_MIN, READ_BYTES_MAX));
                let begun = !answer.is_empty();
                match self.0.read_buf(&mut answer).await {
                    Ok(0) => return Err(Broken { fault: Fault::Closed, begun }),
                    Ok(_) => {}
                    Err(error) => return Err(Broken { fault: fault_of(&error), begun }),
                }
            }
        }
    }

    /// Whether neither an end nor bytes have come, as far as is known.
    fn is_quiet(&self) -> bool {
        let read = self.0.try_read(&mut [0]);
        read.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }
}

pub(crate) fn fault_of(error: &io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => Fault::Closed,
        _ => Fault::Io(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_host_and_a_port() {
        for good in ["paper://localhost:3145", "paper://[::1]:3145/", "10.0.0.1:3145", "[::1]:1"] {
            assert!(host_and_port("paper", good).is_ok(), "{good}");
        }
        for bad in
            ["", "paper://", "localhost", ":3145", "h:port", "h:70000", "redis://h:1", "u@h:1", "[::1:1"]
        {
            assert!(matches!(host_and_port("paper", bad), Err(Fault::Address(_))), "{bad}");
        }
    }
}
