//! From a request to an engine call to a reply, one file per protocol. (REST has its own folder, [`rest`](crate::rest): HTTP is not
//! framed as the others are.)

mod large;
pub(crate) mod paper;
pub(crate) mod seriput;

use crate::rest;

/// The protocols, by the listener that their clients come in through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Face {
    Paper,
    Seriput,
    Rest,
}

impl Face {
    pub(crate) const ALL: [Face; 3] = [Face::Paper, Face::Seriput, Face::Rest];

    /// What metrics and lines at the start call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Face::Paper => "paper",
            Face::Seriput => "seriput",
            Face::Rest => "rest",
        }
    }

    /// The names of its commands, in the order in which they are counted.
    pub(crate) fn commands(self) -> &'static [&'static str] {
        match self {
            Face::Paper => &paper::COMMANDS,
            Face::Seriput => &seriput::COMMANDS,
            Face::Rest => &rest::table::OPERATIONS,
        }
    }

    /// Appends what a client is told for whom there is no place. Seriput has no handshake, so nothing could be said that a
    /// client would not take for the reply to a request; the REST API has HTTP's words.
    pub(crate) fn turn_away(self, out: &mut Vec<u8>) {
        match self {
            Face::Paper => larder_wire::paper::reply::refused(out),
            Face::Seriput => {}
            Face::Rest => out.extend_from_slice(rest::turned_away().as_bytes()),
        }
    }
}
