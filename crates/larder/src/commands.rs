//! The commands, one file each.

pub(crate) mod conform;
pub(crate) mod inspect;
pub(crate) mod key;
