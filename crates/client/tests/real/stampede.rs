//! Eight processes with 32 callers each want the same value at once: one computation among all 256. The processes are this test
//! itself, started again; what they wait for are lists in the Redis that they share, so nobody sleeps.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use larder_client::{Cache, Error, Key, StampedeOptions};
use tokio::task::JoinSet;

use crate::program::{is_there, redis};
use crate::redis_store;

const PROCESSES: usize = 8;
const CALLERS: usize = 32;
const PORT: &str = "LARDER_STAMPEDE_PORT";
const LOCKS: &str = "LARDER_STAMPEDE_LOCKS";

/// What Redis answers to a command that is written as one line.
pub(crate) fn ask(port: u16, command: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(port: u16, locks: bool) -> Vec<Process> {
    let start = || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "stampede::one_of_eight_processes", "--nocapture"]);
        command.env(PORT, port.to_string()).env(LOCKS, locks.to_string());
        Process(command.stdout(Stdio::null()).spawn().unwrap())
    };
    (0..PROCESSES).map(|_| start()).collect()
}

fn end(processes: Vec<Process>) {
    for mut process in processes {
        assert!(process.0.wait().unwrap().success());
    }
}

/// Waits until so many entries have been pushed on a list.
fn await_pushes(port: u16, list: &str, count: usize) {
    for _ in 0..count {
        assert!(ask(port, &format!("BLPOP {list} 0")).starts_with("*2"));
    }
}

fn push(port: u16, list: &str, count: usize) {
    ask(port, &format!("RPUSH {list}{}", " x".repeat(count)));
}

/// Not a test of its own: it does something only when the tests below start it.
#[test]
fn one_of_eight_processes() {
    let Ok(port) = std::env::var(PORT) else { return };
    let port: u16 = port.parse().unwrap();
    let locks = std::env::var(LOCKS).unwrap() == "true";
    push(port, "ready", 1);
    await_pushes(port, "go", 1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(call(port, locks));
}

async fn call(port: u16, locks: bool) {
    // A machine under load must not make it give up waiting for the others.
    let patient = StampedeOptions { locks, wait_max: Duration::from_secs(120), ..StampedeOptions::default() };
    let cache = Cache::production(redis_store(port)).stampede(patient).build().unwrap();
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let cache = cache.clone();
        callers.spawn(async move {
            let key = Key::interop("stampede", "popular", ()).unwrap();
            let compute = || async {
                ask(port, "INCR computations");
                push(port, "computing", 1);
                // Until the test lets it end: everybody else is waiting by then.
                tokio::task::spawn_blocking(move || await_pushes(port, "finish", 1)).await.unwrap();
                Ok::<_, Error>("the value".to_owned())
            };
            cache.get_or_compute(&key, compute).await.unwrap()
        });
    }
    while let Some(value) = callers.join_next().await {
        assert_eq!(value.unwrap(), "the value");
    }
}

#[test]
fn eight_processes_compute_once() {
    if !is_there("redis-server") {
        return;
    }
    let (_server, port) = redis(&[]);
    let processes = start(port, true);
    await_pushes(port, "ready", PROCESSES);
    push(port, "go", PROCESSES);
    await_pushes(port, "computing", 1);
    push(port, "finish", PROCESSES);
    end(processes);
    assert!(ask(port, "GET computations").starts_with("$1\r\n1\r\n"));
}

#[test]
fn without_locks_each_process_computes_once() {
    if !is_there("redis-server") {
        return;
    }
    let (_server, port) = redis(&[]);
    let processes = start(port, false);
    await_pushes(port, "ready", PROCESSES);
    push(port, "go", PROCESSES);
    await_pushes(port, "computing", PROCESSES);
    push(port, "finish", PROCESSES);
    end(processes);
    assert!(ask(port, "GET computations").starts_with("$1\r\n8\r\n"));
}
