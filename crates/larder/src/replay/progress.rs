//! How far a replay is, on a terminal: share, records per second, time left. Nothing where nobody watches.

use crate::trace::TraceReader;
use indicatif::{ProgressBar, ProgressStyle};
use std::time::Instant;

/// A bar on standard error.
pub(crate) struct Progress {
    bar: ProgressBar,
    started: Instant,
}

impl Progress {
    /// Shows nothing unless standard error is a terminal.
    pub(crate) fn new(what: &str) -> Self {
        // Of a length yet unknown; 0 would show as 100 %.
        let bar = ProgressBar::new(1);
        if let Ok(style) = ProgressStyle::with_template("{prefix} {bar:30} {percent:>3} %  {msg}  {eta} left")
        {
            bar.set_style(style);
        }
        bar.set_prefix(what.to_owned());
        Self { bar, started: Instant::now() }
    }

    /// Shows how far `reader` is.
    pub(crate) fn show(&self, reader: &TraceReader) {
        if self.bar.is_hidden() {
            return;
        }
        let (read, all) = reader.progress();
        let rate = reader.records() as f64 / self.started.elapsed().as_secs_f64().max(1e-3);
        self.bar.set_length(all);
        self.bar.set_position(read.min(all));
        self.bar.set_message(format!("{} records/s", crate::output::short_count(rate)));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
