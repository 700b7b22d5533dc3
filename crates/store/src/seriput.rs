//! A Seriput server, or a Larder server's Seriput listener, over TCP (`spec/seriput.md`; the bytes are in `larder-wire`). Keys
//! are text and values JSON text; get, put and delete, nothing expires, no locks.

use crate::capabilities::{Capabilities, KeyAlphabet, KeyRules};
use crate::entry::{Expiry, Found, Health, LockToken, Remaining};
use crate::error::{Error, Fault, Operation};
use crate::limits::Limits;
use crate::store::{Pending, Store, answer, unsupported};
use crate::tcp::{NoGreeting, Pool, Progress, host_and_port};
use bytes::Bytes;
use larder_wire::Decoded;
use larder_wire::seriput::{
    Request, Response, ResponseLimits, ResponseViolation, ValueType, decode_response,
};
use std::sync::Arc;
use std::time::Duration;

const SCHEME: &str = "seriput";

/// A key that is asked for to see whether the server is there.
const PROBE: &str = "larder:health";

/// The number that a Larder server gives when it failed, as opposed to having a value that cannot be shown.
const FAILED: i64 = 100;

/// A Seriput server.
///
/// ```no_run
/// use larder_store::{Expiry, Limits, SeriputStore, Store};
///
/// # async fn example() -> Result<(), larder_store::Error> {
/// let store = SeriputStore::new("seriput://127.0.0.1:9090", Limits::default())?;
/// store.set(b"greeting", "\"hello\"".into(), Expiry::NEVER).await?;
/// assert!(store.delete(b"greeting").await?);
/// # Ok(())
/// # }
/// ```
pub struct SeriputStore {
    name: Arc<str>,
    pool: Pool<NoGreeting>,
    capabilities: Capabilities,
}

/// What a response says, without its bytes.
enum Said {
    Ok,
    Value(usize),
    NotFound,
    Fault(Fault),
}

impl SeriputStore {
    /// A store at `HOST:PORT`, or `seriput://HOST:PORT`. Nothing is sent yet.
    ///
    /// # Errors
    /// [`Fault::Address`].
    ///
    /// ```
    /// use larder_store::{Limits, SeriputStore, Store};
    ///
    /// let store = SeriputStore::new("localhost:9090", Limits::default())?;
    /// assert!(store.capabilities().json_only);
    /// # Ok::<(), larder_store::Error>(())
    /// ```
    pub fn new(address: &str, limits: Limits) -> Result<Self, Error> {
        let address =
            host_and_port(SCHEME, address).map_err(|fault| Error::new(SCHEME, Operation::Open, fault))?;
        let keys = KeyRules { empty: true, alphabet: KeyAlphabet::Utf8, ..KeyRules::ANY };
        Ok(Self {
            name: format!("{SCHEME}://{address}").into(),
            pool: Pool::new(address, NoGreeting, limits),
            capabilities: Capabilities {
                expiry: false,
                shared: true,
                empty_values: false,
                json_only: true,
                value_bytes_max: Some(limits.value_bytes_max.min(i32::MAX as u64)),
                ..Capabilities::plain(keys)
            },
        })
    }

    async fn ask(&self, request: Request<'_>) -> Result<(Said, Bytes), Fault> {
        let mut sent = Vec::new();
        request.encode(&mut sent).map_err(|error| Fault::Refused(error.to_string()))?;
        let value_bytes_max = self.capabilities.value_bytes_max.unwrap_or(0) as u32;
        let limits = ResponseLimits { value_bytes_max };
        self.pool.call(&sent, |input| read(input, &limits)).await
    }

    /// Asks about a key: its value (empty where there is none to be told), or nothing.
    async fn value_of(&self, request: Request<'_>) -> Result<Option<Bytes>, Fault> {
        match self.ask(request).await? {
            (Said::Ok, _) => Ok(Some(Bytes::new())),
            (Said::Value(len), response) => Ok(Some(response.slice(response.len() - len..))),
            (Said::NotFound, _) => Ok(None),
            (Said::Fault(fault), _) => Err(fault),
        }
    }

    /// Carries out a call with the key as text.
    fn call<'a, T: Send + 'a, F: Future<Output = Result<T, Fault>> + Send + 'a>(
        &'a self,
        operation: Operation,
        key: &'a [u8],
        call: impl FnOnce(&'a str) -> F,
    ) -> Pending<'a, T> {
        // A key that is not text is refused by its rules, before this stands for it.
        let text = std::str::from_utf8(key).unwrap_or_default();
        answer(&self.name, self.capabilities.keys, operation, key, call(text))
    }
}

fn read(input: &[u8], limits: &ResponseLimits) -> Result<Progress<Said>, Fault> {
    match decode_response(input, limits) {
        Ok(Decoded::Need(need)) => Ok(Progress::Need(need)),
        Ok(Decoded::Frame { value, used }) => {
            let value = match value {
                Response::Ok => Said::Ok,
                Response::Value { value, .. } => Said::Value(value.len()),
                Response::NotFound => Said::NotFound,
                Response::InvalidRequest { body } => Said::Fault(Fault::Refused(reason(body).1)),
                Response::InternalError { body } => Said::Fault(match reason(body) {
                    (FAILED, reason) => Fault::Failed { reason, retry_after: None },
                    (_, reason) => Fault::Refused(reason),
                }),
            };
            Ok(Progress::Done { value, used })
        }
        Err(ResponseViolation::TooLong { len, max, .. }) => {
            Err(Fault::AnswerTooLarge { len: len.into(), max: max.into() })
        }
        Err(violation) => Err(Fault::NotTheProtocol(violation.to_string())),
    }
}

/// The number and the message in the body of an error, each of which may be missing. A number that is not there is that of a
/// failure.
fn reason(body: &[u8]) -> (i64, String) {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let message = body.get("errorMessage").and_then(|message| message.as_str());
    let code = body.get("errorCode").and_then(serde_json::Value::as_i64);
    (code.unwrap_or(FAILED), message.unwrap_or("the server gave no reason").to_owned())
}

impl Store for SeriputStore {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn get<'a>(&'a self, key: &'a [u8]) -> Pending<'a, Option<Found>> {
        self.call(Operation::Get, key, move |key| async move {
            Ok(self.value_of(Request::Get { key, discard: 0 }).await?.map(Found::fresh))
        })
    }

    fn set<'a>(&'a self, key: &'a [u8], value: Bytes, expiry: Expiry) -> Pending<'a, ()> {
        self.call(Operation::Set, key, move |key| async move {
            let (len, max) = (value.len() as u64, self.capabilities.value_bytes_max.unwrap_or(0));
            if expiry.ttl().is_some() {
                return Err(Fault::Unsupported("Seriput knows no time to live"));
            }
            if len > max {
                return Err(Fault::ValueTooLarge { len, max });
            }
            ValueType::Json.check(&value).map_err(|error| Fault::Value(error.to_string()))?;
            self.value_of(Request::Put { key, value_type: ValueType::Json, value: &value }).await.map(drop)
        })
    }

    fn delete<'a>(&'a self, key: &'a [u8]) -> Pending<'a, bool> {
        self.call(Operation::Delete, key, move |key| async move {
            Ok(self.value_of(Request::Delete { key, discard: 0 }).await?.is_some())
        })
    }

    fn exists<'a>(&'a self, key: &'a [u8]) -> Pending<'a, bool> {
        self.call(Operation::Exists, key, move |key| async move {
            Ok(self.value_of(Request::Get { key, discard: 0 }).await?.is_some())
        })
    }

    fn remaining<'a>(&'a self, _: &'a [u8]) -> Pending<'a, Option<Remaining>> {
        unsupported(&self.name, Operation::Remaining, "Seriput knows no time to live")
    }

    fn set_ttl<'a>(&'a self, _: &'a [u8], _: Option<Duration>) -> Pending<'a, bool> {
        unsupported(&self.name, Operation::SetTtl, "Seriput knows no time to live")
    }

    fn lock<'a>(&'a self, _: &'a [u8], _: Duration) -> Pending<'a, Option<LockToken>> {
        unsupported(&self.name, Operation::Lock, "Seriput has no locks")
    }

    fn unlock<'a>(&'a self, _: &'a [u8], _: &'a LockToken) -> Pending<'a, bool> {
        unsupported(&self.name, Operation::Unlock, "Seriput has no locks")
    }

    fn health(&self) -> Pending<'_, Health> {
        self.call(Operation::Health, PROBE.as_bytes(), move |key| async move {
            self.value_of(Request::Get { key, discard: 0 }).await?;
            Ok(Health::default())
        })
    }
}
