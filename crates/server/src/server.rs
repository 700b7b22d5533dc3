//! Starting and stopping. [`Server::start`] binds every listener before anything else happens, so that a failure starts
//! nothing; one control thread then accepts, keeps house and coordinates the stop, and the workers serve.

use std::{
    fmt, io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    thread,
};

use larder_engine::Cache;
use tokio::{runtime, sync::watch as signal, task, time};
use tracing::{info, warn};

use crate::{
    admin,
    clock::Clock,
    config::Config,
    decisions::Decisions,
    execute::Face,
    limits::MAINTAIN_PERIOD,
    listeners::{self, Each, Listener},
    net::{acceptor::Acceptor, worker::Worker},
    rest::tls::{Tls, TlsError},
    shared::{Events, Shared},
    start_error::StartError,
    tenant,
};

/// A cache on the network.
#[derive(Debug)]
pub struct Server;

impl Server {
    /// All that is wrong with a configuration and can be known without starting anything, or listening.
    pub fn check(config: &Config) -> Vec<StartError> {
        prepare(config).err().unwrap_or_default()
    }

    /// Starts a server with a cache of its own. It serves until the handle is told to stop, or dropped.
    ///
    /// # Errors
    ///
    /// [`StartError`], all that [`check`](Server::check) finds, or else all that is wrong with the listeners; nothing is left
    /// running then.
    pub fn start(config: &Config, clock: Arc<dyn Clock>) -> Result<Handle, StartError> {
        let (listeners, tls) = prepare(config).map_err(StartError::of)?;
        let [paper, seriput, rest, admin] = listeners::listen(listeners, config).map_err(StartError::of)?;
        let paper_addr = paper.as_ref().map(TcpListener::local_addr).transpose()?;
        let seriput_addr = seriput.as_ref().map(TcpListener::local_addr).transpose()?;
        let rest_addr = rest.as_ref().map(TcpListener::local_addr).transpose()?;
        let admin_addr = admin.as_ref().map(TcpListener::local_addr).transpose()?;
        let listeners = [(Face::Paper, paper), (Face::Seriput, seriput), (Face::Rest, rest)];
        let tenants = tenant::open(config)?;
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

/// What has to be right before anything listens: the addresses, and the certificate.
fn prepare(config: &Config) -> Result<(Each<Listener>, Option<Tls>), Vec<StartError>> {
    let listeners = listeners::resolve(config);
    let tls = config.rest.tls.as_ref().map(|(certificate, key)| Tls::open(certificate, key)).transpose();
    match (listeners, tls) {
        (Ok(listeners), Ok(tls)) => Ok((listeners, tls)),
        (listeners, tls) => {
            let mut errors = listeners.err().unwrap_or_default();
            errors.extend(tls.err().map(StartError::Tls));
            Err(errors)
        }
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
