//! Published test vectors against this implementation. A file is JSON; every array of objects in it is a group, known
//! by the fields of its rows and not by the file's name, so that later versions of a file run as well. What is not
//! known is skipped by name: nothing counts as passed that was not checked.
//!
//! A crate that owns further groups adds a [`Group`] to [`GROUPS`].

mod bounds;
mod clients;
mod container;
mod encryption;
mod envelope;
mod frames;
mod keys;
mod masterkeys;
mod row;
mod scan;
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
    clients::GROUPS,
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
    let scope = Scope::root(document);
    match document {
        Json::Array(rows) => run_rows(rows, &scope, "the outermost array", &mut outcomes),
        _ => visit(document, &scope, "", &mut outcomes),
    }
    if outcomes.is_empty() {
        let verdict = Verdict::skip("it holds no vectors");
        outcomes.push(Outcome { name: "the file".into(), verdict, vectors: 0 });
    }
    outcomes
}

fn visit(json: &Json, scope: &Scope<'_>, path: &str, outcomes: &mut Vec<Outcome>) {
    let Json::Object(object) = json else { return };
    for (name, inner) in object {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match inner {
            Json::Array(rows) if rows.iter().any(is_nested) => run_rows(rows, scope, &path, outcomes),
            Json::Object(_) => {
                // A vector may have its name outside instead of inside.
                match check(&Row::new(inner, scope, &path, 0)) {
                    Some(outcome) => outcomes.push(outcome),
                    None => visit(inner, &scope.inside(inner), &path, outcomes),
                }
            }
            _ => {}
        }
    }
}

fn is_nested(json: &Json) -> bool {
    json.is_object() || json.is_array()
}

/// The rows of one array. What is in none of the kinds is looked through for vectors, and counted if it has none.
fn run_rows(rows: &[Json], scope: &Scope<'_>, path: &str, outcomes: &mut Vec<Outcome>) {
    let mut unknown = 0_usize;
    for (index, json) in rows.iter().enumerate() {
        if let Some(outcome) = check(&Row::new(json, scope, path, index)) {
            outcomes.push(outcome);
            continue;
        }
        let before = outcomes.len();
        let path = format!("{path}[{index}]");
        match json {
            Json::Array(inner) if inner.iter().any(is_nested) => run_rows(inner, scope, &path, outcomes),
            _ => visit(json, &scope.inside(json), &path, outcomes),
        }
        if outcomes.len() == before {
            unknown = unknown.saturating_add(1);
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

/// The outcome of a row, if it is a vector of a known kind.
fn check(row: &Row<'_>) -> Option<Outcome> {
    let group = GROUPS.iter().copied().flatten().find(|group| (group.claims)(row))?;
    let verdict = (group.check)(row).unwrap_or_else(|verdict| verdict);
    Some(Outcome { name: format!("{} {}", group.title, row.name()), verdict, vectors: 1 })
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

    #[test]
    fn vectors_in_other_shapes_are_found_or_counted() {
        let wrong = json!({"namespace": "t", "operation": "op", "args": [], "expected_key": "t:op:00"});
        for document in [
            json!([wrong]),
            json!({"groups": [{"vectors": [wrong]}]}),
            json!({"nested": [[wrong]]}),
            json!({"by_name": {"v1": wrong}}),
        ] {
            assert!(matches!(verdicts(&document)[..], [Verdict::Fail { .. }]), "{document}");
        }
        for (document, vectors) in [
            (json!({"odd": [["a", "b"], ["c", "d"]]}), 2),
            (json!({"mixed": [{}, 1, "x"]}), 3),
            (json!([1, 2]), 2),
            (json!({}), 0),
        ] {
            let outcomes = run(&document);
            assert_eq!(outcomes.iter().map(|outcome| outcome.vectors).sum::<usize>(), vectors, "{document}");
            assert!(matches!(outcomes[..], [Outcome { verdict: Verdict::Skip { .. }, .. }]), "{document}");
        }
    }

    #[test]
    fn what_cannot_be_compared_is_never_ok() {
        let auto = |args: Json, error: &str| json!({"function_module": "m", "serializer_type": "default", "args": args, "error": error});
        let key = "t:op:8064bf5f";
        for row in [
            json!({"args": [{"$float": "nan"}], "error": "duplicate map key"}),
            json!({"args": [{"$float": "nan"}], "error": "of this tenant"}),
            json!({"args": [{"$float": "nan"}], "error": 5}),
            json!({"args": [{"$bytes": "zz"}], "error": "map keys must be strings"}),
            json!({"args": [{"$bytes": "zz"}], "error": "NaN"}),
            json!({"args": ["\u{fdd0}"], "error": "lone surrogate"}),
            json!({"value": {"$float": "nan"}, "error": "sets are not allowed in values"}),
            json!({"value": "\u{fdd0}", "error": "a set is refused"}),
            json!({"envelope_hex": "94", "rejected_by": "checksum"}),
            json!({"envelope_hex": "94", "error": "wrong flavour"}),
            json!({"container_hex": "c102", "error": "bad weather"}),
            json!({"input_hex": "c1", "reject_reasons": "depth"}),
            json!({"input_hex": "c1", "reject_reasons": ["weather"]}),
            json!({"frame_hex": "00", "error": "refused", "rejected_by": 5}),
            json!({"aad_hex": "", "error": "six parts"}),
            json!({"master_key_hex": "zz", "error": "too short", "derived_key_hex": "00"}),
            json!({"value": "\u{fdd0}\u{fdef}\u{fdd1}", "canonical_msgpack_hex": "a9efb790efb7afefb791"}),
            json!({"namespace": "t", "operation": "op", "args": [], "kwargs": {"b": 2}, "expected_key": key}),
            auto(json!([]), "anything"),
            auto(json!([{"$set": [1]}]), "naive datetime"),
        ] {
            let found = verdicts(&json!({"rejected": [row]}));
            assert!(!matches!(found[..], [Verdict::Pass]), "{row}");
        }
        for row in [
            auto(json!([{"$set": [1]}]), "a set is not supported"),
            json!({"value": {"$int": "18446744073709551616"}, "error": "integer out of range"}),
            json!({"input_hex": "0101", "reject_reasons": ["trailing"]}),
            json!({"value": "\u{fdd0}", "canonical_msgpack_hex": "A3EFB790"}),
        ] {
            assert_eq!(verdicts(&json!({"rejected": [row]})), [Verdict::Pass], "{row}");
        }
    }

    #[test]
    fn a_document_without_a_reason_is_refused_for_the_reason_that_it_is() {
        let deep = format!("{}c0", "91".repeat(1025));
        for (input, passes) in [
            (deep.as_str(), true),
            ("ddffffffff", true),
            ("92dc0000", true),
            ("c0c0", true),
            ("91c1", true),
            ("a1ff", true),
            ("", true),
            // Sound: to refuse them would need a reason that no bound gives.
            ("81012a", false),
            ("c0", false),
        ] {
            let found = verdicts(&json!({"reject_vectors": [{"input_hex": input}]}));
            assert_eq!(found == [Verdict::Pass], passes, "{input}: {found:?}");
        }
        let by_words = |input: &str, reason: &str| {
            verdicts(&json!({"reject_vectors": [{"input_hex": input, "reason": reason}]}))
        };
        assert_eq!(by_words("ddffffffff", "declares too many slots"), [Verdict::Pass]);
        assert!(matches!(by_words("ddffffffff", "nested too deep")[..], [Verdict::Fail { .. }]));
        assert!(matches!(by_words("ddffffffff", "bad weather")[..], [Verdict::Skip { .. }]));
    }

    #[test]
    fn a_construction_must_give_the_bytes_beside_it() {
        let row = |count: u64, input: Json| {
            let construction = json!({"repeat_hex": "91", "count": count, "suffix_hex": "c0"});
            verdicts(&json!({"reject_vectors": [{"construction": construction, "input_hex": input}]}))
        };
        let deep = json!(format!("{}c0", "91".repeat(1025)));
        assert_eq!(row(1025, deep.clone()), [Verdict::Pass]);
        assert!(matches!(row(1026, deep)[..], [Verdict::Fail { .. }]));
        let alone = json!({"construction": {"repeat_hex": "91", "count": 1025, "suffix_hex": "c0"}});
        assert_eq!(verdicts(&json!({"reject_vectors": [alone]})), [Verdict::Pass]);
        let odd = json!({"construction": {"repeat_hex": "9", "count": 1}});
        assert!(matches!(verdicts(&json!({"reject_vectors": [odd]}))[..], [Verdict::Fail { .. }]));
    }

    #[test]
    fn any_sound_document_is_read_and_compared_where_json_can_say_what_it_holds() {
        let row = |row: Json| verdicts(&json!({"reader_accept_vectors": [row]}));
        for document in ["81012a", "d4012a", "81c0c3", "ca3fc00000"] {
            assert_eq!(row(json!({"msgpack_hex": document})), [Verdict::Pass], "{document}");
        }
        assert_eq!(row(json!({"msgpack_hex": "82a16202a16101", "value": {"b": 2, "a": 1}})), [Verdict::Pass]);
        for wrong in [
            json!({"msgpack_hex": "82a16202a16101", "value": {"b": 1, "a": 2}}),
            json!({"msgpack_hex": "81012a", "value": {"1": 42}}),
            json!({"msgpack_hex": "93c0"}),
        ] {
            assert!(matches!(row(wrong.clone())[..], [Verdict::Fail { .. }]), "{wrong}");
        }
        let sentinel = |kind: &str, iso: &str| {
            let payload = hex::encode(b"\x82\xa8__date__\xc3\xa5value\xaa2024-02-29");
            let revives_to = json!({"type": kind, "iso": iso});
            verdicts(&json!({"temporal": [{"payload_hex": payload, "revives_to": revives_to}]}))
        };
        assert_eq!(sentinel("date", "2024-02-29"), [Verdict::Pass]);
        assert!(matches!(sentinel("datetime", "2024-02-29")[..], [Verdict::Fail { .. }]));
        assert!(matches!(sentinel("date", "2024-02-28")[..], [Verdict::Fail { .. }]));
    }

    #[test]
    fn an_envelope_is_refused_at_the_step_that_the_vector_names() {
        let stored = larder_cachekit::envelope::store(b"payload", "msgpack").unwrap();
        let altered = hex::encode([&stored[..stored.len() - 9], b"\x08\xa7msgpack"].concat());
        let row = |name: &str, step: u64| {
            verdicts(
                &json!({"reject_vectors": [{"name": name, "envelope_hex": altered, "reject_step": step}]}),
            )
        };
        assert_eq!(row("length", 6), [Verdict::Pass]);
        assert_eq!(row("length_mismatch", 9), [Verdict::Pass]);
        for step in [1, 2, 4, 5, 8, 10] {
            assert!(matches!(row("length", step)[..], [Verdict::Fail { .. }]), "{step}");
        }
        let named =
            |name: &str| verdicts(&json!({"reject_vectors": [{"name": name, "envelope_hex": altered}]}));
        assert_eq!(named("length_mismatch"), [Verdict::Pass]);
        assert!(matches!(named("ratio_bomb")[..], [Verdict::Fail { .. }]));
        assert!(matches!(named("odd")[..], [Verdict::Skip { .. }]));
    }

    #[test]
    fn an_envelope_of_a_document_to_refuse_needs_both() {
        let row = |document: &[u8], input: &[u8]| {
            let stored = hex::encode(larder_cachekit::envelope::store(document, "msgpack").unwrap());
            let row = json!({"envelope_hex": stored, "input_hex": hex::encode(input), "reject_reasons": ["overclaim"]});
            verdicts(&json!({"payload_reject_vectors": [row]}))
        };
        assert_eq!(row(b"\x95\xc0", b"\x95\xc0"), [Verdict::Pass]);
        assert!(matches!(row(b"\x91\xc0", b"\x91\xc0")[..], [Verdict::Fail { .. }]));
        assert!(matches!(row(b"\x95\xc0", b"\x96\xc0")[..], [Verdict::Fail { .. }]));
    }

    #[test]
    fn keys_without_a_reason_are_refused_for_the_reason_that_they_are() {
        let good = "0123456789abcdef".repeat(4);
        let hex_row = |text: &str, reason: Option<&str>| {
            let mut row = json!({"master_key_hex": text});
            if let Some(reason) = reason {
                row["reason"] = json!(reason);
            }
            verdicts(&json!({"reject_vectors": [row]}))
        };
        for text in [&good[..62], &good[1..], &format!("+{}", &good[1..]), &format!("{}\r\n", &good[..62])] {
            assert_eq!(hex_row(text, None), [Verdict::Pass], "{text:?}");
        }
        assert_eq!(hex_row(&good[..62], Some("31 bytes")), [Verdict::Pass]);
        assert!(matches!(hex_row(&good[..62], Some("not hex"))[..], [Verdict::Fail { .. }]));
        assert!(matches!(hex_row(&good, None)[..], [Verdict::Fail { .. }]));
        let ring = |previous: Json, verdict: &str| {
            let row = json!({"current_master_key_hex": good, "decrypt_only_master_keys_hex": previous, "verdict": verdict});
            verdicts(&json!({"vectors": [row]}))
        };
        let other = |digit: &str| digit.repeat(64);
        let four = json!([other("1"), other("2"), other("3"), other("4")]);
        assert_eq!(ring(four.clone(), "reject"), [Verdict::Pass]);
        assert!(matches!(ring(four, "accept")[..], [Verdict::Fail { .. }]));
        assert_eq!(ring(json!([other("1"), good.to_uppercase()]), "reject"), [Verdict::Pass]);
        assert!(matches!(ring(json!([other("1")]), "reject")[..], [Verdict::Fail { .. }]));
        assert!(matches!(ring(json!([other("1")]), "perhaps")[..], [Verdict::Skip { .. }]));
    }

    #[test]
    fn an_expectation_of_another_type_is_a_failure() {
        let envelope = hex::encode(larder_cachekit::envelope::store(b"\x2a", "msgpack").unwrap());
        for (field, wrong) in
            [("envelope_size", json!("9")), ("input_size", json!(-1)), ("original_size", json!(1.5))]
        {
            let mut row = json!({"envelope_hex": envelope, "input_hex": "2a"});
            assert_eq!(verdicts(&json!({"vectors": [row.clone()]})), [Verdict::Pass]);
            row[field] = wrong;
            assert!(matches!(verdicts(&json!({"vectors": [row]}))[..], [Verdict::Fail { .. }]), "{field}");
        }
    }

    #[test]
    fn a_plaintext_in_another_container_is_neither_unwrapped_nor_taken() {
        use larder_cachekit::crypto::{Aad, Keyring, MasterKey};
        use larder_cachekit::envelope;

        let master = "61".repeat(32);
        let ring =
            Keyring::new(MasterKey::from_hex(&master).unwrap(), vec![]).unwrap().for_tenant("t").unwrap();
        let row = |plaintext: &[u8], reader: &str, outcome: &str| {
            let aad = Aad::interop("t", "k");
            let entry = ring.seal(&aad, plaintext, [7; 12]).unwrap();
            json!({"master_key_hex": master, "tenant_id": "t", "cache_key": "k", "format": "msgpack",
                "compressed": false, "aad_hex": hex::encode(aad.to_bytes().unwrap()), "nonce_hex": "07".repeat(12),
                "ciphertext_hex": hex::encode(entry), "plaintext_hex": hex::encode(plaintext),
                "reader": reader, "outcome": outcome})
        };
        let found = |row: &Json| verdicts(&json!({"decrypted": [row]}));
        let stored = envelope::store(b"\x81\xa1a\x01", "msgpack").unwrap();
        assert_eq!(found(&row(&stored, "plain_msgpack", "not_unwrapped")), [Verdict::Pass]);
        assert_eq!(found(&row(b"\xc0\x00", "interop", "error")), [Verdict::Pass]);
        assert_eq!(found(&row(b"\xc0", "bytestorage_envelope", "error")), [Verdict::Pass]);
        for wrong in [
            row(&stored, "bytestorage_envelope", "not_unwrapped"),
            row(&stored, "plain_msgpack", "error"),
            row(b"\xc0", "interop", "error"),
        ] {
            assert!(matches!(found(&wrong)[..], [Verdict::Fail { .. }]), "{wrong}");
        }
        for (field, value) in
            [("plaintext_hex", "c0"), ("nonce_hex", "00"), ("cache_key", "x"), ("tenant_id", "x")]
        {
            let mut wrong = row(&stored, "plain_msgpack", "not_unwrapped");
            wrong[field] = json!(value);
            assert!(matches!(found(&wrong)[..], [Verdict::Fail { .. }]), "{field}");
        }
        for unknown in [
            row(b"\xc0", "odd", "error"),
            row(b"\xc0", "interop", "odd"),
            row(b"\xc0", "interop", "not_unwrapped"),
        ] {
            assert!(matches!(found(&unknown)[..], [Verdict::Skip { .. }]), "{unknown}");
        }
    }

    #[test]
    fn a_ciphertext_that_lost_a_field_is_not_checked() {
        let master = "61".repeat(32);
        let row =
            json!({"master_key_hex": master, "tenant_id": "t", "aad_hex": "03", "ciphertext_hex": "00"});
        assert!(matches!(verdicts(&json!({"vectors": [row]}))[..], [Verdict::Skip { .. }]));
        let row = json!({"master_key_hex": master, "tenant_id": "cross-sdk-test", "plaintext_hex": "zz",
            "derived_key_fingerprint_hex": "96179a9bc881aa7ca83f04b78a66afd3"});
        assert!(matches!(verdicts(&json!({"vectors": [row]}))[..], [Verdict::Skip { .. }]));
    }
}
