//! The miss ratio over the size of a cache as an SVG picture: a line for the policy in force, and one for a better one. Sizes
//! double from place to place.

use super::{
    Axis, BOTTOM, LEFT, Line, PANEL_HEIGHT, RIGHT, TOP, decimal, draw_legend, head, line, style_of, text,
};
use crate::commands::advise::{Curve, Point, summary};
use crate::size::Size;
use std::fmt::Write;

/// Draws a curve.
pub(crate) fn svg(curve: &Curve) -> String {
    let mut out = head(PANEL_HEIGHT);
    text(&mut out, LEFT, 32.0, "class=\"title\"", "Miss ratio over the size of the cache");
    text(&mut out, LEFT, 54.0, "", &summary(curve));
    let mut lines = vec![entry(curve, &curve.policy, |point| point.in_force)];
    if curve.best != curve.policy {
        lines.push(entry(curve, &curve.best, |point| point.best));
    }
    let y = Axis::of_ratios(&lines);
    for tick in y.ticks() {
        let at = y.place(tick, BOTTOM, TOP);
        line(&mut out, "grid", (LEFT, at), (RIGHT, at));
        let label = format!("{} %", decimal(tick * 100.0));
        text(&mut out, LEFT - 10.0, at + 4.5, "text-anchor=\"end\" class=\"number\"", &label);
    }
    for point in &curve.points {
        let at = place(curve, point);
        line(&mut out, "axis", (at, BOTTOM), (at, BOTTOM + 5.0));
        if point.scale == 1.0 {
            line(&mut out, "now", (at, BOTTOM), (at, TOP));
            text(&mut out, at + 4.0, TOP + 11.0, "class=\"small\"", "now");
        }
        text(
            &mut out,
            at,
            BOTTOM + 21.0,
            "text-anchor=\"middle\" class=\"number\"",
            &Size(point.capacity).to_string(),
        );
    }
    line(&mut out, "axis", (LEFT, BOTTOM), (RIGHT, BOTTOM));
    let middle = (LEFT + RIGHT) / 2.0;
    text(&mut out, middle, BOTTOM + 43.0, "text-anchor=\"middle\"", "size of the cache");
    for entry in lines.iter().rev() {
        let style = style_of(&entry.name, &lines);
        let points: Vec<String> = entry
            .points
            .iter()
            .map(|(x, ratio)| format!("{x:.1},{:.1}", y.place(*ratio, BOTTOM, TOP)))
            .collect();
        let _ = writeln!(out, "<polyline class=\"line\" {style} points=\"{}\"/>", points.join(" "));
    }
    draw_legend(&mut out, &lines.iter().collect::<Vec<_>>(), &lines, "present size");
    out.push_str("</svg>\n");
    out
}

fn entry(curve: &Curve, name: &str, ratio: impl Fn(&Point) -> f64) -> Line {
    let present = curve.points.iter().find(|point| point.scale == 1.0).map_or(1.0, &ratio);
    let points = curve.points.iter().map(|point| (place(curve, point), ratio(point))).collect();
    Line { name: name.to_owned(), miss_ratio: present, points, switches: Vec::new() }
}

/// Where a size stands.
fn place(curve: &Curve, point: &Point) -> f64 {
    let scales = || curve.points.iter().map(|point| point.scale.max(1e-6).log2());
    let (from, to) = scales().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), at| (a.min(at), b.max(at)));
    let share = (point.scale.max(1e-6).log2() - from) / (to - from).max(1e-6);
    LEFT + share * (RIGHT - LEFT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_has_a_line_for_each_policy_within_the_picture() {
        let point = |(scale, in_force)| Point { scale, capacity: 1 << 20, in_force, best: in_force / 2.0 };
        let points = vec![(0.1, 0.9), (0.5, 0.7), (1.0, 0.5), (4.0, 0.0)].into_iter().map(point).collect();
        let curve = Curve { policy: "lru".into(), best: "arc".into(), gets: 1, points };
        let svg = svg(&curve);
        let document = roxmltree::Document::parse(&svg).unwrap();
        let lines: Vec<_> = document.descendants().filter(|node| node.has_tag_name("polyline")).collect();
        assert_eq!(lines.len(), 2);
        let now = document.descendants().find(|node| node.attribute("class") == Some("now")).unwrap();
        let line = lines[0].attribute("points").unwrap();
        let present = format!("{},", now.attribute("x1").unwrap());
        assert!(line.split_whitespace().nth(2).unwrap().starts_with(&present), "the present size is marked");
        for pair in lines.iter().flat_map(|line| line.attribute("points").unwrap().split_whitespace()) {
            let (x, y) = pair.split_once(',').unwrap();
            assert!(
                (LEFT..=RIGHT).contains(&x.parse().unwrap()) && (TOP..=BOTTOM).contains(&y.parse().unwrap())
            );
        }
    }
}
