//! The program under test. It is built once per test run, in the test's own profile and target directory, so
//! that no story ever tells of yesterday's binary; `TOWPATH_BINARY` names another one to be put to the test.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use tokio::io::AsyncWriteExt;

use crate::within;

/// A command that runs Towpath with `arguments`.
pub fn command<'a>(arguments: impl IntoIterator<Item = &'a str>) -> tokio::process::Command {
    command_of(binary(), arguments)
}

/// A command that runs another program file with `arguments`.
pub(crate) fn command_of<'a>(
    program: &Path,
    arguments: impl IntoIterator<Item = &'a str>,
) -> tokio::process::Command {
    let mut command = tokio::process::Command::new(program);
    command.args(arguments).kill_on_drop(true);
    command
}

/// Runs to the end; gives the exit code, standard output and standard error.
pub async fn run(arguments: &[&str], input: &str) -> (Option<i32>, String, String) {
    let mut command = command(arguments.iter().copied());
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    process
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .await
        .unwrap();
    let Output {
        status,
        stdout,
        stderr,
    } = within("the command ends", process.wait_with_output())
        .await
        .unwrap();
    (
        status.code(),
        String::from_utf8(stdout).unwrap(),
        String::from_utf8(stderr).unwrap(),
    )
}

/// The program itself.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| std::env::var_os("TOWPATH_BINARY").map_or_else(build, PathBuf::from))
}

/// `--workspace` and `--test` have features resolved as `cargo test --workspace` does, dev-dependencies included;
/// otherwise most dependencies would be built a second time.
fn build() -> PathBuf {
    let profile = profile_directory();
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args([
            "build",
            "--quiet",
            "--workspace",
            "--bin",
            "towpath",
            "--test",
            "e2e",
        ])
        .arg("--target-dir")
        .arg(target_directory());
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    // What cargo has told this test of its own package. Build scripts look at it, and with other words in it than in a
    // build by hand, ring and all that is above it would be built again, each time.
    for (name, _) in std::env::vars_os() {
        let is_of_package =
            |name: &str| name == "CARGO_MANIFEST_DIR" || name.starts_with("CARGO_PKG_");
        if name.to_str().is_some_and(is_of_package) {
            cargo.env_remove(name);
        }
    }
    let status = cargo.status().expect("cargo can be run");
    assert!(status.success(), "building towpath failed: {status}");
    profile.join("towpath")
}

/// Where this test's own binary is: `target/debug/deps/e2e-…` → `target/debug`.
fn profile_directory() -> PathBuf {
    let own = std::env::current_exe().expect("a test knows its own path");
    own.ancestors()
        .nth(2)
        .expect("target/PROFILE/deps/TEST")
        .to_owned()
}

/// Where all that is built goes.
pub(crate) fn target_directory() -> PathBuf {
    profile_directory()
        .parent()
        .expect("target/PROFILE")
        .to_owned()
}
