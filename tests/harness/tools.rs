//! Programs that everybody has: clients (curl, openssl), and what judges files.

use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

use crate::within;

/// Runs curl, silently; gives what it prints. It must succeed.
pub async fn curl(arguments: &[&str]) -> String {
    let output = run_curl(arguments).await;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "curl {arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// Runs curl, which must fail; gives what it complains of.
pub async fn curl_fails(arguments: &[&str]) -> String {
    let output = run_curl(arguments).await;
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success(), "curl {arguments:?}: {said}");
    String::from_utf8(output.stderr).unwrap()
}

async fn run_curl(arguments: &[&str]) -> Output {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error"]).args(arguments);
    command.kill_on_drop(true).stdin(Stdio::null());
    within("curl ends", command.output()).await.unwrap()
}

/// Some have work to do, such as compressing a package.
const PATIENCE: Duration = Duration::from_secs(300);

/// Runs a program, whose arguments and surroundings the story has chosen; gives what it prints, and what it complains of.
/// It must succeed.
pub async fn tool(command: &mut Command) -> (String, String) {
    command.kill_on_drop(true).stdin(Stdio::null());
    let what = format!("{:?}", command.as_std());
    let output = timeout(PATIENCE, command.output()).await;
    let output = output.unwrap_or_else(|_| panic!("waited {PATIENCE:?} in vain: {what}"));
    let output = output.unwrap_or_else(|error| panic!("{what}: {error}; run `tests/setup all`"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{what}: {said}{errors}");
    (said, errors)
}

/// Runs `openssl s_client` without anything to say; gives what it prints of the handshake.
pub async fn s_client(address: std::net::SocketAddr, arguments: &[&str]) -> String {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", &address.to_string()]);
    command.args(arguments).kill_on_drop(true);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    let mut input = process.stdin.take().unwrap();
    // It reads its input to the end, and then hangs up.
    let _ = input.shutdown().await;
    drop(input);
    let output = within("openssl ends", process.wait_with_output())
        .await
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&said).into_owned()
}
