//! The listeners that a configuration asks for. All that can be wrong with them and can be known without listening - an
//! address that stands for nothing, one that lets in who is not meant to, the same one twice - is found first and together.

use std::{
    io,
    net::{SocketAddr, TcpListener, ToSocketAddrs},
};

use tracing::warn;

use crate::{
    config::{Config, Listen},
    execute::Face,
    net::acceptor,
    start_error::StartError,
};

/// A listener that is on, or to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listener {
    /// Whom it serves; `None` for administration.
    face: Option<Face>,
    /// Its setting.
    key: &'static str,
    address: SocketAddr,
}

/// Of the listeners for PaperCache, Seriput, REST and administration, something each; `None` for one that is off.
pub(crate) type Each<T> = [Option<T>; 4];

/// Where to listen.
///
/// # Errors
///
/// All that is wrong.
pub(crate) fn resolve(config: &Config) -> Result<Each<Listener>, Vec<StartError>> {
    let mut errors = Vec::new();
    let listeners = [
        (Some(Face::Paper), "paper.listen", &config.paper.listen),
        (Some(Face::Seriput), "seriput.listen", &config.seriput.listen),
        (Some(Face::Rest), "rest.listen", &config.rest.listen),
        (None, "admin.listen", &config.admin.listen),
    ]
    .map(|(face, key, listen)| {
        let Listen::Address(address) = listen else { return None };
        let address = address_of(key, address).map_err(|error| errors.push(error)).ok()?;
        if let Err(error) = guard(face, key, address, config)
            && !config.allow_insecure
        {
            errors.push(error);
        }
        Some(Listener { face, key, address })
    });
    for (at, listener) in listeners.iter().enumerate() {
        let Some(Listener { key, address, .. }) = *listener else { continue };
        let earlier = listeners[..at].iter().flatten().find(|other| other.address == address);
        if let Some(&Listener { key: other, .. }) = earlier.filter(|_| address.port() != 0) {
            errors.push(StartError::Clash { key, address, other });
        }
    }
    if errors.is_empty() { Ok(listeners) } else { Err(errors) }
}

fn address_of(key: &'static str, text: &str) -> Result<SocketAddr, StartError> {
    let fail = |source| StartError::Resolve { key, address: text.to_owned(), source };
    let mut addresses = text.to_socket_addrs().map_err(fail)?;
    addresses.next().ok_or_else(|| fail(io::ErrorKind::NotFound.into()))
}

/// Listens.
///
/// # Errors
///
/// What the system says to each of those that it refuses. Then none listens.
pub(crate) fn listen(
    listeners: Each<Listener>,
    config: &Config,
) -> Result<Each<TcpListener>, Vec<StartError>> {
    let mut errors = Vec::new();
    let bound = listeners.map(|listener| {
        let listener @ Listener { key, address, .. } = listener?;
        warn_of(listener, config);
        let refused = |source| StartError::Bind { key, address, source };
        acceptor::listen(address).map_err(|error| errors.push(refused(error))).ok()
    });
    if errors.is_empty() { Ok(bound) } else { Err(errors) }
}

/// Says what an operator has allowed.
fn warn_of(Listener { face, key, address }: Listener, config: &Config) {
    if guard(face, key, address, config).is_err() {
        warn!(%key, %address, "listening without authentication (allow_insecure)");
    } else if face == Some(Face::Rest) && config.rest.tls.is_none() && is_reachable(address) {
        warn!(%key, %address, "listening without TLS: whoever is between can read API keys");
    }
}

/// Whether other machines can connect.
fn is_reachable(address: SocketAddr) -> bool {
    !address.ip().to_canonical().is_loopback()
}

/// Whether everybody who can reach a listener is meant to.
fn guard(
    face: Option<Face>,
    key: &'static str,
    address: SocketAddr,
    config: &Config,
) -> Result<(), StartError> {
    let is_reachable = is_reachable(address);
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
