//! `larder advise`: what the cache of a server would miss if it were smaller or larger, as a table and in a picture.

use crate::admin;
use crate::cli::AdviseArgs;
use crate::failure::Failure;
use crate::output::{self, grouped, percent};
use crate::plot::{self, PlotFile};
use crate::size::Size;
use serde::Deserialize;

/// As the administration of a server tells it.
#[derive(Debug, Deserialize)]
pub(crate) struct Curve {
    /// In force.
    pub(crate) policy: String,
    /// Would be better, or the same.
    pub(crate) best: String,
    /// That the estimate rests on.
    pub(crate) gets: u64,
    /// From small to large.
    pub(crate) points: Vec<Point>,
}

/// The cache at one size.
#[derive(Debug, Deserialize)]
pub(crate) struct Point {
    /// Of the present size.
    pub(crate) scale: f64,
    /// In bytes.
    pub(crate) capacity: u64,
    /// Miss ratio in force, 0 to 1.
    pub(crate) in_force: f64,
    /// Miss ratio of the best.
    pub(crate) best: f64,
}

pub(super) fn run(args: &AdviseArgs) -> Result<(), Failure> {
    let page = admin::fetch(&args.admin, &args.server, "/auto/curve")?;
    if args.server.json {
        output::json(&page)?;
    }
    let curve: Option<Curve> = serde_json::from_value(page).map_err(|error| {
        Failure::Negative(format!("the server tells no curve that is known here: {error}"))
    })?;
    let Some(curve) = curve else {
        let reason = "the server watches nothing: it needs the policy auto, or to be started with --advise";
        return Err(Failure::Negative(reason.to_owned()));
    };
    if curve.gets == 0 {
        return Err(Failure::Negative("the server has not seen enough requests yet".to_owned()));
    }
    if !args.server.json {
        output::line(&text(&curve))?;
    }
    args.plot.as_deref().map_or(Ok(()), |path| PlotFile::open(path)?.write(&plot::curve::svg(&curve)))
}

fn text(curve: &Curve) -> String {
    let mut head = vec!["size".to_owned(), "capacity".to_owned(), curve.policy.clone()];
    let has_better = curve.best != curve.policy;
    head.extend(has_better.then(|| curve.best.clone()));
    let mut rows = vec![head];
    for point in &curve.points {
        let mut row =
            vec![format!("{} x", point.scale), Size(point.capacity).to_string(), percent(point.in_force)];
        row.extend(has_better.then(|| percent(point.best)));
        rows.push(row);
    }
    let mut text = output::table(&rows);
    text.push_str(&format!("\nestimated misses, on {} gets\n{}", grouped(curve.gets), summary(curve)));
    text
}

/// What the sizes around the present one mean.
pub(crate) fn summary(curve: &Curve) -> String {
    let at = |scale: f64| curve.points.iter().find(|point| (point.scale - scale).abs() < 1e-9);
    let (Some(half), Some(now), Some(double)) = (at(0.5), at(1.0), at(2.0)) else { return String::new() };
    let points = |share: f64| format!("{:.1}", 100.0 * share.max(0.0));
    let mut text = format!(
        "half the memory costs {} points, double gains {}",
        points(half.in_force - now.in_force),
        points(now.in_force - double.in_force)
    );
    if curve.best != curve.policy {
        text.push_str(&format!(
            "; the policy {} gains {} at the present size",
            curve.best,
            points(now.in_force - now.best)
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(best: &str) -> Curve {
        let points = [(0.5, 0.521, 0.5), (1.0, 0.5, 0.4), (2.0, 0.492, 0.3)];
        let point =
            |(scale, in_force, best)| Point { scale, capacity: (scale * 1024.0) as u64, in_force, best };
        Curve { policy: "lru".into(), best: best.into(), gets: 12_345, points: points.map(point).into() }
    }

    #[test]
    fn the_summary_says_what_half_and_double_mean() {
        assert_eq!(summary(&curve("lru")), "half the memory costs 2.1 points, double gains 0.8");
        assert!(summary(&curve("arc")).ends_with("; the policy arc gains 10.0 at the present size"));
    }

    #[test]
    fn a_better_policy_has_a_column_of_its_own() {
        assert!(text(&curve("arc")).lines().next().is_some_and(|head| head.ends_with("arc")));
        assert!(!text(&curve("lru")).contains("arc"));
        assert!(text(&curve("lru")).contains("estimated misses, on 12,345 gets"));
    }
}
