//! Programs of others that tests run: where they are, and what happens where they are not.
#![allow(dead_code, reason = "each test file uses its part")]

use std::path::Path;
use std::process::Command;

/// Says that a test skips; where `CI` is set, that is a failure.
#[track_caller]
fn absent(what: &str) {
    assert!(std::env::var_os("CI").is_none(), "{what} is absent; .ci/install-parts installs it");
    println!("skipped: {what} is absent");
}

/// The interpreter that has the packages of `.ci/python-requirements.txt`; `None` says that the test has to skip.
#[track_caller]
fn interpreter() -> Option<Command> {
    let Some(interpreter) = std::env::var_os("LARDER_TEST_PYTHON") else {
        absent("LARDER_TEST_PYTHON");
        return None;
    };
    Some(Command::new(interpreter))
}

/// A program of the system; `None` says that the test has to skip.
#[track_caller]
pub(crate) fn program(name: &str) -> Option<Command> {
    // Whatever it thinks of the question.
    if Command::new(name).arg("--version").output().is_err() {
        absent(name);
        return None;
    }
    Some(Command::new(name))
}

/// A script of `tests/python`.
#[track_caller]
pub(crate) fn python(script: &str) -> Option<Command> {
    let mut command = interpreter()?;
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python").join(script));
    Some(command)
}

/// A program that comes as a Python package.
#[track_caller]
pub(crate) fn python_module(name: &str) -> Option<Command> {
    let mut command = interpreter()?;
    command.args(["-m", name]);
    Some(command)
}
