//! `larder size`: how long is the value of a key?

use super::{connect, no_such_key};
use crate::cli::KeyArgs;
use crate::failure::Failure;
use crate::output::{self, JsonBytes};
use serde_json::json;

pub(super) fn run(args: &KeyArgs) -> Result<(), Failure> {
    let key = args.key.as_encoded_bytes();
    let bytes = connect(&args.server)?.size(key)?;
    if args.server.json {
        output::json(&json!({ "key": JsonBytes::from(key), "bytes": bytes }))?;
    } else if let Some(bytes) = bytes {
        output::line(&bytes.to_string())?;
    }
    bytes.map(drop).ok_or_else(|| no_such_key(key))
}
