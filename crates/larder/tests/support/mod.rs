//! What the tests of the command line stand on: running the real binary, traces, and PaperCache servers that do what a test
//! wants.
#![allow(dead_code, reason = "each test file uses its part")]

pub(crate) mod parts;
pub(crate) mod readme;
pub(crate) mod served;

use larder_wire::Decoded;
use larder_wire::paper::{self, Booleans, Command as Asked, Error, Limits, Part, Request, Status, reply};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Nothing here takes this long; a test that waits longer has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// `larder`, with none of its variables set.
pub(crate) fn larder<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_larder"));
    command.args(args).env_remove("LARDER_SERVER").env_remove("LARDER_TOKEN").stdin(Stdio::null());
    // Listeners that have a port of their own by default: off, unless a flag says otherwise.
    command.env("LARDER_ADMIN_LISTEN", "off").env("LARDER_REST_LISTEN", "off");
    command
}

/// Runs `larder` to its end.
pub(crate) fn run<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Output {
    larder(args).output().expect("larder starts")
}

/// Exit status, standard output and standard error as text.
pub(crate) fn outcome(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().expect("an exit status"), text(&output.stdout), text(&output.stderr))
}

/// A record of a trace as bytes.
pub(crate) fn record(time_ms: u64, op: u8, key: u64, size: u32, ttl_s: u32) -> Vec<u8> {
    let mut bytes = time_ms.to_le_bytes().to_vec();
    bytes.push(op);
    bytes.extend_from_slice(&key.to_le_bytes());
    bytes.extend_from_slice(&size.to_le_bytes());
    bytes.extend_from_slice(&ttl_s.to_le_bytes());
    bytes
}

/// A trace of GETs of objects of 100 bytes.
pub(crate) fn gets(keys: impl IntoIterator<Item = u64>) -> Vec<u8> {
    (0..).zip(keys).flat_map(|(time_ms, key)| record(time_ms, 0, key, 100, 0)).collect()
}

/// Standard output as one JSON object per line.
pub(crate) fn json_lines(stdout: &str) -> Vec<serde_json::Value> {
    stdout.lines().map(|line| serde_json::from_str(line).expect("a JSON object")).collect()
}

/// A server that plays a script on one connection: what it expects to read, what it then writes.
pub(crate) struct Scripted {
    pub(crate) url: String,
    thread: JoinHandle<()>,
}

impl Scripted {
    /// Greets a client as admitted first.
    pub(crate) fn start(script: Vec<(Vec<u8>, Vec<u8>)>) -> Self {
        Self::greeting(vec![33], script)
    }

    pub(crate) fn greeting(greeting: Vec<u8>, script: Vec<(Vec<u8>, Vec<u8>)>) -> Self {
        let (listener, url) = listen();
        let thread = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            stream.write_all(&greeting).expect("greeting");
            for (expected, answer) in script {
                let mut found = vec![0; expected.len()];
                stream.read_exact(&mut found).expect("a request");
                assert_eq!(found, expected);
                stream.write_all(&answer).expect("answer");
            }
        });
        Self { url, thread }
    }

    /// Ends when the script has; panics if a request was not as expected.
    pub(crate) fn finish(self) {
        self.thread.join().expect("requests as in the script");
    }
}

fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let url = format!("paper://{}", listener.local_addr().expect("an address"));
    (listener, url)
}

/// A PaperCache server that never evicts, and what it has been asked besides GET, SET and STATUS.
pub(crate) struct Model {
    pub(crate) url: String,
    pub(crate) state: Arc<Mutex<State>>,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) values: HashMap<Vec<u8>, Vec<u8>>,
    pub(crate) log: Vec<String>,
    pub(crate) policy: String,
    /// Commands from clients, by connection.
    pub(crate) by_connection: HashMap<SocketAddr, Vec<Vec<u8>>>,
    /// Values larger than this are refused; 0 = none are.
    pub(crate) value_bytes_max: usize,
    /// Values come back one byte short.
    pub(crate) spoil_gets: bool,
    /// The server closes a connection that has asked this many things; 0 = never.
    pub(crate) close_after: usize,
    /// It then closes all that come later as well.
    pub(crate) stays_away: bool,
    pub(crate) is_away: bool,
}

impl Model {
    pub(crate) fn start(state: State) -> Self {
        let (listener, url) = listen();
        let state = Arc::new(Mutex::new(State { policy: "lru".into(), ..state }));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            while let Ok((stream, from)) = listener.accept() {
                let state = Arc::clone(&shared);
                thread::spawn(move || serve(stream, from, &state));
            }
        });
        Self { url, state }
    }

    pub(crate) fn log(&self) -> Vec<String> {
        self.state.lock().expect("state").log.clone()
    }
}

fn serve(mut stream: TcpStream, from: SocketAddr, state: &Mutex<State>) -> Option<()> {
    let mut input = Vec::new();
    let mut output = vec![33];
    let mut asked = 0;
    loop {
        if state.lock().expect("state").is_away {
            return None;
        }
        stream.write_all(&output).ok()?;
        output.clear();
        let mut chunk = [0; 65_536];
        let read = stream.read(&mut chunk).ok().filter(|read| *read > 0)?;
        input.extend_from_slice(&chunk[..read]);
        while let Decoded::Frame { value, used } =
            paper::decode(&input, &Limits::default()).expect("a request")
        {
            let mut state = state.lock().expect("state");
            asked += 1;
            if state.close_after > 0 && asked > state.close_after {
                state.is_away = state.stays_away;
                return None;
            }
            answer(&mut state, from, &value, &mut output);
            drop(state);
            input.drain(..used);
        }
    }
}

fn answer(state: &mut State, from: SocketAddr, request: &Request<'_>, out: &mut Vec<u8>) {
    let not_found = |out: &mut Vec<u8>| reply::error(out, Error::KeyNotFound);
    match *request {
        Request::Get { key } => {
            state.by_connection.entry(from).or_default().push(key.to_vec());
            match state.values.get(key) {
                Some(value) => reply::bytes(out, &value[usize::from(state.spoil_gets)..]),
                None => not_found(out),
            }
        }
        Request::Set { value, .. } if state.value_bytes_max > 0 && value.len() > state.value_bytes_max => {
            reply::error(out, Error::ExceedingValueSize);
        }
        Request::Set { key, value, .. } => {
            state.values.insert(key.to_vec(), value.to_vec());
            reply::ok(out);
        }
        Request::Status => reply::status(out, &status(state), Booleans::Clients),
        Request::Policy { name } => {
            state.policy = String::from_utf8_lossy(name).into_owned();
            state.log.push(format!("POLICY {}", state.policy));
            reply::ok(out);
        }
        Request::Wipe => {
            state.values.clear();
            state.log.push("WIPE".into());
            reply::ok(out);
        }
        Request::Oversized { command: Asked::Set, part: Part::Value, .. } => {
            panic!("an oversized value was sent")
        }
        other => panic!("{other:?} is not for this server"),
    }
}

fn status(state: &State) -> Status<'static> {
    Status {
        pid: 1,
        max_size: 1 << 20,
        used_size: 0,
        num_objects: state.values.len() as u64,
        rss: 0,
        hwm: 0,
        gets: 0,
        sets: 0,
        dels: 0,
        miss_ratio: 1.0,
        policies: vec!["lru".into(), "fifo".into()],
        policy: state.policy.clone().into(),
        is_auto: false,
        uptime_ms: 5,
    }
}
