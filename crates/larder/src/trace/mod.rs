//! Access traces: what a record is, how a file of them is read, what its working set is.

mod reader;
mod record;
mod working_set;

pub(crate) use reader::{TraceError, TraceReader};
pub(crate) use record::{Op, Record};
pub(crate) use working_set::WorkingSet;
