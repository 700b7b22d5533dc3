//! Proves the naive models of the policies before they judge the engine: on every trace beside the repository they give
//! the published exact miss ratios to the last printed digit, with weights 1 and with weights in bytes.
//! By default the traces of up to 100,000 requests; all of them with `LARDER_FULL_TRACES=1`.

mod figures;
mod naive;

use figures::{Figure, Mode, Request};

/// Half a unit of the sixth decimal, and room for how that was rounded.
const ROUNDING: f64 = 0.000_000_6;
const REQUESTS_BY_DEFAULT: usize = 100_000;

#[test]
fn models_with_weight_one_give_the_published_miss_ratios() {
    compare_all(Mode::Unit);
}

#[test]
fn models_with_weights_in_bytes_give_the_published_miss_ratios() {
    compare_all(Mode::Bytes);
}

fn compare_all(mode: Mode) {
    if figures::traces_dir().is_none() {
        return;
    }
    let mut deviations = Vec::new();
    for group in figures::exact_figures(mode, &naive::POLICIES.map(|(_, published)| published)) {
        let trace = figures::load(&group[0].trace);
        if trace.len() <= REQUESTS_BY_DEFAULT || figures::wants_all() {
            deviations.extend(group.iter().filter_map(|figure| deviation(figure, &trace, mode)));
        }
    }
    assert!(deviations.is_empty(), "{} deviations:\n{}", deviations.len(), deviations.join("\n"));
}

fn deviation(figure: &Figure, trace: &[Request], mode: Mode) -> Option<String> {
    let (name, _) = naive::POLICIES.into_iter().find(|(_, published)| *published == figure.policy)?;
    let mut model = naive::model(name, figure.capacity);
    let misses = trace.iter().filter(|request| !model.access(request.key, mode.weight(**request))).count();
    let miss_ratio = misses as f64 / trace.len() as f64;
    let Figure { trace, capacity, policy, miss_ratio: expected, .. } = figure;
    let is_equal = (miss_ratio - expected).abs() <= ROUNDING;
    (!is_equal).then(|| format!("{trace} at {capacity}, {policy}: {miss_ratio:.6} instead of {expected:.6}"))
}
