//! The Dockerfile, without an engine: what it says of files, programs, ports and users is so.

use std::path::Path;

use harness::{made, run, tool};
use tokio::process::Command;

use super::root;

const DOCKERFILE: &str = "proxy/packaging/Dockerfile";

/// Instructions, each on one line, without comments.
fn instructions() -> Vec<String> {
    let text = std::fs::read_to_string(root().join(DOCKERFILE)).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let joined = lines.collect::<Vec<_>>().join("\n").replace("\\\n", " ");
    let lines = joined.lines().filter(|line| !line.trim().is_empty());
    lines.map(str::to_owned).collect()
}

/// What comes after an instruction's name, each time it is given.
fn all(name: &str) -> Vec<String> {
    let instructions = instructions();
    let found = instructions
        .iter()
        .filter_map(|it| it.strip_prefix(name)?.strip_prefix(' '));
    found.map(str::to_owned).collect()
}

/// The same, of one that is given once.
fn only(name: &str) -> String {
    let all = all(name);
    assert_eq!(all.len(), 1, "{name}: {all:?}");
    all[0].clone()
}

/// The words of a command in JSON's form, which no shell touches.
fn words(json: &str) -> Vec<String> {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"))
}

/// What is copied from the repository, and where to.
fn copies() -> Vec<(Vec<String>, String)> {
    let of_repository = all("COPY")
        .into_iter()
        .filter(|it| !it.starts_with("--from"));
    let split = |it: String| {
        let mut words: Vec<_> = it.split_whitespace().map(str::to_owned).collect();
        let to = words.pop().unwrap();
        (words, to)
    };
    of_repository.map(split).collect()
}

#[tokio::test]
async fn a_linter_has_nothing_to_say_against_it() {
    let linter = made("venv").join("bin/hadolint");
    let (said, _) = tool(Command::new(linter).arg(root().join(DOCKERFILE))).await;
    assert_eq!(said, "");
}

/// What it copies is there and not ignored, and cargo needs nothing more to know the whole workspace.
#[tokio::test]
async fn what_is_copied_is_all_that_cargo_needs() {
    let context = tempfile::tempdir().unwrap();
    let ignore =
        std::fs::read_to_string(root().join(format!("{DOCKERFILE}.dockerignore"))).unwrap();
    for from in copies().into_iter().flat_map(|(from, _)| from) {
        let top = from.split('/').next().unwrap();
        let admitted = ignore.lines().any(|line| line == format!("!{top}"));
        assert!(admitted, "{from} is ignored");
        copy(&root().join(&from), &context.path().join(&from)).await;
    }
    let ignored = ignore
        .lines()
        .filter(|line| !line.starts_with(['#', '!', '*']));
    for path in ignored.filter(|line| !line.is_empty()) {
        let path = context.path().join(path);
        std::fs::remove_dir_all(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    }
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--format-version", "1", "--locked", "--offline"]);
    // Of other systems' crates there may be none here.
    cargo.arg(format!(
        "--filter-platform={}-unknown-linux-gnu",
        std::env::consts::ARCH
    ));
    let (said, _) = tool(cargo.current_dir(context.path())).await;
    let known: serde_json::Value = serde_json::from_str(&said).unwrap();
    let members = known["workspace_members"].as_array().unwrap();
    assert_eq!(members.len(), 5, "{members:?}");
    let mut packages = known["packages"].as_array().unwrap().iter();
    let towpath = packages.find(|it| it["name"] == "towpath").unwrap();
    let needed = version(towpath["rust_version"].as_str().unwrap());
    let image = all("FROM")
        .into_iter()
        .find_map(|it| it.strip_prefix("rust:").map(version));
    assert!(
        image.unwrap() >= needed,
        "{image:?} is older than {needed:?}"
    );
}

/// Of `1.95-slim-trixie`, 1 and 95.
fn version(of: &str) -> (u32, u32) {
    let digits = of.split('-').next().unwrap();
    let (major, minor) = digits.split_once('.').expect("two numbers");
    let minor = minor.split('.').next().unwrap();
    (major.parse().unwrap(), minor.parse().unwrap())
}

async fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to.parent().unwrap()).unwrap();
    tool(Command::new("cp").arg("-r").args([from, to])).await;
}

#[tokio::test]
async fn what_it_runs_are_verbs_of_the_program() {
    let build = all("RUN")
        .into_iter()
        .find(|it| it.contains("cargo build"))
        .unwrap();
    assert!(build.contains("--package towpath --bin towpath"), "{build}");
    let (from, to) = ("target/release/towpath", "/out/towpath");
    assert!(build.ends_with(&format!("{from} {to}")), "{build}");
    assert!(all("COPY").contains(&format!("--from=build {to} /usr/bin/towpath")));
    assert_eq!(words(&only("ENTRYPOINT")), ["/usr/bin/towpath"]);

    let (_, check) = only("HEALTHCHECK")
        .split_once(" CMD ")
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    let check = words(&check);
    assert_eq!(check[0], "towpath");
    for verb in [&words(&only("CMD"))[..], &check[1..]] {
        let verb: Vec<_> = verb.iter().map(String::as_str).chain(["--help"]).collect();
        let (code, _, errors) = run(&verb, "").await;
        assert_eq!(code, Some(0), "{verb:?}: {errors}");
    }
}

#[tokio::test]
async fn its_configuration_is_where_it_is_looked_for_and_says_its_port() {
    let packaged = "proxy/packaging/towpath.yaml".to_owned();
    let copies = copies();
    let (_, to) = copies
        .iter()
        .find(|(from, _)| from.contains(&packaged))
        .unwrap();
    let (_, help, _) = run(&["run", "--help"], "").await;
    let help: String = help.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(help.contains(&format!("[default: {to}]")), "{to}: {help}");

    let text = std::fs::read_to_string(root().join(packaged)).unwrap();
    let port = only("EXPOSE");
    assert!(
        text.contains(&format!("address: 0.0.0.0:{port}\n")),
        "{text}"
    );
    // What the health check asks.
    assert!(text.contains("\nadmin:\n"), "{text}");
}

#[test]
fn it_is_nobody_of_importance_and_is_told_to_drain() {
    let user = only("USER");
    let (uid, gid) = user.split_once(':').expect("a user and a group");
    assert!(
        uid.parse::<u32>().unwrap() > 0 && gid.parse::<u32>().unwrap() > 0,
        "{user}"
    );
    assert!(
        all("RUN")
            .iter()
            .any(|it| it.contains(&format!("--uid {uid} ")))
    );
    assert_eq!(only("STOPSIGNAL"), "SIGTERM");
}
