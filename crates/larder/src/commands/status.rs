//! `larder status`: what a server says of itself, once or again and again.

mod why;

use super::connect;
use crate::admin;
use crate::cli::StatusArgs;
use crate::client::ServerStatus;
use crate::failure::Failure;
use crate::output;
use crate::server_url::ServerUrl;
use crate::size::Size;
use std::io::{self, IsTerminal};
use std::thread;
use std::time::Duration;

/// Clears a terminal and goes to its upper left corner.
const CLEAR: &str = "\x1b[2J\x1b[H";

pub(super) fn run(args: &StatusArgs) -> Result<(), Failure> {
    let mut client = connect(&args.server)?;
    let version = client.version()?;
    loop {
        let status = client.status()?;
        let report = if args.why { Some(admin::fetch(&args.admin, &args.server, "/auto")?) } else { None };
        if args.server.json {
            let mut object = serde_json::to_value(&status).map_err(std::io::Error::from)?;
            if let Some(report) = report {
                object["auto"] = report;
            }
            output::json(&object)?;
        } else {
            let mut table = table(&args.server.server, &version, &status);
            if let Some(report) = report {
                table.push_str("\n\n");
                table.push_str(&why::text(report, status.uptime_ms)?);
            }
            match args.watch {
                Some(_) if io::stdout().is_terminal() => output::line(&format!("{CLEAR}{table}"))?,
                Some(_) => output::line(&format!("{table}\n"))?,
                None => output::line(&table)?,
            }
        }
        match args.watch {
            Some(pause) => thread::sleep(pause),
            None => return Ok(()),
        }
    }
}

fn table(server: &ServerUrl, version: &str, status: &ServerStatus) -> String {
    let used = if status.max_size == 0 { 0.0 } else { status.used_size as f64 / status.max_size as f64 };
    let miss_ratio = match status.gets {
        0 => "- (no gets yet)".to_owned(),
        _ => output::percent(status.miss_ratio),
    };
    output::pairs(&[
        ("server", format!("{server} (version {version}, pid {})", status.pid)),
        ("uptime", output::duration(Duration::from_millis(status.uptime_ms))),
        ("policy", status.policy_text()),
        ("policies", status.policies.join(" ")),
        (
            "used",
            format!("{} of {} ({})", Size(status.used_size), Size(status.max_size), output::percent(used)),
        ),
        ("entries", output::grouped(status.num_objects)),
        ("gets", output::grouped(status.gets)),
        ("miss ratio", miss_ratio),
        ("sets", output::grouped(status.sets)),
        ("dels", output::grouped(status.dels)),
        ("memory", format!("{} resident, {} at most so far", Size(status.rss), Size(status.hwm))),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_reads_like_a_page() {
        let status = ServerStatus {
            pid: 7,
            uptime_ms: 3_660_000,
            policy: "lru".into(),
            is_auto: true,
            policies: vec!["lfu".into(), "lru".into()],
            max_size: 2 << 30,
            used_size: 1 << 29,
            num_objects: 12_345,
            rss: 600 << 20,
            hwm: 700 << 20,
            gets: 1000,
            sets: 200,
            dels: 3,
            miss_ratio: 0.25,
        };
        let server = "paper://127.0.0.1:3145".parse().unwrap();
        assert_eq!(
            table(&server, "0.1.0", &status),
            "server      paper://127.0.0.1:3145 (version 0.1.0, pid 7)\n\
             uptime      1 h 1 min\n\
             policy      auto (lru)\n\
             policies    lfu lru\n\
             used        512 MiB of 2 GiB (25.00 %)\n\
             entries     12,345\n\
             gets        1,000\n\
             miss ratio  25.00 %\n\
             sets        200\n\
             dels        3\n\
             memory      600 MiB resident, 700 MiB at most so far"
        );
        let fresh = ServerStatus { gets: 0, miss_ratio: 1.0, ..status };
        assert!(table(&server, "0.1.0", &fresh).contains("miss ratio  - (no gets yet)"));
    }
}
