//! Published test vectors against this implementation. A file is JSON; every array of objects in it is a group, known
//! by the fields of its rows and not by the file's name, so that later versions of a file run as well. What is not
//! known is skipped by name: nothing counts as passed that was not checked.
//!
//! A crate that owns further groups adds a [`Group`] to [`GROUPS`].

mod bounds;
mod container;
mod encryption;
mod envelope;
mod frames;
mod keys;
mod masterkeys;
mod row;
pub(crate) mod surrogates;

use serde_json::Value as Json;

pub(crate) use row::{Row, Scope};

/// What came of one vector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is as the vector says.
    Pass,
    /// It is not.
    Fail {
        /// What the vector says.
        expected: String,
        /// What is.
        found: String,
    },
    /// It was not checked.
    Skip {
        /// Why.
        reason: String,
    },
}

/// The verdict, or the one that a missing or malformed field forced.
pub(crate) type Checked = Result<Verdict, Verdict>;

/// A kind of vector.
pub(crate) struct Group {
    /// What it is called in reports.
    pub(crate) title: &'static str,
    /// Whether a row is of this kind.
    pub(crate) claims: fn(&Row<'_>) -> bool,
    /// Checks one row.
    pub(crate) check: fn(&Row<'_>) -> Checked,
}

/// Every kind, the more particular ones first.
const GROUPS: &[&[Group]] = &[
    keys::GROUPS,
    envelope::GROUPS,
    container::GROUPS,
    frames::GROUPS,
    masterkeys::GROUPS,
    encryption::GROUPS,
    bounds::GROUPS,
];

/// One line of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Kind and name of the vector, or the path of a group that is not known.
    pub(crate) name: String,
    /// What came of it.
    pub(crate) verdict: Verdict,
    /// How many vectors the line stands for.
    pub(crate) vectors: usize,
}

impl Verdict {
    /// Equal, or a failure that shows both.
    pub(crate) fn equal<T: PartialEq + std::fmt::Display>(what: &str, expected: T, found: T) -> Checked {
        if expected == found {
            return Ok(Self::Pass);
        }
        Err(Self::Fail { expected: format!("{what} {expected}"), found: found.to_string() })
    }

    pub(crate) fn skip(reason: impl Into<String>) -> Self {
        Self::Skip { reason: reason.into() }
    }

    pub(crate) fn fail(expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self::Fail { expected: expected.into(), found: found.into() }
    }
}

/// Runs every vector of a file.
pub(crate) fn run(document: &Json) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    visit(document, &Scope::root(document), "", &mut outcomes);
    if outcomes.is_empty() {
        outcomes.push(Outcome {
            name: "the file".into(),
            verdict: Verdict::skip("it holds no vectors"),
            vectors: 1,
        });
    }
    outcomes
}

fn visit(json: &Json, scope: &Scope<'_>, path: &str, outcomes: &mut Vec<Outcome>) {
    let Json::Object(object) = json else { return };
    for (name, inner) in object {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match inner {
            Json::Array(rows) if rows.iter().any(Json::is_object) => run_rows(rows, scope, &path, outcomes),
            Json::Object(_) => visit(inner, &scope.inside(inner), &path, outcomes),
            _ => {}
        }
    }
}

fn run_rows(rows: &[Json], scope: &Scope<'_>, path: &str, outcomes: &mut Vec<Outcome>) {
    let mut unknown = 0_usize;
    for (index, json) in rows.iter().enumerate() {
        let row = Row::new(json, scope, path, index);
        let group = GROUPS.iter().copied().flatten().find(|group| (group.claims)(&row));
        match group {
            Some(group) => {
                let verdict = (group.check)(&row).unwrap_or_else(|verdict| verdict);
                outcomes.push(Outcome {
                    name: format!("{} {}", group.title, row.name()),
                    verdict,
                    vectors: 1,
                });
            }
            None => unknown += 1,
        }
    }
    if unknown > 0 {
        let reason = format!("{unknown} vectors of a kind that is not known here");
        outcomes.push(Outcome {
            name: format!("group {path}"),
            verdict: Verdict::skip(reason),
            vectors: unknown,
        });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn verdicts(document: &Json) -> Vec<Verdict> {
        run(document).into_iter().map(|outcome| outcome.verdict).collect()
    }

    #[test]
    fn a_group_that_is_not_known_is_a_skip_with_its_name() {
        let document = json!({"version": "9", "outer": {"odd_vectors": [{"name": "a"}, {"name": "b"}]}});
        let outcomes = run(&document);
        assert_eq!(outcomes.len(), 1);
        assert_eq!(outcomes[0].name, "group outer.odd_vectors");
        assert!(matches!(&outcomes[0].verdict, Verdict::Skip { reason } if reason.starts_with("2 vectors")));
        assert!(matches!(verdicts(&json!({"version": "9"}))[..], [Verdict::Skip { .. }]));
        assert!(matches!(verdicts(&json!([1]))[..], [Verdict::Skip { .. }]));
    }

    #[test]
    fn a_wrong_expectation_fails_and_shows_both_sides() {
        let row =
            json!({"name": "x", "namespace": "t", "operation": "op", "args": [], "expected_key": "t:op:00"});
        let [Verdict::Fail { expected, found }] = &verdicts(&json!({"key_vectors": [row]}))[..] else {
            panic!("not one failure")
        };
        assert_eq!(expected, "key t:op:00");
        assert!(found.starts_with("t:op:8064bf5f"));
    }

    #[test]
    fn an_error_vector_counts_only_with_the_right_kind_of_error() {
        let row =
            |args: Json, error: &str| json!({"error_vectors": [{"name": "x", "args": args, "error": error}]});
        let nan = json!([{"$float": "nan"}]);
        assert_eq!(verdicts(&row(nan.clone(), "NaN is not allowed")), [Verdict::Pass]);
        assert!(matches!(verdicts(&row(nan, "integer above 2^64-1"))[..], [Verdict::Fail { .. }]));
        assert!(matches!(verdicts(&row(json!([1]), "NaN is not allowed"))[..], [Verdict::Fail { .. }]));
        assert!(matches!(
            verdicts(&row(json!([{"$odd": 1}]), "NaN is not allowed"))[..],
            [Verdict::Skip { .. }]
        ));
    }

    #[test]
    fn a_missing_field_is_a_skip_and_a_malformed_one_a_failure() {
        let rows = json!({"vectors": [{"name": "x", "envelope_hex": "zz", "input_hex": ""}]});
        assert!(
            matches!(&verdicts(&rows)[..], [Verdict::Fail { expected, .. }] if expected.contains("hexadecimal"))
        );
        let rows = json!({"vectors": [{"name": "x", "ciphertext_hex": "00", "plaintext_hex": ""}]});
        assert!(matches!(&verdicts(&rows)[..], [Verdict::Skip { reason }] if reason.contains("tenant_id")));
    }
}
