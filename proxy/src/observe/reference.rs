//! The list of all metrics for people, as Markdown, out of the registry that Prometheus reads: nothing is told twice.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use prometheus_client::encoding::text::encode;

use super::metrics::Metrics;
use super::registry;
use super::rejections::Rejections;
use crate::traces::Traces;
use crate::upstream::Counts;

const HEAD: &str = "# The metrics\n\n\
    Made by `towpath metrics`. The admin listener gives them at `/metrics`, in the text format of OpenMetrics.\n\n\
    Values of labels are names from the configuration (in capital letters here) or of the lists below: nothing that a \
    client sends makes a new series. Counters begin at 0 with the process. Of a histogram there are `_bucket` (with \
    `le`), `_sum` and `_count`. What to ask of them: [observability](observability/README.md).\n";

/// The groups of the list, by how names begin; the first that fits.
const GROUPS: [(&str, &[&str]); 5] = [
    (
        "Requests and connections",
        &[
            "towpath_request",
            "towpath_connections",
            "towpath_rejections",
        ],
    ),
    (
        "WebSockets",
        &[
            "towpath_tunnel",
            "towpath_handshake",
            "towpath_ping",
            "towpath_websocket",
        ],
    ),
    ("The fallback's sessions", &["towpath_session"]),
    ("Upstreams", &["towpath_upstream"]),
    ("The process", &[""]),
];

/// What there is of one metric.
#[derive(Debug, Default)]
struct Described {
    kind: String,
    help: String,
    /// Their values.
    labels: BTreeMap<String, BTreeSet<String>>,
}

/// The list as Markdown.
pub(crate) fn reference() -> String {
    let all = describe();
    let mut text = HEAD.to_owned();
    for (index, (title, _)) in GROUPS.iter().enumerate() {
        let _ = write!(
            text,
            "\n## {title}\n\n| metric | type | labels | meaning |\n|---|---|---|---|\n"
        );
        for (name, described) in all.iter().filter(|(name, _)| group_of(name) == index) {
            let Described { kind, help, .. } = described;
            let labels = labels(described);
            let _ = writeln!(text, "| `{name}` | {kind} | {labels} | {help} |");
        }
    }
    text
}

fn group_of(name: &str) -> usize {
    let begins =
        |(_, beginnings): &(&str, &[&str])| beginnings.iter().any(|it| name.starts_with(it));
    GROUPS.iter().position(begins).unwrap_or_default()
}

fn labels(described: &Described) -> String {
    let of = |(label, values): (&String, &BTreeSet<String>)| {
        let mut values = values.iter().peekable();
        let is_name = values
            .peek()
            .is_some_and(|it| !it.contains(char::is_lowercase));
        let values: Vec<_> = values.map(|value| format!("`{value}`")).collect();
        match is_name && values.len() == 1 {
            true => format!("`{label}`"),
            false => format!("`{label}`: {}", values.join(", ")),
        }
    };
    let labels: Vec<_> = described.labels.iter().map(of).collect();
    labels.join("; ")
}

/// All metrics, by the names under which they are asked for.
fn describe() -> BTreeMap<String, Described> {
    let (metrics, fallback) = (Metrics::default(), towpath_fallback::Metrics::default());
    let counts = Counts::default();
    metrics.pretend();
    fallback.pretend();
    let _ = counts.of("UPSTREAM");
    let (rejections, traces) = (Rejections::default(), Traces::default());
    let registry = registry(&metrics, &fallback, &rejections, &traces, &counts);
    let mut text = String::new();
    // Writing to memory does not fail.
    let _ = encode(&mut text, &registry);
    read(&text)
}

/// Reads what the encoder has written: the description of a metric, then its samples.
fn read(text: &str) -> BTreeMap<String, Described> {
    let mut all = BTreeMap::<String, Described>::new();
    let mut now = (String::new(), Described::default());
    for line in text.lines() {
        if let Some((name, help)) = line
            .strip_prefix("# HELP ")
            .and_then(|it| it.split_once(' '))
        {
            let (before, described) = std::mem::take(&mut now);
            all.insert(before, described);
            now.0 = name.to_owned();
            now.1.help = help.to_owned();
        } else if let Some((name, kind)) = line
            .strip_prefix("# TYPE ")
            .and_then(|it| it.split_once(' '))
        {
            now.0 = match kind {
                "counter" => format!("{name}_total"),
                _ => name.to_owned(),
            };
            now.1.kind = kind.to_owned();
        } else if let Some((_, labels)) = line.split_once('{') {
            let labels = labels.split_once('}').map_or("", |(labels, _)| labels);
            for (label, value) in labels.split(',').filter_map(|it| it.split_once('=')) {
                if label != "le" {
                    let values = now.1.labels.entry(label.to_owned()).or_default();
                    values.insert(value.trim_matches('"').to_owned());
                }
            }
        }
    }
    let (name, described) = now;
    all.insert(name, described);
    all.remove("");
    all
}

#[cfg(test)]
mod tests;
