//! Interop keys: `{namespace}:{operation}:{hash}`, the same in every language. [`key`] is what the shipped SDKs
//! compute; [`draft_key`] is what the first draft of the document described and nobody ships.

use std::collections::BTreeMap;

use super::{KeyError, Profile, Segment, SegmentProblem, canonical, hash};
use crate::value::Value;

const SEGMENT_CHARS_MAX: usize = 64;

/// The interop/v1 key of an operation and its arguments, in the order in which they are declared, defaults filled in;
/// a variable number of arguments is one list, keyword arguments of no declared name are one map. At most 194
/// characters.
///
/// # Errors
///
/// [`KeyError`].
///
/// ```
/// use larder_cachekit::{Value, key::interop};
///
/// let key = interop::key("users", "get_user", &[Value::from(42)])?;
/// assert_eq!(key, "users:get_user:61598716255080080f6456eb065c2e51badfaa4320b0efe97469c29cffee8875");
/// # Ok::<(), larder_cachekit::key::KeyError>(())
/// ```
pub fn key(namespace: &str, operation: &str, args: &[Value]) -> Result<String, KeyError> {
    check_segment(Segment::Namespace, namespace)?;
    check_segment(Segment::Operation, operation)?;
    Ok(join(namespace, operation, &canonical_args(args)?))
}

/// The document that [`key`] hashes.
///
/// # Errors
///
/// [`KeyError`].
pub fn canonical_args(args: &[Value]) -> Result<Vec<u8>, KeyError> {
    canonical::flat(Profile::V1, args)
}

/// The key of the draft: arguments by position and by name, every float and datetime a float64, no grammar for the
/// names but that they are not empty and hold no whitespace, no control character and no colon.
///
/// # Errors
///
/// [`KeyError`].
pub fn draft_key(
    namespace: &str,
    operation: &str,
    args: &[Value],
    kwargs: &BTreeMap<String, Value>,
) -> Result<String, KeyError> {
    for (segment, text) in [(Segment::Namespace, namespace), (Segment::Operation, operation)] {
        if text.is_empty() {
            return Err(refuse(segment, text, SegmentProblem::Empty));
        }
        let mut characters = text.chars().enumerate();
        if let Some((index, found)) =
            characters.find(|(_, c)| c.is_whitespace() || c.is_control() || *c == ':')
        {
            let position = index.saturating_add(1);
            return Err(refuse(segment, text, SegmentProblem::Ambiguous { found, position }));
        }
    }
    Ok(join(namespace, operation, &canonical_draft_args(args, kwargs)?))
}

/// The document that [`draft_key`] hashes.
///
/// # Errors
///
/// [`KeyError`].
pub fn canonical_draft_args(args: &[Value], kwargs: &BTreeMap<String, Value>) -> Result<Vec<u8>, KeyError> {
    canonical::pair(Profile::Draft, args, kwargs)
}

/// Whether a name may stand in an interop/v1 key: `[a-z0-9][a-z0-9._-]{0,63}` in full, no `..`, and a namespace is
/// neither `ns` nor `nsapi`.
///
/// # Errors
///
/// [`KeyError::Segment`].
pub fn check_segment(segment: Segment, text: &str) -> Result<(), KeyError> {
    let problem = if text.is_empty() {
        SegmentProblem::Empty
    } else if let Some((index, found)) = text.chars().enumerate().find(|(index, c)| !allowed(*index, *c)) {
        SegmentProblem::Character { found, position: index.saturating_add(1) }
    } else if text.len() > SEGMENT_CHARS_MAX {
        SegmentProblem::TooLong { found: text.len() }
    } else if text.contains("..") {
        SegmentProblem::Dots
    } else if segment == Segment::Namespace && matches!(text, "ns" | "nsapi") {
        SegmentProblem::Reserved
    } else {
        return Ok(());
    };
    Err(refuse(segment, text, problem))
}

const fn allowed(index: usize, c: char) -> bool {
    matches!(c, 'a'..='z' | '0'..='9') || (index > 0 && matches!(c, '.' | '_' | '-'))
}

fn refuse(segment: Segment, text: &str, problem: SegmentProblem) -> KeyError {
    KeyError::Segment { segment, found: text.to_owned(), problem }
}

fn join(namespace: &str, operation: &str, canonical: &[u8]) -> String {
    [namespace, operation, &hash(canonical)].join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(segment: Segment, text: &str) -> Option<SegmentProblem> {
        match check_segment(segment, text) {
            Err(KeyError::Segment { problem, .. }) => Some(problem),
            Err(other) => panic!("{other}"),
            Ok(()) => None,
        }
    }

    #[test]
    fn segments_follow_the_grammar_in_full() {
        let longest = "a".repeat(64);
        for text in ["a", "0", "a.b", "a-b_c.d", "ns1", longest.as_str()] {
            assert_eq!(problem(Segment::Namespace, text), None, "{text}");
        }
        use SegmentProblem::{Character, Dots, Empty, Reserved, TooLong};
        for (text, expected) in [
            ("", Empty),
            ("users\n", Character { found: '\n', position: 6 }),
            ("Users", Character { found: 'U', position: 1 }),
            (".a", Character { found: '.', position: 1 }),
            ("a:b", Character { found: ':', position: 2 }),
            ("é", Character { found: 'é', position: 1 }),
            ("a..b", Dots),
            ("ns", Reserved),
            ("nsapi", Reserved),
            (&"a".repeat(65), TooLong { found: 65 }),
        ] {
            assert_eq!(problem(Segment::Namespace, text), Some(expected), "{text:?}");
        }
        assert_eq!(problem(Segment::Operation, "ns"), None, "only a namespace is reserved");
    }

    #[test]
    fn the_longest_key_has_194_characters() {
        let name = "a".repeat(64);
        assert_eq!(key(&name, &name, &[]).unwrap().len(), 194);
    }
}
