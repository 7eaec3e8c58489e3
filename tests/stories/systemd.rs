//! Under systemd: what it is told, and sockets that it holds.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::process::Stdio;

use harness::{
    NOBODY, Notice, ServiceManager, Signal, Towpath, TungstenitePeer, binary, command, echo, open,
};
use tokio::process::Command;

/// The number in a notice.
fn number(notice: &Notice, key: &str) -> u64 {
    let value = notice
        .value(key)
        .unwrap_or_else(|| panic!("no {key} in {notice:?}"));
    value.parse().unwrap_or_else(|_| panic!("{key}={value}"))
}

#[tokio::test]
async fn it_is_told_of_readiness_reloads_and_the_end() {
    let mut systemd = ServiceManager::start();
    let socket = systemd.socket();
    let config = format!("drain: {{ timeout: 40s }}\nroutes: [{{ upstream: {NOBODY} }}]");
    let mut towpath = Towpath::start_by(&config, |file| {
        let mut command = command(["run", "-c", file]);
        command.env("NOTIFY_SOCKET", socket);
        command
    })
    .await;
    let ready = |notice: &Notice| notice.value("READY") == Some("1");
    let first = systemd.next("that it serves").await;
    assert!(ready(&first), "{first:?}");
    assert_eq!(first.pid, towpath.pid());

    for config in [config.as_str(), "routes: nonsense"] {
        towpath.rewrite(config);
        towpath.signal(Signal::HUP);
        let reloading = systemd.hears("RELOADING", |_| true).await;
        // Of the machine, not of the day: in the same message, or systemd ends the service.
        assert!(number(&reloading, "MONOTONIC_USEC") > 0);
        systemd.hears("READY", ready).await;
    }

    towpath.signal(Signal::TERM);
    systemd
        .hears("STOPPING", |it| it.value("STOPPING") == Some("1"))
        .await;
    let longer = systemd.hears("EXTEND_TIMEOUT_USEC", |_| true).await;
    assert_eq!(number(&longer, "EXTEND_TIMEOUT_USEC"), 45_000_000);
    assert_eq!(towpath.exit_code().await, Some(0));
}

/// One process at a time says that the service lives, or a new one that hangs would never be noticed.
#[tokio::test]
async fn the_watchdog_hears_the_process_that_is_the_service() {
    let peer = TungstenitePeer::start().await;
    let mut systemd = ServiceManager::start();
    let (socket, home) = (systemd.socket(), systemd.runtime_directory().to_owned());
    let config = format!("routes: [{{ upstream: {} }}]", peer.address());
    let mut towpath = Towpath::start_by(&config, |file| {
        let mut command = command(["run", "-c", file]);
        command.env("NOTIFY_SOCKET", socket);
        command.env("WATCHDOG_USEC", "100000");
        command.env("RUNTIME_DIRECTORY", &home);
        command
    })
    .await;
    for _ in 0..3 {
        let alive = systemd.hears("WATCHDOG", |_| true).await;
        assert_eq!(
            (alive.pid, alive.value("WATCHDOG")),
            (towpath.pid(), Some("1"))
        );
    }
    // With it, the old process stays.
    let mut tunnel = towpath.websocket("/echo").await;

    towpath.signal(Signal::USR2);
    let ready = systemd.hears("READY", |_| true).await;
    assert_ne!(ready.pid, towpath.pid(), "it is the new one that says so");
    let main = systemd.hears("MAINPID", |it| it.pid == towpath.pid()).await;
    assert_eq!(number(&main, "MAINPID"), u64::from(ready.pid));
    let homes = std::fs::read_dir(&home).unwrap();
    let mut names = homes.map(|it| it.unwrap().file_name().into_string().unwrap());
    assert!(
        names.any(|name| name.starts_with("towpath-")),
        "no directory of its own"
    );

    // What the old one was just about to say is past with the first of these.
    let successor = |notice: &Notice| notice.pid == ready.pid;
    systemd.hears("WATCHDOG", successor).await;
    systemd.hears("WATCHDOG", successor).await;
    for _ in 0..4 {
        let alive = systemd.next("who is the service").await;
        assert_eq!((alive.pid, alive.value("WATCHDOG")), (ready.pid, Some("1")));
    }
    assert_eq!(echo(&mut tunnel, "still here").await, "still here");
    assert!(towpath.is_alive());
    end(ready.pid);
    tunnel.close(None).await.unwrap();
    assert_eq!(towpath.exit_code().await, Some(0));
}

/// A socket that listens before the process does, and after: whoever connects meanwhile has to wait, and no more.
#[tokio::test]
async fn a_socket_of_systemds_outlives_the_process() {
    let peer = TungstenitePeer::start().await;
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let config = format!(
        "listeners: [{{ address: {address} }}]\nroutes: [{{ upstream: {} }}]",
        peer.address()
    );
    let mut early = tokio::spawn(open(address, "/echo"));
    for _ in 0..2 {
        let copy = socket.try_clone().unwrap();
        let mut towpath = Towpath::start_by(&config, |file| activated(copy, file)).await;
        let mut tunnel = early.await.unwrap();
        assert_eq!(
            echo(&mut tunnel, "by systemd's socket").await,
            "by systemd's socket"
        );
        towpath.signal(Signal::TERM);
        harness::closed(tunnel).await;
        assert_eq!(towpath.exit_code().await, Some(0));
        early = tokio::spawn(open(address, "/echo"));
    }
    early.abort();
}

/// The convention of sd_listen_fds(3): sockets from descriptor 3 on, for the process that is named.
fn activated(socket: TcpListener, file: &str) -> Command {
    const SCRIPT: &str = r#"LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" run -c "$1" 3<&0 0</dev/null"#;
    let mut command = Command::new("sh");
    command.args(["-c", SCRIPT, binary().to_str().unwrap(), file]);
    command.stdin(Stdio::from(OwnedFd::from(socket)));
    command.kill_on_drop(true);
    command
}

/// A process that is nobody's child here.
fn end(pid: u32) {
    let pid = rustix::process::Pid::from_raw(pid.try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, Signal::KILL).unwrap();
}
