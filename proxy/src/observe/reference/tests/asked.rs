//! What the dashboard and the alert rules ask for is there: each metric, each label, each value of a closed list.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::super::{Described, describe};

const DASHBOARD: &str = include_str!("../../../../observability/dashboard.json");
const ALERTS: &str = include_str!("../../../../observability/alerts.yaml");

/// Prometheus puts these to what it reads; `le` is a bucket's bound.
const OTHERS: [&str; 3] = ["job", "instance", "le"];

type All = BTreeMap<String, Described>;

/// The words of an expression, each with what follows it.
fn words(expression: &str) -> Vec<(&str, &str)> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut rest = expression;
    let mut words = Vec::new();
    while let Some(begin) = rest.find(is_word) {
        let from = &rest[begin..];
        let end = from.find(|c| !is_word(c)).unwrap_or(from.len());
        words.push((&from[..end], &from[end..]));
        rest = &from[end..];
    }
    words
}

/// The metric that has samples of this name.
fn metric<'a>(all: &'a All, name: &str) -> &'a Described {
    let histogram = ["_bucket", "_sum", "_count"]
        .iter()
        .find_map(|suffix| all.get(name.strip_suffix(suffix)?))
        .filter(|described| described.kind == "histogram");
    let described = all.get(name).filter(|it| it.kind != "histogram");
    described
        .or(histogram)
        .unwrap_or_else(|| panic!("no metric has samples of the name {name}"))
}

/// What stands between the bracket that `text` begins with and its partner.
fn inside(text: &str, brackets: [char; 2]) -> Option<&str> {
    let text = text.trim_start().strip_prefix(brackets[0])?;
    text.split_once(brackets[1]).map(|(inside, _)| inside)
}

/// Looks whether all that an expression names is there; gives the labels that its metrics have.
fn check<'a>(all: &'a All, expression: &str) -> BTreeSet<&'a str> {
    let words = words(expression);
    let named = words.iter().filter(|(word, _)| {
        ["towpath_", "process_"]
            .iter()
            .any(|it| word.starts_with(it))
    });
    let mut labels = BTreeSet::from(OTHERS);
    for (name, after) in named.clone() {
        let described = metric(all, name);
        labels.extend(described.labels.keys().map(String::as_str));
        let selected = inside(after, ['{', '}']).filter(|_| after.starts_with('{'));
        for matcher in selected
            .unwrap_or_default()
            .split(',')
            .filter(|it| !it.is_empty())
        {
            check_matcher(described, matcher, expression);
        }
    }
    let is_up = words.first().is_some_and(|(word, _)| *word == "up");
    assert!(named.count() > 0 || is_up, "asks for nothing: {expression}");
    for (_, after) in words.iter().filter(|(word, _)| *word == "by") {
        for label in inside(after, ['(', ')']).unwrap_or_default().split(',') {
            assert!(labels.contains(label.trim()), "{label}: {expression}");
        }
    }
    labels
}

fn check_matcher(described: &Described, matcher: &str, expression: &str) {
    let (label, value) = matcher.split_once(['=', '!']).unwrap();
    let values = described.labels.get(label);
    assert!(
        values.is_some() || OTHERS.contains(&label),
        "there is no label {label}: {expression}"
    );
    let value = value.trim_start_matches(['=', '~']).trim_matches('"');
    let is_plain = value
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "_|".contains(c));
    for word in value
        .split('|')
        .filter(|_| is_plain && !OTHERS.contains(&label))
    {
        assert!(
            values.unwrap().contains(word),
            "{label} is never {word}: {expression}"
        );
    }
}

/// The labels that a text is to show, after `before`.
fn shown<'t>(text: &'t str, before: &str) -> impl Iterator<Item = &'t str> {
    let mut pieces = text.split(before);
    pieces.next();
    pieces.filter_map(|piece| words(piece).first().map(|(word, _)| *word))
}

#[test]
fn the_dashboard_asks_for_what_there_is() {
    let all = describe();
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let expression = target["expr"].as_str().unwrap();
            let labels = check(&all, expression);
            let legend = target["legendFormat"].as_str().unwrap();
            for label in shown(legend, "{{") {
                assert!(labels.contains(label), "{label}: {expression}");
            }
        }
    }
    for variable in dashboard["templating"]["list"].as_array().unwrap() {
        if let Some(query) = variable["query"]["query"].as_str() {
            check(&all, query.trim_start_matches("label_values"));
        }
    }
    for annotation in dashboard["annotations"]["list"].as_array().unwrap() {
        check(&all, annotation["expr"].as_str().unwrap());
    }
}

/// What Grafana itself wants of a dashboard: it takes much, and then shows nothing.
#[test]
fn the_dashboard_is_one_that_grafana_shows() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    assert_eq!(dashboard["uid"], "towpath");
    assert!(dashboard["schemaVersion"].as_u64() >= Some(36));
    assert_eq!(dashboard["templating"]["list"][0]["type"], "datasource");
    let (mut ids, mut cells) = (BTreeSet::new(), BTreeSet::new());
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap();
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}");
        let place = |name: &str| panel["gridPos"][name].as_u64().unwrap();
        for x in place("x")..place("x") + place("w") {
            assert!(x < 24, "{title} is out of the grid");
            for y in place("y")..place("y") + place("h") {
                assert!(cells.insert((x, y)), "{title} lies on another panel");
            }
        }
        if panel["type"] == "row" {
            continue;
        }
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        assert!(
            panel["fieldConfig"]["defaults"]["unit"].is_string(),
            "{title}"
        );
        for target in panel["targets"].as_array().unwrap() {
            assert!(target["refId"].is_string(), "{title}");
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{title}");
        }
    }
}

#[test]
fn the_alerts_ask_for_what_there_is_and_say_what_it_means() {
    let all = describe();
    let rules: Value = serde_yaml::from_str(ALERTS).unwrap();
    for rule in rules["groups"][0]["rules"].as_array().unwrap() {
        let name = rule["alert"].as_str().unwrap();
        let labels = check(&all, rule["expr"].as_str().unwrap());
        let severity = rule["labels"]["severity"].as_str().unwrap();
        assert!(["critical", "warning"].contains(&severity), "{name}");
        for text in ["summary", "description"] {
            let text = rule["annotations"][text].as_str().unwrap();
            for label in shown(text, "$labels.") {
                assert!(labels.contains(label), "{name}: {label}");
            }
        }
    }
}
