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
    fault: Arc<watch::Sender<Fault>>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    pub(crate) async fn start(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let fault = Arc::new(watch::Sender::new(Fault::None));
        let accepting = tokio::spawn({
            let fault = Arc::clone(&fault);
            async move {
                while let Ok((client, _)) = listener.accept().await {
                    let to = SocketAddr::from(([127, 0, 0, 1], server));
                    let Ok(server) = TcpStream::connect(to).await else { continue };
                    tokio::spawn(connection(client, server, Arc::clone(&fault)));
                }
            }
        });
        Self { port, fault, accepting }
    }

    pub(crate) fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn connection(client: TcpStream, server: TcpStream, fault: Arc<watch::Sender<Fault>>) {
    let (mut from_client, to_client) = client.into_split();
    let (from_server, mut to_server) = server.into_split();
    let requests = tokio::spawn(async move {
        let _ = tokio::io::copy(&mut from_client, &mut to_server).await;
    });
    let _ = answers(from_server, to_client, &fault).await;
    requests.abort();
}

async fn answers(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    fault: &watch::Sender<Fault>,
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
            Fault::None | Fault::Stop => {}
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
