//! Processes that want the same value at once: eight of them with 32 callers each, started by a test out of its own executable. They meet
//! at a socket of the test's, so nobody sleeps: all begin when all are there, and a computation ends when the test says so.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use larder_client::store::Store;
use larder_client::{Cache, Error, Key, StampedeOptions};
use tokio::task::JoinSet;

const PROCESSES: usize = 8;
const CALLERS: usize = 32;
const MEETING: &str = "LARDER_STAMPEDE_MEETING";
const LOCKS: &str = "LARDER_STAMPEDE_LOCKS";
const READY: &str = "ready\n";
const COMPUTING: &str = "computing\n";
/// Longer than anything here takes: so that a test that has gone wrong ends.
const PATIENCE: Duration = Duration::from_secs(120);

struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How often eight processes compute, each of them running the test `role` with these variables. Computations end when `begun_first`
/// of them have begun.
pub(crate) fn computations(
    role: &str,
    variables: &[(&str, String)],
    locks: bool,
    begun_first: usize,
) -> usize {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let meeting = listener.local_addr().unwrap().to_string();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || receive(&listener, &counted, begun_first));
    let start = || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", role, "--nocapture"]);
        command.env(MEETING, &meeting).env(LOCKS, locks.to_string());
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        Process(command.stdout(Stdio::null()).spawn().unwrap())
    };
    let mut processes: Vec<Process> = (0..PROCESSES).map(|_| start()).collect();
    for process in &mut processes {
        assert!(process.0.wait().unwrap().success());
    }
    count.load(SeqCst)
}

/// Lets those go that are ready when all are, and those that compute when enough of them do.
fn receive(listener: &TcpListener, computations: &AtomicUsize, begun_first: usize) {
    let (mut ready, mut computing) = (Vec::new(), Vec::new());
    while let Ok((stream, _)) = listener.accept() {
        let mut said = String::new();
        BufReader::new(&stream).read_line(&mut said).unwrap();
        match &*said {
            READY => ready.push(stream),
            COMPUTING => {
                computations.fetch_add(1, SeqCst);
                computing.push(stream);
            }
            other => panic!("{other:?}"),
        }
        if ready.len() == PROCESSES {
            ready.clear();
        }
        if computations.load(SeqCst) >= begun_first {
            computing.clear();
        }
    }
}

/// Says something to the test and waits until it lets go.
fn say(what: &str) {
    let mut stream = TcpStream::connect(std::env::var(MEETING).unwrap()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(what.as_bytes()).unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
}

/// Whether this process is one of the eight.
pub(crate) fn is_called() -> bool {
    std::env::var_os(MEETING).is_some()
}

/// What one of the eight does.
pub(crate) fn call(store: impl FnOnce() -> Box<dyn Store>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        // A machine under load must not make it give up waiting for the others.
        let locks = std::env::var(LOCKS).unwrap() == "true";
        let patient = StampedeOptions { locks, wait_max: PATIENCE, ..StampedeOptions::default() };
        let cache = Cache::production(store()).stampede(patient).build().unwrap();
        let key = Key::interop("stampede", "popular", ()).unwrap();
        assert_eq!(cache.get::<String>(&key).await.unwrap(), None);
        say(READY);
        let mut callers = JoinSet::new();
        for _ in 0..CALLERS {
            let (cache, key) = (cache.clone(), key.clone());
            callers.spawn(async move {
                let compute = || async {
                    tokio::task::spawn_blocking(|| say(COMPUTING)).await.unwrap();
                    Ok::<_, Error>("the value".to_owned())
                };
                cache.get_or_compute(&key, compute).await.unwrap()
            });
        }
        while let Some(value) = callers.join_next().await {
            assert_eq!(value.unwrap(), "the value");
        }
    });
}
