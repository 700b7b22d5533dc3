//! `larder inspect`: what the bytes of a cache entry are, layer by layer, for a person who looks for a fault. With
//! keys it also decrypts, under the one context that it is told; it never tries a second one.

mod document;
mod layers;

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use larder_cachekit::crypto::{DEFAULT_TENANT, Keyring};

use crate::failure::Failure;
use layers::{Context, describe};

const NEGATIVE: u8 = 1;
const USAGE: u8 = 2;
/// An entry at its limit of 512 MiB with room for what is around it.
const INPUT_BYTES_MAX: u64 = (512 << 20) + (1 << 20);

/// Say what a cache entry is: its container, sizes, checksum and content.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exits 0 when the entry is sound as far as it was read, 1 when it is damaged, unknown or does not decrypt, 2 when it
cannot be read or the keys are no keys, 3 when the report cannot be written.")]
pub(crate) struct Args {
    /// A file with the entry's bytes; - for standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The master key in hexadecimal; better in the environment, where other users do not see it.
    #[arg(long, value_name = "HEX", env = "CACHEKIT_MASTER_KEY", hide_env_values = true)]
    master_key: Option<String>,
    /// Older master keys that still decrypt, separated by commas.
    #[arg(long, value_name = "HEX", env = "CACHEKIT_PREVIOUS_MASTER_KEYS", hide_env_values = true)]
    previous_master_keys: Option<String>,
    /// The cache key that the entry is stored under, with every prefix; needed to decrypt.
    #[arg(long)]
    key: Option<String>,
    /// The tenant that the entry belongs to.
    #[arg(long, default_value = DEFAULT_TENANT)]
    tenant: String,
    /// Who encrypted the entry: that decides what it is bound to. A Python frame says it itself.
    #[arg(long, value_enum, default_value_t = layers::Writer::Interop)]
    writer: layers::Writer,
    /// Show sizes and states only, not the content.
    #[arg(short, long)]
    brief: bool,
}

/// Runs the command.
pub(crate) fn run(args: Args) -> ExitCode {
    let prepared = context(&args).and_then(|context| {
        let entry = read(&args.file).map_err(|problem| format!("{}: {problem}", args.file.display()))?;
        Ok((context, entry))
    });
    let (context, entry) = match prepared {
        Ok(prepared) => prepared,
        Err(problem) => {
            eprintln!("larder: {problem}");
            return ExitCode::from(USAGE);
        }
    };
    let mut output = Vec::new();
    let sound = describe(&mut output, &context, &entry);
    let mut stdout = io::stdout();
    match stdout.write_all(&output).and_then(|()| stdout.flush()) {
        // Whoever closed the pipe has read enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Failure::from(error).report(),
        _ if matches!(sound, Ok(true)) => ExitCode::SUCCESS,
        _ => ExitCode::from(NEGATIVE),
    }
}

fn context(args: &Args) -> Result<Context<'_>, String> {
    let keyring = match &args.master_key {
        None => None,
        Some(current) => {
            let previous = args.previous_master_keys.as_deref().unwrap_or_default();
            let keyring = Keyring::from_hex(current, previous).map_err(|error| error.to_string())?;
            Some(keyring.for_tenant(&args.tenant).map_err(|error| error.to_string())?)
        }
    };
    Ok(Context {
        keyring,
        key: args.key.as_deref(),
        tenant: &args.tenant,
        writer: args.writer,
        brief: args.brief,
    })
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    let source: Box<dyn Read> = if file == Path::new("-") {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(file).map_err(|error| error.to_string())?)
    };
    let mut entry = Vec::new();
    source.take(INPUT_BYTES_MAX + 1).read_to_end(&mut entry).map_err(|error| error.to_string())?;
    if entry.len() as u64 > INPUT_BYTES_MAX {
        return Err(format!("more than {INPUT_BYTES_MAX} bytes: no cache entry is that large"));
    }
    Ok(entry)
}
