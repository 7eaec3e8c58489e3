//! A picture of a comparison: for each scenario, a bar a peer. One file, no script, readable on light and dark pages.

use std::fmt::Write as _;

use super::results::{Results, Table};
use crate::figures::Figures;

const WIDTH: f64 = 860.0;
/// Where bars begin and end.
const LEFT: f64 = 190.0;
const RIGHT: f64 = 740.0;
const BAR: f64 = 16.0;
const GAP: f64 = 6.0;
const HEAD: f64 = 34.0;
const FOOT: f64 = 14.0;

const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#222}.t{font-weight:600}.n{fill:#555}\
.b{fill:#9aa5b1}.o{fill:#0b7285}@media(prefers-color-scheme:dark){text{fill:#e6e6e6}.n{fill:#aaa}\
.b{fill:#5c6773}.o{fill:#3bc9db}}";

/// Draws processor time for each operation, and memory for each connection where that was measured.
#[must_use]
pub fn draw(results: &Results) -> String {
    let mut body = String::new();
    let mut y = 10.0;
    for table in &results.tables {
        y = panel(&mut body, table, y);
    }
    let mut svg = String::new();
    let _ = write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{y:.0}\" \
         viewBox=\"0 0 {WIDTH} {y:.0}\" role=\"img\"><title>Processor time for each operation, and memory for each \
         connection: shorter is better</title><style>{STYLE}</style>{body}</svg>"
    );
    svg
}

/// Draws one scenario from `y` on, and says where the next one may begin.
fn panel(svg: &mut String, table: &Table, y: f64) -> f64 {
    let (figure, unit): (fn(&Figures) -> Option<f64>, _) =
        match table.rows.iter().any(|row| row.figures.cpu_us.is_some()) {
            true => (|it| it.cpu_us, "µs CPU"),
            false => (
                |it| it.resident_used.or(it.resident).map(|it| it / 1024.0),
                "KiB",
            ),
        };
    let bars: Vec<_> = table
        .rows
        .iter()
        .filter_map(|row| Some((row.peer, figure(&row.figures)?)))
        .collect();
    let most = bars
        .iter()
        .map(|(_, value)| *value)
        .fold(f64::MIN_POSITIVE, f64::max);
    let title = escape(table.title);
    let _ = write!(
        svg,
        "<text class=\"t\" x=\"10\" y=\"{:.0}\">{title}</text>",
        y + 18.0
    );
    let mut at = y + HEAD;
    for (peer, value) in bars {
        let length = (value / most * (RIGHT - LEFT)).max(1.0);
        let class = if peer.starts_with("Towpath") {
            "o"
        } else {
            "b"
        };
        let base = at + BAR - 4.0;
        let _ = write!(
            svg,
            "<text x=\"{:.0}\" y=\"{base:.0}\" text-anchor=\"end\">{}</text>\
             <rect class=\"{class}\" x=\"{LEFT}\" y=\"{at:.0}\" width=\"{length:.1}\" height=\"{BAR}\" rx=\"2\"/>\
             <text class=\"n\" x=\"{:.0}\" y=\"{base:.0}\">{value:.1} {unit}</text>",
            LEFT - 8.0,
            escape(peer),
            LEFT + length + 6.0
        );
        at += BAR + GAP;
    }
    at + FOOT
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::results::Row;

    #[test]
    fn the_longest_bar_is_the_largest_figure() {
        let row = |peer, cpu| {
            let cpu_us = Some(cpu);
            let figures = Figures {
                cpu_us,
                ..Figures::default()
            };
            Row::of(peer, &[figures])
        };
        let svg = draw(&Results {
            machine: Vec::new(),
            versions: Vec::new(),
            failures: Vec::new(),
            tables: vec![Table {
                name: "echo",
                title: "a < b & c",
                rows: vec![row("Towpath", 5.0), row("nginx", 10.0)],
            }],
        });
        assert!(svg.contains("a &lt; b &amp; c"), "{svg}");
        assert!(
            svg.contains("class=\"o\" x=\"190\" y=\"44\" width=\"275.0\""),
            "{svg}"
        );
        assert!(
            svg.contains("class=\"b\" x=\"190\" y=\"66\" width=\"550.0\""),
            "{svg}"
        );
    }
}
