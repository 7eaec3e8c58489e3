//! What came of a comparison: medians of the rounds, ratios, the targets that are met, and all of it as Markdown.

use std::fmt::Write as _;

use serde::Serialize;

use super::median;
use super::peers::FLOORS;
use crate::figures::Figures;

/// One peer in one scenario.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Its name.
    pub peer: &'static str,
    /// Medians over the rounds.
    pub figures: Figures,
    /// How many there were.
    pub rounds: usize,
}

/// One scenario.
#[derive(Clone, Debug, Serialize)]
pub struct Table {
    /// Its short name.
    pub name: &'static str,
    /// Its title.
    pub title: &'static str,
    /// Its peers, in its order.
    pub rows: Vec<Row>,
}

/// Everything.
#[derive(Clone, Debug, Serialize)]
pub struct Results {
    /// What it ran on, line by line.
    pub machine: Vec<String>,
    /// What was compared, line by line.
    pub versions: Vec<String>,
    /// Who did not bear which load.
    pub failures: Vec<String>,
    /// All scenarios that ran.
    pub tables: Vec<Table>,
}

/// A figure, by what picks it.
pub(super) type Pick = fn(&Figures) -> Option<f64>;

const COLUMNS: [(&str, Pick); 7] = [
    ("a second", |it| it.per_second),
    ("CPU µs", |it| it.cpu_us),
    ("p50 µs", |it| it.p50_us),
    ("p99 µs", |it| it.p99_us),
    ("KiB each", |it| it.resident.map(|it| it / 1024.0)),
    ("used once", |it| it.resident_used.map(|it| it / 1024.0)),
    ("all gone", |it| it.resident_gone.map(|it| it / 1024.0)),
];

impl Row {
    /// The medians of what the rounds have found.
    #[must_use]
    pub fn of(peer: &'static str, rounds: &[Figures]) -> Self {
        let of = |pick: Pick| median(rounds.iter().filter_map(pick));
        Self {
            peer,
            figures: Figures {
                opened_per_second: of(|it| it.opened_per_second),
                per_second: of(|it| it.per_second),
                p50_us: of(|it| it.p50_us),
                p99_us: of(|it| it.p99_us),
                cpu_us: of(|it| it.cpu_us),
                resident: of(|it| it.resident),
                resident_used: of(|it| it.resident_used),
                resident_gone: of(|it| it.resident_gone),
            },
            rounds: rounds.len(),
        }
    }
}

impl Table {
    pub(super) fn get(&self, peer: &str, pick: Pick) -> Option<f64> {
        let row = self.rows.iter().find(|row| row.peer == peer)?;
        pick(&row.figures)
    }

    /// The best figure of those that are neither ours nor nobody's, and whose it is.
    pub(super) fn best_of_others(
        &self,
        pick: Pick,
        more_is_better: bool,
    ) -> Option<(&'static str, f64)> {
        let others = self.rows.iter().filter(|row| is_other(row.peer));
        let figures = others.filter_map(|row| Some((row.peer, pick(&row.figures)?)));
        figures.min_by(|(_, a), (_, b)| match more_is_better {
            true => b.total_cmp(a),
            false => a.total_cmp(b),
        })
    }

    fn markdown(&self) -> String {
        let has = |pick: &Pick| self.rows.iter().any(|row| pick(&row.figures).is_some());
        let columns: Vec<_> = COLUMNS.iter().filter(|(_, pick)| has(pick)).collect();
        let mut text = format!("### {}\n\n|  |", self.title);
        let main: Option<(Pick, &str)> = match (has(&CPU), has(&RESIDENT)) {
            (true, _) => Some((CPU, "CPU")),
            (_, true) => Some((RESIDENT, "memory")),
            _ => None,
        };
        for (title, _) in &columns {
            let _ = write!(text, " {title} |");
        }
        if let Some((_, what)) = main {
            let _ = write!(text, " {what} × direct | {what} × best other |");
        }
        let count = 1 + columns.len() + if main.is_some() { 2 } else { 0 };
        let _ = writeln!(text, "\n|---|{}", "--:|".repeat(count - 1));
        for row in &self.rows {
            let _ = write!(text, "| {} |", row.peer);
            for (_, pick) in &columns {
                let _ = write!(text, " {} |", number(pick(&row.figures)));
            }
            if let Some((pick, _)) = main {
                let own = pick(&row.figures);
                let direct = self.get("direct", pick);
                let best = self.best_of_others(pick, false).map(|(_, best)| best);
                for other in [direct, best] {
                    let ratio = own.zip(other).map(|(own, other)| own / other);
                    let ratio = ratio.map_or("–".to_owned(), |it| format!("{it:.2}"));
                    let _ = write!(text, " {ratio} |");
                }
            }
            text.push('\n');
        }
        text
    }
}

pub(super) const CPU: Pick = |it| it.cpu_us;
pub(super) const RESIDENT: Pick = |it| it.resident;

/// Whether it is a rival: not ours, not nobody, not what ours is made of.
fn is_other(peer: &str) -> bool {
    peer != "direct" && !FLOORS.contains(&peer) && !peer.starts_with("Towpath")
}

pub(super) fn number(value: Option<f64>) -> String {
    match value {
        None => "–".to_owned(),
        Some(value) if value >= 1000.0 => thousands(value),
        Some(value) if value >= 100.0 => format!("{value:.0}"),
        Some(value) => format!("{value:.1}"),
    }
}

fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

impl Results {
    pub(super) fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name)
    }

    pub(super) fn own(&self, name: &str, pick: Pick) -> Option<f64> {
        self.table(name)?.get("Towpath", pick)
    }

    /// All of it.
    #[must_use]
    pub fn markdown(&self, chart: &str) -> String {
        let mut text = String::from(
            "# Results\n\nWritten by `benches/compare`; see [README.md](README.md) for what is measured and how to read it. \
             Medians of\nthe rounds; what counts are the ratios, since all run on the same machine in turn.\n\n",
        );
        for line in self.machine.iter().chain(&self.versions) {
            let _ = writeln!(text, "- {line}");
        }
        let _ = writeln!(
            text,
            "\n![Processor time for each operation]({chart})\n\n## Targets\n"
        );
        text.push_str("| target | found | of what is allowed | |\n|---|---|--:|---|\n");
        for verdict in self.verdicts() {
            let word = if verdict.ratio <= 1.0 {
                "met"
            } else {
                "**missed**"
            };
            let (target, found, ratio) = (verdict.target, verdict.found, verdict.ratio);
            let _ = writeln!(
                text,
                "| {target} | {found} | {:.0} % | {word} |",
                ratio * 100.0
            );
        }
        if !self.failures.is_empty() {
            text.push_str("\n## Not borne\n\n");
        }
        for failure in &self.failures {
            let _ = writeln!(text, "- {failure}");
        }
        text.push_str("\n## Scenarios\n");
        for table in &self.tables {
            let _ = write!(text, "\n{}", table.markdown());
        }
        text
    }
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    pub(in crate::compare) fn row(peer: &'static str, cpu: f64) -> Row {
        let found = |cpu| Figures {
            cpu_us: Some(cpu),
            per_second: Some(1e6 / cpu),
            ..Figures::default()
        };
        Row::of(peer, &[found(cpu + 1.0), found(cpu), found(cpu - 1.0)])
    }

    pub(in crate::compare) fn results(own: f64) -> Results {
        Results {
            machine: vec!["a machine".to_owned()],
            versions: Vec::new(),
            failures: Vec::new(),
            tables: vec![Table {
                name: "echo",
                title: "Echo",
                rows: vec![row("direct", 5.0), row("Towpath", own), row("nginx", 20.0)],
            }],
        }
    }

    #[test]
    fn tables_have_the_columns_that_there_are_figures_for() {
        let table = results(10.0).tables[0].markdown();
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(
            lines[2],
            "|  | a second | CPU µs | CPU × direct | CPU × best other |"
        );
        assert_eq!(lines[5], "| Towpath | 100,000 | 10.0 | 2.00 | 0.50 |");
    }

    #[test]
    fn numbers_are_as_long_as_they_need_to_be() {
        let numbers = [Some(1_234_567.8), Some(123.4), Some(1.25), None].map(number);
        assert_eq!(numbers, ["1,234,568", "123", "1.2", "–"]);
    }
}
