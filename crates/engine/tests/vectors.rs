//! Small traces of our own with what each policy makes of them, computed by an implementation in another language
//! (`conformance/make_policies.py` writes the files in `vectors/`): the models and the engine must miss as often and hold
//! the same keys at the end. Proves the policies where no other traces are at hand.

mod look_aside;
mod naive;

use std::collections::BTreeSet;
use std::path::PathBuf;

use look_aside::LookAside;

/// What one policy makes of one trace.
struct Vector {
    trace: String,
    /// `entries`, or `bytes` where entries weigh their size.
    unit: String,
    capacity: u64,
    policy: String,
    requests: usize,
    misses: usize,
    resident: BTreeSet<u64>,
}

#[test]
fn models_agree_with_the_vectors() {
    compare(&vectors(), |vector, requests| {
        let is_unit = vector.unit == "entries";
        let mut model = naive::model(&vector.policy, vector.capacity);
        let misses = requests
            .iter()
            .filter(|(key, size)| !model.access(*key, if is_unit { 1 } else { *size }))
            .count();
        (misses, model.resident())
    });
}

#[test]
fn engine_agrees_with_the_vectors() {
    let in_entries: Vec<Vector> = vectors().into_iter().filter(|vector| vector.unit == "entries").collect();
    compare(&in_entries, |vector, requests| {
        let engine = LookAside::new(&vector.policy, vector.capacity, Some(1));
        let misses = requests.iter().filter(|(key, _)| !engine.access(*key)).count();
        let resident = requests.iter().map(|(key, _)| *key).filter(|key| engine.has(*key)).collect();
        (misses, resident)
    });
}

fn compare(vectors: &[Vector], replay: impl Fn(&Vector, &[(u64, u64)]) -> (usize, BTreeSet<u64>)) {
    let mut deviations = Vec::new();
    let mut trace = (String::new(), Vec::new());
    for vector in vectors {
        if trace.0 != vector.trace {
            trace = (vector.trace.clone(), load(&vector.trace));
        }
        assert_eq!(
            trace.1.len(),
            vector.requests,
            "the trace {} is not the one of the vectors",
            vector.trace
        );
        let (misses, resident) = replay(vector, &trace.1);
        if misses != vector.misses || resident != vector.resident {
            let Vector { trace, unit, capacity, policy, misses: expected, .. } = vector;
            let contents = if resident == vector.resident { "the same" } else { "other" };
            deviations.push(format!(
                "{trace} at {capacity} {unit}, {policy}: {misses} misses instead of {expected}, {contents} residents"
            ));
        }
    }
    assert!(deviations.is_empty(), "{} deviations:\n{}", deviations.len(), deviations.join("\n"));
}

fn vectors() -> Vec<Vector> {
    let vectors: Vec<Vector> = rows("expected").iter().map(|row| parse_vector(row)).collect();
    assert!(!vectors.is_empty(), "no vectors");
    vectors
}

fn parse_vector(row: &str) -> Vector {
    let columns: Vec<&str> = row.split(',').collect();
    let [trace, unit, capacity, policy, requests, misses, resident] = columns[..] else {
        panic!("seven columns expected in {row:?}")
    };
    Vector {
        trace: trace.to_owned(),
        unit: unit.to_owned(),
        capacity: capacity.parse().expect("a capacity"),
        policy: policy.to_owned(),
        requests: requests.parse().expect("a number of requests"),
        misses: misses.parse().expect("a number of misses"),
        resident: resident.split_whitespace().map(|key| key.parse().expect("a key")).collect(),
    }
}

/// The keys and sizes of a trace.
fn load(trace: &str) -> Vec<(u64, u64)> {
    let number = |text: &str| text.parse().expect("a number");
    let parse = |row: &String| row.split_once(',').map(|(key, size)| (number(key), number(size)));
    rows(trace).iter().map(|row| parse(row).expect("a key and a size")).collect()
}

/// The lines of a file after its heading.
fn rows(name: &str) -> Vec<String> {
    let path =
        PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors")).join(format!("{name}.csv"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().skip(1).map(str::to_owned).collect()
}
