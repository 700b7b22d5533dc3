//! `larder key` computes keys from JSON arguments, and says what is wrong with what is none.

#![allow(missing_docs, clippy::unwrap_used)]

use std::process::Command;

fn key(args: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_larder")).arg("key").args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn good(args: &[&str]) -> String {
    let (code, output, problem) = key(args);
    assert_eq!((code, problem.as_str()), (Some(0), ""), "{args:?}");
    output.trim_end().to_owned()
}

#[test]
fn each_profile_has_its_key() {
    assert_eq!(
        good(&["-n", "users", "-o", "get_user", "42"]),
        "users:get_user:61598716255080080f6456eb065c2e51badfaa4320b0efe97469c29cffee8875"
    );
    assert_eq!(
        good(&["--profile", "draft", "-n", "users", "-o", "get_user", "42"]),
        "users:get_user:3870b2ea5735ae639ded9450ef117768db676f037bec636503796c5b81095153"
    );
    assert_eq!(
        good(&[
            "--profile",
            "auto",
            "-n",
            "test",
            "--qualname",
            "get_user",
            "--kwargs",
            r#"{"age":30}"#,
            r#""alice""#
        ]),
        "ns:test:func:__main__.get_user:args:573b0961d0bf4e7207c6628a3f9e42c97a0cd01e276d8904ec5af6c877cd599e:1s"
    );
    let custom =
        ["--profile", "auto", "--qualname", "f", "--module", "m", "--serializer", "cbor", "--no-integrity"];
    assert!(good(&custom).starts_with("func:m.f:args:") && good(&custom).ends_with(":0x23d5"));
}

#[test]
fn tagged_json_and_keyword_arguments_are_read() {
    let in_v1 = |args: &[&str]| good(&[&["-n", "t", "-o", "op", "--canonical"], args].concat());
    assert!(in_v1(&[r#"{"$set":[3,1,2]}"#]).starts_with("9193010203\n"));
    assert!(in_v1(&[r#"{"$bytes":"ff"}"#, "2.0"]).starts_with("92c401ff02\n"));
    assert!(in_v1(&["1", "--kwargs", r#"{"b":1,"a":2}"#]).starts_with("920182a16102a16201\n"));
    assert!(in_v1(&["--kwargs", "{}"]).starts_with("9180\n"), "an empty map is an argument too");
    assert!(in_v1(&["--", "-5"]).starts_with("91fb\n"));
}

#[test]
fn what_cannot_make_a_key_ends_with_1_and_says_why() {
    for (args, problem) in [
        (&["-n", "Users", "-o", "op"][..], r#"the namespace "Users" has 'U' as character 1"#),
        (&["-n", "ns", "-o", "op"], "is reserved"),
        (&["-p", "draft", "-n", "users\n", "-o", "op"], r#"the namespace "users\n" has '\n' as character 6"#),
        (&["-p", "draft", "-n", "a", "-o", "c:d"], r#"the operation "c:d" has ':' as character 2"#),
        (&["-n", "t", "-o", "op", r#"[{"$float":"nan"}]"#], "args[0][0]: NaN cannot be part"),
        (&["-n", "t", "-o", "op", r#"{"$datetime":"2024-01-01T00:00:00"}"#], "has no offset from UTC"),
        (
            &["-p", "auto", "--qualname", "f", r#"{"$set":[]}"#],
            "args[0]: a set cannot be part of an automatic key",
        ),
        (&["-p", "auto", "--qualname", "f", "--serializer", ""], "the serializer's name is empty"),
    ] {
        let (code, output, text) = key(args);
        assert_eq!((code, output.as_str()), (Some(1), ""), "{args:?}");
        assert!(text.contains(problem), "{text}");
    }
}

#[test]
fn what_cannot_be_read_ends_with_2_and_says_how_it_would_be_right() {
    for (args, problem) in [
        (&["-n", "t", "-o", "op", "alice"][..], r#"text needs quotes: '"alice"'"#),
        (&["-n", "t", "-o", "op", r#""\ud800""#], "argument 1"),
        (&["-n", "t", "-o", "op", "18446744073709551616"], "beyond 64 bits"),
        (
            &["-n", "t", "-o", "op", r#"{"$int":"-9223372036854775809"}"#],
            "is not an integer from -9223372036854775808",
        ),
        (&["-n", "t", "-o", "op", "--kwargs", "[]"], "must be a JSON object"),
        (&["-n", "t", "1"], "--operation"),
        (&["-o", "op", "1"], "--namespace"),
        (&["-p", "auto"], "--qualname"),
    ] {
        let (code, output, text) = key(args);
        assert_eq!((code, output.as_str()), (Some(2), ""), "{args:?}");
        assert!(text.contains(problem), "{text}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_output_that_cannot_be_written_ends_with_3() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_larder"));
    let output = command.args(["key", "-n", "t", "-o", "op", "1"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8(output.stderr).unwrap().contains("cannot write to standard output"));
}

#[test]
fn minus_zero_is_an_integer_unless_it_has_a_point() {
    let draft = |arg: &str| good(&["-p", "draft", "-n", "t", "-o", "op", "--canonical", "--", arg]);
    assert!(draft("-0").starts_with("92910080\n"));
    assert!(draft("[-0,\"-0\",-0.0]").starts_with("92919300a22d30cb800000000000000080\n"));
}

#[test]
fn a_name_twice_or_nesting_too_deep_is_an_error_that_says_where() {
    let deep = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_larder"));
        let output = command.args(["key", "-n", "t", "-o", "op"]).args(args).output().unwrap();
        assert_eq!(output.stdout.is_empty(), output.status.code() != Some(0));
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, text) = run(&["1", r#"{"a": 1, "b": {"c": 1, "c": 2}}"#]);
    assert_eq!(code, Some(2));
    assert!(text.contains("argument 2") && text.contains(r#"the name "c" appears twice"#), "{text}");
    assert!(text.contains("line 1 column 26"), "{text}");
    let (code, text) = run(&["--kwargs", r#"{"a": 1, "a": 1}"#]);
    assert_eq!(code, Some(2));
    assert!(text.contains("--kwargs") && text.contains("appears twice"), "{text}");
    assert_eq!(run(&[&deep(99)]).0, Some(0));
    for depth in [100, 101] {
        let (code, text) = run(&[&deep(depth)]);
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains("args[0][0]") && text.contains("deeper than 100 levels"), "{text}");
    }
    let (code, text) = run(&[&deep(1000)]);
    assert_eq!(code, Some(2));
    assert!(text.contains("recursion limit"), "{text}");
}

#[test]
fn a_leap_second_is_no_datetime() {
    for text in [r#"{"$datetime": "2016-12-31T23:59:60+00:00"}"#, r#"{"$datetime": "2016-12-31T23:59:60Z"}"#]
    {
        let mut command = Command::new(env!("CARGO_BIN_EXE_larder"));
        let output = command.args(["key", "-n", "t", "-o", "op", text]).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8(output.stderr).unwrap().contains("is not a datetime in ISO 8601"));
    }
}
