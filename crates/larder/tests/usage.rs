//! What a person gets who asks wrongly, or for help: exit status 2 and the reason; texts from the one set of definitions.

mod support;

use support::{outcome, run};

#[test]
fn usage_errors_are_status_2_and_say_what_would_be_right() {
    let cases: [(&[&str], &str); 14] = [
        (&["nonsense"], "unrecognized subcommand 'nonsense'"),
        (&["get"], "<KEY>"),
        (&["set", "k"], "<VALUE|--file <FILE>>"),
        (&["set", "k", "v", "--ttl", "-1"], "'-1'"),
        (&["ttl", "k", "soon"], "soon"),
        (&["get", "k", "--server", "localhost:3145"], "write paper://localhost:3145"),
        (&["get", "k", "--server", "http://localhost"], "write paper://HOST:PORT or seriput://HOST:PORT"),
        (&["get", "k", "--timeout", "0"], "a number of seconds above 0"),
        (&["resize", "much"], "a size is a number with an optional unit"),
        (&["replay"], "<TRACE>"),
        (&["replay", "t", "--policy", "LRU"], "LRU"),
        (&["replay", "t", "--capacity", "0%"], "no share of the working set"),
        (&["replay", "t", "--connections", "2"], "--server"),
        (&["replay", "t", "--server", "paper://h", "--unit", "entries"], "cannot be used with"),
    ];
    for (args, expected) in cases {
        let (status, stdout, stderr) = outcome(&run(args));
        assert_eq!((status, &*stdout), (2, ""), "{args:?}");
        assert!(stderr.contains(expected), "{args:?}: {stderr}");
    }
}

#[test]
fn the_version_is_that_of_the_package() {
    let (status, stdout, _) = outcome(&run(["--version"]));
    assert_eq!((status, stdout), (0, format!("larder {}\n", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn help_names_every_command_and_the_exit_statuses() {
    let (status, stdout, _) = outcome(&run(["--help"]));
    assert_eq!(status, 0);
    for command in [
        "serve",
        "config",
        "ping",
        "version",
        "get",
        "set",
        "del",
        "has",
        "peek",
        "ttl",
        "size",
        "wipe",
        "resize",
        "policy",
        "status",
        "replay",
        "bench",
        "completions",
        "man",
    ] {
        assert!(stdout.contains(&format!("\n  {command} ")), "{command}: {stdout}");
    }
    assert!(stdout.contains("Exit status: 0 success"), "{stdout}");
}

#[test]
fn a_secret_in_the_environment_is_not_shown_in_help() {
    let output = support::larder(["get", "--help"]).env("LARDER_TOKEN", "hush-hush").output().unwrap();
    let (_, stdout, _) = outcome(&output);
    assert!(stdout.contains("LARDER_TOKEN") && !stdout.contains("hush-hush"), "{stdout}");
}

#[test]
fn completions_are_there_for_every_shell() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let (status, stdout, _) = outcome(&run(["completions", shell]));
        assert!(status == 0 && stdout.contains("replay"), "{shell}");
    }
}

#[test]
fn man_pages_are_written_one_per_command() {
    let dir = tempfile::tempdir().unwrap();
    let pages = dir.path().join("man1");
    assert_eq!(outcome(&run(["man".as_ref(), pages.as_os_str()])).0, 0);
    for page in ["larder.1", "larder-get.1", "larder-replay.1", "larder-bench.1"] {
        let text = std::fs::read_to_string(pages.join(page)).unwrap();
        assert!(text.contains(".TH "), "{page}");
    }
    let (status, stdout, _) = outcome(&run(["man"]));
    assert!(status == 0 && stdout.contains(".TH larder 1"), "{stdout}");
}
