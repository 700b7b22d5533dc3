//! Programs of others that tests run: where they are, and what happens where they are not.

use std::path::Path;
use std::process::Command;

/// Says that a test skips; where `CI` is set, that is a failure.
#[track_caller]
fn absent(what: &str) {
    assert!(std::env::var_os("CI").is_none(), "{what} is absent; .ci/install-parts installs it");
    println!("skipped: {what} is absent");
}

/// The interpreter that has the packages of `.ci/python-requirements.txt`, given a script of `tests/python`; `None` says that
/// the test has to skip.
#[track_caller]
pub(crate) fn python(script: &str) -> Option<Command> {
    let Some(interpreter) = std::env::var_os("LARDER_TEST_PYTHON") else {
        absent("LARDER_TEST_PYTHON");
        return None;
    };
    let mut command = Command::new(interpreter);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python").join(script));
    Some(command)
}
