//! `larder conform`: test vectors from files, a line for each, and a total.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use larder_cachekit::tagged;
use serde_json::Value as Json;

use crate::conform::{self, Outcome, Verdict, surrogates};
use crate::failure::Failure;

const NEGATIVE: u8 = 1;
const USAGE: u8 = 2;

/// Check this implementation against files of published test vectors.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exits 0 when vectors were checked and none failed, 1 when one failed or none was checked, 2 when a file cannot be read,
3 when the report cannot be written. A vector of a kind that is not known is skipped by name: it neither passes nor
fails, and when all are skipped, nothing was checked.")]
pub(crate) struct Args {
    /// Files of test vectors in JSON.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Say only what failed or was skipped, and the total.
    #[arg(short, long)]
    quiet: bool,
}

#[derive(Default)]
struct Totals {
    passed: usize,
    failed: usize,
    skipped: usize,
}

/// Runs the command.
pub(crate) fn run(args: Args) -> ExitCode {
    let mut totals = Totals::default();
    let mut output = io::stdout().lock();
    let mut unreadable = false;
    for file in &args.files {
        let document = match read(file) {
            Ok(document) => document,
            Err(problem) => {
                eprintln!("larder: {}: {problem}", file.display());
                unreadable = true;
                continue;
            }
        };
        let report = report(
            &mut output,
            &file.display().to_string(),
            &conform::run(&document),
            args.quiet,
            &mut totals,
        );
        if let Err(error) = report {
            return unwritten(error);
        }
    }
    let Totals { passed, failed, skipped } = totals;
    let checked = passed.saturating_add(failed);
    let remark = if checked == 0 { "nothing was checked, so this is no success\n" } else { "" };
    if let Err(error) = writeln!(output, "{remark}{passed} passed, {failed} failed, {skipped} skipped") {
        return unwritten(error);
    }
    match (failed, unreadable, checked) {
        (0, true, _) => ExitCode::from(USAGE),
        (0, false, 1..) => ExitCode::SUCCESS,
        _ => ExitCode::from(NEGATIVE),
    }
}

/// Whoever closes the report early does not learn whether all is well, so the status does not say that it is.
fn unwritten(error: io::Error) -> ExitCode {
    if error.kind() == io::ErrorKind::BrokenPipe {
        ExitCode::from(NEGATIVE)
    } else {
        Failure::from(error).report()
    }
}

fn read(file: &PathBuf) -> Result<Json, String> {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    tagged::json(&surrogates::replace(&text)).map_err(|error| error.to_string())
}

fn report(
    output: &mut impl Write,
    file: &str,
    outcomes: &[Outcome],
    quiet: bool,
    totals: &mut Totals,
) -> io::Result<()> {
    writeln!(output, "{file}")?;
    for Outcome { name, verdict, vectors } in outcomes {
        match verdict {
            Verdict::Pass => {
                totals.passed += vectors;
                if !quiet {
                    writeln!(output, "  ok    {name}")?;
                }
            }
            Verdict::Fail { expected, found } => {
                totals.failed += vectors;
                writeln!(output, "  FAIL  {name}\n        expected: {expected}\n        found:    {found}")?;
            }
            Verdict::Skip { reason } => {
                totals.skipped += vectors;
                writeln!(output, "  skip  {name}: {reason}")?;
            }
        }
    }
    Ok(())
}
