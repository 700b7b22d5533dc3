//! The miss ratio over the course of a trace as an SVG picture: one panel per trace, one line per policy. Colours are those
//! of Okabe and Ito, which people with any colour vision can tell apart (yellow, too pale on white, is left out); lines
//! differ in their dashes too. A policy has the same colour in every picture.

pub(crate) mod curve;
mod file;

pub(crate) use file::PlotFile;

use crate::output::{percent, short_count};
use std::fmt::Write;

/// One trace.
pub(crate) struct Panel {
    /// The name of the trace.
    pub(crate) title: String,
    /// The capacity, and what else was fixed.
    pub(crate) subtitle: String,
    /// Records in the trace: the length of the horizontal axis.
    pub(crate) records: u64,
    /// In any order: the legend has the lowest miss ratio first.
    pub(crate) lines: Vec<Line>,
}

/// One policy.
pub(crate) struct Line {
    /// Its name.
    pub(crate) name: String,
    /// Of the whole trace, 0 to 1.
    pub(crate) miss_ratio: f64,
    /// Positions in the trace and miss ratios there, 0 to 1.
    pub(crate) points: Vec<(f64, f64)>,
    /// Positions at which another policy was put in force, and which.
    pub(crate) switches: Vec<(f64, String)>,
}

const WIDTH: f64 = 980.0;
const PANEL_HEIGHT: f64 = 470.0;
/// The plot proper, within its panel.
const LEFT: f64 = 70.0;
const RIGHT: f64 = 740.0;
const TOP: f64 = 76.0;
const BOTTOM: f64 = 412.0;

const STYLE: &str = "\
text{font-family:system-ui,'DejaVu Sans',Helvetica,Arial,sans-serif;font-size:13px;fill:#333}\
.title{font-size:18px;font-weight:600;fill:#111}\
.axis{stroke:#444;stroke-width:1}\
.grid{stroke:#e4e4e4;stroke-width:1}\
.line{fill:none;stroke-width:1.8;stroke-linejoin:round;stroke-linecap:round}\
.switch{stroke-width:1;opacity:.55}\
.now{stroke:#444;stroke-width:1;stroke-dasharray:2 3}\
.small{font-size:10px;fill:#444;paint-order:stroke;stroke:#fff;stroke-width:3px}\
.number{font-variant-numeric:tabular-nums}";

/// Draws the panels one below the other.
pub(crate) fn svg(panels: &[Panel]) -> String {
    let mut out = head(PANEL_HEIGHT * panels.len() as f64);
    for (index, panel) in panels.iter().enumerate() {
        let _ = writeln!(out, "<g transform=\"translate(0 {})\">", PANEL_HEIGHT * index as f64);
        draw(&mut out, panel);
        out.push_str("</g>\n");
    }
    out.push_str("</svg>\n");
    out
}

/// How a picture begins.
fn head(height: f64) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n<style>{STYLE}</style>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    )
}

fn draw(out: &mut String, panel: &Panel) {
    let title = format!("Miss ratio over the trace {}", panel.title);
    text(out, LEFT, 32.0, "class=\"title\"", &title);
    text(out, LEFT, 54.0, "", &panel.subtitle);
    let x = Axis::of_records(panel.records);
    let y = Axis::of_ratios(&panel.lines);
    draw_grid(out, &x, &y);
    let mut order: Vec<&Line> = panel.lines.iter().collect();
    order.sort_by(|a, b| a.miss_ratio.total_cmp(&b.miss_ratio));
    // The best is drawn last, on top.
    for line in order.iter().rev() {
        let style = style_of(&line.name, &panel.lines);
        let points: Vec<String> = line
            .points
            .iter()
            .map(|&(at, ratio)| format!("{:.1},{:.1}", x.place(at, LEFT, RIGHT), y.place(ratio, BOTTOM, TOP)))
            .collect();
        let _ = writeln!(out, "<polyline class=\"line\" {style} points=\"{}\"/>", points.join(" "));
    }
    for line in &panel.lines {
        draw_switches(out, line, &x, &panel.lines);
    }
    draw_legend(out, &order, &panel.lines, "whole trace");
}

/// A rule at each switch, and the name of the policy beside it unless that would run into the one before.
fn draw_switches(out: &mut String, entry: &Line, x: &Axis, all: &[Line]) {
    let mut labelled = f64::NEG_INFINITY;
    for (at, policy) in &entry.switches {
        let at = x.place(*at, LEFT, RIGHT);
        let style = style_of(policy, all);
        let _ = writeln!(
            out,
            "<line class=\"switch\" {style} x1=\"{at:.1}\" y1=\"{TOP}\" x2=\"{at:.1}\" y2=\"{BOTTOM}\"/>"
        );
        if at - labelled >= LABEL_SPACE {
            labelled = at;
            let turned =
                format!("class=\"small\" transform=\"rotate(-90 {:.1} {:.1})\"", at + 11.0, BOTTOM - 6.0);
            text(out, at + 11.0, BOTTOM - 6.0, &turned, policy);
        }
    }
}

/// Room that the name of a policy at a switch takes.
const LABEL_SPACE: f64 = 12.0;

fn draw_grid(out: &mut String, x: &Axis, y: &Axis) {
    for tick in y.ticks() {
        let at = y.place(tick, BOTTOM, TOP);
        line(out, "grid", (LEFT, at), (RIGHT, at));
        let label = format!("{} %", decimal(tick * 100.0));
        text(out, LEFT - 10.0, at + 4.5, "text-anchor=\"end\" class=\"number\"", &label);
    }
    for tick in x.ticks() {
        let at = x.place(tick, LEFT, RIGHT);
        line(out, "axis", (at, BOTTOM), (at, BOTTOM + 5.0));
        text(out, at, BOTTOM + 21.0, "text-anchor=\"middle\" class=\"number\"", &count_label(tick));
    }
    line(out, "axis", (LEFT, BOTTOM), (RIGHT, BOTTOM));
    line(out, "axis", (LEFT, TOP), (LEFT, BOTTOM));
    text(out, (LEFT + RIGHT) / 2.0, BOTTOM + 43.0, "text-anchor=\"middle\"", "records of the trace");
    let middle = (TOP + BOTTOM) / 2.0;
    let turned = format!("text-anchor=\"middle\" transform=\"rotate(-90 18 {middle})\"");
    text(out, 18.0, middle, &turned, "GETs that missed");
}

fn draw_legend(out: &mut String, order: &[&Line], all: &[Line], of: &str) {
    let left = RIGHT + 22.0;
    text(out, WIDTH - 16.0, TOP + 4.0, "text-anchor=\"end\"", of);
    for (row, entry) in order.iter().enumerate() {
        let at = TOP + 28.0 + 22.0 * row as f64;
        let style = style_of(&entry.name, all);
        let _ = writeln!(
            out,
            "<line class=\"line\" {style} x1=\"{left}\" x2=\"{}\" y1=\"{at}\" y2=\"{at}\"/>",
            left + 30.0
        );
        text(out, left + 38.0, at + 4.5, "", &entry.name);
        let ratio = percent(entry.miss_ratio);
        text(out, WIDTH - 16.0, at + 4.5, "text-anchor=\"end\" class=\"number\"", &ratio);
    }
}

/// Colour and dashes of a policy. Where several have the same colour (`2q` with other shares), each has dashes of its own.
fn style_of(name: &str, all: &[Line]) -> String {
    let family = |name: &str| FAMILIES.iter().position(|(prefix, ..)| name.starts_with(prefix));
    let mine = family(name);
    let nth =
        all.iter().take_while(|line| line.name != name).filter(|line| family(&line.name) == mine).count();
    let (colour, first_dash) =
        mine.map_or(("#444", DASHES[0]), |index| (FAMILIES[index].1, FAMILIES[index].2));
    let dash = if nth == 0 { first_dash } else { DASHES[nth % DASHES.len()] };
    if dash.is_empty() {
        format!("stroke=\"{colour}\"")
    } else {
        format!("stroke=\"{colour}\" stroke-dasharray=\"{dash}\"")
    }
}

/// How a policy's name begins, its colour, its dashes.
const FAMILIES: [(&str, &str, &str); 10] = [
    ("auto", "#000000", "10 4"),
    ("lru", "#0072b2", ""),
    ("fifo", "#e69f00", ""),
    ("clock", "#56b4e9", "7 3"),
    ("sieve", "#009e73", ""),
    ("s3-fifo", "#d55e00", ""),
    ("2q", "#cc79a7", ""),
    ("arc", "#000000", ""),
    ("lfu", "#7f7f7f", "7 3"),
    ("mru", "#882255", "2 4"),
];

const DASHES: [&str; 5] = ["", "7 3", "2 4", "10 3 2 3", "4 4"];

/// A range with round ends and round ticks.
struct Axis {
    from: f64,
    to: f64,
    step: f64,
}

impl Axis {
    fn of_records(records: u64) -> Self {
        let to = records.max(1) as f64;
        Self { from: 0.0, to, step: round_step(to / 7.0).max(1.0) }
    }

    /// From the lowest to the highest ratio, in round steps, within 0 and 1.
    fn of_ratios(lines: &[Line]) -> Self {
        let ratios = lines.iter().flat_map(|line| &line.points).map(|&(_, ratio)| ratio);
        let (low, high) =
            ratios.fold((1.0_f64, 0.0_f64), |(low, high), ratio| (low.min(ratio), high.max(ratio)));
        let (low, high) = if low > high { (0.0, 1.0) } else { (low, high) };
        let step = round_step(((high - low) / 6.0).max(0.001));
        let from = ((low / step).floor() * step).max(0.0);
        let to = ((high / step).ceil() * step).min(1.0);
        if to - from < step {
            Self { from: (to - step).max(0.0), to: (to - step).max(0.0) + step, step }
        } else {
            Self { from, to, step }
        }
    }

    fn ticks(&self) -> Vec<f64> {
        let first = (self.from / self.step).round();
        let count = ((self.to - self.from) / self.step + 1e-6).floor() as u64;
        (0..=count).map(|n| (first + n as f64) * self.step).collect()
    }

    /// Where `value` lies between the pixels `start` and `end`.
    fn place(&self, value: f64, start: f64, end: f64) -> f64 {
        start + (value - self.from) / (self.to - self.from) * (end - start)
    }
}

/// The next larger of 1, 2, 5, 10, 20, …, also below 1.
fn round_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    let step = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= least * 0.999);
    step.unwrap_or(10.0) * power
}

/// A number with as many decimals as it needs, at most two.
fn decimal(number: f64) -> String {
    let text = format!("{number:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn count_label(number: f64) -> String {
    let text = short_count(number);
    match text.split_once(' ') {
        Some((digits, unit)) if digits.contains('.') => {
            format!("{} {unit}", digits.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => text,
    }
}

fn line(out: &mut String, class: &str, from: (f64, f64), to: (f64, f64)) {
    let ((x1, y1), (x2, y2)) = (from, to);
    let _ = writeln!(
        out,
        "<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>"
    );
}

fn text(out: &mut String, x: f64, y: f64, attributes: &str, content: &str) {
    let _ = writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" {attributes}>{}</text>", escaped(content));
}

/// XML has no control characters, not even escaped ones.
fn escaped(content: &str) -> String {
    let mut out = String::with_capacity(content.len());
    for character in content.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            control if control.is_control() => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn panel(title: &str, lines: Vec<Line>) -> Panel {
        Panel { title: title.into(), subtitle: "cache of 5 entries".into(), records: 1000, lines }
    }

    fn flat(name: &str, ratio: f64) -> Line {
        Line {
            name: name.into(),
            miss_ratio: ratio,
            points: vec![(0.0, ratio), (1000.0, ratio)],
            switches: vec![],
        }
    }

    #[test]
    fn a_picture_has_a_line_and_a_legend_entry_per_policy_best_first() {
        let svg = svg(&[panel("web", vec![flat("lru", 0.5), flat("arc", 0.25)])]);
        let document = roxmltree::Document::parse(&svg).unwrap();
        assert_eq!(document.descendants().filter(|node| node.has_tag_name("polyline")).count(), 2);
        let texts: Vec<&str> = document.descendants().filter_map(|node| node.text()).collect();
        let at = |wanted: &str| texts.iter().position(|text| *text == wanted);
        assert!(at("arc") < at("lru") && at("arc").is_some());
        assert!(at("25.00 %").is_some());
    }

    #[test]
    fn a_switch_is_a_rule_with_the_name_of_the_policy() {
        let switches = vec![(500.0, "mru".into()), (501.0, "lru".into())];
        let svg = svg(&[panel("web", vec![Line { switches, ..flat("auto", 0.5) }])]);
        let document = roxmltree::Document::parse(&svg).unwrap();
        let rules = document.descendants().filter(|node| node.attribute("class") == Some("switch"));
        assert_eq!(rules.count(), 2);
        let names: Vec<&str> = document.descendants().filter_map(|node| node.text()).collect();
        assert!(names.contains(&"mru") && !names.contains(&"lru"), "names do not run into each other");
    }

    #[test]
    fn what_xml_cannot_hold_is_escaped() {
        let svg = svg(&[panel("<a> & \"b\"\u{1}", vec![flat("lru", 0.0)])]);
        let document = roxmltree::Document::parse(&svg).unwrap();
        let title = document.descendants().find(|node| node.attribute("class") == Some("title")).unwrap();
        assert_eq!(title.text(), Some("Miss ratio over the trace <a> & \"b\"\u{fffd}"));
    }

    #[test]
    fn two_policies_of_one_family_differ() {
        let lines = [flat("2q-0.25-0.5", 0.1), flat("2q-0.5-0.5", 0.2), flat("other", 0.3)];
        assert_ne!(style_of("2q-0.25-0.5", &lines), style_of("2q-0.5-0.5", &lines));
        assert_ne!(style_of("other", &lines), style_of("2q-0.25-0.5", &lines));
    }

    #[test]
    fn ticks_are_round_and_within_the_axis() {
        let axis = Axis::of_records(95_607);
        assert_eq!(axis.ticks(), [0.0, 20_000.0, 40_000.0, 60_000.0, 80_000.0]);
        let axis = Axis::of_ratios(&[flat("lru", 0.27), flat("fifo", 0.43)]);
        let labels: Vec<String> = axis.ticks().iter().map(|tick| decimal(tick * 100.0)).collect();
        assert_eq!(labels, ["25", "30", "35", "40", "45"]);
    }

    #[test]
    fn labels_are_short() {
        assert_eq!([0.0, 500.0, 20_000.0, 2_500_000.0].map(count_label), ["0", "500", "20 k", "2.5 M"]);
    }

    proptest! {
        #[test]
        fn any_outcome_is_well_formed_and_inside_the_picture(
            ratios in prop::collection::vec(prop::collection::vec(0.0..=1.0_f64, 0..5), 0..12),
            records in 0_u64..10_000_000_000,
        ) {
            let lines = ratios.into_iter().enumerate().map(|(n, ratios)| Line {
                name: format!("2q-{n}"),
                miss_ratio: 0.5,
                points: ratios.into_iter().map(|ratio| (records as f64 / 2.0, ratio)).collect(),
                switches: vec![(records as f64, "arc".into())],
            });
            let panel = Panel { records, ..panel("t", lines.collect()) };
            let svg = svg(&[panel]);
            let document = roxmltree::Document::parse(&svg).unwrap();
            for line in document.descendants().filter(|node| node.has_tag_name("polyline")) {
                for pair in line.attribute("points").unwrap().split_whitespace() {
                    let (x, y) = pair.split_once(',').unwrap();
                    prop_assert!((LEFT..=RIGHT).contains(&x.parse().unwrap()), "{}", pair);
                    prop_assert!((TOP - 0.1..=BOTTOM + 0.1).contains(&y.parse().unwrap()), "{}", pair);
                }
            }
        }
    }
}
