//! `larder has`: is a key there? The answer is printed, and is the exit status.

use super::{connect, no_such_key};
use crate::cli::KeyArgs;
use crate::failure::Failure;
use crate::output::{self, JsonBytes};
use serde_json::json;

pub(super) fn run(args: &KeyArgs) -> Result<(), Failure> {
    let key = args.key.as_encoded_bytes();
    let has = connect(&args.server)?.has(key)?;
    if args.server.json {
        output::json(&json!({ "key": JsonBytes::from(key), "has": has }))?;
    } else {
        output::line(if has { "true" } else { "false" })?;
    }
    if has { Ok(()) } else { Err(no_such_key(key)) }
}
