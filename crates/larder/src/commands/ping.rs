//! `larder ping`: is the server there, and how long does it take to answer?

use super::connect;
use crate::cli::ServerArgs;
use crate::failure::Failure;
use crate::output;
use serde_json::json;
use std::time::Instant;

pub(super) fn run(args: &ServerArgs) -> Result<(), Failure> {
    let mut client = connect(args)?;
    let sent = Instant::now();
    client.ping()?;
    let ms = sent.elapsed().as_secs_f64() * 1e3;
    if args.json {
        output::json(&json!({ "server": args.server.to_string(), "ms": (ms * 1e3).round() / 1e3 }))?;
    } else {
        output::line(&format!("pong ({ms:.3} ms)"))?;
    }
    Ok(())
}
