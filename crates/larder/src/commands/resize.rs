//! `larder resize`: sets how large the cache may be.

use super::connect;
use crate::cli::ResizeArgs;
use crate::failure::Failure;
use crate::output;
use serde_json::json;

pub(super) fn run(args: &ResizeArgs) -> Result<(), Failure> {
    connect(&args.server)?.resize(args.size.0)?;
    if args.server.json {
        output::json(&json!({ "server": args.server.server.to_string(), "max_size": args.size.0 }))?;
    } else {
        output::line(&format!("done: the cache may hold {}", args.size))?;
    }
    Ok(())
}
