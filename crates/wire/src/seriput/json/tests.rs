use super::*;
use proptest::prelude::*;
use serde::de::IgnoredAny;

fn fault(text: &[u8]) -> (usize, JsonFault) {
    let error = check(text).unwrap_err();
    (error.offset, error.what)
}

#[test]
fn each_kind_of_value_is_a_text() {
    for text in [
        "null",
        "true",
        "false",
        "0",
        "-0",
        "10",
        "-1.5",
        "1e9",
        "1E+9",
        "0.1e-9",
        "\"\"",
        "\"a\"",
        "[]",
        "{}",
        "[1]",
        "[1,2]",
        "[[],{}]",
        "{\"a\":1}",
        "{\"a\":[],\"a\":{}}",
        " \t\r\n[ 1 , { \"a\" : 2 } ] \n",
    ] {
        assert_eq!(check(text.as_bytes()), Ok(()), "{text}");
    }
}

#[test]
fn a_number_may_have_any_magnitude() {
    assert_eq!(check(b"1e999999999999"), Ok(()));
    assert_eq!(check(&[b'9'; 1_000]), Ok(()));
}

#[test]
fn every_escape_is_taken_also_half_of_a_surrogate_pair() {
    for text in [
        r#""\"\\\/\b\f\n\r\t""#,
        r#""\u00e9""#,
        r#""\uD83D\uDE00""#,
        r#""\uD83D""#,
        r#""\uDE00x""#,
        r#""\u0000""#,
        r#""\uaBcD""#,
    ] {
        assert_eq!(check(text.as_bytes()), Ok(()), "{text}");
    }
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    use JsonFault::*;
    for (text, offset, what) in [
        (&b""[..], 0, ValueExpected),
        (b"  ", 2, ValueExpected),
        (b"nul", 0, ValueExpected),
        (b"nulL", 0, ValueExpected),
        (b"'a'", 0, ValueExpected),
        (b"[1,]", 3, ValueExpected),
        (b"[,1]", 1, ValueExpected),
        (b"\xef\xbb\xbf1", 0, ValueExpected),
        (b"{,}", 1, NameExpected),
        (b"{1:2}", 1, NameExpected),
        (b"{\"a\":1,}", 7, NameExpected),
        (b"{", 1, NameExpected),
        (b"{\"a\"}", 4, ColonExpected),
        (b"{\"a\":}", 5, ValueExpected),
        (b"{\"a\":1", 6, CommaOrBraceExpected),
        (b"{\"a\":1]", 6, CommaOrBraceExpected),
        (b"[1", 2, CommaOrBracketExpected),
        (b"[1}", 2, CommaOrBracketExpected),
        (b"[1 2]", 3, CommaOrBracketExpected),
        (b"1 2", 2, EndExpected),
        (b"{}}", 2, EndExpected),
        (b"truely", 4, EndExpected),
        (b"\"a\nb\"", 2, ControlCharacter),
        (b"\"\x1f\"", 1, ControlCharacter),
        (b"\"\0\"", 1, ControlCharacter),
        (b"\"\\x\"", 2, UnknownEscape),
        (b"\"\\", 2, UnknownEscape),
        (b"\"\\u12", 5, HexExpected),
        (b"\"\\u12g4\"", 5, HexExpected),
        (b"\"", 1, UnclosedString),
        (b"\"a\\\"", 4, UnclosedString),
        (b"-", 1, DigitExpected),
        (b"-a", 1, DigitExpected),
        (b"1.", 2, DigitExpected),
        (b"1.e1", 2, DigitExpected),
        (b"1e", 2, DigitExpected),
        (b"1e+", 3, DigitExpected),
        (b".5", 0, ValueExpected),
        (b"+1", 0, ValueExpected),
        (b"01", 1, LeadingZero),
        (b"-01", 2, LeadingZero),
        (b"\"\xff\"", 1, NotUtf8),
        (b"]\"\xc3", 2, NotUtf8),
    ] {
        assert_eq!(fault(text), (offset, what), "{}", text.escape_ascii());
    }
}

#[test]
fn a_control_character_is_found_wherever_it_stands_in_a_long_string() {
    for at in 0..40 {
        for byte in 0..0x20 {
            let mut text = vec![b'a'; 42];
            (text[0], text[41]) = (b'"', b'"');
            text[1 + at] = byte;
            assert_eq!(fault(&text), (1 + at, JsonFault::ControlCharacter));
        }
    }
}

#[test]
fn no_plain_byte_is_taken_for_a_special_one() {
    for char in (' '..='\u{ff}').filter(|char| !matches!(char, '"' | '\\')) {
        for before in 0..9 {
            let text = format!("\"{}{char}{char}abcdefgh\"", "x".repeat(before));
            assert_eq!(check(text.as_bytes()), Ok(()), "{text}");
        }
    }
}

#[test]
fn nesting_ends_at_its_limit_and_not_before() {
    let nested = |depth: usize| {
        let pairs = [("[", "]"), ("{\"a\":", "}"), ("[0,", "]")];
        let opening: String = (0..depth).map(|at| pairs[at % 3].0).collect();
        let closing: String = (0..depth).rev().map(|at| pairs[at % 3].1).collect();
        format!("{opening}1{closing}")
    };
    for depth in [1, 63, 64, 65, 127, 128, 129, DEPTH_MAX] {
        assert_eq!(check(nested(depth).as_bytes()), Ok(()), "{depth}");
    }
    assert_eq!(check(nested(DEPTH_MAX + 1).as_bytes()).unwrap_err().what, JsonFault::TooDeep);
    assert_eq!(fault(&[b'['; 1 << 20]), (DEPTH_MAX, JsonFault::TooDeep));
}

#[test]
fn a_bracket_closes_what_it_opened_at_every_depth() {
    for depth in [1, 2, 64, 65, 999] {
        let text = format!("{}{{}}{}", "[".repeat(depth), "}".repeat(depth));
        assert_eq!(fault(text.as_bytes()), (depth + 2, JsonFault::CommaOrBracketExpected));
    }
}

#[test]
fn an_error_reads_as_a_sentence() {
    let error = check(b"[1,]").unwrap_err();
    let text = "a value expected: an object, array, string, number, true, false or null, at byte 3";
    assert_eq!(error.to_string(), text);
}

/// Another reader's judgement. It looks neither at UTF-8 nor at surrogates, when a value is ignored, and has no
/// limit on depth then.
fn is_json(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok())
}

fn value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(6, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Bytes of which JSON is made, so that many texts are nearly right.
fn nearly_json() -> impl Strategy<Value = Vec<u8>> {
    let part = prop::sample::select(
        &[
            "[",
            "]",
            "{",
            "}",
            ",",
            ":",
            "\"",
            "\"a\":",
            "\"b\"",
            "\\",
            "\\u12aF",
            "\\n",
            "0",
            "1",
            "-",
            ".",
            "e",
            "E+",
            "true",
            "null",
            "false",
            " ",
            "\n",
            "\u{7f}",
            "é",
            "1.5",
            "plain text",
        ][..],
    );
    prop::collection::vec(part, 0..24).prop_map(|parts| parts.concat().into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_writer_of_json_writes_is_a_text(value in value(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) };
        prop_assert_eq!(check(&text.unwrap()), Ok(()));
    }

    #[test]
    fn a_text_that_is_changed_is_judged_as_another_reader_judges_it(
        value in value(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut text = serde_json::to_vec(&value).unwrap();
        for (at, byte) in edits {
            let at = at.index(text.len());
            text[at] = byte;
        }
        prop_assert_eq!(check(&text).is_ok(), is_json(&text));
    }

    #[test]
    fn nearly_json_is_judged_as_another_reader_judges_it(text in nearly_json()) {
        prop_assert_eq!(check(&text).is_ok(), is_json(&text));
    }

    #[test]
    fn any_bytes_are_judged_as_another_reader_judges_them(text in prop::collection::vec(any::<u8>(), 0..40)) {
        prop_assert_eq!(check(&text).is_ok(), is_json(&text));
    }
}
