//! `larder key`: the cache key of a call, from its arguments as JSON.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::process::ExitCode;

use larder_cachekit::Value;
use larder_cachekit::key::auto::{self, Function};
use larder_cachekit::key::{KeyError, interop};
use larder_cachekit::tagged::{self, TaggedError};

use crate::failure::Failure;

const NEGATIVE: u8 = 1;
const USAGE: u8 = 2;

/// Compute the cache key of a call.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Arguments are JSON, one each: 42 '\"alice\"' '{\"a\": [1, 2.5]}'. What JSON lacks is written as an object of one key:
{\"$set\": […]} {\"$bytes\": \"hex\"} {\"$datetime\": \"2024-01-31T12:00:00+00:00\"} {\"$uuid\": \"…\"} {\"$float\": \"2.0\"}
{\"$int\": \"18446744073709551615\"}. Put -- before a negative number.

Exits 0 with the key, 1 when the arguments or names cannot make a key, 2 when they cannot be read, 3 when
the key cannot be written.")]
pub(crate) struct Args {
    /// The rules: interop keys as all SDKs compute them, as the first draft had them, or Python's automatic keys.
    #[arg(short, long, value_enum, default_value_t = Profile::V1)]
    profile: Profile,
    /// The namespace; automatic keys may do without.
    #[arg(short, long)]
    namespace: Option<String>,
    /// The operation of an interop key.
    #[arg(short, long)]
    operation: Option<String>,
    /// Keyword arguments as one JSON object; with v1 they are one more argument, after the others.
    #[arg(short, long, value_name = "JSON")]
    kwargs: Option<String>,
    /// The Python function's module, for automatic keys.
    #[arg(long, default_value = "__main__")]
    module: String,
    /// The Python function's qualified name, for automatic keys.
    #[arg(long)]
    qualname: Option<String>,
    /// The serializer, for automatic keys.
    #[arg(long, default_value = "default")]
    serializer: String,
    /// Integrity checking is off, for automatic keys.
    #[arg(long)]
    no_integrity: bool,
    /// Show the document that is hashed, in hexadecimal, on a line before the key.
    #[arg(long)]
    canonical: bool,
    /// The arguments, in the order in which they are declared.
    #[arg(value_name = "JSON")]
    args: Vec<String>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Profile {
    V1,
    Draft,
    Auto,
}

/// Runs the command.
pub(crate) fn run(args: Args) -> ExitCode {
    let (values, kwargs) = match read(&args) {
        Ok(read) => read,
        Err(problem) => {
            eprintln!("larder: {problem}");
            return ExitCode::from(USAGE);
        }
    };
    match compute(&args, values, &kwargs) {
        Ok((canonical, key)) => {
            let first = if args.canonical { hex::encode(canonical) + "\n" } else { String::new() };
            match writeln!(io::stdout(), "{first}{key}") {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => Failure::from(error).report(),
            }
        }
        Err(problem) => {
            eprintln!("larder: {problem}");
            ExitCode::from(NEGATIVE)
        }
    }
}

fn read(args: &Args) -> Result<(Vec<Value>, BTreeMap<String, Value>), String> {
    let missing = match args.profile {
        Profile::V1 | Profile::Draft if args.namespace.is_none() => Some("--namespace"),
        Profile::V1 | Profile::Draft if args.operation.is_none() => Some("--operation"),
        Profile::Auto if args.qualname.is_none() => Some("--qualname"),
        _ => None,
    };
    if let Some(option) = missing {
        return Err(format!("{option} is needed for a key of this profile"));
    }
    let values = args.args.iter().enumerate().map(|(index, text)| {
        tagged::parse(text).map_err(|error| match error {
            TaggedError::Json { .. } => {
                format!("argument {} ({text}) is {error}; text needs quotes: '\"{text}\"'", index + 1)
            }
            other => format!("argument {} ({text}): {other}", index + 1),
        })
    });
    let values = values.collect::<Result<_, _>>()?;
    let kwargs = match args.kwargs.as_deref().map(tagged::parse) {
        None => BTreeMap::new(),
        Some(Ok(Value::Map(map))) => map,
        Some(Ok(other)) => return Err(format!("--kwargs is a {}; it must be a JSON object", other.kind())),
        Some(Err(error)) => return Err(format!("--kwargs: {error}")),
    };
    Ok((values, kwargs))
}

fn compute(
    args: &Args,
    mut values: Vec<Value>,
    kwargs: &BTreeMap<String, Value>,
) -> Result<(Vec<u8>, String), KeyError> {
    let namespace = args.namespace.as_deref().unwrap_or_default();
    let operation = args.operation.as_deref().unwrap_or_default();
    match args.profile {
        Profile::V1 => {
            if args.kwargs.is_some() {
                values.push(Value::Map(kwargs.clone()));
            }
            Ok((interop::canonical_args(&values)?, interop::key(namespace, operation, &values)?))
        }
        Profile::Draft => Ok((
            interop::canonical_draft_args(&values, kwargs)?,
            interop::draft_key(namespace, operation, &values, kwargs)?,
        )),
        Profile::Auto => {
            let function = Function {
                namespace: args.namespace.as_deref(),
                module: &args.module,
                qualname: args.qualname.as_deref().unwrap_or_default(),
                integrity: !args.no_integrity,
                serializer: &args.serializer,
            };
            Ok((auto::canonical_args(&values, kwargs)?, function.key(&values, kwargs)?))
        }
    }
}
