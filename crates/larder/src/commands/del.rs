//! `larder del`: deletes a key.

use super::{connect, no_such_key, print_done};
use crate::cli::KeyArgs;
use crate::failure::Failure;
use crate::output::{self, JsonBytes};
use serde_json::json;

pub(super) fn run(args: &KeyArgs) -> Result<(), Failure> {
    let key = args.key.as_encoded_bytes();
    let deleted = connect(&args.server)?.delete(key)?;
    let object = json!({ "key": JsonBytes::from(key), "deleted": deleted });
    if deleted {
        return print_done(args.server.json, &object);
    }
    if args.server.json {
        output::json(&object)?;
    }
    Err(no_such_key(key))
}
