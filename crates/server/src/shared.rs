//! What all connections of a server share.

use std::{
    fmt::Display,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use larder_engine::{Cache, Millis};
use larder_wire::paper::Booleans;
use tokio::runtime::Handle;
use tracing::{debug, info, warn};

use crate::{
    budget::Budget,
    clock::Clock,
    config::{Config, RestConfig, SeriputConfig, Token, size::Size},
    guesses::Guesses,
    jobs::Job,
    limits::Limits,
    meter::Meters,
    net::{slots::Slots, watch::Reason},
    process::Process,
    rest::{access::Access, tls::Tls},
    tenant::Tenant,
    throttle::Throttle,
};

pub(crate) struct Shared {
    pub(crate) cache: Arc<Cache>,
    pub(crate) clock: Arc<dyn Clock>,
    /// The thread that no client waits for.
    pub(crate) control: Handle,
    pub(crate) started: Millis,
    pub(crate) tokens: Vec<Token>,
    pub(crate) guesses: Guesses,
    pub(crate) booleans: Booleans,
    pub(crate) seriput: SeriputConfig,
    pub(crate) rest: RestConfig,
    /// The default one first; its cache is `cache`.
    pub(crate) tenants: Vec<Tenant>,
    pub(crate) access: Access,
    pub(crate) tls: Option<Tls>,
    pub(crate) limits: Limits,
    pub(crate) slots: Arc<Slots>,
    pub(crate) budget: Arc<Budget>,
    pub(crate) process: Process,
    pub(crate) counts: Counts,
    pub(crate) meters: Meters,
    wipes: Throttle,
    resizes: Throttle,
    switches: Throttle,
    violations: Throttle,
    starved: Throttle,
    drops: Throttle,
    wrong_tokens: Throttle,
}

impl Shared {
    /// `tenants` begins with the default one.
    pub(crate) fn new(
        config: &Config,
        tenants: Vec<Tenant>,
        tls: Option<Tls>,
        clock: Arc<dyn Clock>,
        control: Handle,
    ) -> Shared {
        Shared {
            cache: Arc::clone(&tenants[0].cache),
            access: Access::new(&config.rest.keys, &tenants),
            tenants,
            tls,
            control,
            started: clock.now(),
            clock,
            tokens: config.tokens.clone(),
            guesses: Guesses::new(config.limits.auth_delay),
            booleans: config.paper.booleans,
            seriput: config.seriput.clone(),
            rest: config.rest.clone(),
            limits: config.limits.clone(),
            slots: Slots::new(config.limits.connections),
            budget: Budget::new(config.limits.bytes_in_flight),
            process: Process::open(),
            counts: Counts::default(),
            meters: Meters::default(),
            wipes: Throttle::default(),
            resizes: Throttle::default(),
            switches: Throttle::default(),
            violations: Throttle::default(),
            starved: Throttle::default(),
            drops: Throttle::default(),
            wrong_tokens: Throttle::default(),
        }
    }

    /// A command changes the whole cache. One of a kind in each period is logged.
    pub(crate) fn note_job(&self, job: Job) {
        let now = self.clock.now();
        match job {
            Job::Wipe => self.wipes.pass(now).into_iter().for_each(|suppressed| info!(suppressed, "wipe")),
            Job::Resize(bytes) => {
                let size = Size(bytes);
                self.resizes.pass(now).into_iter().for_each(|suppressed| info!(%size, suppressed, "resize"));
            }
            Job::Switch(choice) => {
                self.switches
                    .pass(now)
                    .into_iter()
                    .for_each(|suppressed| info!(policy = %choice, suppressed, "policy"));
            }
        }
    }

    /// A client sent what cannot be read on. `violation` says why, in our own words.
    pub(crate) fn note_violation(&self, peer: SocketAddr, violation: &dyn Display) {
        self.counts.violations.fetch_add(1, Ordering::Relaxed);
        match self.violations.pass(self.clock.now()) {
            Some(suppressed) => info!(%peer, %violation, suppressed, "violation of the protocol, closing"),
            None => debug!(%peer, %violation, "violation of the protocol, closing"),
        }
    }

    /// There is no memory for a request of a client.
    pub(crate) fn note_starved(&self, peer: SocketAddr) {
        self.counts.starved.fetch_add(1, Ordering::Relaxed);
        match self.starved.pass(self.clock.now()) {
            Some(suppressed) => {
                warn!(%peer, suppressed, "request refused: limits.bytes_in_flight is reached");
            }
            None => debug!(%peer, "request refused: limits.bytes_in_flight is reached"),
        }
    }

    /// A client has been disconnected because it was waited for too long.
    pub(crate) fn note_dropped(&self, peer: SocketAddr, reason: Reason) {
        self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        match self.drops.pass(self.clock.now()) {
            Some(suppressed) => info!(%peer, ?reason, suppressed, "disconnected: out of time"),
            None => debug!(%peer, ?reason, "disconnected: out of time"),
        }
    }

    /// A client sent a wrong token; how long the answer has to wait. What it sent is not looked at any further.
    pub(crate) fn note_wrong_token(&self, peer: IpAddr, now: Millis) -> Duration {
        self.counts.auth_failures.fetch_add(1, Ordering::Relaxed);
        if let Some(suppressed) = self.wrong_tokens.pass(now) {
            warn!(%peer, suppressed, "wrong token");
        }
        self.guesses.note(peer, now)
    }
}

/// What has happened since the start.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    accepted: AtomicU64,
    refused: AtomicU64,
    auth_failures: AtomicU64,
    violations: AtomicU64,
    starved: AtomicU64,
    dropped: AtomicU64,
}

/// What has happened since the start, at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// Connections that were admitted.
    pub accepted: u64,
    /// Connections that were refused for want of a place or of descriptors.
    pub refused: u64,
    /// Wrong tokens.
    pub auth_failures: u64,
    /// Connections that were closed because what they sent cannot be read.
    pub violations: u64,
    /// Requests that were refused because all connections together held too much memory.
    pub starved: u64,
    /// Connections that were closed because they were waited for too long.
    pub dropped: u64,
}

impl Counts {
    pub(crate) fn accepted(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn events(&self) -> Events {
        Events {
            accepted: self.accepted.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            auth_failures: self.auth_failures.load(Ordering::Relaxed),
            violations: self.violations.load(Ordering::Relaxed),
            starved: self.starved.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
        }
    }
}
