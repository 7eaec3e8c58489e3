//! The clients' side of the peers: `checklist.mjs` and its like, run to their end.

use std::collections::BTreeMap;

use serde_json::Value;
use tokio::process::Command;

use crate::deadline::within_each;
use crate::peer::{node, python};

/// Events that a script may wait for, each for long: its start, a page, what the page shows.
const EVENTS: u32 = 3;

/// What each check has seen, by its name.
pub type Checks = BTreeMap<String, Value>;

/// Runs a checklist of `tests/peers/node`: against a URL, the first of `arguments`. Every check must hold.
pub async fn checklist(script: &str, arguments: &[&str]) -> Checks {
    all_hold(node(script), arguments).await
}

/// The same for a checklist of `tests/peers/python`.
pub async fn python_checklist(script: &str, arguments: &[&str]) -> Checks {
    all_hold(python(script), arguments).await
}

async fn all_hold(mut command: Command, arguments: &[&str]) -> Checks {
    command.args(arguments);
    let what = format!("{command:?}");
    let output = run(command).await;
    let checks: Checks = output.lines().map(|line| held(line, &output)).collect();
    assert!(!checks.is_empty(), "{what} said nothing");
    checks
}

impl crate::Peer {
    /// Runs a client of `tests/peers/python` against `url`, to its good end.
    pub async fn python_client(script: &str, url: &str) {
        let mut command = python(script);
        command.arg(url);
        assert_eq!(run(command).await, "ok\n");
    }

    /// Runs a client of `tests/peers/node` against `url`; gives what it prints.
    pub async fn node_client(script: &str, arguments: &[&str]) -> String {
        let mut command = node(script);
        command.args(arguments);
        run(command).await
    }
}

async fn run(mut command: Command) -> String {
    command.kill_on_drop(true);
    let ends = format!("{command:?} ends");
    let output = within_each(EVENTS, ends, command.output()).await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{command:?}: {}\n{said}{errors}",
        output.status
    );
    said
}

fn held(line: &str, output: &str) -> (String, Value) {
    let check: Value = serde_json::from_str(line).unwrap();
    assert_eq!(check["ok"], true, "a check failed:\n{output}");
    (
        check["check"].as_str().unwrap().to_owned(),
        check["seen"].clone(),
    )
}
