//! The file that a plot goes to. It is opened before the work begins, so that nobody learns only after an hour that it cannot be.

use crate::failure::Failure;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// A file that keeps what it holds until the plot is there. One that was not there before goes away without a plot.
pub(crate) struct PlotFile {
    path: PathBuf,
    file: File,
    is_left_over: bool,
}

impl PlotFile {
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let fail = |error| failure(path, error);
        let (file, is_left_over) = match OpenOptions::new().write(true).create_new(true).open(path) {
            Ok(file) => (file, true),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                (OpenOptions::new().write(true).open(path).map_err(fail)?, false)
            }
            Err(error) => return Err(fail(error)),
        };
        Ok(Self { path: path.to_owned(), file, is_left_over })
    }

    pub(crate) fn write(mut self, plot: &str) -> Result<(), Failure> {
        // What is no regular file, such as a pipe, has no length.
        let has_length = self.file.metadata().is_ok_and(|metadata| metadata.is_file());
        let emptied = if has_length { self.file.set_len(0) } else { Ok(()) };
        emptied
            .and_then(|()| self.file.write_all(plot.as_bytes()))
            .map_err(|error| failure(&self.path, error))?;
        self.is_left_over = false;
        Ok(())
    }
}

impl Drop for PlotFile {
    fn drop(&mut self) {
        if self.is_left_over {
            // Nobody can be told, and an empty file does no harm.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn failure(path: &Path, source: io::Error) -> Failure {
    Failure::File { action: "write", path: path.to_owned(), source }
}
