//! `larder conform`: test vectors from files, a line for each, and a total.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::Value as Json;

use crate::conform::{self, Outcome, Verdict, surrogates};

const NEGATIVE: u8 = 1;
const USAGE: u8 = 2;

/// Check this implementation against files of published test vectors.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exits 0 when no vector failed, 1 when one did, 2 when a file cannot be read.")]
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
    for file in &args.files {
        let document = match read(file) {
            Ok(document) => document,
            Err(problem) => {
                eprintln!("larder: {}: {problem}", file.display());
                return ExitCode::from(USAGE);
            }
        };
        let report = report(
            &mut output,
            &file.display().to_string(),
            &conform::run(&document),
            args.quiet,
            &mut totals,
        );
        if report.is_err() {
            // Whoever read the report has closed it.
            return ExitCode::from(NEGATIVE);
        }
    }
    let Totals { passed, failed, skipped } = totals;
    let total = writeln!(output, "{passed} passed, {failed} failed, {skipped} skipped");
    if failed > 0 || total.is_err() { ExitCode::from(NEGATIVE) } else { ExitCode::SUCCESS }
}

fn read(file: &PathBuf) -> Result<Json, String> {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    serde_json::from_str(&surrogates::replace(&text)).map_err(|error| format!("not JSON: {error}"))
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
