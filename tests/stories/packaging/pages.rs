//! Man pages and completions, judged by what reads them.

use std::path::Path;

use harness::{run, tool};
use tempfile::TempDir;
use tokio::process::Command;

use super::names;

async fn pages() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    let (code, _, errors) = run(&["man", "--directory", path], "").await;
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    directory
}

/// As lintian reads them.
#[tokio::test]
async fn man_has_nothing_to_say_against_its_pages() {
    let pages = pages().await;
    let names = names(pages.path());
    assert!(names.len() > 10, "{names:?}");
    for name in names {
        let mut man = Command::new("man");
        man.args(["--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z"]);
        man.arg(pages.path().join(&name));
        man.env("LC_ALL", "C.UTF-8")
            .env("MANROFFSEQ", "")
            .env("MANWIDTH", "80");
        let (_, warnings) = tool(&mut man).await;
        assert_eq!(warnings, "", "{name}");
    }
}

#[tokio::test]
async fn every_page_that_one_refers_to_is_there() {
    let pages = pages().await;
    let (code, main, _) = run(&["man"], "").await;
    assert_eq!(code, Some(0));
    let verbs = main.lines().filter_map(|line| line.strip_suffix("(1)"));
    let mut referred: Vec<_> = verbs.map(|it| it.replace("\\-", "-") + ".1").collect();
    assert!(
        referred.contains(&"towpath-healthcheck.1".to_owned()),
        "{main}"
    );
    referred.push("towpath.1".to_owned());
    referred.sort();
    assert_eq!(names(pages.path()), referred);
}

#[tokio::test]
async fn shells_can_read_their_completions() {
    let directory = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let script = completions(shell, directory.path()).await;
        let mut check = Command::new(shell);
        let (_, errors) = tool(check.args(["-n", &script])).await;
        assert_eq!(errors, "", "{shell}");
    }
}

#[tokio::test]
async fn bash_completes_a_verb() {
    const TYPED: &str = r#". "$0"; COMP_WORDS=(towpath heal); COMP_CWORD=1
        _towpath towpath heal towpath; echo "${COMPREPLY[@]}""#;
    let directory = tempfile::tempdir().unwrap();
    let script = completions("bash", directory.path()).await;
    let (completed, _) = tool(Command::new("bash").args(["-c", TYPED, &script])).await;
    assert_eq!(completed, "healthcheck\n");
}

/// The file of a shell's completions.
async fn completions(shell: &str, directory: &Path) -> String {
    let (code, script, _) = run(&["completions", shell], "").await;
    assert_eq!(code, Some(0), "{shell}");
    let file = directory.join(shell);
    std::fs::write(&file, script).unwrap();
    file.to_str().unwrap().to_owned()
}
