//! What a session needs to know of the protocol that it speaks: how to find requests in bytes, and how to answer one.

use std::{fmt::Display, time::Duration};

use larder_engine::{Key, Millis};
use larder_wire::Decoded;

use super::output::Output;
use crate::{
    execute::Face,
    jobs::{Job, JobError},
};

/// One client's side of a protocol.
pub(crate) trait Protocol: Send + Sync + 'static {
    /// A request that borrows from the input.
    type Request<'b>: Keyed<'b> + Copy;
    /// Bytes that are no request.
    type Violation: Display;

    /// Which protocol it is.
    const FACE: Face;

    /// Appends what the server says before it is asked.
    fn greet(&self, out: &mut Output);

    /// Called once before the requests of a batch are decoded.
    fn prepare(&mut self);

    /// Decodes the request that `input` begins with.
    fn decode<'b>(&self, input: &'b [u8]) -> Result<Decoded<Self::Request<'b>>, Self::Violation>;

    /// Whether what follows this request may only be decoded once it has been executed.
    fn ends_batch(&self, request: &Self::Request<'_>) -> bool;

    /// Executes a request and appends its reply, unless it has to wait for something. `key` is there if
    /// the request has one.
    fn execute(
        &mut self,
        request: Self::Request<'_>,
        key: Option<Key<'_>>,
        now: Millis,
        out: &mut Output,
    ) -> Next;

    /// Appends the reply to a request that had to wait.
    fn resume(&mut self, done: Done, out: &mut Output);

    /// Appends the reply to bytes that are no request; the connection ends.
    fn refuse(&self, violation: &Self::Violation, out: &mut Output);

    /// Appends the reply to a request for which there is no memory. `input` is as much of it as has arrived.
    fn starve(&self, input: &[u8], out: &mut Output) -> Next;

    /// How long the client may be silent.
    fn idle_time(&self) -> Option<Duration>;

    /// Whether the client has still to authorise itself.
    fn is_awaiting_auth(&self) -> bool;
}

/// A request that may be about a key.
pub(crate) trait Keyed<'b> {
    /// The key, if there is one.
    fn key(&self) -> Option<&'b [u8]>;

    /// The place of its command in [`Face::commands`]; outside of them if it is not to be counted.
    fn command(&self) -> usize;
}

/// How to go on after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// With the next one.
    Go,
    /// With the same one, of which only a step has been done, after others have had their turn.
    Again,
    /// After reading past so many bytes.
    Discard(u64),
    /// When this is over.
    Wait(Wait),
    /// Not at all: the connection ends when the replies have been written.
    Close,
}

/// What a request can wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// A penalty for guessing.
    Delay(Duration),
    /// A command that may have a lot to do.
    Job(Job),
}

/// The outcome of a [`Wait`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    /// The penalty is over.
    Delay,
    /// The command is done, or cannot be.
    Job(Result<(), JobError>),
}
