//! What a route is, and how a request finds its own. Routes are data (the list is in [`table`](super::table)), so that what serves
//! requests and what describes the API cannot differ.

use std::sync::Arc;

use hyper::{HeaderMap, Method, body::Bytes};
use larder_engine::{Cache, Key, Millis, Storing};

use super::{answer::Answer, refusal::Refusal, table::ROUTES};

/// What a path stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// An entry.
    Entry,
    /// The lock of a key.
    Lock,
    /// The time to live of an entry.
    Ttl,
    /// How the cache is.
    Health,
}

/// What can be done at a place.
pub(crate) struct Route {
    /// The method as it stands in a request.
    pub(crate) method: Method,
    /// Where.
    pub(crate) place: Place,
    /// The name of the operation, for programs that are made from the description.
    pub(crate) operation: &'static str,
    /// What it does, in one line.
    pub(crate) summary: &'static str,
    /// Headers and queries that it looks at. The key in the path is not among them.
    pub(crate) parameters: &'static [Parameter],
    /// What the body of a request is, if it has one.
    pub(crate) body: Option<Content>,
    /// What it answers.
    pub(crate) answers: &'static [Described],
    pub(crate) run: Run,
}

/// Something that a request may say beside its path and its body.
pub(crate) struct Parameter {
    /// Its name.
    pub(crate) name: &'static str,
    /// Where it stands.
    pub(crate) place: ParameterPlace,
    /// What it says, in one line.
    pub(crate) summary: &'static str,
    /// Its values.
    pub(crate) schema: Schema,
}

/// Where a parameter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ParameterPlace {
    Header,
    Query,
}

/// What a value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Schema {
    /// A whole number in this range.
    Integer { min: u64, max: u64 },
    /// A text.
    Text,
    /// `true`, and nothing else.
    True,
    /// One of these words.
    Words(&'static [&'static str]),
}

/// What a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Any bytes.
    Bytes,
    /// An object with exactly these fields.
    Object(&'static [Field]),
    /// `{"error":{"code":…,"message":…}}`.
    Error,
}

/// A field of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) schema: Schema,
    /// Whether `null` may stand in its place.
    pub(crate) nullable: bool,
}

/// An answer, for the description.
pub(crate) struct Described {
    pub(crate) status: u16,
    /// When it is given.
    pub(crate) summary: &'static str,
    /// Headers that it has beside those of every answer.
    pub(crate) headers: &'static [Parameter],
    pub(crate) body: Option<Content>,
}

/// What a route does with a request.
pub(crate) enum Run {
    /// It needs no body.
    Bare(fn(&Call<'_>) -> Answer),
    /// It needs the body.
    Body {
        /// Looks at everything but the body; the most bytes that the body may have.
        limit: fn(&Call<'_>) -> Result<u64, Refusal>,
        /// Does it, or starts to.
        run: fn(&Call<'_>, Payload<'_>) -> Outcome,
    },
}

/// What has become of a request with a body.
pub(crate) enum Outcome {
    Answer(Answer),
    /// The value is so large that it is stored in steps, with other connections served in between.
    Storing(Storing),
}

impl From<Answer> for Outcome {
    fn from(answer: Answer) -> Outcome {
        Outcome::Answer(answer)
    }
}

impl From<Refusal> for Outcome {
    fn from(refusal: Refusal) -> Outcome {
        Outcome::Answer(refusal.into())
    }
}

/// A request without its body.
pub(crate) struct Call<'c> {
    pub(crate) cache: &'c Arc<Cache>,
    /// The key, empty where the place has none.
    pub(crate) key: Key<'c>,
    pub(crate) headers: &'c HeaderMap,
    pub(crate) query: Option<&'c str>,
    /// The longest value that may be stored.
    pub(crate) value_bytes_max: u64,
    pub(crate) now: Millis,
}

/// A body.
pub(crate) enum Payload<'p> {
    /// In somebody else's memory.
    Slice(&'p [u8]),
    /// In memory that has no other content.
    Whole(Bytes),
}

impl Payload<'_> {
    pub(crate) fn as_slice(&self) -> &[u8] {
        match self {
            Payload::Slice(bytes) => bytes,
            Payload::Whole(bytes) => bytes,
        }
    }
}

impl Place {
    /// The path, for the description.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Place::Entry => "/v1/cache/{key}",
            Place::Lock => "/v1/cache/{key}/lock",
            Place::Ttl => "/v1/cache/{key}/ttl",
            Place::Health => "/v1/cache/health",
        }
    }

    /// Whether its path names a key.
    pub(crate) fn has_key(self) -> bool {
        self != Place::Health
    }

    /// The methods that it has, as they stand in `Allow`.
    pub(crate) fn methods(self) -> String {
        let methods = ROUTES.iter().filter(|route| route.place == self).map(|route| route.method.as_str());
        methods.collect::<Vec<_>>().join(", ")
    }
}

/// The route of a request, and its number.
pub(crate) fn find(method: &Method, place: Place) -> Result<(usize, &'static Route), Refusal> {
    let mut routes = ROUTES.iter().enumerate();
    let found = routes.find(|(_, route)| route.place == place && route.method == *method);
    found.ok_or(Refusal::Method { allowed: place })
}
