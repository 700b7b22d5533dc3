//! The real server as a process of its own: where it listens, what it logs, how it ends.

use super::PATIENCE;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Instant;

/// A server that is killed when the test ends, however it ends.
pub(crate) struct Served {
    child: Child,
    listeners: Vec<(String, SocketAddr)>,
    /// Lines of the log as they come.
    lines: Receiver<String>,
    log: String,
}

impl Served {
    /// Runs `larder serve`, which says on its standard output where it listens, in `listeners` lines.
    pub(crate) fn start(command: &mut Command, listeners: usize) -> Served {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let (sender, lines) = channel();
        let stderr = BufReader::new(child.stderr.take().expect("piped"));
        thread::spawn(move || {
            for line in stderr.split(b'\n') {
                let line = String::from_utf8(line.expect("the log can be read")).expect("the log is text");
                // Nobody listens any more when the test is over.
                let _ = sender.send(line);
            }
        });
        let stdout = BufReader::new(child.stdout.take().expect("piped"));
        let told = stdout.lines().take(listeners).map(|line| line.expect("a line"));
        let listeners: Vec<_> = told
            .map(|line| {
                let (name, address) = line.split_once(" listening on ").expect("where it listens");
                (name.to_owned(), address.parse().expect("an address"))
            })
            .collect();
        Served { child, listeners, lines, log: String::new() }
    }

    /// Where it listens for a protocol.
    pub(crate) fn address(&self, name: &str) -> SocketAddr {
        let found = self.listeners.iter().find(|(listener, _)| listener == name);
        found.unwrap_or_else(|| panic!("{name} is off")).1
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(sent.expect("kill").success());
    }

    /// Waits for a line of the log that has this text, and returns it.
    pub(crate) fn wait_for_log(&mut self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left);
            let line = line.unwrap_or_else(|_| panic!("{text:?} is not in the log:\n{}", self.log));
            self.log += &line;
            self.log.push('\n');
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Stops it; the exit status and the whole log.
    pub(crate) fn stop(mut self) -> (Option<i32>, String) {
        self.signal("TERM");
        let status = self.child.wait().expect("its end");
        let mut log = std::mem::take(&mut self.log);
        for line in self.lines.iter() {
            log += &line;
            log.push('\n');
        }
        (status.code(), log)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
