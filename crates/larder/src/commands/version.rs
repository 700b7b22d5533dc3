//! `larder version`: which version is the server? (`larder --version` tells this program's own.)

use super::connect;
use crate::cli::ServerArgs;
use crate::failure::Failure;
use crate::output;
use serde_json::json;

pub(super) fn run(args: &ServerArgs) -> Result<(), Failure> {
    let version = connect(args)?.version()?;
    if args.json {
        output::json(&json!({ "server": args.server.to_string(), "version": version }))?;
    } else {
        output::line(&version)?;
    }
    Ok(())
}
