//! `larder man`: man pages from the definitions in `cli.rs`, one for each command into a directory, or the first one to
//! standard output.

use crate::cli::{Cli, ManArgs};
use crate::failure::Failure;
use clap::CommandFactory;
use std::io::{self, Write};

pub(super) fn run(args: &ManArgs) -> Result<(), Failure> {
    if let Some(dir) = &args.dir {
        let unwritable = |source| Failure::File { action: "write", path: dir.clone(), source };
        std::fs::create_dir_all(dir).map_err(unwritable)?;
        return clap_mangen::generate_to(Cli::command(), dir).map_err(unwritable);
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut page)?;
    io::stdout().lock().write_all(&page)?;
    Ok(())
}
