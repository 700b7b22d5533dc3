//! `larder get`: the value of a key, byte for byte.

use super::{connect, print_value};
use crate::cli::KeyArgs;
use crate::failure::Failure;

pub(super) fn run(args: &KeyArgs) -> Result<(), Failure> {
    let key = args.key.as_encoded_bytes();
    let value = connect(&args.server)?.get(key)?;
    print_value(key, value.as_deref(), args.server.json)
}
