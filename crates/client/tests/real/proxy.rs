//! A proxy between the SDK and a server that cuts, stops and corrupts what the server says, when the test tells it to.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What becomes of the server's words.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    /// They go through.
    None,
    /// The next piece is cut after so many bytes, and the connection closed; then there is no fault.
    CutAt(usize),
    /// One byte of the next piece is another one; then there is no fault.
    FlipAt(usize),
    /// Nothing goes through until there is no fault.
    Stop,
}

/// The proxy. It ends with this.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

struct Shared {
    fault: watch::Sender<Fault>,
    /// Pieces that were held back so far.
    held: watch::Sender<usize>,
}

impl Proxy {
    pub(crate) async fn start(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared { fault: watch::Sender::new(Fault::None), held: watch::Sender::new(0) });
        let accepting = tokio::spawn({
            let shared = Arc::clone(&shared);
            async move {
                while let Ok((client, _)) = listener.accept().await {
                    let to = SocketAddr::from(([127, 0, 0, 1], server));
                    let Ok(server) = TcpStream::connect(to).await else { continue };
                    tokio::spawn(connection(client, server, Arc::clone(&shared)));
                }
            }
        });
        Self { port, shared, accepting }
    }

    pub(crate) fn set(&self, fault: Fault) {
        self.shared.fault.send_replace(fault);
    }

    /// Nothing goes through from now on; returns when there is something that does not.
    #[allow(dead_code, reason = "not every test delays")]
    pub(crate) async fn hold_one(&self) {
        let mut held = self.shared.held.subscribe();
        held.mark_unchanged();
        self.set(Fault::Stop);
        held.changed().await.unwrap();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn connection(client: TcpStream, server: TcpStream, shared: Arc<Shared>) {
    let (mut from_client, to_client) = client.into_split();
    let (from_server, mut to_server) = server.into_split();
    let requests = tokio::spawn(async move {
        let _ = tokio::io::copy(&mut from_client, &mut to_server).await;
    });
    let _ = answers(from_server, to_client, &shared).await;
    requests.abort();
}

async fn answers(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    Shared { fault, held }: &Shared,
) -> std::io::Result<()> {
    let mut piece = vec![0; 64 << 10];
    loop {
        let len = from.read(&mut piece).await?;
        if len == 0 {
            return Ok(());
        }
        let piece = &mut piece[..len];
        let now = *fault.borrow();
        match now {
            Fault::None => {}
            Fault::Stop => held.send_modify(|held| *held += 1),
            Fault::CutAt(at) => {
                fault.send_replace(Fault::None);
                to.write_all(&piece[..at.min(len)]).await?;
                return Ok(());
            }
            Fault::FlipAt(at) => {
                fault.send_replace(Fault::None);
                piece[at % len] ^= 0x41;
            }
        }
        let mut watched = fault.subscribe();
        let _ = watched.wait_for(|fault| *fault != Fault::Stop).await;
        to.write_all(piece).await?;
    }
}
