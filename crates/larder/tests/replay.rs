//! `larder replay` in this process: what it counts, what it prints, what it says of a damaged trace.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::io::Write;
use std::path::Path;
use support::{gets, json_lines, larder, outcome, record, run};
use tempfile::NamedTempFile;

fn file(bytes: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn replay(trace: &Path, args: &[&str]) -> (i32, String, String) {
    let trace = trace.to_str().unwrap();
    outcome(&run(["replay", trace].iter().chain(args)))
}

/// Policy and misses of each line of JSON.
fn misses(stdout: &str) -> Vec<(String, u64)> {
    let of = |object: &serde_json::Value| {
        (object["policy"].as_str().unwrap().to_owned(), object["misses"].as_u64().unwrap())
    };
    json_lines(stdout).iter().map(of).collect()
}

#[test]
fn policies_side_by_side_miss_what_they_should() {
    // Two entries; 1 is used again before 3 comes: lru keeps it, fifo does not.
    let trace = file(&gets([1, 2, 1, 3, 1]));
    let args = ["--unit", "entries", "--capacity", "2", "--policy", "lru", "--policy", "fifo", "--json"];
    let (status, stdout, stderr) = replay(trace.path(), &args);
    assert_eq!((status, &*stderr), (0, ""));
    assert_eq!(misses(&stdout), [("lru".to_owned(), 3), ("fifo".to_owned(), 4)]);
}

#[test]
fn a_line_of_json_has_all_that_is_promised() {
    let trace = file(&gets([1, 2, 1, 1]));
    let args = ["--unit", "entries", "--capacity", "5", "--policy", "arc", "--json"];
    let (_, stdout, _) = replay(trace.path(), &args);
    let expected = serde_json::json!({
        "trace": trace.path(), "policy": "arc", "capacity": 5, "unit": "entries", "requests": 4, "hits": 2,
        "misses": 2, "miss_ratio": 0.5, "set_records": 0, "refused": 0,
    });
    assert_eq!(json_lines(&stdout), [expected]);
}

#[test]
fn without_a_policy_all_nine_are_replayed() {
    let trace = file(&gets(0..100));
    let (_, stdout, _) = replay(trace.path(), &["--json"]);
    let names: Vec<String> = misses(&stdout).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["lfu", "fifo", "clock", "sieve", "lru", "mru", "2q-0.25-0.5", "arc", "s3-fifo-0.1"]);
}

#[test]
fn plain_and_compressed_traces_give_the_same() {
    let bytes = gets((0..20_000).map(|n| n * n % 997));
    let mut long = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    long.window_log(31).unwrap();
    long.write_all(&bytes).unwrap();
    let outcomes = [bytes.clone(), zstd::encode_all(&bytes[..], 3).unwrap(), long.finish().unwrap()]
        .map(|bytes| misses(&replay(file(&bytes).path(), &["--json", "--unit", "entries"]).1));
    assert_eq!(outcomes[0].len(), 9);
    assert_eq!(outcomes[0], outcomes[1]);
    assert_eq!(outcomes[0], outcomes[2]);
}

#[test]
fn a_share_of_the_working_set_is_rounded_down() {
    let trace = file(&gets(0..199));
    let capacity = |args: &[&str]| {
        let args: Vec<&str> = args.iter().copied().chain(["--policy", "lru", "--json"]).collect();
        json_lines(&replay(trace.path(), &args).1)[0]["capacity"].as_u64().unwrap()
    };
    assert_eq!(capacity(&["--unit", "entries"]), 19);
    assert_eq!(capacity(&["--unit", "entries", "--capacity", "0.001%"]), 1);
    assert_eq!(capacity(&["--capacity", "50%"]), 9950);
    assert_eq!(capacity(&["--unit", "entries", "--limit", "50"]), 5);
}

#[test]
fn a_limit_counts_records() {
    let trace = file(&gets(0..199));
    let args = ["--policy", "lru", "--json", "--unit", "entries", "--capacity", "5", "--limit", "7"];
    assert_eq!(json_lines(&replay(trace.path(), &args).1)[0]["requests"], 7);
}

#[test]
fn writes_of_the_trace_store_and_are_counted_apart() {
    let trace = file(&[record(0, 1, 9, 10, 0), record(1, 0, 9, 10, 0)].concat());
    let (_, stdout, _) =
        replay(trace.path(), &["--policy", "lru", "--json", "--unit", "entries", "--capacity", "2"]);
    let object = &json_lines(&stdout)[0];
    assert_eq!([&object["requests"], &object["hits"], &object["set_records"]], [1, 1, 1]);
}

#[test]
fn objects_expire_in_the_traces_own_time_if_that_is_asked_for() {
    let trace = file(&[record(1_000_000, 0, 1, 10, 2), record(1_003_000, 0, 1, 10, 2)].concat());
    let args = ["--policy", "lru", "--json", "--unit", "entries", "--capacity", "2"];
    assert_eq!(misses(&replay(trace.path(), &args).1)[0].1, 1);
    let args: Vec<&str> = args.into_iter().chain(["--ttl"]).collect();
    assert_eq!(misses(&replay(trace.path(), &args).1)[0].1, 2);
}

#[test]
fn objects_that_can_never_fit_are_refused_and_said() {
    let trace = file(&[record(0, 0, 1, u32::MAX, 0), record(0, 0, 2, 10, 0)].concat());
    let (_, stdout, _) = replay(trace.path(), &["--policy", "lru", "--capacity", "64KiB"]);
    assert!(stdout.lines().nth(1).unwrap().ends_with("too large"), "{stdout}");
    assert!(stdout.lines().nth(2).unwrap().ends_with(" 1"), "{stdout}");
}

#[test]
fn a_table_is_printed_for_each_trace() {
    let (first, second) = (file(&gets([1, 1, 1, 2])), file(&gets([5])));
    let args = ["--policy", "lru", "--unit", "entries", "--capacity", "1", second.path().to_str().unwrap()];
    let (status, stdout, _) = replay(first.path(), &args);
    let expected = format!(
        "{}: 4 records, cache of 1 entry\n\
         policy  requests  hits  misses  miss ratio\n\
         lru            4     2       2     50.00 %\n\
         \n\
         {}: 1 records, cache of 1 entry\n\
         policy  requests  hits  misses  miss ratio\n\
         lru            1     0       1    100.00 %\n",
        first.path().display(),
        second.path().display()
    );
    assert_eq!((status, stdout), (0, expected));
}

#[test]
fn damage_is_located_and_nothing_is_printed() {
    let bytes = gets(0..4);
    let mut bad_command = bytes.clone();
    bad_command[58] = 7;
    let compressed = zstd::encode_all(&bytes[..60], 1).unwrap();
    let cases = [
        (
            bytes[..60].to_vec(),
            "record 3, byte 50: the trace is cut off: 10 of a record's 25 bytes are there",
        ),
        (compressed, "record 3, byte 50 (decompressed): the trace is cut off"),
        (bad_command, "record 3, byte 58: the command is 7: 0 (GET) or 1 (SET) expected"),
        (Vec::new(), "the trace has no records"),
    ];
    for (bytes, expected) in cases {
        let trace = file(&bytes);
        for capacity in ["10%", "5000"] {
            let (status, stdout, stderr) = replay(trace.path(), &["--capacity", capacity]);
            assert_eq!((status, &*stdout), (2, ""), "{expected}");
            assert!(
                stderr.starts_with(&format!("larder: {}: {expected}", trace.path().display())),
                "{stderr}"
            );
            assert_eq!(stderr.lines().count(), 1);
        }
    }
    let cut = zstd::encode_all(gets((0..9999).map(|n| n * 0x9e37_79b9_7f4a)).as_slice(), 1).unwrap();
    let trace = file(&cut[..cut.len() / 2]);
    let (status, _, stderr) = replay(trace.path(), &["--capacity", "5000"]);
    assert!(status == 2 && stderr.contains("(decompressed): cannot read on: "), "{stderr}");
}

#[test]
fn what_cannot_be_is_status_2() {
    let trace = file(&gets(0..4));
    let (status, _, stderr) = replay(trace.path(), &["--unit", "entries", "--capacity", "1MiB"]);
    assert!(status == 2 && stderr.contains("does not go with --unit entries"), "{stderr}");
    let (status, _, stderr) = replay(trace.path(), &["--capacity", "0"]);
    assert!(status == 2 && stderr.contains("a cache must have a capacity"), "{stderr}");
    let (status, _, stderr) = replay(Path::new("/nowhere/at/all"), &[]);
    assert!(
        status == 2 && stderr.starts_with("larder: /nowhere/at/all: cannot open the trace: "),
        "{stderr}"
    );
    let (status, _, stderr) = replay(trace.path(), &["--plot", "/nowhere/at/all.svg"]);
    assert!(status == 2 && stderr.starts_with("larder: cannot write /nowhere/at/all.svg: "), "{stderr}");
}

#[test]
fn a_plot_that_cannot_be_written_is_told_before_the_replay_and_leaves_no_file_without_a_plot() {
    let trace = file(&gets(0..10));
    let folder = tempfile::tempdir().unwrap();
    let (status, stdout, stderr) =
        replay(trace.path(), &["--plot", folder.path().join("none/x.svg").to_str().unwrap()]);
    assert_eq!((status, &*stdout), (2, ""));
    assert!(stderr.contains("cannot write") && stderr.contains("none/x.svg"), "{stderr}");

    let (new, old) = (folder.path().join("new.svg"), folder.path().join("old.svg"));
    std::fs::write(&old, "a plot of earlier, which is longer than nothing").unwrap();
    let cut = file(&gets(0..10)[..240]);
    for plot in [&new, &old] {
        assert_eq!(replay(cut.path(), &["--plot", plot.to_str().unwrap()]).0, 2);
    }
    assert!(!new.exists());
    assert_eq!(std::fs::read(&old).unwrap(), b"a plot of earlier, which is longer than nothing");
    std::fs::write(&old, "x".repeat(1 << 20)).unwrap();
    assert_eq!(replay(trace.path(), &["--plot", old.to_str().unwrap()]).0, 0);
    assert!(std::fs::read_to_string(&old).unwrap().trim_end().ends_with("</svg>"));
}

#[cfg(unix)]
#[test]
fn a_trace_that_can_be_read_only_once_may_come_through_a_pipe_if_the_capacity_is_a_number() {
    let piped = |capacity: &str| {
        let mut child = larder(["replay", "/dev/stdin", "--policy", "lru", "--json", "--capacity", capacity])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        // It may have ended without reading.
        let _ = child.stdin.take().unwrap().write_all(&gets([1, 2, 1]));
        outcome(&child.wait_with_output().unwrap())
    };
    let (status, stdout, stderr) = piped("1MiB");
    assert_eq!(status, 0, "{stderr}");
    assert_eq!(misses(&stdout), [("lru".to_owned(), 2)]);
    let (status, stdout, stderr) = piped("10%");
    assert_eq!((status, &*stdout), (2, ""));
    assert!(stderr.contains("/dev/stdin: a capacity that is a share of the trace needs a file"), "{stderr}");
}

#[test]
fn a_plot_is_well_formed_and_has_a_line_per_policy_and_a_panel_per_trace() {
    let dir = tempfile::tempdir().unwrap();
    let traces = ["a&b.bin", "c.bin.zst"].map(|name| dir.path().join(name));
    std::fs::write(&traces[0], gets((0..3000).map(|n| n % 70))).unwrap();
    std::fs::write(&traces[1], zstd::encode_all(&gets((0..500).map(|n| n % 7))[..], 1).unwrap()).unwrap();
    let plot = dir.path().join("out.svg");
    let args =
        ["--plot", plot.to_str().unwrap(), "--policy", "lru", "--policy", "mru", traces[1].to_str().unwrap()];
    assert_eq!(replay(&traces[0], &args).0, 0);
    let svg = std::fs::read_to_string(&plot).unwrap();
    let document = roxmltree::Document::parse(&svg).unwrap();
    assert_eq!(document.root_element().tag_name().name(), "svg");
    assert_eq!(document.descendants().filter(|node| node.has_tag_name("polyline")).count(), 4);
    let titles: Vec<_> = document
        .descendants()
        .filter(|node| node.attribute("class") == Some("title"))
        .filter_map(|node| node.text())
        .collect();
    assert_eq!(titles, ["Miss ratio over the trace a&b", "Miss ratio over the trace c"]);
}

/// Keys that come once, then a loop over a quarter more than fits: there `auto` has something to do.
fn loop_after_scan() -> Vec<u8> {
    gets((0..10_000).map(|n| 1_000_000 + n).chain((0..40_000).map(|n| n % 500)))
}

#[test]
fn auto_prints_its_decisions_beside_the_miss_ratio() {
    let trace = file(&loop_after_scan());
    let size = ["--unit", "entries", "--capacity", "400", "--policy", "lru", "--policy", "auto"];
    let (status, stdout, stderr) = replay(trace.path(), &size);
    assert_eq!(status, 0, "{stderr}");
    let ratio = |policy: &str| {
        let line = stdout.lines().find(|line| line.starts_with(policy)).expect("a row for each policy");
        line.split_whitespace().nth_back(1).and_then(|ratio| ratio.parse::<f64>().ok()).expect("a ratio")
    };
    assert!(ratio("lru") > 99.0 && ratio("auto ") < 60.0, "{stdout}");
    assert!(stdout.contains(" decisions, ") && stdout.contains("one key in 2 watched"), "{stdout}");
    let switch = stdout.lines().find(|line| line.contains("  mru  ")).expect("a switch to mru");
    assert!(
        switch.contains("lfu ") && switch.contains("s3-fifo-0.1 "),
        "an estimate for every policy: {switch}"
    );

    let (_, json, _) = replay(trace.path(), &[&size[..], &["--json"]].concat());
    let lines: Vec<serde_json::Value> =
        json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines[0].get("auto").is_none(), "lru decides nothing");
    let switches = lines[1]["auto"]["switches"].as_array().unwrap();
    let to_mru = switches.iter().find(|switch| switch["to"] == "mru").unwrap();
    assert!(to_mru["advantage"].as_f64() > to_mru["margin"].as_f64());
    assert_eq!(to_mru["estimates"].as_object().unwrap().len(), 9);
    let (_, again, _) = replay(trace.path(), &[&size[..], &["--json"]].concat());
    assert_eq!(again, json, "the same trace, the same decisions");
}

#[test]
fn a_plot_marks_the_switches() {
    let trace = file(&loop_after_scan());
    let plot = tempfile::NamedTempFile::new().unwrap();
    let args = ["--unit", "entries", "--capacity", "400", "--policy", "auto", "--plot"];
    assert_eq!(replay(trace.path(), &[&args[..], &[plot.path().to_str().unwrap()]].concat()).0, 0);
    let svg = std::fs::read_to_string(plot.path()).unwrap();
    let document = roxmltree::Document::parse(&svg).unwrap();
    assert!(document.descendants().any(|node| node.attribute("class") == Some("switch")));
    assert!(document.descendants().any(|node| node.text() == Some("mru")));
}
