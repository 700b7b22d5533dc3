//! The commands that the README shows, for tests that run them as they stand.

use std::path::Path;
use std::process::Command;

/// The commands of a section that begin so, each on one line and without its comment.
pub(crate) fn commands(section: &str, begin: &str) -> Vec<String> {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let text = std::fs::read_to_string(readme).expect("the README");
    let (_, rest) = text.split_once(&format!("\n## {section}\n")).expect("the section is there");
    let section = rest.split("\n## ").next().unwrap_or(rest).replace("\\\n", " ");
    let lines = section.lines().filter_map(|line| line.strip_prefix("    "));
    let commands = lines.filter(|line| line.starts_with(begin));
    commands.map(|line| line.split("  # ").next().unwrap_or(line).trim().to_owned()).collect()
}

/// The one command of a section that begins so.
pub(crate) fn command(section: &str, begin: &str) -> String {
    let mut commands = commands(section, begin);
    assert_eq!(commands.len(), 1, "{commands:?}");
    commands.remove(0)
}

/// A command for the shell, to be run in a folder.
pub(crate) fn shell(command: &str, folder: &Path) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).current_dir(folder);
    shell
}
