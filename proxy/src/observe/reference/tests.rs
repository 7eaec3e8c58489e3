#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]
use std::path::Path;

use super::*;

mod asked;

#[test]
fn the_list_of_metrics_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("METRICS.md");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, reference()).unwrap();
    }
    let checked_in = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(
        checked_in,
        reference(),
        "run: towpath metrics > proxy/METRICS.md"
    );
}

#[test]
fn every_metric_says_what_it_means_and_what_its_labels_may_be() {
    let all = describe();
    assert!(all.len() > 40, "{} metrics", all.len());
    for (name, described) in &all {
        assert!(described.help.len() > 10, "{name}: {described:?}");
        assert!(!described.kind.is_empty(), "{name}: {described:?}");
        let has_unit = ["_total", "_bytes", "_seconds"]
            .iter()
            .any(|it| name.ends_with(it));
        assert_eq!(
            described.kind == "counter",
            name.ends_with("_total"),
            "{name}"
        );
        assert!(
            has_unit || described.kind == "gauge",
            "{name}: a histogram has a unit"
        );
    }
    let closed = &all["towpath_tunnels_closed_total"].labels;
    let count = |label: &str| closed.get(label).map(BTreeSet::len);
    assert_eq!(
        [count("route"), count("ended_by"), count("code")],
        [Some(1), Some(16), Some(20)],
        "{closed:?}"
    );
}
