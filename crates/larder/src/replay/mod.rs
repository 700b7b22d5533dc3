//! Replaying an access trace: against caches in this process ([`local`]) or against a server ([`remote`]), and counting
//! what comes of it.

mod capacity;
mod local;
mod progress;
mod remote;
mod series;
mod tally;

pub(crate) use capacity::{CapacityArg, CapacityError, Unit};
pub(crate) use local::{Local, Picks, Run};
pub(crate) use progress::Progress;
pub(crate) use remote::{Remote, RemoteOutcome};
pub(crate) use series::Series;
pub(crate) use tally::Tally;
