//! A PaperCache server, or a Larder server's PaperCache listener, over TCP (`spec/paper.md`; the bytes are in `larder-wire`).
//! Any key, values that are not empty, times to live in whole seconds that cannot be asked for; no locks.

use crate::capabilities::{Capabilities, KeyRules};
use crate::entry::{Expiry, Found, Health, LockToken, Remaining};
use crate::error::{Error, Fault, Operation};
use crate::limits::Limits;
use crate::store::{Pending, Store, answer, unsupported};
use crate::tcp::{Connection, Greeted, Greeting, Pool, Progress, host_and_port};
use bytes::Bytes;
use larder_wire::Decoded;
use larder_wire::paper::{
    self, Command, Handshake, Reply, ReplyLimits, ReplyViolation, Request, decode_handshake, decode_reply,
};
use std::sync::Arc;
use std::time::Duration;

const SCHEME: &str = "paper";

/// A PaperCache server.
///
/// ```no_run
/// use larder_store::{Expiry, Limits, PaperStore, Store};
/// use std::time::Duration;
///
/// # async fn example() -> Result<(), larder_store::Error> {
/// let store = PaperStore::new("paper://127.0.0.1:3145", Some("token"), Limits::default())?;
/// store.set(b"greeting", "hello".into(), Expiry::after(Duration::from_secs(60))).await?;
/// assert!(store.exists(b"greeting").await?);
/// # Ok(())
/// # }
/// ```
pub struct PaperStore {
    name: Arc<str>,
    pool: Pool<Authorize>,
    capabilities: Capabilities,
}

/// What a reply says, without its bytes.
enum Said {
    Ok,
    Bytes(usize),
    Yes(bool),
    Other,
    Error(paper::Error),
}

impl PaperStore {
    /// A store at `HOST:PORT`, or `paper://HOST:PORT`, with a token if the server wants one. Nothing is sent yet.
    ///
    /// # Errors
    /// [`Fault::Address`].
    ///
    /// ```
    /// use larder_store::{Limits, PaperStore, Store};
    ///
    /// let store = PaperStore::new("localhost:3145", None, Limits::default())?;
    /// assert_eq!(store.name(), "paper://localhost:3145");
    /// # Ok::<(), larder_store::Error>(())
    /// ```
    pub fn new(address: &str, token: Option<&str>, limits: Limits) -> Result<Self, Error> {
        let address =
            host_and_port(SCHEME, address).map_err(|fault| Error::new(SCHEME, Operation::Open, fault))?;
        let keys = KeyRules { empty: true, ..KeyRules::ANY };
        let value_bytes_max = limits.value_bytes_max.min(u32::MAX.into());
        Ok(Self {
            name: format!("{SCHEME}://{address}").into(),
            pool: Pool::new(address, Authorize(token.map(str::to_owned)), limits),
            capabilities: Capabilities {
                ttl_update: true,
                shared: true,
                empty_values: false,
                value_bytes_max: Some(value_bytes_max),
                ttl_max: Some(Duration::from_secs(u32::MAX.into())),
                ..Capabilities::plain(keys)
            },
        })
    }

    async fn ask(&self, request: Request<'_>) -> Result<(Said, Bytes), Fault> {
        let mut sent = Vec::new();
        request.encode(&mut sent).map_err(|error| Fault::Refused(error.to_string()))?;
        let value_bytes_max = self.capabilities.value_bytes_max.unwrap_or(0) as u32;
        let limits = ReplyLimits { value_bytes_max, ..ReplyLimits::default() };
        self.pool.call(&sent, |input| read(input, request.command(), &limits)).await
    }

    /// Asks for what must go well; false if there is no such key.
    async fn ask_about_key(&self, request: Request<'_>) -> Result<bool, Fault> {
        match self.ask(request).await?.0 {
            Said::Error(paper::Error::KeyNotFound) => Ok(false),
            Said::Error(error) => Err(fault_of(error)),
            _ => Ok(true),
        }
    }

    fn call<'a, T: Send + 'a>(
        &'a self,
        operation: Operation,
        key: &[u8],
        call: impl Future<Output = Result<T, Fault>> + Send + 'a,
    ) -> Pending<'a, T> {
        answer(&self.name, self.capabilities.keys, operation, key, call)
    }
}

fn read(input: &[u8], command: Command, limits: &ReplyLimits) -> Result<Progress<Said>, Fault> {
    match decode_reply(input, command, limits) {
        Ok(Decoded::Need(need)) => Ok(Progress::Need(need)),
        Ok(Decoded::Frame { value, used }) => {
            let value = match value {
                Reply::Ok => Said::Ok,
                Reply::Bytes(bytes) => Said::Bytes(bytes.len()),
                Reply::Boolean(yes) => Said::Yes(yes),
                Reply::Size(_) | Reply::Status(_) => Said::Other,
                Reply::Error(error) => Said::Error(error),
            };
            Ok(Progress::Done { value, used })
        }
        Err(ReplyViolation::TooLong { len, max, .. }) => {
            Err(Fault::AnswerTooLarge { len: len.into(), max: max.into() })
        }
        Err(violation) => Err(Fault::NotTheProtocol(violation.to_string())),
    }
}

fn fault_of(error: paper::Error) -> Fault {
    let reason = error.to_string();
    match error {
        paper::Error::Unauthorized => Fault::Unauthorized(reason),
        paper::Error::MaxConnections => Fault::Busy(reason),
        paper::Error::Internal | paper::Error::InternalCache => Fault::Failed { reason, retry_after: None },
        _ => Fault::Refused(reason),
    }
}

/// A time to live in the whole seconds of the protocol, rounded up; 0 for none.
fn seconds(ttl: Option<Duration>) -> Result<u32, Fault> {
    let Some(ttl) = ttl else { return Ok(0) };
    match u32::try_from(ttl.as_nanos().div_ceil(1_000_000_000)) {
        Ok(0) => Err(Fault::Expiry("it is zero".to_owned())),
        Ok(seconds) => Ok(seconds),
        Err(_) => Err(Fault::Expiry(format!("it is above {} s", u32::MAX))),
    }
}

/// The byte that a server sends unasked, and the token.
struct Authorize(Option<String>);

impl Greeting for Authorize {
    fn greet<'a>(&'a self, connection: &'a mut Connection) -> Greeted<'a> {
        Box::pin(async move {
            let handshake = connection.say(b"", |input| match decode_handshake(input) {
                Ok(Decoded::Need(need)) => Ok(Progress::Need(need)),
                Ok(Decoded::Frame { value, used }) => Ok(Progress::Done { value, used }),
                Err(violation) => Err(Fault::NotTheProtocol(violation.to_string())),
            });
            if let Handshake::Refused(error) = handshake.await? {
                return Err(fault_of(error));
            }
            let Some(token) = &self.0 else { return Ok(()) };
            let mut request = Vec::new();
            let encoded = Request::Auth { token: token.as_bytes() }.encode(&mut request);
            encoded.map_err(|error| Fault::Unauthorized(error.to_string()))?;
            let limits = ReplyLimits::default();
            match connection.say(&request, |input| read(input, Command::Auth, &limits)).await? {
                Said::Error(error) => Err(fault_of(error)),
                _ => Ok(()),
            }
        })
    }
}

impl Store for PaperStore {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn get<'a>(&'a self, key: &'a [u8]) -> Pending<'a, Option<Found>> {
        self.call(Operation::Get, key, async move {
            match self.ask(Request::Get { key }).await? {
                (Said::Bytes(len), reply) => Ok(Some(Found::fresh(reply.slice(reply.len() - len..)))),
                (Said::Error(paper::Error::KeyNotFound), _) => Ok(None),
                (Said::Error(error), _) => Err(fault_of(error)),
                _ => Err(Fault::NotTheProtocol("no bytes in the reply to GET".to_owned())),
            }
        })
    }

    fn set<'a>(&'a self, key: &'a [u8], value: Bytes, expiry: Expiry) -> Pending<'a, ()> {
        self.call(Operation::Set, key, async move {
            let (len, max) = (value.len() as u64, self.capabilities.value_bytes_max.unwrap_or(0));
            if len == 0 {
                return Err(Fault::Value("it is empty, which PaperCache does not store".to_owned()));
            }
            if len > max {
                return Err(Fault::ValueTooLarge { len, max });
            }
            let ttl_s = seconds(expiry.ttl())?;
            self.ask_about_key(Request::Set { key, value: &value, ttl_s }).await.map(drop)
        })
    }

    fn delete<'a>(&'a self, key: &'a [u8]) -> Pending<'a, bool> {
        self.call(Operation::Delete, key, self.ask_about_key(Request::Del { key }))
    }

    fn exists<'a>(&'a self, key: &'a [u8]) -> Pending<'a, bool> {
        self.call(Operation::Exists, key, async move {
            match self.ask(Request::Has { key }).await?.0 {
                Said::Yes(yes) => Ok(yes),
                Said::Error(error) => Err(fault_of(error)),
                _ => Err(Fault::NotTheProtocol("no boolean in the reply to HAS".to_owned())),
            }
        })
    }

    fn remaining<'a>(&'a self, _: &'a [u8]) -> Pending<'a, Option<Remaining>> {
        unsupported(&self.name, Operation::Remaining, "PaperCache does not tell a time to live")
    }

    fn set_ttl<'a>(&'a self, key: &'a [u8], ttl: Option<Duration>) -> Pending<'a, bool> {
        self.call(Operation::SetTtl, key, async move {
            let ttl_s = seconds(ttl)?;
            self.ask_about_key(Request::Ttl { key, ttl_s }).await
        })
    }

    fn lock<'a>(&'a self, _: &'a [u8], _: Duration) -> Pending<'a, Option<LockToken>> {
        unsupported(&self.name, Operation::Lock, "PaperCache has no locks")
    }

    fn unlock<'a>(&'a self, _: &'a [u8], _: &'a LockToken) -> Pending<'a, bool> {
        unsupported(&self.name, Operation::Unlock, "PaperCache has no locks")
    }

    fn health(&self) -> Pending<'_, Health> {
        self.call(Operation::Health, b"", async move {
            match self.ask(Request::Version).await? {
                (Said::Bytes(len), reply) => {
                    let version = String::from_utf8_lossy(&reply[reply.len() - len..]).into_owned();
                    Ok(Health { version: Some(version) })
                }
                (Said::Error(error), _) => Err(fault_of(error)),
                _ => Err(Fault::NotTheProtocol("no bytes in the reply to VERSION".to_owned())),
            }
        })
    }
}
