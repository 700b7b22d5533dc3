//! `larder set`: stores a value from the command line, a file or standard input.

use super::{connect, print_done};
use crate::cli::SetArgs;
use crate::failure::Failure;
use crate::output::JsonBytes;
use serde_json::json;
use std::io::{self, Read};
use std::path::PathBuf;

pub(super) fn run(args: &SetArgs) -> Result<(), Failure> {
    let key = args.key.as_encoded_bytes();
    let value = value(args)?;
    connect(&args.server)?.set(key, &value, args.ttl)?;
    let ttl_s = (args.ttl != 0).then_some(args.ttl);
    print_done(
        args.server.json,
        &json!({ "key": JsonBytes::from(key), "bytes": value.len(), "ttl_s": ttl_s }),
    )
}

fn value(args: &SetArgs) -> Result<Vec<u8>, Failure> {
    match (&args.value, &args.file) {
        (_, Some(path)) => std::fs::read(path).map_err(|source| unreadable(path.clone(), source)),
        (Some(value), None) if value == "-" => {
            let mut bytes = Vec::new();
            io::stdin()
                .lock()
                .read_to_end(&mut bytes)
                .map_err(|source| unreadable("standard input".into(), source))?;
            Ok(bytes)
        }
        (Some(value), None) => Ok(value.as_encoded_bytes().to_vec()),
        (None, None) => Ok(Vec::new()),
    }
}

fn unreadable(path: PathBuf, source: io::Error) -> Failure {
    Failure::File { action: "read", path, source }
}
