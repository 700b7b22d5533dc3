//! `larder ttl`: sets or clears the time to live of a key.

use super::{connect, no_such_key, print_done};
use crate::cli::TtlArgs;
use crate::failure::Failure;
use crate::output::{self, JsonBytes};
use serde_json::json;

pub(super) fn run(args: &TtlArgs) -> Result<(), Failure> {
    let key = args.key.as_encoded_bytes();
    let found = connect(&args.server)?.set_ttl(key, args.seconds)?;
    let ttl_s = (args.seconds != 0).then_some(args.seconds);
    let object = json!({ "key": JsonBytes::from(key), "found": found, "ttl_s": ttl_s });
    if found {
        return print_done(args.server.json, &object);
    }
    if args.server.json {
        output::json(&object)?;
    }
    Err(no_such_key(key))
}
