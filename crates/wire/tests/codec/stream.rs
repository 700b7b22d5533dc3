//! What holds for every protocol in every direction:
//!
//! 1. Splitting a stream anywhere yields the same messages.
//! 2. A message that was encoded decodes to itself.
//! 3. Any input decodes, needs more, or is a violation: no panic, no more bytes used than there are, and never more
//!    asked for than the limits let a message have.

use larder_wire::Decoded;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::fmt::Debug;

/// A protocol in one direction. Messages and violations are compared by their `Debug` texts, which show every field and
/// borrow from nothing.
pub trait Protocol {
    /// What a reader knows beside the bytes: for a reply, the request.
    type Context: Debug + Clone + 'static;

    fn decode(&self, context: &Self::Context, input: &[u8]) -> Result<Decoded<Seen>, String>;
    /// The most bytes that may ever be waited for.
    fn frame_bytes_max(&self) -> usize;
    /// Streams whose every split is tried.
    fn scripts(&self) -> Vec<Script<Self::Context>>;
    /// Encoded messages, and ones with parts above the limits.
    fn messages(&self) -> BoxedStrategy<Message<Self::Context>>;
    fn contexts(&self) -> BoxedStrategy<Self::Context>;
}

/// A message as it was decoded.
pub struct Seen {
    pub text: String,
    /// Bytes to read past before the next message.
    pub discard: u64,
}

/// A message as it should be decoded.
#[derive(Debug, Clone)]
pub struct Message<C> {
    pub context: C,
    /// All of it, also what will be discarded.
    pub bytes: Vec<u8>,
    pub text: String,
}

/// Messages one after the other and, if it ends badly, the bytes of a violation.
#[derive(Debug, Clone)]
pub struct Script<C> {
    pub messages: Vec<Message<C>>,
    pub violation: Option<Message<C>>,
}

impl<C: Clone> Script<C> {
    fn steps(&self) -> impl Iterator<Item = &Message<C>> {
        self.messages.iter().chain(&self.violation)
    }

    fn bytes(&self) -> Vec<u8> {
        self.steps().flat_map(|step| step.bytes.clone()).collect()
    }

    fn texts(&self) -> Vec<String> {
        self.steps().map(|step| step.text.clone()).collect()
    }

    fn contexts(&self) -> Vec<C> {
        self.steps().map(|step| step.context.clone()).collect()
    }
}

/// Reads a stream as a connection does: keeps what came in, and tries again when there is as much as was asked for.
struct Reader<'p, P: Protocol> {
    protocol: &'p P,
    contexts: Vec<P::Context>,
    buffer: Vec<u8>,
    needed: usize,
    discard: u64,
    texts: Vec<String>,
}

impl<'p, P: Protocol> Reader<'p, P> {
    fn new(protocol: &'p P, contexts: Vec<P::Context>) -> Self {
        Self { protocol, contexts, buffer: Vec::new(), needed: 0, discard: 0, texts: Vec::new() }
    }

    fn feed(&mut self, chunk: &[u8]) {
        self.buffer.extend_from_slice(chunk);
        loop {
            let past = self.buffer.len().min(self.discard as usize);
            self.buffer.drain(..past);
            self.discard -= past as u64;
            let Some(context) = self.contexts.get(self.texts.len()) else { return };
            if self.discard > 0 || self.buffer.len() < self.needed {
                return;
            }
            match judge(self.protocol, context, &self.buffer) {
                Ok(Decoded::Need(bytes)) => {
                    self.needed = bytes;
                    return;
                }
                Ok(Decoded::Frame { value, used }) => {
                    self.buffer.drain(..used);
                    (self.needed, self.discard) = (0, value.discard);
                    self.texts.push(value.text);
                }
                Err(violation) => self.texts.push(violation),
            }
        }
    }
}

/// Decodes, and checks what holds for any input.
fn judge<P: Protocol>(protocol: &P, context: &P::Context, input: &[u8]) -> Result<Decoded<Seen>, String> {
    let decoded = protocol.decode(context, input);
    match &decoded {
        Ok(Decoded::Need(bytes)) => {
            assert!(*bytes > input.len(), "{bytes} bytes needed, {} there", input.len());
            assert!(*bytes <= protocol.frame_bytes_max(), "{bytes} bytes needed");
        }
        Ok(Decoded::Frame { used, .. }) => {
            assert!((1..=input.len()).contains(used), "{used} bytes used, {} there", input.len());
        }
        Err(_) => {}
    }
    decoded
}

fn read<'a, P: Protocol>(
    protocol: &P,
    script: &Script<P::Context>,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> Vec<String> {
    let mut reader = Reader::new(protocol, script.contexts());
    for chunk in chunks {
        reader.feed(chunk);
    }
    reader.texts
}

/// Property 1, for every place to split each script at, and for single bytes.
pub fn splitting_a_script_anywhere_changes_nothing<P: Protocol>(protocol: &P) {
    let scripts = protocol.scripts();
    assert!(!scripts.is_empty());
    for script in scripts {
        let (bytes, texts) = (script.bytes(), script.texts());
        for at in 0..=bytes.len() {
            assert_eq!(read(protocol, &script, [&bytes[..at], &bytes[at..]]), texts, "split at {at}");
        }
        assert_eq!(read(protocol, &script, bytes.chunks(1)), texts, "byte by byte");
    }
}

/// Property 1, for any messages and any chunks.
pub fn chunks_of_any_lengths_change_nothing<P: Protocol>(protocol: &P) {
    let messages = prop::collection::vec(protocol.messages(), 0..12);
    let lengths = prop::collection::vec(1_usize..40, 1..40);
    check(&(messages, lengths), |(messages, lengths)| {
        let script = Script { messages, violation: None };
        let bytes = script.bytes();
        let mut rest = &bytes[..];
        let chunks = lengths.iter().cycle().map_while(|len| {
            let (chunk, tail) = rest.split_at((*len).min(rest.len()));
            rest = tail;
            (!chunk.is_empty()).then_some(chunk)
        });
        assert_eq!(read(protocol, &script, chunks), script.texts());
    });
}

/// Property 2. What is discarded counts as part of the message.
pub fn a_message_decodes_to_itself_and_no_further<P: Protocol>(protocol: &P) {
    let following = prop::collection::vec(any::<u8>(), 0..8);
    check(&(protocol.messages(), following), |(message, following)| {
        let input = [&message.bytes[..], &following].concat();
        match judge(protocol, &message.context, &input) {
            Ok(Decoded::Frame { value, used }) => {
                assert_eq!(value.text, message.text);
                assert_eq!(used as u64 + value.discard, message.bytes.len() as u64);
            }
            Ok(Decoded::Need(bytes)) => panic!("{bytes} bytes needed for {message:?}"),
            Err(violation) => panic!("{violation} in {message:?}"),
        }
    });
}

/// Property 3, for bytes of all kinds: any at all, ones that begin as messages do, and messages with some changed.
pub fn any_input_is_judged_within_the_limits<P: Protocol>(protocol: &P) {
    let any_bytes = (protocol.contexts(), prop::collection::vec(any::<u8>(), 0..100)).boxed();
    let begun = (protocol.contexts(), 0..=16_u8, prop::collection::vec(any::<u8>(), 0..100))
        .prop_map(|(context, first, rest)| (context, [&[first][..], &rest].concat()))
        .boxed();
    let edits = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6);
    let changed = (protocol.messages(), edits, any::<prop::sample::Index>())
        .prop_map(|(message, edits, end)| {
            let mut bytes = message.bytes;
            for (at, byte) in edits {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes.truncate(end.index(bytes.len() + 1));
            (message.context, bytes)
        })
        .boxed();
    check(&prop_oneof![any_bytes, begun, changed], |(context, input)| {
        let _ = judge(protocol, &context, &input);
    });
}

fn check<S: Strategy>(strategy: &S, test: impl Fn(S::Value)) {
    let config = ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() };
    let tested = TestRunner::new(config).run(strategy, |value| {
        test(value);
        Ok(())
    });
    if let Err(error) = tested {
        panic!("{error}");
    }
}

/// The tests of one protocol in one direction.
macro_rules! properties {
    ($name:ident, $protocol:expr) => {
        mod $name {
            use super::*;
            use crate::stream;

            #[test]
            fn splitting_a_script_anywhere_changes_nothing() {
                stream::splitting_a_script_anywhere_changes_nothing(&$protocol);
            }

            #[test]
            fn chunks_of_any_lengths_change_nothing() {
                stream::chunks_of_any_lengths_change_nothing(&$protocol);
            }

            #[test]
            fn a_message_decodes_to_itself_and_no_further() {
                stream::a_message_decodes_to_itself_and_no_further(&$protocol);
            }

            #[test]
            fn any_input_is_judged_within_the_limits() {
                stream::any_input_is_judged_within_the_limits(&$protocol);
            }
        }
    };
}
pub(crate) use properties;
