//! Connections to Redis or Valkey. Each carries many calls at once and matches answers to them, so that a call given up disturbs
//! no other. One is opened when it is needed, further ones when those there have much to do, and one that broke or fell silent
//! is replaced by the next call.

use super::RedisOptions;
use crate::error::Fault;
use crate::limits::Limits;
use crate::trust::is_untrusted;
use redis::aio::MultiplexedConnection;
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, ErrorKind, FromRedisValue,
    IntoConnectionInfo, Pipeline, RedisError, ServerErrorKind, TlsCertificates, cmd,
};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use tokio::sync::Mutex;
use tokio::time::timeout;

/// Most connections, whatever the limits allow: more do not help.
const CONNECTIONS_MAX: usize = 8;
/// A connection with fewer calls under way gets the next one.
const CALLS_EASY: usize = 16;
/// How often the cluster's client follows a key to another node.
const REDIRECTS_MAX: u32 = 4;

pub(super) struct Link {
    place: Place,
    slots: Vec<Slot>,
    limits: Limits,
}

enum Place {
    Single(Box<Client>),
    Cluster(Box<ClusterClient>),
}

#[derive(Default)]
struct Slot {
    /// Also held while connecting, so that nobody connects twice.
    open: Mutex<Option<Open>>,
    calls: AtomicUsize,
    opened: AtomicUsize,
}

#[derive(Clone)]
struct Open {
    connection: Connection,
    /// Which of the slot's connections it is.
    number: usize,
    /// Whether a call was answered on it.
    is_used: bool,
}

#[derive(Clone)]
enum Connection {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

/// A call that is counted for its slot until it ends.
struct Counted<'s>(&'s AtomicUsize);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// Where `urls` lead, as it may be shown: without users and passwords.
pub(super) fn shown(urls: &[&str]) -> String {
    let infos: Option<Vec<ConnectionInfo>> = urls.iter().map(|url| url.into_connection_info().ok()).collect();
    let Some(infos) = infos.filter(|infos| !infos.is_empty()) else { return "redis".to_owned() };
    let scheme = if infos.iter().any(has_tls) { "rediss" } else { "redis" };
    let place = |info: &ConnectionInfo| format!("{}/{}", info.addr(), info.redis_settings().db());
    format!("{scheme}://{}", infos.iter().map(place).collect::<Vec<_>>().join(","))
}

fn has_tls(info: &ConnectionInfo) -> bool {
    matches!(info.addr(), ConnectionAddr::TcpTls { .. })
}

/// What a URL says, unless it is nothing to be followed.
fn parse(url: &str) -> Result<ConnectionInfo, Fault> {
    let info = url.into_connection_info().map_err(|error| address(&error))?;
    match info.addr() {
        ConnectionAddr::TcpTls { insecure: true, .. } => {
            Err(Fault::Address("#insecure: certificates are always checked; give the authority's".to_owned()))
        }
        ConnectionAddr::TcpTls { .. } => {
            // The library takes the process's choice and panics where there is none.
            if CryptoProvider::get_default().is_none() {
                // Somebody who is quicker has made a choice as good.
                let _ = aws_lc_rs::default_provider().install_default();
            }
            Ok(info)
        }
        _ => Ok(info),
    }
}

/// The authorities to be trusted instead of the system's, for connections that are all with TLS.
fn authorities(infos: &[ConnectionInfo], options: &RedisOptions) -> Result<Option<TlsCertificates>, Fault> {
    let Some(pem) = &options.ca_pem else { return Ok(None) };
    if !infos.iter().all(has_tls) {
        return Err(Fault::Address("certificates are given, but not all addresses are rediss://".to_owned()));
    }
    let mut certificates = CertificateDer::pem_slice_iter(pem).peekable();
    if certificates.peek().is_none() {
        return Err(Fault::Refused("certificates: there is none in the PEM".to_owned()));
    }
    for certificate in certificates {
        certificate.map_err(|error| Fault::Refused(format!("certificates: {error}")))?;
    }
    Ok(Some(TlsCertificates { client_tls: None, root_cert: Some(pem.to_vec()) }))
}

impl Link {
    pub(super) fn single(urls: &[&str], options: &RedisOptions) -> Result<Self, Fault> {
        let info = parse(urls.first().copied().unwrap_or_default())?;
        let authorities = authorities(std::slice::from_ref(&info), options)?;
        // What is not needed is not asked of servers that only speak a part of the protocol.
        let settings = info.redis_settings().clone().set_skip_set_lib_name();
        let info = info.set_redis_settings(settings);
        let client = match authorities {
            Some(authorities) => Client::build_with_tls(info, authorities),
            None => Client::open(info),
        };
        Ok(Self::new(Place::Single(Box::new(client.map_err(|error| address(&error))?)), &options.limits))
    }

    pub(super) fn cluster(urls: &[&str], options: &RedisOptions) -> Result<Self, Fault> {
        let infos = urls.iter().map(|url| parse(url)).collect::<Result<Vec<_>, _>>()?;
        let authorities = authorities(&infos, options)?;
        let mut builder = ClusterClient::builder(infos)
            .connection_timeout(options.limits.connect_timeout)
            .response_timeout(options.limits.timeout)
            .retries(REDIRECTS_MAX);
        if let Some(authorities) = authorities {
            builder = builder.certs(authorities);
        }
        let client = builder.build().map_err(|error| address(&error))?;
        Ok(Self::new(Place::Cluster(Box::new(client)), &options.limits))
    }

    fn new(place: Place, limits: &Limits) -> Self {
        let slots = limits.connections_max.clamp(1, CONNECTIONS_MAX);
        Self { place, slots: (0..slots).map(|_| Slot::default()).collect(), limits: *limits }
    }

    /// Sends commands and waits for all their answers.
    ///
    /// A connection that was closed while it was idle is found out only by using it: then the commands go once more over a new
    /// one. So they must be such that may be carried out twice.
    pub(super) async fn ask<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, Fault> {
        let (slot, _counted) = self.slot();
        let mut number = None;
        let asked = timeout(self.limits.timeout, async {
            let mut again = true;
            loop {
                let mut open = self.open(slot).await?;
                number = Some(open.number);
                match open.connection.ask(commands).await {
                    Ok(answer) => {
                        if !open.is_used {
                            slot.mark_used(open.number).await;
                        }
                        return Ok(answer);
                    }
                    Err(error) => {
                        if !matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension) {
                            slot.forget(open.number).await;
                        }
                        if !(open.is_used && again && error.is_connection_dropped()) {
                            return Err(self.fault(&error));
                        }
                        again = false;
                    }
                }
            }
        });
        let Ok(answer) = asked.await else {
            // It is silent: nobody else is to wait for it.
            if let Some(number) = number {
                slot.forget(number).await;
            }
            return Err(Fault::TimedOut(self.limits.timeout));
        };
        answer
    }

    /// The version of a single server, if it tells.
    pub(super) async fn version(&self) -> Option<String> {
        let Place::Single(_) = self.place else { return None };
        let mut command = Pipeline::new();
        command.add_command(cmd("INFO").arg("server").clone());
        let (text,): (String,) = self.ask(&command).await.ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("valkey_version:"));
        let line = line.or_else(|| text.lines().find_map(|line| line.strip_prefix("redis_version:")));
        line.map(|version| version.trim().to_owned())
    }

    /// The first connection that has little to do, or the one with the least.
    fn slot(&self) -> (&Slot, Counted<'_>) {
        let calls = |slot: &&Slot| slot.calls.load(Relaxed);
        let easy = self.slots.iter().find(|slot| calls(slot) < CALLS_EASY);
        let slot = easy.or_else(|| self.slots.iter().min_by_key(calls)).unwrap_or(&self.slots[0]);
        slot.calls.fetch_add(1, Relaxed);
        (slot, Counted(&slot.calls))
    }

    async fn open(&self, slot: &Slot) -> Result<Open, Fault> {
        let mut open = slot.open.lock().await;
        if let Some(open) = &*open {
            return Ok(open.clone());
        }
        let limit = self.limits.connect_timeout;
        let connected = timeout(limit, self.connect()).await;
        let connection = connected.unwrap_or(Err(Fault::TimedOut(limit)))?;
        let number = slot.opened.fetch_add(1, Relaxed);
        Ok(open.insert(Open { connection, number, is_used: false }).clone())
    }

    async fn connect(&self) -> Result<Connection, Fault> {
        let connected = match &self.place {
            Place::Single(client) => {
                // The limits on time are those of the call.
                let config =
                    AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
                client.get_multiplexed_async_connection_with_config(&config).await.map(Connection::Single)
            }
            Place::Cluster(client) => client.get_async_connection().await.map(Connection::Cluster),
        };
        connected.map_err(|error| match self.fault(&error) {
            Fault::Io(reason) => Fault::Connect(reason),
            Fault::Closed => Fault::Connect(error.to_string()),
            other => other,
        })
    }

    fn fault(&self, error: &RedisError) -> Fault {
        let reason = error.to_string();
        if is_untrusted(error) {
            return Fault::Untrusted(reason);
        }
        match error.kind() {
            ErrorKind::AuthenticationFailed => Fault::Unauthorized(reason),
            ErrorKind::Parse | ErrorKind::UnexpectedReturnType => Fault::NotTheProtocol(reason),
            ErrorKind::ClusterConnectionNotFound => Fault::Connect(reason),
            ErrorKind::Io if error.is_connection_refusal() => Fault::Connect(reason),
            ErrorKind::Io if error.is_timeout() => Fault::TimedOut(self.limits.timeout),
            ErrorKind::Io if error.is_connection_dropped() => Fault::Closed,
            ErrorKind::Io => Fault::Io(reason),
            _ => said(error).unwrap_or(Fault::Refused(reason)),
        }
    }
}

/// What the server itself said, to the first command that it refused.
fn said(error: &RedisError) -> Option<Fault> {
    let errors = error.clone().into_server_errors()?;
    let (_, error) = errors.first()?;
    let reason = [error.code(), error.details().unwrap_or_default()].join(" ");
    Some(match error.code() {
        "NOAUTH" | "WRONGPASS" | "NOPERM" => Fault::Unauthorized(reason),
        "OOM" | "MISCONF" | "BUSY" | "NOREPLICAS" => Fault::Failed { reason, retry_after: None },
        _ if error.kind().is_some_and(is_passing) => Fault::Failed { reason, retry_after: None },
        _ => Fault::Refused(reason),
    })
}

/// Whether the server will be well again without anything being changed.
fn is_passing(kind: ServerErrorKind) -> bool {
    use ServerErrorKind::{BusyLoading, ClusterDown, MasterDown, ReadOnly, TryAgain};
    matches!(kind, BusyLoading | ClusterDown | MasterDown | ReadOnly | TryAgain)
}

fn address(error: &RedisError) -> Fault {
    Fault::Address(format!("not an address of a Redis server: {error}"))
}

impl Slot {
    async fn mark_used(&self, number: usize) {
        if let Some(open) = self.open.lock().await.as_mut().filter(|open| open.number == number) {
            open.is_used = true;
        }
    }

    async fn forget(&self, number: usize) {
        let mut open = self.open.lock().await;
        open.take_if(|open| open.number == number);
    }
}

impl Connection {
    async fn ask<T: FromRedisValue>(&mut self, commands: &Pipeline) -> Result<T, RedisError> {
        match self {
            Self::Single(connection) => commands.query_async(connection).await,
            Self::Cluster(connection) => commands.query_async(connection).await,
        }
    }
}
