//! `larder wipe`: deletes everything in the server.

use super::{connect, print_done};
use crate::cli::ServerArgs;
use crate::failure::Failure;
use serde_json::json;

pub(super) fn run(args: &ServerArgs) -> Result<(), Failure> {
    connect(args)?.wipe()?;
    print_done(args.json, &json!({ "server": args.server.to_string(), "wiped": true }))
}
