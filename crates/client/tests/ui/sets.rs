use std::collections::{BTreeSet, HashMap, HashSet};

use larder_client::{Set, cached};

#[cached(interop = "op", namespace = "n")]
async fn optional(ids: Option<HashSet<u32>>) -> bool {
    ids.is_some()
}

#[cached(interop = "op", namespace = "n")]
fn listed(groups: &[std::collections::HashSet<u32>], names: &HashMap<String, (u8, BTreeSet<u8>)>) -> usize {
    groups.len() + names.len()
}

#[cached(interop = "op", namespace = "n")]
fn sets_of_sets(ids: HashSet<BTreeSet<u32>>) -> usize {
    ids.len()
}

#[cached(interop = "op", namespace = "n")]
fn wrapped_too_far_out(ids: Set<Vec<HashSet<u32>>>) -> usize {
    ids.0.len()
}

#[cached(interop = "op", namespace = "n", skip(seen))]
fn right(all: &HashSet<u32>, some: Option<Set<HashSet<u32>>>, seen: Vec<HashSet<u32>>) -> usize {
    all.len() + some.map_or(0, |some| some.0.len()) + seen.len()
}

#[cached(key = format!("{}", ids.is_some()))]
fn right_with_a_key_of_its_own(ids: Option<HashSet<u32>>) -> usize {
    ids.map_or(0, |ids| ids.len())
}

fn main() {}
