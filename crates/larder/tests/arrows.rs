//! Who may import whom (ARCHITECTURE.md): reads `cargo metadata` and fails on any arrow between our crates that is not
//! drawn there, on a crate that is not there, and on sockets or an event loop in the crates that must not have any.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use cargo_metadata::{DependencyKind, MetadataCommand};
use std::collections::BTreeMap;

/// A crate, and what it may import of ours. Development dependencies count as well.
const ARROWS: [(&str, &[&str]); 8] = [
    ("larder-wire", &[]),
    ("larder-engine", &[]),
    ("larder-cachekit", &[]),
    ("larder-store", &["larder-wire", "larder-engine"]),
    ("larder-client", &["larder-cachekit", "larder-store", "larder-engine", "larder-macros"]),
    ("larder-macros", &[]),
    ("larder-server", &["larder-wire", "larder-engine", "larder-store"]),
    (
        "larder",
        &[
            "larder-wire",
            "larder-engine",
            "larder-cachekit",
            "larder-store",
            "larder-client",
            "larder-macros",
            "larder-server",
        ],
    ),
];

/// Crates that are functions of their arguments.
const PURE: [&str; 3] = ["larder-wire", "larder-engine", "larder-cachekit"];

/// What would make them something else.
const IMPURE: [&str; 8] = ["tokio", "mio", "socket2", "hyper", "axum", "reqwest", "chrono", "time"];

/// A crate and its dependencies, each with whether it is compiled in (as against only in tests).
type Graph = BTreeMap<String, Vec<(String, bool)>>;

/// What is wrong, one line each.
fn violations(graph: &Graph) -> Vec<String> {
    let mut found = Vec::new();
    for (name, dependencies) in graph {
        let Some((_, allowed)) = ARROWS.iter().find(|(known, _)| known == name) else {
            found.push(format!("{name} is not in ARCHITECTURE.md"));
            continue;
        };
        for (dependency, compiled_in) in dependencies {
            let is_ours = graph.contains_key(dependency) || dependency.starts_with("larder");
            if is_ours && !allowed.contains(&dependency.as_str()) {
                found.push(format!("{name} must not import {dependency}"));
            }
            if *compiled_in && PURE.contains(&name.as_str()) && IMPURE.contains(&dependency.as_str()) {
                found.push(format!("{name} must not know {dependency}"));
            }
        }
    }
    found
}

fn graph(crates: &[(&str, &[(&str, bool)])]) -> Graph {
    let owned = |list: &[(&str, bool)]| list.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect();
    crates.iter().map(|(name, list)| ((*name).to_owned(), owned(list))).collect()
}

#[test]
fn our_crates_import_only_what_they_may() {
    let metadata = MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml"))
        .no_deps()
        .exec()
        .unwrap();
    let graph: Graph = metadata
        .workspace_packages()
        .into_iter()
        .map(|package| {
            let dependencies = package.dependencies.iter();
            let named = dependencies.map(|dep| (dep.name.clone(), dep.kind != DependencyKind::Development));
            (package.name.to_string(), named.collect())
        })
        .collect();
    assert!(graph.contains_key("larder-engine"), "the workspace was read");
    assert_eq!(violations(&graph), [""; 0]);
}

#[test]
fn a_good_graph_has_no_violations() {
    let good = graph(&[
        ("larder-wire", &[("bytes", true)]),
        ("larder-engine", &[("tokio", false)]),
        ("larder-server", &[("larder-wire", true), ("larder-engine", true), ("tokio", true)]),
        ("larder", &[("larder-server", true)]),
    ]);
    assert_eq!(violations(&good), [""; 0]);
}

#[test]
fn each_bad_arrow_is_named() {
    let bad = graph(&[
        ("larder-engine", &[("larder-wire", true), ("tokio", true)]),
        ("larder-wire", &[("larder-engine", false)]),
        ("larder-server", &[("larder-cachekit", true), ("larder-client", false)]),
        ("larder-helpers", &[]),
    ]);
    assert_eq!(
        violations(&bad),
        [
            "larder-engine must not import larder-wire",
            "larder-engine must not know tokio",
            "larder-helpers is not in ARCHITECTURE.md",
            "larder-server must not import larder-cachekit",
            "larder-server must not import larder-client",
            "larder-wire must not import larder-engine",
        ]
    );
}
