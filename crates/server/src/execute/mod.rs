//! From a request to an engine call to a reply, one file per protocol.

pub(crate) mod paper;
pub(crate) mod seriput;

/// The protocols, by the listener that their clients come in through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Face {
    Paper,
    Seriput,
}

impl Face {
    /// Appends what a client is told for whom there is no place. Seriput has no handshake, so nothing could be said that a
    /// client would not take for the reply to a request.
    pub(crate) fn turn_away(self, out: &mut Vec<u8>) {
        match self {
            Face::Paper => larder_wire::paper::reply::refused(out),
            Face::Seriput => {}
        }
    }
}
