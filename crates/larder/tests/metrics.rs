//! `/metrics` as Prometheus's own parsers read it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use support::{larder, outcome, parts, run};

#[test]
fn prometheus_reads_the_metrics() {
    let Some(mut python) = parts::python("metrics.py") else { return };
    let mut child = larder([
        "serve",
        "--paper",
        "127.0.0.1:0",
        "--seriput",
        "off",
        "--rest",
        "off",
        "--admin",
        "127.0.0.1:0",
    ])
    .stdout(Stdio::piped())
    .spawn()
    .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut address = |name: &str| {
        let line = lines.next().unwrap().unwrap();
        line.strip_prefix(&format!("{name} listening on ")).unwrap().to_owned()
    };
    let server = format!("paper://{}", address("paper"));
    let metrics = format!("http://{}/metrics", address("admin"));
    assert_eq!(run(["set", "key\"\n", "value", "--server", &server]).status.code(), Some(0));
    assert_eq!(run(["get", "nothing", "--server", &server]).status.code(), Some(1));
    let (status, stdout, stderr) = outcome(&python.arg(metrics).output().unwrap());
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!((status, stdout.contains("families, 1 gets")), (0, true), "{stdout}{stderr}");
}
