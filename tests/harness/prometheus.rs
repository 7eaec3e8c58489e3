//! The real Prometheus: it asks a Towpath for its metrics, and is asked for what it has made of them; and promtool.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::lines::Lines;
use crate::peer::made;
use crate::{HttpClient, Towpath, within};

/// Nobody else's: a port that is free here stays free.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 77);

/// A running Prometheus; it ends when this is dropped.
#[derive(Debug)]
pub struct Prometheus {
    address: SocketAddr,
    said: Lines,
    _process: Child,
    _directory: TempDir,
}

impl Prometheus {
    /// One that asks `towpath` every second, as the job `towpath`, and evaluates these rules.
    pub async fn start(towpath: &Towpath, rules: &Path) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = format!(
            "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\n\
             rule_files: [{}]\n\
             scrape_configs: [{{ job_name: towpath, static_configs: [{{ targets: [\"{}\"] }}] }}]\n",
            rules.display(),
            towpath.admin()
        );
        let file = directory.path().join("prometheus.yaml");
        std::fs::write(&file, config).unwrap();
        let free = TcpListener::bind((ADDRESS, 0)).unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let mut process = Command::new(made("prometheus/usr/bin/prometheus"))
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                directory.path().display()
            ))
            .arg(format!("--web.listen-address={address}"))
            .kill_on_drop(true)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = Lines::collect(process.stderr.take().unwrap());
        let is_ready = |line: &str| line.contains("Server is ready").then_some(());
        said.find("Prometheus is ready", is_ready).await;
        Self {
            address,
            said,
            _process: process,
            _directory: directory,
        }
    }

    /// The samples that an expression gives now.
    pub async fn query(&self, expression: &str) -> Vec<Value> {
        let encoded: String = expression
            .bytes()
            .map(|byte| format!("%{byte:02X}"))
            .collect();
        let answer = self.ask(&format!("/api/v1/query?query={encoded}")).await;
        assert_eq!(answer["status"], "success", "{expression}: {answer}");
        answer["data"]["result"].as_array().unwrap().clone()
    }

    /// Its rules, as it says them.
    pub async fn rules(&self) -> Vec<Value> {
        let answer = self.ask("/api/v1/rules").await;
        let groups = answer["data"]["groups"].as_array().unwrap();
        let rules = groups.iter().flat_map(|it| it["rules"].as_array().unwrap());
        rules.cloned().collect()
    }

    async fn ask(&self, path: &str) -> Value {
        let mut client = HttpClient::connect(self.address).await;
        let (_, content) = client.get(path).await;
        serde_json::from_slice(&content).unwrap()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- Prometheus said\n{}", self.said.all().join("\n"));
        }
    }
}

/// Runs promtool to its good end; gives what it says.
pub async fn promtool(arguments: &[&str]) -> String {
    let mut command = Command::new(made("prometheus/usr/bin/promtool"));
    command.args(arguments).kill_on_drop(true);
    let output = within("promtool ends", command.output()).await.unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "promtool {arguments:?}: {said}");
    said
}
