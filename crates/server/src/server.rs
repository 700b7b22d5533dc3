//! Starting and stopping. [`Server::start`] binds every listener before anything else happens, so that a failure starts
//! nothing; one control thread then accepts, keeps house and coordinates the stop, and the workers serve.

use std::{
    fmt, io,
    net::{SocketAddr, TcpListener, ToSocketAddrs},
    sync::Arc,
    thread,
};

use larder_engine::Cache;
use thiserror::Error;
use tokio::{runtime, sync::watch as signal, task, time};
use tracing::{info, warn};

use crate::{
    admin,
    clock::Clock,
    config::{Config, Listen},
    decisions::Decisions,
    execute::Face,
    limits::MAINTAIN_PERIOD,
    net::{
        acceptor::{self, Acceptor},
        worker::Worker,
    },
    rest::tls::{Tls, TlsError},
    shared::{Events, Shared},
    tenant,
};

/// Why a server could not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// A listener's address does not stand for anything that can be listened on.
    #[error(
        "{key}: found {address:?}, which cannot be resolved ({source}); allowed: HOST:PORT of this machine, or off"
    )]
    Resolve {
        /// The setting.
        key: &'static str,
        /// Its value.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// A listener would let anybody on other machines in.
    #[error(
        "{key}: {address} can be reached from other machines, and no token is configured; \
         set a token, listen on 127.0.0.1, or set allow_insecure to true"
    )]
    Exposed {
        /// The setting.
        key: &'static str,
        /// The address.
        address: SocketAddr,
    },
    /// A listener of a protocol without authentication would let anybody on other machines in.
    #[error(
        "{key}: {address} can be reached from other machines, and the protocol has no authentication; \
         listen on 127.0.0.1, or set allow_insecure to true"
    )]
    Unguarded {
        /// The setting.
        key: &'static str,
        /// The address.
        address: SocketAddr,
    },
    /// The REST listener would let anybody on other machines in.
    #[error(
        "{key}: {address} can be reached from other machines, and no API key is configured; \
         set an api_key, listen on 127.0.0.1, or set allow_insecure to true"
    )]
    Keyless {
        /// The setting.
        key: &'static str,
        /// The address.
        address: SocketAddr,
    },
    /// A listener of a protocol without authentication would let everybody in who has no token.
    #[error(
        "{key}: {address} would let clients past the tokens, for which the protocol cannot ask; \
         turn it off, or set allow_insecure to true"
    )]
    PastTokens {
        /// The setting.
        key: &'static str,
        /// The address.
        address: SocketAddr,
    },
    /// The system does not let a listener have its address.
    #[error("{key}: cannot listen on {address}: {source}; set {key} to another address, or to off")]
    Bind {
        /// The setting.
        key: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Two listeners have been given the same address.
    #[error("{key}: {address} is what {other} says too; each listener needs an address of its own, or off")]
    Clash {
        /// The setting.
        key: &'static str,
        /// The address.
        address: SocketAddr,
        /// The setting of the other one.
        other: &'static str,
    },
    /// The certificate cannot be used, or its key.
    #[error("rest.tls_cert, rest.tls_key: {0}")]
    Tls(#[from] TlsError),
    /// The engine does not accept the configuration.
    #[error("the cache cannot be made: {0}")]
    Cache(#[from] larder_engine::Error),
    /// The system does not let us have a thread or its event queue.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] io::Error),
    /// More than one of these.
    #[error("{}", lines(.0))]
    Several(Vec<StartError>),
}

fn lines(errors: &[StartError]) -> String {
    errors.iter().map(StartError::to_string).collect::<Vec<_>>().join("\n")
}

impl StartError {
    /// Whether the configuration has to be changed, rather than the machine.
    pub fn is_configuration(&self) -> bool {
        match self {
            StartError::Resolve { .. }
            | StartError::Exposed { .. }
            | StartError::Unguarded { .. }
            | StartError::Keyless { .. }
            | StartError::PastTokens { .. }
            | StartError::Clash { .. }
            | StartError::Tls(_)
            | StartError::Cache(_) => true,
            // An address that this machine does not have is a mistake; one that somebody else has is not.
            StartError::Bind { source, .. } => source.kind() == io::ErrorKind::AddrNotAvailable,
            StartError::Thread(_) => false,
            StartError::Several(errors) => errors.iter().any(StartError::is_configuration),
        }
    }

    /// The setting that it is about, if it is about one.
    pub fn key(&self) -> Option<&'static str> {
        match self {
            StartError::Resolve { key, .. }
            | StartError::Exposed { key, .. }
            | StartError::Unguarded { key, .. }
            | StartError::Keyless { key, .. }
            | StartError::PastTokens { key, .. }
            | StartError::Clash { key, .. }
            | StartError::Bind { key, .. } => Some(key),
            StartError::Tls(_) => Some("rest.tls_cert"),
            StartError::Cache(_) | StartError::Thread(_) | StartError::Several(_) => None,
        }
    }

    /// Each single error.
    pub fn each(&self) -> &[StartError] {
        match self {
            StartError::Several(errors) => errors,
            single => std::slice::from_ref(single),
        }
    }
}

/// A cache on the network.
#[derive(Debug)]
pub struct Server;

impl Server {
    /// Starts a server with a cache of its own. It serves until the handle is told to stop, or dropped.
    ///
    /// # Errors
    ///
    /// [`StartError`], all that is wrong with the listeners at once; nothing is left running then.
    pub fn start(config: &Config, clock: Arc<dyn Clock>) -> Result<Handle, StartError> {
        let [paper, seriput, rest, admin] = bind_all(
            [
                (Some(Face::Paper), "paper.listen", &config.paper.listen),
                (Some(Face::Seriput), "seriput.listen", &config.seriput.listen),
                (Some(Face::Rest), "rest.listen", &config.rest.listen),
                (None, "admin.listen", &config.admin.listen),
            ],
            config,
        )?;
        let paper_addr = paper.as_ref().map(TcpListener::local_addr).transpose()?;
        let seriput_addr = seriput.as_ref().map(TcpListener::local_addr).transpose()?;
        let rest_addr = rest.as_ref().map(TcpListener::local_addr).transpose()?;
        let admin_addr = admin.as_ref().map(TcpListener::local_addr).transpose()?;
        let listeners = [(Face::Paper, paper), (Face::Seriput, seriput), (Face::Rest, rest)];
        let tenants = tenant::open(config)?;
        let tls =
            config.rest.tls.as_ref().map(|(certificate, key)| Tls::open(certificate, key)).transpose()?;
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let shared = Arc::new(Shared::new(config, tenants, tls, clock, runtime.handle().clone()));
        let workers = (0..config.workers).map(|index| Worker::start(index, Arc::clone(&shared)));
        let workers = Arc::new(workers.collect::<io::Result<Vec<_>>>()?);
        let (stop, stopped) = signal::channel(false);
        let control = Control { listeners, admin, workers, shared: Arc::clone(&shared), stopped };
        let control = thread::Builder::new().name("control".to_owned()).spawn(move || {
            let stop = runtime.block_on(control.run());
            // Before the listeners and the workers go, nothing may run that uses them.
            drop(runtime);
            stop
        })?;
        Ok(Handle { paper_addr, seriput_addr, rest_addr, admin_addr, shared, stop, control: Some(control) })
    }
}

/// A listener to be: whom it serves, its setting, and the value of that.
type Listening<'c> = (Option<Face>, &'static str, &'c Listen);

/// Listens on every address, `None` where the listener is off. Whatever is wrong with any of them is reported together, and
/// what can be known beforehand, before any of them listens.
fn bind_all<const N: usize>(
    listeners: [Listening<'_>; N],
    config: &Config,
) -> Result<[Option<TcpListener>; N], StartError> {
    let mut errors = Vec::new();
    let addresses = listeners.map(|(face, key, listen)| {
        resolve(face, key, listen, config).unwrap_or_else(|error| {
            errors.push(error);
            None
        })
    });
    for (at, (_, key, _)) in listeners.iter().enumerate() {
        let Some(address) = addresses[at].filter(|address| address.port() != 0) else { continue };
        if let Some(earlier) = addresses[..at].iter().position(|other| *other == Some(address)) {
            errors.push(StartError::Clash { key, address, other: listeners[earlier].1 });
        }
    }
    let mut bound = [const { None }; N];
    if errors.is_empty() {
        for (at, (_, key, _)) in listeners.iter().enumerate() {
            let Some(address) = addresses[at] else { continue };
            match acceptor::listen(address) {
                Ok(listener) => bound[at] = Some(listener),
                Err(source) => errors.push(StartError::Bind { key, address, source }),
            }
        }
    }
    match errors.len() {
        0 => Ok(bound),
        1 => Err(errors.remove(0)),
        _ => Err(StartError::Several(errors)),
    }
}

/// Resolves an address and looks whether it may be listened on; nothing if the listener is off.
fn resolve(
    face: Option<Face>,
    key: &'static str,
    listen: &Listen,
    config: &Config,
) -> Result<Option<SocketAddr>, StartError> {
    let Listen::Address(address) = listen else { return Ok(None) };
    let fail = |source| StartError::Resolve { key, address: address.to_owned(), source };
    let mut addresses = address.to_socket_addrs().map_err(fail)?;
    let address = addresses.next().ok_or_else(|| fail(io::ErrorKind::NotFound.into()))?;
    if let Err(error) = guard(face, key, address, config) {
        if !config.allow_insecure {
            return Err(error);
        }
        warn!(%key, %address, "listening without authentication (allow_insecure)");
    } else if face == Some(Face::Rest)
        && config.rest.tls.is_none()
        && !address.ip().to_canonical().is_loopback()
    {
        warn!(%key, %address, "listening without TLS: whoever is between can read API keys");
    }
    Ok(Some(address))
}

/// Whether everybody who can reach a listener is meant to.
fn guard(
    face: Option<Face>,
    key: &'static str,
    address: SocketAddr,
    config: &Config,
) -> Result<(), StartError> {
    let is_reachable = !address.ip().to_canonical().is_loopback();
    match (face, config.tokens.is_empty()) {
        (Some(Face::Paper), true) if is_reachable => Err(StartError::Exposed { key, address }),
        (Some(Face::Seriput), true) | (None, _) if is_reachable => {
            Err(StartError::Unguarded { key, address })
        }
        // It asks for keys of its own.
        (Some(Face::Rest), _) if !config.rest.keys.is_empty() => Ok(()),
        (Some(Face::Rest), true) if is_reachable => Err(StartError::Keyless { key, address }),
        (Some(Face::Seriput | Face::Rest), false) => Err(StartError::PastTokens { key, address }),
        (Some(Face::Paper | Face::Seriput | Face::Rest) | None, _) => Ok(()),
    }
}

/// A running server. Dropping it stops the server as [`shutdown`](Handle::shutdown) does.
pub struct Handle {
    paper_addr: Option<SocketAddr>,
    seriput_addr: Option<SocketAddr>,
    rest_addr: Option<SocketAddr>,
    admin_addr: Option<SocketAddr>,
    shared: Arc<Shared>,
    stop: signal::Sender<bool>,
    control: Option<thread::JoinHandle<Stopped>>,
}

/// How a stop went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// Everything that had arrived was answered.
    Clean,
    /// So many connections had to be cut off when the time for stopping was over.
    Cut {
        /// How many.
        connections: usize,
    },
}

impl Handle {
    /// Where PaperCache clients connect; `None` if that listener is off.
    pub fn paper_addr(&self) -> Option<SocketAddr> {
        self.paper_addr
    }

    /// Where Seriput clients connect; `None` if that listener is off.
    pub fn seriput_addr(&self) -> Option<SocketAddr> {
        self.seriput_addr
    }

    /// Where clients of the REST API connect; `None` if that listener is off.
    pub fn rest_addr(&self) -> Option<SocketAddr> {
        self.rest_addr
    }

    /// Where monitoring connects; `None` if that listener is off.
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.admin_addr
    }

    /// The cache of a tenant; `None` if there is no such tenant.
    pub fn tenant_cache(&self, name: &str) -> Option<&Arc<Cache>> {
        self.shared.tenants.iter().find(|tenant| tenant.name == name).map(|tenant| &tenant.cache)
    }

    /// The cache that is served by every protocol, which is that of the tenant `default`.
    pub fn cache(&self) -> &Arc<Cache> {
        &self.shared.cache
    }

    /// Whether the REST listener speaks TLS.
    pub fn has_tls(&self) -> bool {
        self.shared.tls.is_some()
    }

    /// Reads the certificate and its key again.
    ///
    /// # Errors
    ///
    /// What is wrong with which file; what was in force before still is.
    pub fn reload_tls(&self) -> Result<(), TlsError> {
        self.shared.tls.as_ref().map_or(Ok(()), Tls::reload)
    }

    /// Connections that are being served now.
    pub fn connections(&self) -> usize {
        self.shared.slots.taken()
    }

    /// Memory in bytes that connections hold now beyond their buffers at rest: unfinished requests, unread replies.
    pub fn bytes_in_flight(&self) -> u64 {
        self.shared.budget.leased()
    }

    /// What has happened since the start.
    pub fn events(&self) -> Events {
        self.shared.counts.events()
    }

    /// Stops accepting, answers what has arrived, and returns when every connection has ended or the time for stopping
    /// (`limits.stop_time`) is over.
    pub fn shutdown(mut self) -> Stopped {
        self.stop_and_wait()
    }

    fn stop_and_wait(&mut self) -> Stopped {
        self.stop.send_replace(true);
        // A panic has been reported by the thread itself.
        self.control.take().and_then(|control| control.join().ok()).unwrap_or(Stopped::Clean)
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("paper_addr", &self.paper_addr)
            .field("seriput_addr", &self.seriput_addr)
            .field("rest_addr", &self.rest_addr)
            .field("admin_addr", &self.admin_addr)
            .finish_non_exhaustive()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if self.control.is_some() {
            self.stop_and_wait();
        }
    }
}

/// What the control thread runs.
struct Control {
    listeners: [(Face, Option<TcpListener>); 3],
    admin: Option<TcpListener>,
    workers: Arc<Vec<Worker>>,
    shared: Arc<Shared>,
    stopped: signal::Receiver<bool>,
}

impl Control {
    async fn run(mut self) -> Stopped {
        let keeping = task::spawn(keep_house(Arc::clone(&self.shared)));
        let accepting = self.accept();
        // Ends with the runtime.
        self.administer();
        // An error means that the handle is gone, which stops the server as well.
        let _ = self.stopped.wait_for(|stop| *stop).await;
        info!(connections = self.shared.slots.taken(), "stopping");
        for accepting in accepting {
            accepting.abort();
            // It was aborted: there is nothing to learn from it.
            let _ = accepting.await;
        }
        for worker in self.workers.iter() {
            worker.drain();
        }
        let limit = self.shared.limits.stop_time;
        let emptied = time::timeout(limit, self.shared.slots.empty()).await;
        keeping.abort();
        match emptied {
            Ok(()) => Stopped::Clean,
            Err(_) => Stopped::Cut { connections: self.shared.slots.taken() },
        }
    }

    /// Starts to serve administration.
    fn administer(&mut self) {
        let Some(listener) = self.admin.take() else { return };
        let (shared, stopped) = (Arc::clone(&self.shared), self.stopped.clone());
        task::spawn(async move {
            if let Err(error) = admin::serve(listener, shared, stopped).await {
                warn!(%error, "cannot watch the listener for administration");
            }
        });
    }

    /// Starts to accept on each listener that is on.
    fn accept(&mut self) -> Vec<task::JoinHandle<()>> {
        let mut accepting = Vec::new();
        for (face, listener) in &mut self.listeners {
            let Some(listener) = listener.take() else { continue };
            match Acceptor::new(*face, listener, Arc::clone(&self.workers), Arc::clone(&self.shared)) {
                Ok(acceptor) => accepting.push(task::spawn(acceptor.run())),
                Err(error) => warn!(?face, %error, "cannot watch the listener"),
            }
        }
        accepting
    }
}

/// Gives the cache its steps of housekeeping.
async fn keep_house(shared: Arc<Shared>) {
    let mut decisions = Decisions::default();
    let mut ticks = time::interval(MAINTAIN_PERIOD);
    ticks.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        for tenant in &shared.tenants {
            while tenant.cache.maintain(shared.clock.now()) {
                task::yield_now().await;
            }
        }
        decisions.log(&shared.tenants);
    }
}
