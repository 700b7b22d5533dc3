//! `auto` from the command line: a server that picks its policy says why, and what more memory would bring.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use support::{gets, larder, outcome, run};

/// A real server with its addresses.
struct Served {
    child: Child,
    paper: String,
    admin: String,
}

impl Served {
    fn start(args: &[&str]) -> Served {
        Served::start_logging(args, Stdio::inherit())
    }

    fn start_logging(args: &[&str], log: Stdio) -> Served {
        let fixed = [
            "serve",
            "--paper",
            "127.0.0.1:0",
            "--seriput",
            "off",
            "--admin",
            "127.0.0.1:0",
            "--max-size",
            "64KiB",
        ];
        let mut child =
            larder([&fixed[..], args].concat()).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut address = |name: &str| {
            let is_it = |line: String| Some(line.strip_prefix(&format!("{name} listening on "))?.to_owned());
            lines.by_ref().map_while(Result::ok).find_map(is_it).unwrap()
        };
        let paper = format!("paper://{}", address("paper"));
        Served { child, paper, admin: address("admin") }
    }

    /// Runs a command against the server.
    fn ask(&self, args: &[&str]) -> (i32, String, String) {
        let server = ["--server", &self.paper, "--admin", &self.admin];
        outcome(&run([args, &server].concat()))
    }

    /// Runs a command that has no need of the administration.
    fn ask_for(&self, args: &[&str]) {
        assert_eq!(run([args, &["--server", &self.paper]].concat()).status.code(), Some(0), "{args:?}");
    }

    /// A loop over somewhat more than fits.
    fn run_around(&self) {
        let trace = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(trace.path(), gets((0..24_000).map(|n| n % 500))).unwrap();
        let replay = ["replay", trace.path().to_str().unwrap(), "--server", &self.paper, "--pipeline", "16"];
        assert_eq!(run(replay).status.code(), Some(0));
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_server_picks_its_policy_by_default_and_says_why() {
    let server = Served::start(&[]);
    let (status, stdout, stderr) = server.ask(&["status", "--why"]);
    assert!(
        status == 0 && stdout.contains("policy      auto (lru)") && stdout.contains("no decision yet"),
        "{stdout}{stderr}"
    );
    let (status, _, stderr) = server.ask(&["advise"]);
    assert!(status == 1 && stderr.contains("has not seen enough requests"), "{stderr}");
    server.run_around();
    let (_, stdout, _) = server.ask(&["status", "--why"]);
    assert!(stdout.contains("policy      auto (mru)") && stdout.contains("lru -> mru switched"), "{stdout}");
    let (_, json, _) = server.ask(&["status", "--why", "--json"]);
    let object: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&object["policy"], &object["auto"]["policy"]), (&"mru".into(), &"mru".into()));

    let plot = tempfile::NamedTempFile::new().unwrap();
    let (status, stdout, stderr) = server.ask(&["advise", "--plot", plot.path().to_str().unwrap()]);
    assert!(status == 0 && stdout.contains("half the memory costs "), "{stdout}{stderr}");
    assert_eq!(stdout.lines().filter(|line| line.contains(" x ")).count(), 6, "{stdout}");
    roxmltree::Document::parse(&std::fs::read_to_string(plot.path()).unwrap()).unwrap();

    server.ask_for(&["wipe"]);
    let (_, stdout, _) = server.ask(&["status", "--why"]);
    assert!(stdout.contains("no estimates") && stdout.contains("lru -> mru switched"), "{stdout}");
    let (_, json, _) = server.ask(&["status", "--why", "--json"]);
    let object: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(object["auto"]["in_force"].is_null(), "{object}");
    server.ask_for(&["policy", "fifo"]);
    server.ask_for(&["policy", "auto"]);
    let (_, stdout, _) = server.ask(&["status", "--why"]);
    assert!(stdout.contains("auto (fifo)") && stdout.contains("lru -> mru switched"), "{stdout}");
}

#[test]
fn a_policy_that_stays_can_be_given_advice() {
    let server = Served::start(&["--policy", "lru", "--advise"]);
    server.run_around();
    let (_, stdout, _) = server.ask(&["status", "--why"]);
    assert!(stdout.contains("policy      lru\n") && stdout.contains("mru would be better"), "{stdout}");
    let (_, stdout, _) = server.ask(&["advise"]);
    assert!(stdout.contains("the policy mru gains "), "{stdout}");
}

#[test]
fn a_server_that_watches_nothing_gives_no_advice() {
    let server = Served::start(&["--policy", "lru"]);
    let (status, _, stderr) = server.ask(&["advise"]);
    assert!(status == 1 && stderr.contains("it needs the policy auto"), "{stderr}");
    let (status, _, stderr) =
        outcome(&run(["advise", "--server", &server.paper, "--admin", &server.paper["paper://".len()..]]));
    assert!(status == 3 && stderr.contains("cannot ask the administration of the server at"), "{stderr}");
}

#[test]
fn each_tenant_has_reasons_of_its_own() {
    let keys = ["--rest", "127.0.0.1:0", "--api-key", "ck_live_0123456789abcdef=shop"];
    let server = Served::start(&keys);
    server.run_around();
    let (status, stdout, stderr) = server.ask(&["status", "--why", "--tenant", "shop"]);
    assert!(status == 0 && stdout.contains("no decision yet"), "{stdout}{stderr}");
    let (status, _, stderr) = server.ask(&["advise", "--tenant", "shops"]);
    assert!(status == 1 && stderr.contains("it has default, shop"), "{stderr}");
}

#[test]
fn a_switch_is_in_the_log_with_its_numbers() {
    let mut server = Served::start_logging(&[], Stdio::piped());
    let log = BufReader::new(server.child.stderr.take().unwrap());
    server.run_around();
    let (found, lines) = mpsc::channel();
    thread::spawn(move || {
        let switches = log.lines().map_while(Result::ok).filter(|line| line.contains("is put in force"));
        switches.for_each(|line| found.send(line).unwrap_or_default());
    });
    let line = lines.recv_timeout(Duration::from_secs(30)).expect("a line about the switch");
    for part in ["tenant=\"default\"", "from=lru", "margin=", "sampled_gets=", "estimates=\"lfu "] {
        assert!(line.contains(part), "{part} in {line}");
    }
}
